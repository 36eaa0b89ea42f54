// What stands beside the entry points at module level: weights and the KV cache.
#ifndef BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_STORAGE_H
#define BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_STORAGE_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/Builders.h"

#include <map>
#include <tuple>

namespace bluec {

/// Makes each plan.weight and plan.cache once, whichever entry points ask for it.
class Storage {
public:
  /// New symbols go to the start of `module`, in the order in which they are asked for.
  Storage(mlir::ModuleOp module, plan::TargetAttr target, int64_t context);

  /// `producer` is a blue.weight or blue.constant. `extra` is applied behind its own transforms;
  /// with `panels` the result (rank 2) is packed into panels. An error at `user` when the
  /// transforms do not fit.
  mlir::FailureOr<plan::WeightOp> weight(mlir::Operation *producer,
                                         llvm::ArrayRef<mlir::Attribute> extra, bool panels,
                                         llvm::StringRef segment, mlir::Operation *user);

  /// Keys (packed) or values of layer number `layer`.
  plan::CacheOp keys(int64_t layer, int64_t heads, int64_t headDim, mlir::Type element);
  plan::CacheOp values(int64_t layer, int64_t width, mlir::Type element);

  int64_t numWeights() const { return static_cast<int64_t>(weights.size()); }

private:
  std::string uniqueName(llvm::StringRef wanted);
  plan::CacheOp cache(const std::string &name, mlir::RankedTensorType type);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  mlir::OpBuilder builder;
  plan::TargetAttr target;
  int64_t context;
  // value, transforms, packed type, segment
  using Key = std::tuple<const void *, const void *, const void *, std::string>;
  std::map<Key, plan::WeightOp> weights;
  std::map<std::string, plan::CacheOp> caches;
};

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_STORAGE_H
