#include "compiler/driver/calibrate/Calibration.h"

#include "compiler/base/MappedFile.h"
#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/session/LookUp.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "passes/precision/quantize_model/QuantizeModel.h"
#include "targets/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bluec;
using reference::Tensor;

//===------------------------------------------------------------------------------------------===//
// The set
//===------------------------------------------------------------------------------------------===//

static constexpr uint64_t kLargestPrompts = uint64_t{16} << 20, largestPicture = uint64_t{64} << 20;
static constexpr size_t kMostQuestions = 10000;

/// The bytes of a file inside of the set, which may be hostile.
static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readInside(const std::string &directory, StringRef name, uint64_t largest) {
  llvm::Expected<std::string> path = resolveInside(directory, name);
  if (!path)
    return path.takeError();
  uint64_t size = 0;
  if (!llvm::sys::fs::is_regular_file(*path) || llvm::sys::fs::file_size(*path, size) ||
      size > largest)
    return llvm::createStringError("expected a file of at most " + Twine(largest >> 20) + " MiB");
  auto buffer = llvm::MemoryBuffer::getFile(*path);
  if (!buffer)
    return llvm::createStringError(buffer.getError().message());
  return std::move(*buffer);
}

static std::string withNewLines(StringRef text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    bool newLine = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == 'n';
    result += newLine ? '\n' : text[i];
    i += newLine;
  }
  return result;
}

llvm::Expected<std::vector<CalibrationQuestion>>
bluec::readCalibrationSet(const std::string &directory) {
  constexpr StringRef kFileName = "prompts.txt";
  std::string where = (directory + "/" + kFileName).str();
  auto text = readInside(directory, kFileName, kLargestPrompts);
  if (!text)
    return llvm::createStringError(where + ": " + llvm::toString(text.takeError()));
  std::vector<CalibrationQuestion> questions;
  int64_t number = 0;
  for (StringRef rest = (*text)->getBuffer(); !rest.empty();) {
    StringRef line;
    std::tie(line, rest) = rest.split('\n');
    line = line.rtrim('\r');
    ++number;
    if (line.trim().empty() || line.starts_with("#"))
      continue;
    std::string place = where + ": line " + std::to_string(number) + ": ";
    if (questions.size() == kMostQuestions)
      return llvm::createStringError(place + "expected at most " + Twine(kMostQuestions) +
                                     " questions, found more");
    auto *begin = reinterpret_cast<const llvm::UTF8 *>(line.begin());
    if (!llvm::isLegalUTF8String(&begin, reinterpret_cast<const llvm::UTF8 *>(line.end())))
      return llvm::createStringError(place + "expected UTF-8");
    SmallVector<StringRef> fields;
    line.split(fields, '\t');
    CalibrationQuestion question;
    question.text = withNewLines(fields.pop_back_val());
    if (StringRef(question.text).trim().empty())
      return llvm::createStringError(place + "expected a question behind the pictures, found none");
    for (StringRef name : fields) {
      // Said here, not when the float model has been compiled.
      auto picture = readInside(directory, name, largestPicture);
      if (!picture)
        return llvm::createStringError(place + "picture: " + llvm::toString(picture.takeError()));
      question.pictures.push_back(cantFail(resolveInside(directory, name)));
    }
    questions.push_back(std::move(question));
  }
  if (questions.empty())
    return llvm::createStringError(where + ": expected a question, found none");
  return questions;
}

//===------------------------------------------------------------------------------------------===//
// The float model
//===------------------------------------------------------------------------------------------===//

const targets::Target *Calibration::floatTarget(const targets::Target &target) {
  return target.runsInProcess() ? &target : targets::allTargets().baseline();
}

std::unique_ptr<Calibration> Calibration::create(const CompileOptions &like,
                                                 Diagnostics &diagnostics, llvm::raw_ostream &err) {
  if (!llvm::sys::fs::is_directory(like.calibration)) {
    (void)diagnostics.usageError("--calibration: expected a directory, found '" + like.calibration +
                                 "'");
    return nullptr;
  }
  std::unique_ptr<Calibration> result(new Calibration(diagnostics));
  return succeeded(result->prepare(like, err)) ? std::move(result) : nullptr;
}

LogicalResult Calibration::prepare(const CompileOptions &like, llvm::raw_ostream &err) {
  auto found = readCalibrationSet(like.calibration);
  if (!found)
    return diagnostics.report(found.takeError());
  questions = std::move(*found);

  SmallString<128> made;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("bluec-calibration", made))
    return diagnostics.inputError("temporary directory: " + code.message());
  scratch = std::string(made);
  CompileOptions options;
  options.model = like.model;
  options.variant = like.variant;
  options.imageSize = like.imageSize;
  options.output = scratch + "/float";
  options.recipe = "float";
  options.context = like.context;
  options.chunk = like.chunk;
  options.maxImageTokens = like.maxImageTokens;
  if (like.imageBatch > 0)
    options.imageBatch = like.imageBatch;
  options.jobs = like.jobs;
  const targets::Target *target = lookUpTarget(like.targetName(), diagnostics);
  if (!target)
    return failure();
  target = floatTarget(*target);
  if (!target)
    return diagnostics.usageError("--calibration: expected a target that runs on this machine, to "
                                  "put the questions to the float model, found none");
  options.target = target->name().str();
  if (failed(compile(options, diagnostics, llvm::nulls(), err)))
    return failure();

  auto opened = runtime::Bundle::open(options.output, {});
  if (!opened.ok())
    return diagnostics.internalError(opened.status().message());
  model = std::move(*opened);
  auto asked = runtime::Session::create(*model);
  if (!asked.ok())
    return diagnostics.internalError(asked.status().message());
  session = std::move(*asked);
  // Statistics count each row once: nothing is computed ahead, and perhaps again.
  session->setPrefillAhead(runtime::PrefillAhead::Off);
  return success();
}

Calibration::~Calibration() {
  session.reset();
  model.reset();
  if (!scratch.empty())
    llvm::sys::fs::remove_directories(scratch);
}

LogicalResult Calibration::report(const runtime::Status &status,
                                  const CalibrationQuestion &question) {
  if (status.ok())
    return success();
  StringRef text(question.text);
  constexpr size_t kShown = 40;
  bool isOurs = status.getCode() == runtime::Code::Internal;
  return diagnostics.error(isOurs ? Fault::Internal : Fault::Input,
                           "calibration: question '" + text.substr(0, kShown) +
                               (text.size() > kShown ? "...': " : "': ") + status.message());
}

LogicalResult Calibration::ask(runtime::Session &to, const runtime::Bundle &bundle,
                               const CalibrationQuestion &question, std::vector<int32_t> &tokens,
                               Logits &logits) {
  to.reset();
  for (const std::string &path : question.pictures) {
    auto file = llvm::MemoryBuffer::getFile(path);
    if (!file)
      return diagnostics.inputError(path + ": " + file.getError().message());
    auto bytes = std::span(reinterpret_cast<const uint8_t *>((*file)->getBufferStart()),
                           (*file)->getBufferSize());
    if (failed(report(to.addPictureFile(bytes), question)))
      return failure();
  }
  if (failed(report(to.addTurn(question.text), question)))
    return failure();
  bool choose = tokens.empty();
  std::vector<float> row(to.logits().begin(), to.logits().end());
  const std::vector<int32_t> &ends = bundle.manifest().endTokens;
  const bluec_entry &decode = bundle.decode();
  for (int64_t i = 0;; ++i) {
    logits.push_back(row);
    if (choose)
      tokens.push_back(static_cast<int32_t>(likeliest(row)));
    int32_t token = tokens[static_cast<size_t>(i)];
    bool last = choose ? i + 1 == kAnswerTokens || llvm::is_contained(ends, token) ||
                             to.position() + i == bundle.model().context
                       : i + 1 == static_cast<int64_t>(tokens.size());
    if (last)
      return success();
    void *output = row.data();
    int64_t position = to.position() + i;
    if (failed(report(to.runEntry(decode, 1, position,
                                  runtime::EntryInputs(decode, 1, position, &token), {&output, 1}),
                      question)))
      return failure();
  }
}

//===------------------------------------------------------------------------------------------===//
// Gathering
//===------------------------------------------------------------------------------------------===//

namespace {

/// A value that linear layers read.
struct Input {
  std::vector<blue::LinearOp> readers; // that a recipe wants something of
  std::shared_ptr<quantize::InputStatistics> statistics;
  bool isForGptq = false;
  float largest = 0;
  blue::TokenDownsampleOp gathering; // that makes the value of what was observed, or null

  LogicalResult add(const float *values, int64_t rows, int64_t width);
};

/// The rows that `op` makes of [tiles, tokens, channels]: no step has them.
FailureOr<Tensor> gathered(blue::TokenDownsampleOp op, const float *values, int64_t rows,
                           int64_t channels) {
  int64_t tokens = op.getX().getType().getShape()[1];
  Tensor x = Tensor::zeros(reference::ElementType::F32, {rows / tokens, tokens, channels});
  std::copy_n(values, x.f32.size(), x.f32.begin());
  auto evaluate = reference::blueEvaluators().find(op->getName().getStringRef())->second;
  FailureOr<SmallVector<Tensor>> results = evaluate(op, {&x}, {});
  if (failed(results))
    return failure();
  return std::move(results->front());
}

LogicalResult Input::add(const float *values, int64_t rows, int64_t width) {
  Tensor wide;
  if (gathering) {
    FailureOr<Tensor> made = gathered(gathering, values, rows, width);
    if (failed(made))
      return failure();
    wide = std::move(*made);
    values = wide.f32.data();
    width = wide.shape.back();
    rows = wide.numElements() / width;
  }
  for (int64_t i = 0; i < rows * width; ++i)
    largest = std::max(largest, std::abs(values[i]));
  if (statistics && statistics->size() == width)
    statistics->add(values, rows);
  return success();
}

/// The one whose rows are gathered so, or a new one.
Input &inputFor(std::vector<Input> &inputs, blue::TokenDownsampleOp gathering) {
  auto describe = [](blue::TokenDownsampleOp op) {
    return op ? op->getAttrDictionary() : DictionaryAttr();
  };
  for (Input &input : inputs)
    if (describe(input.gathering) == describe(gathering))
      return input;
  inputs.emplace_back().gathering = gathering;
  return inputs.back();
}

} // namespace

LogicalResult Calibration::gather(ModuleOp from, const Recipe &recipe,
                                  quantize::Statistics &statistics) {
  llvm::StringMap<std::vector<Input>> inputs; // by the layer whose values are observed
  for (auto function : from.getOps<func::FuncOp>()) {
    blue::LayerNames names(function);
    auto visit = [&](blue::LinearOp linear) -> LogicalResult {
      RecipeRule rule = recipe.resolve(names.of(linear), kindsOf(linear));
      bool gptq = rule.weights && rule.weights->method == blue::QuantizeMethod::Gptq &&
                  linear.getWeight().getDefiningOp<blue::WeightOp>();
      bool isStatic = rule.activations && rule.activations->isStatic;
      Operation *producer = linear.getX().getDefiningOp();
      auto gathering = dyn_cast_or_null<blue::TokenDownsampleOp>(producer);
      if (gathering)
        producer = gathering.getX().getDefiningOp();
      if (!gptq && !isStatic)
        return success();
      if (!producer || names.of(producer).empty())
        return linear.emitError() << names.of(linear)
                                  << ": expected an input that a layer computes, for calibration";
      Input &input = inputFor(inputs[names.of(producer)], gathering);
      input.readers.push_back(linear);
      input.isForGptq |= gptq;
      if (input.statistics || !input.isForGptq)
        return success();
      auto made = quantize::InputStatistics::create(
          cast<RankedTensorType>(linear.getX().getType()).getShape().back());
      if (!made)
        return diagnostics.report(made.takeError());
      input.statistics = std::move(*made);
      return success();
    };
    WalkResult walked = function.walk([&](blue::LinearOp linear) {
      return failed(visit(linear)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return failure();
  }

  LogicalResult result = success();
  session->observe([&](const bluec_entry &entry, int64_t count, const bluec_step &step,
                       const void *output) {
    auto found = inputs.find(step.output.name);
    if (found == inputs.end() || !output || step.output.dtype != BLUEC_F32 || step.output.rank == 0)
      return true;
    int64_t width = step.output.dims[step.output.rank - 1], rows = 1;
    for (uint32_t dim = 1; dim + 1 < step.output.rank; ++dim)
      rows *= step.output.dims[dim];
    // What a call computes for its last row only has one row, whatever the capacity.
    rows *= std::min<int64_t>(count, step.output.dims[0]);
    const float *values = static_cast<const float *>(output);
    for (Input &input : found->second)
      if (failed(input.add(values, rows, width))) {
        result = failure();
        return false;
      }
    return true;
  });
  for (const CalibrationQuestion &question : questions) {
    std::vector<int32_t> tokens;
    Logits logits;
    if (succeeded(result))
      result = ask(*session, *model, question, tokens, logits);
  }
  session->observe({});
  if (failed(result))
    return failure();

  OpBuilder builder(from.getContext());
  for (auto &[name, all] : inputs)
    for (Input &input : all)
      for (blue::LinearOp linear : input.readers) {
        if (input.largest > 0)
          linear->setAttr(kInputMaxAttr, builder.getF64FloatAttr(input.largest));
        auto weight = linear.getWeight().getDefiningOp<blue::WeightOp>();
        if (weight && input.statistics)
          statistics.set(weight.getSource(), input.statistics);
      }
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Comparing
//===------------------------------------------------------------------------------------------===//

FailureOr<LogitErrors> Calibration::compare(const runtime::Bundle &bundle) {
  auto made = runtime::Session::create(bundle);
  if (!made.ok())
    return diagnostics.report(made.status());
  LogitErrors errors;
  for (const CalibrationQuestion &question : questions) {
    std::vector<int32_t> tokens;
    Logits expected, found;
    if (failed(ask(*session, *model, question, tokens, expected)) ||
        failed(ask(**made, bundle, question, tokens, found)))
      return failure();
    for (auto [a, b] : llvm::zip_equal(expected, found))
      errors.add(a, b);
  }
  return errors;
}
