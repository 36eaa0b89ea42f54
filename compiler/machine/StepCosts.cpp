#include "compiler/machine/StepCosts.h"

#include "compiler/dialect/plan/Layouts.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;

namespace {

/// Of quantized elements, the type of the integers.
std::string elementName(Type type) {
  Type element = getElementTypeOrSelf(type);
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
      if (auto experts = dyn_cast<plan::ExpertLinearOp>(root);
          experts && originOf(experts.getPanels(), step) == origin)
        continue; // see addExperts
      if (byRow)
        cost.rowBytes += packedBytes(get) / std::max<int64_t>(rows, 1);
      else
        cost.weightBytes += packedBytes(get);
    } else if (auto attention = dyn_cast<plan::AttentionOp>(root);
               attention && isa<plan::GetCacheOp>(origin)) {
      auto cache = cast<RankedTensorType>(operand.getType());
      int64_t positions = attention.getRing() ? plan::RingLayout::of(cache).positions : context;
      cost.positionBytes += plan::denseBytes(cache) / std::max<int64_t>(positions, 1);
      cost.window = static_cast<int64_t>(attention.getWindow().value_or(0));
    }
  }
}

/// Whether a value has as many valid leading rows as the call.
bool isByRow(RankedTensorType type, plan::EntryOp entry) {
  return type.getRank() > 0 && type.getDimSize(0) == static_cast<int64_t>(entry.getCapacity());
}

/// What the products of an attention step are computed in: its query is of floats whatever its
/// cache is.
std::string attentionArithmetic(plan::AttentionOp attention) {
  auto keys = cast<RankedTensorType>(attention.getKeys().getType());
  if (auto layout = dyn_cast_or_null<plan::KeysAttr>(keys.getEncoding()))
    return elementName(layout.getDot().getStorage());
  return elementName(attention.getQuery().getType());
}

/// Each row meets the panels of its own experts only. Those of an expert are read once a call: what
/// a call of the capacity reads, at most, is divided among its rows.
void addExperts(plan::ExpertLinearOp op, plan::EntryOp entry, StepCost &cost) {
  auto x = cast<RankedTensorType>(op.getX().getType());
  cost.arithmetic = elementName(x);
  cost.weights = elementName(op.getPanels().getType());
  int64_t width = cast<RankedTensorType>(op.getResult().getType()).getShape().back();
  bool byRow = isByRow(x, entry);
  int64_t products = op.getPlaces() * (byRow ? 1 : x.getDimSize(0));
  constexpr int64_t kOfMultiplyAdd = 2;
  (byRow ? cost.rowProductRows : cost.productRows) = products;
  (byRow ? cost.rowOperations : cost.operations) =
      kOfMultiplyAdd * products * width * x.getShape().back();
  Operation *origin = originOf(op.getPanels(), op->getParentOfType<plan::StepOp>());
  auto get = dyn_cast_or_null<plan::GetWeightOp>(origin);
  if (!get)
    return;
  int64_t rows = x.getDimSize(0), met = std::min(op.getPlaces() * rows, op.getNumExperts());
  int64_t bytes = packedBytes(get) / op.getNumExperts() * met;
  (byRow ? cost.rowBytes : cost.weightBytes) += byRow ? bytes / rows : bytes;
}

void addOperations(Operation *root, plan::EntryOp entry, int64_t context, StepCost &cost) {
  if (auto experts = dyn_cast<plan::ExpertLinearOp>(root))
    return addExperts(experts, entry, cost);
  if (cost.op != "linear" && cost.op != "attention")
    return;
  auto input = cast<RankedTensorType>(root->getOperand(0).getType());
  auto result = cast<RankedTensorType>(root->getResult(0).getType());
  bool byRow = isByRow(input, entry);
  int64_t columns = input.getShape().back();
  // By row of the call, or of all.
  int64_t share = byRow ? std::max<int64_t>(input.getDimSize(0), 1) : 1;
  // With `gather` several of a linear layer's input are one.
  RankedTensorType counted = cost.op == "linear" ? result : input;
  int64_t rows = counted.getNumElements() / std::max<int64_t>(counted.getShape().back(), 1) / share;
  (byRow ? cost.rowProductRows : cost.productRows) = rows;
  constexpr int64_t kOfMultiplyAdd = 2, kScoresAndSum = 2;
  if (cost.op == "linear") {
    cost.arithmetic = elementName(input);
    cost.weights = elementName(root->getOperand(1).getType());
    int64_t all =
        kOfMultiplyAdd * result.getNumElements() / share * cast<plan::LinearOp>(root).getDepth();
    (byRow ? cost.rowOperations : cost.operations) = all;
    return;
  }
  cost.arithmetic = attentionArithmetic(cast<plan::AttentionOp>(root));
  cost.weights = elementName(root->getOperand(1).getType());
  if (context > 0)
    cost.positionOperations = kOfMultiplyAdd * kScoresAndSum * columns;
  else // every row of a tile attends to all of the tile's
    cost.rowOperations = kOfMultiplyAdd * kScoresAndSum * columns * rows * rows;
}

/// What the step reads of the entry's inputs and of other steps, and what it makes.
void addValues(plan::StepOp step, Operation *root, plan::EntryOp entry, StepCost &cost) {
  auto add = [&](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    int64_t bytes = plan::denseBytes(type);
    if (isByRow(type, entry))
      cost.rowValueBytes += bytes / std::max<int64_t>(type.getDimSize(0), 1);
    else
      cost.valueBytes += bytes;
  };
  if (Value result = step.getResult())
    add(result);
  if (isa<plan::LastRowOp>(root)) // reads one row, whatever there is
    return add(step.getResult());
  for (Value operand : step.getOperands())
    if (!isa_and_nonnull<plan::GetWeightOp, plan::GetCacheOp>(operand.getDefiningOp()))
      add(operand);
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
  addOperations(root, entry, context, cost);
  addValues(step, root, entry, cost);
  return cost;
}
