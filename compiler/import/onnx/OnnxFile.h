// A parsed ONNX file and the bytes of its tensors.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_ONNXFILE_H
#define BLUEC_COMPILER_IMPORT_ONNX_ONNXFILE_H

#include "compiler/base/ModelFiles.h"

#include "mlir/IR/Types.h"

#include <onnx/onnx_pb.h>

#include <memory>
#include <string>
#include <vector>

namespace bluec {

/// Where a tensor's elements are.
struct TensorData {
  std::vector<int64_t> shape;
  mlir::Type elementType;
  int64_t numElements = 0;
  /// Row-major little-endian elements. They lie in `file` (relative to the model directory) at
  /// `offset`, or, when `file` is empty, in `own`: data that protobuf stores element by element.
  llvm::ArrayRef<char> bytes;
  std::string file;
  int64_t offset = 0;
  std::vector<char> own;
};

class OnnxFile {
public:
  /// Reads `name`, relative to the directory of `files`, which have to outlive the result. Errors
  /// are one line without the file's name.
  static llvm::Expected<std::unique_ptr<OnnxFile>> open(ModelFiles &files, llvm::StringRef name);

  const ::onnx::ModelProto &model() const { return proto; }
  const std::string &name() const { return fileName; }
  /// Version of the standard operators that the file asks for, from kMinOpset to kMaxOpset.
  int64_t opset() const { return version; }

  /// Finds a tensor's elements and checks that they are all there.
  llvm::Expected<TensorData> data(const ::onnx::TensorProto &tensor,
                                  mlir::MLIRContext *context) const;

  static constexpr int64_t kMinOpset = 13;
  static constexpr int64_t kMaxOpset = 24;

private:
  llvm::Error findExternal(const ::onnx::TensorProto &tensor, int64_t expected,
                           TensorData &data) const;

  ModelFiles *files = nullptr;
  std::string fileName;
  ::onnx::ModelProto proto;
  int64_t version = 0;
};

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_ONNXFILE_H
