// Methods of lists, tuples, dicts and ranges, and which names are methods.
#include "compiler/import/jinja/Builtins.h"
#include "compiler/import/jinja/TextMethods.h"

#include <algorithm>

using namespace bluec::jinja;

static Value get(Call &call) {
  const Value *found = call.self.dictionary()->find(call.at(0), call.budget);
  if (!found && !hashKey(call.at(0), call.budget))
    failExpected("a hashable key for method 'get'", call.at(0));
  if (found)
    return *found;
  return call.has(1) ? call.at(1) : Value::none();
}

static Value viewOf(Call &call, View::Part part) {
  return View{call.self.sharedDictionary(), part};
}

static Value indexOf(Call &call) {
  int64_t index = 0;
  for (const Value &one : call.self.sequence()->values) {
    if (equals(one, call.at(0), call.budget))
      return index;
    ++index;
  }
  fail("method 'index': expected the value among the elements, found none");
}

static Value countOf(Call &call) {
  int64_t count = 0;
  for (const Value &one : call.self.sequence()->values)
    count += equals(one, call.at(0), call.budget);
  return count;
}

static Value copyOf(Call &call) {
  if (call.self.sequence())
    return makeList(valuesOf(call.self, call.budget), call.budget);
  call.budget.spend(call.self.dictionary()->members().size());
  return makeDict(*call.self.dictionary(), call.budget);
}

static Value changes(Call &) { return {}; }

// Methods without a function are Python's, but not evaluated here; those that change their object
// are what the sandbox does not give out.
// clang-format off
static const Builtin kListMethods[] = {
  {"append",  "*", 0, changes},
  {"clear",   "*", 0, changes},
  {"copy",    "",  0, copyOf},
  {"count",   "/ value", 1, countOf},
  {"extend",  "*", 0, changes},
  {"index",   "/ value", 1, indexOf},
  {"insert",  "*", 0, changes},
  {"pop",     "*", 0, changes},
  {"remove",  "*", 0, changes},
  {"reverse", "*", 0, changes},
  {"sort",    "*", 0, changes},
};
static const Builtin kTupleMethods[] = {
  {"count", "/ value", 1, countOf},
  {"index", "/ value", 1, indexOf},
};
static const Builtin kDictMethods[] = {
  {"clear",      "*", 0, changes},
  {"copy",       "",  0, copyOf},
  {"fromkeys",   "*", 0, nullptr},
  {"get",        "/ key default", 1, get},
  {"items",      "",  0, [](Call &c) { return viewOf(c, View::Part::Items); }},
  {"keys",       "",  0, [](Call &c) { return viewOf(c, View::Part::Keys); }},
  {"pop",        "*", 0, changes},
  {"popitem",    "*", 0, changes},
  {"setdefault", "*", 0, changes},
  {"update",     "*", 0, changes},
  {"values",     "",  0, [](Call &c) { return viewOf(c, View::Part::Values); }},
};
static const Builtin kNumberMethods[] = {
  {"as_integer_ratio", "*", 0, nullptr},
  {"bit_count",        "*", 0, nullptr},
  {"bit_length",       "*", 0, nullptr},
  {"conjugate",        "*", 0, nullptr},
  {"denominator",      "*", 0, nullptr},
  {"from_bytes",       "*", 0, nullptr},
  {"fromhex",          "*", 0, nullptr},
  {"hex",              "*", 0, nullptr},
  {"imag",             "*", 0, nullptr},
  {"is_integer",       "*", 0, nullptr},
  {"numerator",        "*", 0, nullptr},
  {"real",             "*", 0, nullptr},
  {"to_bytes",         "*", 0, nullptr},
};
static const Builtin kRangeMethods[] = {
  {"count", "*", 0, nullptr},
  {"index", "*", 0, nullptr},
  {"start", "*", 0, nullptr},
  {"step",  "*", 0, nullptr},
  {"stop",  "*", 0, nullptr},
};
static const Builtin kOtherMethods[] = {
  {"arguments",      "*", 0, nullptr},
  {"caller",         "*", 0, nullptr},
  {"catch_kwargs",   "*", 0, nullptr},
  {"catch_varargs",  "*", 0, nullptr},
  {"close",          "*", 0, nullptr},
  {"isdisjoint",     "*", 0, nullptr},
  {"mapping",        "*", 0, nullptr},
  {"name",           "*", 0, nullptr},
  {"send",           "*", 0, nullptr},
  {"throw",          "*", 0, nullptr},
};
// clang-format on

static std::span<const Builtin> methodsOf(Kind kind) {
  switch (kind) {
  case Kind::Bool:
  case Kind::Int:
  case Kind::Float:
    return kNumberMethods;
  case Kind::String:
    return textMethods();
  case Kind::List:
    return kListMethods;
  case Kind::Tuple:
    return kTupleMethods;
  case Kind::Dict:
    return kDictMethods;
  case Kind::Range:
    return kRangeMethods;
  case Kind::View:
  case Kind::Iterator:
  case Kind::Callable:
    return kOtherMethods;
  default:
    return {};
  }
}

std::optional<Value> bluec::jinja::methodOf(const Value &value, std::string_view name,
                                            Budget &budget) {
  const std::span<const Builtin> methods = methodsOf(value.kind());
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [&](const Builtin &one) { return one.name == name; });
  if (found == methods.end())
    return std::nullopt;
  const Builtin &method = *found;
  const std::string ofType = "'" + std::string(name) + "' of " + std::string(value.typeName());
  if (method.function == changes)
    return Value::undefined(ofType + ", which would change it");
  if (!method.function)
    fail("expected an attribute that bluec evaluates, found " + ofType);
  return Value(Callable{ofType,
                        [value, &method, &budget](Arguments &arguments) {
                          Call call(method, "method", value, std::move(arguments), budget);
                          return method.function(call);
                        },
                        value.depth() + 1});
}
