#include "compiler/tools/bluec/CommandLine.h"

#include "compiler/driver/session/Diagnostics.h"
#include "compiler/machine/Machine.h"
#include "compiler/recipe/Recipe.h"
#include "runtime/abi/BundleFormat.h"
#include "targets/interface/Target.h"

#include <algorithm>
#include <iostream>

using namespace bluec;
using namespace bluec::tools;

static constexpr int64_t kMostTokens = int64_t{1} << 20;
static constexpr int kMostThreads = 1024;
static constexpr int64_t kMostSidePixels = 1 << 14;

int bluec::tools::usageError(const std::string &message) {
  std::string line = message;
  std::replace_if(line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
  std::cerr << "error: " << line << '\n';
  return exitUsage;
}

runtime::Status bluec::tools::unexpected(const std::string &what, std::string_view text) {
  return {runtime::Code::InvalidArgument,
          "expected " + what + ", found " + runtime::inQuotes(text)};
}

template <typename Shipped, typename Load>
static std::string shippedHelp(std::string text, llvm::ArrayRef<Shipped> all, Load load) {
  for (const Shipped &shipped : all) {
    auto loaded = load(shipped.name);
    text += std::string("\n  ") + shipped.name + ": " +
            (loaded ? loaded->description : llvm::toString(loaded.takeError()));
  }
  return text;
}

std::string bluec::tools::targetHelp(const std::string &what) {
  return what + " (see list-targets); host, the default, is the best that runs on this machine, " +
         "or what the environment variable " + targets::kHostVariable + " names, for tests";
}

std::string bluec::tools::machineHelp(const std::string &what) {
  return shippedHelp(what + ", a file (see compiler/machine) or one of:", shippedMachines(),
                     Machine::load);
}

std::string bluec::tools::recipeHelp() {
  return shippedHelp("Precision recipe, a file (see compiler/recipe) or one of:", shippedRecipes(),
                     Recipe::load);
}

runtime::Option bluec::tools::variantOption(std::string &variant) {
  return {.name = "--variant",
          .target = &variant,
          .help = "Of graphs that are published in several precisions: fp16 for "
                  "decoder_model_merged_fp16.onnx"};
}

runtime::Option bluec::tools::imageSizeOption(std::optional<ImageSize> &size) {
  const auto read = [&size](std::string_view text) -> runtime::Status {
    auto [height, width] = llvm::StringRef(text).split('x');
    ImageSize found;
    auto isSide = [](llvm::StringRef side, int64_t &pixels) {
      return !side.getAsInteger(10, pixels) && pixels >= 1 && pixels <= kMostSidePixels;
    };
    if (!isSide(height, found.height) || !isSide(width, found.width))
      return unexpected("HEIGHTxWIDTH of 1 to " + std::to_string(kMostSidePixels) + " pixels each",
                        text);
    size = found;
    return {};
  };
  return {.name = "--image-size",
          .target = read,
          .help =
              "HEIGHTxWIDTH in pixels that every picture gets, of a model whose processor "
              "chooses a size for each (Qwen2VLImageProcessor); its encoder is compiled for it"};
}

runtime::Option bluec::tools::threadsOption(int &threads) {
  return {.name = "--threads",
          .target = &threads,
          .help = "Threads (one for each CPU)",
          .whole = {0, kMostThreads}};
}

void PlanOptions::add(runtime::OptionTable &table, const std::string &imageBatchHelp) const {
  const auto readImageBatch = [&tiles = imageBatch](std::string_view text) -> runtime::Status {
    if (text == "auto")
      tiles = 0;
    else if (llvm::StringRef(text).getAsInteger(10, tiles) || tiles < 1 ||
             tiles > runtime::kMostBatchTiles)
      return unexpected("auto or 1 to " + std::to_string(runtime::kMostBatchTiles) + " tiles",
                        text);
    return {};
  };
  table.options.insert(
      table.options.end(),
      {{.name = "--context",
        .target = &context,
        .help = "Tokens that a conversation may have (2048, or what the model has)",
        .whole = {1, kMostTokens}},
       {.name = "--chunk",
        .target = &chunk,
        .help = "Tokens of a prompt that are computed at a time (128)",
        .whole = {1, kMostTokens}},
       {.name = "--image-batch",
        .target = readImageBatch,
        .help = "Tiles that are encoded at a time (4), or auto: " + imageBatchHelp},
       {.name = "--rewind",
        .target = &rewind,
        .help = "Tokens that a conversation can go back without a prefill from its beginning, in "
                "models whose layers see a window and keep no more (512)",
        .whole = {0, kMostTokens}},
       {.name = "--report",
        .target = &report,
        .help = "Write a page about the plan: timeline, memory, steps, precision (HTML)"},
       {.name = "--trace",
        .target = &trace,
        .help = "Write the plan's timeline to a file that Perfetto opens (JSON)"}});
}

int PlanOptions::check() const {
  if (!report.empty() && report == trace)
    return usageError("--trace: expected another file than --report's, found '" + trace + "'");
  return exitDone;
}
