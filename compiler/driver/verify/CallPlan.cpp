#include "compiler/driver/verify/CallPlan.h"

#include "compiler/dialect/blue/Blue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>
#include <set>

using namespace mlir;
using namespace bluec;

/// Tokens that are decoded one by one, at least.
static constexpr int64_t kDecoded = 16;
/// Elements of one tensor: scores, logits, the rows of all pasts.
static constexpr double kMaxElements = double{1 << 26};

double CallCost::of(int64_t rows, int64_t past) const {
  // A mask is a dozen nodes over rows and positions, or more.
  constexpr double kMask = 64;
  auto r = static_cast<double>(rows), p = static_cast<double>(past);
  return (r + 1) * static_cast<double>(weights) +
         r * (r + p) * (static_cast<double>(attention) + kMask) + p * static_cast<double>(pasts);
}

CallCost bluec::callCostOf(ModuleOp raised) {
  CallCost cost;
  func::FuncOp decoder = blue::partOf(raised, blue::Role::Decoder);
  decoder.walk([&](Operation *op) {
    if (auto linear = dyn_cast<blue::LinearOp>(op))
      cost.weights += cast<ShapedType>(linear.getWeight().getType()).getNumElements();
    if (auto experts = dyn_cast<blue::ExpertLinearOp>(op)) {
      auto places = cast<ShapedType>(experts.isSum() ? experts.getX().getType()
                                                     : experts.getResult().getType());
      auto weight = cast<ShapedType>(experts.getWeight().getType());
      cost.weights += places.getDimSize(1) * weight.getDimSize(1) * weight.getDimSize(2);
    }
    if (auto attention = dyn_cast<blue::AttentionOp>(op)) {
      int64_t width = cast<ShapedType>(attention.getQuery().getType()).getShape().back();
      cost.attention += 2 * width;
      cost.heads = std::max<int64_t>(cost.heads, attention.getNumHeads());
    }
  });
  for (Type type : decoder.getArgumentTypes().drop_front())
    if (auto past = dyn_cast<RankedTensorType>(type); past && !past.getElementType().isInteger())
      cost.pasts += past.getShape().back();
  cost.vocabulary = cast<ShapedType>(decoder.getResultTypes().front()).getShape().back();
  return cost;
}

/// The largest number in [least, most] that `fits`, which gets harder; `least` when none does.
static int64_t largest(int64_t least, int64_t most, llvm::function_ref<bool(int64_t)> fits) {
  while (least < most) {
    int64_t middle = least + (most - least + 1) / 2;
    if (fits(middle))
      least = middle;
    else
      most = middle - 1;
  }
  return least;
}

/// The likeliest places first: the end, the powers of two from the far ones, what is between.
static std::vector<CallPlan::Leap> leapsOf(int64_t context, int64_t chunk) {
  constexpr int64_t kBetween = 16, kCrossing = 3;
  std::vector<CallPlan::Leap> leaps;
  std::set<std::pair<int64_t, int64_t>> seen;
  auto add = [&](int64_t past, int64_t rows) {
    if (past > 0 && past + rows <= context && seen.insert({past, rows}).second)
      leaps.push_back({past, rows});
  };
  int64_t crossing = std::min(kCrossing, chunk);
  add(context - 1, 1);
  add(context - crossing, crossing);
  for (int64_t bit = 40; bit >= 0; --bit) {
    int64_t power = int64_t{1} << bit;
    add(power - 2, crossing); // rows on both sides
    add(power - 1, 1);
    add(power, 1);
  }
  for (int64_t i = 1; i < kBetween; ++i)
    add(context / kBetween * i + i % 3, 1 + i % crossing);
  return leaps;
}

CallPlan bluec::planCalls(int64_t context, int64_t chunk, int64_t prompt, const CallCost &cost,
                          double work) {
  CallPlan plan;
  int64_t some = chunk + chunk / 2 + 1, several = 3 * chunk + chunk / 2 + 1;
  plan.prompt = prompt > 0 ? prompt : cost.of(several, 0) <= work / 4 ? several : some;
  plan.prompt = std::max<int64_t>(1, std::min(plan.prompt, context - kDecoded));
  int64_t least = std::min(plan.prompt + kDecoded, context);

  double spent = cost.of(plan.prompt, 0);
  plan.total = plan.prompt;
  while (plan.total < context && (plan.total < least || spent + cost.of(1, plan.total) <= work))
    spent += cost.of(1, plan.total++);

  plan.oneCall = largest(1, context, [&](int64_t rows) {
    auto r = static_cast<double>(rows);
    return (rows <= least || cost.of(rows, 0) <= work) &&
           r * r * static_cast<double>(cost.heads) <= kMaxElements &&
           r * static_cast<double>(cost.vocabulary) <= kMaxElements;
  });

  int64_t left = 0;
  spent = 0;
  for (const CallPlan::Leap &leap : leapsOf(context, chunk)) {
    double here = cost.of(leap.rows, leap.past);
    if (spent + here > work ||
        static_cast<double>(leap.past) * static_cast<double>(cost.pasts) > kMaxElements) {
      ++left;
      continue;
    }
    spent += here;
    plan.leaps.push_back(leap);
  }
  std::sort(plan.leaps.begin(), plan.leaps.end(),
            [](const CallPlan::Leap &a, const CallPlan::Leap &b) {
              return std::pair(a.past, a.rows) < std::pair(b.past, b.rows);
            });

  if (plan.oneCall < context)
    plan.uncovered.push_back("one call of more than " + std::to_string(plan.oneCall) + " tokens");
  if (plan.total < context)
    plan.uncovered.push_back("positions from " + std::to_string(plan.total) + " to " +
                             std::to_string(context - 1) + " but for " +
                             std::to_string(plan.leaps.size()) + " calls after a random past");
  if (left > 0)
    plan.uncovered.push_back(std::to_string(left) + " more calls after a random past");
  return plan;
}
