#include "compiler/driver/calibrate/Calibration.h"
#include "compiler/driver/compile/Compilation.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Process.h"

#include <map>
#include <memory>

using namespace bluec;
using namespace bluec::tools;

namespace {

struct CompileArguments {
  CompileOptions options;
  PlanOptions plan;
  std::string emit = "bundle", stopAfter, budget;

  PlanOptions::Places planPlaces() {
    return {options.context, options.chunk, options.imageBatch, options.report, options.trace};
  }
};

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
    if (command.count("--emit"))
      return usageError("--emit: expected no --stop-after, which writes no output, found one");
  }
  if (command.count("--memory-budget")) {
    std::optional<int64_t> bytes = parseBytes(arguments.budget);
    if (!bytes)
      return usageError("--memory-budget: expected a size such as 2.2GB, found '" +
                        arguments.budget + "'");
    options.memoryBudget = *bytes;
  }
  if (int code = arguments.plan.parse(arguments.planPlaces()))
    return code;
  if (int code = parseInstrumentation(command.remaining()))
    return code;
  options.progress = llvm::sys::Process::StandardErrIsDisplayed();
  int code = compileModel(options, llvm::outs(), llvm::errs());
  if (code == exitDone && options.stopAfter && command.count("--output"))
    llvm::errs() << "note: -o: nothing is written with --stop-after\n";
  return code;
}

} // namespace

void bluec::tools::addCompileCommand(CLI::App &app, Chosen &chosen) {
  auto arguments = std::make_shared<CompileArguments>();
  CompileOptions &options = arguments->options;
  CLI::App *command = app.add_subcommand(
      "compile",
      "Compile a model directory (ONNX graphs, configuration, tokenizer) into a bundle.");
  constexpr int kMostJobs = 1024;
  command->add_option("model", options.model, "The model directory")->required();
  command->add_option("-o,--output", options.output,
                      "Where the bundle goes (a file for --emit mlir and llvm)");
  command->add_option("--target", options.target, targetHelp("What to compile for"));
  command
      ->add_option("--device", options.devices,
                   "NAME=TARGET: a device of --machine that is compiled for another target than "
                   "--target; may be given more than once")
      ->allow_extra_args(false);
  command->add_option("--recipe", options.recipe, recipeHelp());
  command->add_option(
      "--calibration", options.calibration,
      "Directory with prompts.txt, a question a line (pictures in front, with tabs); "
      "for recipes with gptq or static, and to measure what the recipe costs");
  command
      ->add_option("--accuracy-budget", options.accuracyBudget,
                   "Fail when the mean KL divergence from the float model's answers to the "
                   "calibration set is above this, in nats a token")
      ->check(between(0, 1e3));
  command->add_option("--emit", arguments->emit, "bundle, obj, mlir or llvm");
  arguments->plan.add(*command, arguments->planPlaces(),
                      "what --machine is predicted to be fastest with, over all grids of the "
                      "model's pictures");
  constexpr int64_t kMostImageTokens = int64_t{1} << 31;
  command
      ->add_option(
          "--max-image-tokens", options.maxImageTokens,
          "Image tokens that a picture may have: larger grids give way, then the thumbnail "
          "(what the model's preprocessor says)")
      ->check(CLI::Range(int64_t{1}, kMostImageTokens));
  command->add_option(
      "--machine", options.machine,
      machineHelp("Machine description that steps are placed and batches chosen by"));
  command->add_option("--memory-budget", arguments->budget,
                      "Fail when the predicted peak is above this, such as 2.2GB");
  command->add_option("--stop-after", arguments->stopAfter, phaseHelp());
  command->add_option("--dump-phases-to", options.dumpPhasesTo,
                      "Write what each phase made to a numbered file in this directory");
  command->add_option("--jobs", options.jobs, "Threads (one for each CPU)")
      ->check(CLI::Range(1, kMostJobs));
  CLI::Option *pipelines = command->add_flag(
      "--print-pipelines", options.printPipelines,
      "Print the passes of each phase, as bluec-opt takes them with --pass-pipeline");
  command->add_flag("--json", options.json, "Print a summary as JSON")->excludes(pipelines);
  command->allow_extras();
  command->footer("MLIR's --mlir-print-ir-after=PASS, --mlir-print-ir-after-all, --mlir-timing and "
                  "their like are taken too.");
  command->callback([arguments, command, &chosen] {
    chosen = [arguments, command] { return runCompile(*arguments, *command); };
  });
}
