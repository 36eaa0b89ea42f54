#include "compiler/pipeline/Verification.h"

#include "compiler/pipeline/Geometry.h"
#include "compiler/pipeline/LayerErrors.h"
#include "compiler/pipeline/ModelPackage.h"
#include "compiler/pipeline/PassRunner.h"
#include "compiler/pipeline/Pipelines.h"
#include "compiler/pipeline/Registration.h"
#include "compiler/pipeline/WeightsFile.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "runtime/core/Bundle.h"
#include "runtime/core/Session.h"
#include "targets/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <random>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

using TensorPtr = std::shared_ptr<const Tensor>;

/// Tokens that are fed one by one behind the prompt.
constexpr int64_t decodedTokens = 3;

class Verification {
public:
  Verification(const VerifyOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err)
      : options(options), out(out), diagnostics(err), errors(values), random(options.seed) {}

  int run();

private:
  LogicalResult open();
  LogicalResult import();
  LogicalResult compareModel();
  LogicalResult verifyVision();
  LogicalResult verifyLanguage();
  LogicalResult checked(const runtime::Status &status);
  FailureOr<TensorPtr> evaluate(func::FuncOp function, SmallVector<TensorPtr> inputs);
  /// One call; every step's output is compared. `output` may be null.
  LogicalResult call(const bluec_entry &entry, int64_t count, int64_t position, int64_t firstRow,
                     const void *input, void *output);
  func::FuncOp part(StringRef role);
  float uniform(float least, float most);
  int conclude();

  const VerifyOptions &options;
  llvm::raw_ostream &out;
  Diagnostics diagnostics;
  std::unique_ptr<runtime::Bundle> bundle;
  std::unique_ptr<runtime::Session> session;
  std::unique_ptr<MLIRContext> context;
  std::unique_ptr<Diagnostics::Scope> handler;
  std::unique_ptr<PassRunner> passes;
  OwningOpRef<ModuleOp> module;
  ModelPackage package;
  std::unique_ptr<WeightReader> weights;
  ReferenceValues values;
  LayerErrors errors;
  std::mt19937_64 random;
  int exitCode = exitInput;
};

} // namespace

int bluec::verify(const VerifyOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err) {
  return Verification(options, out, err).run();
}

int Verification::run() {
  if (failed(open()) || failed(import()) || failed(compareModel()) || failed(verifyVision()) ||
      failed(verifyLanguage()))
    return exitCode;
  return conclude();
}

LogicalResult Verification::checked(const runtime::Status &status) {
  if (status.ok())
    return success();
  if (status.getCode() == runtime::Code::Internal)
    exitCode = exitInternal;
  return diagnostics.error(status.message());
}

LogicalResult Verification::open() {
  runtime::OpenOptions how;
  how.threads = options.threads;
  auto opened = runtime::Bundle::open(options.bundle, how);
  if (!opened.ok())
    return checked(opened.status());
  bundle = std::move(*opened);
  auto made = runtime::Session::create(*bundle);
  if (!made.ok())
    return checked(made.status());
  session = std::move(*made);
  return success();
}

LogicalResult Verification::import() {
  if (!llvm::sys::fs::is_directory(options.reference))
    return diagnostics.error(options.reference + ": expected a model directory, found none");
  DialectRegistry registry;
  registerAllDialects(registry);
  context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  handler = std::make_unique<Diagnostics::Scope>(*context, diagnostics);
  passes = std::make_unique<PassRunner>();
  weights = std::make_unique<WeightReader>(options.reference);
  module = ModuleOp::create(UnknownLoc::get(context.get()));
  if (failed(readPackage(options.reference, *module, package, diagnostics)))
    return failure();
  auto modelPasses = [&](OpPassManager &to) {
    buildModelPipeline(to, options.reference, bundle->manifest().context);
  };
  if (failed(passes->run(*module, "import", buildImportPipeline)))
    return failure();
  return passes->run(*module, "model", modelPasses);
}

/// Schedules the reference with the bundle's own sizes: geometry and weights have to be the same.
LogicalResult Verification::compareModel() {
  const runtime::Manifest &manifest = bundle->manifest();
  std::string why;
  const targets::Target *target = targets::allTargets().find(manifest.targetName, why);
  if (!target)
    return diagnostics.error(options.bundle + ": " + why);
  OwningOpRef<ModuleOp> plan = module->clone();
  (*plan)->setAttr(plan::kTargetAttr, target->facts(context.get()));
  ScheduleOptions sizes;
  sizes.context = manifest.context;
  sizes.chunk = std::max<int64_t>(manifest.chunk, 1);
  sizes.imageBatch = std::max<int64_t>(manifest.imageBatch, 1);
  auto schedulePasses = [&](OpPassManager &to) { buildSchedulePipeline(to, sizes); };
  if (failed(passes->run(*plan, "schedule", schedulePasses)) ||
      failed(digestWeights(*plan, *weights)) ||
      failed(passes->run(*plan, "placement", buildPlacementPipeline)))
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
      return diagnostics.error(options.bundle + ": " + size.name + ": expected " +
                               Twine(size.expected) + " as in the reference, found " +
                               Twine(size.found));
  std::span<const uint8_t> bytes = bundle->weights();
  return compareWeights(*plan, *weights, {bytes.data(), bytes.size()});
}

//===------------------------------------------------------------------------------------------===//
// Running
//===------------------------------------------------------------------------------------------===//

func::FuncOp Verification::part(StringRef role) {
  for (auto function : module->getOps<func::FuncOp>())
    if (auto attr = function->getAttrOfType<StringAttr>(blue::kRoleAttr); attr && attr == role)
      return function;
  return {};
}

float Verification::uniform(float least, float most) {
  constexpr int bits = 24; // of a float's significand
  float unit = static_cast<float>(random() >> (64 - bits)) / static_cast<float>(1 << bits);
  return least + (most - least) * unit;
}

FailureOr<TensorPtr> Verification::evaluate(func::FuncOp function, SmallVector<TensorPtr> inputs) {
  blue::LayerNames names(function);
  reference::GraphEvaluation how;
  how.evaluators = &reference::blueEvaluators();
  how.weights = weights.get();
  how.onResults = [&](Operation *op, ArrayRef<TensorPtr> results) {
    bool layer = isa<blue::BlueDialect>(op->getDialect()) &&
                 !isa<blue::WeightOp, blue::ConstantOp>(op) && !results.empty();
    if (layer)
      values[names.of(op)] = results[0];
  };
  FailureOr<SmallVector<TensorPtr>> results = reference::evaluateFunction(function, inputs, how);
  if (failed(results))
    return failure();
  return (*results)[0];
}

LogicalResult Verification::call(const bluec_entry &entry, int64_t count, int64_t position,
                                 int64_t firstRow, const void *input, void *output) {
  std::string mismatch;
  auto compare = [&](int64_t, const bluec_step &step, const void *made) {
    return errors.add(entry, step, made, count, firstRow, mismatch);
  };
  runtime::Status status =
      session->runEntry(entry, count, position, {&input, 1}, {&output, 1}, compare);
  if (!mismatch.empty())
    return diagnostics.error(mismatch);
  return checked(status);
}

LogicalResult Verification::verifyVision() {
  func::FuncOp vision = part("vision");
  if (!vision)
    return success();
  const bluec_model &model = bundle->model();
  constexpr int64_t channels = 3;
  int64_t tileElements = channels * model.tile_height * model.tile_width;
  Tensor pixels = Tensor::zeros(reference::ElementType::F32,
                                {options.tiles, channels, model.tile_height, model.tile_width});
  for (float &pixel : pixels.f32)
    pixel = uniform(-1, 1);
  auto shared = std::make_shared<const Tensor>(std::move(pixels));
  if (failed(evaluate(vision, {shared})))
    return failure();
  for (const bluec_entry *entry : bundle->entriesOf(BLUEC_ENTRY_ENCODE))
    for (int64_t done = 0; done < options.tiles;) {
      int64_t count = std::min(options.tiles - done, entry->capacity);
      if (failed(call(*entry, count, 0, done, shared->f32.data() + done * tileElements, nullptr)))
        return failure();
      done += count;
    }
  return success();
}

LogicalResult Verification::verifyLanguage() {
  func::FuncOp embed = part("embed"), decoder = part("decoder");
  if (!embed || !decoder)
    return success();
  for (bluec_entry_kind kind : {BLUEC_ENTRY_EMBED, BLUEC_ENTRY_PREFILL, BLUEC_ENTRY_DECODE})
    if (bundle->entriesOf(kind).empty())
      return diagnostics.error(options.bundle +
                               ": expected entry points for text as the reference has, found none");
  const bluec_model &model = bundle->model();
  const bluec_entry *embedEntry = bundle->entriesOf(BLUEC_ENTRY_EMBED).front();
  const bluec_entry *prefill = bundle->entriesOf(BLUEC_ENTRY_PREFILL).front();
  const bluec_entry *decode = bundle->entriesOf(BLUEC_ENTRY_DECODE).front();
  int64_t prompt =
      options.tokens > 0 ? options.tokens : prefill->capacity + prefill->capacity / 2 + 1;
  prompt = std::max<int64_t>(1, std::min(prompt, model.context - decodedTokens));
  int64_t total = std::min(prompt + decodedTokens, model.context);

  // The reference sees the whole sequence in one pass.
  std::vector<int32_t> ids;
  Tensor idTensor = Tensor::zeros(reference::ElementType::I64, {total});
  for (int64_t &id : idTensor.i64) {
    id = static_cast<int64_t>(random() % static_cast<uint64_t>(model.vocabulary));
    ids.push_back(static_cast<int32_t>(id));
  }
  FailureOr<TensorPtr> embeddings =
      evaluate(embed, {std::make_shared<const Tensor>(std::move(idTensor))});
  if (failed(embeddings))
    return failure();
  SmallVector<TensorPtr> inputs{*embeddings};
  for (Type type : decoder.getArgumentTypes().drop_front()) {
    if (type.isIndex()) {
      inputs.push_back(std::make_shared<const Tensor>(Tensor::ints({}, {0})));
      continue;
    }
    int64_t width = cast<RankedTensorType>(type).getShape().back();
    inputs.push_back(
        std::make_shared<const Tensor>(Tensor::zeros(reference::ElementType::F32, {0, width})));
  }
  if (failed(evaluate(decoder, inputs)))
    return failure();

  std::vector<float> chunk(static_cast<size_t>(prefill->capacity * model.hidden));
  for (int64_t done = 0; done < prompt;) {
    int64_t count = std::min({prompt - done, prefill->capacity, embedEntry->capacity});
    if (failed(call(*embedEntry, count, 0, done, ids.data() + done, chunk.data())) ||
        failed(call(*prefill, count, done, done, chunk.data(), nullptr)))
      return failure();
    done += count;
  }
  for (int64_t done = prompt; done < total; ++done)
    if (failed(call(*decode, 1, done, done, ids.data() + done, nullptr)))
      return failure();
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Reporting
//===------------------------------------------------------------------------------------------===//

int Verification::conclude() {
  const LayerError *worst = errors.worst(), *bad = errors.firstBeyond(options.tolerance);
  if (!worst) {
    (void)diagnostics.error(options.bundle + ": expected layers to compare, found none");
    return exitInput;
  }
  auto named = [](const LayerError &error) { return error.entry + " " + error.layer; };
  if (options.json) {
    Json layers = Json::array();
    for (const LayerError &error : errors.all())
      layers.push_back({{"entry", error.entry},
                        {"layer", error.layer},
                        {"relative_error", error.relative()},
                        {"largest_expected", error.largestExpected}});
    Json summary;
    summary["ok"] = bad == nullptr;
    summary["tolerance"] = options.tolerance;
    summary["layers"] = std::move(layers);
    summary["worst"] = {{"layer", named(*worst)}, {"relative_error", worst->relative()}};
    summary["first_bad"] = bad ? Json(named(*bad)) : Json();
    out << summary.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    for (const LayerError &error : errors.all())
      out << llvm::formatv("{0,-8} {1:e2}  {2}\n", error.entry, error.relative(), error.layer);
    out << llvm::formatv("{0} layers; worst: {1} ({2:e2})\n", errors.all().size(), named(*worst),
                         worst->relative());
  }
  if (!bad)
    return exitDone;
  (void)diagnostics.error(
      llvm::formatv("{0}: expected a relative error of at most {1:e1}, found {2:e2}; this is the "
                    "first bad layer, the worst is {3} ({4:e2})",
                    named(*bad), options.tolerance, bad->relative(), named(*worst),
                    worst->relative())
          .str());
  return exitInput;
}
