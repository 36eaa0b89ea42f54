#include "compiler/driver/verify/Verification.h"

#include "compiler/base/JsonReader.h"
#include "compiler/driver/bundle/Geometry.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/bundle/WeightsFile.h"
#include "compiler/driver/calibrate/Calibration.h"
#include "compiler/driver/compile/LogitErrors.h"
#include "compiler/driver/session/CompilerSession.h"
#include "compiler/driver/session/Emulation.h"
#include "compiler/driver/session/Pipelines.h"
#include "compiler/driver/verify/BundleCalls.h"
#include "compiler/driver/verify/LayerComparison.h"
#include "compiler/driver/verify/OnnxComparison.h"
#include "compiler/driver/verify/PictureQuestion.h"
#include "passes/onnx/float_activations/FloatActivations.h"
#include "passes/onnx/unfold_pictures/UnfoldPictures.h"
#include "runtime/core/Bundle.h"
#include "runtime/core/RowPositions.h"
#include "runtime/core/Session.h"
#include "targets/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <random>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

/// Tokens of the answer, fed one by one after the prompt.
constexpr int64_t kDecodedTokens = 16;

/// What a quantized cache may cost an attention layer, of root mean squares.
constexpr double kCacheTolerance = 1e-1;

class Verification {
public:
  Verification(const VerifyOptions &options, Diagnostics &diagnostics, llvm::raw_ostream &out,
               llvm::raw_ostream &err)
      : options(options), out(out), err(err), diagnostics(diagnostics), compiler(diagnostics),
        emulation(options.threads), weights(options.reference), random(options.seed) {}

  LogicalResult run();

private:
  LogicalResult open();
  LogicalResult keepGraphs();
  LogicalResult import();
  LogicalResult placeAsBundle(ModuleOp plan);
  LogicalResult placeEntry(plan::EntryOp entry);
  LogicalResult compareModel();
  LogicalResult verifyVision();
  LogicalResult verifyLanguage();
  LogicalResult applyRecipe();
  LogicalResult calibrate();
  /// With --onnx: success, too, when something is beyond the tolerance.
  LogicalResult compareGraphs();
  /// What the steps of a bundle's entry give, by `entry`'s, which is of the reference.
  LogicalResult keepTypes(plan::EntryOp entry);
  LayerComparison::Part partOf(blue::Role role);
  /// One call, whose steps' outputs go to `record`. `output` may be null.
  LogicalResult call(const bluec_entry &entry, int64_t count, int64_t position, int64_t firstRow,
                     const void *input, void *output, LayerRecord &record,
                     const int32_t *at = nullptr);
  /// Where the rows of the question stand.
  LogicalResult placeRows();
  /// `embeddings` of the whole conversation, with the features of the question's picture in them.
  TensorPtr withPicture(const TensorPtr &embeddings, const TensorPtr &from) const;
  /// Where rows from row `first` on stand; null: at their numbers.
  const int32_t *placesFrom(int64_t first) const { return places ? places->from(first) : nullptr; }
  /// Feeds `ids` to the bundle: the prompt in chunks, the tokens after it one by one, up to
  /// `total` tokens, of which those that are missing become the likeliest ones. `logits` gets a row
  /// for every token whose logits a call gave.
  struct LogitRow {
    int64_t position; // of the token that was fed last
    std::vector<float> logits;
  };
  LogicalResult feed(std::vector<int32_t> &ids, int64_t prompt, int64_t total, LayerRecord &record,
                     std::vector<LogitRow> &logits);
  void compareLogits(const Tensor &expected, ArrayRef<int32_t> ids, int64_t prompt,
                     ArrayRef<LogitRow> found);
  float uniform(float least, float most);
  double cacheTolerance() const;
  const CacheError *worstCache() const; // null: no cache is quantized
  void print();
  Json summary(bool isGood);
  /// What is wrong, in a line; empty: nothing.
  std::string fault() const;
  LogicalResult conclude();

  const VerifyOptions &options;
  llvm::raw_ostream &out;
  llvm::raw_ostream &err;
  Diagnostics &diagnostics;
  CompilerSession compiler;
  Emulation emulation;
  std::unique_ptr<runtime::Bundle> bundle;
  std::unique_ptr<runtime::Session> session;
  OwningOpRef<ModuleOp> imported;                    // the graphs, before any pass; with --onnx
  OwningOpRef<ModuleOp> &module = compiler.module(); // as written, in floats
  OwningOpRef<ModuleOp> quantized;                   // folded, with the recipe's types
  bool hasRecipe = false;                            // whether the two differ
  bool isQuantized = false;                          // whether that is more than rounding
  Recipe recipe;
  quantize::Statistics statistics;
  WeightReader weights;
  llvm::StringSet<> names; // of the reference's layers
  /// By step; null for those without an output.
  llvm::DenseMap<const bluec_entry *, SmallVector<RankedTensorType>> stepTypes;
  std::unique_ptr<PictureQuestion> question; // with --image
  LayerComparison::Values features;          // of its picture
  /// Of its rows and the answer's, where positions have axes.
  std::optional<runtime::RowPositions> places;
  OnnxComparisonOptions graphOptions;
  std::unique_ptr<OnnxComparison> graphs; // with --onnx
  std::unique_ptr<LayerComparison> comparison;
  LogitErrors logitErrors;
  int64_t answerTokens = 0;
  std::optional<int64_t> firstDiverging; // token of the answer, and what the two models chose
  int64_t expectedToken = 0, foundToken = 0;
  std::mt19937_64 random;
};

} // namespace

int bluec::verify(const VerifyOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err) {
  Diagnostics diagnostics(err);
  return diagnostics.exitCode(Verification(options, diagnostics, out, err).run(), "verify");
}

LogicalResult Verification::run() {
  if (failed(open()) || failed(import()) || failed(applyRecipe()) ||
      (options.onnx && failed(compareGraphs())))
    return failure();
  // Where the graphs say something else, that is what there is to say.
  bool isOther = graphs && graphs->firstBad();
  if (!isOther && (failed(compareModel()) || failed(verifyVision()) || failed(verifyLanguage())))
    return failure();
  return conclude();
}

LogicalResult Verification::open() {
  if (options.image.empty() && !options.prompt.empty())
    return diagnostics.usageError("--prompt: expected --image, found none");
  runtime::OpenOptions how;
  how.threads = options.threads;
  how.devices = &emulation;
  auto opened = runtime::Bundle::open(options.bundle, how);
  if (!opened.ok())
    return diagnostics.report(opened.status());
  bundle = std::move(*opened);
  auto made = runtime::Session::create(*bundle);
  if (!made.ok())
    return diagnostics.report(made.status());
  session = std::move(*made);
  if (options.image.empty())
    return success();
  question = PictureQuestion::create(
      *bundle, options.image, options.prompt.empty() ? "What is in the picture?" : options.prompt,
      diagnostics);
  return success(question != nullptr);
}

/// The graphs as they are, but for the rounding of activations, which a bundle leaves to its
/// recipe: the import says so. And for patches, which a bundle cuts out of pictures itself.
LogicalResult Verification::keepGraphs() {
  imported = module->clone();
  ScopedDiagnosticHandler once(compiler.context(), [](Diagnostic &diagnostic) {
    return success(diagnostic.getSeverity() == DiagnosticSeverity::Warning);
  });
  return compiler.passes().run(*imported, "import", [](OpPassManager &to) {
    to.nest<func::FuncOp>().addPass(createUnfoldPictures());
    to.nest<func::FuncOp>().addPass(createFloatActivations());
  });
}

LogicalResult Verification::import() {
  if (failed(compiler.read({options.reference, options.variant, options.imageSize})))
    return failure();
  if (options.onnx && failed(keepGraphs()))
    return failure();
  if (failed(compiler.run("import", buildImportPipeline)))
    return failure();
  return compiler.run("model", [&](OpPassManager &to) {
    buildModelPipeline(to, options.reference, bundle->manifest().context, /*asWritten=*/true);
  });
}

/// Gathers again what the bundle was compiled with: the same set gives the same statistics.
LogicalResult Verification::calibrate() {
  const runtime::Manifest &manifest = bundle->manifest();
  if (options.calibration.empty())
    return diagnostics.usageError(
        "--calibration: expected the set that the bundle was compiled with, "
        "found none");
  CompileOptions like;
  like.model = options.reference;
  like.imageSize = options.imageSize;
  like.calibration = options.calibration;
  like.target = manifest.target.name;
  like.context = manifest.context;
  like.chunk = std::max<int64_t>(manifest.chunk, 1);
  like.imageBatch = std::max<int64_t>(manifest.imageBatch, 1);
  like.maxImageTokens = manifest.maxImageTokens;
  std::unique_ptr<Calibration> calibration = Calibration::create(like, diagnostics, err);
  if (!calibration)
    return failure();
  weights.statistics = &statistics;
  return calibration->gather(*quantized, recipe, statistics);
}

/// The recipe is in the manifest, whose checksum has been checked.
LogicalResult Verification::applyRecipe() {
  constexpr JsonLimits kLimits = {size_t{64} << 20, /*depth=*/64, /*values=*/8'000'000};
  const std::string path = options.bundle + "/" + std::string(runtime::kManifestName);
  std::string fault;
  std::optional<JsonValue> json = readJsonFile(path, path, kLimits, fault);
  if (!json)
    return diagnostics.inputError(fault);
  const JsonValue *said = json->find("recipe");
  llvm::Expected<Recipe> read = Recipe::read(said ? *said : JsonValue(), path);
  if (!read)
    return diagnostics.report(read.takeError());
  recipe = std::move(*read);
  std::string why;
  const targets::Target *target = targets::allTargets().find(bundle->manifest().target.name, why);
  if (!target)
    return diagnostics.inputError(options.bundle + ": " + why);
  quantized = module->clone();
  if (failed(compiler.passes().run(*quantized, "model", buildFoldingPipeline)))
    return failure();
  if (recipe.needsCalibration() && failed(calibrate()))
    return failure();
  (*quantized)->setAttr(plan::kTargetAttr, target->facts(compiler.context()));
  auto precisionPasses = [&](OpPassManager &to) {
    buildPrecisionPipeline(to, recipe.text, recipe.needsCalibration(), options.reference);
  };
  if (failed(compiler.passes().run(*quantized, "precision", precisionPasses)))
    return failure();
  auto linears = [](ModuleOp in) {
    int64_t count = 0;
    in.walk([&](blue::LinearOp) { ++count; });
    return count;
  };
  hasRecipe = linears(*quantized) != linears(*module);
  quantized->walk([&](Operation *op) {
    isQuantized |= llvm::any_of(op->getResultTypes(), [](Type type) {
      return isa<blue::QuantizedType>(getElementTypeOrSelf(type));
    });
    // An attention may compute in integers between floats.
    auto attention = dyn_cast<blue::AttentionOp>(op);
    isQuantized |= attention && attention.getComputeType();
  });
  // Half-precision weights round those of the files.
  quantized->walk([&](blue::WeightOp weight) {
    isQuantized |= isa<Float16Type, BFloat16Type>(getElementTypeOrSelf(weight.getType()));
  });
  hasRecipe |= isQuantized;
  for (blue::Role role : {blue::Role::Vision, blue::Role::Embed, blue::Role::Decoder})
    LayerRecord::addNames(blue::partOf(*quantized, role), names);
  comparison = std::make_unique<LayerComparison>(weights, options.tolerance);
  return success();
}

/// Puts the steps of `plan` on the devices where the bundle has them, with the bundle's targets,
/// and leaves encoders out that the bundle does not have.
LogicalResult Verification::placeAsBundle(ModuleOp plan) {
  const runtime::Manifest &manifest = bundle->manifest();
  OpBuilder builder = OpBuilder::atBlockBegin(plan.getBody());
  for (const runtime::DeviceEntry &device : manifest.devices) {
    if (!device.ownTarget)
      continue;
    const targets::Target *target = targets::allTargets().named(device.target.name);
    if (!target)
      return diagnostics.inputError(options.bundle + ": device '" + device.name +
                                    "': target: expected one of " + targets::allTargets().names() +
                                    ", found '" + device.target.name + "'");
    plan::DeviceOp::create(builder, plan.getLoc(), device.name, target->facts(compiler.context()));
  }
  if (manifest.encodeCalls) {
    SmallVector<Attribute> calls;
    for (const std::vector<int64_t> &capacities : *manifest.encodeCalls)
      calls.push_back(builder.getDenseI64ArrayAttr(capacities));
    plan->setAttr(plan::kEncodeCallsAttr, builder.getArrayAttr(calls));
  }
  for (auto entry : llvm::make_early_inc_range(plan.getOps<plan::EntryOp>()))
    if (failed(placeEntry(entry)))
      return failure();
  return compiler.passes().run(plan, "devices", buildDevicesPipeline);
}

/// The first input tells what an entry of a role is for; an encoder's later stages take others.
LogicalResult Verification::placeEntry(plan::EntryOp entry) {
  std::map<uint32_t, const bluec_entry *> stages;
  auto takes = cast<StringAttr>(entry.getTakes()[0]).getValue();
  for (const bluec_entry &other : bundle->entries())
    if (other.role == static_cast<uint32_t>(entry.getRole()) &&
        other.capacity == static_cast<int64_t>(entry.getCapacity()) &&
        (other.stage > 0 ||
         runtime::findInput(other, std::string_view(takes.data(), takes.size()))))
      stages[other.stage] = &other;
  if (stages.empty() && entry.isEncoder()) {
    entry.erase();
    return success();
  }
  SmallVector<StringRef> devices; // of the bundle's steps
  for (auto [stage, other] : stages)
    devices.append(static_cast<size_t>(other->num_steps), bundle->deviceOf(*other).name);
  SmallVector<plan::StepOp> steps(entry.getOps<plan::StepOp>());
  if (devices.size() != steps.size())
    return diagnostics.inputError(options.bundle + ": entry '" + entry.getSymName() +
                                  "': expected " + Twine(steps.size()) +
                                  " steps as in the reference, found " + Twine(devices.size()));
  for (auto [step, device] : llvm::zip_equal(steps, devices))
    step.setDevice(device);
  return success();
}

LogicalResult Verification::keepTypes(plan::EntryOp entry) {
  auto takes = cast<StringAttr>(entry.getTakes()[0]).getValue();
  SmallVector<plan::StepOp> steps(entry.getOps<plan::StepOp>());
  for (const bluec_entry &other : bundle->entries()) {
    if (other.role != static_cast<uint32_t>(entry.getRole()) ||
        other.capacity != static_cast<int64_t>(entry.getCapacity()) ||
        other.stage != entry.getStage() ||
        !runtime::findInput(other, std::string_view(takes.data(), takes.size())))
      continue;
    if (other.num_steps != static_cast<int64_t>(steps.size()))
      return diagnostics.inputError(options.bundle + ": entry '" + other.name + "': expected " +
                                    Twine(steps.size()) + " steps as in the reference, found " +
                                    Twine(other.num_steps));
    SmallVector<RankedTensorType> &types = stepTypes[&other];
    for (plan::StepOp step : steps)
      types.push_back(step->getNumResults() == 0
                          ? RankedTensorType()
                          : cast<RankedTensorType>(step->getResult(0).getType()));
  }
  return success();
}

/// Schedules the reference with the bundle's own sizes: geometry and weights have to be the same.
LogicalResult Verification::compareModel() {
  const runtime::Manifest &manifest = bundle->manifest();
  OwningOpRef<ModuleOp> plan = quantized->clone();
  ScheduleOptions sizes;
  sizes.context = manifest.context;
  sizes.chunk = std::max<int64_t>(manifest.chunk, 1);
  sizes.imageBatch = std::max<int64_t>(manifest.imageBatch, 1);
  const bluec_model &model = bundle->model();
  sizes.rewind = model.ring_positions > 0 ? model.ring_back : manifest.context;
  auto schedulePasses = [&](OpPassManager &to) { buildSchedulePipeline(to, sizes); };
  if (failed(compiler.passes().run(*plan, "schedule", schedulePasses)) ||
      failed(placeAsBundle(*plan)) || failed(digestWeights(*plan, weights)) ||
      failed(compiler.passes().run(*plan, "placement", buildPlacementPipeline)))
    return failure();

  for (auto entry : plan->getOps<plan::EntryOp>())
    if (failed(keepTypes(entry)))
      return failure();
  for (const bluec_entry &entry : bundle->entries())
    if (!stepTypes.contains(&entry))
      return diagnostics.inputError(options.bundle +
                                    ": expected entries as in the reference, found '" + entry.name +
                                    "', too");
  FailureOr<Geometry> geometry = geometryOf(*plan);
  if (failed(geometry))
    return failure();
  auto integer = [&](StringRef name) {
    auto attribute = (*plan)->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : 0;
  };
  struct Size {
    const char *name;
    int64_t expected, found;
  };
  for (const Size &size :
       {Size{"ring_positions", integer(plan::kRingPositionsAttr), model.ring_positions},
        Size{"ring_back", integer(plan::kRingBackAttr), model.ring_back},
        Size{"hidden", geometry->hidden, model.hidden},
        Size{"vocabulary", geometry->vocabulary, model.vocabulary},
        Size{"tokens_per_tile", geometry->tokensPerTile, model.tokens_per_tile},
        Size{"tile_height", geometry->tileHeight, model.tile_height},
        Size{"tile_width", geometry->tileWidth, model.tile_width}})
    if (size.expected != size.found)
      return diagnostics.inputError(options.bundle + ": " + size.name + ": expected " +
                                    Twine(size.expected) + " as in the reference, found " +
                                    Twine(size.found));
  std::span<const uint8_t> bytes = bundle->weights();
  return compareWeights(*plan, weights, {bytes.data(), bytes.size()});
}

LogicalResult Verification::compareGraphs() {
  if (!bundle->hasText() && blue::partOf(*module, blue::Role::Decoder))
    return diagnostics.inputError(
        options.bundle + ": expected entry points for text as the reference has, found none");
  if (bundle->tileEncoders().empty() && blue::partOf(*module, blue::Role::Vision))
    return diagnostics.inputError(
        options.bundle + ": expected entry points for pictures as the reference has, found none");
  const bluec_model &model = bundle->model();
  graphOptions.context = bundle->manifest().context;
  // The scores of larger chunks would fill the memory; an entry takes any number of rows.
  constexpr int64_t kMostRows = 512;
  graphOptions.chunk = bundle->hasText() ? std::min(bundle->prefill().capacity, kMostRows) : 1;
  graphOptions.prompt = options.tokens;
  graphOptions.tiles = options.tiles;
  graphOptions.tileHeight = model.tile_height;
  graphOptions.tileWidth = model.tile_width;
  graphOptions.positions = bundle->manifest().positions;
  graphOptions.vocabulary = std::max<int64_t>(model.vocabulary, 1);
  graphOptions.seed = options.seed;
  graphOptions.tolerance = kOnnxTolerance;
  graphOptions.work = kOnnxWork;
  BundleCalls calls(*bundle, *session, diagnostics);
  graphs = std::make_unique<OnnxComparison>(*imported, *module, weights, &calls,
                                            /*isExact=*/!isQuantized, graphOptions, diagnostics);
  return graphs->run();
}

//===------------------------------------------------------------------------------------------===//
// Running
//===------------------------------------------------------------------------------------------===//

float Verification::uniform(float least, float most) {
  constexpr int kBits = 24; // of a float's significand
  float unit = static_cast<float>(random() >> (64 - kBits)) / static_cast<float>(1 << kBits);
  return least + (most - least) * unit;
}

LayerComparison::Part Verification::partOf(blue::Role role) {
  return {blue::partOf(*quantized, role), hasRecipe ? blue::partOf(*module, role) : func::FuncOp()};
}

LogicalResult Verification::call(const bluec_entry &entry, int64_t count, int64_t position,
                                 int64_t firstRow, const void *input, void *output,
                                 LayerRecord &record, const int32_t *at) {
  std::string mismatch;
  ArrayRef<RankedTensorType> types = stepTypes[&entry];
  auto keep = [&](int64_t index, const bluec_step &step, const void *made) {
    auto type = index < static_cast<int64_t>(types.size()) ? types[static_cast<size_t>(index)]
                                                           : RankedTensorType();
    return record.add(entry, step, type, made, count, firstRow, mismatch);
  };
  runtime::Status status = session->runEntry(
      entry, count, position, runtime::EntryInputs(entry, count, position, input, at), {&output, 1},
      keep);
  if (!mismatch.empty())
    return diagnostics.inputError(mismatch);
  return diagnostics.report(status);
}

LogicalResult Verification::verifyVision() {
  if (!blue::partOf(*module, blue::Role::Vision))
    return success();
  const bluec_model &model = bundle->model();
  constexpr int64_t kChannels = 3;
  int64_t tileElements = kChannels * model.tile_height * model.tile_width;
  TensorPtr shared = question ? question->pixels() : nullptr;
  if (!shared) {
    Tensor pixels = Tensor::zeros(reference::ElementType::F32,
                                  {options.tiles, kChannels, model.tile_height, model.tile_width});
    for (float &pixel : pixels.f32)
      pixel = uniform(-1, 1);
    shared = std::make_shared<const Tensor>(std::move(pixels));
  }
  int64_t tileCount = shared->shape[0];
  std::unique_ptr<LayerRecord> before;
  for (const runtime::TileEncoder &encoder : bundle->tileEncoders()) {
    auto record = std::make_unique<LayerRecord>(tileCount, names);
    std::vector<uint8_t> crossing;
    if (!encoder.whole)
      crossing.resize(static_cast<size_t>(encoder.first->outputs[0].bytes));
    for (int64_t done = 0; done < tileCount;) {
      int64_t count = std::min(tileCount - done, encoder.capacity);
      const float *tiles = shared->f32.data() + done * tileElements;
      if (encoder.whole
              ? failed(call(*encoder.whole, count, 0, done, tiles, nullptr, *record))
              : failed(call(*encoder.first, count, 0, done, tiles, crossing.data(), *record)) ||
                    failed(
                        call(*encoder.second, count, 0, done, crossing.data(), nullptr, *record)))
        return failure();
      done += count;
    }
    // Encoders of any capacity give the same bits, and the reference is slow.
    if (before && before->sameValues(*record)) {
      comparison->repeat(*record);
    } else {
      comparison->begin(*record);
      FailureOr<LayerComparison::Values> found = comparison->compare(
          partOf(blue::Role::Vision), {shared, shared, shared}, {}, /*isEnd=*/true);
      if (failed(found))
        return failure();
      features = *found;
    }
    before = std::move(record);
  }
  return success();
}

LogicalResult Verification::feed(std::vector<int32_t> &ids, int64_t prompt, int64_t total,
                                 LayerRecord &record, std::vector<LogitRow> &logits) {
  const bluec_model &model = bundle->model();
  const bluec_entry *embed = &bundle->embed(), *prefill = &bundle->prefill(),
                    *decode = &bundle->decode();
  std::vector<float> chunk(static_cast<size_t>(prefill->capacity * model.hidden));
  auto width = static_cast<size_t>(model.vocabulary);
  std::vector<float> row(width), made; // the last row's logits; what a call gives
  const bluec_tensor &given = *runtime::findOutput(*prefill, BLUEC_LOGITS);
  for (int64_t done = 0; done < prompt;) {
    int64_t count = std::min({prompt - done, prefill->capacity, embed->capacity});
    made.resize(static_cast<size_t>(runtime::usedRows(given, count)) * width);
    if (failed(call(*embed, count, 0, done, ids.data() + done, chunk.data(), record)))
      return failure();
    if (question)
      question->place(*features.own, done, count, chunk.data());
    if (failed(
            call(*prefill, count, done, done, chunk.data(), made.data(), record, placesFrom(done))))
      return failure();
    row.assign(made.end() - static_cast<std::ptrdiff_t>(width), made.end());
    done += count;
    logits.push_back({done - 1, row});
  }
  for (int64_t done = prompt; done < total; ++done) {
    if (static_cast<int64_t>(ids.size()) == done)
      ids.push_back(static_cast<int32_t>(likeliest(row)));
    if (places)
      places->append({ids[static_cast<size_t>(done)], nullptr});
    if (failed(
            call(*decode, 1, done, done, ids.data() + done, row.data(), record, placesFrom(done))))
      return failure();
    logits.push_back({done, row});
  }
  return success();
}

TensorPtr Verification::withPicture(const TensorPtr &embeddings, const TensorPtr &from) const {
  auto all = std::make_shared<Tensor>(*embeddings);
  question->place(*from, 0, static_cast<int64_t>(question->rows().size()), all->f32.data());
  return all;
}

LogicalResult Verification::placeRows() {
  const bluec_tensor *at = runtime::findInput(bundle->decode(), BLUEC_POSITIONS);
  if (!at || at->rank != 2)
    return success();
  runtime::PositionRule rule = bundle->manifest().positions;
  rule.axes = at->dims[1];
  places.emplace(rule);
  for (const runtime::Row &row : question->rows())
    if (!places->append(row))
      return diagnostics.inputError("--image: expected rows of a picture that have places in its "
                                    "grid, found others");
  return success();
}

LogicalResult Verification::verifyLanguage() {
  func::FuncOp decoder = blue::partOf(*module, blue::Role::Decoder);
  if (!blue::partOf(*module, blue::Role::Embed) || !decoder)
    return success();
  if (!bundle->hasText())
    return diagnostics.inputError(
        options.bundle + ": expected entry points for text as the reference has, found none");
  const bluec_model &model = bundle->model();
  int64_t capacity = bundle->prefill().capacity;
  int64_t prompt = options.tokens > 0 ? options.tokens : capacity + capacity / 2 + 1;
  prompt = std::max<int64_t>(1, std::min(prompt, model.context - kDecodedTokens));
  if (question)
    prompt = static_cast<int64_t>(question->rows().size());
  int64_t total = std::min(prompt + kDecodedTokens, model.context);

  // The bundle answers first; then the reference sees the whole sequence in one pass.
  std::vector<int32_t> ids;
  if (question && failed(placeRows()))
    return failure();
  for (int64_t i = 0; i < prompt; ++i) // a picture's rows are a token until its features are there
    ids.push_back(question
                      ? static_cast<int32_t>(
                            std::max<int64_t>(0, question->rows()[static_cast<size_t>(i)].id))
                      : static_cast<int32_t>(random() % static_cast<uint64_t>(model.vocabulary)));
  LayerRecord record(total, names);
  std::vector<LogitRow> logits;
  if (failed(feed(ids, prompt, total, record, logits)))
    return failure();

  auto idTensor = std::make_shared<const Tensor>(
      Tensor::ints({total}, std::vector<int64_t>(ids.begin(), ids.end())));
  comparison->begin(record);
  FailureOr<LayerComparison::Values> embeddings =
      comparison->compare(partOf(blue::Role::Embed), {idTensor, idTensor, idTensor}, {},
                          /*isEnd=*/false);
  if (failed(embeddings))
    return failure();
  if (question)
    *embeddings = {withPicture(embeddings->own, features.own),
                   withPicture(embeddings->same, features.same),
                   withPicture(embeddings->plain, features.plain)};
  SmallVector<TensorPtr> rest;
  for (Type type : decoder.getArgumentTypes().drop_front()) {
    if (type.isIndex()) {
      rest.push_back(std::make_shared<const Tensor>(Tensor::ints({}, {0})));
      continue;
    }
    int64_t width = cast<RankedTensorType>(type).getShape().back();
    if (cast<RankedTensorType>(type).getElementType().isInteger()) {
      Tensor at = consecutivePlaces(total, width, 0);
      if (places)
        std::copy_n(places->from(0), total * places->axes(), at.i64.begin());
      rest.push_back(std::make_shared<const Tensor>(std::move(at)));
      continue;
    }
    rest.push_back(
        std::make_shared<const Tensor>(Tensor::zeros(reference::ElementType::F32, {0, width})));
  }
  FailureOr<LayerComparison::Values> expected =
      comparison->compare(partOf(blue::Role::Decoder), *embeddings, rest, /*isEnd=*/true);
  if (failed(expected))
    return failure();
  compareLogits(*expected->plain, ids, prompt, logits);
  return success();
}

/// `expected` has the float model's logits of all positions.
void Verification::compareLogits(const Tensor &expected, ArrayRef<int32_t> ids, int64_t prompt,
                                 ArrayRef<LogitRow> found) {
  auto rowOf = [&](int64_t position) {
    auto width = static_cast<size_t>(expected.shape.back());
    return ArrayRef<float>(expected.f32).slice(static_cast<size_t>(position) * width, width);
  };
  for (const LogitRow &row : found)
    logitErrors.add(rowOf(row.position), row.logits);
  // Up to the first difference both models have seen the same tokens.
  answerTokens = static_cast<int64_t>(ids.size()) - prompt;
  for (int64_t token = 0; token < answerTokens && !firstDiverging; ++token) {
    expectedToken = likeliest(rowOf(prompt + token - 1));
    foundToken = ids[static_cast<size_t>(prompt + token)];
    if (expectedToken != foundToken)
      firstDiverging = token;
  }
}

//===------------------------------------------------------------------------------------------===//
// Reporting
//===------------------------------------------------------------------------------------------===//

/// "decoder/layers.0/add", and the step's name where that is another one: a step may be a product
/// and what was fused into it.
static std::string placeOf(const LayerError &error) {
  return error.layer + (error.step == error.layer ? "" : " (step " + error.step + ")");
}

/// Each layer once, with the entries in which it is one of `errors`.
static SmallVector<std::string> byLayer(ArrayRef<const LayerError *> errors) {
  llvm::MapVector<StringRef, std::string> entries;
  for (const LayerError *error : errors) {
    std::string &all = entries[error->layer];
    all += (all.empty() ? "" : ", ") + error->entry;
  }
  SmallVector<std::string> lines;
  for (const auto &[layer, in] : entries)
    lines.push_back((layer + " (" + in + ")").str());
  return lines;
}

static Json describe(const LayerError &error) {
  Json layer = {{"entry", error.entry},
                {"layer", error.layer},
                {"step", error.step},
                {"wrong", error.isWrong()},
                {"own_error", error.own},
                {"limit", error.limit},
                {"accumulated_error", error.accumulated},
                {"cosine", error.deviation.cosine()},
                {"largest_expected", error.deviation.largestExpected}};
  if (error.fromFloat)
    layer["from_float"] = {{"relative_error", error.fromFloat->rootMeanSquare()},
                           {"cosine", error.fromFloat->cosine()}};
  return layer;
}

static Json describe(const EndError &end) {
  return {{"layer", end.layer},
          {"error", end.error},
          {"recipe_cost", end.recipeCost},
          {"limit", end.reroutedRows > 0 ? Json() : Json(end.limit)},
          {"rerouted_rows", end.reroutedRows}};
}

double Verification::cacheTolerance() const {
  return std::max(kCacheTolerance, options.tolerance.value_or(0));
}

const CacheError *Verification::worstCache() const {
  ArrayRef<CacheError> caches = comparison->caches();
  auto worst = llvm::max_element(caches, [](const CacheError &a, const CacheError &b) {
    return a.deviation.rootMeanSquare() < b.deviation.rootMeanSquare();
  });
  return worst == caches.end() ? nullptr : worst;
}

void Verification::print() {
  const LayerErrors &errors = comparison->layers();
  const LayerError *worst = errors.worst();
  if (std::string command = emulation.command(); !command.empty())
    out << "run by " << command << '\n';
  if (graphs)
    graphs->print(out);
  if (question)
    out << llvm::formatv("a picture of {0} tiles in a prompt of {1} tokens\n",
                         question->pixels()->shape[0], question->rows().size());
  out << "entry    own error    limit    chain   cosine";
  if (hasRecipe)
    out << "  from float: error cosine";
  out << "  layer\n";
  for (const LayerError &error : errors.all()) {
    out << llvm::formatv("{0,-8}  {1:e2} {2:e2} {3:e2} {4:f6}", error.entry, error.own, error.limit,
                         error.accumulated, error.deviation.cosine());
    if (hasRecipe && error.fromFloat)
      out << llvm::formatv("           {0:e2} {1:f6}", error.fromFloat->rootMeanSquare(),
                           error.fromFloat->cosine());
    else if (hasRecipe)
      out << std::string(28, ' ');
    out << "  " << error.layer << (error.isWrong() ? "  <- wrong" : "") << '\n';
  }
  out << llvm::formatv("{0} layers; worst: {1} {2} ({3:e2} of {4:e2})\n", errors.all().size(),
                       worst->entry, worst->layer, worst->own, worst->limit);
  for (const std::string &layer : byLayer(errors.wrong()))
    out << "wrong: " << layer << '\n';
  for (const EndError &end : comparison->ends()) {
    out << llvm::formatv("end of the chain: {0}: {1:e2} from the reference", end.layer, end.error);
    if (hasRecipe)
      out << llvm::formatv(", whose recipe costs {0:e2}", end.recipeCost);
    if (end.reroutedRows > 0)
      out << llvm::formatv("; no limit: {0} rows went to other experts\n", end.reroutedRows);
    else
      out << llvm::formatv("; limit {0:e2}\n", end.limit);
  }
  if (const CacheError *cache = worstCache())
    out << llvm::formatv("a quantized cache costs the result of attention at most {0:e2} ({1})\n",
                         cache->deviation.rootMeanSquare(), cache->layer);
  if (logitErrors.rows == 0)
    return;
  out << llvm::formatv("logits of {0} tokens against the float model: KL divergence {1:e2} nats "
                       "in the mean, {2:e2} at most; the same likeliest token for {3}\n",
                       logitErrors.rows, logitErrors.mean(), logitErrors.largest,
                       logitErrors.agreeing);
  if (firstDiverging)
    out << llvm::formatv("answer of {0} tokens: token {1} is the first one that differs, "
                         "expected {2}, found {3}\n",
                         answerTokens, *firstDiverging, expectedToken, foundToken);
  else
    out << llvm::formatv("answer of {0} tokens: the same\n", answerTokens);
}

Json Verification::summary(bool isGood) {
  const LayerErrors &errors = comparison->layers();
  const LayerError *worst = errors.worst();
  Json layers = Json::array(), wrong = Json::array(), ends = Json::array();
  for (const LayerError &error : errors.all())
    layers.push_back(describe(error));
  for (const LayerError *error : errors.wrong())
    wrong.push_back({{"entry", error->entry}, {"layer", error->layer}, {"step", error->step}});
  for (const EndError &end : comparison->ends())
    ends.push_back(describe(end));
  Json all;
  all["ok"] = isGood;
  all["recipe"] = recipe.name;
  all["emulator"] = emulation.command();
  if (graphs)
    all["onnx"] = graphs->asJson();
  if (question)
    all["picture"] = {{"tiles", question->pixels()->shape[0]}, {"tokens", question->rows().size()}};
  all["layers"] = std::move(layers);
  all["worst"] = {{"entry", worst->entry},
                  {"layer", worst->layer},
                  {"own_error", worst->own},
                  {"limit", worst->limit}};
  all["wrong"] = std::move(wrong);
  all["ends"] = std::move(ends);
  if (const CacheError *cache = worstCache())
    all["quantized_cache"] = {
        {"layers", comparison->caches().size()},
        {"tolerance", cacheTolerance()},
        {"worst", {{"layer", cache->layer}, {"error", cache->deviation.rootMeanSquare()}}}};
  if (logitErrors.rows > 0) {
    all["logits"] = {{"rows", logitErrors.rows},
                     {"mean_divergence", logitErrors.mean()},
                     {"largest_divergence", logitErrors.largest},
                     {"same_likeliest", logitErrors.agreeing}};
    all["answer"] = {{"tokens", answerTokens}, {"first_diverging", Json()}};
    if (firstDiverging)
      all["answer"]["first_diverging"] = {
          {"token", *firstDiverging}, {"expected", expectedToken}, {"found", foundToken}};
  }
  return all;
}

/// The first of: a layer, a cache, the end.
std::string Verification::fault() const {
  std::vector<const LayerError *> wrong = comparison->layers().wrong();
  if (!wrong.empty()) {
    const LayerError &first = *wrong.front();
    SmallVector<std::string> layers = byLayer(wrong);
    std::string line =
        llvm::formatv("{0} {1}: expected a relative error of at most {2:e1} on its own inputs, "
                      "found {3:e2}; ",
                      first.entry, placeOf(first), first.limit, first.own);
    if (layers.size() == 1)
      return line + "all other layers are right";
    return line + "wrong, too: " + layers[1] +
           (layers.size() > 2 ? ", and " + std::to_string(layers.size() - 2) + " more" : "");
  }
  if (const CacheError *cache = worstCache();
      cache && !(cache->deviation.rootMeanSquare() <= cacheTolerance()))
    return llvm::formatv("{0}: expected a quantized cache to cost at most {1:e1} of the result's "
                         "root mean square, found {2:e2}: its keys or values have lost what they "
                         "say",
                         cache->layer, cacheTolerance(), cache->deviation.rootMeanSquare());
  for (const EndError &end : comparison->ends())
    if (end.isWrong())
      return llvm::formatv("{0}: expected the end of the chain within {1:e2} of the reference's "
                           "root mean square, found {2:e2}, though each layer is right on its own "
                           "inputs",
                           end.layer, end.limit, end.error);
  return {};
}

LogicalResult Verification::conclude() {
  if (const OnnxComparison::Part *bad = graphs ? graphs->firstBad() : nullptr) {
    if (options.json)
      out << Json{{"ok", false}, {"recipe", recipe.name}, {"onnx", graphs->asJson()}}.dump(
                 1, ' ', false, Json::error_handler_t::replace)
          << '\n';
    else
      graphs->print(out);
    return diagnostics.inputError(OnnxComparison::describe(*bad));
  }
  if (!comparison->layers().worst())
    return diagnostics.inputError(options.bundle + ": expected layers to compare, found none");
  std::string found = fault();
  if (options.json)
    out << summary(found.empty()).dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  else
    print();
  return found.empty() ? success() : diagnostics.inputError(found);
}
