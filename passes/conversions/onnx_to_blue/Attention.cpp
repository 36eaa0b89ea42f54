// Attention, written out: two products and a softmax, with scales and masks wherever exporters put
// them.
#include "passes/conversions/onnx_to_blue/Heads.h"
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// Steps between softmax and scores, at most.
static constexpr unsigned kMaxSteps = 8;

/// The softmax under casts and what replaces the rows of fully masked queries.
static onnx::SoftmaxOp softmaxOf(Raising &raising, Value value) {
  for (unsigned step = 0; step < kMaxSteps; ++step) {
    value = strip(value);
    auto where = value.getDefiningOp<onnx::WhereOp>();
    if (!where)
      break;
    auto isNan = where.getCondition().getDefiningOp<onnx::IsNaNOp>();
    if (!isNan || !isSame(isNan.getX(), where.getY()) || raising.scalar(where.getX()) != 0.0)
      break;
    value = where.getY();
  }
  return value.getDefiningOp<onnx::SoftmaxOp>();
}

bool bluec::onnx_to_blue::matchAttention(Raising &raising, Operation *op) {
  auto product = dyn_cast<onnx::MatMulOp>(op);
  const Dependences &dependences = raising.dependences();
  if (!product || !dependences.onActivations(product.getLhs()) ||
      !dependences.onActivations(product.getRhs()))
    return false;
  onnx::SoftmaxOp softmax = softmaxOf(raising, product.getLhs());
  if (!softmax)
    return false;
  auto axis = static_cast<int64_t>(softmax.getAxis());
  auto scoresType = dyn_cast<RankedTensorType>(softmax.getX().getType());
  if (!scoresType || (axis != -1 && axis != scoresType.getRank() - 1)) {
    raising.explain(op, "expected a softmax over the last dim, found axis " + Twine(axis));
    return false;
  }

  // Down to the scores.
  SmallVector<MaskUse> masks;
  double scale = 1;
  HeadOperands operands;
  operands.value = product.getRhs();
  Operation *scores = nullptr;
  Value at = strip(softmax.getX());
  for (unsigned step = 0; step < kMaxSteps && !scores; ++step) {
    Operation *next = at.getDefiningOp();
    if (!next)
      break;
    if (auto sum = dyn_cast<onnx::AddOp>(next)) {
      bool isLeft = dependences.onActivations(sum.getLhs());
      Value mask = isLeft ? sum.getRhs() : sum.getLhs();
      if (dependences.onActivations(mask)) {
        raising.explain(op, "expected a mask that depends on positions only");
        return false;
      }
      masks.push_back({mask, /*additive=*/true, /*inverted=*/false});
      at = strip(isLeft ? sum.getLhs() : sum.getRhs());
    } else if (auto where = dyn_cast<onnx::WhereOp>(next)) {
      bool isSeenLeft = dependences.onActivations(where.getX());
      std::optional<double> hidden = raising.scalar(isSeenLeft ? where.getY() : where.getX());
      if (!hidden || *hidden > kHidden || dependences.onActivations(where.getCondition())) {
        raising.explain(op, "expected a mask that puts a large negative number where it hides");
        return false;
      }
      masks.push_back({where.getCondition(), /*additive=*/false, /*inverted=*/!isSeenLeft});
      at = strip(isSeenLeft ? where.getX() : where.getY());
    } else if (isa<onnx::MulOp, onnx::DivOp>(next)) {
      SmallVector<Scaled> readings = readAsScaled(raising, at);
      if (readings.size() < 2) {
        raising.explain(op, "expected scores that are scaled by one number");
        return false;
      }
      scale *= readings[1].factor;
      at = readings[1].value;
    } else if (auto plain = dyn_cast<onnx::MatMulOp>(next)) {
      operands.query = plain.getLhs();
      operands.key = plain.getRhs();
      operands.keyTransposed = true;
      scores = plain;
    } else if (auto fused = dyn_cast<onnx::MsFusedMatMulOp>(next)) {
      if (fused.getTransA() != 0 || fused.getTransBatchA() != 0 || fused.getTransBatchB() != 0)
        break;
      operands.query = fused.getLhs();
      operands.key = fused.getRhs();
      operands.keyTransposed = fused.getTransB() == 0;
      scale *= fused.getAlpha().convertToFloat();
      scores = fused;
    } else {
      break;
    }
  }
  if (!scores) {
    raising.explain(op, "expected scores that are a product of queries and keys under the softmax");
    return false;
  }
  std::optional<AttentionParts> parts = readAttention(raising, op, operands, scale);
  if (!parts || !masksFit(raising, op, masks, bool(parts->pastKey), /*isCausal=*/false))
    return false;
  return recordAttention(raising, {op, softmax, scores}, *parts, product.getResult(),
                         resultArrangement(raising, operands, product.getResult()));
}
