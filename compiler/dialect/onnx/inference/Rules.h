// What the inference rules of all op families share.
#ifndef BLUEC_COMPILER_DIALECT_ONNX_INFERENCE_RULES_H
#define BLUEC_COMPILER_DIALECT_ONNX_INFERENCE_RULES_H

#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "llvm/ADT/StringMap.h"

namespace bluec::onnx {

/// A node under inference: its operands' facts, and where its results' facts go.
class NodeFacts {
public:
  NodeFacts(ShapeInference &inference, mlir::Operation *op) : inference(inference), op(op) {}

  /// Facts are copied: the map behind them moves when results are set.
  ValueFacts input(unsigned i) const { return inference.facts(op->getOperand(i)); }
  bool has(unsigned i) const {
    return i < op->getNumOperands() && !mlir::isa<mlir::NoneType>(op->getOperand(i).getType());
  }
  bool hasResult(unsigned i) const {
    return i < op->getNumResults() && !mlir::isa<mlir::NoneType>(op->getResult(i).getType());
  }
  /// Elements of operand i that are all constants.
  std::optional<mlir::SmallVector<int64_t>> constants(unsigned i) const;

  mlir::LogicalResult set(unsigned result, mlir::Type elementType, std::optional<Exprs> dims,
                          std::optional<Exprs> elements = std::nullopt);
  /// A dim that cannot be inferred.
  mlir::AffineExpr unknownDim(unsigned result, unsigned dim);
  mlir::AffineExpr constant(int64_t value) const;
  mlir::InFlightDiagnostic error() const;

  ShapeInference &inference;
  mlir::Operation *op;
};

using InferenceRule = mlir::LogicalResult (*)(NodeFacts &node);
/// Rules by op name. Each family of ops adds its own.
using InferenceRules = llvm::StringMap<InferenceRule>;
void addElementwiseRules(InferenceRules &rules);
void addProductRules(InferenceRules &rules);
void addQuantizationRules(InferenceRules &rules);
void addMovementRules(InferenceRules &rules);
void addIndexingRules(InferenceRules &rules);
void addReductionRules(InferenceRules &rules);
void addExpertRules(InferenceRules &rules);
void addAttentionRules(InferenceRules &rules);

// Arithmetic on expressions. Null is unknown and stays unknown; so does what would overflow or
// grow without bound.
mlir::AffineExpr add(mlir::AffineExpr a, mlir::AffineExpr b);
mlir::AffineExpr subtract(mlir::AffineExpr a, mlir::AffineExpr b);
mlir::AffineExpr multiply(mlir::AffineExpr a, mlir::AffineExpr b);
/// ONNX's integer division truncates toward zero; known only when neither side is negative.
mlir::AffineExpr divide(mlir::AffineExpr a, mlir::AffineExpr b);
/// The product of `a` over the product of `b`, equal factors cancelled first.
mlir::AffineExpr divideProducts(mlir::ArrayRef<mlir::AffineExpr> a,
                                mlir::ArrayRef<mlir::AffineExpr> b);
std::optional<int64_t> constantOf(mlir::AffineExpr expr);
/// True when the expression is at least 0 for all non-negative symbols.
bool isNonNegative(mlir::AffineExpr expr);
/// Equal, as far as one can see.
bool isEqual(mlir::AffineExpr a, mlir::AffineExpr b);

/// Shape after broadcasting; failure (with an error at the node) when static dims do not fit.
/// nullopt inside when a rank is unknown.
mlir::FailureOr<std::optional<Exprs>> broadcast(NodeFacts &node, const std::optional<Exprs> &a,
                                                const std::optional<Exprs> &b);
/// One dim of a broadcast, null when the two do not fit.
mlir::AffineExpr broadcastDim(mlir::AffineExpr a, mlir::AffineExpr b);
/// The product of static dims, nullopt when one is dynamic or the product is absurd.
std::optional<int64_t> staticCount(const std::optional<Exprs> &dims);
std::string shapeText(mlir::ArrayRef<int64_t> shape); // [2, 3]
/// Operand i, which a message calls `what`, has static dims.
mlir::FailureOr<mlir::SmallVector<int64_t>> staticShape(NodeFacts &node, unsigned i,
                                                        mlir::StringRef what);
mlir::LogicalResult expectFloats(NodeFacts &node, mlir::StringRef what, mlir::Type type);
/// `axis` in [0, rank), or nullopt with an error at the node.
std::optional<int64_t> normalizeAxis(NodeFacts &node, int64_t axis, int64_t rank);

} // namespace bluec::onnx

#endif // BLUEC_COMPILER_DIALECT_ONNX_INFERENCE_RULES_H
