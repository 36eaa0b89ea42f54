// The options of a command as data. `bluec-run` reads command lines by it, and `bluec` makes its
// CLI11 options of it, so that both take the same and say the same.
#ifndef BLUEC_RUNTIME_CLI_OPTIONTABLE_H
#define BLUEC_RUNTIME_CLI_OPTIONTABLE_H

#include "base/Status.h"

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bluec::runtime {

// Of numbers; both ends are legal.
template <typename Number> struct Range {
  Number least = 0, most = 0;
};

struct Option {
  // Reads a value that is none of the usual kinds; the message says "expected ..., found ...".
  using Reader = std::function<Status(std::string_view)>;
  // Where the value goes. A bool is a flag without a value; it becomes false when the option's name
  // begins with "--no-". Texts: the option may be given several times. Numbers: commas between.
  using Target = std::variant<bool *, int *, std::int64_t *, std::uint64_t *, float *, double *,
                              std::optional<std::int64_t> *, std::optional<double> *, std::string *,
                              std::vector<std::string> *, std::vector<std::int64_t> *, Reader>;

  const char *name; // "--threads"; without dashes: known by its place on the command line
  Target target;
  std::string help;
  Range<std::int64_t> whole = {}; // of a whole number, or of each in a list
  Range<double> real = {};        // of any other
  bool required = false;
  const char *needs = nullptr;             // only with this option
  std::vector<const char *> excludes = {}; // never with one of these
  const char *shortName = nullptr;         // "-o", the same

  bool isFlag() const { return std::holds_alternative<bool *>(target); }
  bool isPlace() const { return name[0] != '-'; }
  // Of how many values: one, any number of places or times.
  bool isMany() const { return std::holds_alternative<std::vector<std::string> *>(target); }
  // "INT from 1 to 16", "TEXT"; "" of a flag.
  std::string valueHelp() const;
};

struct OptionTable {
  const char *command; // "run"
  const char *help;    // one line
  std::vector<Option> options;
};

// Puts `value` where `option` says; a flag takes none. InvalidArgument: "expected a whole number
// from 1 to 16, found '0'", without the option's name.
Status readOption(const Option &option, std::string_view value);

// Reads the arguments after the command's name: "--name value" or "--name=value", places in order.
// InvalidArgument: one line that begins with the option's name, where one is at fault.
Status readArguments(const OptionTable &table, std::span<const std::string_view> arguments);

// The table's lines of a help text.
void printOptions(const OptionTable &table, std::ostream &out);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_OPTIONTABLE_H
