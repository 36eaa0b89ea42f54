#include "compiler/import/jinja/CodePoints.h"

#include "compiler/import/jinja/Budget.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <utility>

using namespace bluec;
using namespace bluec::jinja;

size_t jinja::codePointBytes(std::string_view text) {
  if (static_cast<unsigned char>(text[0]) < 0x80)
    return 1;
  const runtime::Decoded first = runtime::decodeUtf8(text);
  return first.valid ? first.bytes : 1;
}

uint32_t jinja::codePointOf(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte < 0x80)
    return byte;
  const runtime::Decoded first = runtime::decodeUtf8(text);
  return first.valid ? first.codePoint : 0xfffd;
}

size_t jinja::countCodePoints(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count)
    text.remove_prefix(codePointBytes(text));
  return count;
}

size_t jinja::offsetOf(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index)
    at += codePointBytes(text.substr(at));
  return at;
}

void jinja::appendCodePoint(std::string &text, uint32_t codePoint) {
  runtime::appendUtf8(text, codePoint);
}

std::vector<uint32_t> jinja::codePointsOf(std::string_view text) {
  std::vector<uint32_t> points;
  for (; !text.empty(); text.remove_prefix(codePointBytes(text)))
    points.push_back(codePointOf(text));
  return points;
}

/// By Knuth, Morris and Pratt; `at(i)` and `wanted(i)` are the bytes.
template <typename At, typename Wanted>
static size_t findLong(size_t size, size_t count, At at, Wanted wanted) {
  std::vector<size_t> border(count); // of each prefix: the longest that also ends it
  for (size_t i = 1, length = 0; i < count; ++i) {
    while (length > 0 && wanted(i) != wanted(length))
      length = border[length - 1];
    length += wanted(i) == wanted(length);
    border[i] = length;
  }
  for (size_t i = 0, length = 0; i < size; ++i) {
    while (length > 0 && at(i) != wanted(length))
      length = border[length - 1];
    length += at(i) == wanted(length);
    if (length == count)
      return i + 1 - count;
  }
  return std::string_view::npos;
}

constexpr size_t kShortText = 64; // where comparing at each place is no worse

size_t jinja::findText(std::string_view text, std::string_view what) {
  if (what.size() <= kShortText)
    return text.find(what);
  return findLong(
      text.size(), what.size(), [&](size_t i) { return text[i]; },
      [&](size_t i) { return what[i]; });
}

size_t jinja::findLastText(std::string_view text, std::string_view what) {
  if (what.size() <= kShortText)
    return text.rfind(what);
  const size_t found = findLong(
      text.size(), what.size(), [&](size_t i) { return text[text.size() - 1 - i]; },
      [&](size_t i) { return what[what.size() - 1 - i]; });
  return found == text.npos ? found : text.size() - found - what.size();
}

bool jinja::isSpace(uint32_t c) {
  if (c < 0x80)
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

template <typename Matches>
static std::string_view stripWhere(std::string_view text, Side side, Matches matches) {
  if (side != Side::Right)
    while (!text.empty() && matches(codePointOf(text)))
      text.remove_prefix(codePointBytes(text));
  if (side != Side::Left)
    while (!text.empty()) {
      size_t last = text.size() - 1;
      while (last > 0 && text.size() - last < 4 &&
             (static_cast<unsigned char>(text[last]) & 0xc0) == 0x80)
        --last;
      // What is no UTF-8 ends in a byte that stands alone.
      if (last + codePointBytes(text.substr(last)) != text.size())
        last = text.size() - 1;
      if (!matches(codePointOf(text.substr(last))))
        break;
      text.remove_suffix(text.size() - last);
    }
  return text;
}

std::string_view jinja::strip(std::string_view text, Side side) {
  return stripWhere(text, side, isSpace);
}

std::string_view jinja::strip(std::string_view text, std::string_view set, Side side) {
  std::vector<uint32_t> points = codePointsOf(set);
  std::sort(points.begin(), points.end());
  return stripWhere(
      text, side, [&](uint32_t c) { return std::binary_search(points.begin(), points.end(), c); });
}

static bool endsLine(uint32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::vector<std::string_view> jinja::splitLines(std::string_view text, bool keepsEnds) {
  std::vector<std::string_view> lines;
  size_t begin = 0, at = 0;
  while (at < text.size()) {
    const uint32_t c = codePointOf(text.substr(at));
    const size_t end = at;
    at += codePointBytes(text.substr(at));
    if (!endsLine(c))
      continue;
    if (c == '\r' && at < text.size() && text[at] == '\n')
      ++at;
    lines.push_back(text.substr(begin, (keepsEnds ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size())
    lines.push_back(text.substr(begin));
  return lines;
}

//===------------------------------------------------------------------------------------------===//
// Cases
//===------------------------------------------------------------------------------------------===//

/// Of blocks without a letter that has cases: such texts go through unchanged, as in Python.
static bool isKnownUncased(uint32_t c) {
  struct Range {
    uint32_t first, last;
  };
  constexpr Range kRanges[] = {
      {0x80, 0xa9},       {0xab, 0xb4},       {0xb6, 0xb9},     {0xbb, 0xbf},
      {0xd7, 0xd7},       {0xf7, 0xf7},       {0x590, 0x8ff},   {0x900, 0xfff},
      {0x1100, 0x139f},   {0x2000, 0x2070},   {0x2072, 0x207e}, {0x20a0, 0x20ff},
      {0x2190, 0x24b5},   {0x24ea, 0x2bff},   {0x2e00, 0xa63f}, {0xac00, 0xd7ff},
      {0xe000, 0xfaff},   {0xfe00, 0xff20},   {0xff5b, 0xffff}, {0x1f000, 0x1f12f},
      {0x1f18a, 0x1faff}, {0x20000, 0x3ffff},
  };
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto &range) { return c >= range.first && c <= range.last; });
}

static bool isLower(uint32_t c) { return c >= 'a' && c <= 'z'; }
static bool isUpper(uint32_t c) { return c >= 'A' && c <= 'Z'; }

/// Calls `change(c, isFirst)` for each character, which may change ASCII letters.
template <typename Change> static std::string changeCase(std::string_view text, Change change) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const size_t bytes = codePointBytes(text);
    const uint32_t c = codePointOf(text);
    if (c < 0x80) {
      result += change(static_cast<char>(c));
    } else {
      if (!isKnownUncased(c))
        fail("expected letters of ASCII where upper and lower case matter, found '" +
             std::string(text.substr(0, bytes)) + "'");
      change('\0'); // as any other that has no case
      result += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return result;
}

static char toLower(char c) {
  return isUpper(static_cast<unsigned char>(c)) ? static_cast<char>(c + 32) : c;
}
static char toUpper(char c) {
  return isLower(static_cast<unsigned char>(c)) ? static_cast<char>(c - 32) : c;
}
static bool isCased(char c) {
  return isLower(static_cast<unsigned char>(c)) || isUpper(static_cast<unsigned char>(c));
}

std::string jinja::lowerCase(std::string_view text) { return changeCase(text, toLower); }
std::string jinja::upperCase(std::string_view text) { return changeCase(text, toUpper); }

std::string jinja::swapCase(std::string_view text) {
  return changeCase(text, [](char c) {
    return isLower(static_cast<unsigned char>(c)) ? toUpper(c) : toLower(c);
  });
}

std::string jinja::capitalize(std::string_view text) {
  return changeCase(text, [isFirst = true](char c) mutable {
    return std::exchange(isFirst, false) ? toUpper(c) : toLower(c);
  });
}

std::string jinja::titleCase(std::string_view text) {
  return changeCase(text, [isInWord = false](char c) mutable {
    return std::exchange(isInWord, isCased(c)) ? toLower(c) : toUpper(c);
  });
}

std::string jinja::titleWords(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto startsWord = [](std::string_view at) {
      return isSpace(codePointOf(at)) || std::string_view("-({[<").find(at[0]) != at.npos;
    };
    size_t end = 0;
    while (end < text.size() && startsWord(text.substr(end)))
      end += codePointBytes(text.substr(end));
    result += text.substr(0, end);
    text.remove_prefix(end);
    for (end = 0; end < text.size() && !startsWord(text.substr(end));)
      end += codePointBytes(text.substr(end));
    result += capitalize(text.substr(0, end));
    text.remove_prefix(end);
  }
  return result;
}

bool jinja::isLowerCase(std::string_view text) {
  bool hasLower = false, hasUpper = false;
  changeCase(text, [&](char c) {
    hasLower |= isLower(static_cast<unsigned char>(c));
    hasUpper |= isUpper(static_cast<unsigned char>(c));
    return c;
  });
  return hasLower && !hasUpper;
}

bool jinja::isUpperCase(std::string_view text) {
  bool hasLower = false, hasUpper = false;
  changeCase(text, [&](char c) {
    hasLower |= isLower(static_cast<unsigned char>(c));
    hasUpper |= isUpper(static_cast<unsigned char>(c));
    return c;
  });
  return hasUpper && !hasLower;
}
