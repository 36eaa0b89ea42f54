#include "compiler/driver/verify/GraphCalls.h"

#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace bluec;
using reference::ElementType;
using reference::Tensor;

static TensorPtr shared(Tensor tensor) { return std::make_shared<const Tensor>(std::move(tensor)); }

/// The same elements, as floats, in rows of the last dim's width.
static TensorPtr asRows(const TensorPtr &tensor) {
  int64_t width = tensor->shape.empty() ? 1 : tensor->shape.back();
  Tensor rows =
      Tensor::zeros(ElementType::F32, {width > 0 ? tensor->numElements() / width : 0, width});
  for (auto [i, element] : llvm::enumerate(rows.f32))
    element = static_cast<float>(tensor->number(static_cast<int64_t>(i)));
  return shared(std::move(rows));
}

FailureOr<SmallVector<TensorPtr>> GraphCalls::evaluate(blue::Role role,
                                                       ArrayRef<TensorPtr> inputs) {
  reference::GraphEvaluation how;
  how.evaluators = &evaluators;
  how.weights = &weights;
  how.roundResults = false;
  return reference::evaluateFunction(blue::partOf(module, role), inputs, how);
}

//===------------------------------------------------------------------------------------------===//
// The package's graphs
//===------------------------------------------------------------------------------------------===//

/// Layer, and whether it is of values, of a graph input "past_key_values.3.key", "past_key_3" and
/// the like, or of an output with "present" for "past".
static std::optional<std::pair<int64_t, bool>> cacheOf(StringRef name, StringRef stem) {
  if (!name.consume_front(stem))
    return std::nullopt;
  name.consume_front("_key_values");
  int64_t layer = 0;
  StringRef digits = name.drop_until(llvm::isDigit).take_while(llvm::isDigit);
  if (digits.getAsInteger(10, layer) || name.contains("key") == name.contains("value"))
    return std::nullopt;
  return std::pair(layer, name.contains("value"));
}

static StringRef nameOf(StringAttr name) { return name ? name.getValue() : ""; }

static StringRef nameOfInput(func::FuncOp graph, unsigned index) {
  return nameOf(graph.getArgAttrOfType<StringAttr>(index, onnx::kNameAttr));
}

/// [rows, heads * dim] as [1, heads, rows, dim].
static Tensor byHeads(const Tensor &rows, int64_t heads) {
  int64_t count = rows.shape[0], width = rows.shape[1], dim = width / heads;
  Tensor result = Tensor::zeros(ElementType::F32, {1, heads, count, dim});
  size_t at = 0;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t row = 0; row < count; ++row)
      for (int64_t i = 0; i < dim; ++i)
        result.f32[at++] = rows.f32[static_cast<size_t>(row * width + head * dim + i)];
  return result;
}

OnnxCalls::OnnxCalls(ModuleOp imported, ArrayRef<int64_t> pastWidths,
                     reference::WeightValues &weights)
    : GraphCalls(imported, reference::onnxEvaluators(), weights), pastWidths(pastWidths) {}

bool OnnxCalls::hasEmbeddings() { return bool(blue::partOf(module, blue::Role::Embed)); }

/// The inputs of an encoder for `pictures`, [pictures, 3, height, width]: these, in as many dims as
/// the graph has for them, and a mask that says that every pixel counts.
static FailureOr<SmallVector<TensorPtr>> encoderInputs(func::FuncOp graph, const Tensor &pictures) {
  SmallVector<TensorPtr> inputs;
  for (unsigned i = 0; i < graph.getNumArguments(); ++i) {
    auto type = dyn_cast<RankedTensorType>(graph.getArgument(i).getType());
    int64_t rank = type ? type.getRank() : 0;
    bool isMask = nameOfInput(graph, i) == "pixel_attention_mask";
    if (isMask ? rank != 3 && rank != 4 : rank != 4 && rank != 5)
      return graph.emitError("graph input '")
             << nameOfInput(graph, i) << "': expected pictures of one size or their mask, found "
             << graph.getArgument(i).getType();
    std::vector<int64_t> shape = pictures.shape;
    if (isMask)
      shape.erase(shape.begin() + 1); // channels
    if (rank == 5 || (isMask && rank == 4)) {
      int64_t rows = type.isDynamicDim(0) ? 1 : type.getDimSize(0);
      if (rows < 1 || shape[0] % rows != 0)
        return graph.emitError("expected pictures in ") << rows << " rows, found " << shape[0];
      shape[0] /= rows;
      shape.insert(shape.begin(), rows);
    }
    Tensor input = pictures;
    if (isMask) {
      input = Tensor::zeros(
          type.getElementType().isInteger(1) ? ElementType::Bool : ElementType::I64, shape);
      llvm::fill(input.i64, 1);
    }
    input.shape = shape;
    inputs.push_back(shared(std::move(input)));
  }
  return inputs;
}

FailureOr<TensorPtr> OnnxCalls::features(const TensorPtr &pixels) {
  func::FuncOp graph = blue::partOf(module, blue::Role::Vision);
  auto type = graph.getNumArguments() > 0
                  ? dyn_cast<RankedTensorType>(graph.getArgument(0).getType())
                  : RankedTensorType();
  if (!type || type.getRank() < 4)
    return graph.emitError("expected pictures as first graph input, found ")
           << graph.getFunctionType();
  // A graph may have a fixed number of pictures: the last one fills up.
  int64_t tiles = pixels->shape[0], tile = pixels->numElements() / tiles, batch = 1;
  bool isFree = false;
  for (int64_t dim : type.getShape().drop_back(3)) {
    isFree |= ShapedType::isDynamic(dim);
    batch *= ShapedType::isDynamic(dim) ? 1 : dim;
  }
  batch = isFree ? tiles : batch;
  if (batch < 1)
    return graph.emitError("expected pictures, found ") << type;
  Tensor all = Tensor::zeros(ElementType::F32, {tiles, 0});
  for (int64_t done = 0; done < tiles; done += batch) {
    Tensor part = *pixels;
    part.shape[0] = batch;
    part.f32.clear();
    for (int64_t i = 0; i < batch; ++i) {
      auto first = pixels->f32.begin() + std::min(done + i, tiles - 1) * tile;
      part.f32.insert(part.f32.end(), first, first + tile);
    }
    FailureOr<SmallVector<TensorPtr>> inputs = encoderInputs(graph, part);
    if (failed(inputs))
      return failure();
    FailureOr<SmallVector<TensorPtr>> results = evaluate(blue::Role::Vision, *inputs);
    if (failed(results))
      return failure();
    const Tensor &made = *results->front();
    if (made.type != ElementType::F32 || made.numElements() % batch != 0)
      return graph.emitError("expected features of ") << batch << " pictures";
    all.shape[1] = made.numElements() / batch;
    auto count = static_cast<std::ptrdiff_t>(std::min(batch, tiles - done) * all.shape[1]);
    all.f32.insert(all.f32.end(), made.f32.begin(), made.f32.begin() + count);
  }
  return shared(std::move(all));
}

FailureOr<TensorPtr> OnnxCalls::embeddings(const TensorPtr &ids) {
  func::FuncOp graph = blue::partOf(module, blue::Role::Embed);
  auto type = graph.getNumArguments() == 1
                  ? dyn_cast<RankedTensorType>(graph.getArgument(0).getType())
                  : RankedTensorType();
  if (!type || (type.getRank() != 1 && type.getRank() != 2))
    return graph.emitError("expected one graph input, of rank 1 or 2, found ")
           << graph.getFunctionType();
  Tensor input = *ids;
  if (type.getRank() == 2)
    input.shape.insert(input.shape.begin(), 1);
  FailureOr<SmallVector<TensorPtr>> results = evaluate(blue::Role::Embed, {shared(input)});
  if (failed(results))
    return failure();
  return asRows(results->front());
}

void OnnxCalls::continueAfter(ArrayRef<TensorPtr> pasts) {
  given.assign(pasts.begin(), pasts.end());
}

FailureOr<TensorPtr> OnnxCalls::logits(const TokenRows &tokens, int64_t position) {
  func::FuncOp graph = blue::partOf(module, blue::Role::Decoder);
  if (position == 0)
    pasts.clear();
  int64_t rows = tokens.embeddings->shape[0];

  // In the order of a blue decoder.
  std::map<std::pair<int64_t, bool>, size_t> places;
  for (unsigned i = 0; i < graph.getNumArguments(); ++i)
    if (auto cache = cacheOf(nameOfInput(graph, i), "past"))
      places[*cache];
  if (places.size() != pastWidths.size())
    return graph.emitError("expected ")
           << pastWidths.size() << " past keys and values, found " << places.size();
  for (auto [i, place] : llvm::enumerate(places))
    place.second = i;

  SmallVector<TensorPtr> inputs;
  for (unsigned i = 0; i < graph.getNumArguments(); ++i) {
    StringRef name = nameOfInput(graph, i);
    auto type = dyn_cast<RankedTensorType>(graph.getArgument(i).getType());
    int64_t rank = type ? type.getRank() : 0;
    bool isBool = type && type.getElementType().isInteger(1);
    if (auto cache = cacheOf(name, "past"); cache && rank == 4) {
      int64_t width = pastWidths[places[*cache]], heads = type.getDimSize(1);
      if (heads < 1 || width % heads != 0)
        return graph.emitError("graph input '")
               << name << "': expected " << width << " columns in heads, found " << type;
      if (position == 0)
        inputs.push_back(shared(Tensor::zeros(ElementType::F32, {1, heads, 0, width / heads})));
      else if (!given.empty())
        inputs.push_back(shared(byHeads(*given[places[*cache]], heads)));
      else
        inputs.push_back(pasts[*cache]);
    } else if ((name == "inputs_embeds" || name == "input_embeds") && rank == 3) {
      Tensor batch = *tokens.embeddings;
      batch.shape.insert(batch.shape.begin(), 1);
      inputs.push_back(shared(std::move(batch)));
    } else if (name == "input_ids" && (rank == 1 || rank == 2)) {
      Tensor ids = *tokens.ids;
      if (rank == 2)
        ids.shape.insert(ids.shape.begin(), 1);
      inputs.push_back(shared(std::move(ids)));
    } else if (name == "num_logits_to_keep" && rank <= 1) {
      // None said: all of them.
      inputs.push_back(shared(Tensor::zeros(ElementType::I64, rank == 1 ? std::vector<int64_t>{1}
                                                                        : std::vector<int64_t>{})));
    } else if (name == "attention_mask" && rank == 2) {
      Tensor ones =
          Tensor::zeros(isBool ? ElementType::Bool : ElementType::I64, {1, position + rows});
      llvm::fill(ones.i64, 1);
      inputs.push_back(shared(std::move(ones)));
    } else if ((name == "position_ids" && rank == 2) || (name == "cache_position" && rank == 1)) {
      Tensor positions = Tensor::zeros(ElementType::I64, {rows});
      for (int64_t row = 0; row < rows; ++row)
        positions.i64[static_cast<size_t>(row)] = position + row;
      if (rank == 2)
        positions.shape.insert(positions.shape.begin(), 1);
      inputs.push_back(shared(std::move(positions)));
    } else if (name == "position_ids" && rank == 3 && type.getDimSize(0) > 0) {
      int64_t axes = type.getDimSize(0);
      Tensor places = tokens.places ? *tokens.places : consecutivePlaces(rows, axes, position);
      if (places.shape[1] != axes)
        return graph.emitError("graph input '")
               << name << "': expected positions on " << places.shape[1] << " axes, found " << type;
      Tensor byAxis = Tensor::zeros(ElementType::I64, {axes, 1, rows});
      for (int64_t i = 0; i < rows * axes; ++i)
        byAxis.i64[static_cast<size_t>(i % axes * rows + i / axes)] =
            places.i64[static_cast<size_t>(i)];
      inputs.push_back(shared(std::move(byAxis)));
    } else if (name == "use_cache_branch") {
      // The branch without a past is the model's meaning of a first call.
      Tensor branch = Tensor::zeros(ElementType::Bool,
                                    rank == 1 ? std::vector<int64_t>{1} : std::vector<int64_t>{});
      branch.i64.front() = position > 0;
      inputs.push_back(shared(std::move(branch)));
    } else {
      return graph.emitError("graph input '")
             << name << "': expected one that a conversation has a value for, found "
             << graph.getArgument(i).getType();
    }
  }
  given.clear();

  FailureOr<SmallVector<TensorPtr>> results = evaluate(blue::Role::Decoder, inputs);
  if (failed(results))
    return failure();
  TensorPtr logits;
  for (auto [i, result] : llvm::enumerate(*results)) {
    StringRef name = nameOf(graph.getResultAttrOfType<StringAttr>(i, onnx::kNameAttr));
    if (auto cache = cacheOf(name, "present"); !cache) {
      logits = asRows(result);
    } else if (result->rank() != 4 || result->shape[2] != position + rows) {
      return graph.emitError("graph output '")
             << name << "': expected " << position + rows << " rows, found "
             << (result->rank() == 4 ? result->shape[2] : 0);
    } else {
      pasts[*cache] = result;
    }
  }
  if (!logits || pasts.size() != places.size())
    return graph.emitError("expected logits, and a present for each past");
  return logits;
}

//===------------------------------------------------------------------------------------------===//
// Layers
//===------------------------------------------------------------------------------------------===//

SmallVector<int64_t> bluec::pastWidthsOf(func::FuncOp decoder) {
  SmallVector<int64_t> widths;
  for (Type type : decoder.getArgumentTypes().drop_front())
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        tensor && !tensor.getElementType().isInteger())
      widths.push_back(tensor.getShape().back());
  return widths;
}

int64_t bluec::positionAxesOf(func::FuncOp decoder) {
  for (Type type : decoder.getArgumentTypes().drop_front())
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        tensor && tensor.getElementType().isInteger() && tensor.getRank() == 2)
      return tensor.getDimSize(1);
  return 0;
}

Tensor bluec::consecutivePlaces(int64_t rows, int64_t axes, int64_t position) {
  Tensor places = Tensor::zeros(ElementType::I64, {rows, axes});
  for (int64_t i = 0; i < rows * axes; ++i)
    places.i64[static_cast<size_t>(i)] = position + i / axes;
  return places;
}

BlueCalls::BlueCalls(ModuleOp raised, reference::WeightValues &weights)
    : GraphCalls(raised, reference::blueEvaluators(), weights) {}

FailureOr<TensorPtr> BlueCalls::features(const TensorPtr &pixels) {
  FailureOr<SmallVector<TensorPtr>> results = evaluate(blue::Role::Vision, {pixels});
  return failed(results) ? FailureOr<TensorPtr>(failure()) : results->front();
}

FailureOr<TensorPtr> BlueCalls::embeddings(const TensorPtr &ids) {
  FailureOr<SmallVector<TensorPtr>> results = evaluate(blue::Role::Embed, {ids});
  return failed(results) ? FailureOr<TensorPtr>(failure()) : asRows(results->front());
}

FailureOr<TensorPtr> BlueCalls::logits(const TokenRows &rows, int64_t position) {
  SmallVector<TensorPtr> inputs = {rows.embeddings};
  func::FuncOp decoder = blue::partOf(module, blue::Role::Decoder);
  if (position == 0) {
    pasts.clear();
    for (int64_t width : pastWidthsOf(decoder))
      pasts.push_back(shared(Tensor::zeros(ElementType::F32, {0, width})));
  }
  inputs.push_back(shared(Tensor::ints({}, {position})));
  if (int64_t axes = positionAxesOf(decoder))
    inputs.push_back(rows.places
                         ? rows.places
                         : shared(consecutivePlaces(rows.embeddings->shape[0], axes, position)));
  inputs.append(pasts.begin(), pasts.end());
  FailureOr<SmallVector<TensorPtr>> results = evaluate(blue::Role::Decoder, inputs);
  if (failed(results))
    return failure();
  pasts.assign(results->begin() + 1, results->end());
  return asRows(results->front());
}
