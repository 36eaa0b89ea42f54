// Evaluators of constants, of ops that make index vectors, and of gathers and scatters.
#include "compiler/base/Quoted.h"
#include "compiler/reference/Rounding.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/reference/onnx/Support.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace bluec::reference {
namespace {

Results constant(Operation *op, Operands, const EvaluationLimits &limits) {
  ElementsAttr value = cast<onnx::ConstantOp>(op).getValue();
  if (failed(countElements(op, value.getShapedType().getShape(), limits)))
    return failure();
  FailureOr<Tensor> tensor = tensorFromElements(op->getLoc(), value);
  return failed(tensor) ? Results(failure()) : one(std::move(*tensor));
}

Results shape(Operation *op, Operands operands, const EvaluationLimits &) {
  auto node = cast<onnx::ShapeOp>(op);
  const Shape &dims = operands[0]->shape;
  auto rank = static_cast<int64_t>(dims.size());
  auto clamp = [&](int64_t at) {
    return at < 0 ? (at < -rank ? 0 : at + rank) : std::min(at, rank);
  };
  int64_t start = clamp(node.getStart()), end = node.getEnd() ? clamp(*node.getEnd()) : rank;
  Shape chosen(dims.begin() + start, dims.begin() + std::max(start, end));
  auto length = static_cast<int64_t>(chosen.size());
  return one(Tensor::ints({length}, std::move(chosen)));
}

Results size(Operation *, Operands operands, const EvaluationLimits &) {
  return one(Tensor::ints({}, {operands[0]->numElements()}));
}

Results constantOfShape(Operation *op, Operands operands, const EvaluationLimits &limits) {
  FailureOr<ArrayRef<int64_t>> dims = integersOf(op, *operands[0]);
  if (failed(dims))
    return failure();
  Tensor value = Tensor::floats({1}, {0.0f});
  if (std::optional<ElementsAttr> given = cast<onnx::ConstantOfShapeOp>(op).getValue()) {
    FailureOr<Tensor> tensor = tensorFromElements(op->getLoc(), *given);
    if (failed(tensor))
      return failure();
    value = std::move(*tensor);
  }
  if (value.numElements() != 1)
    return fault(op) << "expected a value of one element, found " << value.numElements();
  FailureOr<Tensor> out = make(op, value.type, Shape(*dims), limits);
  if (failed(out))
    return failure();
  withElements(*out, value, [](auto &to, const auto &from) { std::ranges::fill(to, from[0]); });
  return one(std::move(*out));
}

Results range(Operation *op, Operands operands, const EvaluationLimits &limits) {
  for (const Tensor *operand : operands)
    if (operand->numElements() != 1 || operand->type != operands[0]->type)
      return fault(op) << "expected three scalars of one element type";
  double start = operands[0]->number(0), limit = operands[1]->number(0),
         delta = operands[2]->number(0);
  double count = std::ceil((limit - start) / delta);
  if (!(delta != 0) || !(std::abs(count) <= 1e15))
    return fault(op) << "expected a finite range with a delta other than 0";
  auto length = static_cast<int64_t>(std::max(count, 0.0));
  FailureOr<Tensor> out = make(op, operands[0]->type, {length}, limits);
  if (failed(out))
    return failure();
  for (int64_t i = 0; i < length; ++i) {
    if (out->isFloat())
      setFloat(*out, i, start + static_cast<double>(i) * delta);
    else // wraps where int64 would overflow
      out->i64[static_cast<size_t>(i)] = static_cast<int64_t>(
          static_cast<uint64_t>(operands[0]->i64[0]) +
          static_cast<uint64_t>(i) * static_cast<uint64_t>(operands[2]->i64[0]));
  }
  return one(std::move(*out));
}

// An index in [-extent, extent) as one in [0, extent).
FailureOr<int64_t> indexOf(Operation *op, int64_t index, int64_t extent) {
  if (index < -extent || index >= extent)
    return fault(op) << "expected indices in [" << -extent << ", " << extent << "), found "
                     << index;
  return index < 0 ? index + extent : index;
}

int64_t productOf(ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

Results gather(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &data = *operands[0], &indices = *operands[1];
  FailureOr<int64_t> axis = axisOf(op, cast<onnx::GatherOp>(op).getAxis(), data.rank());
  if (failed(axis))
    return failure();
  if (indices.isFloat())
    return fault(op) << "expected integer indices";
  auto along = static_cast<size_t>(*axis);
  Shape dims(data.shape.begin(), data.shape.begin() + *axis);
  dims.insert(dims.end(), indices.shape.begin(), indices.shape.end());
  dims.insert(dims.end(), data.shape.begin() + *axis + 1, data.shape.end());
  FailureOr<Tensor> out = make(op, data.type, dims, limits);
  if (failed(out))
    return failure();
  int64_t extent = data.shape[along], count = indices.numElements();
  int64_t outer = productOf(ArrayRef(data.shape).take_front(along));
  int64_t inner = productOf(ArrayRef(data.shape).drop_front(along + 1));
  for (int64_t i = 0; i < count; ++i) {
    FailureOr<int64_t> at = indexOf(op, indices.i64[static_cast<size_t>(i)], extent);
    if (failed(at))
      return failure();
    withElements(*out, data, [&](auto &to, const auto &from) {
      for (int64_t o = 0; o < outer; ++o)
        std::copy_n(from.begin() + (o * extent + *at) * inner, inner,
                    to.begin() + (o * count + i) * inner);
    });
  }
  return one(std::move(*out));
}

Results gatherElements(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &data = *operands[0], &indices = *operands[1];
  FailureOr<int64_t> axis = axisOf(op, cast<onnx::GatherElementsOp>(op).getAxis(), data.rank());
  if (failed(axis))
    return failure();
  auto along = static_cast<size_t>(*axis);
  if (indices.isFloat() || indices.rank() != data.rank())
    return fault(op) << "expected integer indices of rank " << data.rank();
  for (size_t i = 0; i < data.shape.size(); ++i)
    if (i != along && indices.shape[i] > data.shape[i])
      return fault(op) << "expected indices within the data's shape";
  FailureOr<Tensor> out = make(op, data.type, indices.shape, limits);
  if (failed(out))
    return failure();
  Shape strides = stridesOf(data.shape);
  int64_t step = strides[along];
  strides[along] = 0;
  LogicalResult result = success();
  withElements(*out, data, [&](auto &to, const auto &from) {
    forEachIndex<1>(indices.shape, {strides}, [&](int64_t i, const std::array<int64_t, 1> &base) {
      if (failed(result))
        return;
      FailureOr<int64_t> at = indexOf(op, indices.i64[static_cast<size_t>(i)], data.shape[along]);
      if (failed(at))
        result = failure();
      else
        to[static_cast<size_t>(i)] = from[static_cast<size_t>(base[0] + *at * step)];
    });
  });
  return failed(result) ? Results(failure()) : one(std::move(*out));
}

// Positions that the rows of `indices` (its last dim) stand for, as offsets into the data, with
// the first `batch` dims in common.
FailureOr<std::vector<int64_t>> rowOffsets(Operation *op, const Tensor &data, const Tensor &indices,
                                           int64_t batch) {
  if (indices.isFloat() || indices.rank() < 1 || data.rank() < 1)
    return fault(op) << "expected data and integer indices of rank 1 or more";
  int64_t depth = indices.shape.back();
  if (batch < 0 || batch >= indices.rank() || depth < 1 || batch + depth > data.rank())
    return fault(op) << "expected an index depth within rank " << data.rank() << ", found " << batch
                     << " + " << depth;
  for (int64_t i = 0; i < batch; ++i)
    if (indices.shape[static_cast<size_t>(i)] != data.shape[static_cast<size_t>(i)])
      return fault(op) << "expected equal batch dims";
  Shape strides = stridesOf(data.shape);
  int64_t rows = productOf(ArrayRef(indices.shape).drop_back());
  int64_t batches = productOf(ArrayRef(data.shape).take_front(static_cast<size_t>(batch)));
  int64_t batchStride = productOf(ArrayRef(data.shape).drop_front(static_cast<size_t>(batch)));
  std::vector<int64_t> offsets;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t offset = batches ? row / (rows / batches) * batchStride : 0;
    for (int64_t d = 0; d < depth; ++d) {
      auto dim = static_cast<size_t>(batch + d);
      FailureOr<int64_t> at =
          indexOf(op, indices.i64[static_cast<size_t>(row * depth + d)], data.shape[dim]);
      if (failed(at))
        return failure();
      offset += *at * strides[dim];
    }
    offsets.push_back(offset);
  }
  return offsets;
}

Results gatherND(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &data = *operands[0], &indices = *operands[1];
  int64_t batch = cast<onnx::GatherNDOp>(op).getBatchDims();
  FailureOr<std::vector<int64_t>> offsets = rowOffsets(op, data, indices, batch);
  if (failed(offsets))
    return failure();
  Shape dims(indices.shape.begin(), indices.shape.end() - 1);
  dims.insert(dims.end(), data.shape.begin() + batch + indices.shape.back(), data.shape.end());
  FailureOr<Tensor> out = make(op, data.type, dims, limits);
  if (failed(out))
    return failure();
  int64_t inner =
      productOf(ArrayRef(data.shape).drop_front(static_cast<size_t>(batch + indices.shape.back())));
  withElements(*out, data, [&](auto &to, const auto &from) {
    for (size_t row = 0; row < offsets->size(); ++row)
      std::copy_n(from.begin() + (*offsets)[row], inner,
                  to.begin() + static_cast<int64_t>(row) * inner);
  });
  return one(std::move(*out));
}

// Writes `update` over, or combines it with, what is there.
template <typename Element> void combine(Element &to, Element update, StringRef reduction) {
  if (reduction == "add")
    to = static_cast<Element>(to + update);
  else if (reduction == "mul")
    to = static_cast<Element>(to * update);
  else if (reduction == "max")
    to = std::max(to, update);
  else if (reduction == "min")
    to = std::min(to, update);
  else
    to = update;
}
LogicalResult checkReduction(Operation *op, StringRef reduction, const Tensor &data) {
  if (reduction != "none" && reduction != "add" && reduction != "mul" && reduction != "max" &&
      reduction != "min")
    return fault(op) << "expected reduction none, add, mul, max or min, found "
                     << inQuotes(reduction);
  if (!data.isFloat() && reduction != "none" && reduction != "max" && reduction != "min")
    return fault(op) << "expected floats for reduction " << inQuotes(reduction);
  return success();
}

Results scatterND(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &data = *operands[0], &indices = *operands[1], &updates = *operands[2];
  StringRef reduction = cast<onnx::ScatterNDOp>(op).getReduction();
  FailureOr<std::vector<int64_t>> offsets = rowOffsets(op, data, indices, 0);
  if (failed(offsets) || failed(checkReduction(op, reduction, data)))
    return failure();
  auto depth = static_cast<size_t>(indices.shape.back());
  Shape dims(indices.shape.begin(), indices.shape.end() - 1);
  dims.insert(dims.end(), data.shape.begin() + indices.shape.back(), data.shape.end());
  if (updates.type != data.type || updates.shape != dims)
    return fault(op) << "expected updates of the shape that the indices select";
  Tensor out = data;
  int64_t inner = productOf(ArrayRef(data.shape).drop_front(depth));
  withElements(out, updates, [&](auto &to, const auto &from) {
    for (size_t row = 0; row < offsets->size(); ++row)
      for (int64_t i = 0; i < inner; ++i)
        combine(to[static_cast<size_t>((*offsets)[row] + i)],
                from[static_cast<size_t>(static_cast<int64_t>(row) * inner + i)], reduction);
  });
  return one(std::move(out));
}

Results scatterElements(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &data = *operands[0], &indices = *operands[1], &updates = *operands[2];
  auto node = cast<onnx::ScatterElementsOp>(op);
  FailureOr<int64_t> axis = axisOf(op, static_cast<int64_t>(node.getAxis()), data.rank());
  if (failed(axis) || failed(checkReduction(op, node.getReduction(), data)))
    return failure();
  auto along = static_cast<size_t>(*axis);
  if (indices.isFloat() || indices.rank() != data.rank() || updates.shape != indices.shape ||
      updates.type != data.type)
    return fault(op) << "expected integer indices and updates of one shape, of rank "
                     << data.rank();
  for (size_t i = 0; i < data.shape.size(); ++i)
    if (i != along && indices.shape[i] > data.shape[i])
      return fault(op) << "expected indices within the data's shape";
  Tensor out = data;
  Shape strides = stridesOf(data.shape);
  int64_t step = strides[along];
  strides[along] = 0;
  LogicalResult result = success();
  withElements(out, updates, [&](auto &to, const auto &from) {
    forEachIndex<1>(indices.shape, {strides}, [&](int64_t i, const std::array<int64_t, 1> &base) {
      if (failed(result))
        return;
      FailureOr<int64_t> at = indexOf(op, indices.i64[static_cast<size_t>(i)], data.shape[along]);
      if (failed(at))
        result = failure();
      else
        combine(to[static_cast<size_t>(base[0] + *at * step)], from[static_cast<size_t>(i)],
                node.getReduction());
    });
  });
  return failed(result) ? Results(failure()) : one(std::move(out));
}

Results trilu(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &x = *operands[0];
  if (x.rank() < 2)
    return fault(op) << "expected an input of rank 2 or more, found " << x.rank();
  int64_t k = 0;
  if (has(operands, 1)) {
    if (operands[1]->isFloat() || operands[1]->numElements() != 1)
      return fault(op) << "expected one integer k";
    k = std::clamp<int64_t>(operands[1]->i64[0], -(int64_t{1} << 40), int64_t{1} << 40);
  }
  bool isUpper = cast<onnx::TriluOp>(op).getUpper() != 0;
  Tensor out = x;
  int64_t rows = x.shape[x.shape.size() - 2], columns = x.shape.back();
  withElements(out, x, [&](auto &to, const auto &) {
    for (size_t i = 0; i < to.size(); ++i) {
      auto at = static_cast<int64_t>(i);
      int64_t row = at / columns % rows, column = at % columns;
      if (isUpper ? column < row + k : column > row + k)
        to[i] = 0;
    }
  });
  return one(std::move(out));
}

Results cumSum(Operation *op, Operands operands, const EvaluationLimits &) {
  auto node = cast<onnx::CumSumOp>(op);
  const Tensor &x = *operands[0];
  if (operands[1]->isFloat() || operands[1]->numElements() != 1)
    return fault(op) << "expected one integer axis";
  FailureOr<int64_t> axis = axisOf(op, operands[1]->i64[0], x.rank());
  if (failed(axis))
    return failure();
  auto along = static_cast<size_t>(*axis);
  int64_t extent = x.shape[along], inner = productOf(ArrayRef(x.shape).drop_front(along + 1));
  int64_t outer = productOf(ArrayRef(x.shape).take_front(along));
  bool isExclusive = node.getExclusive() != 0, isReverse = node.getReverse() != 0;
  Tensor out = x;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      double sum = 0;
      uint64_t total = 0;
      for (int64_t step = 0; step < extent; ++step) {
        int64_t at = (o * extent + (isReverse ? extent - 1 - step : step)) * inner + i;
        double before = sum;
        uint64_t beforeTotal = total;
        if (x.isFloat())
          setFloat(out, at, isExclusive ? before : (sum += x.number(at)));
        else
          out.i64[static_cast<size_t>(at)] = static_cast<int64_t>(
              isExclusive ? beforeTotal
                          : (total += static_cast<uint64_t>(x.i64[static_cast<size_t>(at)])));
        if (isExclusive) {
          sum += x.isFloat() ? x.number(at) : 0;
          total += x.isFloat() ? 0 : static_cast<uint64_t>(x.i64[static_cast<size_t>(at)]);
        }
      }
    }
  return one(std::move(out));
}

} // namespace

void addIndexingEvaluators(EvaluatorTable &table) {
  table["onnx.Constant"] = constant;
  table["onnx.Shape"] = shape;
  table["onnx.Size"] = size;
  table["onnx.ConstantOfShape"] = constantOfShape;
  table["onnx.Range"] = range;
  table["onnx.Gather"] = gather;
  table["onnx.GatherElements"] = gatherElements;
  table["onnx.GatherND"] = gatherND;
  table["onnx.ScatterElements"] = scatterElements;
  table["onnx.ScatterND"] = scatterND;
  table["onnx.Trilu"] = trilu;
  table["onnx.CumSum"] = cumSum;
}

} // namespace bluec::reference
