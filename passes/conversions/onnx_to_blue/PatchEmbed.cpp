// Patches, projected: a convolution whose stride is its kernel, or a product with unfolded patches.
#include "passes/conversions/onnx_to_blue/Structure.h"

#include <algorithm>
#include <array>
#include <cmath>

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
  meaning.arrangement = gridArrangement(channels, height / patch, width / patch);
  raising.record(std::move(match), meaning);
  return true;
}

namespace {

/// The sides of a patch: channels, rows and columns.
using Order = std::array<int64_t, 3>;

/// Patches of pictures [B, C, H, W], row by row, as rows of their elements. Side `order[i]` of a
/// patch (0 channels, 1 rows, 2 columns) is the i-th of a row, outermost first.
struct Patches {
  int64_t channels, height, width, patch;
  Order order = {0, 1, 2};
  int64_t across() const { return width / patch; }
  int64_t count() const { return (height / patch) * across(); }
  int64_t side(int64_t which) const { return which == 0 ? channels : patch; }
  bool hold(const Tensor &moved, int64_t batch) const;
};

} // namespace

/// Whether `moved` holds the numbered elements of `batch` pictures so.
bool Patches::hold(const Tensor &moved, int64_t batch) const {
  int64_t sides[3] = {side(order[0]), side(order[1]), side(order[2])}, index[3], at = 0;
  if (moved.numElements() != batch * count() * channels * patch * patch)
    return false;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t i = 0; i < count(); ++i)
      for (index[0] = 0; index[0] < sides[0]; ++index[0])
        for (index[1] = 0; index[1] < sides[1]; ++index[1])
          for (index[2] = 0; index[2] < sides[2]; ++index[2]) {
            int64_t place[3];
            for (size_t k = 0; k < 3; ++k)
              place[order[k]] = index[k];
            int64_t row = i / across() * patch + place[1], column = i % across() * patch + place[2];
            int64_t number = ((b * channels + place[0]) * height + row) * width + column + 1;
            if (moved.f32[at++] != static_cast<float>(number))
              return false;
          }
  return true;
}

bool bluec::onnx_to_blue::recordPatchProduct(Raising &raising, Operation *op, Value x,
                                             WeightUse weight) {
  if (raising.role != blue::Role::Vision)
    return false;
  std::optional<Cone> cone =
      traceCone(strip(x), ConeKind::Movement, raising.dependences(), *raising.shortProbes().front(),
                [&](Value at) { return raising.isLayer(at); });
  if (!cone || cone->roots.size() != 1 || !isa<BlockArgument>(cone->roots.front()))
    return false;
  Value pixels = cone->roots.front();
  const Meaning *meaning = raising.meaning(pixels);
  if (!meaning || meaning->shape.size() != 4 || meaning->shape[1] <= 0)
    return false;
  Patches patches{meaning->shape[1], meaning->shape[2], meaning->shape[3], 0};
  int64_t depth = weight.shape[1];
  patches.patch =
      static_cast<int64_t>(std::sqrt(static_cast<double>(depth / patches.channels)) + 0.5);
  if (patches.patch < 1 || patches.patch > patches.height || patches.patch > patches.width ||
      depth % patches.channels != 0 || patches.patch * patches.patch != depth / patches.channels)
    return false;

  std::optional<Order> found;
  for (Probe *probe : raising.shortProbes()) {
    std::optional<Tensor> numbers = raising.numbered(pixels, *probe);
    std::optional<Tensor> moved = numbers ? evaluateCone(*cone, *probe, {*numbers}) : std::nullopt;
    if (!moved)
      return false;
    int64_t batch = probe->lengths().batch;
    patches.order = found.value_or(Order{0, 1, 2});
    while (!patches.hold(*moved, batch))
      if (found || !std::next_permutation(patches.order.begin(), patches.order.end()))
        return false;
    found = patches.order;
  }

  // The weight as that of a convolution, [N, C, p, p].
  int64_t channels = weight.shape[0];
  std::vector<int64_t> sides = {channels};
  SmallVector<int64_t> permutation = {0, 0, 0, 0};
  for (auto [i, which] : llvm::enumerate(*found)) {
    sides.push_back(patches.side(which));
    permutation[static_cast<size_t>(which) + 1] = static_cast<int64_t>(i) + 1;
  }
  if (!weight.reshape(sides))
    return false;
  if (*found != Order{0, 1, 2})
    weight.transpose(permutation);

  SmallVector<int64_t> shape = {ShapedType::kDynamic, patches.count(), channels};
  Match match;
  match.nodes = {op};
  match.uses = {RowsUse{pixels}};
  match.results = {op->getResult(0)};
  match.build = [pixels, weight, shape](Emitter &emitter, Location location) -> SmallVector<Value> {
    return {blue::PatchEmbedOp::create(emitter.builder, location, emitter.floats(shape),
                                       emitter.rows(RowsUse{pixels}, location),
                                       emitter.weight(weight, "weight", location), Value())};
  };
  return raising.recordRows(std::move(match), shape) != nullptr;
}
