#include "compiler/import/jinja/ValueText.h"

#include "compiler/import/jinja/CodePoints.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

using namespace bluec::jinja;

static constexpr char kHexDigits[] = "0123456789abcdef";

static void appendHex(std::string &to, uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    to += kHexDigits[(value >> shift) & 15];
}

std::string bluec::jinja::floatText(double value) {
  constexpr int kLeastPoint = -4, kMostPoint = 16; // beyond these, with an exponent
  if (std::isnan(value))
    return "nan";
  std::string text = std::signbit(value) ? "-" : "";
  value = std::abs(value);
  if (std::isinf(value))
    return text + "inf";
  char buffer[32];
  const char *end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view shortest(buffer, static_cast<size_t>(end - buffer)); // such as 1.5e+07
  const size_t exponentAt = shortest.find('e');
  std::string digits(shortest.substr(0, 1));
  if (exponentAt > 2)
    digits += shortest.substr(2, exponentAt - 2);
  int point = 1;
  const char *exponent = shortest.data() + exponentAt + 1;
  int power = 0;
  std::from_chars(exponent + (*exponent == '+'), end, power);
  point += power;
  const int count = static_cast<int>(digits.size());
  if (point > kMostPoint || point <= kLeastPoint) {
    text += digits.substr(0, 1);
    if (count > 1)
      text += "." + digits.substr(1);
    return text + std::string(shortest.substr(exponentAt));
  }
  if (point <= 0)
    return text + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  if (count <= point)
    return text + digits + std::string(static_cast<size_t>(point - count), '0') + ".0";
  return text + digits.insert(static_cast<size_t>(point), ".");
}

std::string bluec::jinja::escapeHtml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '\'')
      result += "&#39;";
    else if (c == '"')
      result += "&#34;";
    else
      result += c;
  }
  return result;
}

//===------------------------------------------------------------------------------------------===//
// str and repr
//===------------------------------------------------------------------------------------------===//

std::string bluec::jinja::reprOf(std::string_view text) {
  const bool hasSingle = text.find('\'') != text.npos, hasDouble = text.find('"') != text.npos;
  const char quote = hasSingle && !hasDouble ? '"' : '\'';
  std::string result(1, quote);
  while (!text.empty()) {
    const size_t bytes = codePointBytes(text);
    const uint32_t c = codePointOf(text);
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      result += {'\\', static_cast<char>(c)};
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\r') {
      result += "\\r";
    } else if (c == '\t') {
      result += "\\t";
    } else if (c < 0x20 || (c >= 0x7f && c < 0xa1) || c == 0xad) {
      result += "\\x";
      appendHex(result, c, 2);
    } else if (c > 0x7f &&
               (isSpace(c) || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                (c >= 0x2060 && c <= 0x206f) || (c >= 0xe000 && c <= 0xf8ff) || c == 0xfeff)) {
      result += "\\u";
      appendHex(result, c, 4);
    } else {
      result += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return result + quote;
}

namespace {

class ReprPrinter {
public:
  explicit ReprPrinter(Budget &budget) : budget(budget), growth(budget) {}

  void print(const Value &value) {
    budget.spend();
    budget.checkDepth(++depth);
    switch (value.kind()) {
    case Kind::Undefined:
      to += "Undefined";
      break;
    case Kind::None:
      to += "None";
      break;
    case Kind::Bool:
      to += value.isTrue() ? "True" : "False";
      break;
    case Kind::Int:
      to += std::to_string(*value.whole());
      break;
    case Kind::Float:
      to += floatText(*value.real());
      break;
    case Kind::String:
      budget.spendText(value.text()->bytes.size());
      to += value.text()->isSafe ? "Markup(" + reprOf(value.text()->bytes) + ")"
                                 : reprOf(value.text()->bytes);
      break;
    case Kind::List:
      sequence("[", value.sequence()->values, "]");
      break;
    case Kind::Tuple: {
      const std::vector<Value> &values = value.sequence()->values;
      sequence("(", values, values.size() == 1 ? ",)" : ")");
      break;
    }
    case Kind::Dict:
      dict(*value.dictionary());
      break;
    case Kind::Range:
      range(*value.range());
      break;
    case Kind::View:
      view(value);
      break;
    case Kind::Namespace:
      space(*value.space());
      break;
    case Kind::Loop:
      to += "<LoopContext " + std::to_string(*value.loop()->attribute("index")->whole()) + "/" +
            std::to_string(value.loop()->length()) + ">";
      break;
    case Kind::Iterator:
    case Kind::Callable:
      fail("expected a value that can be printed, found " + std::string(value.typeName()));
    }
    growth.reached(to.size());
    --depth;
  }

  std::string to;

private:
  void sequence(const char *begin, const std::vector<Value> &values, const char *end) {
    to += begin;
    const char *before = "";
    for (const Value &one : values) {
      to += std::exchange(before, ", ");
      print(one);
    }
    to += end;
  }

  void dict(const Dictionary &members) {
    to += '{';
    const char *before = "";
    for (const auto &[key, value] : members.members()) {
      to += std::exchange(before, ", ");
      print(key);
      to += ": ";
      print(value);
    }
    to += '}';
  }

  void range(const Range &range) {
    to += "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
    to += range.step == 1 ? ")" : ", " + std::to_string(range.step) + ")";
  }

  void view(const Value &value) {
    constexpr const char *kNames[] = {"dict_keys([", "dict_values([", "dict_items(["};
    sequence(kNames[static_cast<int>(value.view()->part)], valuesOf(value, budget), "])");
  }

  void space(const Namespace &space) {
    to += "<Namespace {";
    const char *before = "";
    for (const auto &[name, value] : space.members) {
      to += std::exchange(before, ", ") + reprOf(name) + ": ";
      print(value);
    }
    to += "}>";
  }

  Budget &budget;
  GrowingText growth;
  int depth = 0;
};

} // namespace

std::string bluec::jinja::reprOf(const Value &value, Budget &budget) {
  ReprPrinter printer(budget);
  printer.print(value);
  return std::move(printer.to);
}

std::string bluec::jinja::strOf(const Value &value, Budget &budget) {
  if (const Text *text = value.text()) {
    budget.spendText(text->bytes.size());
    return text->bytes;
  }
  return value.isUndefined() ? std::string() : reprOf(value, budget);
}

//===------------------------------------------------------------------------------------------===//
// JSON
//===------------------------------------------------------------------------------------------===//

namespace {

class JsonPrinter {
public:
  JsonPrinter(const JsonStyle &style, Budget &budget)
      : style(style), budget(budget), growth(budget) {}

  void print(const Value &value) {
    budget.spend();
    switch (value.kind()) {
    case Kind::None:
    case Kind::Bool:
    case Kind::Int:
    case Kind::Float:
      to += scalar(value);
      break;
    case Kind::String:
      string(value.text()->bytes);
      break;
    case Kind::List:
    case Kind::Tuple:
      array(value.sequence()->values);
      break;
    case Kind::Dict:
      object(*value.dictionary());
      break;
    default:
      failExpected("what JSON can hold", value);
    }
    growth.reached(to.size());
  }

  std::string to;

private:
  static std::string scalar(const Value &value) {
    if (value.isNone())
      return "null";
    if (value.is(Kind::Bool))
      return value.isTrue() ? "true" : "false";
    if (value.is(Kind::Int))
      return std::to_string(*value.whole());
    const double real = *value.real();
    if (std::isnan(real))
      return "NaN";
    if (std::isinf(real))
      return real > 0 ? "Infinity" : "-Infinity";
    return floatText(real);
  }

  void string(std::string_view text) {
    budget.spendText(text.size());
    to += '"';
    while (!text.empty()) {
      const size_t bytes = codePointBytes(text);
      const uint32_t c = codePointOf(text);
      constexpr std::string_view kNamed = "\b\f\n\r\t", kLetters = "bfnrt";
      const size_t named = c < 0x20 ? kNamed.find(static_cast<char>(c)) : kNamed.npos;
      if (c == '"' || c == '\\') {
        to += {'\\', static_cast<char>(c)};
      } else if (named != kNamed.npos) {
        to += {'\\', kLetters[named]};
      } else if (c < 0x20 || (style.ensuresAscii && c >= 0x7f)) {
        escaped(c);
      } else {
        to += text.substr(0, bytes);
      }
      text.remove_prefix(bytes);
    }
    to += '"';
  }

  void escaped(uint32_t c) {
    if (c >= 0x10000) { // a surrogate pair
      escaped(0xd800 + ((c - 0x10000) >> 10));
      c = 0xdc00 + ((c - 0x10000) & 0x3ff);
    }
    to += "\\u";
    appendHex(to, c, 4);
  }

  void newLine() {
    if (!style.indent)
      return;
    to += '\n';
    for (int i = 0; i < level; ++i) {
      to += *style.indent;
      growth.reached(to.size());
    }
  }

  void array(const std::vector<Value> &values) {
    if (values.empty()) {
      to += "[]";
      return;
    }
    to += '[';
    budget.checkDepth(++level);
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0)
        to += style.itemSeparator;
      newLine();
      print(values[i]);
    }
    --level;
    newLine();
    to += ']';
  }

  void object(const Dictionary &dictionary) {
    if (dictionary.members().empty()) {
      to += "{}";
      return;
    }
    std::vector<const Dictionary::Member *> members;
    for (const Dictionary::Member &member : dictionary.members())
      members.push_back(&member);
    if (style.sortsKeys)
      std::stable_sort(members.begin(), members.end(), [&](const auto *a, const auto *b) {
        return compare(a->first, b->first, budget).value_or(0) < 0;
      });
    to += '{';
    budget.checkDepth(++level);
    const char *before = "";
    for (const Dictionary::Member *member : members) {
      to += *before ? style.itemSeparator : "";
      before = ",";
      newLine();
      const Value &key = member->first;
      if (key.text())
        string(key.text()->bytes);
      else if (key.isNone() || key.real())
        to += '"' + scalar(key) + '"';
      else
        failExpected("a key that JSON can hold", key);
      to += style.keySeparator;
      print(member->second);
    }
    --level;
    newLine();
    to += '}';
  }

  const JsonStyle &style;
  Budget &budget;
  GrowingText growth;
  int level = 0;
};

} // namespace

std::string bluec::jinja::jsonOf(const Value &value, const JsonStyle &style, Budget &budget) {
  JsonPrinter printer(style, budget);
  printer.print(value);
  return std::move(printer.to);
}
