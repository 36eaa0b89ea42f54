#include "compiler/import/onnx/AttributeImport.h"

#include "compiler/base/Quoted.h"
#include "compiler/import/onnx/TensorImport.h"

using namespace mlir;
using namespace bluec;

// Axes, pads, perms and the like have a handful of values.
static constexpr int kMaxValues = 4096;

llvm::Expected<Attribute> bluec::importAttribute(const OnnxFile &file,
                                                 const ::onnx::AttributeProto &attribute,
                                                 Builder &builder) {
  auto fault = [&](const llvm::Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "attribute " + inQuotes(attribute.name()) + ": " + message);
  };
  if (!attribute.ref_attr_name().empty())
    return fault("expected a value, found a reference to a function's attribute");
  // Files before IR version 3 may leave the type out.
  int type = attribute.type();
  if (type == ::onnx::AttributeProto::UNDEFINED)
    type = attribute.has_i()       ? ::onnx::AttributeProto::INT
           : attribute.has_f()     ? ::onnx::AttributeProto::FLOAT
           : attribute.has_s()     ? ::onnx::AttributeProto::STRING
           : attribute.has_t()     ? ::onnx::AttributeProto::TENSOR
           : attribute.ints_size() ? ::onnx::AttributeProto::INTS
                                   : ::onnx::AttributeProto::FLOATS;
  switch (type) {
  case ::onnx::AttributeProto::INT:
    return builder.getI64IntegerAttr(attribute.i());
  case ::onnx::AttributeProto::FLOAT:
    return builder.getF32FloatAttr(attribute.f());
  case ::onnx::AttributeProto::STRING:
    return builder.getStringAttr(attribute.s());
  case ::onnx::AttributeProto::INTS:
    if (attribute.ints_size() > kMaxValues)
      return fault("expected at most " + llvm::Twine(kMaxValues) + " values, found " +
                   llvm::Twine(attribute.ints_size()));
    return builder.getDenseI64ArrayAttr(
        SmallVector<int64_t>(attribute.ints().begin(), attribute.ints().end()));
  case ::onnx::AttributeProto::FLOATS:
    if (attribute.floats_size() > kMaxValues)
      return fault("expected at most " + llvm::Twine(kMaxValues) + " values, found " +
                   llvm::Twine(attribute.floats_size()));
    return builder.getDenseF32ArrayAttr(
        SmallVector<float>(attribute.floats().begin(), attribute.floats().end()));
  case ::onnx::AttributeProto::TENSOR: {
    llvm::Expected<TensorData> data = file.data(attribute.t(), builder.getContext());
    if (!data)
      return fault(llvm::toString(data.takeError()));
    if (data->numElements > kMaxInlineElements)
      return fault("expected at most " + llvm::Twine(kMaxInlineElements) + " elements, found " +
                   llvm::Twine(data->numElements));
    return denseElements(*data);
  }
  default:
    return fault("expected a number, a string, a list of numbers or a tensor");
  }
}
