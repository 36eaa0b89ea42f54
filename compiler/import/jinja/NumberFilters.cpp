// Filters on numbers, and those that make numbers.
#include "compiler/import/jinja/Builtins.h"
#include "compiler/import/jinja/CodePoints.h"
#include "compiler/import/jinja/Format.h"
#include "compiler/import/jinja/NumberText.h"
#include "compiler/import/jinja/Operators.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

using namespace bluec::jinja;

static bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// `text` without underscores between digits; nothing when there are others.
static std::optional<std::string> withoutUnderscores(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_')
      result += text[i];
    else if (i == 0 || i + 1 == text.size() || !isDigit(text[i - 1]) || !isDigit(text[i + 1]))
      return std::nullopt;
  }
  return result;
}

static void requireAscii(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](char c) { return c < 0; }))
    fail("expected a number in digits of ASCII, found others");
}

std::optional<int64_t> bluec::jinja::parseWhole(std::string_view text) {
  text = strip(text, Side::Both);
  requireAscii(text);
  const std::optional<std::string> plain = withoutUnderscores(text);
  if (!plain)
    return std::nullopt;
  const size_t sign = plain->starts_with('+') || plain->starts_with('-');
  if (plain->size() == sign ||
      !std::all_of(plain->begin() + static_cast<std::ptrdiff_t>(sign), plain->end(), isDigit))
    return std::nullopt;
  int64_t value = 0;
  const char *first = plain->data() + plain->starts_with('+');
  if (std::from_chars(first, plain->data() + plain->size(), value).ec != std::errc())
    fail("expected whole numbers of 64 bits, found a larger one");
  return value;
}

/// Digits, at least one of them before or after the point, and an exponent.
static bool isPlainReal(std::string_view text) {
  size_t at = 0, digits = 0;
  const auto skipDigits = [&] {
    const size_t begin = at;
    while (at < text.size() && isDigit(text[at]))
      ++at;
    return at - begin;
  };
  digits = skipDigits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    digits += skipDigits();
  }
  if (digits == 0)
    return false;
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    at += at < text.size() && (text[at] == '+' || text[at] == '-');
    if (skipDigits() == 0)
      return false;
  }
  return at == text.size();
}

std::optional<double> bluec::jinja::parseReal(std::string_view text) {
  text = strip(text, Side::Both);
  requireAscii(text);
  std::optional<std::string> plain = withoutUnderscores(text);
  if (!plain)
    return std::nullopt;
  const bool isNegative = plain->starts_with('-');
  if (isNegative || plain->starts_with('+'))
    plain->erase(0, 1);
  const std::string word = lowerCase(*plain);
  double value = 0;
  if (word == "inf" || word == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (word == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (!isPlainReal(*plain))
      return std::nullopt;
    if (std::from_chars(plain->data(), plain->data() + plain->size(), value).ec != std::errc())
      fail("expected a number that a float holds, found a larger or a smaller one");
  }
  return isNegative ? -value : value;
}

/// Towards zero.
static Value truncated(double value) {
  if (!(std::abs(value) < 9.2e18))
    fail("expected a number of 64 bits, found a larger one");
  return static_cast<int64_t>(value);
}

static Value toWhole(Call &call) {
  if (call.whole(1, 10) != 10)
    fail("expected base 10 for filter 'int', found another, which bluec does not evaluate");
  const Value absent = call.has(0) ? call.at(0) : Value(0);
  requireDefined(call.self);
  if (call.self.whole())
    return *call.self.whole();
  if (call.self.real())
    return std::isnan(*call.self.real()) ? absent : truncated(*call.self.real());
  if (!call.self.text())
    return absent;
  if (const std::optional<int64_t> value = parseWhole(call.self.text()->bytes))
    return *value;
  const std::optional<double> real = parseReal(call.self.text()->bytes);
  return real && std::isfinite(*real) ? truncated(*real) : absent;
}

static Value toReal(Call &call) {
  const Value absent = call.has(0) ? call.at(0) : Value(0.0);
  requireDefined(call.self);
  if (call.self.real())
    return *call.self.real();
  if (!call.self.text())
    return absent;
  const std::optional<double> real = parseReal(call.self.text()->bytes);
  return real ? Value(*real) : absent;
}

static Value roundNumber(Call &call) {
  constexpr int64_t kMostDigits = 22;
  const int64_t precision = call.whole(0, 0);
  const std::string method = call.has(1) ? call.text(1) : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    fail("expected common, ceil or floor for filter 'round', found '" + method + "'");
  if (!call.self.real())
    failExpected("a number for filter 'round'", call.self);
  if (precision < 0 || precision > kMostDigits)
    fail("expected 0 to 22 digits for filter 'round', found " + std::to_string(precision));
  if (method == "common") {
    if (call.self.whole())
      return *call.self.whole();
    const double value = *call.self.real();
    if (!std::isfinite(value))
      return value;
    const std::string text = fixedText(value, static_cast<int>(precision));
    double rounded = 0;
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    return rounded;
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = *call.self.real() * scale;
  if (!std::isfinite(scaled))
    fail("expected a finite number for filter 'round', found another");
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale;
}

static Value sum(Call &call) {
  Value total = call.has(1) ? call.at(1) : Value(0);
  if (total.text())
    fail("expected a start for filter 'sum' that is no str, found one");
  const std::shared_ptr<Iterator> values = iterate(call.self, call.budget);
  while (const std::optional<Value> one = values->next())
    total = applyOperator(Operator::Add, total,
                          valueAtPath(*one, call.has(0) ? call.at(0) : Value::none(), call.budget),
                          call.budget);
  return total;
}

// clang-format off
static const Builtin kFilters[] = {
  {"abs",   "/",                0, [](Call &c) { return absolute(c.self); }},
  {"float", "default",          0, toReal},
  {"int",   "default base",     0, toWhole},
  {"round", "precision method", 0, roundNumber},
  {"sum",   "attribute start",  0, sum},
};
// clang-format on

std::span<const Builtin> bluec::jinja::numberFilters() { return kFilters; }
