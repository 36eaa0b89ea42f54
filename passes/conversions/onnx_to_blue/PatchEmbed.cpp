// A convolution whose stride is its kernel: patches, projected.
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// Whether all of `values` are `expected`; an attribute that is left out has the default.
static bool areAll(std::optional<ArrayRef<int64_t>> values, int64_t expected) {
  return !values || llvm::all_of(*values, [&](int64_t value) { return value == expected; });
}

bool bluec::onnx_to_blue::matchPatchEmbed(Raising &raising, Operation *op) {
  auto conv = dyn_cast<onnx::ConvOp>(op);
  if (!conv || raising.role != blue::Role::Vision)
    return false;
  auto pixelsType = dyn_cast<RankedTensorType>(conv.getX().getType());
  auto weightType = dyn_cast<RankedTensorType>(conv.getW().getType());
  if (!pixelsType || !weightType || pixelsType.getRank() != 4 || weightType.getRank() != 4 ||
      !weightType.hasStaticShape())
    return false;
  int64_t channels = weightType.getDimSize(0), patch = weightType.getDimSize(2);
  int64_t height = pixelsType.getDimSize(2), width = pixelsType.getDimSize(3);
  if (patch <= 0 || weightType.getDimSize(3) != patch || conv.getGroup() != 1 ||
      !areAll(conv.getDilations(), 1) || !areAll(conv.getKernelShape(), patch) ||
      !conv.getStrides() || conv.getStrides()->size() != 2 || !areAll(conv.getStrides(), patch)) {
    raising.explain(op, "expected a convolution whose stride is its square kernel");
    return false;
  }
  StringRef padding = conv.getAutoPad();
  bool isPadded = padding.starts_with("SAME") && (height % patch != 0 || width % patch != 0);
  if (isPadded || (padding == "NOTSET" && !areAll(conv.getPads(), 0)) ||
      pixelsType.getDimSize(1) != weightType.getDimSize(1) || height < patch || width < patch) {
    raising.explain(op, "expected a convolution of unpadded pictures");
    return false;
  }

  std::optional<RowsUse> pixels = raising.wholeRows(conv.getX());
  std::optional<WeightUse> weight = raising.weight(conv.getW()), bias;
  const Meaning *pixelsMeaning = pixels ? raising.meaning(pixels->anchor) : nullptr;
  if (!weight || !pixelsMeaning || pixelsMeaning->shape.size() != 4)
    return false;
  if (!isa<NoneType>(conv.getB().getType()) &&
      !(bias = raising.vectorWeight(conv.getB(), channels)))
    return false;

  int64_t patches = 0;
  if (llvm::MulOverflow(height / patch, width / patch, patches))
    return false;
  Match match;
  match.nodes = {op};
  match.uses = {*pixels};
  match.results = {conv.getResult()};
  SmallVector<int64_t> shape = {ShapedType::kDynamic, patches, channels};
  match.build = [pixels = *pixels, weight = *weight, bias,
                 shape](Emitter &emitter, Location location) -> SmallVector<Value> {
    Value weightValue = emitter.weight(weight, "weight", location);
    Value biasValue = bias ? emitter.weight(*bias, "bias", location) : Value();
    return {blue::PatchEmbedOp::create(emitter.builder, location, emitter.floats(shape),
                                       emitter.rows(pixels, location), weightValue, biasValue)};
  };
  Meaning meaning;
  meaning.shape = shape;
  // [B, channels, rows, columns] holds [B, rows * columns, channels].
  int64_t down = height / patch, across = width / patch;
  meaning.arrangement = [=](Probe &probe) -> std::optional<Tensor> {
    int64_t batch = probe.lengths().batch, count = 0;
    if (llvm::MulOverflow(batch, channels, count) || llvm::MulOverflow(count, patches, count) ||
        count > kMaxNumbered)
      return std::nullopt;
    Tensor tensor = Tensor::zeros(reference::ElementType::F32, {batch, channels, down, across});
    size_t at = 0;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t token = 0; token < patches; ++token)
          tensor.f32[at++] = static_cast<float>((b * patches + token) * channels + c + 1);
    return tensor;
  };
  raising.record(std::move(match), meaning);
  return true;
}
