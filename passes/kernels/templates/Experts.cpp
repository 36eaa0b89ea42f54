// Mixtures of experts: which experts a row goes to, and the linear layers of those experts.
//
// route: a row's logits e and f are compared for all e and f: the rank of e is how many come before
// it, and e is chosen when that is less than `chosen`. So no order has to be made, and ties go to
// the last.
//
// expert_linear: a task is one panel's place in all experts, for all rows. For each place of a row
// its expert is looked up in the row of `routing`, and one panel of that expert is multiplied with
// x: a chain of fused multiply-adds over k for each vector, then the bias. Rows come one at a time:
// those of one expert are not gathered.
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

static Value compare(KernelBuilder &b, arith::CmpFPredicate predicate, Value x, Value y) {
  return arith::CmpFOp::create(b, predicate, x, y);
}

namespace {

class RouteEmitter {
public:
  RouteEmitter(StepKernel &k, blue::RouteOp op)
      : k(k), b(k.b), logits(k.buffer(op.getLogits())), experts(k.shape().cols),
        chosen(op.getChosen()), isNormalized(op.getNormalized()) {}

  void emit() {
    b.loop(k.begin, k.end, 1, [&](Value at) {
      row = at;
      Value most = b.broadcast(b.maxLanes(
          b.forColumns(experts, b.splat(kLeast), [&](Columns at, ValueRange carried) -> Values {
            return {b.maxf(inside(at, load(at), kLeast), carried[0])};
          })[0]));
      Value sums = b.forColumns(experts, b.splat(0), [&](Columns at, ValueRange carried) -> Values {
        Value share = exponential(at, most);
        if (isNormalized)
          share = b.select(isChosen(at), share, b.splat(0));
        return {b.addf(carried[0], inside(at, share, 0))};
      })[0];
      Value sum = b.broadcast(b.sumLanes(sums));
      k.finishRow(row, [&](Columns at) {
        return b.select(isChosen(at), b.divf(exponential(at, most), sum), b.splat(0));
      });
    });
  }

private:
  static constexpr double kLeast = -3.4028234663852886e38; // of f32

  Value load(Columns at) { return b.load(logits, {row, at.col}, at.mask); }
  Value inside(Columns at, Value value, double otherwise) {
    return at.mask ? b.select(at.mask, value, b.splat(otherwise)) : value;
  }
  Value exponential(Columns at, Value most) { return b.exp(b.subf(load(at), most)); }

  /// Lanes whose expert is one of the row's.
  Value isChosen(Columns at) {
    Value own = load(at);
    Value before = b.loop(b.index(0), b.index(experts), 1, b.splat(0),
                          [&](Value other, ValueRange carried) -> Values {
                            Value logit = b.loadBroadcast(logits, {row, other});
                            // Of equal ones the later comes first: lanes before `other`.
                            Value isLater = b.laneMask(b.sub(other, at.col));
                            Value isBefore = b.ori(
                                compare(b, arith::CmpFPredicate::OGT, logit, own),
                                b.andi(isLater, compare(b, arith::CmpFPredicate::OEQ, logit, own)));
                            return {b.addf(carried[0], b.select(isBefore, b.splat(1), b.splat(0)))};
                          })[0];
    return compare(b, arith::CmpFPredicate::OLT, before, b.splat(static_cast<double>(chosen)));
  }

  StepKernel &k;
  KernelBuilder &b;
  const Value logits;
  const int64_t experts, chosen;
  const bool isNormalized;
  Value row;
};

class ExpertLinearEmitter {
public:
  ExpertLinearEmitter(StepKernel &k, plan::ExpertLinearOp op)
      : k(k), b(k.b), op(op), x(k.buffer(op.getX())), panels(k.buffer(op.getPanels())),
        routing(k.buffer(op.getRouting())), bias(op.getBias() ? k.buffer(op.getBias()) : Value()),
        places(op.getPlaces()), experts(op.getNumExperts()), width(k.shape().cols),
        depth(rowShape(op.getX().getType()).cols),
        panelRows(cast<RankedTensorType>(op.getPanels().getType()).getDimSize(2)),
        vectors(panelRows / b.facts.lanes) {}

  void emit() {
    int64_t ofExpert = width / panelRows;
    k.tasks = k.constantExpr(ofExpert);
    Value rows = k.validRows(op.getRouting().getType());
    b.loop(k.begin, k.end, 1, [&](Value task) {
      Value column = b.mul(task, panelRows);
      b.loop(b.index(0), rows, 1, [&](Value row) {
        Values sums(static_cast<size_t>(vectors), b.splat(0));
        sums = b.loop(b.index(0), b.index(places), 1, op.isSum() ? ValueRange(sums) : ValueRange(),
                      [&](Value place, ValueRange carried) -> Values {
                        Expert expert = expertAt(row, place);
                        Value panel = b.add(b.mul(expert.number, ofExpert), task);
                        Value from = op.isSum() ? b.add(b.mul(row, places), place) : row;
                        Values made = multiply(from, panel, column, expert);
                        if (!op.isSum()) {
                          store(made, b.add(b.mul(row, places), place), column);
                          return {};
                        }
                        Value share = b.loadBroadcast(routing, {row, expert.number});
                        for (auto [value, sum] : llvm::zip_equal(made, carried))
                          value = b.select(expert.isThere, b.fma(share, value, sum), sum);
                        return made;
                      });
        if (op.isSum())
          store(sums, row, column);
      });
    });
  }

private:
  struct Expert {
    Value number; // 0 when it is not there
    Value isThere;
  };
  /// The expert of one of a row's places.
  Expert expertAt(Value row, Value place) {
    Values none{b.index(0), b.index(0), b.index(-1)};
    Values found = b.loop(
        b.index(0), b.index(experts), 1, none, [&](Value expert, ValueRange carried) -> Values {
          // Carried: experts of the row so far, the one of this place, its number among them.
          Value share = b.loadScalar(routing, {row, expert});
          Value isOne = compare(b, arith::CmpFPredicate::UNE, share, b.scalar(0));
          Value isPlace =
              b.andi(isOne, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, carried[0], place));
          Value next = b.select(isOne, b.add(carried[0], 1), carried[0]);
          return {next, b.select(isPlace, expert, carried[1]),
                  b.select(isPlace, place, carried[2])};
        });
    return {found[1], b.less(b.index(-1), found[2])};
  }

  /// A row of x times a panel, and the bias; 0, and nothing read, for an expert that is not there.
  Values multiply(Value row, Value panel, Value column, const Expert &expert) {
    Value end = b.select(expert.isThere, b.index(depth), b.index(0));
    Values sums(static_cast<size_t>(vectors), b.splat(0));
    sums = b.loop(b.index(0), end, 1, sums, [&](Value at, ValueRange carried) {
      Value element = b.loadBroadcast(x, {row, at});
      Values next;
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(b.fma(element, loadWeights({panel, at, b.index(v * b.facts.lanes)}),
                             carried[static_cast<size_t>(v)]));
      return next;
    });
    for (int64_t v = 0; bias && v < vectors; ++v) {
      Value &sum = sums[static_cast<size_t>(v)];
      Value added = b.load(bias, {expert.number, b.add(column, v * b.facts.lanes)});
      sum = b.select(expert.isThere, b.addf(sum, added), sum);
    }
    return sums;
  }

  Value loadWeights(ValueRange at) {
    Type element = cast<MemRefType>(panels.getType()).getElementType();
    Value vector = vector::LoadOp::create(b, VectorType::get(b.facts.lanes, element), panels, at);
    return element.isF32() ? vector : b.extend(vector);
  }

  void store(ValueRange sums, Value row, Value column) {
    for (auto [v, sum] : llvm::enumerate(sums))
      k.finish(sum, row, {b.add(column, static_cast<int64_t>(v) * b.facts.lanes), {}});
  }

  StepKernel &k;
  KernelBuilder &b;
  plan::ExpertLinearOp op;
  const Value x, panels, routing, bias; // bias may be null
  const int64_t places, experts, width, depth, panelRows, vectors;
};

} // namespace

LogicalResult kernels::emitRoute(StepKernel &k, blue::RouteOp op) {
  k.tasks = k.validRowsExpr(op.getType());
  RouteEmitter(k, op).emit();
  return success();
}

LogicalResult kernels::emitExpertLinear(StepKernel &k, plan::ExpertLinearOp op) {
  RankedTensorType panels = op.getPanels().getType();
  if (panels.getRank() != 3 || panels.getDimSize(2) % k.b.facts.lanes != 0)
    return op.emitError() << "expected panels of a multiple of " << k.b.facts.lanes
                          << " rows, found " << panels;
  ExpertLinearEmitter(k, op).emit();
  return success();
}
