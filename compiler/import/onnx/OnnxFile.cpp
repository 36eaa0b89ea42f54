#include "compiler/import/onnx/OnnxFile.h"

#include "compiler/base/Quoted.h"
#include "compiler/dialect/onnx/DataTypes.h"
#include "compiler/import/onnx/WireFormat.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/unknown_field_set.h>

#include <cstring>
#include <limits>

using namespace bluec;
using llvm::Error;
using llvm::Expected;

static Error fault(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// The version of the standard operators; 0: none.
static int64_t
standardOpset(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto> &imports) {
  int64_t version = 0;
  for (const ::onnx::OperatorSetIdProto &opset : imports)
    if (opset.domain().empty() || opset.domain() == "ai.onnx")
      version = std::max<int64_t>(version, opset.version());
  return version;
}

static Error checkOpset(int64_t version) {
  constexpr int64_t kMin = OnnxFile::kMinOpset, kMax = OnnxFile::kMaxOpset;
  if (version >= kMin && version <= kMax)
    return Error::success();
  return fault("expected opset " + llvm::Twine(kMin) + " to " + llvm::Twine(kMax) + ", found " +
               (version ? llvm::Twine(version) : llvm::Twine("none")));
}

Expected<std::unique_ptr<OnnxFile>> OnnxFile::open(ModelFiles &files, llvm::StringRef name) {
  Expected<llvm::ArrayRef<char>> bytes = files.bytes(name);
  if (!bytes)
    return bytes.takeError();
  Expected<std::string> stripped = stripTensorData(*bytes);
  if (!stripped)
    return stripped.takeError();
  auto file = std::make_unique<OnnxFile>();
  file->files = &files;
  file->fileName = name.str();
  {
    // Quiet: what is wrong is said in our own words, and strings need not be UTF-8.
    google::protobuf::LogSilencer silence;
    google::protobuf::io::CodedInputStream stream(
        reinterpret_cast<const uint8_t *>(stripped->data()), static_cast<int>(stripped->size()));
    if (!file->proto.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
      return fault("expected an ONNX model, found bytes that are not one");
  }
  if (!file->proto.has_graph())
    return fault("expected an ONNX model, found one without a graph");
  file->version = standardOpset(file->proto.opset_import());
  if (Error error = checkOpset(file->version))
    return error;
  // Functions may ask for another version than the graph; where they ask for none they have no
  // standard operators.
  for (const ::onnx::FunctionProto &function : file->proto.functions())
    if (int64_t version = standardOpset(function.opset_import()))
      if (Error error = checkOpset(version))
        return fault("function " + inQuotes(function.name()) + ": " +
                     llvm::toString(std::move(error)));
  return file;
}

// The number in an external_data entry.
static Expected<int64_t> parseNumber(const std::string &key, const std::string &text) {
  int64_t value;
  if (!llvm::to_integer(text, value, 10) || value < 0)
    return fault("expected a number for external data's " + key + ", found " + inQuotes(text));
  return value;
}

Error OnnxFile::findExternal(const ::onnx::TensorProto &tensor, int64_t expected,
                             TensorData &data) const {
  std::string location;
  int64_t offset = 0, length = expected;
  for (const ::onnx::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      Expected<int64_t> value = parseNumber(entry.key(), entry.value());
      if (!value)
        return value.takeError();
      (entry.key() == "offset" ? offset : length) = *value;
    }
  }
  if (length != expected)
    return fault("expected " + llvm::Twine(expected) + " bytes of external data, found " +
                 llvm::Twine(length));
  // Names are relative to the .onnx file's folder, which may be a subfolder of the model's.
  llvm::SmallString<128> name = llvm::sys::path::parent_path(fileName);
  if (llvm::sys::path::is_absolute(location))
    name = location; // refused when it is opened
  else
    llvm::sys::path::append(name, location);
  if (location.empty())
    name.clear();
  Expected<llvm::ArrayRef<char>> bytes = files->bytes(name);
  if (!bytes)
    return fault("external data " + inQuotes(location) + ": " + llvm::toString(bytes.takeError()));
  auto size = static_cast<int64_t>(bytes->size());
  if (offset > size || length > size - offset)
    return fault("external data " + inQuotes(location) + ": expected " + llvm::Twine(length) +
                 " bytes at " + llvm::Twine(offset) + ", found a file of " + llvm::Twine(size));
  data.bytes = bytes->slice(static_cast<size_t>(offset), static_cast<size_t>(length));
  data.file = std::string(name);
  data.offset = offset;
  return Error::success();
}

// Appends the low bytes of each element of a repeated field.
template <typename Repeated>
static void appendElements(const Repeated &elements, int64_t bytesEach, std::vector<char> &out) {
  for (auto element : elements) {
    char buffer[sizeof(element)];
    std::memcpy(buffer, &element, sizeof(element));
    out.insert(out.end(), buffer, buffer + bytesEach);
  }
}

// Data that is stored element by element, as the bytes that raw_data would have.
static std::vector<char> collectTyped(const ::onnx::TensorProto &tensor, int64_t bytesEach) {
  std::vector<char> out;
  switch (tensor.data_type()) {
  case 1:
    appendElements(tensor.float_data(), bytesEach, out);
    break;
  case 11:
    appendElements(tensor.double_data(), bytesEach, out);
    break;
  case 7:
    appendElements(tensor.int64_data(), bytesEach, out);
    break;
  case 12:
  case 13:
    appendElements(tensor.uint64_data(), bytesEach, out);
    break;
  default: // everything narrower, half floats as their bits
    appendElements(tensor.int32_data(), bytesEach, out);
  }
  return out;
}

Expected<TensorData> OnnxFile::data(const ::onnx::TensorProto &tensor,
                                    mlir::MLIRContext *context) const {
  TensorData data;
  data.elementType = onnx::elementTypeOf(context, tensor.data_type());
  if (!data.elementType)
    return fault("expected an element type that bluec has, found " +
                 onnx::dataTypeName(tensor.data_type()));
  int64_t count = 1;
  constexpr int kMaxRank = 32;
  if (tensor.dims_size() > kMaxRank)
    return fault("expected a rank of at most " + llvm::Twine(kMaxRank) + ", found " +
                 llvm::Twine(tensor.dims_size()));
  for (int64_t dim : tensor.dims()) {
    if (dim < 0)
      return fault("expected dims of at least 0, found " + llvm::Twine(dim));
    if (__builtin_mul_overflow(count, dim, &count))
      return fault("expected a shape whose elements can be counted, found dims that overflow");
    data.shape.push_back(dim);
  }
  // A zero dim among huge ones still has to give a type that can be built.
  for (int64_t dim : data.shape)
    if (dim > (int64_t{1} << 32))
      return fault("expected dims of at most 4294967296, found " + llvm::Twine(dim));
  std::optional<int64_t> counted = onnx::bytesOf(data.elementType, count);
  if (!counted)
    return fault("expected a shape whose bytes can be counted, found dims that overflow");
  int64_t expected = *counted;
  data.numElements = count;
  if (tensor.has_segment())
    return fault("expected a tensor in one piece, found a segment");
  if (tensor.data_location() == ::onnx::TensorProto::EXTERNAL) {
    if (Error error = findExternal(tensor, expected, data))
      return error;
    return data;
  }
  std::optional<uint64_t> offset, length;
  const google::protobuf::UnknownFieldSet &extra = tensor.unknown_fields();
  for (int i = 0; i < extra.field_count(); ++i) {
    const google::protobuf::UnknownField &field = extra.field(i);
    if (field.type() != google::protobuf::UnknownField::TYPE_VARINT)
      continue;
    if (field.number() == kDataOffsetField)
      offset = field.varint();
    if (field.number() == kDataLengthField)
      length = field.varint();
  }
  if (offset && length) {
    Expected<llvm::ArrayRef<char>> bytes = files->bytes(fileName);
    if (!bytes)
      return bytes.takeError();
    if (*length != static_cast<uint64_t>(expected))
      return fault("expected " + llvm::Twine(expected) + " bytes of data, found " +
                   llvm::Twine(*length));
    data.bytes = bytes->slice(*offset, *length); // both come from reading this very file
    data.file = fileName;
    data.offset = static_cast<int64_t>(*offset);
    return data;
  }
  // What packs two elements in a byte has a byte in each entry.
  int64_t bytesEach = onnx::bytesOf(data.elementType, 1).value_or(1);
  data.own = collectTyped(tensor, bytesEach);
  if (static_cast<int64_t>(data.own.size()) != expected)
    return fault("expected " + llvm::Twine(expected / bytesEach) + " elements of data, found " +
                 llvm::Twine(static_cast<int64_t>(data.own.size()) / bytesEach));
  data.bytes = data.own;
  return data;
}
