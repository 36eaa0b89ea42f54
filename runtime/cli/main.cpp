// bluec-run: the `run`, `chat`, `bench` and `inspect` commands without anything of the compiler.
#include "cli/BenchCommand.h"
#include "cli/ChatCommand.h"
#include "cli/InspectCommand.h"
#include "cli/RunCommand.h"

#include <charconv>
#include <cstring>
#include <iostream>
#include <string_view>
#include <unistd.h>

namespace {

using namespace bluec::runtime;

constexpr const char *usage =
    "usage: bluec-run BUNDLE --prompt TEXT [--image FILE]... [--max-new-tokens N]\n"
    "                 [--temperature T] [--top-p P] [--seed S] [--threads N] [--json]\n"
    "                 [--dump-logits FILE]\n"
    "       bluec-run --chat BUNDLE [--max-new-tokens N] [--temperature T] [--top-p P] [--seed S]\n"
    "                 [--threads N] [--json] [--no-prefill-ahead] [--prefill-while-encoding]\n"
    "                 [--no-decoupling] [--typing-rate CHARS] [--memory-log FILE]\n"
    "       bluec-run --bench BUNDLE [--prefill N,...] [--decode-at N,...] [--decode-tokens N]\n"
    "                 [--encode TILES] [--overlap] [--repeats N] [--threads N] [--steps] [--json]\n"
    "       bluec-run --inspect BUNDLE [--verify] [--json]\n";

int wrong(const std::string &message) {
  std::cerr << "bluec-run: " << message << '\n' << usage;
  return ExitCommandLine;
}

template <typename Number> bool parse(std::string_view text, Number &out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// "512,2048".
bool parseList(std::string_view text, std::vector<std::int64_t> &out) {
  out.clear();
  while (true) {
    const std::size_t comma = text.find(',');
    if (!parse(text.substr(0, comma), out.emplace_back()) || out.back() < 0)
      return false;
    if (comma == text.npos)
      return true;
    text.remove_prefix(comma + 1);
  }
}

template <typename Number> bool parseAtLeast(const std::string &text, Number least, Number &out) {
  return parse(text, out) && out >= least;
}

struct Arguments {
  RunOptions run;
  BenchOptions bench;
  ChatOptions chat;
  bool inspecting = false, verifying = false, benching = false, chatting = false, prompted = false;
};

// Reads the value of option `name`; false when there is no such option, or when the value is not
// one for it (`valid`).
bool readValue(std::string_view name, const std::string &value, Arguments &to, bool &valid) {
  RunOptions &options = to.run;
  BenchOptions &bench = to.bench;
  if (name == "--prompt")
    options.prompt = value;
  else if (name == "--image")
    options.images.push_back(value);
  else if (name == "--dump-logits")
    options.dumpLogits = value;
  else if (name == "--max-new-tokens")
    valid = parseAtLeast(value, std::int64_t(0), options.maxNewTokens);
  else if (name == "--temperature")
    valid = parse(value, options.temperature);
  else if (name == "--top-p")
    valid = parse(value, options.topP);
  else if (name == "--seed")
    valid = parse(value, options.seed);
  else if (name == "--threads")
    valid = parseAtLeast(value, 0, options.threads);
  else if (name == "--prefill")
    valid = parseList(value, bench.prefill);
  else if (name == "--decode-at")
    valid = parseList(value, bench.decodeAt);
  else if (name == "--decode-tokens")
    valid = parseAtLeast(value, std::int64_t(1), bench.decodeTokens);
  else if (name == "--encode")
    valid = parseAtLeast(value, std::int64_t(0), bench.encode);
  else if (name == "--typing-rate")
    valid = parseAtLeast(value, 0.0, to.chat.typingRate);
  else if (name == "--memory-log")
    to.chat.memoryLog = value;
  else if (name == "--repeats")
    valid = parseAtLeast(value, 1, bench.repeats);
  else
    return false;
  to.prompted |= name == "--prompt";
  return true;
}

} // namespace

int main(int count, char **arguments) {
  Arguments given;
  RunOptions &options = given.run;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--help") {
      std::cout << usage;
      return ExitDone;
    }
    if (argument == "--json") {
      options.json = true;
    } else if (argument == "--inspect") {
      given.inspecting = true;
    } else if (argument == "--verify") {
      given.verifying = true;
    } else if (argument == "--bench") {
      given.benching = true;
    } else if (argument == "--overlap") {
      given.bench.overlap = true;
    } else if (argument == "--steps") {
      given.bench.steps = true;
    } else if (argument == "--chat") {
      given.chatting = true;
    } else if (argument == "--no-prefill-ahead") {
      given.chat.prefillAhead = false;
    } else if (argument == "--prefill-while-encoding") {
      given.chat.prefillWhileEncoding = true;
    } else if (argument == "--no-decoupling") {
      given.chat.decoupled = false;
    } else if (argument.starts_with("--")) {
      bool valid = true;
      const std::string value = i + 1 < count ? arguments[i + 1] : "";
      if (!readValue(argument, value, given, valid))
        return wrong("there is no option " + argument);
      if (++i >= count || !valid)
        return wrong(argument + ": expected a value, found '" + value + "'");
    } else if (options.bundle.empty()) {
      options.bundle = argument;
    } else {
      return wrong("expected one bundle, found also '" + argument + "'");
    }
  }
  if (options.bundle.empty())
    return wrong("expected a bundle");
  if (given.inspecting)
    return inspectCommand({options.bundle, options.json, given.verifying}, std::cout, std::cerr);
  if (given.benching) {
    given.bench.bundle = options.bundle;
    given.bench.json = options.json;
    given.bench.threads = options.threads;
    return benchCommand(given.bench, std::cout, std::cerr);
  }
  if (given.chatting) {
    ChatOptions &chat = given.chat;
    chat.bundle = options.bundle;
    chat.maxNewTokens = options.maxNewTokens;
    chat.temperature = options.temperature;
    chat.topP = options.topP;
    chat.seed = options.seed;
    chat.threads = options.threads;
    chat.json = options.json;
    return chatCommand(chat, STDIN_FILENO, std::cout, std::cerr);
  }
  if (!given.prompted)
    return wrong("expected --prompt");
  return runCommand(options, std::cout, std::cerr);
}
