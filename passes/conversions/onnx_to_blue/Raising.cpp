#include "passes/conversions/onnx_to_blue/Raising.h"

#include "passes/conversions/onnx_to_blue/Heads.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

/// Pictures of a call that a graph may fix.
static constexpr int64_t kMaxPictures = 4096;

Raising::Raising(func::FuncOp function, reference::WeightValues *weights, int64_t context)
    : function(function), role(*blue::roleOf(function)), context(context), weights(weights) {}

/// The width of the heads of a past whose type leaves it open, from the node that appends to it.
static std::optional<int64_t> headDimFromNode(BlockArgument past) {
  auto type = cast<RankedTensorType>(past.getType());
  if (!type.isDynamicDim(3))
    return std::nullopt;
  for (Operation *user : past.getUsers()) {
    auto node = dyn_cast<onnx::MsGroupQueryAttentionOp>(user);
    auto query = node ? dyn_cast<RankedTensorType>(node.getQuery().getType()) : RankedTensorType();
    if (!query || query.getRank() == 0 || query.isDynamicDim(query.getRank() - 1))
      continue;
    int64_t heads = node.getNumHeads(), kvHeads = node.getKvNumHeads();
    bool isPacked = isa<NoneType>(node.getKey().getType());
    if (heads <= 0 || kvHeads <= 0 || heads > 100000 || kvHeads > 100000)
      continue;
    int64_t count = isPacked ? heads + 2 * kvHeads : heads;
    if (query.getShape().back() % count == 0)
      return query.getShape().back() / count;
  }
  return std::nullopt;
}

LogicalResult Raising::prepare() {
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), onnx::kNameAttr);
    inputs.push_back(classifyInput(argument, name ? name.getValue() : "", role));
  }
  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs))
    if (input.kind == InputKind::PastKey || input.kind == InputKind::PastValue)
      input.headDim = headDimFromNode(argument);
  dependenceInfo = std::make_unique<Dependences>(function, inputs);

  // Batches and lengths that differ from each other and from any dim of a model.
  SmallVector<Lengths> lengths;
  if (role == blue::Role::Vision) {
    lengths = {{2, 0, 0}, {1, 0, 0}};
    // A graph with a fixed number of pictures is probed at that number, one with a fixed number in
    // each of its rows at its multiples.
    for (auto [argument, input] : llvm::zip(function.getArguments(), inputs))
      if (input.kind == InputKind::Pixels) {
        int64_t fixed = 1;
        bool isOpen = false;
        for (int64_t dim : picturesOf(cast<RankedTensorType>(argument.getType())))
          if (dim == kDynamic)
            isOpen = true;
          else if (llvm::MulOverflow(fixed, dim, fixed) || fixed < 1 || fixed > kMaxPictures)
            return function.emitError("expected 1 to ")
                   << kMaxPictures << " pictures, found " << argument.getType();
        lengths = {{fixed, 0, 0}};
        if (isOpen)
          lengths.insert(lengths.begin(), {2 * fixed, 0, 0});
      }
  } else if (role == blue::Role::Embed) {
    lengths = {{1, 7, 0}, {1, 1, 0}};
  } else {
    lengths = {{1, 3, 5}, {1, 7, 0}, {1, 1, 0}};
    for (int64_t rows : {int64_t{1}, int64_t{6}})
      if (context > rows)
        lengths.push_back({1, rows, context - rows});
    // Nothing but a rope may follow one axis alone.
    if (hasAxes())
      for (int64_t axis = 0; axis < kPositionAxes; ++axis)
        lengths.push_back({1, std::min<int64_t>(context, 7), 0, MovedAxis{axis, context}});
  }
  for (auto [i, at] : llvm::enumerate(lengths)) {
    std::string reason;
    FailureOr<std::unique_ptr<Probe>> probe =
        Probe::create(function, inputs, *dependenceInfo, at, weights, products, reason);
    if (failed(probe))
      return function.emitError() << reason;
    probes.push_back(std::move(*probe));
    all.push_back(probes.back().get());
    if (i < 2)
      shorts.push_back(probes.back().get());
  }

  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs)) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    Meaning meaning;
    switch (input.kind) {
    case InputKind::Pixels:
      // [B, C, H, W], or [rows, B / rows, C, H, W].
      meaning.shape = llvm::to_vector(type.getShape().take_back(4));
      meaning.shape[0] = kDynamic;
      if (llvm::is_contained(ArrayRef<int64_t>(meaning.shape).drop_front(), kDynamic))
        return function.emitError("expected pictures of a fixed size (of the graph, of the "
                                  "processor's size or of vision_config's image_size), found ")
               << type;
      break;
    case InputKind::Ids:
      meaning.shape = {kDynamic};
      break;
    case InputKind::Embeddings:
      meaning.shape = {kDynamic, type.getDimSize(2)};
      break;
    case InputKind::PastKey:
    case InputKind::PastValue: {
      int64_t heads = type.getDimSize(1), width = 0;
      int64_t headDim = input.headDim.value_or(type.getDimSize(3));
      if (heads == kDynamic || headDim == kDynamic || llvm::MulOverflow(heads, headDim, width))
        return function.emitError("expected past keys and values with a fixed number and width of "
                                  "heads, found ")
               << type;
      meaning.shape = {kDynamic, width};
      // [1, heads, P, D] holds [P, heads * D].
      meaning.arrangement = [heads, headDim, width](Probe &probe) -> std::optional<Tensor> {
        int64_t past = probe.lengths().past;
        if (width > 0 && past > kMaxNumbered / width)
          return std::nullopt;
        Tensor tensor = Tensor::zeros(reference::ElementType::F32, {1, heads, past, headDim});
        size_t at = 0;
        for (int64_t head = 0; head < heads; ++head)
          for (int64_t row = 0; row < past; ++row)
            for (int64_t d = 0; d < headDim; ++d)
              tensor.f32[at++] = static_cast<float>(row * width + head * headDim + d + 1);
        return tensor;
      };
      break;
    }
    default:
      continue;
    }
    if (input.kind == InputKind::Embeddings && meaning.shape[1] == kDynamic)
      return function.emitError("expected embeddings of a fixed width, found ") << type;
    meanings[argument] = std::move(meaning);
  }
  return success();
}

std::unique_ptr<Probe> Raising::probeAt(Lengths lengths) {
  std::string reason;
  FailureOr<std::unique_ptr<Probe>> probe =
      Probe::create(function, inputs, *dependenceInfo, lengths, weights, products, reason);
  return succeeded(probe) ? std::move(*probe) : nullptr;
}

//===----------------------------------------------------------------------------------------===//
// What values mean
//===----------------------------------------------------------------------------------------===//

const Match *Raising::record(Match match, ArrayRef<Meaning> results) {
  matches.push_back(std::move(match));
  const Match &recorded = matches.back();
  for (auto [value, meaning] : llvm::zip_equal(recorded.results, results)) {
    Meaning complete = meaning;
    complete.match = &recorded;
    meanings[value] = std::move(complete);
  }
  return &recorded;
}

const Match *Raising::recordRows(Match match, ArrayRef<int64_t> shape) {
  for (Probe *probe : shorts) {
    std::optional<std::vector<int64_t>> found = probe->shape(match.results.front());
    std::vector<int64_t> expected = shapeAt(shape, *probe);
    // Heads may have a dim of their own, the last one.
    if (!found || found->empty() || found->back() < 1 || expected.back() % found->back() != 0)
      return nullptr;
    int64_t foundCount = 1, expectedCount = 1;
    for (int64_t dim : *found)
      if (llvm::MulOverflow(foundCount, dim, foundCount))
        return nullptr;
    for (int64_t dim : expected)
      if (llvm::MulOverflow(expectedCount, dim, expectedCount))
        return nullptr;
    if (foundCount != expectedCount)
      return nullptr;
  }
  Meaning meaning;
  meaning.shape = llvm::to_vector(shape);
  return record(std::move(match), meaning);
}

const Match *Raising::matchOf(Value value, Match::Kind kind) const {
  auto found = meanings.find(strip(value));
  if (found == meanings.end() || !found->second.match || found->second.match->kind != kind)
    return nullptr;
  return found->second.match;
}

SmallVector<int64_t> Raising::rowsShape(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() == 0 || type.isDynamicDim(type.getRank() - 1) ||
      !isa<FloatType>(type.getElementType()))
    return {};
  int64_t channels = type.getShape().back();
  std::optional<int64_t> tokens;
  for (Probe *probe : shorts) {
    std::optional<std::vector<int64_t>> shape = probe->shape(value);
    if (!shape)
      return {};
    int64_t rows = 1;
    for (int64_t dim : ArrayRef<int64_t>(*shape).drop_back())
      if (llvm::MulOverflow(rows, dim, rows))
        return {};
    if (role != blue::Role::Vision) {
      if (rows != probe->lengths().rows)
        return {};
      continue;
    }
    int64_t batch = probe->lengths().batch;
    if (batch <= 0 || rows % batch != 0 || (tokens && *tokens != rows / batch))
      return {};
    tokens = rows / batch;
  }
  if (tokens)
    return {kDynamic, *tokens, channels};
  return {kDynamic, channels};
}

const Meaning *Raising::meaning(Value anchor) {
  if (auto found = meanings.find(anchor); found != meanings.end())
    return &found->second;
  if (auto found = guesses.find(anchor); found != guesses.end())
    return found->second.shape.empty() ? nullptr : &found->second;
  Meaning &guess = guesses[anchor];
  guess.shape = rowsShape(anchor);
  return guess.shape.empty() ? nullptr : &guess;
}

std::vector<int64_t> Raising::shapeAt(ArrayRef<int64_t> shape, const Probe &probe) const {
  std::vector<int64_t> result(shape.begin(), shape.end());
  result.front() = role == blue::Role::Vision ? probe.lengths().batch : probe.lengths().rows;
  return result;
}

std::optional<Tensor> Raising::numbered(Value anchor, Probe &probe, int64_t base) {
  const Meaning *found = meaning(anchor);
  if (!found)
    return std::nullopt;
  Tensor tensor;
  if (found->arrangement) {
    std::optional<Tensor> arranged = found->arrangement(probe);
    if (!arranged)
      return std::nullopt;
    tensor = std::move(*arranged);
  } else {
    std::optional<std::vector<int64_t>> shape = probe.shape(anchor);
    if (!shape)
      return std::nullopt;
    int64_t count = 1;
    for (int64_t dim : *shape)
      if (llvm::MulOverflow(count, dim, count) || count > kMaxNumbered)
        return std::nullopt;
    tensor = Tensor::zeros(reference::ElementType::F32, *shape);
    for (int64_t i = 0; i < count; ++i)
      tensor.f32[i] = static_cast<float>(i + 1);
  }
  if (base + tensor.numElements() > kMaxNumbered)
    return std::nullopt;
  if (base != 0)
    for (float &number : tensor.f32)
      if (number > 0)
        number += static_cast<float>(base);
  return tensor;
}

//===----------------------------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------------------------===//

/// Whether `tensor` is 1, 2, 3...
static bool isIota(const Tensor &tensor) {
  for (auto [i, number] : llvm::enumerate(tensor.f32))
    if (number != static_cast<float>(i + 1))
      return false;
  return true;
}

/// The columns of rows of `width` that `tensor` holds in order, if it does.
static std::optional<Columns> columnsOf(const Tensor &tensor, int64_t width, int64_t rows) {
  if (rows <= 0 || tensor.f32.empty() || tensor.numElements() % rows != 0)
    return std::nullopt;
  int64_t count = tensor.numElements() / rows;
  auto columnAt = [&](int64_t i) { return static_cast<int64_t>(tensor.f32[i]) - 1; };
  if (count >= width || columnAt(0) < 0 || columnAt(0) >= width)
    return std::nullopt;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < count; ++i)
      if (columnAt(row * count + i) != row * width + columnAt(i))
        return std::nullopt;
  // In pieces as long as the first one.
  int64_t size = 1;
  while (size < count && columnAt(size) == columnAt(size - 1) + 1)
    ++size;
  std::vector<int64_t> begins;
  for (int64_t i = 0; i < count; ++i)
    if (i % size == 0)
      begins.push_back(columnAt(i));
    else if (columnAt(i) != columnAt(i - 1) + 1)
      return std::nullopt;
  return count % size == 0 ? columnPieces(begins, size, width) : std::nullopt;
}

namespace {

/// The numbered tokens of pictures: a picture has `all` of them, of which `begin` to `end` are
/// moved.
struct Tokens {
  int64_t batch, all, channels;
  int64_t begin, end;
  /// The number of a token's first element.
  int64_t numberOf(int64_t picture, int64_t token) const {
    return (picture * all + begin + token) * channels + 1;
  }
};

} // namespace

/// The tokens from which the elements of `moved` come, of pictures of `shape`; zeros come from
/// none.
static std::optional<Tokens> movedTokens(const Tensor &moved, ArrayRef<int64_t> shape) {
  Tokens tokens{shape[0], shape[1], shape[2], shape[1], 0};
  if (tokens.channels <= 0 || tokens.all <= 0)
    return std::nullopt;
  for (float number : moved.f32) {
    if (number < 0)
      return std::nullopt; // negated
    if (number == 0)
      continue;
    int64_t token = (static_cast<int64_t>(number) - 1) / tokens.channels % tokens.all;
    tokens.begin = std::min(tokens.begin, token);
    tokens.end = std::max(tokens.end, token + 1);
  }
  if (tokens.begin >= tokens.end)
    return std::nullopt;
  return tokens;
}

/// Whether `moved` holds these tokens in their order.
static bool isSlice(const Tensor &moved, const Tokens &tokens) {
  int64_t count = tokens.end - tokens.begin, at = 0;
  if (moved.numElements() != tokens.batch * count * tokens.channels)
    return false;
  for (int64_t b = 0; b < tokens.batch; ++b)
    for (int64_t i = 0; i < count * tokens.channels; ++i)
      if (moved.f32[at++] != static_cast<float>(tokens.numberOf(b, 0) + i))
        return false;
  return true;
}

/// Whether `moved` holds these tokens regrouped as `grid` says.
static bool isDownsampled(const Tensor &moved, const Tokens &tokens, const Downsample &grid) {
  int64_t down = grid.down(), across = grid.across(), parts = grid.factor * grid.factor;
  int64_t width = parts * tokens.channels, at = 0;
  if (moved.numElements() != tokens.batch * down * across * width)
    return false;
  for (int64_t b = 0; b < tokens.batch; ++b)
    for (int64_t block = 0; block < down * across; ++block) {
      int64_t row = grid.transposed ? block % down : block / across;
      int64_t column = grid.transposed ? block / down : block % across;
      for (int64_t k = 0; k < width; ++k) {
        int64_t part = grid.channelsFirst ? k % parts : k / tokens.channels;
        int64_t channel = grid.channelsFirst ? k / parts : k % tokens.channels;
        int64_t major = part / grid.factor, minor = part % grid.factor;
        int64_t i = grid.factor * row + (grid.columnMajor ? minor : major);
        int64_t j = grid.factor * column + (grid.columnMajor ? major : minor);
        bool inside = i < grid.height && j < grid.width;
        int64_t number = tokens.numberOf(b, i * grid.width + j) + channel;
        if (moved.f32[at++] != (inside ? static_cast<float>(number) : 0.0f))
          return false;
      }
    }
  return true;
}

/// How `moved` holds these tokens regrouped, if it does.
static std::optional<Downsample> readDownsample(const Tensor &moved, const Tokens &tokens) {
  constexpr int64_t kMaxFactor = 64; // of blue.token_downsample
  int64_t count = tokens.end - tokens.begin;
  int64_t parts = moved.rank() > 0 ? moved.shape.back() / tokens.channels : 0;
  auto factor = static_cast<int64_t>(std::sqrt(static_cast<double>(parts)) + 0.5);
  if (factor < 2 || factor > kMaxFactor || moved.shape.back() != factor * factor * tokens.channels)
    return std::nullopt;
  for (int64_t height = 1; height <= count; ++height)
    for (unsigned order = 0; count % height == 0 && order < 8; ++order) {
      Downsample grid{height,           count / height,   factor,
                      (order & 1) != 0, (order & 2) != 0, (order & 4) != 0};
      if (isDownsampled(moved, tokens, grid))
        return grid;
    }
  return std::nullopt;
}

/// How tokens of `channels`, in their order, stand side by side in rows of `width`: those of a grid
/// that is one block wide. Nothing when they are no blocks.
static std::optional<Downsample> joinedInOrder(int64_t width, ArrayRef<int64_t> shape) {
  constexpr int64_t kMaxFactor = 64; // of blue.token_downsample
  int64_t tokens = shape[1], channels = shape[2];
  if (channels <= 0 || width % channels != 0)
    return std::nullopt;
  int64_t parts = width / channels;
  auto factor = static_cast<int64_t>(std::sqrt(static_cast<double>(parts)) + 0.5);
  if (factor < 2 || factor > kMaxFactor || factor * factor != parts || tokens % parts != 0)
    return std::nullopt;
  return Downsample{tokens / factor, factor, factor, false, false, false};
}

std::optional<RowsUse> Raising::rows(Value value) {
  value = strip(value);
  if (!dependences().onActivations(value) || !isa<FloatType>(getElementTypeOrSelf(value.getType())))
    return std::nullopt;
  if (auto found = meanings.find(value); found != meanings.end() && !found->second.arrangement)
    return RowsUse{value};
  std::optional<Cone> cone = traceCone(value, ConeKind::Movement, dependences(), *shorts.front(),
                                       [&](Value other) { return isLayer(other); });
  if (!cone || cone->roots.size() != 1)
    return std::nullopt;
  Value anchor = cone->roots.front();
  const Meaning *found = meaning(anchor);
  if (!found || found->shape.size() < 2)
    return std::nullopt;
  if (cone->ops.empty() && !found->arrangement)
    return RowsUse{anchor};

  int64_t width = found->shape.back();
  std::optional<RowsUse> result;
  for (Probe *probe : shorts) {
    std::optional<Tensor> numbers = numbered(anchor, *probe);
    std::optional<Tensor> moved;
    if (numbers)
      moved = evaluateCone(*cone, *probe, {*numbers});
    if (!moved)
      return std::nullopt;
    std::vector<int64_t> shape = shapeAt(found->shape, *probe);
    int64_t count = 1;
    for (int64_t dim : shape)
      count *= dim;
    if (result && (result->downsample || result->endToken != 0)) {
      std::optional<Tokens> tokens = movedTokens(*moved, shape);
      int64_t end = result->endToken != 0 ? result->endToken : shape[1];
      if (!tokens || tokens->begin != result->firstToken || tokens->end != end ||
          !(result->downsample ? isDownsampled(*moved, *tokens, *result->downsample)
                               : isSlice(*moved, *tokens)))
        return std::nullopt;
      continue;
    }
    RowsUse use{anchor};
    if (moved->numElements() == count && isIota(*moved)) {
      // The whole anchor, or its tokens in groups.
      if (shape.size() == 3 && moved->rank() > 0 && moved->shape.back() != width)
        use.downsample = joinedInOrder(moved->shape.back(), shape);
    } else if (auto columns = columnsOf(*moved, width, width == 0 ? 0 : count / width)) {
      use.columns = *columns;
    } else if (shape.size() == 3 && !result) {
      std::optional<Tokens> tokens = movedTokens(*moved, shape);
      if (!tokens)
        return std::nullopt;
      if (tokens->begin != 0 || tokens->end != tokens->all) {
        use.firstToken = tokens->begin;
        use.endToken = tokens->end;
      }
      if (use.endToken == 0 || !isSlice(*moved, *tokens)) {
        use.downsample = readDownsample(*moved, *tokens);
        if (!use.downsample)
          return std::nullopt;
      }
    } else {
      return std::nullopt;
    }
    if (result && result->columns != use.columns)
      return std::nullopt;
    result = use;
  }
  // Columns can only be made one by one by a layer that knows how.
  if (result && !result->columns.isAll() && (!found->match || !found->match->buildColumns))
    return std::nullopt;
  return result;
}

std::optional<RowsUse> Raising::wholeRows(Value value) {
  std::optional<RowsUse> use = rows(value);
  if (!use || !use->isWhole())
    return std::nullopt;
  return use;
}

SmallVector<int64_t> Raising::shapeOf(const RowsUse &use) {
  SmallVector<int64_t> shape = meaning(use.anchor)->shape;
  shape.back() = use.columns.count(shape.back());
  if (use.endToken != 0)
    shape[1] = use.endToken - use.firstToken;
  if (use.downsample) {
    shape[1] = use.downsample->down() * use.downsample->across();
    shape.back() *= use.downsample->factor * use.downsample->factor;
  }
  return shape;
}

//===----------------------------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------------------------===//

static Tensor transposed(const Tensor &from, ArrayRef<int64_t> permutation,
                         std::vector<int64_t> shape) {
  Tensor to = Tensor::zeros(reference::ElementType::F32, shape);
  int64_t rank = shape.size();
  std::vector<int64_t> strides(rank, 1), index(rank, 0);
  for (int64_t dim = rank - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * from.shape[dim + 1];
  for (float &element : to.f32) {
    int64_t at = 0;
    for (int64_t dim = 0; dim < rank; ++dim)
      at += index[dim] * strides[permutation[dim]];
    element = from.f32[at];
    for (int64_t dim = rank - 1; dim >= 0 && ++index[dim] == shape[dim]; --dim)
      index[dim] = 0;
  }
  return to;
}

void WeightUse::transpose(ArrayRef<int64_t> permutation) {
  std::vector<int64_t> permuted;
  for (int64_t dim : permutation)
    permuted.push_back(shape[dim]);
  if (source)
    transforms.push_back(blue::TransposeAttr::get(source.getContext(), permutation));
  else
    value = std::make_shared<Tensor>(transposed(*value, permutation, permuted));
  shape = std::move(permuted);
}

bool WeightUse::reshape(std::vector<int64_t> newShape) {
  auto countOf = [](ArrayRef<int64_t> dims) {
    int64_t count = 1;
    for (int64_t dim : dims)
      count *= dim;
    return count;
  };
  if (countOf(newShape) != countOf(shape))
    return false;
  if (newShape == shape)
    return true;
  if (!source) {
    Tensor copy = *value;
    copy.shape = newShape;
    value = std::make_shared<Tensor>(std::move(copy));
    shape = std::move(newShape);
    return true;
  }
  // Of two reshapes the last one counts, and none when it leads back.
  RankedTensorType before = source.getType();
  bool follows = !transforms.empty() && isa<blue::ReshapeAttr>(transforms.back());
  if (follows)
    transforms.pop_back();
  for (Attribute transform : transforms) {
    auto emitError = [&] { return mlir::emitError(UnknownLoc::get(source.getContext())); };
    FailureOr<RankedTensorType> next = blue::inferTransformedType(before, transform, emitError);
    if (failed(next))
      return false;
    before = *next;
  }
  if (before.getShape() != ArrayRef<int64_t>(newShape))
    transforms.push_back(blue::ReshapeAttr::get(source.getContext(), newShape));
  shape = std::move(newShape);
  return true;
}

void WeightUse::slice(int64_t axis, int64_t begin, int64_t end) {
  if (begin == 0 && end == shape[axis])
    return;
  if (source) {
    transforms.push_back(blue::SliceAttr::get(source.getContext(), axis, begin, end));
    shape[axis] = end - begin;
    return;
  }
  std::vector<int64_t> sliced = shape;
  sliced[axis] = end - begin;
  Tensor part = Tensor::zeros(reference::ElementType::F32, sliced);
  int64_t inner = 1, outer = 1;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    (static_cast<int64_t>(dim) < axis ? outer : inner) *=
        static_cast<int64_t>(dim) == axis ? 1 : shape[dim];
  for (int64_t i = 0; i < outer; ++i)
    std::copy_n(value->f32.begin() + (i * shape[axis] + begin) * inner, (end - begin) * inner,
                part.f32.begin() + i * (end - begin) * inner);
  value = std::make_shared<Tensor>(std::move(part));
  shape = std::move(sliced);
}

/// Factors and addends are applied to f32 elements.
static void widen(WeightUse &use) {
  if (use.source && !use.elementType.isF32()) {
    use.elementType = Float32Type::get(use.source.getContext());
    use.transforms.push_back(blue::ConvertAttr::get(use.source.getContext(), use.elementType));
  }
}

void WeightUse::scale(double factor) {
  if (factor == 1)
    return;
  if (source) {
    widen(*this);
    transforms.push_back(blue::ScaleAttr::get(
        source.getContext(), FloatAttr::get(Float32Type::get(source.getContext()), factor)));
    return;
  }
  Tensor copy = *value;
  for (float &element : copy.f32)
    element = static_cast<float>(element * factor);
  value = std::make_shared<Tensor>(std::move(copy));
}

void WeightUse::offset(double addend) {
  if (addend == 0)
    return;
  if (source) {
    widen(*this);
    transforms.push_back(blue::OffsetAttr::get(
        source.getContext(), FloatAttr::get(Float32Type::get(source.getContext()), addend)));
    return;
  }
  Tensor copy = *value;
  for (float &element : copy.f32)
    element = static_cast<float>(element + addend);
  value = std::make_shared<Tensor>(std::move(copy));
}

std::optional<double> Raising::scalar(Value value) {
  return scalarConstant(value, dependences(), *shorts.front());
}

/// The rows [begin, end) that constant indices read in order, if they do.
static std::optional<std::pair<int64_t, int64_t>> contiguous(const Tensor &indices) {
  if (indices.i64.empty() || indices.i64.front() < 0)
    return std::nullopt;
  for (auto [i, index] : llvm::enumerate(indices.i64))
    if (index != indices.i64.front() + static_cast<int64_t>(i))
      return std::nullopt;
  return std::pair(indices.i64.front(), indices.i64.back() + 1);
}

std::optional<WeightUse> Raising::weight(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || !isa<FloatType>(type.getElementType()) ||
      !dependences().isConstant(value))
    return std::nullopt;

  // Down to the source, collecting what is done on the way; then up again.
  // A step fails when the types on the way contradict each other.
  SmallVector<std::function<bool(WeightUse &)>> steps;
  WeightUse use;
  Value at = value;
  for (size_t count = 0; count < kMaxConeOps && !use.source; ++count) {
    at = strip(at);
    Operation *op = at.getDefiningOp();
    auto atType = dyn_cast<RankedTensorType>(at.getType());
    if (!op || !atType || !atType.hasStaticShape())
      break;
    std::vector<int64_t> shape(atType.getShape().begin(), atType.getShape().end());
    if (auto weightOp = dyn_cast<onnx::WeightOp>(op)) {
      use.name = weightOp.getName().str();
      use.source = weightOp.getSource();
      llvm::append_range(use.transforms, weightOp.getTransforms());
      use.shape = shape;
      use.elementType = atType.getElementType();
    } else if (auto transpose = dyn_cast<onnx::TransposeOp>(op)) {
      SmallVector<int64_t> permutation;
      if (transpose.getPerm())
        permutation = llvm::to_vector(*transpose.getPerm());
      else
        permutation = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, atType.getRank())));
      SmallVector<int64_t> sorted = permutation;
      llvm::sort(sorted);
      if (sorted != llvm::to_vector(llvm::seq<int64_t>(0, atType.getRank())))
        break;
      steps.push_back([permutation](WeightUse &weight) {
        if (weight.shape.size() != permutation.size())
          return false;
        weight.transpose(permutation);
        return true;
      });
      at = transpose.getX();
    } else if (isa<onnx::ReshapeOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::FlattenOp>(op)) {
      auto dataType = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
      if (!dataType || !dataType.hasStaticShape() ||
          dataType.getNumElements() != atType.getNumElements())
        break;
      steps.push_back([shape](WeightUse &weight) { return weight.reshape(shape); });
      at = op->getOperand(0);
    } else if (auto gather = dyn_cast<onnx::GatherOp>(op)) {
      std::shared_ptr<const Tensor> indices = shorts.front()->value(gather.getIndices());
      auto dataType = dyn_cast<RankedTensorType>(gather.getData().getType());
      auto range = indices ? contiguous(*indices) : std::nullopt;
      if (!range || gather.getAxis() != 0 || !dataType || !dataType.hasStaticShape() ||
          dataType.getRank() == 0 || range->second > dataType.getDimSize(0))
        break;
      steps.push_back([shape, range](WeightUse &weight) {
        if (weight.shape.empty() || range->second > weight.shape[0])
          return false;
        weight.slice(0, range->first, range->second);
        return weight.reshape(shape);
      });
      at = gather.getData();
    } else if (isa<onnx::MulOp, onnx::AddOp>(op)) {
      // A factor or an addend of the whole weight, such as the 1 + w of some norms.
      std::optional<double> right = scalar(op->getOperand(1));
      std::optional<double> number = right ? right : scalar(op->getOperand(0));
      Value data = op->getOperand(right ? 0 : 1);
      auto dataType = dyn_cast<RankedTensorType>(data.getType());
      if (!number || !dataType || dataType.getShape() != atType.getShape())
        break;
      bool isFactor = isa<onnx::MulOp>(op);
      steps.push_back([number, isFactor](WeightUse &weight) {
        isFactor ? weight.scale(*number) : weight.offset(*number);
        return true;
      });
      at = data;
    } else {
      break;
    }
  }
  if (use.source) {
    for (auto &step : llvm::reverse(steps))
      if (!step(use))
        return std::nullopt;
    if (ArrayRef<int64_t>(use.shape) != type.getShape())
      return std::nullopt;
    return use;
  }

  // Anything else that is constant is evaluated as a whole.
  WeightUse computed;
  std::shared_ptr<const Tensor> tensor = shorts.front()->value(value);
  if (!tensor || tensor->type != reference::ElementType::F32 ||
      ArrayRef<int64_t>(tensor->shape) != type.getShape())
    return std::nullopt;
  if (auto name = dyn_cast<NameLoc>(value.getLoc()))
    computed.name = name.getName().str();
  computed.value = tensor;
  computed.shape = tensor->shape;
  computed.elementType = Float32Type::get(value.getContext());
  return computed;
}

std::optional<WeightUse> Raising::vectorWeight(Value value, int64_t count) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() != count ||
      (type.getRank() > 0 && type.getShape().back() != count))
    return std::nullopt;
  std::optional<WeightUse> use = weight(value);
  if (use)
    if (!use->reshape({count}))
      return std::nullopt;
  return use;
}

/// The rows of the table that `tensor`, [pictures, ...], has for each picture, if they are the
/// same.
static std::optional<Tensor> samePictures(const Tensor &tensor) {
  int64_t pictures = tensor.rank() > 0 ? tensor.shape.front() : 0;
  if (pictures <= 0)
    return std::nullopt;
  int64_t count = tensor.numElements() / pictures;
  auto isFirst = [&](const auto &elements) {
    for (size_t i = 0; i < elements.size(); ++i)
      if (elements[i] != elements[i % static_cast<size_t>(count)])
        return false;
    return true;
  };
  if (!isFirst(tensor.f32) || !isFirst(tensor.i64))
    return std::nullopt;
  Tensor first = tensor;
  first.shape.erase(first.shape.begin());
  first.f32.resize(std::min(first.f32.size(), static_cast<size_t>(count)));
  first.i64.resize(std::min(first.i64.size(), static_cast<size_t>(count)));
  return first;
}

std::optional<WeightUse> Raising::pictureTable(Value value) {
  if (role != blue::Role::Vision || dependences().onActivations(value))
    return std::nullopt;
  value = strip(value);
  // Of a gather, the indices: what they name stays in its file.
  auto gather = value.getDefiningOp<onnx::GatherOp>();
  bool isGather = gather && dependences().isConstant(gather.getData()) && gather.getAxis() == 0;
  std::optional<Tensor> found;
  for (Probe *probe : shorts) {
    std::shared_ptr<const Tensor> tensor = probe->value(isGather ? gather.getIndices() : value);
    std::optional<Tensor> table = tensor ? samePictures(*tensor) : std::nullopt;
    int64_t pictures = table ? tensor->shape.front() : 0;
    if (pictures < 1 || (pictures != probe->lengths().batch && pictures != 1) ||
        (found &&
         (found->shape != table->shape || found->f32 != table->f32 || found->i64 != table->i64)))
      return std::nullopt;
    found = std::move(table);
  }
  if (!found || found->rank() != (isGather ? 1 : 2))
    return std::nullopt;
  WeightUse use;
  if (isGather) {
    std::optional<WeightUse> rows = weight(gather.getData());
    auto range = contiguous(*found);
    if (rows && range && rows->shape.size() == 2 && range->second <= rows->shape[0]) {
      rows->slice(0, range->first, range->second);
      return rows;
    }
    std::shared_ptr<const Tensor> whole = shorts.front()->value(value);
    found = whole ? samePictures(*whole) : std::nullopt;
  }
  if (!found || found->rank() != 2 || found->type != reference::ElementType::F32)
    return std::nullopt;
  if (auto name = dyn_cast<NameLoc>(value.getLoc()))
    use.name = name.getName().str();
  use.shape = found->shape;
  use.value = std::make_shared<Tensor>(std::move(*found));
  use.elementType = Float32Type::get(value.getContext());
  return use;
}

std::shared_ptr<const Tensor> Raising::intern(Tensor table) {
  for (const std::shared_ptr<const Tensor> &known : tables)
    if (known->shape == table.shape && known->f32 == table.f32)
      return known;
  tables.push_back(std::make_shared<Tensor>(std::move(table)));
  return tables.back();
}

//===----------------------------------------------------------------------------------------===//
// Reasons
//===----------------------------------------------------------------------------------------===//

void Raising::explain(Operation *op, const Twine &reason) { reasons.try_emplace(op, reason.str()); }

StringRef Raising::reason(Operation *op) const {
  auto found = reasons.find(op);
  return found == reasons.end() ? StringRef() : StringRef(found->second);
}
