// What the commands' options share: checks, texts, and options that several of them have.
#ifndef BLUEC_COMPILER_TOOLS_BLUEC_COMMANDLINE_H
#define BLUEC_COMPILER_TOOLS_BLUEC_COMMANDLINE_H

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace bluec::tools {

/// Prints `error: <message>` and returns the exit code of a wrong command line.
int usageError(const std::string &message);

/// Accepts numbers from `least` to `most`; what is not a number (nan) is none of them.
CLI::Validator between(double least, double most);

/// "2.2GB", "512MiB" or "1000" in bytes; nothing when it is none of these.
std::optional<int64_t> parseBytes(const std::string &text);

/// The help of an option that takes a target and whose default is the host; `what` begins it.
std::string targetHelp(const std::string &what);
/// The help of an option that takes a machine description; `what` begins it.
std::string machineHelp(const std::string &what);
/// The same of a recipe.
std::string recipeHelp();

/// --threads.
void addThreadsOption(CLI::App &command, int &threads);

/// What `compile` and `schedule` ask in the same words: sizes, and places for the plan.
class PlanOptions {
public:
  /// Where the options' values go.
  struct Places {
    std::optional<int64_t> &context, &chunk;
    int64_t &imageBatch; // tiles; 0: auto
    std::string &report, &trace;
  };

  /// `imageBatchHelp` says what "auto" is.
  void add(CLI::App &command, const Places &places, const std::string &imageBatchHelp);
  /// Checks what was given; an exit code.
  int parse(const Places &places) const;

private:
  std::optional<std::string> imageBatch;
};

} // namespace bluec::tools

#endif // BLUEC_COMPILER_TOOLS_BLUEC_COMMANDLINE_H
