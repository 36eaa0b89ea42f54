#include "compiler/import/jinja/Value.h"

#include "compiler/import/jinja/CodePoints.h"

#include <algorithm>

using namespace bluec::jinja;

//===------------------------------------------------------------------------------------------===//
// Making
//===------------------------------------------------------------------------------------------===//

static int depthOf(const std::vector<Value> &values) {
  int depth = 0;
  for (const Value &value : values)
    depth = std::max(depth, value.depth());
  return depth + 1;
}

Value::Value(std::string value, bool isSafe) {
  const size_t length = countCodePoints(value);
  data = std::make_shared<const Text>(Text{std::move(value), length, isSafe});
}

Value Value::undefined(std::string what) {
  Value result;
  result.data = UndefinedData{std::make_shared<const std::string>(std::move(what))};
  return result;
}

Value Value::none() {
  Value result;
  result.data = std::monostate();
  return result;
}

Value Value::list(std::vector<Value> values) {
  Value result;
  const int depth = depthOf(values);
  result.data = ListData{std::make_shared<const Sequence>(Sequence{std::move(values), depth})};
  return result;
}

Value Value::tuple(std::vector<Value> values) {
  Value result;
  const int depth = depthOf(values);
  result.data = TupleData{std::make_shared<const Sequence>(Sequence{std::move(values), depth})};
  return result;
}

Value Value::dict(std::vector<std::pair<std::string, Value>> members) {
  auto result = std::make_shared<Dictionary>();
  for (auto &[name, value] : members)
    result->setByKey("s" + name, Value(name), std::move(value));
  return Value(std::shared_ptr<const Dictionary>(std::move(result)));
}

Value bluec::jinja::makeList(std::vector<Value> values, Budget &budget) {
  budget.spend(1 + values.size());
  Value result = Value::list(std::move(values));
  budget.checkDepth(result.depth());
  return result;
}

Value bluec::jinja::makeTuple(std::vector<Value> values, Budget &budget) {
  budget.spend(1 + values.size());
  Value result = Value::tuple(std::move(values));
  budget.checkDepth(result.depth());
  return result;
}

Value bluec::jinja::makeDict(Dictionary dictionary, Budget &budget) {
  budget.checkDepth(dictionary.depth());
  return Value(std::make_shared<const Dictionary>(std::move(dictionary)));
}

Value bluec::jinja::makeText(std::string text, Budget &budget, bool isSafe) {
  budget.spendText(text.size());
  return Value(std::move(text), isSafe);
}

std::shared_ptr<Iterator>
bluec::jinja::makeIterator(int depth, std::function<std::optional<Value>()> next, Budget &budget) {
  budget.spend();
  budget.checkDepth(depth + 1);
  return std::make_shared<Iterator>(Iterator{std::move(next), depth + 1});
}

//===------------------------------------------------------------------------------------------===//
// Asking
//===------------------------------------------------------------------------------------------===//

int64_t Range::size() const {
  // In 128 bits, so that the ends of the range of 64 do not overflow.
  const __int128 span = step > 0 ? __int128(stop) - start : __int128(start) - stop;
  const __int128 stride = step > 0 ? __int128(step) : -__int128(step);
  return span <= 0 ? 0 : static_cast<int64_t>((span + stride - 1) / stride);
}

const Value *Namespace::find(std::string_view name) const {
  for (const auto &member : members)
    if (member.first == name)
      return &member.second;
  return nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  for (auto &member : members)
    if (member.first == name) {
      member.second = std::move(value);
      return;
    }
  members.emplace_back(name, std::move(value));
}

const Sequence *Value::sequence() const {
  if (const ListData *list = std::get_if<ListData>(&data))
    return list->of.get();
  const TupleData *tuple = std::get_if<TupleData>(&data);
  return tuple ? tuple->of.get() : nullptr;
}

std::shared_ptr<const Dictionary> Value::sharedDictionary() const {
  const auto *held = std::get_if<std::shared_ptr<const Dictionary>>(&data);
  return held ? *held : nullptr;
}

std::shared_ptr<Iterator> Value::iterator() const {
  const auto *held = std::get_if<std::shared_ptr<Iterator>>(&data);
  return held ? *held : nullptr;
}

std::optional<int64_t> Value::whole() const {
  if (const bool *truth = std::get_if<bool>(&data))
    return *truth ? 1 : 0;
  const int64_t *value = std::get_if<int64_t>(&data);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> Value::real() const {
  if (const double *value = std::get_if<double>(&data))
    return *value;
  const std::optional<int64_t> value = whole();
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

std::string Value::undefinedName() const {
  const UndefinedData *held = std::get_if<UndefinedData>(&data);
  return held && held->what ? *held->what : "value";
}

std::string_view Value::typeName() const {
  constexpr std::string_view kNames[] = {"Undefined", "None",     "bool",      "int",      "float",
                                         "str",       "list",     "tuple",     "dict",     "range",
                                         "dict view", "iterator", "Namespace", "function", "loop"};
  return kNames[data.index()];
}

int Value::depth() const {
  if (const Sequence *values = sequence())
    return values->depth;
  if (const Dictionary *members = dictionary())
    return members->depth();
  if (const View *part = view())
    return part->of->depth() + 1;
  if (const std::shared_ptr<Iterator> source = iterator())
    return source->depth;
  if (const Callable *function = callable())
    return function->depth;
  return is(Kind::Loop) ? loop()->depth() : 0;
}

bool Value::isTrue() const {
  switch (kind()) {
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Bool:
  case Kind::Int:
    return *whole() != 0;
  case Kind::Float:
    return *real() != 0;
  default:
    // Iterators, namespaces and functions have no length and are true.
    return is(Kind::Loop) || length().value_or(1) != 0;
  }
}

std::optional<size_t> Value::length() const {
  switch (kind()) {
  case Kind::Undefined:
    return 0;
  case Kind::String:
    return text()->length;
  case Kind::List:
  case Kind::Tuple:
    return sequence()->values.size();
  case Kind::Dict:
    return dictionary()->members().size();
  case Kind::Range:
    return static_cast<size_t>(range()->size());
  case Kind::View:
    return view()->of->members().size();
  case Kind::Loop:
    return loop()->length();
  default:
    return std::nullopt;
  }
}

bool Value::isSameObject(const Value &other) const {
  const auto address = [](const Value &value) -> const void * {
    switch (value.kind()) {
    case Kind::String:
      return value.text();
    case Kind::List:
    case Kind::Tuple:
      return value.sequence();
    case Kind::Dict:
      return value.dictionary();
    case Kind::Range:
      return value.range();
    case Kind::View:
      return value.view();
    case Kind::Iterator:
      return value.iterator().get();
    case Kind::Namespace:
      return value.space();
    case Kind::Callable:
      return value.callable();
    case Kind::Loop:
      return value.loop();
    default:
      return nullptr;
    }
  };
  return kind() == other.kind() && address(*this) && address(*this) == address(other);
}

void bluec::jinja::requireDefined(const Value &value) {
  if (value.isUndefined())
    fail("expected a value, found undefined " + value.undefinedName());
}

void bluec::jinja::failExpected(std::string_view expected, const Value &found) {
  requireDefined(found);
  fail("expected " + std::string(expected) + ", found " + std::string(found.typeName()));
}

//===------------------------------------------------------------------------------------------===//
// Iterating
//===------------------------------------------------------------------------------------------===//

std::shared_ptr<Iterator> bluec::jinja::iterate(const Value &value, Budget &budget) {
  const auto counted = [&](size_t size, auto get) {
    return makeIterator(
        value.depth(),
        [size, get, &budget, i = size_t{0}]() mutable -> std::optional<Value> {
          if (i == size)
            return std::nullopt;
          budget.spend();
          return get(i++);
        },
        budget);
  };
  switch (value.kind()) {
  case Kind::Undefined:
    return counted(0, [](size_t) { return Value(); });
  case Kind::String:
    return makeIterator(
        0,
        [value, &budget, at = size_t{0}]() mutable -> std::optional<Value> {
          const std::string_view rest = std::string_view(value.text()->bytes).substr(at);
          if (rest.empty())
            return std::nullopt;
          budget.spend();
          const size_t bytes = codePointBytes(rest);
          at += bytes;
          return Value(rest.substr(0, bytes));
        },
        budget);
  case Kind::List:
  case Kind::Tuple:
    return counted(value.sequence()->values.size(),
                   [value](size_t i) { return value.sequence()->values[i]; });
  case Kind::Dict:
    return counted(value.dictionary()->members().size(),
                   [value](size_t i) { return value.dictionary()->members()[i].first; });
  case Kind::Range:
    return counted(static_cast<size_t>(value.range()->size()), [range = *value.range()](size_t i) {
      return Value(range.start + static_cast<int64_t>(i) * range.step);
    });
  case Kind::View:
    return counted(value.view()->of->members().size(), [value](size_t i) {
      const Dictionary::Member &member = value.view()->of->members()[i];
      switch (value.view()->part) {
      case View::Part::Keys:
        return member.first;
      case View::Part::Values:
        return member.second;
      case View::Part::Items:
        break;
      }
      return Value::tuple({member.first, member.second});
    });
  case Kind::Iterator:
    return value.iterator();
  default:
    failExpected("something to iterate over", value);
  }
}

std::vector<Value> bluec::jinja::valuesOf(const Value &value, Budget &budget) {
  if (const Sequence *values = value.sequence()) {
    budget.spend(1 + values->values.size());
    return values->values;
  }
  std::vector<Value> result;
  const std::shared_ptr<Iterator> source = iterate(value, budget);
  while (std::optional<Value> one = source->next())
    result.push_back(std::move(*one));
  return result;
}
