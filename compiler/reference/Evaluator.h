// Plain evaluators: one a op, slow and obvious. Constant folding, `bluec verify` and the tests of
// everything faster use the same ones.
#ifndef BLUEC_COMPILER_REFERENCE_EVALUATOR_H
#define BLUEC_COMPILER_REFERENCE_EVALUATOR_H

#include "compiler/reference/Tensor.h"

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <functional>
#include <memory>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace bluec::reference {

/// What an evaluator may spend. A model file is hostile input: a Range or an Expand may ask for any
/// size, and gets an error instead.
struct EvaluationLimits {
  /// Elements of any one tensor that an evaluator makes.
  int64_t maxElements = int64_t{1} << 28;
  /// Elements of a weight, which is as large as its file at least.
  int64_t maxWeightElements = int64_t{1} << 30;
  /// Products that sums of products (matrix products, convolutions, attention) may still make, of
  /// all evaluations that share the number; each takes its own off. Null: as many as they need, a
  /// convolution a thousand for each element that a tensor may have. Not owned.
  int64_t *products = nullptr;
};

/// Computes the results of `op` from its operands. An operand of type `none` is null; a result of
/// type `none` is an empty tensor of shape [0]. Operands are checked (rank, shape, range of
/// indices): what the op does not accept is an error at `op` and failure, never an assertion.
/// The shapes that matter are those of the operands, not those in the op's types.
using Evaluator = mlir::FailureOr<mlir::SmallVector<Tensor>> (*)(
    mlir::Operation *op, mlir::ArrayRef<const Tensor *> operands, const EvaluationLimits &limits);

/// Evaluators by op name ("onnx.MatMul").
using EvaluatorTable = llvm::StringMap<Evaluator>;

/// Where graphs get the values of their weights; WeightReader (compiler/weights) reads files.
class WeightValues {
public:
  virtual ~WeightValues() = default;
  /// What an onnx.Weight or a blue.weight stands for, after its transforms. Errors are on the op.
  virtual mlir::FailureOr<Tensor> valuesOf(mlir::Operation *weight) = 0;
};

struct GraphEvaluation {
  /// Required.
  const EvaluatorTable *evaluators = nullptr;
  /// Without it, weights are errors.
  WeightValues *weights = nullptr;
  EvaluationLimits limits;
  /// Rounds results to the element type of the op's result (f16, bf16, i32...), so that they are
  /// what the graph says. Without it, half-precision graphs are computed in f32.
  bool roundResults = true;
  /// Called after each op that an evaluator computes, before `onResults`, with its operands. May be
  /// empty.
  std::function<void(mlir::Operation *op, mlir::ArrayRef<const Tensor *> operands)> onOperands;
  /// Called after each op with its results, in order of evaluation. It may put others of the same
  /// shapes in their place: that is what the ops after it read. May be empty.
  std::function<void(mlir::Operation *op,
                     mlir::MutableArrayRef<std::shared_ptr<const Tensor>> results)>
      onResults;
};

using ValueMap = llvm::DenseMap<mlir::Value, std::shared_ptr<const Tensor>>;

/// Evaluates a whole function. `inputs` are its arguments in order; the answer is its results in
/// order. Tensors are dropped after their last use.
mlir::FailureOr<mlir::SmallVector<std::shared_ptr<const Tensor>>>
evaluateFunction(mlir::func::FuncOp function, mlir::ArrayRef<std::shared_ptr<const Tensor>> inputs,
                 const GraphEvaluation &options);

/// Evaluates `value` and everything that it depends on, down to the values in `known`, and adds all
/// of it to `known`. An argument that is not in `known` is an error.
mlir::FailureOr<std::shared_ptr<const Tensor>> evaluateValue(mlir::Value value, ValueMap &known,
                                                             const GraphEvaluation &options);

} // namespace bluec::reference

#endif // BLUEC_COMPILER_REFERENCE_EVALUATOR_H
