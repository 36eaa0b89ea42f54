#include "compiler/driver/predict/SchedulePrediction.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>

using namespace bluec;
using namespace bluec::tools;

/// "768x1536" in pixels.
static runtime::Status readImage(std::string_view text, int &width, int &height) {
  constexpr int kMostPixels = 16384; // a side, as pictures may have
  auto [first, second] = llvm::StringRef(text).split('x');
  if (!first.getAsInteger(10, width) && !second.getAsInteger(10, height) && width >= 1 &&
      width <= kMostPixels && height >= 1 && height <= kMostPixels)
    return {};
  return unexpected(
      "a size such as 768x1536, of 1 to " + std::to_string(kMostPixels) + " pixels a side", text);
}

Command bluec::tools::scheduleCommand() {
  auto shared = std::make_shared<ScheduleCommandOptions>();
  ScheduleCommandOptions &options = *shared;
  const PlanOptions plan{options.context, options.chunk,  options.imageBatch,
                         options.rewind,  options.report, options.trace};
  constexpr int64_t kMostTokens = int64_t{1} << 20;
  runtime::OptionTable table{
      "schedule", "Predict what runs when on which device of a machine, without compiling.", {}};
  table.options = {
      {.name = "model",
       .target = &options.model,
       .help = "The model directory; its configuration files are enough",
       .required = true},
      variantOption(options.variant),
      imageSizeOption(options.imageSize),
      {.name = "--machine",
       .target = &options.machine,
       .help = machineHelp("Machine description"),
       .required = true},
      {.name = "--target",
       .target = &options.target,
       .help = "Whose layouts weights and caches have (the machine's; see list-targets)"},
      {.name = "--recipe", .target = &options.recipe, .help = "Precision recipe, as for compile"},
      {.name = "--image",
       .target =
           [&options](std::string_view text) {
             return readImage(text, options.imageWidth, options.imageHeight);
           },
       .help = "Pixels of the picture (768x1536)"}};
  plan.add(table, "what this picture is predicted to be fastest with");
  table.options.insert(table.options.end(),
                       {{.name = "--tokens",
                         .target = &options.tokens,
                         .help = "Tokens of the prompt (the context)",
                         .whole = {1, kMostTokens}},
                        {.name = "--steps",
                         .target = &options.steps,
                         .help = "Tasks of single steps with --json, not of calls"},
                        {.name = "--json", .target = &options.json, .help = "Print it as JSON"}});
  return {table, [shared, plan] {
            if (int code = plan.check())
              return code;
            return predictSchedule(*shared, llvm::outs(), llvm::errs());
          }};
}
