#include "compiler/import/jinja/Operators.h"

#include "compiler/import/jinja/Builtins.h"
#include "compiler/import/jinja/CodePoints.h"
#include "compiler/import/jinja/Format.h"
#include "compiler/import/jinja/ValueText.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace bluec::jinja;

//===------------------------------------------------------------------------------------------===//
// Arithmetic
//===------------------------------------------------------------------------------------------===//

[[noreturn]] static void failOverflow() {
  fail("expected whole numbers of 64 bits, found a larger one");
}
[[noreturn]] static void failZero() { fail("expected a divisor other than 0, found 0"); }

[[noreturn]] static void failOperands(const char *symbol, const Value &a, const Value &b) {
  requireDefined(a);
  requireDefined(b);
  fail("expected operands of '" + std::string(symbol) + "' that fit, found " +
       std::string(a.typeName()) + " and " + std::string(b.typeName()));
}

static int64_t floorDivide(int64_t a, int64_t b) {
  if (b == 0)
    failZero();
  if (b == -1) {
    int64_t result = 0;
    if (__builtin_sub_overflow(int64_t{0}, a, &result))
      failOverflow();
    return result;
  }
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t floorModulo(int64_t a, int64_t b) {
  if (b == 0)
    failZero();
  if (b == -1)
    return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int64_t power(int64_t base, int64_t exponent, Budget &budget) {
  int64_t result = 1;
  while (exponent > 0) {
    budget.spend();
    if (exponent % 2 && __builtin_mul_overflow(result, base, &result))
      failOverflow();
    exponent /= 2;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
      failOverflow();
  }
  return result;
}

static Value applyToWhole(Operator op, int64_t a, int64_t b, Budget &budget) {
  int64_t result = 0;
  bool overflows = false;
  switch (op) {
  case Operator::Add:
    overflows = __builtin_add_overflow(a, b, &result);
    break;
  case Operator::Sub:
    overflows = __builtin_sub_overflow(a, b, &result);
    break;
  case Operator::Mul:
    overflows = __builtin_mul_overflow(a, b, &result);
    break;
  case Operator::Div: {
    constexpr int64_t kExact = int64_t{1} << 53; // whole numbers that every double holds
    if (b == 0)
      failZero();
    if (a > kExact || a < -kExact || b > kExact || b < -kExact)
      fail("expected operands of '/' of at most 53 bits, found a larger one");
    return static_cast<double>(a) / static_cast<double>(b);
  }
  case Operator::FloorDiv:
    return floorDivide(a, b);
  case Operator::Mod:
    return floorModulo(a, b);
  case Operator::Pow:
    if (b >= 0)
      return power(a, b, budget);
    if (a == 0)
      failZero();
    return std::pow(static_cast<double>(a), static_cast<double>(b));
  }
  if (overflows)
    failOverflow();
  return result;
}

/// Quotient rounded down, and what is left, with the divisor's sign.
static std::pair<double, double> divideDown(double a, double b) {
  if (b == 0)
    failZero();
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) {
    rest += b;
    quotient -= 1;
  } else if (rest == 0) {
    rest = std::copysign(0.0, b);
  }
  if (quotient == 0)
    return {std::copysign(0.0, a / b), rest};
  const double down = std::floor(quotient);
  return {quotient - down > 0.5 ? down + 1 : down, rest};
}

static Value applyToReal(Operator op, double a, double b) {
  switch (op) {
  case Operator::Add:
    return a + b;
  case Operator::Sub:
    return a - b;
  case Operator::Mul:
    return a * b;
  case Operator::Div:
    if (b == 0)
      failZero();
    return a / b;
  case Operator::FloorDiv:
    return divideDown(a, b).first;
  case Operator::Mod:
    return divideDown(a, b).second;
  case Operator::Pow:
    break;
  }
  if (a == 0 && b < 0)
    failZero();
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b))
    fail("expected a power that is real, found one of a negative number");
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
    fail("expected a power that a float holds, found a larger one");
  return result;
}

static Value addSequences(const Value &a, const Value &b, Budget &budget) {
  std::vector<Value> values = valuesOf(a, budget);
  budget.spend(b.sequence()->values.size());
  values.insert(values.end(), b.sequence()->values.begin(), b.sequence()->values.end());
  return a.is(Kind::List) ? makeList(std::move(values), budget)
                          : makeTuple(std::move(values), budget);
}

static Value addTexts(const Text &a, const Text &b, Budget &budget) {
  const bool isSafe = a.isSafe || b.isSafe;
  budget.spendText(a.bytes.size() + b.bytes.size());
  const auto part = [&](const Text &text) {
    return isSafe && !text.isSafe ? escapeHtml(text.bytes) : text.bytes;
  };
  return makeText(part(a) + part(b), budget, isSafe);
}

static Value repeat(const Value &value, int64_t times, Budget &budget) {
  const size_t count = times > 0 ? static_cast<size_t>(times) : 0;
  const auto product = [&](size_t size) {
    size_t result = 0;
    return __builtin_mul_overflow(size, count, &result) ? std::numeric_limits<size_t>::max()
                                                        : result;
  };
  if (const Text *text = value.text()) {
    budget.spendText(product(text->bytes.size()));
    std::string result;
    if (!text->bytes.empty())
      for (size_t i = 0; i < count; ++i)
        result += text->bytes;
    return Value(std::move(result), text->isSafe);
  }
  const std::vector<Value> &values = value.sequence()->values;
  budget.spend(product(values.size()));
  std::vector<Value> result;
  if (!values.empty())
    for (size_t i = 0; i < count; ++i)
      result.insert(result.end(), values.begin(), values.end());
  return value.is(Kind::List) ? makeList(std::move(result), budget)
                              : makeTuple(std::move(result), budget);
}

Value bluec::jinja::applyOperator(Operator op, const Value &a, const Value &b, Budget &budget) {
  constexpr const char *kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  budget.spend();
  if (op == Operator::Mod && a.text())
    return formatPercent(a, b, budget);
  if (a.whole() && b.whole())
    return applyToWhole(op, *a.whole(), *b.whole(), budget);
  if (a.real() && b.real())
    return applyToReal(op, *a.real(), *b.real());
  if (op == Operator::Add && a.text() && b.text())
    return addTexts(*a.text(), *b.text(), budget);
  if (op == Operator::Add && a.sequence() && a.kind() == b.kind())
    return addSequences(a, b, budget);
  if (op == Operator::Mul && (a.text() || a.sequence()) && b.whole())
    return repeat(a, *b.whole(), budget);
  if (op == Operator::Mul && (b.text() || b.sequence()) && a.whole())
    return repeat(b, *a.whole(), budget);
  failOperands(kSymbols[static_cast<int>(op)], a, b);
}

Value bluec::jinja::negate(const Value &value) {
  if (const std::optional<int64_t> whole = value.whole()) {
    int64_t result = 0;
    if (__builtin_sub_overflow(int64_t{0}, *whole, &result))
      failOverflow();
    return result;
  }
  if (!value.real())
    failExpected("a number after '-'", value);
  return -*value.real();
}

Value bluec::jinja::plus(const Value &value) {
  if (!value.real())
    failExpected("a number after '+'", value);
  return value.whole() ? Value(*value.whole()) : value;
}

Value bluec::jinja::absolute(const Value &value) {
  if (const std::optional<int64_t> whole = value.whole())
    return *whole < 0 ? negate(value) : Value(*whole);
  if (!value.real())
    failExpected("a number", value);
  return std::abs(*value.real());
}

//===------------------------------------------------------------------------------------------===//
// Comparisons
//===------------------------------------------------------------------------------------------===//

bool bluec::jinja::contains(const Value &container, const Value &value, Budget &budget) {
  switch (container.kind()) {
  case Kind::String: {
    if (!value.text())
      failExpected("a str before 'in' a str", value);
    budget.spendText(container.text()->bytes.size());
    return findText(container.text()->bytes, value.text()->bytes) != std::string::npos;
  }
  case Kind::Dict:
  case Kind::View: {
    const View *view = container.view();
    if (view && view->part != View::Part::Keys)
      break;
    const Dictionary &dictionary = view ? *view->of : *container.dictionary();
    if (!hashKey(value, budget))
      failExpected("a hashable key before 'in'", value);
    return dictionary.find(value, budget) != nullptr;
  }
  default:
    break;
  }
  const std::shared_ptr<Iterator> values = iterate(container, budget);
  while (const std::optional<Value> one = values->next())
    if (one->isSameObject(value) || equals(*one, value, budget))
      return true;
  return false;
}

bool bluec::jinja::applyComparison(Comparison op, const Value &a, const Value &b, Budget &budget) {
  switch (op) {
  case Comparison::Eq:
    return equals(a, b, budget);
  case Comparison::Ne:
    return !equals(a, b, budget);
  case Comparison::Lt:
    return compare(a, b, budget).value_or(0) < 0;
  case Comparison::Le:
    return compare(a, b, budget).value_or(1) <= 0;
  case Comparison::Gt:
    return compare(a, b, budget).value_or(0) > 0;
  case Comparison::Ge:
    return compare(a, b, budget).value_or(-1) >= 0;
  case Comparison::In:
    return contains(b, a, budget);
  case Comparison::NotIn:
    return !contains(b, a, budget);
  }
  return false;
}

//===------------------------------------------------------------------------------------------===//
// Look-ups
//===------------------------------------------------------------------------------------------===//

static Value missing(const Value &of, std::string name) {
  constexpr size_t kMost = 100; // bytes that a message needs
  if (name.size() > kMost)
    name.replace(offsetOf(name, kMost / 4), std::string::npos, "...'");
  return Value::undefined(std::move(name) + " of " + std::string(of.typeName()));
}

/// Methods and attributes; nothing without one of that name.
static std::optional<Value> ownAttribute(const Value &value, std::string_view name,
                                         Budget &budget) {
  requireDefined(value);
  budget.spend();
  if (name.starts_with("__") && name.ends_with("__"))
    return missing(value, "'" + std::string(name) + "'");
  if (const Namespace *space = value.space()) {
    budget.spend(space->members.size() / 16);
    const Value *found = space->find(name);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (Loop *loop = value.loop())
    return loop->attribute(name);
  return methodOf(value, name, budget);
}

/// Place of an element, of which there are `size`; nothing when there is none.
static std::optional<size_t> placeOf(int64_t index, size_t size) {
  const auto count = static_cast<int64_t>(size);
  if (index < 0)
    index += count;
  return index >= 0 && index < count ? std::optional(static_cast<size_t>(index)) : std::nullopt;
}

static Value characterAt(const Text &text, size_t index, Budget &budget) {
  const bool isAscii = text.length == text.bytes.size();
  if (!isAscii)
    budget.spendText(text.bytes.size());
  const std::string_view bytes = text.bytes;
  const size_t at = isAscii ? index : offsetOf(bytes, index);
  return Value(std::string(bytes.substr(at, codePointBytes(bytes.substr(at)))), text.isSafe);
}

/// An item in Python's sense; nothing where Python raises TypeError or LookupError.
static std::optional<Value> ownItem(const Value &value, const Value &key, Budget &budget) {
  requireDefined(value);
  budget.spend();
  if (const Dictionary *dictionary = value.dictionary()) {
    const Value *found = dictionary->find(key, budget);
    return found ? std::optional(*found) : std::nullopt;
  }
  const bool isIndexed = value.text() || value.sequence() || value.range();
  const std::optional<int64_t> index = key.whole();
  if (!isIndexed || !index)
    return std::nullopt;
  const std::optional<size_t> place = placeOf(*index, *value.length());
  if (!place)
    return std::nullopt;
  if (const Sequence *values = value.sequence())
    return values->values[*place];
  if (const Range *range = value.range())
    return Value(range->start + static_cast<int64_t>(*place) * range->step);
  return characterAt(*value.text(), *place, budget);
}

Value bluec::jinja::attributeOf(const Value &value, std::string_view name, Budget &budget) {
  if (std::optional<Value> found = ownAttribute(value, name, budget))
    return *found;
  if (const Dictionary *dictionary = value.dictionary())
    if (const Value *found = dictionary->find(name))
      return *found;
  return missing(value, "'" + std::string(name) + "'");
}

Value bluec::jinja::itemOf(const Value &value, const Value &key, Budget &budget) {
  if (std::optional<Value> found = ownItem(value, key, budget))
    return *found;
  if (key.text())
    if (std::optional<Value> found = ownAttribute(value, key.text()->bytes, budget))
      return *found;
  if (key.text() || key.isNone() || key.real())
    return missing(value, (key.text() ? "" : "element ") + reprOf(key, budget));
  return missing(value, "an element");
}

Value bluec::jinja::sliceOf(const Value &value, const Value &start, const Value &stop,
                            const Value &step, Budget &budget) {
  const auto bound = [](const Value &at) -> std::optional<int64_t> {
    if (at.isNone())
      return std::nullopt;
    if (!at.whole())
      failExpected("a whole number in a slice", at);
    return at.whole();
  };
  requireDefined(value);
  if (!value.text() && !value.sequence())
    failExpected(value.range() ? "no slice of a range, which bluec does not evaluate"
                               : "something that can be sliced",
                 value);
  const int64_t stride = bound(step).value_or(1);
  if (stride == 0)
    fail("expected a slice's step other than 0, found 0");
  const auto size = static_cast<int64_t>(*value.length());
  // As slice.indices: negative ones count from the end, all are kept within what there is.
  const int64_t least = stride > 0 ? 0 : -1, most = stride > 0 ? size : size - 1;
  const auto place = [&](const Value &at, int64_t absent) {
    const std::optional<int64_t> index = bound(at);
    if (!index)
      return absent;
    return std::clamp(*index < 0 ? std::max(*index, -size - 1) + size : *index, least, most);
  };
  const int64_t first = place(start, stride > 0 ? least : most);
  const int64_t last = place(stop, stride > 0 ? most : least);
  const Range range{first, last, stride};
  const int64_t count = range.size();
  if (const Sequence *values = value.sequence()) {
    budget.spend(static_cast<size_t>(count));
    std::vector<Value> result;
    for (int64_t i = 0; i < count; ++i)
      result.push_back(values->values[static_cast<size_t>(first + i * stride)]);
    return value.is(Kind::List) ? makeList(std::move(result), budget)
                                : makeTuple(std::move(result), budget);
  }
  const Text &text = *value.text();
  const std::string_view bytes = text.bytes;
  budget.spendText(bytes.size());
  if (stride == 1) {
    const size_t begin = offsetOf(bytes, static_cast<size_t>(first));
    const size_t length = offsetOf(bytes.substr(begin), static_cast<size_t>(count));
    return Value(std::string(bytes.substr(begin, length)), text.isSafe);
  }
  std::vector<std::string_view> characters;
  for (std::string_view rest = bytes; !rest.empty();) {
    characters.push_back(rest.substr(0, codePointBytes(rest)));
    rest.remove_prefix(characters.back().size());
  }
  std::string result;
  for (int64_t i = 0; i < count; ++i)
    result += characters[static_cast<size_t>(first + i * stride)];
  return Value(std::move(result), text.isSafe);
}
