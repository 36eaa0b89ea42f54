#include "compiler/base/JsonValue.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_map>

using namespace bluec;

//===------------------------------------------------------------------------------------------===//
// Values
//===------------------------------------------------------------------------------------------===//

std::optional<int64_t> JsonValue::integer() const {
  const int64_t *value = std::get_if<int64_t>(&data);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> JsonValue::number() const {
  if (const double *value = std::get_if<double>(&data))
    return *value;
  if (const int64_t *value = std::get_if<int64_t>(&data))
    return static_cast<double>(*value);
  if (const uint64_t *value = std::get_if<uint64_t>(&data))
    return static_cast<double>(*value);
  return std::nullopt;
}

const JsonValue *JsonValue::find(std::string_view key) const {
  if (const Object *members = object())
    for (const JsonMember &member : *members)
      if (member.name == key)
        return &member.value;
  return nullptr;
}

void JsonValue::set(std::string_view key, JsonValue value) {
  Object &members = std::get<Object>(data);
  for (JsonMember &member : members)
    if (member.name == key) {
      member.value = std::move(value);
      return;
    }
  members.push_back({std::string(key), std::move(value)});
}

static void printString(std::string_view text, std::string &to) {
  constexpr char kDigits[] = "0123456789abcdef";
  to += '"';
  for (char c : text) {
    switch (c) {
    case '"':
    case '\\':
      to += {'\\', c};
      break;
    case '\b':
      to += "\\b";
      break;
    case '\f':
      to += "\\f";
      break;
    case '\n':
      to += "\\n";
      break;
    case '\r':
      to += "\\r";
      break;
    case '\t':
      to += "\\t";
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20)
        to += {'\\', 'u', '0', '0', kDigits[c >> 4], kDigits[c & 15]};
      else
        to += c;
    }
  }
  to += '"';
}

/// The fewest digits that give the number back; with a point or an exponent, so that it stays what
/// it is. Small and large ones have an exponent, as the JSON in manifests has it.
static void printNumber(double value, std::string &to) {
  constexpr int kLeastPoint = -4, kMostPoint = 15; // places before the point that are written out
  if (std::isnan(value)) {
    to += "NaN";
    return;
  }
  if (std::signbit(value))
    to += '-';
  value = std::abs(value);
  if (std::isinf(value)) {
    to += "Infinity";
    return;
  }
  if (value == 0) {
    to += "0.0";
    return;
  }
  char buffer[32];
  const char *end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string text(buffer, static_cast<size_t>(end - buffer)); // such as 1.5e+07
  const size_t exponentAt = text.find('e');
  const int exponent = std::atoi(text.c_str() + exponentAt + 1);
  std::string digits(1, text[0]);
  if (exponentAt > 2)
    digits += text.substr(2, exponentAt - 2);
  const int count = static_cast<int>(digits.size()), point = exponent + 1;
  auto zeros = [](int many) { return std::string(static_cast<size_t>(many), '0'); };
  if (count <= point && point <= kMostPoint) {
    to += digits + zeros(point - count) + ".0";
  } else if (point > 0 && point <= kMostPoint) {
    to += digits.insert(static_cast<size_t>(point), ".");
  } else if (kLeastPoint < point && point <= 0) {
    to += "0." + zeros(-point) + digits;
  } else {
    to += digits.size() > 1 ? digits.insert(1, ".") : digits;
    to += text.substr(exponentAt);
  }
}

void JsonValue::print(std::string &to) const {
  if (const bool *value = boolean()) {
    to += *value ? "true" : "false";
  } else if (const int64_t *whole = std::get_if<int64_t>(&data)) {
    to += std::to_string(*whole);
  } else if (const uint64_t *large = std::get_if<uint64_t>(&data)) {
    to += std::to_string(*large);
  } else if (const double *real = std::get_if<double>(&data)) {
    printNumber(*real, to);
  } else if (const std::string *characters = string()) {
    printString(*characters, to);
  } else if (const Array *values = array()) {
    const char *before = "[";
    for (const JsonValue &one : *values) {
      to += std::exchange(before, ",");
      one.print(to);
    }
    to += values->empty() ? "[]" : "]";
  } else if (const Object *members = object()) {
    const char *before = "{";
    for (const JsonMember &member : *members) {
      to += std::exchange(before, ",");
      printString(member.name, to);
      to += ':';
      member.value.print(to);
    }
    to += members->empty() ? "{}" : "}";
  } else {
    to += "null";
  }
}

std::string JsonValue::text() const {
  std::string result;
  print(result);
  return result;
}

std::string bluec::jsonPlaceText(std::string_view file, JsonPlace place) {
  std::string text(file);
  if (place.line > 0)
    text += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  return text;
}

//===------------------------------------------------------------------------------------------===//
// Reading
//===------------------------------------------------------------------------------------------===//

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isWord(char c) { return isDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_'; }

/// Stands for itself in a string.
bool isPlain(char c) { return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f; }

/// Bytes of the UTF-8 sequence that `text` begins with; 0 when it begins with none.
size_t sequenceBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80)
    return 1;
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes)
    return 0;
  for (size_t i = 1; i < bytes; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Neither longer than need be, nor a half of a surrogate pair, nor beyond Unicode.
  const unsigned second = byte(1);
  const bool isWrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                       (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return isWrong ? 0 : bytes;
}

void appendUtf8(uint32_t code, std::string &to) {
  const auto tail = [&](int shift) { to += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    to += static_cast<char>(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// Keeps the first fault; what is read after it may be anything.
class JsonParser {
public:
  JsonParser(std::string_view text, const JsonLimits &limits) : text(text), limits(limits) {}

  std::optional<JsonValue> document() {
    if (text.starts_with("\xef\xbb\xbf")) // a byte order mark
      at = lineStart = 3;
    JsonValue result = value(0);
    skipSpace();
    if (!failed() && at < text.size())
      fail("the end");
    return failed() ? std::nullopt : std::optional(std::move(result));
  }

  const std::string &message() const { return fault; }
  JsonPlace faultPlace() const { return faultAt; }

private:
  bool failed() const { return !fault.empty(); }
  JsonPlace here() const { return {line, static_cast<uint32_t>(at - lineStart) + 1}; }
  void fail(std::string_view expected) { failWith("expected " + std::string(expected), found()); }
  void failWith(std::string message, const std::string &what) {
    if (failed())
      return;
    fault = std::move(message);
    if (!what.empty())
      fault += ", found " + what;
    faultAt = here();
  }
  /// What comes next, as messages show it.
  std::string found() const {
    constexpr size_t kMost = 20;
    constexpr char kDigits[] = "0123456789abcdef";
    if (at >= text.size())
      return "the end";
    size_t length = 0;
    while (length < kMost && at + length < text.size() && isWord(text[at + length]))
      ++length;
    const auto c = static_cast<unsigned char>(text[at]);
    if (length == 0 && (c < 0x20 || c >= 0x7f))
      return std::string("byte 0x") + kDigits[c >> 4] + kDigits[c & 15];
    return "'" + std::string(text.substr(at, std::max<size_t>(length, 1))) + "'";
  }

  void skipSpace() {
    for (; at < text.size(); ++at) {
      if (text[at] == '\n') {
        ++line;
        lineStart = at + 1;
      } else if (text[at] != ' ' && text[at] != '\t' && text[at] != '\r') {
        return;
      }
    }
  }
  bool take(std::string_view word) {
    const bool isThere = text.substr(at).starts_with(word);
    at += isThere ? word.size() : 0;
    return isThere;
  }

  JsonValue value(int depth);
  JsonValue array(int depth, JsonPlace place);
  JsonValue object(int depth, JsonPlace place);
  JsonValue number(JsonPlace place);
  JsonValue word(JsonPlace place);
  std::string string();
  void escape(std::string &to);
  uint32_t hexDigits();

  std::string_view text;
  const JsonLimits &limits;
  size_t at = 0, lineStart = 0, values = 0;
  uint32_t line = 1;
  std::string fault;
  JsonPlace faultAt;
};

JsonValue JsonParser::value(int depth) {
  skipSpace();
  const JsonPlace place = here();
  if (++values > limits.values) {
    failWith("expected at most " + std::to_string(limits.values) + " values", "more");
    return {};
  }
  const char c = at < text.size() ? text[at] : '\0';
  if ((c == '{' || c == '[') && depth == limits.depth) {
    failWith("expected at most " + std::to_string(limits.depth) + " levels of nesting", "");
    return {};
  }
  if (c == '{')
    return object(depth + 1, place);
  if (c == '[')
    return array(depth + 1, place);
  if (c == '"')
    return JsonValue(string(), place);
  return isDigit(c) || c == '-' ? number(place) : word(place);
}

JsonValue JsonParser::word(JsonPlace place) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (take("true"))
    return JsonValue(true, place);
  if (take("false"))
    return JsonValue(false, place);
  if (take("null"))
    return JsonValue(std::monostate(), place);
  if (take("Infinity"))
    return JsonValue(kInfinity, place);
  if (take("-Infinity"))
    return JsonValue(-kInfinity, place);
  if (take("NaN"))
    return JsonValue(std::numeric_limits<double>::quiet_NaN(), place);
  fail("a JSON value");
  return {};
}

JsonValue JsonParser::number(JsonPlace place) {
  size_t end = at + (text[at] == '-');
  auto skipDigits = [&] {
    const size_t begin = end;
    while (end < text.size() && isDigit(text[end]))
      ++end;
    return end > begin;
  };
  const bool startsWithZero = end < text.size() && text[end] == '0';
  if (end < text.size() && text[end] == 'I')
    return word(place);
  bool isNumber = startsWithZero ? (++end, true) : skipDigits(), isWhole = true;
  if (isNumber && end < text.size() && text[end] == '.') {
    ++end;
    isNumber = skipDigits();
    isWhole = false;
  }
  if (isNumber && end < text.size() && (text[end] | 0x20) == 'e') {
    ++end;
    end += end < text.size() && (text[end] == '+' || text[end] == '-');
    isNumber = skipDigits();
    isWhole = false;
  }
  if (!isNumber || (end < text.size() && isWord(text[end]))) {
    fail("a JSON value");
    return {};
  }
  const char *first = text.data() + at, *last = text.data() + end;
  int64_t whole = 0;
  uint64_t large = 0;
  if (isWhole && std::from_chars(first, last, whole).ec == std::errc()) {
    at = end;
    return JsonValue(whole, place);
  }
  if (isWhole && std::from_chars(first, last, large).ec == std::errc()) {
    at = end;
    return JsonValue(large, place);
  }
  // from_chars does not tell what is too small, which is 0, from what is too large.
  const double real = std::strtod(std::string(first, last).c_str(), nullptr);
  if (!std::isfinite(real)) {
    fail("a number that a double holds");
    return {};
  }
  at = end;
  return JsonValue(real, place);
}

uint32_t JsonParser::hexDigits() {
  uint32_t code = 0;
  const char *first = text.data() + at, *last = text.data() + std::min(at + 4, text.size());
  auto [end, status] = std::from_chars(first, last, code, 16);
  if (status != std::errc() || end != first + 4) {
    fail("four hexadecimal digits");
    return 0;
  }
  at += 4;
  return code;
}

void JsonParser::escape(std::string &to) {
  constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  const size_t known = at < text.size() ? kNames.find(text[at]) : std::string_view::npos;
  if (known != std::string_view::npos) {
    to += kMeanings[known];
    ++at;
    return;
  }
  if (!take("u")) {
    fail("an escape sequence");
    return;
  }
  uint32_t code = hexDigits();
  const bool isHigh = code >= 0xd800 && code < 0xdc00;
  if (isHigh && take("\\u")) {
    const uint32_t low = hexDigits();
    if (low >= 0xdc00 && low < 0xe000)
      return appendUtf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), to);
  }
  if (code >= 0xd800 && code < 0xe000)
    fail("both halves of a surrogate pair");
  appendUtf8(code, to);
}

std::string JsonParser::string() {
  ++at;
  std::string result;
  while (!failed()) {
    size_t plain = at;
    while (plain < text.size() && isPlain(text[plain]))
      ++plain;
    result += text.substr(at, plain - at);
    at = plain;
    if (at == text.size()) {
      fail("the end of a string");
      break;
    }
    if (take("\""))
      break;
    if (take("\\")) {
      escape(result);
      continue;
    }
    const size_t bytes = sequenceBytes(text.substr(at));
    if (bytes == 0)
      fail("UTF-8");
    else if (static_cast<unsigned char>(text[at]) < 0x20)
      fail("a string without control characters");
    result += text.substr(at, bytes);
    at += bytes;
  }
  return result;
}

JsonValue JsonParser::array(int depth, JsonPlace place) {
  JsonValue::Array result;
  ++at;
  skipSpace();
  if (take("]"))
    return JsonValue(std::move(result), place);
  while (!failed()) {
    result.push_back(value(depth));
    skipSpace();
    if (failed() || take("]"))
      break;
    if (!take(","))
      fail("',' or ']'");
  }
  return JsonValue(std::move(result), place);
}

/// Of members with one name the first gets the last one's value, and stays.
void mergeMembers(JsonValue::Object &members) {
  std::unordered_map<std::string_view, size_t> known;
  std::vector<bool> isRepeated(members.size());
  for (size_t i = 0; i < members.size(); ++i)
    if (auto [first, isNew] = known.try_emplace(members[i].name, i); !isNew) {
      members[first->second].value = std::move(members[i].value);
      isRepeated[i] = true;
    }
  if (known.size() == members.size())
    return;
  JsonValue::Object kept;
  for (size_t i = 0; i < members.size(); ++i)
    if (!isRepeated[i])
      kept.push_back(std::move(members[i]));
  members = std::move(kept);
}

JsonValue JsonParser::object(int depth, JsonPlace place) {
  JsonValue::Object result;
  ++at;
  skipSpace();
  if (take("}"))
    return JsonValue(std::move(result), place);
  while (!failed()) {
    skipSpace();
    if (at == text.size() || text[at] != '"') {
      fail("a name in quotes");
      break;
    }
    JsonMember &member = result.emplace_back();
    member.name = string();
    skipSpace();
    if (!failed() && !take(":"))
      fail("':'");
    if (!failed())
      member.value = value(depth);
    skipSpace();
    if (failed() || take("}"))
      break;
    if (!take(","))
      fail("',' or '}'");
  }
  if (!failed())
    mergeMembers(result);
  return JsonValue(std::move(result), place);
}

} // namespace

std::optional<JsonValue> bluec::parseJson(std::string_view text, std::string_view file,
                                          const JsonLimits &limits, std::string &fault) {
  if (text.size() > limits.bytes) {
    constexpr size_t kMebi = size_t{1} << 20;
    fault = std::string(file) + ": expected at most " + std::to_string(limits.bytes / kMebi) +
            " MiB, found " + std::to_string(text.size()) + " bytes";
    return std::nullopt;
  }
  JsonParser parser(text, limits);
  std::optional<JsonValue> result = parser.document();
  if (!result)
    fault = jsonPlaceText(file, parser.faultPlace()) + ": " + parser.message();
  return result;
}
