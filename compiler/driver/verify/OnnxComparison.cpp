#include "compiler/driver/verify/OnnxComparison.h"

#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/verify/LayerErrors.h"
#include "runtime/core/RowPositions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace bluec;
using reference::ElementType;
using reference::Tensor;

static SmallVector<int64_t> widthsIn(ModuleOp raised) {
  func::FuncOp decoder = blue::partOf(raised, blue::Role::Decoder);
  return decoder ? pastWidthsOf(decoder) : SmallVector<int64_t>();
}

static int64_t axesIn(ModuleOp raised) {
  func::FuncOp decoder = blue::partOf(raised, blue::Role::Decoder);
  return decoder ? positionAxesOf(decoder) : 0;
}

/// [rows, axes] of integers.
static TensorPtr placesOf(const TensorPtr &from, int64_t first, int64_t count) {
  int64_t axes = from->shape.back();
  auto begin = from->i64.begin() + first * axes;
  return std::make_shared<const Tensor>(
      Tensor::ints({count, axes}, std::vector<int64_t>(begin, begin + count * axes)));
}

static TensorPtr rowsOf(const TensorPtr &from, int64_t first, int64_t count) {
  int64_t width = from->shape.back();
  auto begin = from->f32.begin() + first * width;
  return std::make_shared<const Tensor>(
      Tensor::floats({count, width}, std::vector<float>(begin, begin + count * width)));
}

static TokenRows rowsOf(const TokenRows &from, int64_t first, int64_t count) {
  auto begin = from.ids->i64.begin() + first;
  Tensor ids = Tensor::ints({count}, std::vector<int64_t>(begin, begin + count));
  return {std::make_shared<const Tensor>(std::move(ids)), rowsOf(from.embeddings, first, count),
          from.places ? placesOf(from.places, first, count) : nullptr};
}

OnnxComparison::OnnxComparison(ModuleOp imported, ModuleOp raised, reference::WeightValues &weights,
                               ModelCalls *bundle, bool isExact,
                               const OnnxComparisonOptions &options, Diagnostics &diagnostics)
    : raised(raised), options(options), diagnostics(diagnostics), pastWidths(widthsIn(raised)),
      axes(axesIn(raised)), onnx(imported, pastWidths, weights), floatModel(raised, weights),
      random(options.seed) {
  bool isBundleHeld = bundle && isExact;
  if (!isBundleHeld)
    sides.push_back({&floatModel, "float model", true});
  if (bundle)
    sides.push_back({bundle, "bundle", isBundleHeld});
}

LogicalResult OnnxComparison::run() {
  if (blue::partOf(raised, blue::Role::Vision) && failed(compareVision()))
    return failure();
  if (!blue::partOf(raised, blue::Role::Embed) || !blue::partOf(raised, blue::Role::Decoder))
    return success();
  return compareLanguage();
}

TensorPtr OnnxComparison::uniform(std::vector<int64_t> shape) {
  constexpr int kBits = 24; // of a float's significand
  Tensor tensor = Tensor::zeros(ElementType::F32, std::move(shape));
  for (float &element : tensor.f32)
    element = static_cast<float>(random() >> (64 - kBits)) / (1 << (kBits - 1)) - 1;
  return std::make_shared<const Tensor>(std::move(tensor));
}

TensorPtr OnnxComparison::placesOfConversation(int64_t count) const {
  constexpr int64_t kTextRows = 5, kGridRows = 3, kGridColumns = 4;
  runtime::PositionRule rule = options.positions;
  rule.axes = axes;
  if (!rule.placesPictures()) {
    rule.gridRows = kGridRows;
    rule.gridColumns = kGridColumns;
  }
  runtime::RowPositions places(rule);
  int64_t pictureRows = axes == 3 ? rule.gridRows * rule.gridColumns : 0;
  for (int64_t row = 0; row < count; ++row) {
    int64_t inTurn = row % (kTextRows + pictureRows) - kTextRows;
    places.append({inTurn < 0 ? 0 : -1 - inTurn, nullptr});
  }
  return std::make_shared<const Tensor>(Tensor::ints(
      {count, axes}, std::vector<int64_t>(places.from(0), places.from(0) + count * axes)));
}

TensorPtr OnnxComparison::placesAfter(int64_t past, int64_t count) {
  Tensor places = consecutivePlaces(count, axes, past);
  for (int64_t axis = 0; axis < axes; ++axis) {
    auto fewer = static_cast<int64_t>(random() % static_cast<uint64_t>(past + 1));
    for (int64_t row = 0; row < count; ++row)
      places.i64[static_cast<size_t>(row * axes + axis)] -= fewer;
  }
  return std::make_shared<const Tensor>(std::move(places));
}

OnnxComparison::Part OnnxComparison::begin(const char *graph, const std::string &calls,
                                           const Side &side) const {
  Part part{graph, calls, side.name};
  if (side.isHeld)
    part.tolerance = options.tolerance;
  return part;
}

LogicalResult OnnxComparison::compare(Part &part, const TensorPtr &expected, const TensorPtr &found,
                                      const char *unit, int64_t firstRow, LogitErrors *logits) {
  int64_t width = expected->shape.back(), rows = found->shape[0];
  if (found->shape.back() != width || rows > expected->shape[0])
    return diagnostics.inputError(llvm::formatv(
        "{0}: {1}: expected {2} rows of {3} elements as the graph gives, found {4} of {5}",
        part.graph, part.calls, expected->shape[0], width, rows, found->shape.back()));
  int64_t skipped = expected->shape[0] - rows;
  for (int64_t row = 0; row < rows; ++row) {
    auto at = static_cast<size_t>((skipped + row) * width), of = static_cast<size_t>(row * width);
    ArrayRef<float> a = ArrayRef<float>(expected->f32).slice(at, static_cast<size_t>(width));
    ArrayRef<float> b = ArrayRef<float>(found->f32).slice(of, static_cast<size_t>(width));
    Deviation deviation;
    for (auto [x, y] : llvm::zip_equal(a, b))
      deviation.add(static_cast<double>(x), static_cast<double>(y));
    double error = deviation.relative();
    std::string place = std::string(unit) + " " + std::to_string(firstRow + skipped + row);
    if (part.rows++ == 0 || error > part.worst) {
      part.worst = error;
      part.place = place;
    }
    if (part.tolerance && !(error <= *part.tolerance) && part.badPlace.empty()) {
      part.bad = error;
      part.badPlace = place;
    }
    if (!logits)
      continue;
    logits->add(a, b);
    if (!firstDiffering && likeliest(a) != likeliest(b)) {
      firstDiffering = firstRow + skipped + row;
      expectedToken = likeliest(a);
      foundToken = likeliest(b);
    }
  }
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Calls
//===------------------------------------------------------------------------------------------===//

LogicalResult OnnxComparison::compareVision() {
  constexpr int64_t kChannels = 3;
  TensorPtr pixels = uniform({options.tiles, kChannels, options.tileHeight, options.tileWidth});
  FailureOr<TensorPtr> expected = onnx.features(pixels);
  if (failed(expected))
    return failure();
  for (Side &side : sides) {
    FailureOr<TensorPtr> found = side.calls->features(pixels);
    if (failed(found))
      return failure();
    Tensor byTile = **found; // [tiles, tokens, hidden], or with the last two as one
    byTile.shape = {options.tiles, byTile.numElements() / options.tiles};
    Part part = begin("vision", std::to_string(options.tiles) + " tiles", side);
    if (failed(
            compare(part, *expected, std::make_shared<const Tensor>(std::move(byTile)), "tile", 0)))
      return failure();
    compared.push_back(part);
  }
  return success();
}

LogicalResult OnnxComparison::compareLanguage() {
  planned =
      planCalls(options.context, options.chunk, options.prompt, callCostOf(raised), options.work);
  int64_t count = std::max(planned.total, planned.oneCall);
  Tensor ids = Tensor::zeros(ElementType::I64, {count});
  for (int64_t &id : ids.i64)
    id = static_cast<int64_t>(random() % static_cast<uint64_t>(options.vocabulary));
  auto tokens = std::make_shared<const Tensor>(std::move(ids));
  // A graph that takes ids shows no embeddings: they are compared by what becomes of them.
  bool isShown = onnx.hasEmbeddings();
  FailureOr<TensorPtr> expected = isShown ? onnx.embeddings(tokens) : floatModel.embeddings(tokens);
  if (failed(expected))
    return failure();
  for (Side &side : sides) {
    FailureOr<TensorPtr> found = side.calls->embeddings(tokens);
    if (failed(found))
      return failure();
    side.tokens = {tokens, *found};
    if (!isShown)
      continue;
    Part part = begin("embed", std::to_string(count) + " tokens", side);
    if (failed(compare(part, *expected, *found, "token", 0)))
      return failure();
    compared.push_back(part);
  }
  // One call of text alone, where rows stand at their numbers; then pictures.
  TokenRows rows = {tokens, *expected};
  if (failed(compareOneCall(rows)))
    return failure();
  if (axes > 0) {
    rows.places = placesOfConversation(count);
    for (Side &side : sides)
      side.tokens.places = rows.places;
  }
  if (failed(compareConversation(rows)))
    return failure();
  return compareLeaps(rows);
}

LogicalResult OnnxComparison::compareOneCall(const TokenRows &rows) {
  int64_t count = planned.oneCall;
  FailureOr<TensorPtr> expected = onnx.logits(rowsOf(rows, 0, count), 0);
  if (failed(expected))
    return failure();
  // A bundle gives the logits of a call's last row: it gets the tokens one by one.
  const Side &side = sides.front();
  Part part = begin("decoder", "one call of " + std::to_string(count) + " tokens", side);
  int64_t step = side.calls == &floatModel ? count : 1;
  int64_t first = count - (*expected)->shape[0]; // of the rows that the graph gives logits of
  for (int64_t done = 0; done < count; done += step) {
    FailureOr<TensorPtr> found = side.calls->logits(rowsOf(side.tokens, done, step), done);
    if (failed(found))
      return failure();
    if (done + step <= first)
      continue;
    int64_t given = std::min((*found)->shape[0], done + step - first);
    if (failed(compare(part, rowsOf(*expected, done + step - given - first, given),
                       rowsOf(*found, (*found)->shape[0] - given, given), "position",
                       done + step - given)))
      return failure();
  }
  compared.push_back(part);
  return success();
}

LogicalResult OnnxComparison::compareConversation(const TokenRows &rows) {
  int64_t chunk = std::min(options.chunk, planned.prompt);
  std::vector<Part> chunks, tokens;
  std::string places = axes > 0 ? ", through places of pictures" : "";
  for (const Side &side : sides) {
    chunks.push_back(begin("decoder",
                           std::to_string(planned.prompt) + " tokens in chunks of " +
                               std::to_string(chunk) + places,
                           side));
    tokens.push_back(begin(
        "decoder", "token by token, up to position " + std::to_string(planned.total - 1) + places,
        side));
  }
  for (int64_t done = 0, count = 0; done < planned.total; done += count) {
    bool isPrompt = done < planned.prompt;
    count = isPrompt ? std::min(chunk, planned.prompt - done) : 1;
    FailureOr<TensorPtr> expected = onnx.logits(rowsOf(rows, done, count), done);
    if (failed(expected))
      return failure();
    for (auto [i, side] : llvm::enumerate(sides)) {
      FailureOr<TensorPtr> found = side.calls->logits(rowsOf(side.tokens, done, count), done);
      if (failed(found) || failed(compare(isPrompt ? chunks[i] : tokens[i], *expected, *found,
                                          "position", done + count - (*expected)->shape[0],
                                          side.calls == &floatModel ? nullptr : &logitErrors)))
        return failure();
    }
  }
  for (const std::vector<Part> *parts : {&chunks, &tokens})
    for (const Part &part : *parts)
      if (part.rows > 0)
        compared.push_back(part);
  return success();
}

LogicalResult OnnxComparison::compareLeaps(const TokenRows &rows) {
  const Side side = {&floatModel, "float model", true};
  Part part = begin("decoder",
                    std::to_string(planned.leaps.size()) + " calls after a random past" +
                        (axes > 0 ? ", at places of their own on each axis" : ""),
                    side);
  for (const CallPlan::Leap &leap : planned.leaps) {
    SmallVector<TensorPtr> pasts;
    for (int64_t width : pastWidths)
      pasts.push_back(uniform({leap.past, width}));
    TokenRows given = rowsOf(rows, 0, std::min(leap.rows, rows.ids->shape[0]));
    if (axes > 0)
      given.places = placesAfter(leap.past, given.ids->shape[0]);
    onnx.continueAfter(pasts);
    floatModel.continueAfter(pasts);
    FailureOr<TensorPtr> expected = onnx.logits(given, leap.past);
    FailureOr<TensorPtr> found = failed(expected) ? expected : floatModel.logits(given, leap.past);
    if (failed(found) || failed(compare(part, *expected, *found, "position",
                                        leap.past + given.ids->shape[0] - (*expected)->shape[0])))
      return failure();
  }
  if (part.rows > 0)
    compared.push_back(part);
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Reporting
//===------------------------------------------------------------------------------------------===//

const OnnxComparison::Part *OnnxComparison::firstBad() const {
  auto found = llvm::find_if(compared, [](const Part &part) { return !part.badPlace.empty(); });
  return found == compared.end() ? nullptr : &*found;
}

std::string OnnxComparison::describe(const Part &bad) {
  return llvm::formatv("{0}: {1} of {2}: expected the {3} within {4:e1} of what the package's "
                       "graph gives, found {5:e2}; the worst is {6} ({7:e2})",
                       bad.graph, bad.badPlace, bad.calls, bad.of, *bad.tolerance, bad.bad,
                       bad.place, bad.worst)
      .str();
}

void OnnxComparison::print(llvm::raw_ostream &out) const {
  out << llvm::formatv("{0,-8} {1,8}  {2,-12} {3,6}  {4}\n", "graph", "error", "of", "rows",
                       "against the package's own graphs");
  for (const Part &part : compared)
    out << llvm::formatv("{0,-8} {1:e2}  {2,-12} {3,6}  {4}; worst: {5}\n", part.graph, part.worst,
                         part.of, part.rows, part.calls, part.place);
  if (logitErrors.rows > 0) {
    out << llvm::formatv(
        "logits of {0} tokens against the graph: KL divergence {1:e2} nats in the mean, {2:e2} at "
        "most; the same likeliest token for {3}\n",
        logitErrors.rows, logitErrors.mean(), logitErrors.largest, logitErrors.agreeing);
    if (firstDiffering)
      out << llvm::formatv("position {0} is the first with another likeliest token, expected {1}, "
                           "found {2}\n",
                           *firstDiffering, expectedToken, foundToken);
  }
  for (const std::string &what : planned.uncovered)
    out << "not compared: " << what << '\n';
}

Json OnnxComparison::asJson() const {
  Json all = Json::array();
  for (const Part &part : compared) {
    Json one = {{"graph", part.graph}, {"calls", part.calls},          {"of", part.of},
                {"rows", part.rows},   {"relative_error", part.worst}, {"worst", part.place},
                {"tolerance", Json()}};
    if (part.tolerance)
      one["tolerance"] = *part.tolerance;
    all.push_back(std::move(one));
  }
  Json summary = {{"ok", firstBad() == nullptr}, {"compared", std::move(all)}};
  summary["not_compared"] = planned.uncovered;
  if (logitErrors.rows > 0) {
    summary["logits"] = {{"rows", logitErrors.rows},
                         {"mean_divergence", logitErrors.mean()},
                         {"largest_divergence", logitErrors.largest},
                         {"same_likeliest", logitErrors.agreeing},
                         {"first_differing", Json()}};
    if (firstDiffering)
      summary["logits"]["first_differing"] = {
          {"position", *firstDiffering}, {"expected", expectedToken}, {"found", foundToken}};
  }
  return summary;
}
