// Inference for nodes on weights that are quantized already. What they say of their weights has to
// fit the weights: the shapes are checked here, once, for the passes and evaluators that follow.
#include "compiler/dialect/onnx/DataTypes.h"
#include "compiler/dialect/onnx/PackedWeight.h"
#include "compiler/dialect/onnx/inference/Rules.h"

using namespace mlir;

namespace bluec::onnx {
namespace {

bool isByte(Type type) { return type && type.isUnsignedInteger(8); }
bool isFourBits(Type type) {
  return type && type.isIntOrFloat() && type.getIntOrFloatBitWidth() == 4;
}

/// Exporters write [a, b, c] as [a, b * c] or [a * b * c] too: the elements stand in one order.
LogicalResult expectElements(NodeFacts &node, unsigned i, StringRef what,
                             ArrayRef<int64_t> expected) {
  FailureOr<SmallVector<int64_t>> shape = staticShape(node, i, what);
  if (failed(shape))
    return failure();
  // Extents are at most 2^32 and there are three: their product fits 128 bits, not 64.
  auto count = [](ArrayRef<int64_t> dims) {
    __int128 product = 1;
    for (int64_t dim : dims)
      product *= dim;
    return product;
  };
  bool isPrefix = shape->size() == 1 || (!shape->empty() && (*shape)[0] == expected[0]);
  if (shape->size() > expected.size() || !isPrefix || count(*shape) != count(expected))
    return node.error() << "expected " << what << " of shape " << shapeText(expected) << ", found "
                        << shapeText(*shape);
  return success();
}

/// Scales, and zero points with them, are one, one for each place of an axis, or one for each
/// block.
LogicalResult checkScales(NodeFacts &node, const ValueFacts &x, const ValueFacts &scale,
                          int64_t axisOfScales, int64_t block) {
  if (!x.dims || !scale.dims)
    return success();
  if (block < 0)
    return node.error() << "expected a block_size of at least 0, found " << block;
  bool isSingle = staticCount(scale.dims) == 1 && scale.dims->size() <= 1;
  if (block == 0 && isSingle)
    return success();
  std::optional<int64_t> axis =
      normalizeAxis(node, axisOfScales, static_cast<int64_t>(x.dims->size()));
  if (!axis)
    return failure();
  Exprs expected = *x.dims;
  AffineExpr &extent = expected[static_cast<size_t>(*axis)];
  if (block == 0)
    expected = Exprs{extent};
  else if (std::optional<int64_t> value = constantOf(extent))
    extent = node.constant(*value / block + (*value % block != 0));
  else
    return node.error() << "expected x of static extent along the axis of its blocks";
  bool fits = expected.size() == scale.dims->size();
  for (size_t i = 0; fits && i < expected.size(); ++i)
    fits = !constantOf(expected[i]) || !constantOf((*scale.dims)[i]) ||
           *constantOf(expected[i]) == *constantOf((*scale.dims)[i]);
  if (!fits) {
    auto text = [&](const Exprs &dims) {
      return shapeText(
          llvm::map_to_vector(dims, [](AffineExpr dim) { return constantOf(dim).value_or(-1); }));
    };
    return node.error() << "expected scales of shape " << text(expected) << ", found "
                        << text(*scale.dims);
  }
  return success();
}

LogicalResult dequantizeLinear(NodeFacts &node) {
  auto op = cast<DequantizeLinearOp>(node.op);
  ValueFacts x = node.input(0), scale = node.input(1);
  auto integer = dyn_cast_or_null<IntegerType>(x.elementType);
  constexpr unsigned kWidest = 32;
  if (!integer || integer.getWidth() > kWidest || integer.getWidth() == 1)
    return node.error() << "expected integers of 4 to " << kWidest << " bits, found "
                        << x.elementType;
  if (failed(expectFloats(node, "scales", scale.elementType)))
    return failure();
  if (op.getOutputDtype() != 0 &&
      elementTypeOf(node.inference.getContext(), static_cast<int64_t>(op.getOutputDtype())) !=
          scale.elementType)
    return node.error() << "expected an output_dtype of the scales' type, found "
                        << dataTypeName(static_cast<int64_t>(op.getOutputDtype()));
  if (node.has(2)) {
    ValueFacts zero = node.input(2);
    if (zero.elementType != x.elementType)
      return node.error() << "expected zero points of x's type " << x.elementType << ", found "
                          << zero.elementType;
    if (zero.dims && scale.dims && *zero.dims != *scale.dims)
      return node.error() << "expected as many zero points as scales";
  }
  if (failed(checkScales(node, x, scale, static_cast<int64_t>(op.getAxis()),
                         static_cast<int64_t>(op.getBlockSize()))))
    return failure();
  return node.set(0, scale.elementType, x.dims);
}

/// A zero point's type, or what a node says, or bytes.
LogicalResult quantizeLinear(NodeFacts &node) {
  auto op = cast<QuantizeLinearOp>(node.op);
  ValueFacts x = node.input(0), scale = node.input(1);
  if (failed(expectFloats(node, "numbers", x.elementType)) ||
      failed(expectFloats(node, "scales", scale.elementType)))
    return failure();
  MLIRContext *context = node.inference.getContext();
  Type type = IntegerType::get(context, 8, IntegerType::Unsigned);
  if (op.getOutputDtype() != 0)
    type = elementTypeOf(context, static_cast<int64_t>(op.getOutputDtype()));
  if (node.has(2)) {
    ValueFacts zero = node.input(2);
    if (op.getOutputDtype() != 0 && zero.elementType != type)
      return node.error() << "expected zero points of output_dtype, found " << zero.elementType;
    if (zero.dims && scale.dims && *zero.dims != *scale.dims)
      return node.error() << "expected as many zero points as scales";
    type = zero.elementType;
  }
  auto integer = dyn_cast_or_null<IntegerType>(type);
  if (!integer || (integer.getWidth() != 4 && integer.getWidth() != 8 && integer.getWidth() != 16))
    return node.error() << "expected integers of 4, 8 or 16 bits, found " << type;
  if (failed(checkScales(node, x, scale, static_cast<int64_t>(op.getAxis()),
                         static_cast<int64_t>(op.getBlockSize()))))
    return failure();
  return node.set(0, type, x.dims);
}

LogicalResult dynamicQuantizeLinear(NodeFacts &node) {
  ValueFacts x = node.input(0);
  if (!x.elementType || !x.elementType.isF32())
    return node.error() << "expected numbers of f32, found " << x.elementType;
  Type byte = IntegerType::get(node.inference.getContext(), 8, IntegerType::Unsigned);
  return success(succeeded(node.set(0, byte, x.dims)) &&
                 succeeded(node.set(1, x.elementType, Exprs())) &&
                 succeeded(node.set(2, byte, Exprs())));
}

LogicalResult matMulNBits(NodeFacts &node) {
  auto op = cast<MsMatMulNBitsOp>(node.op);
  FailureOr<PackedWeight> weight = PackedWeight::of(op, [&] { return node.error(); });
  if (failed(weight))
    return failure();
  ValueFacts a = node.input(0), scales = node.input(2);
  if (failed(expectFloats(node, "activations", a.elementType)) ||
      failed(expectFloats(node, "scales", scales.elementType)))
    return failure();
  if (!isByte(node.input(1).elementType))
    return node.error() << "expected a weight of ui8, found " << node.input(1).elementType;
  if (scales.elementType != a.elementType)
    return node.error() << "expected scales of the activations' type " << a.elementType
                        << ", found " << scales.elementType;
  if (node.has(4))
    return node.error() << "g_idx: expected none (columns in their order), found one";
  int64_t blocks = weight->blocks();
  if (failed(expectElements(node, 1, "a weight",
                            {weight->rows, blocks, weight->bytesOf(weight->block)})) ||
      failed(expectElements(node, 2, "scales", {weight->rows, blocks})))
    return failure();
  if (node.has(3)) {
    if (!isByte(node.input(3).elementType))
      return node.error() << "expected zero points of ui8, found " << node.input(3).elementType;
    if (failed(expectElements(node, 3, "zero points", {weight->rows, weight->bytesOf(blocks)})))
      return failure();
  }
  if (node.has(5) && (node.input(5).elementType != a.elementType ||
                      failed(expectElements(node, 5, "a bias", {weight->rows}))))
    return node.error() << "expected a bias of " << weight->rows << " elements of "
                        << a.elementType;
  if (!a.dims)
    return node.set(0, a.elementType, std::nullopt);
  Exprs dims = *a.dims;
  if (dims.empty() || constantOf(dims.back()).value_or(weight->columns) != weight->columns)
    return node.error() << "expected activations of " << weight->columns << " columns";
  dims.back() = node.constant(weight->rows);
  return node.set(0, a.elementType, dims);
}

LogicalResult gatherBlockQuantized(NodeFacts &node) {
  auto op = cast<MsGatherBlockQuantizedOp>(node.op);
  Type data = node.input(0).elementType, scale = node.input(2).elementType;
  if (!isByte(data) && !isFourBits(data))
    return node.error() << "expected data of ui8, i4 or ui4, found " << data;
  if (!isa_and_nonnull<IntegerType>(node.input(1).elementType))
    return node.error() << "expected integer indices, found " << node.input(1).elementType;
  if (failed(expectFloats(node, "scales", scale)))
    return failure();
  FailureOr<SmallVector<int64_t>> shape = staticShape(node, 0, "data");
  if (failed(shape))
    return failure();
  FailureOr<PackedWeight> weight =
      PackedWeight::of(op, *shape, isByte(data), [&] { return node.error(); });
  if (failed(weight) || failed(expectElements(node, 2, "scales", {weight->rows, weight->blocks()})))
    return failure();
  if (node.has(3)) {
    if (node.input(3).elementType != data)
      return node.error() << "expected zero points of data's type " << data << ", found "
                          << node.input(3).elementType;
    int64_t zeros = isByte(data) ? weight->bytesOf(weight->blocks()) : weight->blocks();
    if (failed(expectElements(node, 3, "zero points", {weight->rows, zeros})))
      return failure();
  }
  if (!node.input(1).dims)
    return node.set(0, scale, std::nullopt);
  Exprs dims = *node.input(1).dims;
  dims.push_back(node.constant(weight->columns));
  return node.set(0, scale, dims);
}

} // namespace

void addQuantizationRules(InferenceRules &rules) {
  rules["onnx.DequantizeLinear"] = dequantizeLinear;
  rules["onnx.QuantizeLinear"] = quantizeLinear;
  rules["onnx.DynamicQuantizeLinear"] = dynamicQuantizeLinear;
  rules["onnx.ms.MatMulNBits"] = matMulNBits;
  rules["onnx.ms.GatherBlockQuantized"] = gatherBlockQuantized;
}

} // namespace bluec::onnx
