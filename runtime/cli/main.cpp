// bluec-run: the `run`, `chat`, `bench` and `inspect` commands without anything of the compiler.
#include "cli/BenchCommand.h"
#include "cli/ChatCommand.h"
#include "cli/InspectCommand.h"
#include "cli/RunCommand.h"

#include <iostream>
#include <span>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

using namespace bluec::runtime;

constexpr const char *kDefaultCommand = "run";

void printHelp(const OptionTable &table) {
  std::cout << "bluec-run ";
  if (table.command != std::string_view(kDefaultCommand))
    std::cout << "--" << table.command << ' ';
  std::cout << "[OPTIONS] bundle\n" << table.help << '\n';
  printOptions(table, std::cout);
}

// Reads the arguments into `options` and runs the command on them.
template <typename Options, typename Command>
int runWith(std::span<const std::string_view> arguments, Command command) {
  Options options;
  const OptionTable table = optionTable(options);
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
    printHelp(table);
    return ExitDone;
  }
  const Status status = readArguments(table, arguments);
  if (status.ok())
    return command(options);
  std::cerr << "error: " << status.message() << " (see bluec-run --help)\n";
  return ExitCommandLine;
}

} // namespace

// The first argument may say which command: --chat, --bench or --inspect.
int main(int count, char **words) {
  const std::vector<std::string_view> arguments(words + 1, words + count);
  const std::string_view first = arguments.empty() ? std::string_view() : arguments[0];
  const auto rest = std::span(arguments).subspan(arguments.empty() ? 0 : 1);
  if (first == "--inspect")
    return runWith<InspectOptions>(rest, [](const InspectOptions &options) {
      return inspectCommand(options, std::cout, std::cerr);
    });
  if (first == "--bench")
    return runWith<BenchOptions>(rest, [](const BenchOptions &options) {
      return benchCommand(options, std::cout, std::cerr);
    });
  if (first == "--chat")
    return runWith<ChatOptions>(rest, [](const ChatOptions &options) {
      return chatCommand(options, STDIN_FILENO, std::cout, std::cerr);
    });
  const int code = runWith<RunOptions>(arguments, [](const RunOptions &options) {
    return runCommand(options, std::cout, std::cerr);
  });
  if (first == "--help" || first == "-h")
    std::cout << "\nbluec-run --chat, --bench and --inspect have a --help of their own.\n";
  return code;
}
