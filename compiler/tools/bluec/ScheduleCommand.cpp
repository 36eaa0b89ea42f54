#include "compiler/driver/predict/SchedulePrediction.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>

using namespace bluec;
using namespace bluec::tools;

namespace {

struct ScheduleArguments {
  ScheduleCommandOptions options;
  PlanOptions plan;
  std::string image;

  PlanOptions::Places planPlaces() {
    return {options.context, options.chunk, options.imageBatch, options.report, options.trace};
  }
};

/// "768x1536" in pixels.
constexpr int kMostPixels = 16384; // a side, as pictures may have

bool parseImage(llvm::StringRef text, int &width, int &height) {
  auto [first, second] = text.split('x');
  return !first.getAsInteger(10, width) && !second.getAsInteger(10, height) && width >= 1 &&
         width <= kMostPixels && height >= 1 && height <= kMostPixels;
}

int runSchedule(ScheduleArguments &arguments, const CLI::App &command) {
  ScheduleCommandOptions &options = arguments.options;
  if (command.count("--image") &&
      !parseImage(arguments.image, options.imageWidth, options.imageHeight))
    return usageError("--image: expected a size such as 768x1536, of 1 to " +
                      std::to_string(kMostPixels) + " pixels a side, found '" + arguments.image +
                      "'");
  if (int code = arguments.plan.parse(arguments.planPlaces()))
    return code;
  return predictSchedule(options, llvm::outs(), llvm::errs());
}

} // namespace

void bluec::tools::addScheduleCommand(CLI::App &app, Chosen &chosen) {
  auto arguments = std::make_shared<ScheduleArguments>();
  ScheduleCommandOptions &options = arguments->options;
  CLI::App *command = app.add_subcommand(
      "schedule", "Predict what runs when on which device of a machine, without compiling.");
  constexpr int64_t kMostTokens = int64_t{1} << 20;
  command
      ->add_option("model", options.model,
                   "The model directory; its configuration files are enough")
      ->required();
  command->add_option("--machine", options.machine, machineHelp("Machine description"))->required();
  command->add_option("--target", options.target,
                      "Whose layouts weights and caches have (the machine's; see list-targets)");
  command->add_option("--recipe", options.recipe, "Precision recipe, as for compile");
  command->add_option("--image", arguments->image, "Pixels of the picture (768x1536)");
  arguments->plan.add(*command, arguments->planPlaces(),
                      "what this picture is predicted to be fastest with");
  command->add_option("--tokens", options.tokens, "Tokens of the prompt (the context)")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  command->add_flag("--steps", options.steps, "Tasks of single steps with --json, not of calls");
  command->add_flag("--json", options.json, "Print it as JSON");
  command->callback([arguments, command, &chosen] {
    chosen = [arguments, command] { return runSchedule(*arguments, *command); };
  });
}
