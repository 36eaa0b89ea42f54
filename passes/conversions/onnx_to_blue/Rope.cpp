// Rotary position embedding, in whatever way it is written.
//
// A rotation is linear in the heads and its coefficients depend on positions only. So the nodes
// between a sum (or a rotary node) and the layer whose rows it turns are run on numbers.
// - Ones in one half of each head and zeros in the other give the tables.
// - A mixture of numbers tells whether the tables and a style of pairing explain everything.
// The tables then hold a model's own frequencies, and an attention factor.
#include "passes/conversions/onnx_to_blue/Structure.h"

#include <cmath>

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

/// Where element i of pair `pair` is in a head.
int64_t placeOf(const Style &style, int64_t pair, bool second) {
  if (style.interleaved)
    return 2 * pair + second;
  return pair + (second ? style.rotated / 2 : 0);
}

} // namespace

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
    int64_t column = index % width - use.begin;
    bool inside = index >= 0 && column >= 0 && column < columns;
    element = inside ? rows.f32[index / width * columns + column] : 0.0f;
  }
  return evaluateCone(cone, probe, {*root});
}

/// The element of the cone's value that holds (row, head, dim).
static int64_t placeInValue(const Style &style, int64_t rows, int64_t row, int64_t head,
                            int64_t dim) {
  if (style.headsFirst)
    return (head * rows + row) * style.headDim + dim;
  return (row * style.heads + head) * style.headDim + dim;
}

/// The tables for as many positions as the probe has rows: cosines and sines [rows, rotated / 2].
/// Nothing when the two halves of the heads, or two heads, disagree.
static std::optional<std::pair<Tensor, Tensor>> readTables(Raising &raising, const Cone &cone,
                                                           Probe &probe, const RowsUse &use,
                                                           const Style &style) {
  int64_t rows = probe.lengths().rows, width = style.heads * style.headDim;
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
          float same = y->f32[placeInValue(style, rows, row, head, placeOf(style, pair, second))];
          float other = y->f32[placeInValue(style, rows, row, head, placeOf(style, pair, !second))];
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

/// Whether the cone does what the style and the tables (of rows `first` and on) say.
static bool explains(Raising &raising, const Cone &cone, Probe &probe, const RowsUse &use,
                     const Style &style, const Tensor &cos, const Tensor &sin, int64_t first) {
  int64_t rows = probe.lengths().rows, width = style.heads * style.headDim;
  int64_t half = style.rotated / 2;
  if (first + rows > cos.shape[0])
    return false;
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
        return double(y->f32[placeInValue(style, rows, row, head, dim)]);
      };
      for (int64_t pair = 0; pair < half; ++pair) {
        int64_t a = placeOf(style, pair, false), b = placeOf(style, pair, true);
        double c = cos.f32[(first + row) * half + pair], s = sin.f32[(first + row) * half + pair];
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
static SmallVector<Style> candidateStyles(Raising &raising, const Cone &cone, int64_t width) {
  SmallVector<Style> styles;
  Probe &probe = *raising.shortProbes().front();
  std::optional<std::vector<int64_t>> shape = probe.shape(cone.value);
  if (!shape)
    return styles;
  int64_t rows = probe.lengths().rows;
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
        isSplit && dims[dims.size() - 3] == heads && dims[dims.size() - 2] == rows;
    bool mayBeRowsFirst = dims.back() == width || (isSplit && dims[dims.size() - 3] == rows &&
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
  if (!meaning || meaning->shape.size() != 2)
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
  int64_t rows = probe.lengths().rows;
  if (count == rows * width)
    return RowsUse{anchor};
  // Few parts: each is tried.
  if (count <= 0 || count > rows * width || rows * width / count > 64 || count % rows != 0 ||
      !meaning->match || !meaning->match->buildColumns)
    return std::nullopt;
  // Find the columns by lighting up one after the other would be slow: the first that is seen
  // begins the range.
  int64_t columns = count / rows;
  for (int64_t begin = 0; begin + columns <= width; begin += columns) {
    RowsUse use{anchor, begin, begin + columns};
    Tensor ones = Tensor::zeros(reference::ElementType::F32, {rows, columns});
    llvm::fill(ones.f32, 1.0f);
    std::optional<Tensor> y = runCone(raising, cone, probe, use, ones);
    if (!y)
      return std::nullopt;
    if (llvm::any_of(y->f32, [](float element) { return element != 0; }))
      return use;
  }
  return std::nullopt;
}

bool bluec::onnx_to_blue::matchRope(Raising &raising, Operation *op) {
  bool isNode = isa<onnx::RotaryEmbeddingOp, onnx::MsRotaryEmbeddingOp>(op);
  if (!raising.isDecoder() || (!isNode && !isa<onnx::AddOp, onnx::SubOp, onnx::ConcatOp>(op)))
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
  // Something that depends on positions must take part.
  bool turns = llvm::any_of(cone->ops, [&](Operation *node) {
    return isa<onnx::MulOp, onnx::RotaryEmbeddingOp, onnx::MsRotaryEmbeddingOp>(node) &&
           llvm::any_of(node->getOperands(), [&](Value operand) {
             return !dependences.onActivations(operand) && dependences.onLengths(operand);
           });
  });
  if (!turns)
    return false;
  std::optional<RowsUse> use = turnedRows(raising, *cone);
  if (!use)
    return false;

  int64_t width = raising.channels(*use);
  Probe &first = *raising.shortProbes().front();
  for (const Style &style : candidateStyles(raising, *cone, width)) {
    // Cheap first: three rows.
    std::optional<std::pair<Tensor, Tensor>> few = readTables(raising, *cone, first, *use, style);
    if (!few || !explains(raising, *cone, first, *use, style, few->first, few->second, 0))
      continue;
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
    for (Probe *probe : raising.allProbes())
      if (!explains(raising, *cone, *probe, *use, style, *tables.cos, *tables.sin,
                    probe->lengths().past)) {
        raising.explain(op, "expected a rotation that depends on each row's position only, found "
                            "another one for " +
                                Twine(probe->lengths().rows) + " rows after " +
                                Twine(probe->lengths().past));
        return false;
      }

    Match match;
    match.nodes = {op};
    match.uses = {*use};
    match.results = {result};
    match.build = [use = *use, cos = tables.cos, sin = tables.sin,
                   style](Emitter &emitter, Location location) -> SmallVector<Value> {
      Value x = emitter.rows(use, location);
      Value cosTable = emitter.table(cos, "rope_cos", location);
      Value sinTable = emitter.table(sin, "rope_sin", location);
      return {blue::RopeOp::create(emitter.builder, location, x.getType(), x, cosTable, sinTable,
                                   emitter.position, style.heads, style.interleaved)};
    };
    Meaning meaning;
    meaning.shape = {ShapedType::kDynamic, width};
    if (style.headsFirst)
      meaning.arrangement = [result, style, width](Probe &probe) -> std::optional<Tensor> {
        std::optional<std::vector<int64_t>> shape = probe.shape(result);
        int64_t rows = probe.lengths().rows, count = 0;
        if (!shape || llvm::MulOverflow(rows, width, count) || count > kMaxNumbered)
          return std::nullopt;
        Tensor tensor = Tensor::zeros(reference::ElementType::F32, *shape);
        if (tensor.numElements() != count)
          return std::nullopt;
        size_t at = 0;
        for (int64_t head = 0; head < style.heads; ++head)
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t dim = 0; dim < style.headDim; ++dim)
              tensor.f32[at++] = static_cast<float>(row * width + head * style.headDim + dim + 1);
        return tensor;
      };
    raising.record(std::move(match), meaning);
    return true;
  }
  if (isNode)
    raising.explain(op, "expected a rotation of half-split or interleaved pairs");
  return false;
}
