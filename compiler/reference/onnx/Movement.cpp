// Evaluators of ops that rearrange elements: reshapes, transposes, joins and cuts.
#include "compiler/base/Quoted.h"
#include "compiler/reference/onnx/Support.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace bluec::reference {
namespace {

// The same elements under another shape.
Results withShape(Operation *op, const Tensor &x, Shape shape) {
  int64_t count = 1;
  for (int64_t dim : shape)
    if (dim < 0 || llvm::MulOverflow(count, dim, count))
      return fault(op) << "expected a shape of " << x.numElements() << " elements";
  if (count != x.numElements())
    return fault(op) << "expected a shape of " << x.numElements() << " elements, found " << count;
  Tensor out = x;
  out.shape = std::move(shape);
  return one(std::move(out));
}

Results reshape(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &x = *operands[0];
  FailureOr<ArrayRef<int64_t>> wanted = integersOf(op, *operands[1]);
  if (failed(wanted))
    return failure();
  bool allowZero = cast<onnx::ReshapeOp>(op).getAllowzero() != 0;
  Shape shape(*wanted);
  std::optional<size_t> inferred;
  int64_t known = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !allowZero) {
      if (i >= x.shape.size())
        return fault(op) << "expected 0 in the shape to stand for a dim of the input";
      shape[i] = x.shape[i];
    }
    if (shape[i] == -1) {
      if (inferred)
        return fault(op) << "expected at most one -1 in the shape, found more";
      inferred = i;
    } else if (shape[i] < 0 || llvm::MulOverflow(known, shape[i], known)) {
      return fault(op) << "expected dims of at least -1 in the shape, found " << shape[i];
    }
  }
  if (inferred) {
    if (known == 0 || x.numElements() % known != 0)
      return fault(op) << "expected a shape that divides " << x.numElements() << " elements";
    shape[*inferred] = x.numElements() / known;
  }
  return withShape(op, x, std::move(shape));
}

Results flatten(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &x = *operands[0];
  int64_t axis = cast<onnx::FlattenOp>(op).getAxis(), rank = x.rank();
  if (axis < -rank || axis > rank)
    return fault(op) << "expected an axis in [" << -rank << ", " << rank << "], found " << axis;
  axis += axis < 0 ? rank : 0;
  Shape shape = {1, 1};
  for (int64_t i = 0; i < rank; ++i)
    shape[i < axis ? 0 : 1] *= x.shape[static_cast<size_t>(i)];
  return withShape(op, x, std::move(shape));
}

Results squeeze(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &x = *operands[0];
  std::vector<bool> isDropped(x.shape.size(), false);
  if (has(operands, 1)) {
    FailureOr<ArrayRef<int64_t>> axes = integersOf(op, *operands[1]);
    if (failed(axes))
      return failure();
    for (int64_t axis : *axes) {
      FailureOr<int64_t> at = axisOf(op, axis, x.rank());
      if (failed(at))
        return failure();
      if (x.shape[static_cast<size_t>(*at)] != 1)
        return fault(op) << "expected dim " << *at << " to be 1, found "
                         << x.shape[static_cast<size_t>(*at)];
      isDropped[static_cast<size_t>(*at)] = true;
    }
  } else {
    for (size_t i = 0; i < x.shape.size(); ++i)
      isDropped[i] = x.shape[i] == 1;
  }
  Shape shape;
  for (size_t i = 0; i < x.shape.size(); ++i)
    if (!isDropped[i])
      shape.push_back(x.shape[i]);
  return withShape(op, x, std::move(shape));
}

Results unsqueeze(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &x = *operands[0];
  FailureOr<ArrayRef<int64_t>> axes = integersOf(op, *operands[1]);
  if (failed(axes))
    return failure();
  int64_t rank = x.rank() + static_cast<int64_t>(axes->size());
  std::vector<bool> isNew(static_cast<size_t>(rank), false);
  for (int64_t axis : *axes) {
    FailureOr<int64_t> at = axisOf(op, axis, rank);
    if (failed(at))
      return failure();
    if (isNew[static_cast<size_t>(*at)])
      return fault(op) << "expected axes without repetition, found " << axis << " twice";
    isNew[static_cast<size_t>(*at)] = true;
  }
  Shape shape;
  auto next = x.shape.begin();
  for (bool inserted : isNew)
    shape.push_back(inserted ? 1 : *next++);
  return withShape(op, x, std::move(shape));
}

Results transpose(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  size_t rank = x.shape.size();
  Shape perm;
  if (std::optional<ArrayRef<int64_t>> given = cast<onnx::TransposeOp>(op).getPerm())
    perm.assign(given->begin(), given->end());
  else
    for (size_t i = rank; i-- > 0;)
      perm.push_back(static_cast<int64_t>(i));
  Shape sorted = perm, shape, strides, own = stridesOf(x.shape);
  std::ranges::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted.size() != rank || sorted[i] != static_cast<int64_t>(i))
      return fault(op) << "expected perm to be a permutation of " << rank << " dims";
  if (perm.size() != rank)
    return fault(op) << "expected perm to be a permutation of " << rank << " dims";
  for (int64_t from : perm) {
    shape.push_back(x.shape[static_cast<size_t>(from)]);
    strides.push_back(own[static_cast<size_t>(from)]);
  }
  FailureOr<Tensor> out = takeStrided(op, x, shape, strides, 0, limits);
  return failed(out) ? Results(failure()) : one(std::move(*out));
}

// Copies all of `x` into `out` so that x's first element lands at `offset`.
void place(Tensor &out, const Tensor &x, const Shape &outStrides, int64_t offset) {
  withElements(out, x, [&](auto &to, const auto &from) {
    forEachIndex<1>(x.shape, {outStrides}, [&](int64_t i, const std::array<int64_t, 1> &at) {
      to[static_cast<size_t>(offset + at[0])] = from[static_cast<size_t>(i)];
    });
  });
}

Results concat(Operation *op, Operands operands, const EvaluationLimits &limits) {
  if (operands.empty())
    return fault(op) << "expected at least one input";
  const Tensor &first = *operands[0];
  FailureOr<int64_t> axis = axisOf(op, cast<onnx::ConcatOp>(op).getAxis(), first.rank());
  if (failed(axis))
    return failure();
  auto along = static_cast<size_t>(*axis);
  Shape shape = first.shape;
  for (const Tensor *x : operands.drop_front()) {
    if (x->type != first.type || x->rank() != first.rank())
      return fault(op) << "expected inputs of one element type and rank";
    for (size_t i = 0; i < shape.size(); ++i)
      if (i != along && x->shape[i] != shape[i])
        return fault(op) << "expected equal dims " << i << ", found " << shape[i] << " and "
                         << x->shape[i];
    if (llvm::AddOverflow(shape[along], x->shape[along], shape[along]))
      return fault(op) << "expected dims that can be added";
  }
  FailureOr<Tensor> out = make(op, first.type, shape, limits);
  if (failed(out))
    return failure();
  Shape strides = stridesOf(shape);
  int64_t offset = 0;
  for (const Tensor *x : operands) {
    place(*out, *x, strides, offset);
    offset += x->shape[along] * strides[along];
  }
  return one(std::move(*out));
}

Results split(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  FailureOr<int64_t> axis = axisOf(op, cast<onnx::SplitOp>(op).getAxis(), x.rank());
  if (failed(axis))
    return failure();
  auto along = static_cast<size_t>(*axis);
  int64_t extent = x.shape[along], count = op->getNumResults();
  Shape sizes;
  if (has(operands, 1)) {
    FailureOr<ArrayRef<int64_t>> given = integersOf(op, *operands[1]);
    if (failed(given))
      return failure();
    sizes.assign(given->begin(), given->end());
  } else if (count > 0) {
    int64_t size = (extent + count - 1) / count;
    for (int64_t i = 0; i < count; ++i)
      sizes.push_back(std::clamp<int64_t>(extent - size * i, 0, size));
  }
  int64_t sum = 0;
  for (int64_t size : sizes)
    if (size < 0 || size > extent || (sum += size) > extent)
      return fault(op) << "expected split sizes of sum " << extent;
  if (static_cast<int64_t>(sizes.size()) != count || sum != extent)
    return fault(op) << "expected " << count << " split sizes of sum " << extent << ", found "
                     << sizes.size() << " of sum " << sum;
  SmallVector<Tensor> results;
  Shape strides = stridesOf(x.shape);
  int64_t offset = 0;
  for (int64_t size : sizes) {
    Shape shape = x.shape;
    shape[along] = size;
    FailureOr<Tensor> part = takeStrided(op, x, shape, strides, offset, limits);
    if (failed(part))
      return failure();
    results.push_back(std::move(*part));
    offset += size * strides[along];
  }
  return results;
}

Results slice(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  std::array<ArrayRef<int64_t>, 4> lists; // starts, ends, axes, steps
  Shape axes, steps;
  for (size_t k = 0; k < 4; ++k) {
    if (!has(operands, k + 1))
      continue;
    FailureOr<ArrayRef<int64_t>> values = integersOf(op, *operands[k + 1]);
    if (failed(values))
      return failure();
    lists[k] = *values;
  }
  size_t count = lists[0].size();
  if (!has(operands, 3))
    for (size_t i = 0; i < count; ++i)
      axes.push_back(static_cast<int64_t>(i));
  else
    axes.assign(lists[2].begin(), lists[2].end());
  steps = has(operands, 4) ? Shape(lists[3]) : Shape(count, 1);
  if (lists[1].size() != count || axes.size() != count || steps.size() != count)
    return fault(op) << "expected starts, ends, axes and steps of one length";
  Shape shape = x.shape, strides = stridesOf(x.shape);
  const Shape own = strides;
  int64_t offset = 0;
  std::vector<bool> isSliced(shape.size(), false);
  for (size_t i = 0; i < count; ++i) {
    FailureOr<int64_t> axis = axisOf(op, axes[i], x.rank());
    if (failed(axis))
      return failure();
    auto along = static_cast<size_t>(*axis);
    int64_t extent = x.shape[along], step = steps[i];
    if (step == 0 || isSliced[along])
      return fault(op) << "expected steps other than 0 and each axis once";
    isSliced[along] = true;
    auto fromEnd = [&](int64_t at) { return at >= 0 ? at : at < -extent ? -1 : at + extent; };
    int64_t first = fromEnd(lists[0][i]), last = fromEnd(lists[1][i]);
    // A start before the beginning is the first element; with a negative step, an end there means
    // that the first element is included.
    if (extent == 0) {
      first = last = 0;
    } else if (step > 0) {
      first = std::clamp<int64_t>(first, 0, extent);
      last = std::clamp<int64_t>(last, 0, extent);
    } else {
      first = std::clamp<int64_t>(first, 0, extent - 1);
      last = std::clamp<int64_t>(last, -1, extent - 1);
    }
    int64_t distance = step > 0 ? last - first : first - last, length = 0;
    if (distance > 0)
      length = step == INT64_MIN ? 1 : (distance - 1) / std::abs(step) + 1;
    shape[along] = length;
    if (length > 0)
      offset += first * own[along];
    // With one element or none the stride is never used, and may be too large to multiply.
    strides[along] = length > 1 ? own[along] * step : 0;
  }
  FailureOr<Tensor> out = takeStrided(op, x, shape, strides, offset, limits);
  return failed(out) ? Results(failure()) : one(std::move(*out));
}

Results expand(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  FailureOr<ArrayRef<int64_t>> wanted = integersOf(op, *operands[1]);
  if (failed(wanted))
    return failure();
  for (int64_t dim : *wanted)
    if (dim < 0)
      return fault(op) << "expected dims of at least 0 in the shape, found " << dim;
  FailureOr<Shape> shape = broadcastShapes(op, x.shape, *wanted);
  if (failed(shape))
    return failure();
  FailureOr<Tensor> out = takeStrided(op, x, *shape, broadcastStrides(x.shape, *shape), 0, limits);
  return failed(out) ? Results(failure()) : one(std::move(*out));
}

Results tile(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  FailureOr<ArrayRef<int64_t>> repeats = integersOf(op, *operands[1]);
  if (failed(repeats))
    return failure();
  if (repeats->size() != x.shape.size())
    return fault(op) << "expected " << x.shape.size() << " repeats, found " << repeats->size();
  Shape shape, paired, strides, own = stridesOf(x.shape);
  for (size_t i = 0; i < x.shape.size(); ++i) {
    int64_t dim;
    if ((*repeats)[i] < 0 || llvm::MulOverflow(x.shape[i], (*repeats)[i], dim))
      return fault(op) << "expected repeats of at least 0, found " << (*repeats)[i];
    shape.push_back(dim);
    paired.insert(paired.end(), {(*repeats)[i], x.shape[i]});
    strides.insert(strides.end(), {0, own[i]});
  }
  FailureOr<Tensor> out = takeStrided(op, x, paired, strides, 0, limits);
  if (failed(out))
    return failure();
  out->shape = shape;
  return one(std::move(*out));
}

Results pad(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  StringRef mode = cast<onnx::PadOp>(op).getMode();
  if (mode != "constant" && mode != "edge" && mode != "reflect")
    return fault(op) << "expected mode constant, edge or reflect, found " << inQuotes(mode);
  FailureOr<ArrayRef<int64_t>> pads = integersOf(op, *operands[1]);
  if (failed(pads))
    return failure();
  Shape axes;
  if (has(operands, 3)) {
    FailureOr<ArrayRef<int64_t>> given = integersOf(op, *operands[3]);
    if (failed(given))
      return failure();
    axes.assign(given->begin(), given->end());
  } else {
    for (int64_t i = 0; i < x.rank(); ++i)
      axes.push_back(i);
  }
  if (pads->size() != 2 * axes.size())
    return fault(op) << "expected " << 2 * axes.size() << " pads, found " << pads->size();
  Shape shape = x.shape, before(x.shape.size(), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    FailureOr<int64_t> axis = axisOf(op, axes[i], x.rank());
    if (failed(axis))
      return failure();
    auto along = static_cast<size_t>(*axis);
    constexpr int64_t kMaxPad = int64_t{1} << 40;
    if (std::max(std::abs((*pads)[i] / 2), std::abs((*pads)[axes.size() + i] / 2)) > kMaxPad)
      return fault(op) << "expected pads of at most " << kMaxPad;
    before[along] = (*pads)[i];
    if (llvm::AddOverflow(shape[along], (*pads)[i], shape[along]) ||
        llvm::AddOverflow(shape[along], (*pads)[axes.size() + i], shape[along]))
      return fault(op) << "expected pads that can be added";
  }
  FailureOr<Tensor> out = make(op, x.type, shape, limits);
  if (failed(out))
    return failure();
  Tensor value = Tensor::zeros(x.type, {1});
  if (has(operands, 2)) {
    value = *operands[2];
    if (value.numElements() != 1 || value.type != x.type)
      return fault(op) << "expected one constant_value of the data's type";
  }
  Shape own = stridesOf(x.shape), index(shape.size(), 0);
  if (mode != "constant")
    for (int64_t dim : x.shape)
      if (dim == 0)
        return fault(op) << "expected data to repeat, found none";
  // Where output position `at` of dim `dim` comes from; -1 outside.
  auto sourceOf = [&](int64_t at, size_t dim) -> int64_t {
    int64_t extent = x.shape[dim];
    at -= before[dim];
    if (at >= 0 && at < extent)
      return at;
    if (mode == "constant")
      return -1;
    if (mode == "edge" || extent == 1)
      return at < 0 ? 0 : extent - 1;
    int64_t period = 2 * (extent - 1), phase = ((at % period) + period) % period;
    return phase < extent ? phase : period - phase;
  };
  withElements(*out, x, [&](auto &to, const auto &from) {
    using Element = std::decay_t<decltype(to[0])>;
    Element fill{};
    withElements(value, value,
                 [&](auto &, const auto &elements) { fill = static_cast<Element>(elements[0]); });
    for (int64_t i = 0, count = static_cast<int64_t>(to.size()); i < count; ++i) {
      int64_t position = 0;
      for (size_t dim = 0; dim < index.size() && position >= 0; ++dim) {
        int64_t at = sourceOf(index[dim], dim);
        position = at < 0 ? -1 : position + at * own[dim];
      }
      to[static_cast<size_t>(i)] = position < 0 ? fill : from[static_cast<size_t>(position)];
      for (size_t dim = index.size(); dim-- > 0;) {
        if (++index[dim] < shape[dim])
          break;
        index[dim] = 0;
      }
    }
  });
  return one(std::move(*out));
}

// [B, C, H, W] with blocks of b * b between channels and space.
Results depthToSpace(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::DepthToSpaceOp>(op);
  const Tensor &x = *operands[0];
  int64_t b = static_cast<int64_t>(node.getBlocksize());
  if (x.rank() != 4 || b < 1 || b > (1 << 15) || x.shape[1] % (b * b) != 0)
    return fault(op) << "expected [B, C * b * b, H, W]";
  int64_t c = x.shape[1] / (b * b), h = x.shape[2], w = x.shape[3], plane = h * w;
  bool isDcr = node.getMode() == "DCR";
  if (!isDcr && node.getMode() != "CRD")
    return fault(op) << "expected mode DCR or CRD, found " << inQuotes(node.getMode());
  // Result order: batch, channel, row, row in block, column, column in block.
  Shape shape = {x.shape[0], c, h, b, w, b};
  int64_t channel = isDcr ? plane : b * b * plane, block = isDcr ? c * plane : plane;
  Shape strides = {x.shape[1] * plane, channel, w, b * block, 1, block};
  FailureOr<Tensor> out = takeStrided(op, x, shape, strides, 0, limits);
  if (failed(out))
    return failure();
  out->shape = {x.shape[0], c, h * b, w * b};
  return one(std::move(*out));
}
Results spaceToDepth(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  int64_t b = static_cast<int64_t>(cast<onnx::SpaceToDepthOp>(op).getBlocksize());
  if (x.rank() != 4 || b < 1 || b > (1 << 15) || x.shape[2] % b != 0 || x.shape[3] % b != 0)
    return fault(op) << "expected [B, C, H * b, W * b]";
  int64_t c = x.shape[1], h = x.shape[2], w = x.shape[3];
  // Result order: batch, row in block, column in block, channel, row, column.
  Shape shape = {x.shape[0], b, b, c, h / b, w / b};
  Shape strides = {c * h * w, w, 1, h * w, b * w, b};
  FailureOr<Tensor> out = takeStrided(op, x, shape, strides, 0, limits);
  if (failed(out))
    return failure();
  out->shape = {x.shape[0], c * b * b, h / b, w / b};
  return one(std::move(*out));
}

} // namespace

void addMovementEvaluators(EvaluatorTable &table) {
  table["onnx.Reshape"] = reshape;
  table["onnx.Flatten"] = flatten;
  table["onnx.Squeeze"] = squeeze;
  table["onnx.Unsqueeze"] = unsqueeze;
  table["onnx.Transpose"] = transpose;
  table["onnx.Concat"] = concat;
  table["onnx.Split"] = split;
  table["onnx.Slice"] = slice;
  table["onnx.Expand"] = expand;
  table["onnx.Tile"] = tile;
  table["onnx.Pad"] = pad;
  table["onnx.DepthToSpace"] = depthToSpace;
  table["onnx.SpaceToDepth"] = spaceToDepth;
}

} // namespace bluec::reference
