#include "compiler/import/jinja/Format.h"

#include "compiler/import/jinja/CodePoints.h"
#include "compiler/import/jinja/Operators.h"
#include "compiler/import/jinja/ValueText.h"

#include <charconv>
#include <cmath>

using namespace bluec::jinja;

namespace {

/// Both ways have these in common.
struct Field {
  std::string fill = " ";
  char align = 0; // '<', '>', '^', '='; 0: as the type has it
  char sign = 0;  // '+' or ' '; 0: of negative ones only
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;
};

constexpr int64_t kMostPrecision = 100;

bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// Digits at the front of `text`, which it takes away.
int64_t takeNumber(std::string_view &text) {
  int64_t number = 0;
  while (!text.empty() && isDigit(text[0])) {
    number = number * 10 + (text[0] - '0');
    if (number > 1'000'000'000)
      fail("expected a width of at most 9 digits, found more");
    text.remove_prefix(1);
  }
  return number;
}

std::string padded(const Field &field, std::string sign, std::string body, char align,
                   Budget &budget) {
  const auto length = static_cast<int64_t>(countCodePoints(body) + sign.size());
  const size_t missing = field.width > length ? static_cast<size_t>(field.width - length) : 0;
  budget.spendText(body.size() + missing * field.fill.size());
  const auto fill = [&](size_t count) {
    std::string result;
    for (size_t i = 0; i < count; ++i)
      result += field.fill;
    return result;
  };
  if (field.align)
    align = field.align;
  if (align == '=')
    return sign + fill(missing) + body;
  body = sign + body;
  if (align == '>')
    return fill(missing) + body;
  if (align == '^')
    return fill(missing / 2) + body + fill(missing - missing / 2);
  return body + fill(missing);
}

std::string textField(const Field &field, std::string_view text, Budget &budget) {
  if (field.precision >= 0)
    text = text.substr(0, offsetOf(text, static_cast<size_t>(field.precision)));
  return padded(field, "", std::string(text), '<', budget);
}

std::string signOf(const Field &field, bool isNegative) {
  return isNegative ? "-" : field.sign ? std::string(1, field.sign) : "";
}

std::string wholeField(const Field &field, int64_t value, int base, Budget &budget) {
  char buffer[72];
  const char *end = std::to_chars(buffer, buffer + sizeof buffer, value, base).ptr;
  std::string_view digits(buffer, static_cast<size_t>(end - buffer));
  digits.remove_prefix(value < 0);
  return padded(field, signOf(field, value < 0), std::string(digits), '>', budget);
}

std::string realField(const Field &field, double value, Budget &budget) {
  const int digits = field.precision < 0 ? 6 : static_cast<int>(field.precision);
  if (field.precision > kMostPrecision)
    fail("expected a precision of at most " + std::to_string(kMostPrecision) + ", found more");
  std::string body =
      std::isfinite(value) ? fixedText(std::abs(value), digits) : floatText(std::abs(value));
  return padded(field, signOf(field, std::signbit(value) && !std::isnan(value)), std::move(body),
                '>', budget);
}

//===------------------------------------------------------------------------------------------===//
// %
//===------------------------------------------------------------------------------------------===//

class PercentFormatter {
public:
  PercentFormatter(const Value &values, Budget &budget) : values(values), budget(budget) {}

  std::string format(std::string_view text) {
    std::string result;
    GrowingText growth(budget);
    while (!text.empty()) {
      const size_t plain = std::min(text.find('%'), text.size());
      result += text.substr(0, plain);
      text.remove_prefix(plain);
      if (text.empty())
        break;
      text.remove_prefix(1);
      result += conversion(text);
      growth.reached(result.size());
    }
    // Whatever has items by key may have more of them than the format asks for.
    const bool isMapping =
        values.is(Kind::List) || values.dictionary() || values.isUndefined() || values.range();
    const size_t given = values.is(Kind::Tuple) ? values.sequence()->values.size() : 1;
    if (!isMapping && used < given)
      fail("expected as many values as conversions in a format, found more");
    return result;
  }

private:
  Value next() {
    const bool isTuple = values.is(Kind::Tuple);
    const size_t given = isTuple ? values.sequence()->values.size() : 1;
    if (used == given)
      fail("expected as many values as conversions in a format, found fewer");
    ++used;
    return isTuple ? values.sequence()->values[used - 1] : values;
  }

  Value named(std::string_view &text) {
    const size_t end = text.find(')');
    if (end == text.npos || text.substr(1, end - 1).find('(') != text.npos)
      fail("expected ')' after the name in a format, found none");
    const std::string_view name = text.substr(1, end - 1);
    if (!values.dictionary())
      failExpected("a dict for a format that has names", values);
    const Value *found = values.dictionary()->find(name);
    if (!found)
      fail("expected '" + std::string(name) + "' among the values of a format, found none");
    text.remove_prefix(end + 1);
    return *found;
  }

  std::string conversion(std::string_view &text) {
    Field field;
    std::optional<Value> value;
    if (text.starts_with('('))
      value = named(text);
    bool isZero = false, isLeft = false;
    for (; !text.empty() && std::string_view("-+ 0").find(text[0]) != text.npos;
         text.remove_prefix(1)) {
      isLeft |= text[0] == '-';
      isZero |= text[0] == '0';
      if (text[0] == '+' || (text[0] == ' ' && field.sign == 0))
        field.sign = text[0];
    }
    field.width = takeNumber(text);
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      field.precision = takeNumber(text);
    }
    if (text.empty())
      fail("expected a conversion after '%' in a format, found the end");
    const char type = text[0];
    text.remove_prefix(1);
    if (type == '%')
      return "%";
    if (std::string_view("srdifx").find(type) == std::string_view::npos)
      fail("expected a conversion s, r, d, i, f, x or % in a format, found '" +
           std::string(1, type) + "'");
    if (!value)
      value = next();
    field.align = isLeft ? '<' : '>';
    if (type == 's' || type == 'r')
      return textField(field, type == 's' ? strOf(*value, budget) : reprOf(*value, budget), budget);
    if (isZero && !isLeft) {
      field.fill = "0";
      field.align = '=';
    }
    return number(field, type, *value);
  }

  std::string number(Field field, char type, const Value &value) {
    if (!value.real())
      failExpected("a number for %" + std::string(1, type), value);
    if (type == 'f')
      return realField(field, *value.real(), budget);
    if (field.precision >= 0)
      fail("expected no precision for whole numbers, which bluec does not evaluate, found one");
    if (value.whole())
      return wholeField(field, *value.whole(), type == 'x' ? 16 : 10, budget);
    const double real = std::trunc(*value.real());
    if (type == 'x' || !(std::abs(real) < 9e18))
      failExpected("a whole number for %" + std::string(1, type), value);
    return wholeField(field, static_cast<int64_t>(real), 10, budget);
  }

  const Value &values;
  Budget &budget;
  size_t used = 0;
};

//===------------------------------------------------------------------------------------------===//
// {}
//===------------------------------------------------------------------------------------------===//

class BraceFormatter {
public:
  BraceFormatter(const Arguments &arguments, Budget &budget)
      : arguments(arguments), budget(budget) {}

  std::string format(std::string_view text) {
    std::string result;
    GrowingText growth(budget);
    while (!text.empty()) {
      const size_t plain = std::min(text.find_first_of("{}"), text.size());
      result += text.substr(0, plain);
      text.remove_prefix(plain);
      if (text.empty())
        break;
      if (text.starts_with("{{") || text.starts_with("}}")) {
        result += text[0];
        text.remove_prefix(2);
        continue;
      }
      const size_t end = text.find('}');
      if (text[0] == '}' || end == text.npos)
        fail("expected pairs of braces in a format, found a single one");
      result += replacement(text.substr(1, end - 1));
      text.remove_prefix(end + 1);
      growth.reached(result.size());
    }
    return result;
  }

private:
  enum class Numbering { Unknown, Automatic, Manual };

  const Value &value(std::string_view name) {
    if (name.find_first_of(".[{") != name.npos)
      fail("expected a plain name in a format, found '" + std::string(name) +
           "', which bluec does not evaluate");
    const bool isNumber = !name.empty() && isDigit(name[0]);
    if (!name.empty() && !isNumber) {
      for (const auto &[given, value] : arguments.named)
        if (given == name)
          return value;
      fail("expected '" + std::string(name) + "' among the values of a format, found none");
    }
    const Numbering now = isNumber ? Numbering::Manual : Numbering::Automatic;
    if (numbering != Numbering::Unknown && numbering != now)
      fail("expected numbers in all fields of a format or in none, found both");
    numbering = now;
    const auto place = isNumber ? static_cast<size_t>(takeNumber(name)) : automatic++;
    if (!name.empty() || place >= arguments.positional.size())
      fail("expected as many values as fields in a format, found fewer");
    return arguments.positional[place];
  }

  std::string replacement(std::string_view field) {
    const size_t colon = std::min(field.find(':'), field.size());
    std::string_view name = field.substr(0, colon);
    const std::string_view spec = field.substr(std::min(colon + 1, field.size()));
    char conversion = 0;
    if (const size_t mark = name.find('!'); mark != name.npos) {
      if (mark + 2 != name.size() || (name[mark + 1] != 's' && name[mark + 1] != 'r'))
        fail("expected !s or !r in a format, found '" + std::string(name.substr(mark)) + "'");
      conversion = name[mark + 1];
      name = name.substr(0, mark);
    }
    const Value &given = value(name);
    if (conversion == 'r')
      return formatted(Value(reprOf(given, budget)), spec);
    if (conversion == 's')
      return formatted(Value(strOf(given, budget)), spec);
    return formatted(given, spec);
  }

  std::string formatted(const Value &value, std::string_view spec) {
    if (spec.empty())
      return strOf(value, budget);
    const Field field = parse(spec);
    const bool isText = value.text() && (field.type == 0 || field.type == 's');
    const bool isWhole = value.is(Kind::Int) && field.precision < 0 &&
                         (field.type == 0 || field.type == 'd' || field.type == 'x');
    const bool isReal = (value.is(Kind::Int) || value.is(Kind::Float)) && field.type == 'f';
    if (isText && field.align != '=' && field.sign == 0)
      return textField(field, value.text()->bytes, budget);
    if (isWhole)
      return wholeField(field, *value.whole(), field.type == 'x' ? 16 : 10, budget);
    if (isReal)
      return realField(field, *value.real(), budget);
    fail("expected a format that bluec evaluates, found '" + std::string(spec) + "' for a " +
         std::string(value.typeName()));
  }

  static bool isAlign(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

  static Field parse(std::string_view spec) {
    const std::string whole(spec);
    Field field;
    const size_t first = codePointBytes(spec);
    if (spec.size() > first && isAlign(spec[first])) {
      field.fill = spec.substr(0, first);
      field.align = spec[first];
      spec.remove_prefix(first + 1);
    } else if (isAlign(spec[0])) {
      field.align = spec[0];
      spec.remove_prefix(1);
    }
    if (spec.starts_with('+') || spec.starts_with(' ') || spec.starts_with('-')) {
      field.sign = spec[0] == '-' ? '\0' : spec[0];
      spec.remove_prefix(1);
    }
    if (spec.starts_with('0') && !field.align) {
      field.fill = "0";
      field.align = '=';
    }
    field.width = takeNumber(spec);
    if (spec.starts_with('.')) {
      spec.remove_prefix(1);
      field.precision = takeNumber(spec);
    }
    if (spec.size() == 1)
      field.type = spec[0];
    else if (!spec.empty())
      fail("expected a format that bluec evaluates, found '" + whole + "'");
    return field;
  }

  const Arguments &arguments;
  Budget &budget;
  Numbering numbering = Numbering::Unknown;
  size_t automatic = 0;
};

} // namespace

std::string bluec::jinja::fixedText(double value, int digits) {
  char buffer[512]; // 309 digits before the point, and kMostPrecision after it
  const std::to_chars_result end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, digits);
  return std::string(buffer, end.ptr);
}

Value bluec::jinja::formatPercent(const Value &format, const Value &values, Budget &budget) {
  if (format.text()->isSafe)
    fail("expected no safe str before '%', which bluec does not evaluate, found one");
  return makeText(PercentFormatter(values, budget).format(format.text()->bytes), budget);
}

std::string bluec::jinja::formatBraces(std::string_view format, const Arguments &arguments,
                                       Budget &budget) {
  return BraceFormatter(arguments, budget).format(format);
}
