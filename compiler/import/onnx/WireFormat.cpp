#include "compiler/import/onnx/WireFormat.h"

#include "llvm/ADT/StringRef.h"

#include <limits>

using llvm::createStringError;
using llvm::Error;
using llvm::inconvertibleErrorCode;

namespace {

// Only messages on a way to a tensor are looked into.
enum class Message { Model, Function, Graph, Node, Attribute, Tensor, Opaque };

// What kind of message field `field` of `message` is. Numbers as in ONNX's onnx.proto.
Message childOf(Message message, uint64_t field) {
  switch (message) {
  case Message::Model:
    return field == 7 ? Message::Graph : field == 25 ? Message::Function : Message::Opaque;
  case Message::Function:
    return field == 7 ? Message::Node : field == 11 ? Message::Attribute : Message::Opaque;
  case Message::Graph:
    return field == 1 ? Message::Node : field == 5 ? Message::Tensor : Message::Opaque;
  case Message::Node:
    return field == 5 ? Message::Attribute : Message::Opaque;
  case Message::Attribute:
    if (field == 5 || field == 10)
      return Message::Tensor;
    return field == 6 || field == 11 ? Message::Graph : Message::Opaque;
  default:
    return Message::Opaque;
  }
}

constexpr uint64_t kFloatData = 4, kRawData = 9, kDoubleData = 10;
// Graphs inside nodes of graphs inside nodes...; real ones have one level.
constexpr int kMaxDepth = 40;
// Everything but the tensors' bytes; real models have a few megabytes in some hundred thousand
// fields. Parsed messages take up to a hundred times their bytes, so both have a limit.
constexpr size_t kMaxStripped = size_t{64} << 20;
constexpr int64_t kMaxFields = int64_t{4} << 20;

class Stripper {
public:
  explicit Stripper(llvm::ArrayRef<char> file) : file(file) {}

  Error strip(size_t begin, size_t end, Message message, int depth, std::string &out) {
    if (depth > kMaxDepth)
      return fault(begin, "graphs nested too deep");
    bool hasData = false;
    size_t at = begin;
    while (at < end) {
      size_t start = at;
      uint64_t tag;
      if (++numFields > kMaxFields)
        return fault(at, "more than four million fields");
      if (!readVarint(at, end, tag))
        return fault(at, "a broken field tag");
      // Protobuf's own parser drops the upper bits, and would see another field than this one does.
      if (tag > std::numeric_limits<uint32_t>::max())
        return fault(start, "a field tag beyond 32 bits");
      uint64_t field = tag >> 3;
      size_t payload = at;
      uint64_t length = 0;
      switch (tag & 7) {
      case 0:
        if (uint64_t value; !readVarint(at, end, value))
          return fault(at, "a broken number");
        break;
      case 1:
        length = 8;
        break;
      case 2:
        if (!readVarint(at, end, length))
          return fault(at, "a broken length");
        payload = at;
        break;
      case 5:
        length = 4;
        break;
      default:
        return fault(start, "a field of unknown kind");
      }
      if (length > end - at)
        return fault(start, "a field that runs past its message's end");
      at += length;
      bool isBytes = (tag & 7) == 2;
      if (message == Message::Tensor) {
        if (field == bluec::kDataOffsetField || field == bluec::kDataLengthField)
          continue;
        if (isBytes && (field == kRawData || field == kFloatData || field == kDoubleData)) {
          if (hasData)
            return fault(start, "a tensor whose data is in several pieces");
          hasData = true;
          writeVarint(out, uint64_t{bluec::kDataOffsetField} << 3);
          writeVarint(out, payload);
          writeVarint(out, uint64_t{bluec::kDataLengthField} << 3);
          writeVarint(out, length);
          continue;
        }
      }
      Message child = isBytes ? childOf(message, field) : Message::Opaque;
      if (child == Message::Opaque) {
        out.append(file.data() + start, at - start);
      } else {
        std::string inner;
        if (Error error = strip(payload, at, child, depth + 1, inner))
          return error;
        writeVarint(out, tag);
        writeVarint(out, inner.size());
        out += inner;
      }
      if (out.size() > kMaxStripped)
        return fault(start, "more than 64 MB beside tensors' data");
    }
    return Error::success();
  }

private:
  static Error fault(size_t at, llvm::StringRef found) {
    return createStringError(inconvertibleErrorCode(), "expected an ONNX model, found " + found +
                                                           " at byte " + llvm::Twine(at));
  }
  bool readVarint(size_t &at, size_t end, uint64_t &value) const {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
      auto byte = static_cast<unsigned char>(file[at++]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80)
        return true;
    }
    return false;
  }
  static void writeVarint(std::string &out, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      out += static_cast<char>((value & 0x7f) | 0x80);
    out += static_cast<char>(value);
  }

  llvm::ArrayRef<char> file;
  int64_t numFields = 0;
};

} // namespace

llvm::Expected<std::string> bluec::stripTensorData(llvm::ArrayRef<char> file) {
  std::string out;
  if (Error error = Stripper(file).strip(0, file.size(), Message::Model, 0, out))
    return error;
  return out;
}
