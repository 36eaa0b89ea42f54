// Filters on what can be iterated over, and default.
#include "compiler/import/jinja/Builtins.h"
#include "compiler/import/jinja/CodePoints.h"
#include "compiler/import/jinja/Operators.h"
#include "compiler/import/jinja/ValueText.h"

#include <algorithm>
#include <unordered_set>

using namespace bluec::jinja;

static Value defaulted(Call &call) {
  const Value absent = call.has(0) ? call.at(0) : Value("");
  const bool isAbsent = call.self.isUndefined() || (call.truth(1, false) && !call.self.isTrue());
  return isAbsent ? absent : call.self;
}

static Value length(Call &call) {
  const std::optional<size_t> length = call.self.length();
  if (!length)
    failExpected("something that has a length", call.self);
  return *length;
}

static Value first(Call &call) {
  std::optional<Value> found = iterate(call.self, call.budget)->next();
  return found ? *found : Value::undefined("first element of what is empty");
}

/// What Python's reversed() takes.
static void requireReversible(const Value &value) {
  if (!value.isUndefined() && !value.text() && !value.sequence() && !value.dictionary() &&
      !value.range() && !value.view())
    failExpected("something that can be read backwards", value);
}

static Value last(Call &call) {
  requireReversible(call.self);
  std::vector<Value> values = valuesOf(call.self, call.budget);
  return values.empty() ? Value::undefined("last element of what is empty") : values.back();
}

/// One by one.
static Value lazily(Call &call, std::vector<Value> values) {
  return makeIterator(
      call.depth() + 1, // some group their values
      [values = std::move(values), &budget = call.budget,
       i = size_t{0}]() mutable -> std::optional<Value> {
        if (i == values.size())
          return std::nullopt;
        budget.spend();
        return values[i++];
      },
      call.budget);
}

static Value reverse(Call &call) {
  if (call.self.text())
    return sliceOf(call.self, Value::none(), Value::none(), Value(-1), call.budget);
  std::vector<Value> values = valuesOf(call.self, call.budget);
  std::reverse(values.begin(), values.end());
  // Of what cannot be read backwards, Jinja makes a list.
  if (call.self.is(Kind::Iterator))
    return makeList(std::move(values), call.budget);
  return lazily(call, std::move(values));
}

static Value join(Call &call) {
  const std::string separator = call.has(0) ? strOf(call.at(0), call.budget) : "";
  const Value path = call.has(1) ? call.at(1) : Value::none();
  const std::shared_ptr<Iterator> values = iterate(call.self, call.budget);
  std::string result;
  GrowingText growth(call.budget);
  bool isFirst = true;
  while (const std::optional<Value> one = values->next()) {
    if (!isFirst)
      result += separator;
    isFirst = false;
    result += strOf(valueAtPath(*one, path, call.budget), call.budget);
    growth.reached(result.size());
  }
  return makeText(std::move(result), call.budget);
}

static Value list(Call &call) { return makeList(valuesOf(call.self, call.budget), call.budget); }

static Value items(Call &call) {
  if (call.self.isUndefined())
    return lazily(call, {});
  if (!call.self.dictionary())
    failExpected("a dict for filter 'items'", call.self);
  return lazily(call, valuesOf(View{call.self.sharedDictionary(), View::Part::Items}, call.budget));
}

//===------------------------------------------------------------------------------------------===//
// Order
//===------------------------------------------------------------------------------------------===//

static Value withoutCase(const Value &value, bool isCaseSensitive, Budget &budget) {
  if (isCaseSensitive || !value.text())
    return value;
  return makeText(lowerCase(value.text()->bytes), budget);
}

using Keyed = std::pair<Value, Value>; // what to compare, and the value

/// Stable; equal ones keep their order also when it is reversed.
static std::vector<Value> sorted(std::vector<Keyed> values, bool isReverse, Budget &budget) {
  std::stable_sort(values.begin(), values.end(), [&](const Keyed &a, const Keyed &b) {
    return (isReverse ? compare(b.first, a.first, budget) : compare(a.first, b.first, budget))
               .value_or(0) < 0;
  });
  std::vector<Value> result;
  for (Keyed &one : values)
    result.push_back(std::move(one.second));
  return result;
}

static Value sort(Call &call) {
  const bool isCaseSensitive = call.truth(1, false);
  std::vector<Value> paths;
  if (call.at(2).text()) {
    std::string_view rest = call.text(2);
    for (size_t end = 0; end != rest.npos; rest.remove_prefix(std::min(end, rest.size() - 1) + 1)) {
      end = rest.find(',');
      paths.emplace_back(rest.substr(0, end));
      if (end == rest.npos)
        break;
    }
  } else {
    paths.push_back(call.has(2) ? call.at(2) : Value::none());
  }
  std::vector<Keyed> values;
  for (Value &value : valuesOf(call.self, call.budget)) {
    std::vector<Value> key;
    for (const Value &path : paths)
      key.push_back(
          withoutCase(valueAtPath(value, path, call.budget), isCaseSensitive, call.budget));
    values.emplace_back(makeList(std::move(key), call.budget), std::move(value));
  }
  return makeList(sorted(std::move(values), call.flag(0), call.budget), call.budget);
}

static Value dictSort(Call &call) {
  const std::string by = call.has(1) ? call.text(1) : "key";
  if (by != "key" && by != "value")
    fail("expected key or value for 'by' of filter 'dictsort', found '" + by + "'");
  if (!call.self.dictionary())
    failExpected("a dict for filter 'dictsort'", call.self);
  const bool isCaseSensitive = call.truth(0, false);
  std::vector<Keyed> values;
  for (const auto &[key, value] : call.self.dictionary()->members())
    values.emplace_back(withoutCase(by == "key" ? key : value, isCaseSensitive, call.budget),
                        makeTuple({key, value}, call.budget));
  return makeList(sorted(std::move(values), call.flag(2), call.budget), call.budget);
}

/// `better(order)`: whether what compares so to the best one takes its place.
template <typename Better> static Value extreme(Call &call, Better better) {
  const Value path = call.has(1) ? call.at(1) : Value::none();
  std::optional<Value> best, bestKey;
  const std::shared_ptr<Iterator> values = iterate(call.self, call.budget);
  while (const std::optional<Value> one = values->next()) {
    const Value key =
        withoutCase(valueAtPath(*one, path, call.budget), call.truth(0, false), call.budget);
    if (best && !better(compare(key, *bestKey, call.budget).value_or(0)))
      continue;
    best = one;
    bestKey = key;
  }
  return best ? *best : Value::undefined("extreme of what is empty");
}

static Value unique(Call &call) {
  const bool isCaseSensitive = call.truth(0, false);
  const Value path = call.has(1) ? call.at(1) : Value::none();
  const std::shared_ptr<Iterator> source = iterate(call.self, call.budget);
  return makeIterator(
      call.depth(),
      [source, path, isCaseSensitive, &budget = call.budget,
       seen = std::unordered_set<std::string>()]() mutable -> std::optional<Value> {
        while (std::optional<Value> one = source->next()) {
          const Value value = valueAtPath(*one, path, budget);
          std::optional<std::string> key =
              hashKey(withoutCase(value, isCaseSensitive, budget), budget);
          if (!key)
            failExpected("hashable values for filter 'unique'", value);
          if (seen.insert(std::move(*key)).second)
            return one;
        }
        return std::nullopt;
      },
      call.budget);
}

static Value groupBy(Call &call) {
  const bool isCaseSensitive = call.truth(2, false);
  const auto keyOf = [&](const Value &value) {
    Value key = valueAtPath(value, call.at(0), call.budget);
    return key.isUndefined() && call.has(1) && !call.at(1).isNone() ? call.at(1) : key;
  };
  std::vector<Keyed> values;
  for (const Value &value : valuesOf(call.self, call.budget))
    values.emplace_back(withoutCase(keyOf(value), isCaseSensitive, call.budget), value);
  const std::vector<Value> inOrder = sorted(std::move(values), false, call.budget);
  std::vector<Value> groups, group;
  Value key;
  const auto close = [&] {
    if (!group.empty())
      groups.push_back(makeTuple({isCaseSensitive ? key : keyOf(group[0]),
                                  makeList(std::exchange(group, {}), call.budget)},
                                 call.budget));
  };
  for (const Value &value : inOrder) {
    Value next = withoutCase(keyOf(value), isCaseSensitive, call.budget);
    if (!group.empty() && !equals(key, next, call.budget))
      close();
    key = std::move(next);
    group.push_back(value);
  }
  close();
  // A pair in Jinja has names for its parts: those who ask for them are told that these have none.
  return makeList(std::move(groups), call.budget);
}

static Value batch(Call &call) {
  const int64_t count = call.whole(0, 0);
  std::vector<Value> batches, one;
  const auto close = [&] { batches.push_back(makeList(std::exchange(one, {}), call.budget)); };
  for (Value &value : valuesOf(call.self, call.budget)) {
    if (static_cast<int64_t>(one.size()) == count)
      close();
    one.push_back(std::move(value));
  }
  if (!one.empty()) {
    while (call.has(1) && !call.at(1).isNone() && static_cast<int64_t>(one.size()) < count) {
      call.budget.spend();
      one.push_back(call.at(1));
    }
    close();
  }
  return lazily(call, std::move(batches));
}

static Value slice(Call &call) {
  const std::vector<Value> values = valuesOf(call.self, call.budget);
  const int64_t slices = call.whole(0, 0), size = static_cast<int64_t>(values.size());
  if (slices == 0)
    fail("expected a divisor other than 0, found 0");
  std::vector<Value> result;
  size_t at = 0;
  for (int64_t i = 0; i < slices; ++i) {
    const bool hasExtra = i < size % slices;
    std::vector<Value> one;
    for (int64_t j = 0; j < size / slices + hasExtra; ++j)
      one.push_back(values[at++]);
    if (call.has(1) && !call.at(1).isNone() && !hasExtra)
      one.push_back(call.at(1));
    result.push_back(makeList(std::move(one), call.budget));
  }
  return lazily(call, std::move(result));
}

//===------------------------------------------------------------------------------------------===//
// Filters that call filters and tests
//===------------------------------------------------------------------------------------------===//

// Whatever is wrong with the arguments of these is found when the first value is asked for.

static Value overValues(Call &call, std::function<std::optional<Value>(const Value &)> step) {
  if (!call.self.isTrue())
    return lazily(call, {});
  const std::shared_ptr<Iterator> source = iterate(call.self, call.budget);
  return makeIterator(
      call.depth(),
      [source, step = std::move(step)]() -> std::optional<Value> {
        while (const std::optional<Value> one = source->next())
          if (std::optional<Value> result = step(*one))
            return result;
        return std::nullopt;
      },
      call.budget);
}

/// The filter or test of that name.
template <typename Find>
static const Builtin &named(const Value &name, const char *sort, Find find) {
  if (!name.text())
    failExpected("the name of a " + std::string(sort), name);
  const Builtin *found = find(name.text()->bytes);
  if (!found)
    fail("expected a " + std::string(sort) + " that bluec evaluates, found '" + name.text()->bytes +
         "'");
  return *found;
}

static Value takeFirst(std::vector<Value> &values) {
  Value first = std::move(values.front());
  values.erase(values.begin());
  return first;
}

/// The filter map with the path of an attribute.
static Value mapPath(Call &call) {
  std::optional<Value> path;
  Value absent = Value::none();
  std::string unknown;
  for (const auto &[name, value] : call.all().named) {
    if (name == "attribute")
      path = value;
    else if (name == "default")
      absent = value;
    else
      unknown = name;
  }
  return overValues(call, [=, &budget = call.budget](const Value &one) -> std::optional<Value> {
    if (!path)
      fail("filter 'map': expected the name of a filter, found none");
    if (!unknown.empty())
      fail("filter 'map': expected attribute and default, found '" + unknown + "'");
    Value found = valueAtPath(one, *path, budget);
    return found.isUndefined() && !absent.isNone() ? absent : found;
  });
}

static Value map(Call &call) {
  Arguments given = call.all();
  if (given.positional.empty())
    return mapPath(call);
  const Value name = takeFirst(given.positional);
  return overValues(call, [=, &budget = call.budget](const Value &one) -> std::optional<Value> {
    return callFilter(named(name, "filter", findFilter), one, given, budget);
  });
}

/// select, reject and, with `hasPath`, selectattr and rejectattr.
static Value select(Call &call, bool isKept, bool hasPath) {
  Arguments given = call.all();
  const bool lacksPath = hasPath && given.positional.empty();
  const Value path = hasPath && !lacksPath ? takeFirst(given.positional) : Value::none();
  std::optional<Value> name;
  if (!given.positional.empty())
    name = takeFirst(given.positional);
  return overValues(call, [=, &budget = call.budget](const Value &one) -> std::optional<Value> {
    if (lacksPath)
      fail("expected the name of an attribute to select by, found none");
    const Value value = valueAtPath(one, path, budget);
    const bool isTrue =
        name ? callTest(named(*name, "test", findTest), value, given, budget) : value.isTrue();
    return isTrue == isKept ? std::optional(one) : std::nullopt;
  });
}

// clang-format off
static const Builtin kFilters[] = {
  {"batch",      "linecount fill_with",               1, batch},
  {"count",      "/",                                 0, length},
  {"d",          "default_value boolean",             0, defaulted},
  {"default",    "default_value boolean",             0, defaulted},
  {"dictsort",   "case_sensitive by reverse",         0, dictSort},
  {"first",      "",                                  0, first},
  {"groupby",    "attribute default case_sensitive",  1, groupBy},
  {"items",      "",                                  0, items},
  {"join",       "d attribute",                       0, join},
  {"last",       "",                                  0, last},
  {"length",     "/",                                 0, length},
  {"list",       "",                                  0, list},
  {"map",        "*",                                 0, map},
  {"max",        "case_sensitive attribute",          0, [](Call &c) { return extreme(c, [](int order) { return order > 0; }); }},
  {"min",        "case_sensitive attribute",          0, [](Call &c) { return extreme(c, [](int order) { return order < 0; }); }},
  {"reject",     "*",                                 0, [](Call &c) { return select(c, false, false); }},
  {"rejectattr", "*",                                 0, [](Call &c) { return select(c, false, true); }},
  {"reverse",    "",                                  0, reverse},
  {"select",     "*",                                 0, [](Call &c) { return select(c, true, false); }},
  {"selectattr", "*",                                 0, [](Call &c) { return select(c, true, true); }},
  {"slice",      "slices fill_with",                  1, slice},
  {"sort",       "reverse case_sensitive attribute",  0, sort},
  {"unique",     "case_sensitive attribute",          0, unique},
};
// clang-format on

std::span<const Builtin> bluec::jinja::sequenceFilters() { return kFilters; }
