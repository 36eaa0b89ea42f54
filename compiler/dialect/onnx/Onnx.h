// The `onnx` dialect; its purpose is in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_ONNX_ONNX_H
#define BLUEC_COMPILER_DIALECT_ONNX_ONNX_H

#include "compiler/dialect/blue/Blue.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cstdint>
#include <vector>

namespace bluec::onnx {

/// Which ONNX node type an op stands for. Ops follow the newest form of their node: what older
/// opsets keep in attributes (the axes of a reduction) is an operand here.
struct NodeSchema {
  llvm::StringRef domain; ///< "" for the standard operators, else "com.microsoft"
  llvm::StringRef type;   ///< "MatMul"
  int64_t since;          ///< first opset (of its domain) that has it in the form of the op
  unsigned numInputs;     ///< optional ones counted, a variadic one as one
  unsigned numOutputs;
  bool variadicInputs; ///< the last input may be repeated
  bool variadicOutputs;
};

namespace detail {

/// What every node without a form of its own reads and prints as:
///   onnx.Softmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
mlir::ParseResult parseNode(mlir::OpAsmParser &parser, mlir::OperationState &result);
/// Leaves out the attributes whose values are those in `defaults`, a dictionary or null.
void printNode(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Attribute defaults);

} // namespace detail

} // namespace bluec::onnx

#include "compiler/dialect/onnx/OnnxDialect.h.inc"
#include "compiler/dialect/onnx/OnnxInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/onnx/OnnxAttrs.h.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/onnx/OnnxOps.h.inc"

namespace bluec::onnx {

/// On a func.func: the names of the symbols s0, s1, ... of all #onnx.dims in it, as an array of
/// strings ("batch_size", "sequence_length", ...).
inline constexpr llvm::StringLiteral kSymbolsAttr = "onnx.symbols";
/// On an argument or a result of a func.func: the name of that graph input or output.
inline constexpr llvm::StringLiteral kNameAttr = "onnx.name";
/// On a func.func: the file that it was read from, relative to the model directory.
inline constexpr llvm::StringLiteral kFileAttr = "onnx.file";
/// On an op: the path of the PyTorch module that it came from, when the exporter wrote it down.
inline constexpr llvm::StringLiteral kScopeAttr = "onnx.scope";

/// True when the body of `function` (a func.func) holds onnx ops.
bool isGraph(mlir::FunctionOpInterface function);

/// Schemas of all ops of the dialect, sorted by domain, then by type.
std::vector<NodeSchema> listNodeSchemas(mlir::MLIRContext &context);

} // namespace bluec::onnx

#endif // BLUEC_COMPILER_DIALECT_ONNX_ONNX_H
