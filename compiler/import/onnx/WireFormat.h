// ONNX files at the level of protobuf's wire format: tensors are found, not copied.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_WIREFORMAT_H
#define BLUEC_COMPILER_IMPORT_ONNX_WIREFORMAT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace bluec {

/// Fields that stripTensorData puts into a TensorProto instead of its data: where the data is in
/// the file, in bytes. The numbers are not ONNX's; fields of these numbers in a file are dropped.
inline constexpr int kDataOffsetField = 20001;
inline constexpr int kDataLengthField = 20002;

/// A serialized ModelProto without its tensors' bytes: raw_data, and float_data and double_data
/// that are stored in one packed piece, are replaced by where they are. So a model of any size can
/// be parsed by protobuf's classes, whose messages end at 2 GB, and in little memory.
/// An error, of one line, when `file` is not well-formed.
llvm::Expected<std::string> stripTensorData(llvm::ArrayRef<char> file);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_WIREFORMAT_H
