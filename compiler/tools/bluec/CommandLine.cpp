#include "compiler/tools/bluec/CommandLine.h"

#include "compiler/driver/session/Diagnostics.h"
#include "compiler/machine/Machine.h"
#include "compiler/recipe/Recipe.h"
#include "runtime/abi/BundleFormat.h"
#include "targets/interface/Target.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>

using namespace bluec;
using namespace bluec::tools;

static constexpr int64_t kMostTokens = int64_t{1} << 20;
static constexpr int kMostThreads = 1024;

int bluec::tools::usageError(const std::string &message) {
  std::string line = message;
  std::replace_if(line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
  std::cerr << "error: " << line << '\n';
  return exitUsage;
}

CLI::Validator bluec::tools::between(double least, double most) {
  std::ostringstream range;
  range << "from " << least << " to " << most;
  auto check = [=, text = range.str()](const std::string &value) -> std::string {
    double number = 0;
    if (CLI::detail::lexical_cast(value, number) && number >= least && number <= most)
      return {};
    return "expected a number " + text + ", found " + value;
  };
  return CLI::Validator(check, range.str());
}

std::optional<int64_t> bluec::tools::parseBytes(const std::string &text) {
  static const std::map<std::string, double> units = {
      {"", 1},     {"B", 1},        {"KB", 1e3},        {"MB", 1e6},
      {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  double number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  auto unit = units.find(std::string(end, text.data() + text.size()));
  constexpr double kMost = 1e15;
  if (code != std::errc() || unit == units.end() || !(number > 0) || number * unit->second > kMost)
    return std::nullopt;
  return static_cast<int64_t>(std::llround(number * unit->second));
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

void bluec::tools::addThreadsOption(CLI::App &command, int &threads) {
  command.add_option("--threads", threads, "Threads (one for each CPU)")
      ->check(CLI::Range(0, kMostThreads));
}

void PlanOptions::add(CLI::App &command, const Places &places, const std::string &imageBatchHelp) {
  command
      .add_option("--context", places.context,
                  "Tokens that a conversation may have (2048, or what the model has)")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  command
      .add_option("--chunk", places.chunk, "Tokens of a prompt that are computed at a time (128)")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  command.add_option("--image-batch", imageBatch,
                     "Tiles that are encoded at a time (4), or auto: " + imageBatchHelp);
  command.add_option("--report", places.report,
                     "Write a page about the plan: timeline, memory, steps, precision (HTML)");
  command.add_option("--trace", places.trace,
                     "Write the plan's timeline to a file that Perfetto opens (JSON)");
}

int PlanOptions::parse(const Places &places) const {
  int64_t &tiles = places.imageBatch;
  if (imageBatch == "auto")
    tiles = 0;
  else if (imageBatch && (llvm::StringRef(*imageBatch).getAsInteger(10, tiles) || tiles < 1 ||
                          tiles > runtime::kMostBatchTiles))
    return usageError("--image-batch: expected auto or 1 to " +
                      std::to_string(runtime::kMostBatchTiles) + " tiles, found '" + *imageBatch +
                      "'");
  if (!places.report.empty() && places.report == places.trace)
    return usageError("--trace: expected another file than --report's, found '" + places.trace +
                      "'");
  return exitDone;
}
