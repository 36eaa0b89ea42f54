// ONNX graphs as functions of the onnx dialect.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_GRAPHIMPORT_H
#define BLUEC_COMPILER_IMPORT_ONNX_GRAPHIMPORT_H

#include "compiler/base/ModelFiles.h"

#include "mlir/IR/BuiltinOps.h"

namespace bluec {

/// Reads the ONNX file `fileName` (relative to the directory of `files`) and adds its graph to
/// `module` as the function `functionName`: one op a node, node names as locations, types inferred
/// with symbolic dims. Errors are diagnostics, at the node where there is one; failure leaves no
/// function behind.
mlir::LogicalResult importOnnxFile(ModelFiles &files, llvm::StringRef fileName,
                                   llvm::StringRef functionName, mlir::ModuleOp module);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_GRAPHIMPORT_H
