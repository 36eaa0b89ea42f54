#include "compiler/import/jinja/Globals.h"

#include "compiler/import/jinja/ValueText.h"

#include <algorithm>

using namespace bluec::jinja;

/// As transformers has it, which keeps Python's internals out of reach so.
void bluec::jinja::checkAttributeName(std::string_view name) {
  if (name.starts_with('_'))
    fail("expected a namespace's attribute without an underscore in front, found '" +
         std::string(name) + "'");
}

/// As Python's dict(): from a dict or from pairs, then from arguments with names.
static Dictionary makeMembers(const Arguments &arguments, Budget &budget) {
  Dictionary result;
  if (arguments.positional.size() > 1)
    fail("expected at most 1 argument for a dict, found " +
         std::to_string(arguments.positional.size()));
  if (arguments.positional.size() == 1) {
    const Value &from = arguments.positional[0];
    requireDefined(from);
    if (const Dictionary *dictionary = from.dictionary()) {
      budget.spend(dictionary->members().size());
      result = *dictionary;
    } else {
      const std::shared_ptr<Iterator> pairs = iterate(from, budget);
      while (const std::optional<Value> pair = pairs->next()) {
        const std::vector<Value> parts = valuesOf(*pair, budget);
        if (parts.size() != 2)
          fail("expected pairs for a dict, found " + std::to_string(parts.size()) + " values");
        result.set(parts[0], parts[1], budget);
      }
    }
  }
  for (const auto &[name, value] : arguments.named)
    result.set(Value(name), value, budget);
  return result;
}

static Value makeNamespace(const Arguments &arguments, Keeper &keeper, Budget &budget) {
  auto result = std::make_shared<Namespace>();
  const Value members = makeDict(makeMembers(arguments, budget), budget);
  for (const auto &[name, value] : members.dictionary()->members()) {
    if (!name.text())
      failExpected("a str for a namespace's attribute", name);
    checkAttributeName(name.text()->bytes);
    result->members.emplace_back(name.text()->bytes, value);
  }
  keeper.keep(result);
  return result;
}

static Value makeRange(const Arguments &arguments) {
  constexpr int64_t kMostValues = 100'000; // as Jinja's sandbox has it
  std::vector<int64_t> bounds;
  for (const Value &value : arguments.positional) {
    if (!value.whole())
      failExpected("a whole number for 'range'", value);
    bounds.push_back(*value.whole());
  }
  if (bounds.empty() || bounds.size() > 3 || !arguments.named.empty())
    fail("expected 1 to 3 arguments for 'range', found " + std::to_string(bounds.size()));
  Range range{0, bounds[0], 1};
  if (bounds.size() > 1) {
    range.start = bounds[0];
    range.stop = bounds[1];
  }
  if (bounds.size() > 2)
    range.step = bounds[2];
  if (range.step == 0)
    fail("expected a step of 'range' other than 0, found 0");
  // In 128 bits: what is too long may not have a size of 64.
  const __int128 span = __int128(range.stop) - range.start;
  if ((span < 0) == (range.step < 0) && span / range.step > kMostValues)
    fail("expected at most " + std::to_string(kMostValues) + " values of 'range', found more");
  if (range.size() > kMostValues)
    fail("expected at most " + std::to_string(kMostValues) + " values of 'range', found more");
  return range;
}

/// The single argument of a function, which may be given by its name.
static const Value &onlyArgument(const Arguments &arguments, const char *function,
                                 const char *parameter) {
  if (arguments.positional.size() == 1 && arguments.named.empty())
    return arguments.positional[0];
  if (arguments.positional.empty() && arguments.named.size() == 1 &&
      arguments.named[0].first == parameter)
    return arguments.named[0].second;
  fail("expected 1 argument for '" + std::string(function) + "', found another number");
}

std::optional<Value> bluec::jinja::globalOf(std::string_view name, const RenderOptions &options,
                                            Keeper &keeper, Budget &budget) {
  if (name == "namespace")
    return Callable{"namespace", [&keeper, &budget](Arguments &arguments) {
                      return makeNamespace(arguments, keeper, budget);
                    }};
  if (name == "range")
    return Callable{"range", [](Arguments &arguments) { return makeRange(arguments); }};
  if (name == "dict")
    return Callable{"dict", [&budget](Arguments &arguments) {
                      return makeDict(makeMembers(arguments, budget), budget);
                    }};
  if (name == "raise_exception")
    return Callable{"raise_exception", [&budget](Arguments &arguments) -> Value {
                      fail("the template raises '" +
                           strOf(onlyArgument(arguments, "raise_exception", "message"), budget) +
                           "'");
                    }};
  if (name == "strftime_now" && options.strftimeNow)
    return Callable{"strftime_now", [&options, &budget](Arguments &arguments) {
                      const Value &format = onlyArgument(arguments, "strftime_now", "format");
                      if (!format.text())
                        failExpected("a str for 'strftime_now'", format);
                      return makeText(options.strftimeNow(format.text()->bytes), budget);
                    }};
  if (name == "cycler" || name == "joiner" || name == "lipsum")
    return Callable{std::string(name), [name = std::string(name)](Arguments &) -> Value {
                      fail("expected a function that bluec evaluates, found '" + name + "'");
                    }};
  return std::nullopt;
}
