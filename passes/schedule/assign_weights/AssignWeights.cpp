#include "passes/schedule/assign_weights/AssignWeights.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

#include <map>
#include <tuple>

namespace bluec {
#define GEN_PASS_DEF_ASSIGNWEIGHTS
#include "passes/schedule/assign_weights/AssignWeights.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

int64_t alignUp(int64_t bytes, int64_t alignment) {
  return static_cast<int64_t>(
      llvm::alignTo(static_cast<uint64_t>(bytes), static_cast<uint64_t>(alignment)));
}

/// What tells the bytes of a weight: its digest, or all that they follow from.
using Identity = std::tuple<const void *, const void *, const void *, const void *>;

Identity identityOf(plan::WeightOp weight) {
  const void *packed = weight.getPackedAttr().getAsOpaquePointer();
  if (StringAttr digest = weight.getDigestAttr())
    return {digest.getAsOpaquePointer(), nullptr, nullptr, packed};
  return {nullptr, weight.getValue().getAsOpaquePointer(),
          weight.getTransforms().getAsOpaquePointer(), packed};
}

struct AssignWeightsPass : bluec::impl::AssignWeightsBase<AssignWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Builder builder(module.getContext());
    SymbolTable symbols(module);

    // Segments and, in them, weights in the order in which steps read them.
    llvm::MapVector<StringAttr, SmallVector<plan::WeightOp>> segments;
    DenseSet<Operation *> seen;
    for (auto entry : module.getOps<plan::EntryOp>())
      for (auto step : entry.getBody().front().getOps<plan::StepOp>())
        for (Value operand : step.getOperands()) {
          auto get = operand.getDefiningOp<plan::GetWeightOp>();
          if (!get)
            continue;
          auto weight = symbols.lookup<plan::WeightOp>(get.getWeight());
          if (seen.insert(weight).second)
            segments[weight.getSegmentAttr()].push_back(weight);
        }
    eraseUnread(module, seen);

    int64_t end = 0, alignment = plan::alignmentOf(module);
    SmallVector<Attribute> table;
    for (auto &[name, weights] : segments) {
      end = alignUp(end, plan::kPageBytes);
      int64_t begin = end;
      std::map<Identity, int64_t> offsets;
      for (plan::WeightOp weight : weights) {
        auto [found, isNew] = offsets.try_emplace(identityOf(weight), alignUp(end, alignment));
        weight.setOffset(found->second);
        if (isNew) {
          end = found->second + weight.getPackedBytes();
        } else {
          ++shared;
          bytesSaved += static_cast<uint64_t>(weight.getPackedBytes());
        }
      }
      end = alignUp(end, alignment);
      table.push_back(
          plan::SegmentAttr::get(module.getContext(), name.getValue(), begin, end - begin));
    }
    module->setAttr(plan::kSegmentsAttr, builder.getArrayAttr(table));
    module->setAttr(plan::kWeightsBytesAttr, builder.getI64IntegerAttr(end));
  }

  /// Weights whose reader has gone, and the plan.get_weight of them that are left.
  void eraseUnread(ModuleOp module, const DenseSet<Operation *> &read) {
    for (auto entry : module.getOps<plan::EntryOp>())
      for (auto get :
           llvm::make_early_inc_range(entry.getBody().front().getOps<plan::GetWeightOp>()))
        if (get->use_empty())
          get.erase();
    for (auto weight : llvm::make_early_inc_range(module.getOps<plan::WeightOp>()))
      if (!read.contains(weight))
        weight.erase();
  }
};

} // namespace
