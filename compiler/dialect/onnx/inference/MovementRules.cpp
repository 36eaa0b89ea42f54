// Inference for ops that rearrange elements: reshapes, transposes, joins and cuts.
#include "compiler/dialect/onnx/inference/Rules.h"

#include <algorithm>

using namespace mlir;

namespace bluec::onnx {
namespace {

// The length of a rank-1 operand, when it is static.
std::optional<int64_t> lengthOf(const ValueFacts &facts) {
  if (!facts.dims || facts.dims->size() != 1)
    return std::nullopt;
  return constantOf(facts.dims->front());
}

// Unknown elements of a tensor of known length.
std::optional<Exprs> elementsOrUnknown(const ValueFacts &facts) {
  if (facts.elements)
    return facts.elements;
  std::optional<int64_t> length = lengthOf(facts);
  if (!length || *length > ShapeInference::kMaxElements)
    return std::nullopt;
  return Exprs(static_cast<size_t>(*length), AffineExpr());
}

LogicalResult reshape(NodeFacts &node) {
  auto op = cast<ReshapeOp>(node.op);
  ValueFacts x = node.input(0), shape = node.input(1);
  if (shape.dims && shape.dims->size() != 1)
    return node.error() << "expected a shape of rank 1, found rank " << shape.dims->size();
  std::optional<Exprs> target = elementsOrUnknown(shape);
  if (!target)
    return node.set(0, x.elementType, std::nullopt);
  Exprs dims;
  std::optional<size_t> inferred;
  bool isKnown = x.dims.has_value();
  for (auto [i, element] : llvm::enumerate(*target)) {
    std::optional<int64_t> value = constantOf(element);
    if (value == 0 && !op.getAllowzero()) {
      if (x.dims && i >= x.dims->size())
        return node.error() << "expected 0 in the shape to stand for a dim of the input, found it "
                               "at dim "
                            << i << " of an input of rank " << x.dims->size();
      element = x.dims ? (*x.dims)[i] : AffineExpr();
    } else if (value == -1) {
      if (inferred)
        return node.error() << "expected at most one -1 in the shape, found more";
      inferred = i;
    } else if (value && *value < 0) {
      return node.error() << "expected dims of at least -1 in the shape, found " << *value;
    } else if (element && !isNonNegative(element)) {
      element = AffineExpr(); // could be -1
    }
    if (!inferred || *inferred != i)
      isKnown &= static_cast<bool>(element);
    dims.push_back(element);
  }
  if (inferred) {
    dims[*inferred] = AffineExpr();
    if (isKnown) {
      Exprs others;
      for (auto [i, dim] : llvm::enumerate(dims))
        if (i != *inferred)
          others.push_back(dim);
      dims[*inferred] =
          others.empty() && x.dims->empty() ? node.constant(1) : divideProducts(*x.dims, others);
    }
  } else if (x.dims && llvm::count(dims, AffineExpr()) == 1) {
    // One dim is left open: the element count says what it is.
    Exprs others;
    for (AffineExpr dim : dims)
      if (dim)
        others.push_back(dim);
    std::optional<int64_t> rest = staticCount(others);
    if (rest && *rest > 0)
      *llvm::find(dims, AffineExpr()) = divideProducts(*x.dims, others);
  }
  std::optional<int64_t> before = staticCount(x.dims), after;
  if (llvm::all_of(dims, [](AffineExpr dim) { return static_cast<bool>(dim); }))
    after = staticCount(dims);
  if (before && after && *before != *after)
    return node.error() << "expected a shape of " << *before << " elements, found " << *after;
  return node.set(0, x.elementType, dims, x.elements);
}

LogicalResult flatten(NodeFacts &node) {
  ValueFacts x = node.input(0);
  if (!x.dims)
    return node.set(0, x.elementType, Exprs{AffineExpr(), AffineExpr()});
  int64_t rank = static_cast<int64_t>(x.dims->size());
  int64_t axis = cast<FlattenOp>(node.op).getAxis();
  if (axis < -rank || axis > rank)
    return node.error() << "expected an axis in [" << -rank << ", " << rank << "], found " << axis;
  axis += axis < 0 ? rank : 0;
  Exprs dims = {node.constant(1), node.constant(1)};
  for (int64_t i = 0; i < rank; ++i) {
    AffineExpr &side = dims[i < axis ? 0 : 1];
    side = multiply(side, (*x.dims)[static_cast<size_t>(i)]);
  }
  return node.set(0, x.elementType, dims, x.elements);
}

LogicalResult transpose(NodeFacts &node) {
  ValueFacts x = node.input(0);
  std::optional<ArrayRef<int64_t>> perm = cast<TransposeOp>(node.op).getPerm();
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  size_t rank = x.dims->size();
  Exprs dims;
  if (!perm) {
    dims.assign(x.dims->rbegin(), x.dims->rend());
  } else {
    SmallVector<bool> isUsed(rank, false);
    if (perm->size() != rank)
      return node.error() << "expected a perm of " << rank << " dims, found " << perm->size();
    for (int64_t from : *perm) {
      if (from < 0 || from >= static_cast<int64_t>(rank) || isUsed[static_cast<size_t>(from)])
        return node.error() << "expected perm to be a permutation of " << rank << " dims";
      isUsed[static_cast<size_t>(from)] = true;
      dims.push_back((*x.dims)[static_cast<size_t>(from)]);
    }
  }
  return node.set(0, x.elementType, dims, rank <= 1 ? x.elements : std::nullopt);
}

LogicalResult squeeze(NodeFacts &node) {
  ValueFacts x = node.input(0);
  std::optional<SmallVector<int64_t>> axes;
  if (node.has(1)) {
    axes = node.constants(1);
    if (!axes)
      return node.set(0, x.elementType, std::nullopt);
  }
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  int64_t rank = static_cast<int64_t>(x.dims->size());
  SmallVector<bool> isDropped(x.dims->size(), false);
  if (axes) {
    for (int64_t axis : *axes) {
      std::optional<int64_t> at = normalizeAxis(node, axis, rank);
      if (!at)
        return failure();
      AffineExpr dim = (*x.dims)[static_cast<size_t>(*at)];
      if (constantOf(dim) && *constantOf(dim) != 1)
        return node.error() << "expected dim " << *at << " to be 1, found " << *constantOf(dim);
      isDropped[static_cast<size_t>(*at)] = true;
    }
  } else {
    for (auto [dim, drop] : llvm::zip_equal(*x.dims, isDropped))
      drop = constantOf(dim) == 1;
  }
  Exprs dims;
  for (auto [dim, drop] : llvm::zip_equal(*x.dims, isDropped))
    if (!drop)
      dims.push_back(dim);
  return node.set(0, x.elementType, dims, x.elements);
}

LogicalResult unsqueeze(NodeFacts &node) {
  ValueFacts x = node.input(0);
  std::optional<SmallVector<int64_t>> axes = node.constants(1);
  if (!axes || !x.dims)
    return node.set(0, x.elementType, std::nullopt);
  int64_t rank = static_cast<int64_t>(x.dims->size() + axes->size());
  SmallVector<bool> isNew(static_cast<size_t>(rank), false);
  for (int64_t axis : *axes) {
    std::optional<int64_t> at = normalizeAxis(node, axis, rank);
    if (!at)
      return failure();
    if (isNew[static_cast<size_t>(*at)])
      return node.error() << "expected axes without repetition, found " << axis << " twice";
    isNew[static_cast<size_t>(*at)] = true;
  }
  Exprs dims;
  auto next = x.dims->begin();
  for (bool inserted : isNew)
    dims.push_back(inserted ? node.constant(1) : *next++);
  return node.set(0, x.elementType, dims, x.elements);
}

LogicalResult concat(NodeFacts &node) {
  if (node.op->getNumOperands() == 0)
    return node.error() << "expected at least one input, found none";
  ValueFacts first = node.input(0);
  std::optional<Exprs> dims, elements = Exprs();
  int64_t axis = 0;
  for (unsigned i = 0; i < node.op->getNumOperands(); ++i) {
    ValueFacts x = node.input(i);
    if (x.elementType != first.elementType)
      return node.error() << "expected inputs of one element type, found " << first.elementType
                          << " and " << x.elementType;
    if (!x.dims)
      return node.set(0, first.elementType, std::nullopt);
    if (std::optional<Exprs> more = elementsOrUnknown(x); more && elements && x.dims->size() == 1)
      elements->append(*more);
    else
      elements.reset();
    if (i == 0) {
      std::optional<int64_t> at = normalizeAxis(node, cast<ConcatOp>(node.op).getAxis(),
                                                static_cast<int64_t>(x.dims->size()));
      if (!at)
        return failure();
      axis = *at;
      dims = x.dims;
      continue;
    }
    if (x.dims->size() != dims->size())
      return node.error() << "expected inputs of one rank, found " << dims->size() << " and "
                          << x.dims->size();
    for (size_t d = 0; d < dims->size(); ++d) {
      AffineExpr &mine = (*dims)[d], other = (*x.dims)[d];
      if (static_cast<int64_t>(d) == axis) {
        mine = add(mine, other);
        continue;
      }
      if (constantOf(mine) && constantOf(other) && *constantOf(mine) != *constantOf(other))
        return node.error() << "expected equal dims " << d << ", found " << *constantOf(mine)
                            << " and " << *constantOf(other);
      if (constantOf(other))
        mine = other;
    }
  }
  return node.set(0, first.elementType, dims, elements);
}

LogicalResult split(NodeFacts &node) {
  auto op = cast<SplitOp>(node.op);
  ValueFacts x = node.input(0);
  unsigned count = op->getNumResults();
  auto setAllUnknown = [&] {
    for (unsigned i = 0; i < count; ++i)
      if (failed(node.set(i, x.elementType, std::nullopt)))
        return failure();
    return success();
  };
  if (!x.dims)
    return setAllUnknown();
  std::optional<int64_t> axis =
      normalizeAxis(node, op.getAxis(), static_cast<int64_t>(x.dims->size()));
  if (!axis)
    return failure();
  if (op.getNumOutputs() && *op.getNumOutputs() != count)
    return node.error() << "expected num_outputs to be " << count << ", found "
                        << static_cast<int64_t>(*op.getNumOutputs());
  AffineExpr whole = (*x.dims)[static_cast<size_t>(*axis)];
  std::optional<int64_t> extent = constantOf(whole);
  SmallVector<AffineExpr> parts(count, AffineExpr());
  if (node.has(1)) {
    ValueFacts sizes = node.input(1);
    if (std::optional<int64_t> length = lengthOf(sizes); length && *length != count)
      return node.error() << "expected " << count << " sizes in split, found " << *length;
    if (sizes.elements && sizes.elements->size() == count)
      parts.assign(sizes.elements->begin(), sizes.elements->end());
    // Of constants up to 2^31, as all arithmetic on expressions; null when a part is unknown.
    AffineExpr sum = node.constant(0);
    for (AffineExpr part : parts) {
      if (constantOf(part).value_or(0) < 0)
        return node.error() << "expected split sizes of at least 0, found " << *constantOf(part);
      sum = add(sum, part);
    }
    if (constantOf(sum) && extent && *constantOf(sum) != *extent)
      return node.error() << "expected split sizes of sum " << *extent << ", found "
                          << *constantOf(sum);
  } else if (extent && count > 0) {
    int64_t size = (*extent + count - 1) / count; // the last parts may be smaller
    for (unsigned i = 0; i < count; ++i)
      parts[i] = node.constant(std::clamp<int64_t>(*extent - size * i, 0, size));
  }
  int64_t begin = 0;
  bool isCounted = x.elements && x.dims->size() == 1;
  for (unsigned i = 0; i < count; ++i) {
    Exprs dims = *x.dims;
    dims[static_cast<size_t>(*axis)] = parts[i];
    std::optional<Exprs> elements;
    std::optional<int64_t> size = constantOf(parts[i]);
    isCounted &= size && *size >= 0 &&
                 begin + *size <= static_cast<int64_t>(x.elements ? x.elements->size() : 0);
    if (isCounted) {
      elements.emplace(x.elements->begin() + begin, x.elements->begin() + begin + *size);
      begin += *size;
    }
    if (failed(node.set(i, x.elementType, dims, elements)))
      return failure();
  }
  return success();
}

// Whether a - b is a sum of lengths, whatever they are, and nothing is taken off it.
bool isAtMost(AffineExpr b, AffineExpr a) {
  AffineExpr difference = subtract(a, b);
  if (!difference)
    return false;
  int64_t lastDim = -1, lastSymbol = -1;
  getMaxDimAndSymbol<SmallVector<AffineExpr, 1>>({{difference}}, lastDim, lastSymbol);
  return isNonNegative(simplifyAffineExpr(difference, 0, static_cast<unsigned>(lastSymbol + 1)));
}

// One bound of a slice along a dim of extent `extent`, clamped as ONNX says: to [low, extent +
// high]. Null when it cannot be told.
AffineExpr clampBound(NodeFacts &node, AffineExpr bound, AffineExpr extent) {
  std::optional<int64_t> value = constantOf(bound), size = constantOf(extent);
  if (value && size) {
    int64_t at = *value < 0 ? (*value < -*size ? 0 : *value + *size) : *value;
    return node.constant(std::min(std::max<int64_t>(at, 0), *size));
  }
  if (value == 0)
    return bound;
  constexpr int64_t kOpen = int64_t{1} << 31; // exporters write INT64_MAX or INT32_MAX
  if (value && *value >= kOpen - 1)
    return extent;
  if (value && *value <= -kOpen)
    return node.constant(0);
  // One row of at least one, from either end. More of them may be more than there are: so a cache
  // that keeps a window is written, and so is one that keeps the first rows.
  if (value)
    return *value == -1 ? add(extent, bound) : *value == 1 ? bound : AffineExpr();
  if (!isNonNegative(bound))
    return AffineExpr();
  // Of a table of a fixed length, a call takes as many rows as it has itself: past the end, who
  // reads them finds too few.
  return size || isAtMost(bound, extent) ? bound : AffineExpr();
}

LogicalResult slice(NodeFacts &node) {
  ValueFacts x = node.input(0), starts = node.input(1), ends = node.input(2);
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  int64_t rank = static_cast<int64_t>(x.dims->size());
  std::optional<Exprs> begin = elementsOrUnknown(starts), end = elementsOrUnknown(ends);
  std::optional<SmallVector<int64_t>> axes, steps;
  if (node.has(3))
    axes = node.constants(3);
  if (node.has(4))
    steps = node.constants(4);
  if (!begin || !end || (node.has(3) && !axes))
    return node.set(0, x.elementType, Exprs(x.dims->size(), AffineExpr()));
  size_t count = begin->size();
  if (end->size() != count || (axes && axes->size() != count) || (steps && steps->size() != count))
    return node.error() << "expected starts, ends, axes and steps of one length";
  if (!axes) {
    if (static_cast<int64_t>(count) > rank)
      return node.error() << "expected at most " << rank << " starts, found " << count;
    axes.emplace();
    for (size_t i = 0; i < count; ++i)
      axes->push_back(static_cast<int64_t>(i));
  }
  Exprs dims = *x.dims;
  std::optional<Exprs> elements;
  for (size_t i = 0; i < count; ++i) {
    std::optional<int64_t> axis = normalizeAxis(node, (*axes)[i], rank);
    if (!axis)
      return failure();
    AffineExpr &dim = dims[static_cast<size_t>(*axis)];
    AffineExpr extent = (*x.dims)[static_cast<size_t>(*axis)];
    std::optional<int64_t> step = 1;
    if (node.has(4))
      step = steps ? std::optional((*steps)[i]) : std::nullopt;
    if (step == 0)
      return node.error() << "expected steps other than 0";
    if (!step || *step != 1) {
      // Steps other than 1: only along static dims, by counting.
      std::optional<int64_t> size = constantOf(extent), from = constantOf((*begin)[i]),
                             to = constantOf((*end)[i]);
      if (!step || !size || !from || !to) {
        dim = AffineExpr();
        continue;
      }
      auto clamp = [&](int64_t at, int64_t low, int64_t high) {
        at = at < 0 ? (at < -*size ? (low < 0 ? -1 : 0) : at + *size) : at;
        return std::min(std::max(at, low), high);
      };
      int64_t first = *step > 0 ? clamp(*from, 0, *size) : clamp(*from, 0, *size - 1);
      int64_t last = *step > 0 ? clamp(*to, 0, *size) : clamp(*to, -1, *size - 1);
      int64_t distance = *step > 0 ? last - first : first - last;
      // Divided before anything is added, so that a huge step cannot overflow.
      int64_t length = 0;
      if (distance > 0 && *size > 0)
        length = *step == INT64_MIN ? 1 : (distance - 1) / std::abs(*step) + 1;
      dim = node.constant(length);
      if (x.elements && rank == 1) {
        elements.emplace();
        for (int64_t k = 0; k < length; ++k)
          elements->push_back((*x.elements)[static_cast<size_t>(first + k * *step)]);
      }
      continue;
    }
    AffineExpr from = clampBound(node, (*begin)[i], extent),
               to = clampBound(node, (*end)[i], extent);
    dim = isEqual(to, from) ? node.constant(0) : subtract(to, from);
    if (constantOf(dim).value_or(0) < 0)
      dim = node.constant(0);
    if (x.elements && rank == 1 && constantOf(from) && constantOf(dim)) {
      elements.emplace();
      for (int64_t k = 0; k < *constantOf(dim); ++k)
        elements->push_back((*x.elements)[static_cast<size_t>(*constantOf(from) + k)]);
    }
  }
  if (count == 0)
    elements = x.elements;
  return node.set(0, x.elementType, dims, elements);
}

LogicalResult expand(NodeFacts &node) {
  ValueFacts x = node.input(0);
  std::optional<Exprs> target = elementsOrUnknown(node.input(1));
  if (!x.dims || !target)
    return node.set(0, x.elementType, std::nullopt);
  for (AffineExpr element : *target)
    if (constantOf(element).value_or(0) < 0)
      return node.error() << "expected dims of at least 0 in the shape, found "
                          << *constantOf(element);
  size_t rank = std::max(x.dims->size(), target->size());
  Exprs dims(rank, AffineExpr());
  for (size_t back = 1; back <= rank; ++back) {
    AffineExpr mine = back <= x.dims->size() ? (*x.dims)[x.dims->size() - back] : node.constant(1);
    AffineExpr wanted =
        back <= target->size() ? (*target)[target->size() - back] : node.constant(1);
    AffineExpr &dim = dims[rank - back];
    if (wanted) {
      dim = broadcastDim(mine, wanted);
      if (!dim)
        return node.error() << "expected a shape to which dim " << *constantOf(mine)
                            << " broadcasts, found " << *constantOf(wanted);
    } else if (constantOf(mine) && *constantOf(mine) != 1) {
      dim = mine;
    }
  }
  std::optional<Exprs> elements;
  if (x.elements && x.elements->size() == 1)
    if (std::optional<int64_t> count = staticCount(
            llvm::is_contained(dims, AffineExpr()) ? std::nullopt : std::optional(dims));
        count && *count <= ShapeInference::kMaxElements)
      elements.emplace(static_cast<size_t>(*count), x.elements->front());
  return node.set(0, x.elementType, dims, elements);
}

LogicalResult tile(NodeFacts &node) {
  ValueFacts x = node.input(0);
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  std::optional<Exprs> repeats = elementsOrUnknown(node.input(1));
  if (repeats && repeats->size() != x.dims->size())
    return node.error() << "expected " << x.dims->size() << " repeats, found " << repeats->size();
  Exprs dims(x.dims->size(), AffineExpr());
  for (size_t i = 0; repeats && i < dims.size(); ++i)
    dims[i] = multiply((*x.dims)[i], (*repeats)[i]);
  return node.set(0, x.elementType, dims);
}

LogicalResult resize(NodeFacts &node) {
  auto op = cast<ResizeOp>(node.op);
  ValueFacts x = node.input(0);
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  Exprs dims(x.dims->size(), AffineExpr());
  if (node.has(3) && !op.getAxes()) {
    std::optional<Exprs> sizes = elementsOrUnknown(node.input(3));
    if (sizes && sizes->size() != dims.size())
      return node.error() << "expected " << dims.size() << " sizes, found " << sizes->size();
    for (size_t i = 0; sizes && i < dims.size(); ++i)
      dims[i] = (*sizes)[i];
  }
  return node.set(0, x.elementType, dims);
}

LogicalResult pad(NodeFacts &node) {
  ValueFacts x = node.input(0);
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  int64_t rank = static_cast<int64_t>(x.dims->size());
  SmallVector<int64_t> axes;
  if (node.has(3)) {
    std::optional<SmallVector<int64_t>> given = node.constants(3);
    if (!given)
      return node.set(0, x.elementType, Exprs(x.dims->size(), AffineExpr()));
    axes = *given;
  } else {
    for (int64_t i = 0; i < rank; ++i)
      axes.push_back(i);
  }
  std::optional<Exprs> pads = elementsOrUnknown(node.input(1));
  if (!pads)
    return node.set(0, x.elementType, Exprs(x.dims->size(), AffineExpr()));
  if (pads->size() != 2 * axes.size())
    return node.error() << "expected " << 2 * axes.size() << " pads, found " << pads->size();
  Exprs dims = *x.dims;
  for (size_t i = 0; i < axes.size(); ++i) {
    std::optional<int64_t> axis = normalizeAxis(node, axes[i], rank);
    if (!axis)
      return failure();
    AffineExpr &dim = dims[static_cast<size_t>(*axis)];
    dim = add(dim, add((*pads)[i], (*pads)[axes.size() + i]));
  }
  return node.set(0, x.elementType, dims);
}

LogicalResult moveBlocks(NodeFacts &node, int64_t block, bool toSpace) {
  ValueFacts x = node.input(0);
  if (block < 1 || block > (1 << 15))
    return node.error() << "expected a blocksize from 1 to 32768, found " << block;
  if (!x.dims)
    return node.set(0, x.elementType, Exprs(4, AffineExpr()));
  if (x.dims->size() != 4)
    return node.error() << "expected an input of rank 4, found " << x.dims->size();
  AffineExpr side = node.constant(block), area = node.constant(block * block);
  Exprs dims = *x.dims;
  for (size_t i : {size_t{2}, size_t{3}})
    dims[i] = toSpace ? multiply(dims[i], side) : divide(dims[i], side);
  dims[1] = toSpace ? divide(dims[1], area) : multiply(dims[1], area);
  return node.set(0, x.elementType, dims);
}
LogicalResult depthToSpace(NodeFacts &node) {
  return moveBlocks(node, cast<DepthToSpaceOp>(node.op).getBlocksize(), true);
}
LogicalResult spaceToDepth(NodeFacts &node) {
  return moveBlocks(node, cast<SpaceToDepthOp>(node.op).getBlocksize(), false);
}

} // namespace

void addMovementRules(InferenceRules &rules) {
  rules["onnx.Reshape"] = reshape;
  rules["onnx.Flatten"] = flatten;
  rules["onnx.Transpose"] = transpose;
  rules["onnx.Squeeze"] = squeeze;
  rules["onnx.Unsqueeze"] = unsqueeze;
  rules["onnx.Concat"] = concat;
  rules["onnx.Split"] = split;
  rules["onnx.Slice"] = slice;
  rules["onnx.Expand"] = expand;
  rules["onnx.Tile"] = tile;
  rules["onnx.Resize"] = resize;
  rules["onnx.Pad"] = pad;
  rules["onnx.DepthToSpace"] = depthToSpace;
  rules["onnx.SpaceToDepth"] = spaceToDepth;
}

} // namespace bluec::onnx
