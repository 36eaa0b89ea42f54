#include "passes/schedule/costs/StepCosts.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;

namespace {

/// Of quantized elements, the type of the integers.
std::string elementName(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (auto quantized = dyn_cast<blue::QuantizedType>(element))
    element = quantized.getStorage();
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return text;
}

/// The operation that a value of a step's body stands for outside, if it comes from there.
Operation *originOf(Value value, plan::StepOp step) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == &step.getBlock()
             ? step.getOperands()[argument.getArgNumber()].getDefiningOp()
             : nullptr;
}

/// Bytes of the weights.bin range behind a plan.get_weight.
int64_t packedBytes(plan::GetWeightOp get) {
  auto weight = SymbolTable::lookupNearestSymbolFrom<plan::WeightOp>(get, get.getWeightAttr());
  return weight ? weight.getPackedBytes() : 0;
}

/// Weights: whole, or a row of a table for each row of the call. Caches: what a position takes.
void addReads(plan::StepOp step, Operation *root, int64_t context, StepCost &cost) {
  bool byRow = cost.op == "embedding" || cost.op == "rope" || isa<plan::AppendKeysOp>(root);
  llvm::SmallPtrSet<Operation *, 4> seen;
  for (Value operand : step.getOperands()) {
    Operation *origin = operand.getDefiningOp();
    if (!origin || !seen.insert(origin).second)
      continue;
    if (auto get = dyn_cast<plan::GetWeightOp>(origin)) {
      int64_t rows = cast<RankedTensorType>(operand.getType()).getDimSize(0);
      if (byRow)
        cost.rowBytes += packedBytes(get) / std::max<int64_t>(rows, 1);
      else
        cost.weightBytes += packedBytes(get);
    } else if (isa<plan::GetCacheOp>(origin) && cost.op == "attention") {
      cost.positionBytes += plan::denseBytes(cast<RankedTensorType>(operand.getType())) /
                            std::max<int64_t>(context, 1);
    }
  }
}

void addOperations(Operation *root, plan::StepOp step, plan::EntryOp entry, int64_t context,
                   StepCost &cost) {
  if (cost.op != "linear" && cost.op != "attention")
    return;
  auto input = cast<RankedTensorType>(root->getOperand(0).getType());
  auto result = cast<RankedTensorType>(root->getResult(0).getType());
  cost.arithmetic = elementName(root->getOperand(0));
  auto capacity = static_cast<int64_t>(entry.getCapacity());
  bool byRow = input.getDimSize(0) == capacity;
  constexpr int64_t ofMultiplyAdd = 2, scoresAndSum = 2;
  if (cost.op == "linear") {
    int64_t all = ofMultiplyAdd * result.getNumElements() * input.getShape().back();
    (byRow ? cost.rowOperations : cost.operations) = byRow ? all / capacity : all;
    return;
  }
  int64_t columns = input.getShape().back();
  if (context > 0) {
    cost.positionOperations = ofMultiplyAdd * scoresAndSum * columns;
    return;
  }
  // Every row of a tile attends to all of the tile's.
  int64_t rows = input.getNumElements() / columns / std::max<int64_t>(input.getDimSize(0), 1);
  cost.rowOperations = ofMultiplyAdd * scoresAndSum * columns * rows * rows;
}

} // namespace

StepCost bluec::costOf(plan::StepOp step, plan::EntryOp entry) {
  StepCost cost;
  Operation *root = step.getRoot();
  if (!root)
    return cost;
  cost.op = root->getName().stripDialect().str();
  int64_t context = 0;
  for (Value operand : root->getOperands())
    if (isa_and_nonnull<plan::GetCacheOp>(originOf(operand, step)))
      if (auto module = step->getParentOfType<ModuleOp>())
        if (auto attr = module->getAttrOfType<IntegerAttr>(plan::kContextAttr))
          context = attr.getInt();
  addReads(step, root, context, cost);
  addOperations(root, step, entry, context, cost);
  return cost;
}
