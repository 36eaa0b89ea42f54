#include "compiler/driver/calibrate/CompileModel.h"
#include "compiler/driver/compile/Compilation.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Process.h"

#include <charconv>
#include <cmath>
#include <map>
#include <memory>

using namespace bluec;
using namespace bluec::tools;

namespace {

struct CompileArguments {
  CompileOptions options;
  std::vector<std::string> targets;
  std::vector<std::string> rest; // MLIR's
  PlanOptions plan{options.context, options.chunk,  options.imageBatch,
                   options.rewind,  options.report, options.trace};
};

runtime::Status readEmit(std::string_view text, Emit &emit) {
  static const std::map<std::string_view, Emit> emits = {
      {"bundle", Emit::Bundle}, {"obj", Emit::Object}, {"exe", Emit::Executable},
      {"cpp", Emit::Cpp},       {"mlir", Emit::Mlir},  {"llvm", Emit::Llvm}};
  auto found = emits.find(text);
  if (found == emits.end())
    return unexpected("bundle, exe, cpp, obj, mlir or llvm", text);
  emit = found->second;
  return {};
}

runtime::Status readPhase(std::string_view text, std::optional<Phase> &phase) {
  phase = parsePhase(text);
  if (!phase)
    return unexpected("the name of a phase", text);
  return {};
}

/// "2.2GB", "512MiB" or "1000" in bytes.
runtime::Status readBytes(std::string_view text, int64_t &bytes) {
  static const std::map<std::string_view, double> units = {
      {"", 1},     {"B", 1},        {"KB", 1e3},        {"MB", 1e6},
      {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  double number = 0;
  const char *last = text.data() + text.size();
  auto [end, code] = std::from_chars(text.data(), last, number);
  auto unit = units.find(std::string_view(end, last));
  constexpr double kMost = 1e15;
  if (code != std::errc() || unit == units.end() || !(number > 0) || number * unit->second > kMost)
    return unexpected("a size such as 2.2GB", text);
  bytes = std::llround(number * unit->second);
  return {};
}

std::string phaseHelp() {
  std::string text = "Stop behind a phase and write no output:";
  for (const PhaseInfo &info : allPhases())
    text += "\n  " + info.name.str() + ": " + info.help.str();
  return text;
}

/// --mlir-print-ir-after=..., --mlir-timing and the like go to MLIR.
int parseInstrumentation(const std::vector<std::string> &rest) {
  std::vector<const char *> arguments = {"bluec"};
  for (const std::string &argument : rest) {
    if (argument.rfind("--mlir-", 0) != 0)
      return usageError("compile: the following argument was not expected: " + argument);
    arguments.push_back(argument.c_str());
  }
  std::string why;
  llvm::raw_string_ostream stream(why);
  if (!llvm::cl::ParseCommandLineOptions(static_cast<int>(arguments.size()), arguments.data(), "",
                                         &stream))
    return usageError(llvm::StringRef(why).split('\n').first.split(".  Try").first.str());
  return exitDone;
}

int runCompile(CompileArguments &arguments) {
  CompileOptions &options = arguments.options;
  if (int code = arguments.plan.check())
    return code;
  if (int code = parseInstrumentation(arguments.rest))
    return code;
  options.progress = llvm::sys::Process::StandardErrIsDisplayed();
  int code = compileModel(options, arguments.targets, llvm::outs(), llvm::errs());
  if (code == exitDone && options.stopAfter && !options.output.empty())
    llvm::errs() << "note: -o: nothing is written with --stop-after\n";
  return code;
}

} // namespace

Command bluec::tools::compileCommand() {
  auto arguments = std::make_shared<CompileArguments>();
  CompileOptions &options = arguments->options;
  constexpr int kMostJobs = 1024;
  constexpr int64_t kMostImageTokens = int64_t{1} << 31;
  constexpr double kMostNats = 1e3;
  runtime::OptionTable table{
      "compile",
      "Compile a model directory (ONNX graphs, configuration, tokenizer) into a bundle.",
      {}};
  table.options = {
      {.name = "model", .target = &options.model, .help = "The model directory", .required = true},
      variantOption(options.variant),
      imageSizeOption(options.imageSize),
      {.name = "--output",
       .target = &options.output,
       .help = "Where the bundle goes (a file for --emit mlir and llvm)",
       .shortName = "-o"},
      {.name = "--target",
       .target = &arguments->targets,
       .help = targetHelp("What to compile for") +
               "; may be given more than once: the output is then a directory with a folder for "
               "each, and the model is read once"},
      {.name = "--device",
       .target = &options.devices,
       .help = "NAME=TARGET: a device of --machine that is compiled for another target than "
               "--target; may be given more than once"},
      {.name = "--recipe", .target = &options.recipe, .help = recipeHelp()},
      {.name = "--calibration",
       .target = &options.calibration,
       .help = "Directory with prompts.txt, a question a line (pictures in front, with tabs); "
               "for recipes with gptq or static, and to measure what the recipe costs"},
      {.name = "--accuracy-budget",
       .target = &options.accuracyBudget,
       .help = "Fail when the mean KL divergence from the float model's answers to the "
               "calibration set is above this, in nats a token",
       .real = {0, kMostNats}},
      {.name = "--emit",
       .target = [&options](std::string_view text) { return readEmit(text, options.emit); },
       .help = "bundle, exe (a static program with its weights beside it), cpp (a folder of C++17 "
               "source, with the runtime's beside it), obj, mlir or llvm",
       .excludes = {"--stop-after"}}};
  arguments->plan.add(table,
                      "what --machine is predicted to be fastest with, over all grids of the "
                      "model's pictures");
  table.options.insert(
      table.options.end(),
      {{.name = "--max-image-tokens",
        .target = &options.maxImageTokens,
        .help = "Image tokens that a picture may have: larger grids give way, then the thumbnail "
                "(what the model's preprocessor says)",
        .whole = {1, kMostImageTokens}},
       {.name = "--machine",
        .target = &options.machine,
        .help = machineHelp("Machine description that steps are placed and batches chosen by")},
       {.name = "--memory-budget",
        .target =
            [&options](std::string_view text) { return readBytes(text, options.memoryBudget); },
        .help = "Fail when the predicted peak is above this, such as 2.2GB"},
       {.name = "--stop-after",
        .target = [&options](std::string_view text) { return readPhase(text, options.stopAfter); },
        .help = phaseHelp()},
       {.name = "--dump-phases-to",
        .target = &options.dumpPhasesTo,
        .help = "Write what each phase made to a numbered file in this directory"},
       {.name = "--jobs",
        .target = &options.jobs,
        .help = "Threads (one for each CPU)",
        .whole = {1, kMostJobs}},
       {.name = "--print-pipelines",
        .target = &options.printPipelines,
        .help = "Print the passes of each phase, as bluec-opt takes them with --pass-pipeline"},
       {.name = "--strict",
        .target = &options.strict,
        .help = "Fail where a warning would be: what the model asks for and does not get"},
       {.name = "--json",
        .target = &options.json,
        .help = "Print a summary as JSON",
        .excludes = {"--print-pipelines"}}});
  return {table, [arguments] { return runCompile(*arguments); },
          "MLIR's --mlir-print-ir-after=PASS, --mlir-print-ir-after-all, --mlir-timing and "
          "their like are taken too.",
          &arguments->rest};
}
