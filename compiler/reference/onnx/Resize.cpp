// Resize, one dim after the other: nearest, linear and cubic.
#include "compiler/base/Quoted.h"
#include "compiler/reference/onnx/Support.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace bluec::reference {

namespace {

/// One dim: `from` elements become `to`, by a factor of `scale`.
struct Side {
  int64_t from, to;
  double scale;
};

/// Elements of one dim and what they count in one element of the result.
using Taps = SmallVector<std::pair<int64_t, double>, 4>;

/// Where element `i` of the result lies among those of the operand.
double originOf(StringRef mode, const Side &side, int64_t i) {
  auto at = static_cast<double>(i);
  if (mode == "align_corners")
    return side.to == 1
               ? 0
               : at * static_cast<double>(side.from - 1) / static_cast<double>(side.to - 1);
  if (mode == "asymmetric")
    return at / side.scale;
  if (mode == "pytorch_half_pixel" && side.to == 1)
    return 0;
  return (at + 0.5) / side.scale - 0.5;
}

int64_t nearestOf(StringRef mode, double origin) {
  if (mode == "floor")
    return static_cast<int64_t>(std::floor(origin));
  if (mode == "ceil")
    return static_cast<int64_t>(std::ceil(origin));
  return static_cast<int64_t>(mode == "round_prefer_ceil" ? std::floor(origin + 0.5)
                                                          : std::ceil(origin - 0.5));
}

/// The weight of an element at `distance` in a cubic convolution.
double cubicWeight(double distance, double a) {
  distance = std::abs(distance);
  if (distance <= 1)
    return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2)
    return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
  return 0;
}

Taps tapsOf(onnx::ResizeOp op, const Side &side, int64_t i) {
  double origin = originOf(op.getCoordinateTransformationMode(), side, i);
  auto inside = [&](int64_t at) { return std::clamp<int64_t>(at, 0, side.from - 1); };
  if (op.getMode() == "nearest")
    return {{inside(nearestOf(op.getNearestMode(), origin)), 1.0}};
  auto first = static_cast<int64_t>(std::floor(origin));
  double beyond = origin - static_cast<double>(first);
  if (op.getMode() == "linear")
    return {{inside(first), 1 - beyond}, {inside(first + 1), beyond}};
  Taps taps;
  double a = op.getCubicCoeffA().convertToFloat();
  for (int64_t tap = -1; tap <= 2; ++tap)
    taps.push_back({inside(first + tap), cubicWeight(beyond - static_cast<double>(tap), a)});
  return taps;
}

/// The sides of the result, by `sizes` or `scales`.
FailureOr<SmallVector<Side>> sidesOf(onnx::ResizeOp op, Operands operands) {
  const Tensor &x = *operands[0];
  bool hasSizes = has(operands, 3) && operands[3]->numElements() > 0;
  bool hasScales = has(operands, 2) && operands[2]->numElements() > 0;
  const Tensor *given = hasSizes ? operands[3] : hasScales ? operands[2] : nullptr;
  if (hasSizes == hasScales || given->rank() != 1 || given->numElements() != x.rank() ||
      given->isFloat() == hasSizes)
    return fault(op) << "expected sizes or scales of " << x.rank() << " dims";
  SmallVector<Side> sides;
  for (int64_t i = 0; i < x.rank(); ++i) {
    Side side{x.shape[static_cast<size_t>(i)], 0, given->number(i)};
    auto from = static_cast<double>(side.from);
    double to = hasSizes ? given->number(i) : std::floor(from * side.scale);
    if (!(to >= 1 && to <= 4294967296.0) || side.from < 1)
      return fault(op) << "expected dims of at least 1, found " << side.from << " to become "
                       << std::to_string(to);
    side.to = static_cast<int64_t>(to);
    if (hasSizes)
      side.scale = to / from;
    sides.push_back(side);
  }
  return sides;
}

/// Attributes with which a result would be another one.
LogicalResult checkAttributes(onnx::ResizeOp op) {
  auto isOneOf = [](StringRef found, ArrayRef<StringRef> known) {
    return llvm::is_contained(known, found);
  };
  if (!isOneOf(op.getMode(), {"nearest", "linear", "cubic"}))
    return fault(op) << "expected mode nearest, linear or cubic, found " << inQuotes(op.getMode());
  if (!isOneOf(op.getCoordinateTransformationMode(),
               {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"}))
    return fault(op) << "expected a coordinate_transformation_mode of half_pixel, "
                        "pytorch_half_pixel, align_corners or asymmetric, found "
                     << inQuotes(op.getCoordinateTransformationMode());
  if (!isOneOf(op.getNearestMode(), {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}))
    return fault(op)
           << "expected a nearest_mode of round_prefer_floor, round_prefer_ceil, floor or "
              "ceil, found "
           << inQuotes(op.getNearestMode());
  if (op.getAxes() || op.getAntialias() != 0 || op.getExcludeOutside() != 0 ||
      op.getKeepAspectRatioPolicy() != "stretch")
    return fault(op) << "expected no axes, antialias, exclude_outside or keep_aspect_ratio_policy";
  return success();
}

Results resize(Operation *node, Operands operands, const EvaluationLimits &limits) {
  auto op = cast<onnx::ResizeOp>(node);
  const Tensor &x = *operands[0];
  if (!x.isFloat())
    return fault(op) << "expected floats";
  if (failed(checkAttributes(op)))
    return failure();
  FailureOr<SmallVector<Side>> sides = sidesOf(op, operands);
  if (failed(sides))
    return failure();
  Shape shape = x.shape;
  std::vector<double> values(static_cast<size_t>(x.numElements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = x.number(static_cast<int64_t>(i));
  for (auto [dim, side] : llvm::enumerate(*sides)) {
    if (side.from == side.to && side.scale == 1)
      continue;
    int64_t inner = 1, outer = 1;
    for (size_t other = 0; other < shape.size(); ++other)
      (other < dim ? outer : inner) *= other == dim ? 1 : shape[other];
    shape[dim] = side.to;
    FailureOr<int64_t> count = countElements(op, shape, limits);
    if (failed(count))
      return failure();
    std::vector<double> next(static_cast<size_t>(*count));
    for (int64_t i = 0; i < side.to; ++i)
      for (auto [from, weight] : tapsOf(op, side, i))
        for (int64_t a = 0; a < outer; ++a)
          for (int64_t b = 0; b < inner; ++b)
            next[static_cast<size_t>((a * side.to + i) * inner + b)] +=
                weight * values[static_cast<size_t>((a * side.from + from) * inner + b)];
    values = std::move(next);
  }
  FailureOr<Tensor> out = make(op, x.type, shape, limits);
  if (failed(out))
    return failure();
  for (size_t i = 0; i < values.size(); ++i)
    setFloat(*out, static_cast<int64_t>(i), values[i]);
  return one(std::move(*out));
}

} // namespace

void addResizeEvaluators(EvaluatorTable &table) { table["onnx.Resize"] = resize; }

} // namespace bluec::reference
