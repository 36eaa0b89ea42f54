// What is known of a graph's values before it runs: element types, dims as expressions over named
// symbols, and the elements of small integer tensors (which is how exporters compute shapes).
#ifndef BLUEC_COMPILER_DIALECT_ONNX_INFERENCE_SHAPEINFERENCE_H
#define BLUEC_COMPILER_DIALECT_ONNX_INFERENCE_SHAPEINFERENCE_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace bluec::onnx {

/// Dims, or elements in row-major order. In dims no entry is null; in elements null is unknown.
using Exprs = mlir::SmallVector<mlir::AffineExpr, 4>;

struct ValueFacts {
  mlir::Type elementType;        ///< null for `none` and before inference
  std::optional<Exprs> dims;     ///< nullopt: the rank is unknown
  std::optional<Exprs> elements; ///< of integer and boolean tensors of at most kMaxElements
};

/// Walks a graph in order. Every dim gets an expression: one that cannot be inferred is a new
/// symbol, named after its node. Two dims may have to be equal for a node to be valid. Unless they
/// are known to differ they are taken to be equal: no model of the family relies on broadcasting
/// along a dim that is 1 only in some calls.
class ShapeInference {
public:
  /// Tensors of at most so many elements are followed by value.
  static constexpr int64_t kMaxElements = 64;
  /// The largest dim that is accepted; far above any real one, far below overflow.
  static constexpr int64_t kMaxDim = int64_t{1} << 32;

  explicit ShapeInference(mlir::MLIRContext *context);
  /// Starts from the symbols and arguments of `function`.
  explicit ShapeInference(mlir::func::FuncOp function);

  /// The symbol of this name; made when it is new.
  mlir::AffineExpr symbol(llvm::StringRef name);
  /// Names of the symbols s0, s1, ...
  const std::vector<std::string> &symbols() const { return names; }

  /// Computes what is known of the results of `op` and sets their types. Operands have to have been
  /// visited (or be arguments). A node that no input could satisfy is an error at the node.
  mlir::LogicalResult infer(mlir::Operation *op);
  /// Visits all ops in `block`, subgraphs included.
  mlir::LogicalResult infer(mlir::Block &block);

  /// What is known of `value`; for an argument, what its type says.
  const ValueFacts &facts(mlir::Value value);
  /// Sets facts and type of `value`.
  void set(mlir::Value value, ValueFacts facts);
  /// Forgets `value`, which is about to be erased.
  void forget(mlir::Value value) { known.erase(value); }

  /// The tensor type of these facts.
  mlir::Type typeOf(const ValueFacts &facts) const;
  /// The dims that `type` spells out; new symbols, named after `name`, where it has none.
  std::optional<Exprs> dimsOf(mlir::Type type, llvm::StringRef name);

  mlir::MLIRContext *getContext() const { return context; }

private:
  mlir::MLIRContext *context;
  std::vector<std::string> names;
  llvm::StringMap<unsigned> positions;
  llvm::DenseMap<mlir::Value, ValueFacts> known;
};

/// Infers all types of `function`, its result types and its list of symbols.
mlir::LogicalResult inferFunction(mlir::func::FuncOp function);

/// Gives symbols these extents in all arguments of `function`, and infers everything else again.
mlir::LogicalResult bindSymbols(mlir::func::FuncOp function,
                                llvm::ArrayRef<std::pair<mlir::AffineExpr, int64_t>> extents);

/// Writes what inference found into the function: result types and the list of symbols.
void updateSignature(mlir::func::FuncOp function, const ShapeInference &inference);

} // namespace bluec::onnx

#endif // BLUEC_COMPILER_DIALECT_ONNX_INFERENCE_SHAPEINFERENCE_H
