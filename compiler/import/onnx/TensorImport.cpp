#include "compiler/import/onnx/TensorImport.h"

#include "compiler/base/Quoted.h"
#include "compiler/dialect/onnx/DataTypes.h"
#include "compiler/dialect/onnx/Onnx.h"

using namespace mlir;
using namespace bluec;

DenseElementsAttr bluec::denseElements(const TensorData &data) {
  auto type = RankedTensorType::get(data.shape, data.elementType);
  if (data.elementType.isInteger(1)) {
    // A byte each in ONNX, whatever MLIR makes of it.
    SmallVector<bool> values;
    for (char value : data.bytes)
      values.push_back(value != 0);
    return DenseElementsAttr::get(type, values);
  }
  if (data.numElements == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  if (data.elementType.getIntOrFloatBitWidth() == 4) {
    SmallVector<APInt> values;
    for (int64_t i = 0; i < data.numElements; ++i) {
      auto byte = static_cast<uint8_t>(data.bytes[static_cast<size_t>(i / 2)]);
      values.emplace_back(4, i % 2 == 0 ? byte & 15u : byte >> 4u);
    }
    return DenseElementsAttr::get(type, values);
  }
  return DenseElementsAttr::getFromRawBuffer(type, data.bytes);
}

llvm::Expected<Value> bluec::importTensor(const OnnxFile &file, const ::onnx::TensorProto &tensor,
                                          StringRef name, OpBuilder &builder, Location loc) {
  auto fault = [&](const llvm::Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "tensor " + inQuotes(name) + ": " + message);
  };
  llvm::Expected<TensorData> data = file.data(tensor, builder.getContext());
  if (!data)
    return fault(llvm::toString(data.takeError()));
  auto type = RankedTensorType::get(data->shape, data->elementType);
  if (data->numElements > kMaxInlineElements && !data->file.empty()) {
    auto source = blue::SourceAttr::get(builder.getContext(), data->file, data->offset, type);
    return Value(onnx::WeightOp::create(builder, loc, type, builder.getStringAttr(name), source,
                                        builder.getArrayAttr({})));
  }
  if (data->numElements > kMaxCopiedElements)
    return fault("expected raw_data or external data for " + llvm::Twine(data->numElements) +
                 " elements, found them stored one by one");
  return Value(onnx::ConstantOp::create(builder, loc, type, denseElements(*data)));
}
