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

/// A convolution whose kernel is all of its input: a product of unfolded patches.
static bool matchWholeKernel(Raising &raising, onnx::ConvOp conv) {
  auto x = dyn_cast<RankedTensorType>(conv.getX().getType());
  auto kernel = dyn_cast<RankedTensorType>(conv.getW().getType());
  if (!x || !kernel || x.getRank() < 3 || x.getRank() != kernel.getRank() ||
      !kernel.hasStaticShape() || x.getShape().drop_front() != kernel.getShape().drop_front() ||
      conv.getGroup() != 1 || !areAll(conv.getDilations(), 1) || !areAll(conv.getPads(), 0))
    return false;
  std::optional<WeightUse> weight = raising.weight(conv.getW()), bias;
  int64_t channels = kernel.getDimSize(0), depth = kernel.getNumElements() / channels;
  if (!weight || !weight->reshape({channels, depth}))
    return false;
  if (!isa<NoneType>(conv.getB().getType()) &&
      !(bias = raising.vectorWeight(conv.getB(), channels)))
    return false;
  return recordPatchProduct(raising, conv, conv.getX(), *weight, bias);
}

bool bluec::onnx_to_blue::matchPatchEmbed(Raising &raising, Operation *op) {
  auto conv = dyn_cast<onnx::ConvOp>(op);
  if (!conv || raising.role != blue::Role::Vision)
    return false;
  if (matchWholeKernel(raising, conv))
    return true;
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

/// The sides of a patch: channels, rows, columns, and frames, which are one picture again and
/// again.
using Order = std::array<int64_t, 4>;

/// Patches of pictures [B, C, H, W] as rows of their elements: row by row, or those of blocks of
/// `block` x `block` patches together. Side `order[i]` of a patch (0 channels, 1 rows, 2 columns, 3
/// frames) is the i-th of a row, outermost first.
struct Patches {
  int64_t channels, height, width, patch, frames = 1, block = 1;
  Order order = {0, 1, 2, 3};
  int64_t down() const { return height / patch; }
  int64_t across() const { return width / patch; }
  int64_t count() const { return down() * across(); }
  int64_t side(int64_t which) const { return which == 0 ? channels : which == 3 ? frames : patch; }
  /// The row and the column in the grid of the i-th patch.
  std::pair<int64_t, int64_t> placeOf(int64_t i) const {
    int64_t number = i / (block * block), part = i % (block * block);
    return {number / (across() / block) * block + part / block,
            number % (across() / block) * block + part % block};
  }
  bool hold(const Tensor &moved, int64_t batch) const;
  bool find(const Tensor &moved, int64_t batch);
};

} // namespace

/// Whether `moved` holds the numbered elements of `batch` pictures so.
bool Patches::hold(const Tensor &moved, int64_t batch) const {
  int64_t elements = channels * patch * patch * frames, at = 0;
  if (moved.numElements() != batch * count() * elements)
    return false;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t i = 0; i < count(); ++i) {
      auto [gridRow, gridColumn] = placeOf(i);
      for (int64_t element = 0; element < elements; ++element) {
        int64_t place[4], left = element;
        for (size_t k = order.size(); k-- > 0; left /= side(order[k]))
          place[order[k]] = left % side(order[k]);
        int64_t row = gridRow * patch + place[1], column = gridColumn * patch + place[2];
        int64_t number = ((b * channels + place[0]) * height + row) * width + column + 1;
        if (moved.f32[at++] != static_cast<float>(number))
          return false;
      }
    }
  return true;
}

/// Finds how `moved` holds the numbered elements.
bool Patches::find(const Tensor &moved, int64_t batch) {
  constexpr int64_t kMaxBlock = 64; // of blue.patch_embed
  for (block = 1; block <= std::min({kMaxBlock, down(), across()}); ++block) {
    if (down() % block != 0 || across() % block != 0)
      continue;
    order = {0, 1, 2, 3};
    do
      if (hold(moved, batch))
        return true;
    while (std::next_permutation(order.begin(), order.end()));
  }
  return false;
}

bool bluec::onnx_to_blue::recordPatchProduct(Raising &raising, Operation *op, Value x,
                                             WeightUse weight, std::optional<WeightUse> bias) {
  constexpr int64_t kMaxFrames = 16;
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
  std::optional<Patches> found;
  for (Probe *probe : raising.shortProbes()) {
    std::optional<Tensor> numbers = raising.numbered(pixels, *probe);
    std::optional<Tensor> moved = numbers ? evaluateCone(*cone, *probe, {*numbers}) : std::nullopt;
    if (!moved)
      return false;
    int64_t batch = probe->lengths().batch;
    if (found) {
      if (!found->hold(*moved, batch))
        return false;
      continue;
    }
    for (patches.frames = 1; patches.frames <= kMaxFrames && !found; ++patches.frames) {
      int64_t copies = patches.channels * patches.frames;
      patches.patch = static_cast<int64_t>(std::sqrt(static_cast<double>(depth / copies)) + 0.5);
      if (patches.patch >= 1 && patches.patch <= patches.height && patches.patch <= patches.width &&
          depth % copies == 0 && patches.patch * patches.patch == depth / copies &&
          patches.find(*moved, batch))
        found = patches;
    }
    if (!found)
      return false;
  }
  patches = *found;

  // The weight as that of a convolution, [N, C, p, p], for each frame one.
  constexpr int64_t kFrames = 3;
  int64_t channels = weight.shape[0], framesAt = 0;
  std::vector<int64_t> sides = {channels};
  SmallVector<int64_t> permutation = {0, 0, 0, 0};
  for (int64_t which : patches.order) {
    if (which == kFrames)
      framesAt = static_cast<int64_t>(sides.size());
    else
      permutation[static_cast<size_t>(which) + 1] =
          static_cast<int64_t>(sides.size()) - (framesAt > 0 && patches.frames > 1 ? 1 : 0);
    if (which != kFrames || patches.frames > 1)
      sides.push_back(patches.side(which));
  }
  if (!weight.reshape(sides))
    return false;
  SmallVector<WeightUse> frames;
  for (int64_t frame = 0; frame < patches.frames; ++frame) {
    WeightUse one = weight;
    if (patches.frames > 1) {
      one.slice(framesAt, frame, frame + 1);
      std::vector<int64_t> without = sides;
      without.erase(without.begin() + framesAt);
      if (!one.reshape(std::move(without)))
        return false;
    }
    if (!llvm::is_sorted(permutation))
      one.transpose(permutation);
    frames.push_back(std::move(one));
  }

  SmallVector<int64_t> shape = {ShapedType::kDynamic, patches.count(), channels};
  Match match;
  match.nodes = {op};
  match.uses = {RowsUse{pixels}};
  match.results = {op->getResult(0)};
  match.build = [pixels, frames, bias, shape,
                 block = patches.block](Emitter &emitter, Location location) -> SmallVector<Value> {
    Value sum, picture = emitter.rows(RowsUse{pixels}, location);
    for (auto [i, frame] : llvm::enumerate(frames)) {
      std::string suffix = i == 0 ? "weight" : "weight_" + std::to_string(i);
      Value biasValue = i == 0 && bias ? emitter.weight(*bias, "bias", location) : Value();
      Value made = blue::PatchEmbedOp::create(emitter.builder, location, emitter.floats(shape),
                                              picture, emitter.weight(frame, suffix, location),
                                              biasValue, emitter.builder.getI64IntegerAttr(block));
      sum =
          sum ? blue::AddOp::create(emitter.builder, location, sum.getType(), sum, made).getResult()
              : made;
    }
    return {sum};
  };
  return raising.recordRows(std::move(match), shape) != nullptr;
}
