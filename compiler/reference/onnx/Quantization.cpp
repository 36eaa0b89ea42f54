// Evaluators of nodes on quantized weights: an element is its scale times a difference of integers,
// rounded once.
#include "compiler/dialect/onnx/PackedWeight.h"
#include "compiler/reference/onnx/Experts.h"
#include "compiler/reference/onnx/Support.h"

#include <cmath>

using namespace mlir;

namespace bluec::reference {
namespace {

/// Which scale an element has: one for all, one for each place of an axis, or one for each block.
class ScalePlaces {
public:
  static FailureOr<ScalePlaces> of(Operation *op, const Tensor &x, const Tensor &scale,
                                   int64_t axisOfScales, int64_t block) {
    ScalePlaces places;
    places.shape = x.shape;
    places.strides.assign(x.shape.size(), 0);
    places.block = std::max<int64_t>(block, 1);
    if (block != 0 || scale.numElements() != 1 || scale.rank() > 1) {
      FailureOr<int64_t> axis = axisOf(op, axisOfScales, x.rank());
      if (failed(axis))
        return failure();
      places.along = static_cast<size_t>(*axis);
      Shape expected = block > 0 ? x.shape : Shape{x.shape[places.along]};
      if (block > 0)
        expected[places.along] = (x.shape[places.along] + block - 1) / block;
      if (block < 0 || scale.shape != expected)
        return fault(op) << "expected scales that fit x";
      Shape own = stridesOf(scale.shape);
      for (size_t i = 0; i < x.shape.size(); ++i)
        places.strides[i] = block > 0 ? own[i] : i == places.along;
    }
    return places;
  }

  /// Calls visit(i, place of its scale) for every element i.
  template <typename Visit> void forEach(Visit visit) const {
    // Along the axis an offset is of the block, not of the element.
    Shape outer = strides;
    int64_t step = strides.empty() ? 0 : strides[along], inner = 1;
    for (size_t i = along + 1; i < shape.size(); ++i)
      inner *= shape[i];
    if (!outer.empty())
      outer[along] = 0;
    forEachIndex<1>(shape, {outer}, [&](int64_t i, const std::array<int64_t, 1> &base) {
      int64_t index = shape.empty() ? 0 : i / inner % shape[along];
      visit(i, base[0] + index / block * step);
    });
  }

private:
  Shape shape, strides;
  size_t along = 0;
  int64_t block = 1;
};

Results dequantizeLinear(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::DequantizeLinearOp>(op);
  const Tensor &x = *operands[0], &scale = *operands[1];
  const Tensor *zero = has(operands, 2) ? operands[2] : nullptr;
  if (x.isFloat() || !scale.isFloat() || (zero && zero->isFloat()))
    return fault(op) << "expected integers, and scales of floats";
  if (zero && zero->shape != scale.shape)
    return fault(op) << "expected as many zero points as scales";
  FailureOr<ScalePlaces> places =
      ScalePlaces::of(op, x, scale, static_cast<int64_t>(node.getAxis()),
                      static_cast<int64_t>(node.getBlockSize()));
  if (failed(places))
    return failure();
  FailureOr<Tensor> out = make(op, scale.type, x.shape, limits);
  if (failed(out))
    return failure();
  places->forEach([&](int64_t i, int64_t at) {
    int64_t difference =
        x.i64[static_cast<size_t>(i)] - (zero ? zero->i64[static_cast<size_t>(at)] : 0);
    setFloat(*out, i, static_cast<double>(difference) * scale.number(at));
  });
  return one(std::move(*out));
}

/// x / scale to the nearest integer, even ones at a half, and the zero point added; what is no
/// number is the least.
int64_t quantized(float x, float scale, int64_t zero, double least, double most) {
  double rounded = std::nearbyint(static_cast<double>(x / scale)) + static_cast<double>(zero);
  return static_cast<int64_t>(rounded >= most ? most : rounded >= least ? rounded : least);
}

Results quantizeLinear(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::QuantizeLinearOp>(op);
  const Tensor &x = *operands[0], &scale = *operands[1];
  const Tensor *zero = has(operands, 2) ? operands[2] : nullptr;
  auto type = dyn_cast<IntegerType>(getElementTypeOrSelf(node.getResult().getType()));
  if (!x.isFloat() || !scale.isFloat() || (zero && zero->isFloat()) || !type ||
      type.getWidth() > 16)
    return fault(op) << "expected floats, scales of floats, and a result of up to 16 bits";
  if (zero && zero->shape != scale.shape)
    return fault(op) << "expected as many zero points as scales";
  FailureOr<ScalePlaces> places =
      ScalePlaces::of(op, x, scale, static_cast<int64_t>(node.getAxis()),
                      static_cast<int64_t>(node.getBlockSize()));
  if (failed(places))
    return failure();
  FailureOr<Tensor> out = make(op, ElementType::I64, x.shape, limits);
  if (failed(out))
    return failure();
  double values = std::exp2(type.getWidth()), least = type.isUnsigned() ? 0 : -values / 2;
  places->forEach([&](int64_t i, int64_t at) {
    out->i64[static_cast<size_t>(i)] =
        quantized(static_cast<float>(x.number(i)), static_cast<float>(scale.number(at)),
                  zero ? zero->i64[static_cast<size_t>(at)] : 0, least, least + values - 1);
  });
  return one(std::move(*out));
}

/// The range of the numbers and 0, in 255 steps.
Results dynamicQuantizeLinear(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  if (!x.isFloat())
    return fault(op) << "expected floats";
  constexpr float kSteps = 255;
  float least = 0, most = 0;
  for (int64_t i = 0; i < x.numElements(); ++i) {
    least = std::min(least, static_cast<float>(x.number(i)));
    most = std::max(most, static_cast<float>(x.number(i)));
  }
  float scale = most == least ? 1 : (most - least) / kSteps;
  int64_t zero = quantized(-least, scale, 0, 0, kSteps);
  FailureOr<Tensor> out = make(op, ElementType::I64, x.shape, limits);
  if (failed(out))
    return failure();
  for (int64_t i = 0; i < x.numElements(); ++i)
    out->i64[static_cast<size_t>(i)] =
        quantized(static_cast<float>(x.number(i)), scale, zero, 0, kSteps);
  SmallVector<Tensor> results;
  results.push_back(std::move(*out));
  results.push_back(Tensor::floats({}, {scale}));
  results.push_back(Tensor::ints({}, {zero}));
  return results;
}

/// Element `at` of row `row`, whose elements begin in a byte of their own: `stride` bytes from row
/// to row.
int64_t packedInteger(const Tensor &bytes, int64_t bits, int64_t row, int64_t stride, int64_t at) {
  int64_t byte = bytes.i64[static_cast<size_t>(row * stride + (bits == 4 ? at / 2 : at))];
  return bits == 8 ? byte : at % 2 == 0 ? byte & 15 : byte >> 4;
}

/// A weight whose integers have a byte each.
struct Stored {
  const onnx::PackedWeight &weight;
  const Tensor &elements, &scales;
  const Tensor *zeros;
  int64_t rowBytes;

  LogicalResult check(Operation *op) const {
    int64_t blocks = weight.blocks();
    if (elements.isFloat() || !scales.isFloat() || (zeros && zeros->isFloat()))
      return fault(op) << "expected bytes, and scales of floats";
    if (elements.numElements() != weight.rows * rowBytes ||
        scales.numElements() != weight.rows * blocks ||
        (zeros && zeros->numElements() != weight.rows * weight.bytesOf(blocks)))
      return fault(op) << "expected a weight, scales and zero points of " << weight.rows
                       << " rows of " << weight.columns << " columns";
    return success();
  }
  double at(int64_t row, int64_t column) const {
    int64_t blocks = weight.blocks(), block = column / weight.block;
    int64_t zero = zeros ? packedInteger(*zeros, weight.bits, row, weight.bytesOf(blocks), block)
                         : weight.middle();
    int64_t integer = packedInteger(elements, weight.bits, row, rowBytes, column);
    return static_cast<double>(integer - zero) * scales.number(row * blocks + block);
  }
};

Results matMulNBits(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::MsMatMulNBitsOp>(op);
  FailureOr<onnx::PackedWeight> weight = onnx::PackedWeight::of(node, [&] { return fault(op); });
  if (failed(weight))
    return failure();
  if (has(operands, 4))
    return fault(op) << "expected no g_idx";
  const Tensor &a = *operands[0];
  Stored stored{*weight, *operands[1], *operands[2], has(operands, 3) ? operands[3] : nullptr,
                weight->bytesOf(weight->paddedColumns())};
  if (failed(stored.check(op)))
    return failure();
  if (!a.isFloat() || a.rank() == 0 || a.shape.back() != weight->columns)
    return fault(op) << "expected activations of " << weight->columns << " columns of floats";
  const Tensor *bias = has(operands, 5) ? operands[5] : nullptr;
  if (bias && (!bias->isFloat() || bias->numElements() != weight->rows))
    return fault(op) << "expected a bias of " << weight->rows << " floats";
  Shape shape = a.shape;
  shape.back() = weight->rows;
  FailureOr<Tensor> out = make(op, a.type, shape, limits);
  if (failed(out))
    return failure();
  int64_t columns = weight->columns, rows = a.numElements() / columns;
  std::vector<double> channel(static_cast<size_t>(columns));
  for (int64_t n = 0; n < weight->rows; ++n) {
    for (int64_t k = 0; k < columns; ++k)
      channel[static_cast<size_t>(k)] = stored.at(n, k);
    for (int64_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (int64_t k = 0; k < columns; ++k)
        sum += a.number(row * columns + k) * channel[static_cast<size_t>(k)];
      setFloat(*out, row * weight->rows + n, sum + (bias ? bias->number(n) : 0));
    }
  }
  return one(std::move(*out));
}

Results gatherBlockQuantized(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::MsGatherBlockQuantizedOp>(op);
  const Tensor &data = *operands[0], &indices = *operands[1], &scales = *operands[2];
  const Tensor *zeros = has(operands, 3) ? operands[3] : nullptr;
  auto type = dyn_cast<RankedTensorType>(node.getData().getType());
  bool inBytes = type && type.getElementType().isUnsignedInteger(8);
  FailureOr<onnx::PackedWeight> weight =
      onnx::PackedWeight::of(node, data.shape, inBytes, [&] { return fault(op); });
  if (failed(weight))
    return failure();
  if (indices.isFloat())
    return fault(op) << "expected integer indices";
  Stored stored{*weight, data, scales, zeros, weight->bytesOf(weight->columns)};
  int64_t blocks = weight->blocks(), columns = weight->columns;
  if (inBytes && failed(stored.check(op)))
    return failure();
  if (!inBytes && (data.isFloat() || !scales.isFloat() || (zeros && zeros->isFloat()) ||
                   scales.numElements() != weight->rows * blocks ||
                   (zeros && zeros->numElements() != weight->rows * blocks)))
    return fault(op) << "expected a scale and a zero point for each block";
  Shape shape = indices.shape;
  shape.push_back(columns);
  FailureOr<Tensor> out = make(op, scales.type, shape, limits);
  if (failed(out))
    return failure();
  for (int64_t i = 0; i < indices.numElements(); ++i) {
    int64_t row = indices.i64[static_cast<size_t>(i)];
    row += row < 0 ? weight->rows : 0;
    if (row < 0 || row >= weight->rows)
      return fault(op) << "expected indices below " << weight->rows << ", found " << row;
    for (int64_t k = 0; k < columns; ++k) {
      auto block = static_cast<size_t>(row * blocks + k / weight->block);
      double value = inBytes
                         ? stored.at(row, k)
                         : static_cast<double>(data.i64[static_cast<size_t>(row * columns + k)] -
                                               (zeros ? zeros->i64[block] : 0)) *
                               scales.number(static_cast<int64_t>(block));
      setFloat(*out, i * columns + k, value);
    }
  }
  return one(std::move(*out));
}

/// A weight of a QMoE as floats, [experts, rows, columns].
FailureOr<Tensor> expertWeight(onnx::MsQMoEOp op, const Tensor &bytes, const Tensor &scales,
                               const Tensor *zeros, const EvaluationLimits &limits) {
  auto bits = static_cast<int64_t>(op.getExpertWeightBits());
  if (bytes.rank() != 3 || (bits != 4 && bits != 8))
    return fault(op) << "expected weights of rank 3 and of 4 or 8 bits";
  int64_t columns = bytes.shape[2] * 8 / bits;
  FailureOr<onnx::PackedWeight> weight = onnx::PackedWeight::of(op, bytes.shape[0], bytes.shape[1],
                                                                columns, [&] { return fault(op); });
  if (failed(weight))
    return failure();
  Stored stored{*weight, bytes, scales, zeros, weight->bytesOf(columns)};
  FailureOr<Tensor> out =
      make(op, ElementType::F32, {bytes.shape[0], bytes.shape[1], columns}, limits);
  if (failed(out) || failed(stored.check(op)))
    return failure();
  for (int64_t row = 0; row < weight->rows; ++row)
    for (int64_t k = 0; k < columns; ++k)
      setFloat(*out, row * columns + k, stored.at(row, k));
  return out;
}

Results quantizedMoe(Operation *op, Operands operands, const EvaluationLimits &limits) {
  std::string text;
  auto node = cast<onnx::MsQMoEOp>(op);
  std::optional<onnx::ExpertLayer> layer = onnx::ExpertLayer::of(node, text);
  if (!layer)
    return fault(op) << text;
  auto optional = [&](size_t i) { return has(operands, i) ? operands[i] : nullptr; };
  FailureOr<Tensor> fc1 = expertWeight(node, *operands[2], *operands[3], optional(11), limits);
  FailureOr<Tensor> fc2 = expertWeight(node, *operands[5], *operands[6], optional(12), limits);
  if (failed(fc1) || failed(fc2))
    return failure();
  return evaluateExperts(
      op, *layer, {*operands[0], *operands[1], *fc1, optional(4), *fc2, optional(7)}, limits);
}

} // namespace

void addQuantizationEvaluators(EvaluatorTable &table) {
  table["onnx.DequantizeLinear"] = dequantizeLinear;
  table["onnx.QuantizeLinear"] = quantizeLinear;
  table["onnx.DynamicQuantizeLinear"] = dynamicQuantizeLinear;
  table["onnx.ms.MatMulNBits"] = matMulNBits;
  table["onnx.ms.GatherBlockQuantized"] = gatherBlockQuantized;
  table["onnx.ms.QMoE"] = quantizedMoe;
}

} // namespace bluec::reference
