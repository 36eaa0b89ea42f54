#include "compiler/import/jinja/Lexer.h"

#include "compiler/import/jinja/Budget.h"
#include "compiler/import/jinja/CodePoints.h"

#include <algorithm>
#include <charconv>
#include <optional>

using namespace bluec::jinja;

namespace {

using Kind = Token::Kind;

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) { return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_'; }
bool isNamePart(char c) { return isNameStart(c) || isDigit(c); }

/// With \n for every kind of newline, and without a single one at the end.
std::string normalized(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
      continue;
    result += text[i] == '\r' ? '\n' : text[i];
  }
  if (result.ends_with('\n'))
    result.pop_back();
  return result;
}

class Lexer {
public:
  Lexer(std::string_view text, int &place) : source(normalized(text)), line(place) { line = 1; }

  std::vector<Token> run() {
    while (at < source.size())
      root();
    add(Kind::End);
    return std::move(tokens);
  }

private:
  std::string_view rest() const { return std::string_view(source).substr(at); }
  bool startsWith(std::string_view what) const { return rest().starts_with(what); }
  size_t skipSpace(size_t from) const {
    while (from < source.size() && isSpace(codePointOf(std::string_view(source).substr(from))))
      from += codePointBytes(std::string_view(source).substr(from));
    return from;
  }
  /// The line is that of `at`.
  void moveTo(size_t to) {
    line += static_cast<int>(std::count(source.begin() + static_cast<std::ptrdiff_t>(at),
                                        source.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at = to;
  }
  Token &add(Kind kind, std::string text = {}) {
    tokens.push_back({kind, line, std::move(text)});
    return tokens.back();
  }

  void root();
  void addData(size_t end, char sign, bool isVariable);
  void raw(size_t begin);
  void comment();
  void tag(bool isVariable);
  size_t tagEnd(bool isVariable) const;
  std::optional<size_t> endOf(size_t from, std::string_view close, bool takesNewline) const;
  std::optional<size_t> rawBegin(size_t from) const;
  std::optional<size_t> rawEnd(size_t from) const;
  void token();
  void number();
  bool real();
  void string();
  void operation();

  const std::string source;
  int &line;
  size_t at = 0;
  bool isAtLineStart = true; // what was matched last ended in a newline
  std::string open;          // brackets to be closed
  std::vector<Token> tokens;
};

/// Text up to a tag at `end`; `sign` is what follows the tag's braces.
void Lexer::addData(size_t end, char sign, bool isVariable) {
  std::string_view text = std::string_view(source).substr(at, end - at);
  if (sign == '-') {
    text = strip(text, Side::Right);
  } else if (sign != '+' && !isVariable) {
    const size_t lineStart = text.rfind('\n') + 1; // npos + 1 is 0
    if ((lineStart > 0 || isAtLineStart) && strip(text.substr(lineStart), Side::Left).empty())
      text = text.substr(0, lineStart);
  }
  if (!text.empty())
    add(Kind::Data, std::string(text));
  moveTo(end);
}

void Lexer::root() {
  size_t begin = at;
  while (true) {
    begin = source.find('{', begin);
    if (begin == std::string::npos || begin + 1 >= source.size()) {
      add(Kind::Data, std::string(rest()));
      moveTo(source.size());
      return;
    }
    if (std::string_view("{%#").find(source[begin + 1]) != std::string_view::npos)
      break;
    ++begin;
  }
  const char sort = source[begin + 1];
  const char next = begin + 2 < source.size() ? source[begin + 2] : '\0';
  const char sign = next == '-' || next == '+' ? next : '\0';
  addData(begin, sign, sort == '{');
  const size_t inside = begin + 2 + (sign != '\0');
  if (const std::optional<size_t> end = sort == '%' ? rawBegin(inside) : std::nullopt) {
    raw(*end);
    return;
  }
  moveTo(inside);
  isAtLineStart = false;
  if (sort == '#') {
    comment();
    return;
  }
  add(sort == '{' ? Kind::VariableBegin : Kind::BlockBegin);
  tag(sort == '{');
}

/// Behind "raw %}", where a tag's inside at `from` is that.
std::optional<size_t> Lexer::rawBegin(size_t from) const {
  from = skipSpace(from);
  if (!std::string_view(source).substr(from).starts_with("raw"))
    return std::nullopt;
  from = skipSpace(from + 3);
  const std::string_view end = std::string_view(source).substr(from);
  if (end.starts_with("-%}"))
    return skipSpace(from + 3);
  return end.starts_with("%}") ? std::optional(from + 2) : std::nullopt;
}

/// Behind an end such as "%}", "-%}" or "+%}" at `from`.
std::optional<size_t> Lexer::endOf(size_t from, std::string_view close, bool takesNewline) const {
  const std::string_view text = std::string_view(source).substr(from);
  const bool hasSign = text.starts_with('-') || text.starts_with('+');
  if (!text.substr(hasSign).starts_with(close))
    return std::nullopt;
  const size_t end = from + hasSign + close.size();
  if (text[0] == '-')
    return skipSpace(end);
  if (text[0] == '+')
    return takesNewline ? std::optional(end) : std::nullopt;
  return end + (takesNewline && end < source.size() && source[end] == '\n');
}

/// Behind an endraw tag that begins at `from`.
std::optional<size_t> Lexer::rawEnd(size_t from) const {
  const std::string_view text = std::string_view(source).substr(from);
  if (!text.starts_with("{%"))
    return std::nullopt;
  const bool hasSign = text.substr(2).starts_with('-') || text.substr(2).starts_with('+');
  from = skipSpace(from + 2 + hasSign);
  if (!std::string_view(source).substr(from).starts_with("endraw"))
    return std::nullopt;
  return endOf(skipSpace(from + 6), "%}", true);
}

void Lexer::raw(size_t begin) {
  isAtLineStart = source[begin - 1] == '\n';
  moveTo(begin);
  if (at == source.size()) // Jinja misses no end where nothing follows
    return;
  for (size_t end = source.find("{%", at); end != std::string::npos;
       end = source.find("{%", end + 1)) {
    const std::optional<size_t> behind = rawEnd(end);
    if (!behind)
      continue;
    const char sign = source[end + 2];
    addData(end, sign, false);
    moveTo(*behind);
    isAtLineStart = source[at - 1] == '\n';
    return;
  }
  fail("expected {% endraw %}, found the end");
}

void Lexer::comment() {
  if (at == source.size())
    return;
  for (size_t end = at; end < source.size(); ++end) {
    end = source.find_first_of("#-+", end);
    if (end == std::string::npos)
      break;
    if (const std::optional<size_t> behind = endOf(end, "#}", true)) {
      moveTo(*behind);
      isAtLineStart = source[at - 1] == '\n';
      return;
    }
  }
  fail("expected #} after a comment, found the end");
}

void Lexer::tag(bool isVariable) {
  while (at < source.size()) {
    const std::optional<size_t> end =
        open.empty() ? endOf(at, isVariable ? "}}" : "%}", !isVariable) : std::nullopt;
    if (end) {
      add(isVariable ? Kind::VariableEnd : Kind::BlockEnd);
      moveTo(*end);
      isAtLineStart = source[at - 1] == '\n';
      return;
    }
    moveTo(skipSpace(at));
    if (at < source.size() && !(open.empty() && endOf(at, isVariable ? "}}" : "%}", !isVariable)))
      token();
  }
}

void Lexer::token() {
  const char c = source[at];
  if (isDigit(c))
    number();
  else if (isNameStart(c)) {
    size_t end = at;
    while (end < source.size() && isNamePart(source[end]))
      ++end;
    if (end < source.size() && static_cast<unsigned char>(source[end]) >= 0x80)
      fail("expected a name of ASCII letters, found another");
    constexpr size_t kMostBytes = 256;
    if (end - at > kMostBytes)
      fail("expected names of at most 256 bytes, found a longer one");
    add(Kind::Name, source.substr(at, end - at));
    at = end;
  } else if (c == '\'' || c == '"')
    string();
  else
    operation();
}

/// Digits with single underscores between them; false when there are none. Moves `from` behind.
static bool skipDigits(std::string_view text, size_t &from) {
  const size_t begin = from;
  while (from < text.size() &&
         (isDigit(text[from]) ||
          (text[from] == '_' && from > begin && from + 1 < text.size() && isDigit(text[from + 1]))))
    ++from;
  return from > begin;
}

bool Lexer::real() {
  const std::string_view text = rest();
  if (at > 0 && source[at - 1] == '.')
    return false;
  size_t end = 0;
  skipDigits(text, end);
  size_t behind = end;
  bool isReal = false;
  if (behind < text.size() && text[behind] == '.' && skipDigits(text, ++behind)) {
    end = behind;
    isReal = true;
  }
  behind = end;
  if (behind < text.size() && (text[behind] | 0x20) == 'e') {
    ++behind;
    behind += behind < text.size() && (text[behind] == '+' || text[behind] == '-');
    if (skipDigits(text, behind)) {
      end = behind;
      isReal = true;
    }
  }
  if (!isReal)
    return false;
  std::string digits(text.substr(0, end));
  std::erase(digits, '_');
  Token &token = add(Kind::Float, digits);
  if (std::from_chars(digits.data(), digits.data() + digits.size(), token.real).ec != std::errc())
    fail("expected a number that a float holds, found " + digits);
  at += end;
  return true;
}

void Lexer::number() {
  if (real())
    return;
  const std::string_view text = rest();
  const char letter = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
  const auto isDigitOfBase = [&](char c) {
    const int value = isDigit(c)                               ? c - '0'
                      : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                               : 16;
    return value < base;
  };
  std::string digits;
  size_t end = 0;
  const auto take = [&](auto isTaken) {
    while (end < text.size()) {
      const bool skips = text[end] == '_' && end > 0 && text[end - 1] != '_';
      if (end + skips >= text.size() || !isTaken(text[end + skips]))
        break;
      digits += text[end + skips];
      end += 1 + skips;
    }
  };
  if (base != 10) {
    end = 2;
    take(isDigitOfBase);
    if (digits.empty())
      end = 0;
  }
  // Zeros do not begin another number: the digits behind them are the next one.
  if (end == 0 && text[0] == '0')
    take([](char c) { return c == '0'; });
  else if (end == 0)
    take(isDigit);
  Token &token = add(Kind::Integer, digits);
  if (std::from_chars(digits.data(), digits.data() + digits.size(), token.whole, base).ec !=
      std::errc())
    fail("expected whole numbers of 64 bits, found " + digits);
  at += end;
}

//===------------------------------------------------------------------------------------------===//
// Strings
//===------------------------------------------------------------------------------------------===//

/// The code point of `digits` hexadecimal digits, which are taken from `text`.
static uint32_t takeHex(std::string_view &text, size_t digits) {
  uint32_t value = 0;
  const char *end = text.data() + std::min(digits, text.size());
  const auto read = std::from_chars(text.data(), end, value, 16);
  if (text.size() < digits || read.ec != std::errc() || read.ptr != end)
    fail("expected " + std::to_string(digits) + " hexadecimal digits in a string, found others");
  if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    fail("expected an escape of a Unicode character in a string, found another");
  text.remove_prefix(digits);
  return value;
}

static uint32_t takeOctal(std::string_view &text) {
  uint32_t value = 0;
  for (int i = 0; i < 3 && !text.empty() && text[0] >= '0' && text[0] <= '7'; ++i) {
    value = value * 8 + static_cast<uint32_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  return value;
}

/// As Python's codec unicode-escape, before which Jinja escapes all that is not ASCII.
static std::string unescape(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t plain = std::min(text.find('\\'), text.size());
    result += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty())
      break;
    constexpr std::string_view kLetters = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
    const char c = text[1]; // a backslash is never the last
    const size_t letter = kLetters.find(c);
    if (letter != kLetters.npos) {
      result += kMeanings[letter];
      text.remove_prefix(2);
    } else if (c == '\n') {
      text.remove_prefix(2);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      text.remove_prefix(2);
      appendCodePoint(result, takeHex(text, c == 'x' ? 2 : c == 'u' ? 4 : 8));
    } else if (c >= '0' && c <= '7') {
      text.remove_prefix(1);
      appendCodePoint(result, takeOctal(text));
    } else if (c == 'N') {
      fail("expected no \\N in a string, which bluec does not evaluate, found one");
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      // The backslash is of the escape that the character became.
      text.remove_prefix(1);
      const uint32_t code = codePointOf(text);
      char digits[16];
      const char *end = std::to_chars(digits, digits + sizeof digits, code, 16).ptr;
      const std::string hex(digits, static_cast<size_t>(end - digits));
      const size_t width = code < 0x100 ? 2 : code < 0x10000 ? 4 : 8;
      result += code < 0x100 ? "\\x" : code < 0x10000 ? "\\u" : "\\U";
      result += std::string(width - hex.size(), '0') + hex;
      text.remove_prefix(codePointBytes(text));
    } else {
      result += '\\';
      text.remove_prefix(1);
    }
  }
  return result;
}

void Lexer::string() {
  const char quote = source[at];
  size_t end = at + 1;
  while (end < source.size() && source[end] != quote)
    end += source[end] == '\\' ? 2 : 1;
  if (end >= source.size())
    fail("expected a string's closing quote, found the end");
  add(Kind::String, unescape(std::string_view(source).substr(at + 1, end - at - 1)));
  moveTo(end + 1);
}

void Lexer::operation() {
  constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                             "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                             ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
  const auto *found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                   [&](std::string_view one) { return startsWith(one); });
  if (found == std::end(kOperators))
    fail("expected an expression, found '" + source.substr(at, codePointBytes(rest())) + "'");
  const char c = source[at];
  if (c == '(' || c == '[' || c == '{')
    open += c == '(' ? ')' : c == '[' ? ']' : '}';
  if (c == ')' || c == ']' || c == '}') {
    if (!open.ends_with(c))
      fail("expected " +
           (open.empty() ? "no closing bracket" : "'" + open.substr(open.size() - 1) + "'") +
           ", found '" + c + "'");
    open.pop_back();
  }
  add(Kind::Operator, std::string(*found));
  at += found->size();
}

} // namespace

std::vector<Token> bluec::jinja::tokenize(std::string_view text, int &line) {
  return Lexer(text, line).run();
}
