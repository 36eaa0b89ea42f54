#include "passes/conversions/onnx_to_blue/OnnxToBlue.h"

#include "compiler/weights/WeightReader.h"
#include "passes/conversions/onnx_to_blue/Heads.h"
#include "passes/conversions/onnx_to_blue/Raising.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

namespace bluec {
#define GEN_PASS_DEF_ONNXTOBLUE
#include "passes/conversions/onnx_to_blue/OnnxToBlue.h.inc"
} // namespace bluec

/// Positions that tables are made for, at most.
static constexpr int64_t kMaxContext = int64_t{1} << 20;

/// In order: what comes first is more particular.
static constexpr LayerPattern kPatterns[] = {
    matchRmsNorm,   matchLayerNorm,      matchNormNode,   matchGelu,      matchGates,
    matchAttention, matchFusedAttention, matchPatchEmbed, matchEmbedding, matchPositionEmbedding,
    matchTokens,    matchExperts,        matchLinear,     matchRope,      matchElementwise,
};

namespace {

/// What a graph output is.
struct Output {
  std::optional<RowsUse> rows; ///< logits, features, embeddings
  Value past;                  ///< the present that belongs to this past
};

/// Raises one function.
class FunctionRaiser {
public:
  FunctionRaiser(func::FuncOp function, reference::WeightValues *weights, int64_t context)
      : function(function), raising(function, weights, context) {}

  /// Failure with errors when the function is none of the model's; success with or without a new
  /// function otherwise.
  LogicalResult run();
  int64_t layersRaised = 0, nodesRaised = 0;

private:
  void match();
  LogicalResult readOutputs();
  LogicalResult demand();
  LogicalResult build();
  Output readPresent(Value value, int64_t layer, bool isKey, Operation *&culprit);
  /// Whether a present has the rows of the past and of the call, up to the context.
  bool holdsAllRows(Value present);
  void miss(Operation *op, const Twine &otherwise);

  func::FuncOp function;
  Raising raising;
  SmallVector<Output> outputs;
  SmallVector<Value> unread; ///< outputs that are not what they should be
  llvm::SetVector<const Match *> needed;
  llvm::MapVector<Operation *, std::string> missing;
};

} // namespace

void FunctionRaiser::match() {
  for (Operation &op : function.getBody().front()) {
    if (op.getNumResults() == 0 || !raising.dependences().onActivations(op.getResult(0)))
      continue;
    for (LayerPattern pattern : kPatterns)
      if (pattern(raising, &op))
        break;
  }
}

void FunctionRaiser::miss(Operation *op, const Twine &otherwise) {
  StringRef reason = raising.reason(op);
  missing.insert({op, reason.empty() ? otherwise.str() : reason.str()});
}

Output FunctionRaiser::readPresent(Value value, int64_t layer, bool isKey, Operation *&culprit) {
  InputKind kind = isKey ? InputKind::PastKey : InputKind::PastValue;
  auto isWanted = [&](Value past) {
    auto argument = dyn_cast_or_null<BlockArgument>(past);
    return argument && raising.inputs[argument.getArgNumber()].kind == kind &&
           raising.inputs[argument.getArgNumber()].layer == layer;
  };
  culprit = strip(value).getDefiningOp();
  Value past = raising.nodePresents.lookup(strip(value));
  if (past) {
    // The node appends to the past, but may not have been recognised: it says why then.
    if (!raising.caches.contains(past)) {
      culprit = nullptr;
      return {};
    }
    return isWanted(past) ? Output{std::nullopt, past} : Output{};
  }

  for (Probe *probe : raising.shortProbes()) {
    std::optional<Heads> heads = readHeads(raising, value, /*transposed=*/false, *probe);
    if (!heads || !heads->past || !isWanted(heads->past) || heads->factor != 1)
      return {};
    for (auto [index, head] : llvm::enumerate(heads->head))
      if (head != static_cast<int64_t>(index))
        return {};
    auto cache = raising.caches.find(heads->past);
    RowsUse added = heads->use(raising);
    if (cache == raising.caches.end()) {
      // The attention below was not recognised: its nodes say why.
      culprit = nullptr;
      return {};
    }
    const RowsUse &appended = cache->second.added;
    if (appended.anchor != added.anchor || appended.columns != added.columns)
      return {};
    past = heads->past;
  }
  return holdsAllRows(value) ? Output{std::nullopt, past} : Output{};
}

bool FunctionRaiser::holdsAllRows(Value present) {
  // A cache of a window begins to lose rows at some length only. Where types do not say how many
  // rows there are, data does.
  return llvm::all_of(raising.allProbes(), [&](Probe *probe) {
    int64_t rows = probe->lengths().past + probe->lengths().rows;
    if (std::optional<std::vector<int64_t>> shape = probe->shape(present))
      return shape->size() >= 2 && (*shape)[shape->size() - 2] == rows;
    return readHeads(raising, present, /*transposed=*/false, *probe).has_value();
  });
}

LogicalResult FunctionRaiser::readOutputs() {
  auto returned = dyn_cast<func::ReturnOp>(function.getBody().front().getTerminator());
  if (!returned)
    return function.emitError("expected a graph that ends in a return");
  std::optional<size_t> main;
  for (auto [i, value] : llvm::enumerate(returned.getOperands())) {
    auto nameAttr = function.getResultAttrOfType<StringAttr>(i, onnx::kNameAttr);
    StringRef name = nameAttr ? nameAttr.getValue() : "";
    std::optional<CacheName> cache = readCacheName(name, "present");
    if (raising.isDecoder() && cache) {
      Operation *culprit = nullptr;
      Output output = readPresent(value, cache->layer, cache->isKey, culprit);
      if (!output.past)
        unread.push_back(value);
      if (!output.past && culprit)
        miss(culprit, "expected graph output '" + name +
                          "' to be the past of its layer with this call's rows appended");
      outputs.push_back(output);
      continue;
    }
    if (main)
      return function.emitError("expected one graph output")
             << (raising.isDecoder() ? " beside the present keys and values" : "") << ", found '"
             << name << "'";
    main = i;
    Output output;
    output.rows = raising.rows(value);
    if (output.rows && !output.rows->columns.isAll())
      output.rows.reset();
    if (!output.rows) {
      Operation *op = strip(value).getDefiningOp();
      if (!op)
        return function.emitError("expected graph output '") << name << "' to be computed";
      miss(op, "expected graph output '" + name + "' to be rows of a layer in their order");
    }
    outputs.push_back(output);
  }
  if (!main)
    return function.emitError("expected a graph output, found ")
           << (raising.isDecoder() ? "presents only" : "none");
  return success();
}

LogicalResult FunctionRaiser::demand() {
  SmallVector<Value> worklist = unread;
  for (const Output &output : outputs) {
    if (output.rows)
      worklist.push_back(output.rows->anchor);
    if (output.past)
      needed.insert(raising.caches.find(output.past)->second.attention);
  }
  for (auto &[op, reason] : missing)
    llvm::append_range(worklist, op->getOperands());
  for (const Match *match : needed)
    for (const RowsUse &use : match->uses)
      worklist.push_back(use.anchor);

  llvm::DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value value = strip(worklist.pop_back_val());
    if (!seen.insert(value).second || !raising.dependences().onActivations(value))
      continue;
    const Meaning *meaning = raising.isLayer(value) ? raising.meaning(value) : nullptr;
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (meaning)
        continue;
      auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), onnx::kNameAttr);
      StringRef text = name ? name.getValue() : "";
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      std::string found = "a tensor of unknown rank";
      if (type)
        found = (isa<FloatType>(type.getElementType()) ? "floats" : "integers") +
                std::string(" of rank ") + std::to_string(type.getRank());
      // Of the right rank, they are on too many axes.
      if (type && text == "position_ids" && type.getRank() == 3)
        found += " on " + std::to_string(type.getDimSize(0)) + " axes";
      std::string expected = expectedInput(text, raising.role);
      if (expected.empty())
        expected = "one of inputs_embeds, attention_mask, position_ids, cache_position, "
                   "past_key_values.N.key and .value";
      return function.emitError("graph input '")
             << text << "': expected " << expected << ", found " << found;
    }
    if (meaning && meaning->match) {
      if (needed.insert(meaning->match))
        for (const RowsUse &use : meaning->match->uses)
          worklist.push_back(use.anchor);
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (!isMovement(op, raising.dependences()))
      miss(op, blue::kUnknownLayer);
    llvm::append_range(worklist, op->getOperands());
  }
  return success();
}

LogicalResult FunctionRaiser::build() {
  MLIRContext *context = function.getContext();
  OpBuilder builder(function);
  auto floats = [&](ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, builder.getF32Type());
  };

  // Arguments: the rows, then a decoder's position, its rows' positions on axes, if they have any,
  // and its pasts, by layer, keys first.
  Block &oldBody = function.getBody().front();
  SmallVector<BlockArgument> rows, pasts;
  for (auto [argument, input] : llvm::zip(oldBody.getArguments(), raising.inputs)) {
    if (input.kind == InputKind::PastKey || input.kind == InputKind::PastValue)
      pasts.push_back(argument);
    else if (raising.isLayer(argument))
      rows.push_back(argument);
  }
  auto orderOf = [&](BlockArgument past) {
    const GraphInput &input = raising.inputs[past.getArgNumber()];
    return std::pair(input.layer, input.kind == InputKind::PastValue);
  };
  llvm::sort(pasts, [&](BlockArgument a, BlockArgument b) { return orderOf(a) < orderOf(b); });
  if (rows.size() != 1)
    return function.emitError("expected one graph input of ")
           << (raising.role == blue::Role::Vision  ? "pictures"
               : raising.role == blue::Role::Embed ? "token ids"
                                                   : "embeddings")
           << ", found " << rows.size();

  SmallVector<Type> arguments;
  SmallVector<Location> locations;
  auto addArgument = [&](BlockArgument argument) {
    const Meaning *meaning = raising.meaning(argument);
    Type type = floats(meaning->shape);
    if (raising.inputs[argument.getArgNumber()].kind == InputKind::Ids)
      type = RankedTensorType::get(meaning->shape,
                                   cast<RankedTensorType>(argument.getType()).getElementType());
    arguments.push_back(type);
    locations.push_back(argument.getLoc());
  };
  addArgument(rows.front());
  if (raising.isDecoder()) {
    arguments.push_back(builder.getIndexType());
    locations.push_back(function.getLoc());
  }
  if (raising.hasAxes()) {
    arguments.push_back(
        RankedTensorType::get({ShapedType::kDynamic, kPositionAxes}, builder.getI64Type()));
    locations.push_back(function.getLoc());
  }
  size_t firstPast = arguments.size();
  for (BlockArgument past : pasts)
    addArgument(past);

  auto raised = func::FuncOp::create(builder, function.getLoc(), function.getSymName(),
                                     FunctionType::get(context, arguments, {}));
  blue::setRole(raised, raising.role);
  Block *body = builder.createBlock(&raised.getBody(), {}, arguments, locations);
  builder.setInsertionPointToStart(body);
  Emitter emitter(raising, builder);
  emitter.values[rows.front()] = body->getArgument(0);
  if (raising.isDecoder())
    emitter.position = body->getArgument(1);
  if (raising.hasAxes())
    emitter.places = body->getArgument(2);
  for (auto [i, past] : llvm::enumerate(pasts))
    emitter.values[past] = body->getArgument(firstPast + i);

  // Layers in the order of their last nodes: what a layer reads ends before it.
  SmallVector<const Match *> ordered(needed.begin(), needed.end());
  llvm::sort(ordered, [](const Match *a, const Match *b) {
    return a->nodes.front()->isBeforeInBlock(b->nodes.front());
  });
  for (const Match *match : ordered) {
    // A layer of which only some columns are read is made where they are.
    emitter.builder.setInsertionPointToEnd(body);
    SmallVector<Value> values = match->build(emitter, layerLocation(match->nodes));
    for (auto [result, value] : llvm::zip_equal(match->results, values))
      emitter.values[result] = value;
  }

  // Results: the rows, then the presents in the order of the pasts.
  emitter.builder.setInsertionPointToEnd(body);
  SmallVector<Value> results;
  for (const Output &output : outputs)
    if (output.rows)
      results.push_back(emitter.rows(*output.rows, function.getLoc()));
  for (BlockArgument past : pasts) {
    bool isReturned =
        llvm::any_of(outputs, [&](const Output &output) { return output.past == past; });
    if (!isReturned) {
      raised.erase();
      auto name = function.getArgAttrOfType<StringAttr>(past.getArgNumber(), onnx::kNameAttr);
      return function.emitError("expected a present for graph input '")
             << (name ? name.getValue() : "") << "', found none";
    }
    results.push_back(emitter.presents.at(past));
  }
  func::ReturnOp::create(emitter.builder, function.getLoc(), results);
  raised.setFunctionType(FunctionType::get(context, arguments, TypeRange(ValueRange(results))));

  // What no result needs: the products whose columns were made one by one.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&op))
      op.erase();
  for (Operation &op : *body)
    layersRaised += !isa<blue::WeightOp, blue::ConstantOp, func::ReturnOp>(op);
  nodesRaised += std::distance(oldBody.begin(), oldBody.end()) - 1;
  function.erase();
  return success();
}

LogicalResult FunctionRaiser::run() {
  if (!function.getBody().hasOneBlock())
    return function.emitError("expected a graph of one block");
  if (failed(raising.prepare()))
    return failure();
  match();
  if (failed(readOutputs()) || failed(demand()))
    return failure();
  if (missing.empty())
    return build();
  for (auto &[op, reason] : missing)
    op->setAttr(blue::kUnraisedAttr, StringAttr::get(op->getContext(), reason));
  return success();
}

namespace {

struct OnnxToBluePass : public bluec::impl::OnnxToBlueBase<OnnxToBluePass> {
  using OnnxToBlueBase::OnnxToBlueBase;

  void runOnOperation() override {
    int64_t positions = context;
    if (positions < 1 || positions > kMaxContext) {
      emitError(getOperation().getLoc())
          << "expected a context of 1 to " << kMaxContext << " positions, found " << positions;
      return signalPassFailure();
    }
    WeightReader reader(modelDirectory);
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function.isDeclaration())
        continue;
      bool hasNodes = llvm::any_of(function.getBody().getOps(), [](Operation &op) {
        return isa_and_present<onnx::OnnxDialect>(op.getDialect());
      });
      if (!hasNodes)
        continue;
      if (!blue::roleOf(function)) {
        function.emitError("expected a blue.role of vision, embed or decoder, found none");
        return signalPassFailure();
      }
      FunctionRaiser raiser(function, &reader, positions);
      if (failed(raiser.run()))
        return signalPassFailure();
      layersRaised += raiser.layersRaised;
      nodesRaised += raiser.nodesRaised;
    }
  }
};

} // namespace
