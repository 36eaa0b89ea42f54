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
#include "compiler/driver/verify/LayerErrors.h"
#include "compiler/driver/verify/OnnxComparison.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "passes/onnx/float_activations/FloatActivations.h"
#include "passes/onnx/unfold_pictures/UnfoldPictures.h"
#include "runtime/core/Bundle.h"
#include "runtime/core/Session.h"
#include "targets/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"

#include <random>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

/// Tokens of the answer, fed one by one after the prompt.
constexpr int64_t kDecodedTokens = 16;

// Relative errors of a layer, by the narrowest type that activations are computed in.
constexpr double kFloatTolerance = 1e-3, kWideTolerance = 2e-2, kByteTolerance = 1e-1;
/// What a quantized cache may cost an attention layer, of root mean squares. (SmolLM2-135M on
/// random tokens: 3.6e-2 with products of i8, 2.5e-2 of i16. A cache without its keys: 0.5 and
/// more.)
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
  /// The first result of a part of `from`; the values of its layers go to `layers`.
  FailureOr<TensorPtr> evaluate(ModuleOp from, blue::Role role, SmallVector<TensorPtr> inputs,
                                ReferenceValues &layers);
  /// As above, of the model with the recipe's types and, if that is another one, of the float
  /// model.
  struct Both {
    TensorPtr same, plain;
  };
  FailureOr<Both> evaluateBoth(blue::Role role, const Both &inputs, ArrayRef<TensorPtr> rest = {});
  /// One call; every step's output is compared if `compared`. `output` may be null.
  LogicalResult call(const bluec_entry &entry, int64_t count, int64_t position, int64_t firstRow,
                     const void *input, void *output, bool compared = true);
  /// Feeds `ids` to the bundle: the prompt in chunks, the tokens after it one by one, up to
  /// `total` tokens, of which those that are missing become the likeliest ones. `logits` gets a row
  /// for every token whose logits a call gave.
  struct LogitRow {
    int64_t position; // of the token that was fed last
    std::vector<float> logits;
  };
  LogicalResult feed(std::vector<int32_t> &ids, int64_t prompt, int64_t total, bool compared,
                     std::vector<LogitRow> &logits);
  void compareLogits(const Tensor &expected, ArrayRef<int32_t> ids, int64_t prompt,
                     ArrayRef<LogitRow> found);
  float uniform(float least, float most);
  LogicalResult conclude();
  Json describe(const LayerError &error) const;

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
  double tolerance = kFloatTolerance;
  Recipe recipe;
  quantize::Statistics statistics;
  WeightReader weights;
  ReferenceValues values, floatValues;
  OnnxComparisonOptions graphOptions;
  std::unique_ptr<OnnxComparison> graphs; // with --onnx
  std::unique_ptr<LayerErrors> errors;
  /// Of each attention layer over a quantized cache from the same layer in floats, both by the
  /// reference. A bundle that does what its recipe says cannot be told from a good one otherwise.
  struct CacheError {
    std::string layer;
    Deviation deviation;
  };
  std::vector<CacheError> cacheErrors;
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
  return success();
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
    std::optional<Type> computed;
    if (auto quantize = dyn_cast<blue::QuantizeOp>(op))
      computed = cast<blue::QuantizedType>(quantize.getType().getElementType()).getStorage();
    else if (auto attention = dyn_cast<blue::AttentionOp>(op))
      computed = attention.getComputeType();
    if (computed)
      tolerance = std::max(tolerance, computed->isInteger(8) ? kByteTolerance : kWideTolerance);
  });
  // Half-precision weights round those of the files.
  quantized->walk([&](blue::WeightOp weight) {
    isQuantized |= isa<Float16Type, BFloat16Type>(getElementTypeOrSelf(weight.getType()));
  });
  // An attention may compute in integers between floats.
  isQuantized |= tolerance > kFloatTolerance;
  hasRecipe |= isQuantized;
  tolerance = options.tolerance.value_or(tolerance);
  errors = std::make_unique<LayerErrors>(values, hasRecipe ? &floatValues : nullptr);
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

/// Schedules the reference with the bundle's own sizes: geometry and weights have to be the same.
LogicalResult Verification::compareModel() {
  const runtime::Manifest &manifest = bundle->manifest();
  OwningOpRef<ModuleOp> plan = quantized->clone();
  ScheduleOptions sizes;
  sizes.context = manifest.context;
  sizes.chunk = std::max<int64_t>(manifest.chunk, 1);
  sizes.imageBatch = std::max<int64_t>(manifest.imageBatch, 1);
  auto schedulePasses = [&](OpPassManager &to) { buildSchedulePipeline(to, sizes); };
  if (failed(compiler.passes().run(*plan, "schedule", schedulePasses)) ||
      failed(placeAsBundle(*plan)) || failed(digestWeights(*plan, weights)) ||
      failed(compiler.passes().run(*plan, "placement", buildPlacementPipeline)))
    return failure();

  FailureOr<Geometry> geometry = geometryOf(*plan);
  if (failed(geometry))
    return failure();
  const bluec_model &model = bundle->model();
  struct Size {
    const char *name;
    int64_t expected, found;
  };
  for (const Size &size : {Size{"hidden", geometry->hidden, model.hidden},
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

FailureOr<TensorPtr> Verification::evaluate(ModuleOp from, blue::Role role,
                                            SmallVector<TensorPtr> inputs,
                                            ReferenceValues &layers) {
  func::FuncOp function = blue::partOf(from, role);
  blue::LayerNames names(function);
  reference::GraphEvaluation how;
  how.evaluators = &reference::blueEvaluators();
  how.weights = &weights;
  FailureOr<Tensor> inFloats = failure(); // the result of the op that is being evaluated
  how.onOperands = [&](Operation *op, ArrayRef<const Tensor *> operands) {
    auto attention = dyn_cast<blue::AttentionOp>(op);
    bool isNarrow = attention && attention.getPastKey() &&
                    isa<blue::QuantizedType>(getElementTypeOrSelf(attention.getPastKey()));
    inFloats = isNarrow ? reference::attentionInFloats(op, operands) : FailureOr<Tensor>(failure());
  };
  how.onResults = [&](Operation *op, ArrayRef<TensorPtr> results) {
    if (isa<blue::AttentionOp>(op) && succeeded(inFloats)) {
      cacheErrors.push_back({names.of(op).str(), {}});
      for (int64_t i = 0; i < inFloats->numElements(); ++i)
        cacheErrors.back().deviation.add(inFloats->number(i), results[0]->number(i));
    }
    bool layer = isa<blue::BlueDialect>(op->getDialect()) &&
                 !isa<blue::WeightOp, blue::ConstantOp>(op) && !results.empty();
    if (layer)
      layers[names.of(op)] = results[0];
  };
  FailureOr<SmallVector<TensorPtr>> results = reference::evaluateFunction(function, inputs, how);
  if (failed(results))
    return failure();
  return (*results)[0];
}

FailureOr<Verification::Both> Verification::evaluateBoth(blue::Role role, const Both &inputs,
                                                         ArrayRef<TensorPtr> rest) {
  auto run = [&](ModuleOp from, TensorPtr input, ReferenceValues &layers) {
    SmallVector<TensorPtr> all{std::move(input)};
    all.append(rest.begin(), rest.end());
    return evaluate(from, role, std::move(all), layers);
  };
  FailureOr<TensorPtr> same = run(*quantized, inputs.same, values);
  if (failed(same) || !hasRecipe)
    return failed(same) ? FailureOr<Both>(failure()) : Both{*same, *same};
  FailureOr<TensorPtr> plain = run(*module, inputs.plain, floatValues);
  if (failed(plain))
    return failure();
  return Both{*same, *plain};
}

LogicalResult Verification::call(const bluec_entry &entry, int64_t count, int64_t position,
                                 int64_t firstRow, const void *input, void *output, bool compared) {
  std::string mismatch;
  runtime::OnStep compare;
  if (compared)
    compare = [&](int64_t, const bluec_step &step, const void *made) {
      return errors->add(entry, step, made, count, firstRow, mismatch);
    };
  runtime::Status status =
      session->runEntry(entry, count, position, runtime::EntryInputs(entry, count, position, input),
                        {&output, 1}, compare);
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
  Tensor pixels = Tensor::zeros(reference::ElementType::F32,
                                {options.tiles, kChannels, model.tile_height, model.tile_width});
  for (float &pixel : pixels.f32)
    pixel = uniform(-1, 1);
  auto shared = std::make_shared<const Tensor>(std::move(pixels));
  if (failed(evaluateBoth(blue::Role::Vision, {shared, shared})))
    return failure();
  for (const runtime::TileEncoder &encoder : bundle->tileEncoders()) {
    std::vector<uint8_t> crossing;
    if (!encoder.whole)
      crossing.resize(static_cast<size_t>(encoder.first->outputs[0].bytes));
    for (int64_t done = 0; done < options.tiles;) {
      int64_t count = std::min(options.tiles - done, encoder.capacity);
      const float *tiles = shared->f32.data() + done * tileElements;
      if (encoder.whole
              ? failed(call(*encoder.whole, count, 0, done, tiles, nullptr))
              : failed(call(*encoder.first, count, 0, done, tiles, crossing.data())) ||
                    failed(call(*encoder.second, count, 0, done, crossing.data(), nullptr)))
        return failure();
      done += count;
    }
  }
  return success();
}

LogicalResult Verification::feed(std::vector<int32_t> &ids, int64_t prompt, int64_t total,
                                 bool compared, std::vector<LogitRow> &logits) {
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
    if (failed(call(*embed, count, 0, done, ids.data() + done, chunk.data(), compared)) ||
        failed(call(*prefill, count, done, done, chunk.data(), made.data(), compared)))
      return failure();
    row.assign(made.end() - static_cast<std::ptrdiff_t>(width), made.end());
    done += count;
    logits.push_back({done - 1, row});
  }
  for (int64_t done = prompt; done < total; ++done) {
    if (static_cast<int64_t>(ids.size()) == done)
      ids.push_back(static_cast<int32_t>(likeliest(row)));
    if (failed(call(*decode, 1, done, done, ids.data() + done, row.data(), compared)))
      return failure();
    logits.push_back({done, row});
  }
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
  int64_t total = std::min(prompt + kDecodedTokens, model.context);

  // The bundle answers first; then the reference sees the whole sequence in one pass.
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < prompt; ++i)
    ids.push_back(static_cast<int32_t>(random() % static_cast<uint64_t>(model.vocabulary)));
  std::vector<LogitRow> logits;
  if (failed(feed(ids, prompt, total, /*compared=*/false, logits)))
    return failure();

  auto idTensor = std::make_shared<const Tensor>(
      Tensor::ints({total}, std::vector<int64_t>(ids.begin(), ids.end())));
  FailureOr<Both> embeddings = evaluateBoth(blue::Role::Embed, {idTensor, idTensor});
  if (failed(embeddings))
    return failure();
  SmallVector<TensorPtr> rest;
  for (Type type : decoder.getArgumentTypes().drop_front()) {
    if (type.isIndex()) {
      rest.push_back(std::make_shared<const Tensor>(Tensor::ints({}, {0})));
      continue;
    }
    int64_t width = cast<RankedTensorType>(type).getShape().back();
    if (cast<RankedTensorType>(type).getElementType().isInteger()) {
      rest.push_back(std::make_shared<const Tensor>(consecutivePlaces(total, width, 0)));
      continue;
    }
    rest.push_back(
        std::make_shared<const Tensor>(Tensor::zeros(reference::ElementType::F32, {0, width})));
  }
  FailureOr<Both> expected = evaluateBoth(blue::Role::Decoder, *embeddings, rest);
  if (failed(expected))
    return failure();

  logits.clear();
  if (failed(feed(ids, prompt, total, /*compared=*/true, logits)))
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

Json Verification::describe(const LayerError &error) const {
  Json layer = {{"entry", error.entry},
                {"layer", error.layer},
                {"relative_error", error.relative()},
                {"cosine", error.deviation.cosine()},
                {"largest_expected", error.deviation.largestExpected}};
  if (error.fromFloat)
    layer["from_float"] = {{"relative_error", error.fromFloat->rootMeanSquare()},
                           {"cosine", error.fromFloat->cosine()}};
  return layer;
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
  const LayerError *worst = errors->worst(), *bad = errors->firstBeyond(tolerance);
  if (!worst)
    return diagnostics.inputError(options.bundle + ": expected layers to compare, found none");
  auto named = [](const LayerError &error) { return error.entry + " " + error.layer; };
  auto cost = [](const CacheError &error) { return error.deviation.rootMeanSquare(); };
  auto cache =
      std::max_element(cacheErrors.begin(), cacheErrors.end(),
                       [&](const CacheError &a, const CacheError &b) { return cost(a) < cost(b); });
  bool hasCaches = cache != cacheErrors.end();
  double cacheTolerance = std::max(kCacheTolerance, options.tolerance.value_or(0));
  bool badCache = hasCaches && !(cost(*cache) <= cacheTolerance);
  if (options.json) {
    Json layers = Json::array();
    for (const LayerError &error : errors->all())
      layers.push_back(describe(error));
    Json summary;
    summary["ok"] = bad == nullptr && !badCache;
    summary["recipe"] = recipe.name;
    summary["emulator"] = emulation.command();
    summary["tolerance"] = tolerance;
    if (graphs)
      summary["onnx"] = graphs->asJson();
    summary["layers"] = std::move(layers);
    summary["worst"] = {{"layer", named(*worst)}, {"relative_error", worst->relative()}};
    summary["first_bad"] = bad ? Json(named(*bad)) : Json();
    if (hasCaches)
      summary["quantized_cache"] = {{"layers", cacheErrors.size()},
                                    {"tolerance", cacheTolerance},
                                    {"worst", {{"layer", cache->layer}, {"error", cost(*cache)}}}};
    if (logitErrors.rows > 0) {
      summary["logits"] = {{"rows", logitErrors.rows},
                           {"mean_divergence", logitErrors.mean()},
                           {"largest_divergence", logitErrors.largest},
                           {"same_likeliest", logitErrors.agreeing}};
      summary["answer"] = {{"tokens", answerTokens}, {"first_diverging", Json()}};
      if (firstDiverging)
        summary["answer"]["first_diverging"] = {
            {"token", *firstDiverging}, {"expected", expectedToken}, {"found", foundToken}};
    }
    out << summary.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    if (std::string command = emulation.command(); !command.empty())
      out << "run by " << command << '\n';
    if (graphs)
      graphs->print(out);
    out << llvm::formatv("{0,-8} {1,8} {2,8}{3}  {4}\n", "entry", "error", "cosine",
                         hasRecipe ? "  from float: error   cosine" : "", "layer");
    for (const LayerError &error : errors->all()) {
      out << llvm::formatv("{0,-8} {1:e2} {2:f6}", error.entry, error.relative(),
                           error.deviation.cosine());
      if (hasRecipe && error.fromFloat)
        out << llvm::formatv("           {0:e2} {1:f6}", error.fromFloat->rootMeanSquare(),
                             error.fromFloat->cosine());
      else if (hasRecipe)
        out << std::string(28, ' ');
      out << "  " << error.layer << '\n';
    }
    out << llvm::formatv("{0} layers; worst: {1} ({2:e2})\n", errors->all().size(), named(*worst),
                         worst->relative());
    if (hasCaches)
      out << llvm::formatv("a quantized cache costs the result of attention at most {0:e2} ({1})\n",
                           cost(*cache), cache->layer);
    if (logitErrors.rows > 0) {
      out << llvm::formatv(
          "logits of {0} tokens against the float model: KL divergence {1:e2} nats "
          "in the mean, {2:e2} at most; the same likeliest token for {3}\n",
          logitErrors.rows, logitErrors.mean(), logitErrors.largest, logitErrors.agreeing);
      if (firstDiverging)
        out << llvm::formatv("answer of {0} tokens: token {1} is the first one that differs, "
                             "expected {2}, found {3}\n",
                             answerTokens, *firstDiverging, expectedToken, foundToken);
      else
        out << llvm::formatv("answer of {0} tokens: the same\n", answerTokens);
    }
  }
  if (!bad && badCache)
    return diagnostics.inputError(
        llvm::formatv("{0}: expected a quantized cache to cost at most {1:e1} of the result's root "
                      "mean square, found {2:e2}: its keys or values have lost what they say",
                      cache->layer, cacheTolerance, cost(*cache))
            .str());
  if (!bad)
    return success();
  return diagnostics.inputError(
      llvm::formatv("{0}: expected a relative error of at most {1:e1}, found {2:e2}; this is the "
                    "first bad layer, the worst is {3} ({4:e2})",
                    named(*bad), tolerance, bad->relative(), named(*worst), worst->relative())
          .str());
}
