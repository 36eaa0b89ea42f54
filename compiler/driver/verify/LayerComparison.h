// A part of the model against what a bundle's steps made of it: each layer alone, and all of them
// one after the other.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_LAYERCOMPARISON_H
#define BLUEC_COMPILER_DRIVER_VERIFY_LAYERCOMPARISON_H

#include "compiler/driver/verify/LayerErrors.h"
#include "compiler/driver/verify/LayerRecord.h"
#include "compiler/driver/verify/ModelCalls.h"
#include "compiler/reference/Evaluator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>
#include <vector>

namespace bluec {

/// Limits of a layer's own error, by what is computed between the values of the record that it
/// reads and its own. Where they come from: compiler/driver/verify/README.md.
inline constexpr double kFloatLimit = 2e-5, kWideAttentionLimit = 5e-3, kByteAttentionLimit = 1e-1;
/// Of the end of the chain, of root mean squares: what floats may add up to, and how many times
/// what the recipe itself costs where activations are integers.
inline constexpr double kEndLimit = 1e-4, kEndShare = 3;

/// The last value of a part: logits or features.
struct EndError {
  std::string layer;
  double error = 0;      ///< the record's from the reference's with the same recipe
  double recipeCost = 0; ///< the reference's with the recipe from the float reference's
  double limit = 0;
  /// Rows that the record's and the reference's chain send to other experts, by layer. A rounding
  /// does that where two experts are close, and then nothing bounds the end.
  int64_t reroutedRows = 0;

  bool isWrong() const { return reroutedRows == 0 && !(error <= limit); }
};

/// What a quantized cache costs an attention layer: the reference's result from the same in floats,
/// both of the record's query, keys and values.
struct CacheError {
  std::string layer;
  Deviation deviation;
};

/// Evaluates the reference up to three times for each part. Of its values none outlives its last
/// use; the record's all stay.
/// - Alone: after each layer that the record has, the record's value takes the place of the one
///   that was computed. So each layer gets what the bundle's own step got, and its error is its
///   own. Past keys and values are those that follow from the record's of all calls before.
/// - In a chain, with the same recipe.
/// - In floats, as the model is without a recipe.
class LayerComparison {
public:
  /// `tolerance` in place of each limit; of the end, where it is more.
  LayerComparison(reference::WeightValues &weights, std::optional<double> tolerance)
      : weights(weights), tolerance(tolerance) {}

  /// One function, as it is with the recipe and in floats; `plain` is null where they are the same.
  struct Part {
    mlir::func::FuncOp same, plain;
  };
  /// The first argument or result of a part, in each evaluation; without a `plain` part the last
  /// two are one.
  struct Values {
    TensorPtr own, same, plain;
  };

  /// What follows is about this record. It must outlive that.
  void begin(const LayerRecord &of);
  /// For a record with the values of the one before.
  void repeat(const LayerRecord &of) { errors.repeat(of); }
  /// `rest` are the arguments after the first. With `isEnd`, the result is one of ends().
  mlir::FailureOr<Values> compare(const Part &part, const Values &inputs,
                                  mlir::ArrayRef<TensorPtr> rest, bool isEnd);

  const LayerErrors &layers() const { return errors; }
  const std::vector<EndError> &ends() const { return endErrors; }
  const std::vector<CacheError> &caches() const { return cacheErrors; }

private:
  using OnLayer =
      llvm::function_ref<void(mlir::Operation *op, const std::string &name, TensorPtr &result)>;
  mlir::FailureOr<TensorPtr> evaluate(mlir::func::FuncOp function, TensorPtr input,
                                      mlir::ArrayRef<TensorPtr> rest, bool costsCaches,
                                      OnLayer onLayer);
  mlir::FailureOr<TensorPtr> evaluateAlone(mlir::func::FuncOp function, const TensorPtr &input,
                                           mlir::ArrayRef<TensorPtr> rest);
  void addEnd(mlir::func::FuncOp same, const Values &results, int64_t reroutedRows);

  reference::WeightValues &weights;
  std::optional<double> tolerance;
  const LayerRecord *record = nullptr;
  LayerErrors errors;
  std::vector<EndError> endErrors;
  std::vector<CacheError> cacheErrors;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_LAYERCOMPARISON_H
