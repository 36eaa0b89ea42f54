// route: a row's logits e and f are compared for all e and f: the rank of e is how many come before
// it, and e is chosen when that is less than `chosen`. So no order has to be made, and ties go to
// the last.
#include "passes/kernels/templates/Templates.h"

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

} // namespace

LogicalResult kernels::emitRoute(StepKernel &k, blue::RouteOp op) {
  k.tasks = k.validRowsExpr(op.getType());
  RouteEmitter(k, op).emit();
  return success();
}
