#include "cli/Program.h"

#include "cli/BenchCommand.h"
#include "cli/ChatCommand.h"
#include "cli/InspectCommand.h"
#include "cli/RunCommand.h"
#include "platform/MappedFile.h"

#include <fcntl.h>
#include <iostream>
#include <span>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace bluec::runtime {
namespace {

constexpr const char *kDefaultCommand = "run";

void printHelp(const Program &program, const OptionTable &table) {
  std::cout << program.name << ' ';
  if (table.command != std::string_view(kDefaultCommand))
    std::cout << "--" << table.command << ' ';
  std::cout << "[OPTIONS]" << (program.bundle.empty() ? " bundle\n" : "\n") << table.help << '\n';
  printOptions(table, std::cout);
}

// Reads the arguments into `options` and runs the command on them.
template <typename Options, typename Command>
int runWith(const Program &program, std::span<const std::string_view> arguments, Command command) {
  Options options;
  OptionTable table = optionTable(options);
  if (!program.bundle.empty()) {
    options.bundle = program.bundle;
    std::erase_if(table.options, [](const Option &option) { return option.isPlace(); });
  }
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
    printHelp(program, table);
    return ExitDone;
  }
  const Status status = readArguments(table, arguments);
  if (status.ok())
    return command(options);
  std::cerr << "error: " << status.message() << " (see " << program.name << " --help)\n";
  return ExitCommandLine;
}

} // namespace

int runProgram(const Program &program, int count, char **words) {
  openStandardFiles();
  const std::vector<std::string_view> arguments(words + 1, words + count);
  const std::string_view first = arguments.empty() ? std::string_view() : arguments[0];
  const auto rest = std::span(arguments).subspan(arguments.empty() ? 0 : 1);
  if (first == "--inspect")
    return runWith<InspectOptions>(program, rest, [](const InspectOptions &options) {
      return inspectCommand(options, std::cout, std::cerr);
    });
  if (first == "--bench")
    return runWith<BenchOptions>(program, rest, [](const BenchOptions &options) {
      return benchCommand(options, std::cout, std::cerr);
    });
  if (first == "--chat")
    return runWith<ChatOptions>(program, rest, [](const ChatOptions &options) {
      return chatCommand(options, STDIN_FILENO, std::cout, std::cerr);
    });
  const int code = runWith<RunOptions>(program, arguments, [](const RunOptions &options) {
    return runCommand(options, std::cout, std::cerr);
  });
  if (first == "--help" || first == "-h")
    std::cout << '\n'
              << program.name << " --chat, --bench and --inspect have a --help of their own.\n";
  return code;
}

void openStandardFiles() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(file, F_GETFD) < 0)
      (void)!::open("/dev/null", O_RDWR); // the least number that is free
}

std::string programDirectory() {
  const Result<std::string> file = resolvePath("/proc/self/exe");
  return file.ok() ? file->substr(0, file->rfind('/')) : std::string();
}

} // namespace bluec::runtime
