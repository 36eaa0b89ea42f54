// Rotary position embedding, in whatever way it is written.
//
// A rotation is linear in the heads and its coefficients depend on positions only. So the nodes
// between a sum (or a rotary node) and the layer whose rows it turns are run on numbers.
// - Ones in one half of each head and zeros in the other give the tables.
// - A mixture of numbers tells whether the tables and a style of pairing explain everything.
// The tables then hold a model's own frequencies, and an attention factor.
//
// In an encoder they are the same in every call: a row for each token of a picture, however many
// axes its places have.
#include "passes/conversions/onnx_to_blue/Heads.h"
#include "passes/conversions/onnx_to_blue/Structure.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

namespace {

/// How a rotation is laid out.
struct Style {
  bool interleaved;
  bool headsFirst; ///< [1, heads, T, D], else the rows' own order
  int64_t heads;
  int64_t headDim;
  int64_t rotated; ///< leading dims of each head that are turned
};

/// The rows that a cone turns at a probe: of a call, or of all its pictures.
struct TurnedRows {
  int64_t all, ofPicture; ///< equal in a decoder
};

/// Where element i of pair `pair` is in a head.
int64_t placeOf(const Style &style, int64_t pair, bool second) {
  if (style.interleaved)
    return 2 * pair + second;
  return pair + (second ? style.rotated / 2 : 0);
}

} // namespace

static TurnedRows turnedAt(Raising &raising, const RowsUse &use, const Probe &probe) {
  std::vector<int64_t> shape = raising.shapeAt(raising.meaning(use.anchor)->shape, probe);
  if (shape.size() == 3)
    return {shape[0] * shape[1], shape[1]};
  return {shape[0], shape[0]};
}

/// The tensor of `cone`'s root when the blue value is `rows` ([T, heads * D]), by the root's
/// arrangement, and what the cone makes of it.
static std::optional<Tensor> runCone(Raising &raising, const Cone &cone, Probe &probe,
                                     const RowsUse &use, const Tensor &rows) {
  int64_t width = raising.meaning(use.anchor)->shape.back();
  std::optional<Tensor> root = raising.numbered(use.anchor, probe);
  if (!root)
    return std::nullopt;
  int64_t columns = rows.shape[1];
  for (float &element : root->f32) {
    int64_t index = static_cast<int64_t>(element) - 1;
    std::optional<int64_t> column;
    if (index >= 0)
      column = use.columns.placeOf(index % width);
    element = column ? rows.f32[index / width * columns + *column] : 0.0f;
  }
  return evaluateCone(cone, probe, {*root});
}

/// The element of the cone's value that holds (row, head, dim).
static int64_t placeInValue(const Style &style, const TurnedRows &rows, int64_t row, int64_t head,
                            int64_t dim) {
  if (style.headsFirst) {
    int64_t picture = row / rows.ofPicture, own = row % rows.ofPicture;
    return ((picture * style.heads + head) * rows.ofPicture + own) * style.headDim + dim;
  }
  return (row * style.heads + head) * style.headDim + dim;
}

/// The tables for as many positions as the probe has rows: cosines and sines [rows, rotated / 2].
/// Nothing when the two halves of the heads, or two heads, disagree.
static std::optional<std::pair<Tensor, Tensor>> readTables(Raising &raising, const Cone &cone,
                                                           Probe &probe, const RowsUse &use,
                                                           const Style &style) {
  TurnedRows turned = turnedAt(raising, use, probe);
  int64_t rows = turned.all, width = style.heads * style.headDim;
  int64_t half = style.rotated / 2;
  Tensor cos = Tensor::zeros(reference::ElementType::F32, {rows, half}), sin = cos;
  for (bool second : {false, true}) {
    Tensor x = Tensor::zeros(reference::ElementType::F32, {rows, width});
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t head = 0; head < style.heads; ++head)
        for (int64_t pair = 0; pair < half; ++pair)
          x.f32[row * width + head * style.headDim + placeOf(style, pair, second)] = 1;
    std::optional<Tensor> y = runCone(raising, cone, probe, use, x);
    if (!y || y->numElements() != rows * width)
      return std::nullopt;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t head = 0; head < style.heads; ++head)
        for (int64_t pair = 0; pair < half; ++pair) {
          // x1 = 1: y1 = c, y2 = s. x2 = 1: y1 = -s, y2 = c.
          float same = y->f32[placeInValue(style, turned, row, head, placeOf(style, pair, second))];
          float other =
              y->f32[placeInValue(style, turned, row, head, placeOf(style, pair, !second))];
          if (second)
            other = -other;
          float &c = cos.f32[row * half + pair], &s = sin.f32[row * half + pair];
          if (!second && head == 0) {
            c = same;
            s = other;
          } else if (c != same || s != other) {
            return std::nullopt;
          }
        }
  }
  return std::pair(std::move(cos), std::move(sin));
}

/// As many rows as are read at a time.
static int64_t rowsAtATime(Raising &raising, const RowsUse &use) {
  constexpr int64_t kElements = int64_t{1} << 20;
  int64_t width = raising.meaning(use.anchor)->shape.back();
  return std::clamp<int64_t>(kElements / std::max<int64_t>(width, 1), 1, raising.context);
}

/// The tables for all positions of the context, some rows at a time. Not set when they cannot be
/// read.
static RopeTables readAllTables(Raising &raising, const Cone &cone, const RowsUse &use,
                                const Style &style) {
  int64_t half = style.rotated / 2, step = rowsAtATime(raising, use);
  Tensor cos = Tensor::zeros(reference::ElementType::F32, {raising.context, half}), sin = cos;
  for (int64_t first = 0; first < raising.context; first += step) {
    int64_t rows = std::min(step, raising.context - first);
    std::unique_ptr<Probe> probe = raising.probeAt({1, rows, first});
    if (!probe)
      return {};
    std::optional<std::pair<Tensor, Tensor>> part = readTables(raising, cone, *probe, use, style);
    if (!part)
      return {};
    llvm::copy(part->first.f32, cos.f32.begin() + first * half);
    llvm::copy(part->second.f32, sin.f32.begin() + first * half);
  }
  return {raising.intern(std::move(cos)), raising.intern(std::move(sin))};
}

/// Rows that have other tables when other rows follow them: a graph may choose its frequencies by
/// the last position, as exports of longrope do. The same rows are read with each other's ends:
/// from the middle of what was read at a time to the middle of the next, and the first ones with
/// ever fewer behind them, so that a switch at any position shows.
static std::optional<Lengths> findUnsettledRows(Raising &raising, const Cone &cone,
                                                const RowsUse &use, const Style &style,
                                                const RopeTables &tables) {
  int64_t half = style.rotated / 2, step = rowsAtATime(raising, use);
  SmallVector<Lengths> others;
  for (int64_t first = step / 2; first > 0 && first < raising.context; first += step)
    others.push_back({1, std::min(step, raising.context - first), first});
  for (int64_t rows = step / 2; rows > 0; rows /= 2)
    others.push_back({1, rows, 0});
  auto isClose = [](float a, float b) { return std::abs(a - b) <= 1e-5f * (1 + std::abs(b)); };
  for (const Lengths &lengths : others) {
    std::unique_ptr<Probe> probe = raising.probeAt(lengths);
    std::optional<std::pair<Tensor, Tensor>> part;
    if (probe)
      part = readTables(raising, cone, *probe, use, style);
    if (!part)
      return lengths;
    const float *cos = tables.cos->f32.data() + lengths.past * half;
    const float *sin = tables.sin->f32.data() + lengths.past * half;
    if (!std::equal(part->first.f32.begin(), part->first.f32.end(), cos, isClose) ||
        !std::equal(part->second.f32.begin(), part->second.f32.end(), sin, isClose))
      return lengths;
  }
  return std::nullopt;
}

/// Finds the axis that each angle follows where rows have positions on several: moved along one of
/// them, at all of its positions, an angle moves as its columns of the tables say, or stays.
static void findAxes(Raising &raising, const Cone &cone, const RowsUse &use, const Style &style,
                     RopeTables &tables) {
  int64_t half = style.rotated / 2, step = rowsAtATime(raising, use), context = raising.context;
  constexpr float kClose = 1e-5f;
  auto further = [](float &worst, float a, float b) {
    worst = std::max(worst, std::abs(a - b) / (1 + std::abs(b)));
  };
  auto fail = [&](int64_t pair, const Twine &how) {
    tables.oddAngle = ("angle " + Twine(pair) + ", which " + how).str();
  };
  std::vector<float> varies(half); // whether an angle tells positions apart at all
  for (int64_t row = 0; row < context; ++row)
    for (int64_t pair = 0; pair < half; ++pair)
      for (const Tensor *table : {tables.cos.get(), tables.sin.get()})
        further(varies[pair], table->f32[row * half + pair], table->f32[pair]);
  constexpr int64_t kNone = -1;
  SmallVector<int64_t> axes(half, kNone);
  for (int64_t axis = 0; axis < kPositionAxes; ++axis) {
    MovedAxis moved{axis, context};
    std::vector<float> stays(half), moves(half);
    for (int64_t first = 0; first < context; first += step) {
      int64_t rows = std::min(step, context - first);
      std::unique_ptr<Probe> probe = raising.probeAt({1, rows, first, moved});
      std::optional<std::pair<Tensor, Tensor>> part;
      if (probe)
        part = readTables(raising, cone, *probe, use, style);
      if (!part) {
        tables.oddAngle = "no rotation with other positions on axis " + std::to_string(axis);
        return;
      }
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t pair = 0; pair < half; ++pair) {
          int64_t at = row * half + pair, own = first + row;
          for (auto [found, table] : {std::pair(&part->first, tables.cos.get()),
                                      std::pair(&part->second, tables.sin.get())}) {
            further(stays[pair], found->f32[at], table->f32[own * half + pair]);
            further(moves[pair], found->f32[at], table->f32[moved.of(own) * half + pair]);
          }
        }
    }
    for (int64_t pair = 0; pair < half; ++pair) {
      if (std::min(stays[pair], moves[pair]) > kClose)
        return fail(pair, "no position on axis " + Twine(axis) + " explains");
      if (moves[pair] >= stays[pair])
        continue;
      if (axes[pair] != kNone)
        return fail(pair, "follows axes " + Twine(axes[pair]) + " and " + Twine(axis));
      axes[pair] = axis;
    }
  }
  if (llvm::all_of(axes, [](int64_t axis) { return axis == kNone; }))
    return; // rows are turned by their own numbers
  for (int64_t pair = 0; pair < half; ++pair) {
    if (axes[pair] != kNone)
      continue;
    if (varies[pair] > kClose)
      return fail(pair, "follows no axis where others do");
    axes[pair] = 0;
  }
  tables.axes = std::move(axes);
}

/// The table's row of each angle at a call's row.
static int64_t tableRowOf(const RopeTables &tables, const Lengths &at, int64_t row, int64_t pair) {
  int64_t own = at.past + row;
  bool isMoved = at.moved && !tables.axes.empty() && tables.axes[pair] == at.moved->axis;
  return isMoved ? at.moved->of(own) : own;
}

/// Whether the cone does what the style and the tables say; `tableRow(row, pair)`: which row of the
/// tables an angle takes.
static bool explains(Raising &raising, const Cone &cone, Probe &probe, const RowsUse &use,
                     const Style &style, const Tensor &cos, const Tensor &sin,
                     llvm::function_ref<int64_t(int64_t, int64_t)> tableRow) {
  TurnedRows turned = turnedAt(raising, use, probe);
  int64_t rows = turned.all, width = style.heads * style.headDim;
  int64_t half = style.rotated / 2;
  Tensor x = Tensor::zeros(reference::ElementType::F32, {rows, width});
  // Any numbers without regularity will do: the fractions of multiples of the golden ratio.
  for (auto [i, element] : llvm::enumerate(x.f32))
    element = static_cast<float>(std::fmod((i + 1) * 0.6180339887498949, 1.0) - 0.5);
  std::optional<Tensor> y = runCone(raising, cone, probe, use, x);
  if (!y || y->numElements() != rows * width)
    return false;
  auto isClose = [](double a, double b) { return std::abs(a - b) <= 1e-5 * (1 + std::abs(b)); };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t head = 0; head < style.heads; ++head) {
      auto in = [&](int64_t dim) {
        return double(x.f32[row * width + head * style.headDim + dim]);
      };
      auto out = [&](int64_t dim) {
        return double(y->f32[placeInValue(style, turned, row, head, dim)]);
      };
      for (int64_t pair = 0; pair < half; ++pair) {
        int64_t a = placeOf(style, pair, false), b = placeOf(style, pair, true);
        int64_t from = tableRow(row, pair);
        if (from >= cos.shape[0])
          return false;
        double c = cos.f32[from * half + pair], s = sin.f32[from * half + pair];
        if (!isClose(out(a), in(a)*c - in(b)*s) || !isClose(out(b), in(b)*c + in(a)*s))
          return false;
      }
      for (int64_t dim = style.rotated; dim < style.headDim; ++dim)
        if (out(dim) != in(dim))
          return false;
    }
  return true;
}

/// The styles that the shape of the cone's value allows, the likeliest first.
static SmallVector<Style> candidateStyles(Raising &raising, const Cone &cone, const RowsUse &use,
                                          int64_t width) {
  SmallVector<Style> styles;
  Probe &probe = *raising.shortProbes().front();
  std::optional<std::vector<int64_t>> shape = probe.shape(cone.value);
  if (!shape)
    return styles;
  TurnedRows turned = turnedAt(raising, use, probe);
  // Dims that may be the number of rotated dims of a head, or half of it: the tables' last dims.
  SmallVector<int64_t> widths;
  SmallVector<int64_t> headDims;
  for (Operation *op : cone.ops) {
    for (Value operand : op->getOperands())
      if (!raising.dependences().onActivations(operand))
        if (auto type = dyn_cast<RankedTensorType>(operand.getType());
            type && isa<FloatType>(type.getElementType()) && type.getRank() > 1 &&
            !type.isDynamicDim(type.getRank() - 1))
          for (int64_t factor : {1, 2})
            if (!llvm::is_contained(widths, factor * type.getShape().back()))
              widths.push_back(factor * type.getShape().back());
    for (StringRef name : {"num_heads"})
      if (auto heads = op->getAttrOfType<IntegerAttr>(name);
          heads && heads.getInt() > 0 && width % heads.getInt() == 0)
        headDims.push_back(width / heads.getInt());
  }
  llvm::sort(widths, std::greater<>());
  if (shape->size() >= 3 && (*shape)[shape->size() - 1] < width)
    headDims.push_back(shape->back());
  // A rotary node on [1, T, heads * D] may leave its number of heads to the tables' width.
  llvm::append_range(headDims, widths);
  for (int64_t headDim : headDims) {
    if (headDim < 2 || width % headDim != 0)
      continue;
    int64_t heads = width / headDim;
    ArrayRef<int64_t> dims = *shape;
    bool isSplit = dims.size() >= 3 && dims.back() == headDim;
    bool mayBeHeadsFirst =
        isSplit && dims[dims.size() - 3] == heads && dims[dims.size() - 2] == turned.ofPicture;
    bool mayBeRowsFirst =
        dims.back() == width ||
        (isSplit &&
         (dims[dims.size() - 3] == turned.ofPicture || dims[dims.size() - 3] == turned.all) &&
         dims[dims.size() - 2] == heads);
    for (int64_t rotated : widths) {
      if (rotated > headDim || rotated % 2 != 0 || rotated < 2)
        continue;
      for (bool headsFirst : {true, false})
        for (bool interleaved : {false, true}) {
          if (headsFirst ? !mayBeHeadsFirst : !mayBeRowsFirst)
            continue;
          bool isThere = llvm::any_of(styles, [&](const Style &style) {
            return style.headDim == headDim && style.rotated == rotated &&
                   style.interleaved == interleaved && style.headsFirst == headsFirst;
          });
          if (!isThere && styles.size() < 16)
            styles.push_back({interleaved, headsFirst, heads, headDim, rotated});
        }
    }
  }
  return styles;
}

/// The rows that the cone turns: all of its root's, or, below a fused q, k, v product, the columns
/// that reach it.
static std::optional<RowsUse> turnedRows(Raising &raising, const Cone &cone) {
  Value anchor = cone.roots.front();
  const Meaning *meaning = raising.meaning(anchor);
  if (!meaning || meaning->shape.size() != (raising.isDecoder() ? 2u : 3u))
    return std::nullopt;
  int64_t width = meaning->shape.back();
  Probe &probe = *raising.shortProbes().front();
  std::optional<std::vector<int64_t>> shape = probe.shape(cone.value);
  int64_t count = 1;
  if (!shape)
    return std::nullopt;
  for (int64_t dim : *shape)
    if (llvm::MulOverflow(count, dim, count))
      return std::nullopt;
  int64_t rows = turnedAt(raising, RowsUse{anchor}, probe).all;
  if (count == rows * width)
    return RowsUse{anchor};
  // Which columns reach the value: lit up in blocks, each is tried.
  constexpr int64_t kMostBlocks = 1024;
  if (count <= 0 || count > rows * width || count % rows != 0 || shape->empty() ||
      !meaning->match || !meaning->match->buildColumns)
    return std::nullopt;
  int64_t block = shape->back() == 1 ? count / rows : std::gcd(shape->back(), count / rows);
  if (block < 1 || width % block != 0 || width / block > kMostBlocks)
    return std::nullopt;
  std::vector<int64_t> lit;
  for (int64_t begin = 0; begin < width; begin += block) {
    RowsUse use{anchor, Columns{begin, begin + block}};
    Tensor ones = Tensor::zeros(reference::ElementType::F32, {rows, block});
    llvm::fill(ones.f32, 1.0f);
    std::optional<Tensor> y = runCone(raising, cone, probe, use, ones);
    if (!y)
      return std::nullopt;
    if (llvm::any_of(y->f32, [](float element) { return element != 0; }))
      lit.push_back(begin);
  }
  if (static_cast<int64_t>(lit.size()) * block != count / rows)
    return std::nullopt;
  std::optional<Columns> columns = columnPieces(lit, block, width);
  if (!columns)
    return std::nullopt;
  return RowsUse{anchor, *columns};
}

/// The arrangement of heads [B, heads, T, D] that pictures' rows are.
static std::function<std::optional<Tensor>(Probe &)>
picturesHeadsFirst(Raising &raising, const RowsUse &use, Value value, const Style &style) {
  return [&raising, use, value, style](Probe &probe) -> std::optional<Tensor> {
    std::optional<std::vector<int64_t>> shape = probe.shape(value);
    TurnedRows rows = turnedAt(raising, use, probe);
    int64_t width = style.heads * style.headDim;
    if (!shape || rows.all <= 0 || rows.all > kMaxNumbered / width)
      return std::nullopt;
    Tensor tensor = Tensor::zeros(reference::ElementType::F32, *shape);
    if (tensor.numElements() != rows.all * width)
      return std::nullopt;
    for (int64_t row = 0; row < rows.all; ++row)
      for (int64_t head = 0; head < style.heads; ++head)
        for (int64_t dim = 0; dim < style.headDim; ++dim)
          tensor.f32[placeInValue(style, rows, row, head, dim)] =
              static_cast<float>(row * width + head * style.headDim + dim + 1);
    return tensor;
  };
}

/// Records a rope of pictures, by `tables` of the first probe's rows; every picture has the same.
static bool recordPicturesRope(Raising &raising, Operation *op, const Cone &cone,
                               const RowsUse &use, const Style &style,
                               const std::pair<Tensor, Tensor> &tables) {
  int64_t tokens = turnedAt(raising, use, *raising.shortProbes().front()).ofPicture;
  int64_t half = style.rotated / 2;
  auto ofOnePicture = [&](const Tensor &table) {
    return Tensor::floats({tokens, half},
                          std::vector<float>(table.f32.begin(), table.f32.begin() + tokens * half));
  };
  Tensor cos = ofOnePicture(tables.first), sin = ofOnePicture(tables.second);
  for (Probe *probe : raising.shortProbes()) {
    if (turnedAt(raising, use, *probe).ofPicture != tokens ||
        !explains(raising, cone, *probe, use, style, cos, sin,
                  [&](int64_t row, int64_t) { return row % tokens; })) {
      raising.explain(op, "expected a rotation that is the same for every picture");
      return false;
    }
  }
  Match match;
  match.nodes = {op};
  match.uses = {use};
  match.results = {op->getResult(0)};
  match.build = [use, style, cos = raising.intern(std::move(cos)),
                 sin = raising.intern(std::move(sin))](Emitter &emitter,
                                                       Location location) -> SmallVector<Value> {
    Value x = emitter.rows(use, location);
    Value cosTable = emitter.table(cos, "rope_cos", location);
    Value sinTable = emitter.table(sin, "rope_sin", location);
    return {blue::RopeOp::create(emitter.builder, location, x.getType(), x, cosTable, sinTable,
                                 Value(), style.heads, style.interleaved)};
  };
  Meaning meaning;
  meaning.shape = {ShapedType::kDynamic, tokens, style.heads * style.headDim};
  if (style.headsFirst)
    meaning.arrangement = picturesHeadsFirst(raising, use, op->getResult(0), style);
  raising.record(std::move(match), meaning);
  return true;
}

/// Whether `value` is a part of each head whose rest is put beside it: the whole is a layer then.
static bool isPartOfHeads(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    auto concat = dyn_cast<onnx::ConcatOp>(user);
    auto type = dyn_cast<RankedTensorType>(value.getType());
    auto whole = concat ? dyn_cast<RankedTensorType>(concat.getResult().getType()) : type;
    return concat && type && whole && type.getRank() == whole.getRank() && type.getRank() > 0 &&
           type.getShape().back() != whole.getShape().back();
  });
}

bool bluec::onnx_to_blue::matchRope(Raising &raising, Operation *op) {
  bool isNode = isa<onnx::RotaryEmbeddingOp, onnx::MsRotaryEmbeddingOp>(op);
  if (raising.role == blue::Role::Embed ||
      (!isNode && !isa<onnx::AddOp, onnx::SubOp, onnx::ConcatOp>(op)))
    return false;
  const Dependences &dependences = raising.dependences();
  Value result = op->getResult(0);
  if (!dependences.onActivations(result))
    return false;
  std::optional<Cone> cone =
      traceCone(result, ConeKind::Linear, dependences, *raising.shortProbes().front(),
                [&](Value value) { return raising.isLayer(value); });
  if (!cone || cone->roots.size() != 1)
    return false;
  // Something that depends on positions must take part; in an encoder, a table.
  auto isTurning = [&](Value operand) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    return !dependences.onActivations(operand) &&
           (raising.isDecoder() ? dependences.onLengths(operand) : type && type.getRank() > 1);
  };
  bool turns = llvm::any_of(cone->ops, [&](Operation *node) {
    return isa<onnx::MulOp, onnx::RotaryEmbeddingOp, onnx::MsRotaryEmbeddingOp>(node) &&
           llvm::any_of(node->getOperands(), isTurning);
  });
  if (!turns)
    return false;
  std::optional<RowsUse> use = turnedRows(raising, *cone);
  if (!use)
    return false;
  // Taken for a sum of rows it would stand between the heads and their layer.
  if (isPartOfHeads(result))
    return true;

  int64_t width = raising.channels(*use);
  Probe &first = *raising.shortProbes().front();
  for (const Style &style : candidateStyles(raising, *cone, *use, width)) {
    // Cheap first: three rows.
    std::optional<std::pair<Tensor, Tensor>> few = readTables(raising, *cone, first, *use, style);
    auto ownRow = [](int64_t row, int64_t) { return row; };
    if (!few || !explains(raising, *cone, first, *use, style, few->first, few->second, ownRow))
      continue;
    if (!raising.isDecoder()) {
      if (recordPicturesRope(raising, op, *cone, *use, style, *few))
        return true;
      continue;
    }
    // Layers share their tables: what the same values gave before is computed once.
    std::string key;
    llvm::raw_string_ostream keyStream(key);
    keyStream << style.interleaved << ' ' << style.rotated;
    for (Operation *node : cone->ops)
      for (Value operand : node->getOperands())
        if (!dependences.onActivations(operand) && dependences.onLengths(operand) &&
            isa<FloatType>(getElementTypeOrSelf(operand.getType())))
          keyStream << ' ' << operand.getAsOpaquePointer();
    RopeTables &tables = raising.ropeTables[key];
    if (!tables.cos) {
      tables = readAllTables(raising, *cone, *use, style);
      if (tables.cos)
        tables.unsettled = findUnsettledRows(raising, *cone, *use, style, tables);
      if (tables.cos && !tables.unsettled && raising.hasAxes())
        findAxes(raising, *cone, *use, style, tables);
    }
    if (tables.unsettled) {
      raising.explain(op, "expected a rotary embedding that depends on each row's position only, "
                          "up to the context of " +
                              Twine(raising.context) + " tokens, found another one for " +
                              Twine(tables.unsettled->rows) + " rows after " +
                              Twine(tables.unsettled->past) + " than with more rows behind them");
      return false;
    }
    if (!tables.cos) {
      raising.explain(op, "expected a rotation by tables that can be computed for " +
                              Twine(raising.context) + " positions");
      return false;
    }
    if (!tables.oddAngle.empty()) {
      raising.explain(op,
                      "expected a rotary embedding each of whose angles follows one axis of the "
                      "positions, up to the context of " +
                          Twine(raising.context) + " tokens, found " + tables.oddAngle);
      return false;
    }
    for (Probe *probe : raising.allProbes())
      if (!explains(raising, *cone, *probe, *use, style, *tables.cos, *tables.sin,
                    [&](int64_t row, int64_t pair) {
                      return tableRowOf(tables, probe->lengths(), row, pair);
                    })) {
        raising.explain(op, "expected a rotation that depends on each row's position only, found "
                            "another one for " +
                                callText(probe->lengths()));
        return false;
      }

    Match match;
    match.nodes = {op};
    match.uses = {*use};
    match.results = {result};
    match.build = [use = *use, cos = tables.cos, sin = tables.sin, axes = tables.axes,
                   style](Emitter &emitter, Location location) -> SmallVector<Value> {
      Value x = emitter.rows(use, location);
      Value cosTable = emitter.table(cos, "rope_cos", location);
      Value sinTable = emitter.table(sin, "rope_sin", location);
      return {blue::RopeOp::create(emitter.builder, location, x.getType(), x, cosTable, sinTable,
                                   axes.empty() ? emitter.position : emitter.places, style.heads,
                                   style.interleaved, axes)};
    };
    Meaning meaning;
    meaning.shape = {ShapedType::kDynamic, width};
    if (style.headsFirst)
      meaning.arrangement = headsFirst(result, style.heads, style.headDim);
    raising.record(std::move(match), meaning);
    return true;
  }
  if (isNode)
    raising.explain(op, "expected a rotation of half-split or interleaved pairs");
  return false;
}
