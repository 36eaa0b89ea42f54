// bluec-run: the `run` and `inspect` commands without anything of the compiler.
#include "cli/InspectCommand.h"
#include "cli/RunCommand.h"

#include <charconv>
#include <cstring>
#include <iostream>
#include <string_view>

namespace {

using namespace bluec::runtime;

constexpr const char *usage =
    "usage: bluec-run BUNDLE --prompt TEXT [--image FILE]... [--max-new-tokens N]\n"
    "                 [--temperature T] [--top-p P] [--seed S] [--threads N] [--json]\n"
    "                 [--dump-logits FILE]\n"
    "       bluec-run --inspect BUNDLE [--json]\n";

int wrong(const std::string &message) {
  std::cerr << "bluec-run: " << message << '\n' << usage;
  return ExitCommandLine;
}

template <typename Number> bool parse(std::string_view text, Number &out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// Reads the value of option `name` into `options`; false when there is no such option, or when the
// value is not one for it (`valid`).
bool readValue(std::string_view name, const std::string &value, RunOptions &options, bool &valid) {
  if (name == "--prompt")
    options.prompt = value;
  else if (name == "--image")
    options.images.push_back(value);
  else if (name == "--dump-logits")
    options.dumpLogits = value;
  else if (name == "--max-new-tokens")
    valid = parse(value, options.maxNewTokens) && options.maxNewTokens >= 0;
  else if (name == "--temperature")
    valid = parse(value, options.temperature);
  else if (name == "--top-p")
    valid = parse(value, options.topP);
  else if (name == "--seed")
    valid = parse(value, options.seed);
  else if (name == "--threads")
    valid = parse(value, options.threads) && options.threads >= 0;
  else
    return false;
  return true;
}

} // namespace

int main(int count, char **arguments) {
  RunOptions options;
  bool inspect = false, prompted = false;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--help") {
      std::cout << usage;
      return ExitDone;
    }
    if (argument == "--json") {
      options.json = true;
    } else if (argument == "--inspect") {
      inspect = true;
    } else if (argument.starts_with("--")) {
      bool valid = true;
      const std::string value = i + 1 < count ? arguments[i + 1] : "";
      if (!readValue(argument, value, options, valid))
        return wrong("there is no option " + argument);
      if (++i >= count || !valid)
        return wrong(argument + ": expected a value, found '" + value + "'");
      prompted |= argument == "--prompt";
    } else if (options.bundle.empty()) {
      options.bundle = argument;
    } else {
      return wrong("expected one bundle, found also '" + argument + "'");
    }
  }
  if (options.bundle.empty())
    return wrong("expected a bundle");
  if (inspect)
    return inspectCommand({options.bundle, options.json}, std::cout, std::cerr);
  if (!prompted)
    return wrong("expected --prompt");
  return runCommand(options, std::cout, std::cerr);
}
