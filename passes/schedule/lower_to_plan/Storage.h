// The module level beside the entry points: weights and the KV cache.
#ifndef BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_STORAGE_H
#define BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_STORAGE_H

#include "compiler/dialect/plan/Layouts.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#include <map>
#include <optional>
#include <tuple>

namespace bluec {

/// Makes each plan.weight and plan.cache once, whichever entry points ask for it.
class Storage {
public:
  /// New symbols go to the start of `module`, in the order in which they are asked for.
  /// `back` is of rings: RingLayout::positionsFor.
  Storage(mlir::ModuleOp module, plan::TargetAttr target, int64_t context, int64_t back);

  /// `producer` is a blue.weight or blue.constant. `extra` is applied after its own transforms;
  /// with a `dot` the result (rank 2) is packed into panels for activations of that type. An error
  /// at `user` when the transforms do not fit, or a quantized weight is asked for without panels.
  mlir::FailureOr<plan::WeightOp> weight(mlir::Operation *producer,
                                         llvm::ArrayRef<mlir::Attribute> extra, mlir::Type dot,
                                         llvm::StringRef segment, mlir::Operation *user);

  /// Remembers for which activations the weights of the function's linear layers are packed.
  void notePanels(mlir::func::FuncOp function);
  /// The `dot` of a linear layer's weight of that type, if there is one: a table that is packed in
  /// the same way may turn out to be the same bytes (a tied head). Null if there is none.
  mlir::Type notedDot(mlir::Type weight) const { return dots.lookup(weight); }

  /// Keys or values of a layer, packed.
  struct CacheSpec {
    int64_t layer, heads, headDim;
    mlir::Type element;
    mlir::Type dot;                // with a quantized element, the type of products; else null
    std::optional<int64_t> window; // positions that the layer sees
  };
  plan::CacheOp keys(const CacheSpec &spec);
  plan::CacheOp values(const CacheSpec &spec);
  /// Whether the caches are rings, which have fewer positions than the context.
  bool isRing(const CacheSpec &spec) const { return positions(spec) < context; }
  /// Of the rings that were made, what Plan.h says of kRingPositionsAttr and kRingBackAttr; 0
  /// without one.
  int64_t ringPositions() const { return smallestRing; }
  int64_t ringBack() const { return leastBack; }

  int64_t numWeights() const { return static_cast<int64_t>(weights.size()); }

private:
  int64_t cacheBlock() const;
  int64_t positions(const CacheSpec &spec) const;
  std::string uniqueName(llvm::StringRef wanted);
  plan::CacheOp cache(const CacheSpec &spec, llvm::StringRef kind, mlir::RankedTensorType type);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  mlir::OpBuilder builder;
  plan::TargetAttr target;
  int64_t context, back;
  int64_t stretch = plan::kFloatStretch; // positions: what rings have whole ones of
  int64_t smallestRing = 0, leastBack = 0;
  // value, transforms, packed type, segment
  using Key = std::tuple<const void *, const void *, const void *, std::string>;
  std::map<Key, plan::WeightOp> weights;
  std::map<std::string, plan::CacheOp> caches;
  llvm::DenseMap<mlir::Type, mlir::Type> dots;
};

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_STORAGE_H
