// The calls of a model that plain evaluators run: of the package's own graphs, node by node, or of
// the layers that became of them.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_GRAPHCALLS_H
#define BLUEC_COMPILER_DRIVER_VERIFY_GRAPHCALLS_H

#include "compiler/dialect/blue/Blue.h"
#include "compiler/driver/verify/ModelCalls.h"
#include "compiler/reference/Evaluator.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>

namespace bluec {

/// Pasts are in the order of a blue decoder: by layer, keys first, [rows, heads * head dim] each.
class GraphCalls : public ModelCalls {
public:
  mlir::FailureOr<TensorPtr> features(const TensorPtr &pixels) override = 0;
  /// What follows are rows after `pasts`, which nobody fed.
  virtual void continueAfter(llvm::ArrayRef<TensorPtr> pasts) = 0;

protected:
  GraphCalls(mlir::ModuleOp module, const reference::EvaluatorTable &evaluators,
             reference::WeightValues &weights)
      : module(module), evaluators(evaluators), weights(weights) {}

  /// All results of the part with `role`.
  mlir::FailureOr<llvm::SmallVector<TensorPtr>> evaluate(blue::Role role,
                                                         llvm::ArrayRef<TensorPtr> inputs);

  mlir::ModuleOp module;

private:
  const reference::EvaluatorTable &evaluators;
  reference::WeightValues &weights;
};

/// Graphs as they were imported: no pass has run. Inputs are fed by their names, as a conversation
/// without padding has them. Half-precision graphs are computed in f32, as bluec computes them:
/// what they round would hide what is wrong.
class OnnxCalls : public GraphCalls {
public:
  /// `pastWidths`: heads * head dim of each past.
  OnnxCalls(mlir::ModuleOp imported, llvm::ArrayRef<int64_t> pastWidths,
            reference::WeightValues &weights);

  /// Whether a graph of its own makes embeddings; else the decoder takes ids.
  bool hasEmbeddings();

  mlir::FailureOr<TensorPtr> features(const TensorPtr &pixels) override;
  mlir::FailureOr<TensorPtr> embeddings(const TensorPtr &ids) override;
  mlir::FailureOr<TensorPtr> logits(const TokenRows &rows, int64_t position) override;
  void continueAfter(llvm::ArrayRef<TensorPtr> pasts) override;

private:
  llvm::SmallVector<int64_t> pastWidths;
  llvm::SmallVector<TensorPtr> given; ///< by continueAfter; empty: none
  /// [1, heads, rows, head dim], by layer and whether it is of values.
  std::map<std::pair<int64_t, bool>, TensorPtr> pasts;
};

/// The functions that raising made. The weights are floats, whatever a recipe says of them.
class BlueCalls : public GraphCalls {
public:
  BlueCalls(mlir::ModuleOp raised, reference::WeightValues &weights);

  mlir::FailureOr<TensorPtr> features(const TensorPtr &pixels) override;
  mlir::FailureOr<TensorPtr> embeddings(const TensorPtr &ids) override;
  mlir::FailureOr<TensorPtr> logits(const TokenRows &rows, int64_t position) override;
  void continueAfter(llvm::ArrayRef<TensorPtr> given) override { pasts.assign(given); }

private:
  llvm::SmallVector<TensorPtr> pasts;
};

/// heads * head dim of each past of a blue decoder.
llvm::SmallVector<int64_t> pastWidthsOf(mlir::func::FuncOp decoder);

/// On how many axes a blue decoder wants its rows' positions; 0: it numbers them itself.
int64_t positionAxesOf(mlir::func::FuncOp decoder);
/// [rows, axes]: rows that stand at their numbers from `position` on.
reference::Tensor consecutivePlaces(int64_t rows, int64_t axes, int64_t position);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_GRAPHCALLS_H
