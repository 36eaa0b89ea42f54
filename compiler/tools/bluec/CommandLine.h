// What the commands' options share: texts, and options that several of them have.
#ifndef BLUEC_COMPILER_TOOLS_BLUEC_COMMANDLINE_H
#define BLUEC_COMPILER_TOOLS_BLUEC_COMMANDLINE_H

#include "compiler/import/PictureConfig.h"
#include "runtime/cli/OptionTable.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bluec::tools {

/// Prints `error: <message>` and returns the exit code of a wrong command line.
int usageError(const std::string &message);

/// "expected <what>, found '<text>'", as a reader of an option's value fails.
runtime::Status unexpected(const std::string &what, std::string_view text);

/// The help of an option that takes a target and whose default is the host; `what` begins it.
std::string targetHelp(const std::string &what);
/// The help of an option that takes a machine description; `what` begins it.
std::string machineHelp(const std::string &what);
/// The same of a recipe.
std::string recipeHelp();

/// --variant: which of a package's graphs are meant (PackagePlace::variant).
runtime::Option variantOption(std::string &variant);
/// --image-size: what every picture gets (PackagePlace::imageSize).
runtime::Option imageSizeOption(std::optional<ImageSize> &size);
/// --threads.
runtime::Option threadsOption(int &threads);

/// What `compile` and `schedule` ask in the same words: sizes, and places for the plan.
struct PlanOptions {
  std::optional<int64_t> &context, &chunk;
  int64_t &imageBatch; // tiles; 0: auto
  int64_t &rewind;     // tokens
  std::string &report, &trace;

  /// `imageBatchHelp` says what "auto" is.
  void add(runtime::OptionTable &table, const std::string &imageBatchHelp) const;
  /// Checks what was given; an exit code.
  int check() const;
};

} // namespace bluec::tools

#endif // BLUEC_COMPILER_TOOLS_BLUEC_COMMANDLINE_H
