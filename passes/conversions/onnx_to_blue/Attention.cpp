// Attention, written out: two products and a softmax, with scales and masks wherever exporters put
// them.
#include "passes/conversions/onnx_to_blue/Heads.h"
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// Steps between softmax and scores, at most.
static constexpr unsigned kMaxSteps = 12;

namespace {

/// The parts of a softmax that has one more score a row, which its result leaves out again.
struct Sinks {
  Operation *slice = nullptr;
  Value values; ///< broadcast to [..., heads, rows, 1]; null when there are none
  Value scores;
};

} // namespace

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

/// The largest value of each row taken off, as a softmax does by itself: what it is taken from.
static Value withoutMaximum(Raising &raising, Value value) {
  value = strip(value);
  auto difference = value.getDefiningOp<onnx::SubOp>();
  if (!difference)
    return value;
  auto largest = producer<onnx::ReduceMaxOp>(difference.getRhs());
  bool isSameRow = largest && largest.getKeepdims() != 0 &&
                   isSame(largest.getData(), difference.getLhs()) &&
                   !isa<NoneType>(largest.getAxes().getType());
  if (!isSameRow || !raising.dependences().isConstant(largest.getAxes()))
    return value;
  std::shared_ptr<const Tensor> axes = raising.shortProbes().front()->value(largest.getAxes());
  auto type = dyn_cast<RankedTensorType>(largest.getData().getType());
  bool isLast = type && axes && axes->i64.size() == 1 &&
                (axes->i64[0] == -1 || axes->i64[0] == type.getRank() - 1);
  return isLast ? strip(difference.getLhs()) : value;
}

/// softmax(concat(scores, sinks)) without its last column, if the weights are that.
static std::optional<Sinks> readSinks(Raising &raising, Value weights) {
  auto slice = producer<onnx::SliceOp>(weights);
  onnx::SoftmaxOp softmax = slice ? softmaxOf(raising, slice.getData()) : onnx::SoftmaxOp();
  auto concat = softmax ? withoutMaximum(raising, softmax.getX()).getDefiningOp<onnx::ConcatOp>()
                        : onnx::ConcatOp();
  if (!concat || concat->getNumOperands() != 2)
    return std::nullopt;
  Value scores = concat->getOperand(0), values = concat->getOperand(1);
  auto type = dyn_cast<RankedTensorType>(scores.getType());
  auto axis = static_cast<int64_t>(concat.getAxis());
  if (!type || type.getRank() < 1 || (axis != -1 && axis != type.getRank() - 1) ||
      raising.dependences().onActivations(values))
    return std::nullopt;
  // The slice is the scores' columns: counted at all probes.
  for (Probe *probe : raising.allProbes()) {
    std::optional<std::vector<int64_t>> all = probe->shape(slice.getData()),
                                        kept = probe->shape(slice.getResult()),
                                        scored = probe->shape(scores);
    if (!all || !kept || !scored || *kept != *scored || all->back() != kept->back() + 1)
      return std::nullopt;
  }
  std::shared_ptr<const Tensor> starts = raising.shortProbes().front()->value(slice.getStarts());
  if (!starts || !raising.dependences().isConstant(slice.getStarts()) ||
      !llvm::all_of(starts->i64, [](int64_t start) { return start == 0; }))
    return std::nullopt;
  return Sinks{slice, values, scores};
}

/// One number a head, the same at all probes; null when the sinks are not that.
static std::shared_ptr<const Tensor> sinksByHead(Raising &raising, Value values, int64_t heads) {
  std::shared_ptr<const Tensor> result;
  for (Probe *probe : raising.shortProbes()) {
    std::shared_ptr<const Tensor> found = probe->value(values);
    int64_t rows = probe->lengths().rows;
    if (!found || found->type != reference::ElementType::F32 ||
        found->numElements() != heads * rows || found->rank() < 3 ||
        found->shape[found->rank() - 2] != rows || found->shape.back() != 1)
      return nullptr;
    Tensor byHead = Tensor::zeros(reference::ElementType::F32, {heads});
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < rows; ++row) {
        float sink = found->f32[head * rows + row];
        if (row > 0 && sink != byHead.f32[head])
          return nullptr;
        byHead.f32[head] = sink;
      }
    if (result && result->f32 != byHead.f32)
      return nullptr;
    result = std::make_shared<Tensor>(std::move(byHead));
  }
  return result;
}

bool bluec::onnx_to_blue::matchAttention(Raising &raising, Operation *op) {
  auto product = dyn_cast<onnx::MatMulOp>(op);
  const Dependences &dependences = raising.dependences();
  if (!product || !dependences.onActivations(product.getLhs()) ||
      !dependences.onActivations(product.getRhs()))
    return false;
  std::optional<Sinks> sinks = readSinks(raising, product.getLhs());
  onnx::SoftmaxOp softmax =
      softmaxOf(raising, sinks ? sinks->slice->getOperand(0) : product.getLhs());
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
  std::optional<double> softcap; // once a tanh has been met: what it is multiplied with
  HeadOperands operands;
  operands.value = product.getRhs();
  Operation *scores = nullptr;
  Value at = strip(sinks ? sinks->scores : softmax.getX());
  for (unsigned step = 0; step < kMaxSteps && !scores; ++step) {
    Operation *next = at.getDefiningOp();
    if (!next)
      break;
    if (softcap && isa<onnx::AddOp, onnx::WhereOp, onnx::TanhOp>(next)) {
      raising.explain(op, "expected a mask outside of the cap of scores, found one inside");
      return false;
    }
    if (auto cap = dyn_cast<onnx::TanhOp>(next)) {
      softcap = scale;
      scale = 1;
      at = strip(cap.getX());
    } else if (auto sum = dyn_cast<onnx::AddOp>(next)) {
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
  if (softcap) {
    if (!(*softcap > 0)) {
      raising.explain(op, "expected a positive cap of scores, found " +
                              Twine(std::to_string(*softcap)));
      return false;
    }
    scale *= *softcap; // c tanh(k s) is the cap c of c k s
  }
  std::optional<AttentionParts> parts = readAttention(raising, op, operands, scale);
  if (!parts || !masksFit(raising, op, masks, *parts, /*isCausal=*/false))
    return false;
  if (softcap)
    parts->softcap = *softcap;
  if (sinks) {
    parts->sinks = sinksByHead(raising, sinks->values, parts->heads);
    if (!parts->sinks) {
      raising.explain(op, "expected one more score for each head, the same in every row");
      return false;
    }
  }
  return recordAttention(raising, {op, softmax, scores}, *parts, product.getResult(),
                         resultArrangement(raising, operands, product.getResult()));
}
