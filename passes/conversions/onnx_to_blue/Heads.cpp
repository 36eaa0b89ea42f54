#include "passes/conversions/onnx_to_blue/Heads.h"

#include "passes/conversions/onnx_to_blue/Structure.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

RowsUse Heads::use(Raising &raising) const {
  int64_t width = raising.meaning(anchor)->shape.back();
  if (columns.count(width) == width)
    return RowsUse{anchor};
  return RowsUse{anchor, columns};
}

std::optional<Columns> bluec::onnx_to_blue::columnPieces(ArrayRef<int64_t> begins, int64_t size,
                                                         int64_t width) {
  auto run = static_cast<size_t>(1); // pieces that follow each other
  while (run < begins.size() && begins[run] == begins[run - 1] + size)
    ++run;
  Columns columns{begins.front(), begins.front() + static_cast<int64_t>(run) * size};
  if (run < begins.size()) {
    columns.stride = begins[run] - begins.front();
    if (begins.size() % run != 0 || width % columns.stride != 0)
      return std::nullopt;
  }
  for (auto [i, begin] : llvm::enumerate(begins)) {
    auto group = static_cast<int64_t>(i / run), inGroup = static_cast<int64_t>(i % run);
    if (begin != begins.front() + group * columns.stride + inGroup * size)
      return std::nullopt;
  }
  bool isWhole = columns.count(width) == static_cast<int64_t>(begins.size()) * size;
  return isWhole && columns.end <= (columns.stride ? columns.stride : width)
             ? std::optional(columns)
             : std::nullopt;
}

std::optional<Heads> bluec::onnx_to_blue::readHeads(Raising &raising, Value value, bool transposed,
                                                    Probe &probe) {
  if (!raising.dependences().onActivations(value))
    return std::nullopt;
  value = strip(value);
  // A layer may end in a movement of its own, a concatenation of what is rotated and what is not.
  std::optional<Cone> cone;
  if (raising.isLayer(value))
    cone = Cone{value, ConeKind::Movement, {}, {value}};
  else
    cone = traceCone(
        value, ConeKind::Movement, raising.dependences(), probe,
        [&](Value other) { return raising.isLayer(other); }, /*allowFactor=*/true);
  if (!cone || cone->roots.empty() || cone->roots.size() > 2)
    return std::nullopt;

  Heads heads;
  heads.factor = cone->factor;
  for (Value root : cone->roots) {
    auto argument = dyn_cast<BlockArgument>(root);
    InputKind kind = argument ? raising.inputs[argument.getArgNumber()].kind : InputKind::Unknown;
    bool isPast = kind == InputKind::PastKey || kind == InputKind::PastValue;
    Value &slot = isPast ? heads.past : heads.anchor;
    if (slot)
      return std::nullopt;
    slot = root;
  }
  if (!heads.anchor)
    return std::nullopt;
  const Meaning *meaning = raising.meaning(heads.anchor);
  const Meaning *pastMeaning = heads.past ? raising.meaning(heads.past) : nullptr;
  if (!meaning || meaning->shape.size() < 2 || (heads.past && !pastMeaning))
    return std::nullopt;

  // Numbers: the past's elements first, then the layer's.
  int64_t width = meaning->shape.back();
  int64_t pastWidth = pastMeaning ? pastMeaning->shape.back() : 0;
  int64_t past = heads.past ? probe.lengths().past : 0;
  std::vector<int64_t> shape = raising.shapeAt(meaning->shape, probe);
  int64_t layerRows = shape[shape.size() - 2];
  int64_t base = 0;
  if (llvm::MulOverflow(past, pastWidth, base) || base > kMaxNumbered)
    return std::nullopt;
  SmallVector<Tensor> numbers;
  for (Value root : cone->roots) {
    std::optional<Tensor> numbered = raising.numbered(root, probe, root == heads.anchor ? base : 0);
    if (!numbered)
      return std::nullopt;
    numbers.push_back(std::move(*numbered));
  }
  std::optional<Tensor> tensor = evaluateCone(*cone, probe, numbers);
  if (!tensor || tensor->rank() < 2 || width == 0)
    return std::nullopt;

  size_t rank = tensor->shape.size();
  int64_t rows = tensor->shape[rank - (transposed ? 1 : 2)];
  heads.headDim = tensor->shape[rank - (transposed ? 2 : 1)];
  heads.leading.assign(tensor->shape.begin(), tensor->shape.end() - 2);
  if (rows != past + layerRows || rows == 0 || heads.headDim <= 0 || width % heads.headDim != 0)
    return std::nullopt;
  int64_t block = rows * heads.headDim, count = tensor->numElements() / block;
  if (count == 0)
    return std::nullopt;
  std::vector<int64_t> column(count);
  for (int64_t lead = 0; lead < count; ++lead) {
    auto element = [&](int64_t row, int64_t dim) {
      return static_cast<int64_t>(
          tensor->f32[lead * block + (transposed ? dim * rows + row : row * heads.headDim + dim)]);
    };
    int64_t first = element(past, 0) - 1 - base;
    if (first < 0)
      return std::nullopt;
    int64_t picture = first / (layerRows * width);
    column[lead] = first % width;
    heads.batch.push_back(picture);
    for (int64_t row = past; row < rows; ++row)
      for (int64_t dim = 0; dim < heads.headDim; ++dim)
        if (element(row, dim) !=
            base + 1 + (picture * layerRows + row - past) * width + column[lead] + dim)
          return std::nullopt;
  }
  // In the order of their columns, which may have other heads between them.
  std::vector<int64_t> columns = column;
  llvm::sort(columns);
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  std::optional<Columns> pieces = columnPieces(columns, heads.headDim, width);
  if (!pieces)
    return std::nullopt;
  heads.columns = *pieces;
  heads.heads = static_cast<int64_t>(columns.size());
  for (int64_t lead = 0; lead < count; ++lead)
    heads.head.push_back(llvm::lower_bound(columns, column[lead]) - columns.begin());
  int64_t headsWidth = heads.columns.count(width);
  if (heads.past && pastWidth != headsWidth)
    return std::nullopt;
  for (int64_t lead = 0; lead < count; ++lead)
    for (int64_t row = 0; row < past; ++row)
      for (int64_t dim = 0; dim < heads.headDim; ++dim) {
        float found =
            tensor->f32[lead * block + (transposed ? dim * rows + row : row * heads.headDim + dim)];
        if (found !=
            static_cast<float>(row * pastWidth + heads.head[lead] * heads.headDim + dim + 1))
          return std::nullopt;
      }
  if (headsWidth != width && (!meaning->match || !meaning->match->buildColumns))
    return std::nullopt;
  return heads;
}

/// The number of leading indices of a shape.
static int64_t countOf(ArrayRef<int64_t> leading) {
  int64_t count = 1;
  for (int64_t dim : leading)
    count *= dim;
  return count;
}

/// The leading dims that two operands have together; nothing when they do not broadcast.
static std::optional<std::vector<int64_t>> broadcast(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  std::vector<int64_t> result(std::max(a.size(), b.size()), 1);
  for (ArrayRef<int64_t> shape : {a, b})
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t &dim = result[result.size() - shape.size() + i];
      if (dim != 1 && shape[i] != 1 && dim != shape[i])
        return std::nullopt;
      if (shape[i] != 1)
        dim = shape[i];
    }
  return result;
}

/// The index in `from` that leading index `index` of `full` reads. `groups` divides the last index.
static int64_t leadingIndex(int64_t index, ArrayRef<int64_t> full, ArrayRef<int64_t> from,
                            int64_t groups) {
  int64_t result = 0, stride = 1;
  for (size_t i = 0; i < full.size(); ++i) {
    size_t dim = full.size() - 1 - i;
    int64_t at = index % full[dim];
    index /= full[dim];
    if (i == 0)
      at /= groups;
    if (i >= from.size())
      continue;
    int64_t extent = from[from.size() - 1 - i];
    result += (extent == 1 ? 0 : at) * stride;
    stride *= extent;
  }
  return result;
}

std::optional<AttentionParts> bluec::onnx_to_blue::readAttention(Raising &raising, Operation *op,
                                                                 const HeadOperands &operands,
                                                                 double scale) {
  auto fail = [&](const Twine &reason) {
    raising.explain(op, reason);
    return std::nullopt;
  };
  std::optional<AttentionParts> result;
  for (Probe *probe : raising.shortProbes()) {
    std::optional<Heads> query = readHeads(raising, operands.query, false, *probe);
    if (!query || query->past)
      return fail("expected queries that are the heads of one layer");
    std::optional<Heads> key = readHeads(raising, operands.key, operands.keyTransposed, *probe);
    if (!key)
      return fail("expected keys that are the heads of one layer, after those of a past");
    std::optional<Heads> value = readHeads(raising, operands.value, false, *probe);
    if (!value || value->factor != 1)
      return fail("expected values that are the heads of one layer, after those of a past");
    if (query->headDim != key->headDim || query->headDim != value->headDim ||
        key->count() != value->count() || query->count() % key->count() != 0)
      return fail("expected query heads in groups for the key and value heads, found " +
                  Twine(query->count()) + ", " + Twine(key->count()) + " and " +
                  Twine(value->count()));
    if (bool(key->past) != bool(value->past))
      return fail("expected a past of both keys and values");

    int64_t groups = 1;
    if (operands.grouped) {
      if (query->leading.empty() || key->leading.empty() || key->leading.back() == 0 ||
          query->leading.back() % key->leading.back() != 0 || key->leading != value->leading)
        return fail("expected as many key heads as value heads");
      groups = query->leading.back() / key->leading.back();
    }
    std::optional<std::vector<int64_t>> all = query->leading;
    if (!operands.grouped) {
      all = broadcast(query->leading, key->leading);
      if (all)
        all = broadcast(*all, value->leading);
    }
    if (!all)
      return fail("expected query, key and value heads that broadcast");

    int64_t perKey = query->count() / key->count();
    int64_t pictures = raising.role == blue::Role::Vision ? probe->lengths().batch : 1;
    if (countOf(*all) != pictures * query->count())
      return fail("expected every query head once");
    std::vector<char> met(pictures * query->count(), 0);
    for (int64_t index = 0; index < countOf(*all); ++index) {
      int64_t q = leadingIndex(index, *all, query->leading, 1);
      int64_t k = leadingIndex(index, *all, key->leading, groups);
      int64_t v = leadingIndex(index, *all, value->leading, groups);
      int64_t picture = query->batch[q], head = query->head[q];
      if (key->batch[k] != picture || value->batch[v] != picture || key->head[k] != head / perKey ||
          value->head[v] != head / perKey)
        return fail("expected query head h to read key and value head h / " + Twine(perKey));
      char &seen = met[picture * query->count() + head];
      if (seen)
        return fail("expected every query head once");
      seen = 1;
    }

    AttentionParts parts{query->use(raising), key->use(raising),
                         value->use(raising), key->past,
                         value->past,         query->count(),
                         key->count(),        scale * query->factor * key->factor};
    auto isEqual = [](const RowsUse &a, const RowsUse &b) {
      return a.anchor == b.anchor && a.columns == b.columns;
    };
    if (result && (!isEqual(result->query, parts.query) || !isEqual(result->key, parts.key) ||
                   !isEqual(result->value, parts.value) || result->pastKey != parts.pastKey ||
                   result->pastValue != parts.pastValue || result->heads != parts.heads ||
                   result->kvHeads != parts.kvHeads))
      return fail("expected the same heads at all lengths");
    result = parts;
  }
  // At lengths that are too long for data, keys must still be as many.
  for (Probe *probe : raising.allProbes()) {
    std::optional<std::vector<int64_t>> shape = probe->shape(operands.key);
    if (!result->pastKey)
      break;
    int64_t positions = probe->lengths().past + probe->lengths().rows;
    if (!shape || shape->size() < 2 ||
        (*shape)[shape->size() - (operands.keyTransposed ? 1 : 2)] != positions)
      return fail("expected keys for all " + Twine(positions) + " positions");
  }
  return result;
}

std::function<std::optional<Tensor>(Probe &)>
bluec::onnx_to_blue::headsFirst(Value value, int64_t heads, int64_t headDim) {
  return [value, heads, headDim](Probe &probe) -> std::optional<Tensor> {
    std::optional<std::vector<int64_t>> shape = probe.shape(value);
    int64_t rows = probe.lengths().rows, width = 0, count = 0;
    if (!shape || llvm::MulOverflow(heads, headDim, width) ||
        llvm::MulOverflow(rows, width, count) || count > kMaxNumbered)
      return std::nullopt;
    Tensor tensor = Tensor::zeros(reference::ElementType::F32, *shape);
    if (tensor.numElements() != count)
      return std::nullopt;
    size_t at = 0;
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t dim = 0; dim < headDim; ++dim)
          tensor.f32[at++] = static_cast<float>(row * width + head * headDim + dim + 1);
    return tensor;
  };
}

std::function<std::optional<Tensor>(Probe &)>
bluec::onnx_to_blue::resultArrangement(Raising &raising, const HeadOperands &operands,
                                       Value result) {
  return [&raising, query = operands.query, result](Probe &probe) -> std::optional<Tensor> {
    std::optional<Heads> heads = readHeads(raising, query, false, probe);
    std::optional<std::vector<int64_t>> shape = probe.shape(result);
    if (!heads || !shape || shape->size() < 2 || shape->back() != heads->headDim)
      return std::nullopt;
    ArrayRef<int64_t> leading = ArrayRef<int64_t>(*shape).drop_back(2);
    int64_t rows = (*shape)[shape->size() - 2], width = heads->count() * heads->headDim;
    int64_t count = 0;
    if (llvm::MulOverflow(countOf(leading), rows * heads->headDim, count) || count > kMaxNumbered ||
        leading.size() < heads->leading.size())
      return std::nullopt;
    Tensor tensor = Tensor::zeros(reference::ElementType::F32, *shape);
    size_t at = 0;
    for (int64_t index = 0; index < countOf(leading); ++index) {
      int64_t q = leadingIndex(index, leading, heads->leading, 1);
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t dim = 0; dim < heads->headDim; ++dim)
          tensor.f32[at++] = static_cast<float>((heads->batch[q] * rows + row) * width +
                                                heads->head[q] * heads->headDim + dim + 1);
    }
    return tensor;
  };
}

bool bluec::onnx_to_blue::recordAttention(
    Raising &raising, ArrayRef<Operation *> nodes, const AttentionParts &parts, Value result,
    std::function<std::optional<Tensor>(Probe &)> arrangement) {
  for (Value past : {parts.pastKey, parts.pastValue})
    if (past && raising.caches.contains(past)) {
      raising.explain(nodes.front(), "expected a past of its own, found one that another attention "
                                     "appends to");
      return false;
    }
  Match match;
  match.kind = Match::Kind::Attention;
  match.nodes = llvm::to_vector(nodes);
  match.uses = {parts.query, parts.key, parts.value};
  match.results = {result};
  if (parts.pastKey) {
    match.uses.push_back(RowsUse{parts.pastKey});
    match.uses.push_back(RowsUse{parts.pastValue});
  }
  Meaning meaning;
  meaning.shape = raising.shapeOf(parts.query);
  meaning.arrangement = std::move(arrangement);
  SmallVector<Meaning> meanings = {meaning};
  match.build = [parts](Emitter &emitter, Location location) -> SmallVector<Value> {
    Value query = emitter.rows(parts.query, location), key = emitter.rows(parts.key, location);
    Value value = emitter.rows(parts.value, location);
    OpBuilder &builder = emitter.builder;
    if (!parts.biases.empty()) {
      StringRef names[] = {"q_bias", "k_bias", "v_bias"};
      for (auto [x, bias, name] :
           llvm::zip_equal(std::array{&query, &key, &value}, parts.biases, names))
        *x = blue::AddOp::create(builder, location, x->getType(), *x,
                                 emitter.weight(bias, name, location));
    }
    if (parts.turn) {
      query = parts.turn(emitter, location, query, parts.heads);
      key = parts.turn(emitter, location, key, parts.kvHeads);
    }
    Value sinks, pastKey, pastValue;
    if (parts.sinks)
      sinks = emitter.table(parts.sinks, "sinks", location);
    Type presentType;
    if (parts.pastKey) {
      pastKey = emitter.values.at(parts.pastKey);
      pastValue = emitter.values.at(parts.pastValue);
      presentType = pastKey.getType();
    }
    auto op = blue::AttentionOp::create(
        builder, location, query.getType(), presentType, presentType, query, key, value, pastKey,
        pastValue, sinks, /*key_basis=*/Value(), /*key_table=*/Value(),
        builder.getI64IntegerAttr(parts.heads), builder.getI64IntegerAttr(parts.kvHeads),
        builder.getF64FloatAttr(parts.scale), parts.pastKey ? builder.getUnitAttr() : UnitAttr(),
        parts.window ? builder.getI64IntegerAttr(*parts.window) : IntegerAttr(),
        parts.softcap ? builder.getF64FloatAttr(*parts.softcap) : FloatAttr(),
        /*compute_type=*/TypeAttr());
    if (parts.pastKey) {
      emitter.presents[parts.pastKey] = op.getPresentKey();
      emitter.presents[parts.pastValue] = op.getPresentValue();
    }
    return {op.getResult()};
  };
  const Match *recorded = raising.record(std::move(match), meanings);
  for (auto [past, added] : {std::pair(parts.pastKey, parts.key), {parts.pastValue, parts.value}})
    if (past)
      raising.caches[past] = {recorded, added};
  return true;
}

//===----------------------------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------------------------===//

std::optional<std::vector<char>>
bluec::onnx_to_blue::readMasks(Raising &raising, ArrayRef<MaskUse> masks, Probe &probe,
                               int64_t rows, int64_t positions, std::string &reason) {
  std::vector<char> seen(rows * positions, 1);
  for (const MaskUse &use : masks) {
    std::shared_ptr<const Tensor> mask = probe.value(use.mask);
    if (!mask) {
      reason = "that cannot be evaluated from lengths and positions";
      return std::nullopt;
    }
    // Aligned at the right, as broadcasts are.
    int64_t rank = mask->rank();
    int64_t maskPositions = rank >= 1 ? mask->shape[rank - 1] : 1;
    int64_t maskRows = rank >= 2 ? mask->shape[rank - 2] : 1;
    if ((maskPositions != 1 && maskPositions != positions) || (maskRows != 1 && maskRows != rows) ||
        maskRows * maskPositions == 0) {
      reason = "of " + std::to_string(maskRows) + " x " + std::to_string(maskPositions) +
               " where " + std::to_string(rows) + " x " + std::to_string(positions) + " is needed";
      return std::nullopt;
    }
    int64_t planes = mask->numElements() / (maskRows * maskPositions);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t position = 0; position < positions; ++position) {
        int64_t at =
            (maskRows == 1 ? 0 : row) * maskPositions + (maskPositions == 1 ? 0 : position);
        bool isSeenByAll = true;
        for (int64_t plane = 0; plane < planes; ++plane) {
          double number = mask->number(plane * maskRows * maskPositions + at);
          bool isSeen = use.additive ? number == 0 : (number != 0) != use.inverted;
          if (use.additive && !isSeen && !(number <= kHidden)) {
            reason = "that adds " + std::to_string(number) + " at row " + std::to_string(row) +
                     ", position " + std::to_string(position);
            return std::nullopt;
          }
          if (plane > 0 && isSeen != isSeenByAll) {
            reason = "that differs between heads";
            return std::nullopt;
          }
          isSeenByAll = isSeen;
        }
        if (!isSeenByAll)
          seen[row * positions + position] = 0;
      }
  }
  return seen;
}

namespace {

/// What the masks of a layer say at a probe.
struct SeenAt {
  int64_t rows, past, positions;
  std::vector<char> seen;
  std::optional<MovedAxis> moved;
  /// Positions that the last row does not see before the first one that it sees.
  int64_t hidden() const {
    const char *last = seen.data() + (rows - 1) * positions;
    return std::find(last, last + positions, 1) - last;
  }
};

} // namespace

bool bluec::onnx_to_blue::masksFit(Raising &raising, Operation *op, ArrayRef<MaskUse> masks,
                                   AttentionParts &parts, bool isCausal) {
  bool hasPast = bool(parts.pastKey);
  if (hasPast && masks.empty() && !isCausal) {
    raising.explain(op, "expected a causal mask, found none");
    return false;
  }
  if (masks.empty())
    return true;
  // What the node hides by itself a mask may show.
  std::optional<int64_t> ownWindow = parts.window;
  auto isHiddenByNode = [&](int64_t own, int64_t position) {
    return (isCausal && position > own) || (ownWindow && position <= own - *ownWindow);
  };
  std::string place;
  if (Operation *maskOp = masks.front().mask.getDefiningOp())
    if (auto name = dyn_cast<NameLoc>(maskOp->getLoc()))
      place = "'" + name.getName().str() + "' ";
  auto expected = [&]() -> std::string {
    if (!hasPast)
      return "expected a mask that hides nothing, found one ";
    std::string window;
    if (parts.window)
      window = " with a window of " + std::to_string(*parts.window) + " positions";
    return "expected a causal mask" + window + ", found one ";
  };
  auto fail = [&](const Twine &reason, const Lengths &at) {
    raising.explain(op, expected() + place + reason + " (" + callText(at) + ")");
    return false;
  };

  std::vector<SeenAt> probed;
  for (Probe *probe : raising.allProbes()) {
    // In an encoder, rows see all rows: only the mask's own shape says how many.
    int64_t past = hasPast ? probe->lengths().past : 0;
    int64_t rows = probe->lengths().rows, positions = past + rows;
    if (!hasPast) {
      std::shared_ptr<const Tensor> mask = probe->value(masks.front().mask);
      rows = mask && mask->rank() >= 2 ? mask->shape[mask->rank() - 2] : 1;
      positions = mask && mask->rank() >= 1 ? mask->shape[mask->rank() - 1] : 1;
    }
    std::string reason;
    std::optional<std::vector<char>> seen =
        readMasks(raising, masks, *probe, rows, positions, reason);
    if (!seen)
      return fail(reason, {1, rows, past, probe->lengths().moved});
    probed.push_back({rows, past, positions, std::move(*seen), probe->lengths().moved});
    // Where a last row does not see the first positions, a window does not reach them.
    int64_t hidden = rows > 0 && hasPast ? probed.back().hidden() : 0;
    if (hidden > 0 && hidden < positions && parts.window == ownWindow &&
        !isHiddenByNode(positions - 1, hidden - 1))
      parts.window = positions - hidden;
  }
  auto fits = [&](int64_t own, int64_t position, bool isSeen) {
    bool isToCome = hasPast && position > own;
    bool isOut = hasPast && parts.window && position <= own - *parts.window;
    return (isSeen && !isHiddenByNode(own, position)) == (!isToCome && !isOut);
  };
  for (const SeenAt &at : probed)
    for (int64_t row = 0; row < at.rows; ++row)
      for (int64_t position = 0; position < at.positions; ++position)
        if (bool isSeen = at.seen[row * at.positions + position];
            !fits(at.past + row, position, isSeen))
          return fail("where row " + Twine(row) + (isSeen ? " sees" : " does not see") +
                          " position " + Twine(position),
                      {1, at.rows, at.past, at.moved});
  if (!hasPast)
    return true;
  std::string rule = isCausal ? "or causal " : "causal ";
  rule += std::to_string(parts.window.value_or(0)) + " " + std::to_string(ownWindow.value_or(0));
  const std::string &odd = findOddRow(raising, masks, rule, fits);
  if (!odd.empty())
    raising.explain(op, expected() + odd);
  return odd.empty();
}
