#include "passes/conversions/onnx_to_blue/Probe.h"

#include "compiler/reference/onnx/OnnxEvaluators.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// Elements of any one tensor of index arithmetic: a mask at a long context, a table of positions.
static constexpr int64_t kMaxElements = int64_t{1} << 24;

//===----------------------------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------------------------===//

std::string bluec::onnx_to_blue::callText(const Lengths &lengths) {
  std::string text = std::to_string(lengths.rows) + " rows after " + std::to_string(lengths.past);
  if (lengths.moved)
    text += ", with other positions on axis " + std::to_string(lengths.moved->axis);
  return text;
}

std::optional<CacheName> bluec::onnx_to_blue::readCacheName(StringRef name, StringRef prefix) {
  if (!name.consume_front(prefix))
    return std::nullopt;
  static const llvm::Regex layerFirst(
      "^(_key_values)?[._]([0-9]+)[._](decoder[._])?(key|value)s?$");
  static const llvm::Regex partFirst("^[._](key|value)s?[._]([0-9]+)$");
  SmallVector<StringRef> groups;
  StringRef layer, part;
  if (layerFirst.match(name, &groups)) {
    layer = groups[2];
    part = groups[4];
  } else if (partFirst.match(name, &groups)) {
    layer = groups[2];
    part = groups[1];
  }
  CacheName result{0, part == "key"};
  constexpr int64_t kMaxLayers = 100000;
  if (part.empty() || layer.getAsInteger(10, result.layer) || result.layer >= kMaxLayers)
    return std::nullopt;
  return result;
}

GraphInput bluec::onnx_to_blue::classifyInput(BlockArgument argument, StringRef name,
                                              blue::Role role) {
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  if (!type)
    return {};
  bool isFloat = isa<FloatType>(type.getElementType());
  int64_t rank = type.getRank();
  if (role == blue::Role::Vision) {
    if (isFloat && (rank == 4 || rank == 5))
      return {InputKind::Pixels};
    // What a picture does not cover of its tile; tiles are covered whole.
    if (!isFloat && (rank == 3 || rank == 4) && name == "pixel_attention_mask")
      return {InputKind::PixelMask};
    return {};
  }
  if (role == blue::Role::Embed)
    return {!isFloat && (rank == 1 || rank == 2) ? InputKind::Ids : InputKind::Unknown};

  if (isFloat && rank == 4) {
    if (std::optional<CacheName> cache = readCacheName(name, "past"))
      return {cache->isKey ? InputKind::PastKey : InputKind::PastValue, cache->layer};
    return {};
  }
  if (isFloat && rank == 3 && (name == "inputs_embeds" || name == "input_embeds"))
    return {InputKind::Embeddings};
  if (!isFloat && rank == 2 && name == "attention_mask")
    return {InputKind::AttentionMask};
  if (!isFloat &&
      ((rank == 2 && name == "position_ids") || (rank == 1 && name == "cache_position")))
    return {InputKind::PositionIds};
  if (!isFloat && rank == 3 && name == "position_ids" &&
      (type.isDynamicDim(0) || type.getDimSize(0) == kPositionAxes)) {
    GraphInput input{InputKind::PositionIds};
    input.hasAxes = true;
    return input;
  }
  return {};
}

ArrayRef<int64_t> bluec::onnx_to_blue::picturesOf(RankedTensorType pixels) {
  return pixels.getShape().drop_back(3);
}

/// `batch` pictures over the dims `leading`, one or two: rows of pictures, one row where the graph
/// leaves that open.
static SmallVector<std::optional<int64_t>> spread(int64_t batch, ArrayRef<int64_t> leading) {
  if (leading.size() == 1)
    return {batch};
  int64_t rows = !ShapedType::isDynamic(leading[0])   ? leading[0]
                 : !ShapedType::isDynamic(leading[1]) ? batch / std::max<int64_t>(leading[1], 1)
                                                      : 1;
  return {rows, batch / std::max<int64_t>(rows, 1)};
}

std::string bluec::onnx_to_blue::expectedInput(StringRef name, blue::Role role) {
  if (role == blue::Role::Vision)
    return "floats of rank 4 or 5 (pictures of one size, [B, C, H, W] or [rows, B / rows, C, H, "
           "W]; no patches or grids of pictures whose sizes vary)";
  if (role == blue::Role::Embed)
    return "integers of rank 1 or 2 (token ids)";
  if (readCacheName(name, "past"))
    return "floats of rank 4 (a cache [1, heads, past, width])";
  return llvm::StringSwitch<std::string>(name)
      .Cases({"inputs_embeds", "input_embeds"}, "floats of rank 3 ([1, tokens, width])")
      .Case("attention_mask", "integers of rank 2 ([1, past and new tokens])")
      .Case("position_ids", "integers of rank 2 ([1, tokens]) or 3 ([3, 1, tokens])")
      .Case("cache_position", "integers of rank 1 ([tokens])")
      .Default("");
}

/// The extents that the lengths give to the dims of an input; nothing for a dim that they do not.
static SmallVector<std::optional<int64_t>> expectedDims(const GraphInput &input,
                                                        RankedTensorType type, Lengths at) {
  int64_t rank = type.getRank();
  switch (input.kind) {
  case InputKind::Pixels:
  case InputKind::PixelMask: {
    SmallVector<std::optional<int64_t>> dims =
        spread(at.batch, type.getShape().drop_back(input.kind == InputKind::Pixels ? 3 : 2));
    dims.resize(static_cast<size_t>(rank), std::nullopt);
    return dims;
  }
  case InputKind::Embeddings:
    return {1, at.rows, std::nullopt};
  case InputKind::PastKey:
  case InputKind::PastValue:
    return {1, std::nullopt, at.past, input.headDim};
  case InputKind::AttentionMask:
    return {1, at.past + at.rows};
  case InputKind::Ids:
  case InputKind::PositionIds:
    if (rank == 1)
      return {at.rows};
    if (rank == 3)
      return {kPositionAxes, 1, at.rows};
    return {1, at.rows};
  case InputKind::Unknown:
    break;
  }
  return SmallVector<std::optional<int64_t>>(rank, std::nullopt);
}

/// Whether a tensor of that shape may be made.
static bool isSmall(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  return llvm::none_of(shape, [&](int64_t dim) {
    return llvm::MulOverflow(count, dim, count) || count > kMaxElements;
  });
}

/// The values of an integer input in a conversation without padding, with whole pictures. `shape`
/// is that of a PixelMask.
static Tensor inputValue(InputKind kind, RankedTensorType type, Lengths at,
                         std::vector<int64_t> shape) {
  bool isBool = type.getElementType().isInteger(1);
  if (kind == InputKind::AttentionMask || kind == InputKind::PixelMask) {
    if (kind == InputKind::AttentionMask)
      shape = {1, at.past + at.rows};
    Tensor ones = Tensor::zeros(isBool ? reference::ElementType::Bool : reference::ElementType::I64,
                                std::move(shape));
    llvm::fill(ones.i64, 1);
    return ones;
  }
  shape = {at.rows};
  if (type.getRank() >= 2)
    shape.insert(shape.begin(), 1);
  int64_t axes = type.getRank() == 3 ? kPositionAxes : 1;
  if (type.getRank() == 3)
    shape.insert(shape.begin(), axes);
  Tensor positions = Tensor::zeros(reference::ElementType::I64, shape);
  for (int64_t axis = 0; axis < axes; ++axis)
    for (int64_t row = 0; row < at.rows; ++row)
      positions.i64[axis * at.rows + row] =
          at.moved && at.moved->axis == axis ? at.moved->of(at.past + row) : at.past + row;
  return positions;
}

//===----------------------------------------------------------------------------------------===//
// Dependences
//===----------------------------------------------------------------------------------------===//

/// Whether an op reads only the shape of its first operand.
static bool readsShapeOnly(Operation *op) { return isa<onnx::ShapeOp, onnx::SizeOp>(op); }

/// Whether an input is no activation: its values follow from the lengths.
static bool isIndex(const GraphInput &input) {
  return input.kind == InputKind::AttentionMask || input.kind == InputKind::PositionIds ||
         input.kind == InputKind::PixelMask;
}

Dependences::Dependences(func::FuncOp function, ArrayRef<GraphInput> inputs) {
  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs)) {
    (isIndex(input) ? lengths : activations).insert(argument);
    if (input.hasAxes)
      axes.insert(argument);
  }
  for (Operation &op : function.getBody().front()) {
    bool activation = op.getNumRegions() != 0, length = false, isOnAxes = false;
    if (readsShapeOnly(&op)) {
      auto type = dyn_cast<RankedTensorType>(op.getOperand(0).getType());
      length = !type || !type.hasStaticShape();
    } else {
      for (Value operand : op.getOperands()) {
        activation |= onActivations(operand);
        length |= onLengths(operand);
        isOnAxes |= onAxes(operand);
      }
    }
    for (Value result : op.getResults()) {
      if (isOnAxes)
        axes.insert(result);
      if (activation)
        activations.insert(result);
      else if (length)
        lengths.insert(result);
    }
  }
}

//===----------------------------------------------------------------------------------------===//
// Probe
//===----------------------------------------------------------------------------------------===//

/// The extent of dim `i`, or nothing when the type does not say or a symbol has no value.
static std::optional<int64_t> dimAt(RankedTensorType type, int64_t i,
                                    ArrayRef<std::optional<int64_t>> symbols) {
  if (!type.isDynamicDim(i))
    return type.getDimSize(i);
  auto dims = dyn_cast_or_null<onnx::DimsAttr>(type.getEncoding());
  if (!dims || dims.getMap().getNumResults() != type.getRank() || dims.getMap().getNumDims() != 0)
    return std::nullopt;
  // Only the symbols that the expression reads need to be known.
  AffineExpr expression = dims.getMap().getResult(i);
  SmallVector<Attribute> values;
  Builder builder(type.getContext());
  for (unsigned symbol = 0; symbol < dims.getMap().getNumSymbols(); ++symbol) {
    bool isKnown = symbol < symbols.size() && symbols[symbol];
    if (!isKnown && expression.isFunctionOfSymbol(symbol))
      return std::nullopt;
    values.push_back(builder.getIndexAttr(isKnown ? *symbols[symbol] : 0));
  }
  SmallVector<Attribute> folded;
  bool hasPoison = false;
  AffineMap map = AffineMap::get(0, values.size(), expression);
  if (failed(map.constantFold(values, folded, &hasPoison)) || hasPoison)
    return std::nullopt;
  int64_t extent = cast<IntegerAttr>(folded.front()).getInt();
  if (extent < 0)
    return std::nullopt;
  return extent;
}

FailureOr<std::unique_ptr<Probe>> Probe::create(func::FuncOp function, ArrayRef<GraphInput> inputs,
                                                const Dependences &dependences, Lengths lengths,
                                                reference::WeightValues *weights, int64_t &products,
                                                std::string &reason) {
  std::unique_ptr<Probe> probe(new Probe);
  probe->at = lengths;
  probe->dependences = &dependences;
  probe->weights = weights;
  probe->products = &products;

  auto symbolNames = function->getAttrOfType<ArrayAttr>(onnx::kSymbolsAttr);
  probe->symbols.resize(symbolNames ? symbolNames.size() : 0);
  // First the dims that are a symbol of their own, then what they say about all others.
  for (bool check : {false, true})
    for (auto [argument, input] : llvm::zip(function.getArguments(), inputs)) {
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (!type)
        continue;
      auto dims = dyn_cast_or_null<onnx::DimsAttr>(type.getEncoding());
      for (auto [i, expected] : llvm::enumerate(expectedDims(input, type, lengths))) {
        if (!expected)
          continue;
        if (!check) {
          if (!dims || i >= dims.getMap().getNumResults() || !type.isDynamicDim(i))
            continue;
          auto symbol = dyn_cast<AffineSymbolExpr>(dims.getMap().getResult(i));
          if (symbol && symbol.getPosition() < probe->symbols.size() &&
              !probe->symbols[symbol.getPosition()])
            probe->symbols[symbol.getPosition()] = expected;
          continue;
        }
        std::optional<int64_t> found = dimAt(type, i, probe->symbols);
        if (found && *found == *expected)
          continue;
        auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), onnx::kNameAttr);
        reason = "graph input '" + (name ? name.str() : std::to_string(argument.getArgNumber())) +
                 "': dim " + std::to_string(i) + ": expected to hold " + std::to_string(*expected) +
                 " (of " + std::to_string(lengths.rows) + " rows after " +
                 std::to_string(lengths.past) + " rows, batch " + std::to_string(lengths.batch) +
                 "), found " + (found ? std::to_string(*found) : "no way to tell");
        return failure();
      }
    }

  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs))
    if (isIndex(input)) {
      std::optional<std::vector<int64_t>> shape = probe->shape(argument);
      // A mask of pixels whose size nothing says has no value.
      if (input.kind == InputKind::PixelMask && (!shape || !isSmall(*shape)))
        continue;
      probe->known[argument] = std::make_shared<Tensor>(
          inputValue(input.kind, cast<RankedTensorType>(argument.getType()), lengths,
                     shape ? *shape : std::vector<int64_t>()));
    }
  return probe;
}

std::optional<std::vector<int64_t>> Probe::shape(Value value) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  std::vector<int64_t> result;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    std::optional<int64_t> extent = dimAt(type, i, symbols);
    if (!extent)
      return std::nullopt;
    result.push_back(*extent);
  }
  return result;
}

std::shared_ptr<const Tensor> Probe::value(Value value) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  if (dependences->onActivations(value) || failures.contains(value))
    return nullptr;

  // Shapes of activations are known from their types; the evaluators must not ask for the
  // activations themselves.
  SmallVector<Value> worklist = {value};
  llvm::DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || known.contains(next) || !seen.insert(next).second)
      continue;
    if (!readsShapeOnly(op)) {
      llvm::append_range(worklist, op->getOperands());
      continue;
    }
    Value data = op->getOperand(0);
    std::optional<std::vector<int64_t>> dims = shape(data);
    if (!dims && !dependences->onActivations(data)) {
      worklist.push_back(data);
      continue;
    }
    if (!dims) {
      failures.insert(value);
      return nullptr;
    }
    Tensor tensor = Tensor::zeros(reference::ElementType::I64, {});
    if (isa<onnx::SizeOp>(op)) {
      tensor.i64[0] = 1;
      for (int64_t dim : *dims)
        tensor.i64[0] *= dim;
    } else {
      // Negative bounds count from the end; all are clamped to the rank.
      auto shapeOp = cast<onnx::ShapeOp>(op);
      int64_t rank = dims->size();
      auto clamp = [&](int64_t bound) {
        return std::clamp<int64_t>(bound < 0 ? bound + rank : bound, 0, rank);
      };
      int64_t begin = clamp(shapeOp.getStart());
      int64_t end = shapeOp.getEnd() ? clamp(*shapeOp.getEnd()) : rank;
      std::vector<int64_t> range;
      if (begin < end)
        range.assign(dims->begin() + begin, dims->begin() + end);
      int64_t count = range.size();
      tensor = Tensor::ints({count}, std::move(range));
    }
    known[next] = std::make_shared<Tensor>(std::move(tensor));
  }

  reference::GraphEvaluation evaluation;
  evaluation.evaluators = &reference::onnxEvaluators();
  evaluation.weights = weights;
  evaluation.limits.maxElements = std::min(kMaxElements, room);
  evaluation.limits.products = products;
  evaluation.onResults = [&](Operation *, ArrayRef<std::shared_ptr<const Tensor>> results) {
    for (const std::shared_ptr<const Tensor> &result : results)
      room = std::max<int64_t>(0, room - (result ? result->numElements() : 0));
    evaluation.limits.maxElements = std::min(kMaxElements, room);
  };
  // Half-precision graphs are raised to f32: their tables too.
  evaluation.roundResults = false;
  ScopedDiagnosticHandler silence(value.getContext(), [](Diagnostic &) { return success(); });
  FailureOr<std::shared_ptr<const Tensor>> result =
      reference::evaluateValue(value, known, evaluation);
  if (failed(result)) {
    failures.insert(value);
    return nullptr;
  }
  return *result;
}
