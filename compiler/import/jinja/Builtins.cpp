#include "compiler/import/jinja/Builtins.h"

#include "compiler/import/jinja/CodePoints.h"
#include "compiler/import/jinja/Operators.h"
#include "compiler/import/jinja/ValueText.h"

#include <algorithm>
#include <charconv>

using namespace bluec::jinja;

//===------------------------------------------------------------------------------------------===//
// Calls
//===------------------------------------------------------------------------------------------===//

Call::Call(const Builtin &builtin, const char *sort, const Value &self, Arguments given,
           Budget &budget)
    : budget(budget), self(self), name(sort + (" '" + std::string(builtin.name) + "'")),
      arguments(std::move(given)) {
  budget.spend();
  if (builtin.parameters != "*")
    bind(builtin);
}

void Call::bind(const Builtin &builtin) {
  std::string_view rest = builtin.parameters;
  const bool isByPlaceOnly = rest.starts_with('/');
  rest.remove_prefix(isByPlaceOnly);
  std::vector<std::string_view> parameters;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    if (end > 0)
      parameters.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (arguments.positional.size() > parameters.size())
    fail(name + ": expected at most " + std::to_string(parameters.size()) + " arguments, found " +
         std::to_string(arguments.positional.size()));
  places.assign(parameters.size(), nullptr);
  for (size_t i = 0; i < arguments.positional.size(); ++i)
    places[i] = &arguments.positional[i];
  for (const auto &[given, value] : arguments.named) {
    const auto found = std::find(parameters.begin(), parameters.end(), given);
    const auto place = static_cast<size_t>(found - parameters.begin());
    if (isByPlaceOnly || found == parameters.end() || places[place])
      fail(name + ": expected no argument '" + given + "', found one");
    places[place] = &value;
  }
  for (size_t i = 0; i < builtin.required; ++i)
    if (!places[i])
      fail(name + ": expected an argument '" + std::string(parameters[i]) + "', found none");
}

const Value &Call::at(size_t place) const {
  static const Value absent;
  return places[place] ? *places[place] : absent;
}

int64_t Call::whole(size_t place, int64_t absent) const {
  if (!has(place) || at(place).isNone())
    return absent;
  if (!at(place).whole())
    failExpected("a whole number for " + name, at(place));
  return *at(place).whole();
}

bool Call::truth(size_t place, bool absent) const {
  return has(place) ? at(place).isTrue() : absent;
}

bool Call::flag(size_t place) const {
  if (has(place) && !at(place).whole())
    failExpected("true or false for " + name, at(place));
  return at(place).isTrue();
}

const std::string &Call::text(size_t place) const {
  if (!at(place).text())
    failExpected("a str for " + name, at(place));
  return at(place).text()->bytes;
}

const Text &Call::selfText() const {
  if (!self.text())
    failExpected("a str for " + name, self);
  return *self.text();
}

int Call::depth() const {
  int depth = self.depth();
  for (const Value &value : arguments.positional)
    depth = std::max(depth, value.depth());
  for (const auto &[given, value] : arguments.named)
    depth = std::max(depth, value.depth());
  return depth;
}

std::string Call::selfStr() const { return strOf(self, budget); }

Value bluec::jinja::callFilter(const Builtin &filter, const Value &value, Arguments arguments,
                               Budget &budget) {
  Call call(filter, "filter", value, std::move(arguments), budget);
  return filter.function(call);
}

bool bluec::jinja::callTest(const Builtin &test, const Value &value, Arguments arguments,
                            Budget &budget) {
  Call call(test, "test", value, std::move(arguments), budget);
  return test.function(call).isTrue();
}

Value bluec::jinja::valueAtPath(const Value &value, const Value &path, Budget &budget) {
  if (path.isNone())
    return value;
  if (!path.text())
    return itemOf(value, path, budget);
  Value result = value;
  budget.spendText(path.text()->bytes.size());
  std::string_view rest = path.text()->bytes;
  while (true) {
    const size_t end = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, end);
    int64_t number = 0;
    const auto read = std::from_chars(part.data(), part.data() + part.size(), number);
    const bool isNumber =
        read.ec == std::errc() && read.ptr == part.data() + part.size() && part[0] != '-';
    result = itemOf(result, isNumber ? Value(number) : Value(part), budget);
    if (end == rest.size())
      return result;
    rest.remove_prefix(end + 1);
  }
}

//===------------------------------------------------------------------------------------------===//
// Tests
//===------------------------------------------------------------------------------------------===//

static Value isOfKind(const Call &call, Kind kind) { return call.self.is(kind); }

static Value isRemainder(const Call &call, const Value &divisor, int64_t rest) {
  const Value found = applyOperator(Operator::Mod, call.self, divisor, call.budget);
  return equals(found, Value(rest), call.budget);
}

template <Comparison op> static Value compares(Call &call) {
  return applyComparison(op, call.self, call.at(0), call.budget);
}

static Value isSequence(Call &call) {
  const Value &self = call.self;
  return self.isUndefined() || self.text() || self.sequence() || self.dictionary() || self.range();
}

static Value isIterable(Call &call) {
  const Value &self = call.self;
  return !self.isNone() && !self.real() && !self.is(Kind::Namespace) && !self.is(Kind::Callable);
}

/// As `is` in Python, where it does not depend on which equal objects are one.
static Value isSame(Call &call) {
  const Value &a = call.self, &b = call.at(0);
  if (a.is(Kind::Float) || a.is(Kind::String) || a.is(Kind::Int) || a.is(Kind::Tuple))
    if (a.kind() == b.kind() && !a.isSameObject(b) && equals(a, b, call.budget))
      fail("expected objects for test 'sameas' that Python tells apart for sure, found equal " +
           std::string(a.typeName()));
  if (a.isNone() || a.is(Kind::Bool))
    return a.kind() == b.kind() && equals(a, b, call.budget);
  return a.isSameObject(b);
}

// clang-format off
static const Builtin kTests[] = {
  {"boolean",     "",      0, [](Call &c) { return isOfKind(c, Kind::Bool); }},
  {"callable",    "",      0, [](Call &c) -> Value { return c.self.isUndefined() || c.self.callable() || c.self.loop(); }},
  {"defined",     "",      0, [](Call &c) -> Value { return !c.self.isUndefined(); }},
  {"divisibleby", "num",   1, [](Call &c) { return isRemainder(c, c.at(0), 0); }},
  {"escaped",     "",      0, [](Call &c) -> Value { return c.selfIsSafe(); }},
  {"even",        "",      0, [](Call &c) { return isRemainder(c, Value(2), 0); }},
  {"false",       "",      0, [](Call &c) -> Value { return c.self.is(Kind::Bool) && !c.self.isTrue(); }},
  {"filter",      "",      0, [](Call &c) -> Value { return c.self.text() && findFilter(c.self.text()->bytes); }},
  {"float",       "",      0, [](Call &c) { return isOfKind(c, Kind::Float); }},
  {"integer",     "",      0, [](Call &c) { return isOfKind(c, Kind::Int); }},
  {"iterable",    "",      0, isIterable},
  {"lower",       "",      0, [](Call &c) -> Value { return isLowerCase(c.selfStr()); }},
  {"mapping",     "",      0, [](Call &c) { return isOfKind(c, Kind::Dict); }},
  {"none",        "",      0, [](Call &c) { return isOfKind(c, Kind::None); }},
  {"number",      "",      0, [](Call &c) -> Value { return c.self.real().has_value(); }},
  {"odd",         "",      0, [](Call &c) { return isRemainder(c, Value(2), 1); }},
  {"sameas",      "other", 1, isSame},
  {"sequence",    "",      0, isSequence},
  {"string",      "",      0, [](Call &c) { return isOfKind(c, Kind::String); }},
  {"test",        "",      0, [](Call &c) -> Value { return c.self.text() && findTest(c.self.text()->bytes); }},
  {"true",        "",      0, [](Call &c) -> Value { return c.self.is(Kind::Bool) && c.self.isTrue(); }},
  {"undefined",   "",      0, [](Call &c) -> Value { return c.self.isUndefined(); }},
  {"upper",       "",      0, [](Call &c) -> Value { return isUpperCase(c.selfStr()); }},
  {"in",          "seq",   1, compares<Comparison::In>},
  {"==",          "/b",    1, compares<Comparison::Eq>},
  {"eq",          "/b",    1, compares<Comparison::Eq>},
  {"equalto",     "/b",    1, compares<Comparison::Eq>},
  {"!=",          "/b",    1, compares<Comparison::Ne>},
  {"ne",          "/b",    1, compares<Comparison::Ne>},
  {">",           "/b",    1, compares<Comparison::Gt>},
  {"gt",          "/b",    1, compares<Comparison::Gt>},
  {"greaterthan", "/b",    1, compares<Comparison::Gt>},
  {">=",          "/b",    1, compares<Comparison::Ge>},
  {"ge",          "/b",    1, compares<Comparison::Ge>},
  {"<",           "/b",    1, compares<Comparison::Lt>},
  {"lt",          "/b",    1, compares<Comparison::Lt>},
  {"lessthan",    "/b",    1, compares<Comparison::Lt>},
  {"<=",          "/b",    1, compares<Comparison::Le>},
  {"le",          "/b",    1, compares<Comparison::Le>},
};
// clang-format on

static const Builtin *findIn(std::span<const Builtin> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Builtin &one) { return one.name == name; });
  return found == table.end() ? nullptr : &*found;
}

const Builtin *bluec::jinja::findTest(std::string_view name) { return findIn(kTests, name); }

const Builtin *bluec::jinja::findFilter(std::string_view name) {
  for (std::span<const Builtin> table : {textFilters(), numberFilters(), sequenceFilters()})
    if (const Builtin *found = findIn(table, name))
      return found;
  return nullptr;
}
