#include "compiler/driver/calibrate/Calibration.h"
#include "compiler/driver/compile/Compilation.h"
#include "compiler/machine/Machine.h"
#include "compiler/recipe/Recipe.h"
#include "compiler/tools/bluec/Commands.h"
#include "targets/interface/Target.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Process.h"

#include <charconv>
#include <cmath>
#include <map>
#include <memory>

using namespace bluec;
using namespace bluec::tools;

int64_t bluec::tools::parseBytes(const std::string &text) {
  static const std::map<std::string, double> units = {
      {"", 1},     {"B", 1},        {"KB", 1e3},        {"MB", 1e6},
      {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  double number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  auto unit = units.find(std::string(end, text.data() + text.size()));
  constexpr double most = 1e15;
  if (code != std::errc() || unit == units.end() || !(number > 0) || number * unit->second > most)
    return -1;
  return static_cast<int64_t>(std::llround(number * unit->second));
}

bool bluec::tools::parseImageBatch(const std::string &text, int64_t &tiles) {
  if (text == "auto") {
    tiles = 0;
    return true;
  }
  return !llvm::StringRef(text).getAsInteger(10, tiles) && tiles >= 1 && tiles <= kMostBatchTiles;
}

std::string bluec::tools::targetHelp(const std::string &what) {
  return what + " (see list-targets); host, the default, is the best that runs on this machine, " +
         "or what the environment variable " + targets::kHostVariable + " names, for tests";
}

std::string bluec::tools::machineHelp(const std::string &what) {
  std::string text = what + ", a file (see compiler/machine) or one of:";
  for (const ShippedMachine &shipped : shippedMachines()) {
    llvm::Expected<Machine> machine = Machine::load(shipped.name);
    text += std::string("\n  ") + shipped.name + ": " +
            (machine ? machine->description : llvm::toString(machine.takeError()));
  }
  return text;
}

namespace {

struct CompileArguments {
  CompileOptions options;
  int64_t context = 0, chunk = 0;
  std::string calibration, emit = "bundle", stopAfter, budget, imageBatch;
};

std::string phaseHelp() {
  std::string text = "Stop behind a phase and write no output:";
  for (const PhaseInfo &info : allPhases())
    text += "\n  " + info.name.str() + ": " + info.help.str();
  return text;
}

std::string recipeHelp() {
  std::string text = "Precision recipe, a file (see compiler/recipe) or one of:";
  for (const ShippedRecipe &shipped : shippedRecipes()) {
    llvm::Expected<Recipe> recipe = Recipe::load(shipped.name);
    text += std::string("\n  ") + shipped.name + ": " +
            (recipe ? recipe->description : llvm::toString(recipe.takeError()));
  }
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

int runCompile(CompileArguments &arguments, const CLI::App &command) {
  CompileOptions &options = arguments.options;
  static const std::map<std::string, Emit> emits = {
      {"bundle", Emit::Bundle}, {"obj", Emit::Object}, {"mlir", Emit::Mlir}, {"llvm", Emit::Llvm}};
  auto emit = emits.find(arguments.emit);
  if (emit == emits.end())
    return usageError((arguments.emit == "exe" || arguments.emit == "cpp"
                           ? "--emit: " + arguments.emit + " is not available yet, expected "
                           : "--emit: found '" + arguments.emit + "', expected ") +
                      "bundle, obj, mlir or llvm");
  options.emit = emit->second;
  if (!arguments.stopAfter.empty()) {
    options.stopAfter = parsePhase(arguments.stopAfter);
    if (!options.stopAfter)
      return usageError("--stop-after: expected the name of a phase, found '" +
                        arguments.stopAfter + "'");
  }
  if (command.count("--memory-budget")) {
    options.memoryBudget = parseBytes(arguments.budget);
    if (options.memoryBudget < 0)
      return usageError("--memory-budget: expected a size such as 2.2GB, found '" +
                        arguments.budget + "'");
  }
  if (!options.report.empty() && options.report == options.trace)
    return usageError("--trace: expected another file than --report's, found '" + options.trace +
                      "'");
  if (command.count("--context"))
    options.context = arguments.context;
  if (command.count("--chunk"))
    options.chunk = arguments.chunk;
  if (command.count("--image-batch") && !parseImageBatch(arguments.imageBatch, options.imageBatch))
    return usageError("--image-batch: expected auto or 1 to " + std::to_string(kMostBatchTiles) +
                      " tiles, found '" + arguments.imageBatch + "'");
  if (int code = parseInstrumentation(command.remaining()))
    return code;
  if (!arguments.calibration.empty())
    options.calibrate = calibrateOn(arguments.calibration);
  options.progress = llvm::sys::Process::StandardErrIsDisplayed();
  return compile(options, llvm::outs(), llvm::errs());
}

} // namespace

void bluec::tools::addCompileCommand(CLI::App &app, Chosen &chosen) {
  auto arguments = std::make_shared<CompileArguments>();
  CompileOptions &options = arguments->options;
  CLI::App *command = app.add_subcommand(
      "compile",
      "Compile a model directory (ONNX graphs, configuration, tokenizer) into a bundle.");
  constexpr int64_t mostTokens = int64_t{1} << 20;
  constexpr int mostJobs = 1024;
  command->add_option("model", options.model, "The model directory")->required();
  command->add_option("-o,--output", options.output,
                      "Where the bundle goes (a file for --emit mlir and llvm)");
  command->add_option("--target", options.target, targetHelp("What to compile for"));
  command->add_option("--recipe", options.recipe, recipeHelp());
  command->add_option(
      "--calibration", arguments->calibration,
      "Directory with prompts.txt, a question a line (pictures in front, with tabs); "
      "for recipes with gptq or static, and to measure what the recipe costs");
  command
      ->add_option("--accuracy-budget", options.accuracyBudget,
                   "Fail when the mean KL divergence from the float model's answers to the "
                   "calibration set is above this, in nats a token")
      ->check(between(0, 1e3));
  command->add_option("--emit", arguments->emit, "bundle, obj, mlir or llvm");
  command
      ->add_option("--context", arguments->context,
                   "Tokens that a conversation may have (2048, or what the model has)")
      ->check(CLI::Range(int64_t{1}, mostTokens));
  command
      ->add_option("--chunk", arguments->chunk,
                   "Tokens of a prompt that are computed at a time (128)")
      ->check(CLI::Range(int64_t{1}, mostTokens));
  constexpr int64_t mostImageTokens = int64_t{1} << 31;
  command
      ->add_option(
          "--max-image-tokens", options.maxImageTokens,
          "Image tokens that a picture may have: larger grids give way, then the thumbnail "
          "(what the model's preprocessor says)")
      ->check(CLI::Range(int64_t{1}, mostImageTokens));
  command->add_option("--image-batch", arguments->imageBatch,
                      "Tiles that are encoded at a time (4), or auto: what --machine is predicted "
                      "to be fastest with, over all grids of the model's pictures");
  command->add_option(
      "--machine", options.machine,
      machineHelp("Machine description that steps are placed and batches chosen by"));
  command->add_option("--memory-budget", arguments->budget,
                      "Fail when the predicted peak is above this, such as 2.2GB");
  command->add_option("--report", options.report,
                      "Write a page about the plan: timeline, memory, steps, precision (HTML)");
  command->add_option("--trace", options.trace,
                      "Write the plan's timeline to a file that Perfetto opens (JSON)");
  command->add_option("--stop-after", arguments->stopAfter, phaseHelp());
  command->add_option("--dump-phases-to", options.dumpPhasesTo,
                      "Write what each phase made to a numbered file in this directory");
  command->add_option("--jobs", options.jobs, "Threads (one for each CPU)")
      ->check(CLI::Range(1, mostJobs));
  command->add_flag("--json", options.json, "Print a summary as JSON");
  command->allow_extras();
  command->footer("MLIR's --mlir-print-ir-after=PASS, --mlir-print-ir-after-all, --mlir-timing and "
                  "their like are taken too.");
  command->callback([arguments, command, &chosen] {
    chosen = [arguments, command] { return runCompile(*arguments, *command); };
  });
}
