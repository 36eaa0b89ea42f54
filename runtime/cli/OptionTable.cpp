#include "cli/OptionTable.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iomanip>
#include <ostream>
#include <type_traits>
#include <utility>

namespace bluec::runtime {
namespace {

std::string rangeText(const Range<std::int64_t> &range) {
  return "from " + std::to_string(range.least) + " to " + std::to_string(range.most);
}

std::string rangeText(const Range<double> &range) {
  char text[64];
  std::snprintf(text, sizeof text, "from %g to %g", range.least, range.most);
  return text;
}

template <typename Number>
Status readNumber(const Option &option, std::string_view text, Number &out) {
  constexpr bool kIsWhole = std::is_integral_v<Number>;
  Number found = 0;
  const char *last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, found);
  bool inside = false;
  std::string range;
  if constexpr (kIsWhole) {
    inside = std::cmp_greater_equal(found, option.whole.least) &&
             std::cmp_less_equal(found, option.whole.most);
    range = rangeText(option.whole);
  } else { // what is no number (nan) is in no range
    inside = found >= Number(option.real.least) && found <= Number(option.real.most);
    range = rangeText(option.real);
  }
  if (error != std::errc() || end != last || !inside)
    return {Code::InvalidArgument, (kIsWhole ? "expected a whole number " : "expected a number ") +
                                       range + ", found " + inQuotes(text)};
  out = found;
  return {};
}

template <typename Number>
Status readNumber(const Option &option, std::string_view text, std::optional<Number> &out) {
  return readNumber(option, text, out.emplace());
}

// Which option an argument names: its index, or the table's size.
std::size_t find(const OptionTable &table, std::string_view name) {
  const auto found =
      std::find_if(table.options.begin(), table.options.end(), [&](const Option &option) {
        return name == option.name || (option.shortName && name == option.shortName);
      });
  return std::size_t(found - table.options.begin());
}

// Whether a word can only be an option. A negative number can be a value.
bool isOption(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9');
}

Status fault(std::string_view where, const std::string &what) {
  return {Code::InvalidArgument, std::string(where) + what};
}

} // namespace

std::string Option::valueHelp() const {
  if (isFlag())
    return "";
  if (std::holds_alternative<Reader>(target) || std::holds_alternative<std::string *>(target) ||
      isMany())
    return "TEXT";
  const bool isReal = std::holds_alternative<float *>(target) ||
                      std::holds_alternative<double *>(target) ||
                      std::holds_alternative<std::optional<double> *>(target);
  const bool isList = std::holds_alternative<std::vector<std::int64_t> *>(target);
  if (isReal)
    return "FLOAT " + rangeText(real);
  return (isList ? "INT,... " : "INT ") + rangeText(whole);
}

Status readOption(const Option &option, std::string_view value) {
  return std::visit(
      [&](const auto &target) -> Status {
        using Target = std::decay_t<decltype(target)>;
        if constexpr (std::is_same_v<Target, bool *>) {
          *target = !std::string_view(option.name).starts_with("--no-");
        } else if constexpr (std::is_same_v<Target, std::string *>) {
          *target = value;
        } else if constexpr (std::is_same_v<Target, std::vector<std::string> *>) {
          target->emplace_back(value);
        } else if constexpr (std::is_same_v<Target, Option::Reader>) {
          return target(value);
        } else if constexpr (std::is_same_v<Target, std::vector<std::int64_t> *>) {
          target->clear();
          for (std::string_view rest = value;;) {
            const std::size_t comma = rest.find(',');
            BLUEC_RETURN_IF_ERROR(
                readNumber(option, rest.substr(0, comma), target->emplace_back()));
            if (comma == rest.npos)
              return {};
            rest.remove_prefix(comma + 1);
          }
        } else {
          return readNumber(option, value, *target);
        }
        return {};
      },
      option.target);
}

Status readArguments(const OptionTable &table, std::span<const std::string_view> arguments) {
  const std::vector<Option> &options = table.options;
  std::vector<int> given(options.size(), 0);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view name = arguments[i], value;
    std::size_t at = 0;
    if (isOption(name)) {
      const std::size_t equals = name.find('=');
      const bool joined = equals != name.npos;
      if (joined) {
        value = name.substr(equals + 1);
        name = name.substr(0, equals);
      }
      at = find(table, name);
      if (at == options.size() || (joined && options[at].isFlag()))
        return fault("", "there is no option " + inQuotes(arguments[i]));
      if (!joined && !options[at].isFlag()) {
        if (++i == arguments.size())
          return fault(name, ": expected a value, found none");
        value = arguments[i];
      }
    } else {
      while (at != options.size() &&
             !(options[at].isPlace() && (given[at] == 0 || options[at].isMany())))
        ++at;
      if (at == options.size())
        return fault("", "there is no place for " + inQuotes(name));
      value = name;
    }
    const Option &option = options[at];
    if (++given[at] > 1 && !option.isFlag() && !option.isMany())
      return fault(option.name, ": expected once, found again");
    if (const Status status = readOption(option, value); !status.ok())
      return fault(option.name, ": " + status.message());
  }
  for (std::size_t at = 0; at < options.size(); ++at) {
    const Option &option = options[at];
    if (option.required && given[at] == 0)
      return fault(option.name, ": expected, found none");
    if (given[at] == 0)
      continue;
    if (option.needs && given[find(table, option.needs)] == 0)
      return fault(option.name, std::string(": expected only with ") + option.needs);
    for (const char *other : option.excludes)
      if (given[find(table, other)] != 0)
        return fault(option.name, std::string(": expected not with ") + other);
  }
  return {};
}

void printOptions(const OptionTable &table, std::ostream &out) {
  constexpr int kColumn = 26;
  for (const Option &option : table.options) {
    const std::string names = option.shortName ? std::string(option.shortName) + ", " : "";
    const std::string left = names + option.name + " " + option.valueHelp();
    out << "  " << std::left << std::setw(kColumn) << left;
    if (left.size() >= kColumn)
      out << '\n' << std::string(kColumn + 2, ' ');
    out << option.help << (option.required ? " (required)" : "") << '\n';
  }
}

} // namespace bluec::runtime
