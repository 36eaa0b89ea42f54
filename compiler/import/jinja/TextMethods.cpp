// Methods of str.
#include "compiler/import/jinja/TextMethods.h"

#include "compiler/import/jinja/CodePoints.h"
#include "compiler/import/jinja/Format.h"
#include "compiler/import/jinja/ValueText.h"

#include <algorithm>

using namespace bluec::jinja;

std::string bluec::jinja::replaceAll(std::string_view text, std::string_view old,
                                     std::string_view with, int64_t count, Budget &budget) {
  std::string result;
  GrowingText growth(budget);
  budget.spendText(text.size());
  while (count != 0) {
    // Nothing is found between all characters, and at both ends.
    const size_t at = findText(text, old);
    if (at == text.npos)
      break;
    result += text.substr(0, at);
    result += with;
    text.remove_prefix(at + old.size());
    count -= count > 0;
    if (old.empty()) {
      if (text.empty())
        break;
      const size_t bytes = codePointBytes(text);
      result += text.substr(0, bytes);
      text.remove_prefix(bytes);
    }
    growth.reached(result.size());
  }
  result += text;
  growth.reached(result.size());
  return result;
}

std::string bluec::jinja::justify(std::string_view text, int64_t width, std::string_view fill,
                                  char align, Budget &budget) {
  if (countCodePoints(fill) != 1)
    fail("expected one character to fill with, found '" + std::string(fill) + "'");
  const auto length = static_cast<int64_t>(countCodePoints(text));
  const int64_t missing = std::max<int64_t>(width - length, 0);
  budget.spendText(text.size());
  budget.spendText(static_cast<size_t>(missing));
  int64_t left = align == '>' ? missing : 0;
  if (align == '^')
    left = missing / 2 + (missing & width & 1);
  std::string result;
  for (int64_t i = 0; i < left; ++i)
    result += fill;
  result += text;
  for (int64_t i = left; i < missing; ++i)
    result += fill;
  return result;
}

/// A safe string stays safe.
static Value likeSelf(const Call &call, std::string_view text) {
  return makeText(std::string(text), call.budget, call.selfIsSafe());
}

static Value listLikeSelf(const Call &call, const std::vector<std::string_view> &parts) {
  std::vector<Value> values;
  for (std::string_view part : parts)
    values.push_back(likeSelf(call, part));
  return makeList(std::move(values), call.budget);
}

/// An argument that joins the text: escaped when that is safe.
static std::string joined(const Call &call, const Value &value) {
  if (!value.text())
    failExpected("a str for " + call.who(), value);
  return call.selfIsSafe() && !value.text()->isSafe ? escapeHtml(value.text()->bytes)
                                                    : value.text()->bytes;
}

template <Side side> static Value stripped(Call &call) {
  const std::string_view text = call.selfText().bytes;
  call.budget.spendText(text.size());
  const bool isPlain = !call.has(0) || call.at(0).isNone();
  return likeSelf(call, isPlain ? strip(text, side) : strip(text, call.text(0), side));
}

//===------------------------------------------------------------------------------------------===//
// Splitting and joining
//===------------------------------------------------------------------------------------------===//

/// At runs of white space; what is left over after `count` splits stays whole. In order.
static std::vector<std::string_view> splitWords(std::string_view text, int64_t count,
                                                bool isFromRight) {
  std::vector<std::string_view> words;
  size_t begin = 0, at = 0;
  const auto close = [&](size_t end) {
    if (end > begin)
      words.push_back(text.substr(begin, end - begin));
  };
  while (at < text.size()) {
    const size_t here = at;
    at += codePointBytes(text.substr(at));
    if (!isSpace(codePointOf(text.substr(here))))
      continue;
    close(here);
    begin = at;
  }
  close(text.size());
  if (count < 0 || words.size() <= static_cast<size_t>(count))
    return words;
  const auto kept = static_cast<size_t>(count);
  if (isFromRight) {
    const std::string_view end = words[words.size() - kept - 1];
    words.erase(words.begin(), words.end() - static_cast<std::ptrdiff_t>(kept + 1));
    words[0] = text.substr(0, static_cast<size_t>(end.data() + end.size() - text.data()));
  } else {
    words.resize(kept + 1);
    words[kept] = text.substr(static_cast<size_t>(words[kept].data() - text.data()));
  }
  return words;
}

static std::vector<std::string_view> splitAt(std::string_view text, std::string_view separator,
                                             int64_t count, bool isFromRight) {
  std::vector<std::string_view> parts;
  while (count-- != 0) {
    const size_t at = isFromRight ? findLastText(text, separator) : findText(text, separator);
    if (at == text.npos)
      break;
    parts.push_back(isFromRight ? text.substr(at + separator.size()) : text.substr(0, at));
    text = isFromRight ? text.substr(0, at) : text.substr(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

template <bool isFromRight> static Value split(Call &call) {
  const std::string_view text = call.selfText().bytes;
  const int64_t count = std::max<int64_t>(call.whole(1, -1), -1);
  call.budget.spendText(text.size());
  if (!call.has(0) || call.at(0).isNone())
    return listLikeSelf(call, splitWords(text, count, isFromRight));
  if (call.text(0).empty())
    fail(call.who() + ": expected a separator, found none");
  std::vector<std::string_view> parts = splitAt(text, call.text(0), count, isFromRight);
  if (isFromRight)
    std::reverse(parts.begin(), parts.end());
  return listLikeSelf(call, parts);
}

template <bool isFromRight> static Value partition(Call &call) {
  const std::string_view text = call.selfText().bytes;
  const std::string &separator = call.text(0);
  if (separator.empty())
    fail(call.who() + ": expected a separator, found none");
  const size_t at = isFromRight ? findLastText(text, separator) : findText(text, separator);
  if (at == text.npos) {
    if (isFromRight)
      return makeTuple({likeSelf(call, ""), likeSelf(call, ""), call.self}, call.budget);
    return makeTuple({call.self, likeSelf(call, ""), likeSelf(call, "")}, call.budget);
  }
  return makeTuple({likeSelf(call, text.substr(0, at)), likeSelf(call, separator),
                    likeSelf(call, text.substr(at + separator.size()))},
                   call.budget);
}

static Value join(Call &call) {
  const std::string &separator = call.selfText().bytes;
  const std::shared_ptr<Iterator> values = iterate(call.at(0), call.budget);
  std::string result;
  GrowingText growth(call.budget);
  bool isFirst = true;
  while (const std::optional<Value> one = values->next()) {
    if (!isFirst)
      result += separator;
    isFirst = false;
    result += joined(call, *one);
    growth.reached(result.size());
  }
  return likeSelf(call, result);
}

//===------------------------------------------------------------------------------------------===//
// Searching
//===------------------------------------------------------------------------------------------===//

/// The part between two code points, as methods that search take them, and where it begins.
static std::pair<std::string_view, int64_t> searched(Call &call, size_t place) {
  const Text &text = call.selfText();
  const auto length = static_cast<int64_t>(text.length);
  const auto bound = [&](size_t at, int64_t absent) {
    const int64_t index = call.whole(at, absent);
    return std::clamp<int64_t>(index < 0 ? std::max(index, -length) + length : index, 0, length);
  };
  call.budget.spendText(text.bytes.size());
  const int64_t begin = bound(place, 0), end = bound(place + 1, length);
  if (call.whole(place, 0) > length || end < begin)
    return {std::string_view(), -1};
  const std::string_view bytes = text.bytes;
  const size_t from = offsetOf(bytes, static_cast<size_t>(begin));
  const std::string_view rest = bytes.substr(from);
  return {rest.substr(0, offsetOf(rest, static_cast<size_t>(end - begin))), begin};
}

template <bool isFromRight> static int64_t indexOf(Call &call) {
  const auto [text, begin] = searched(call, 1);
  const std::string &what = call.text(0);
  if (begin < 0)
    return -1;
  const size_t at = isFromRight ? findLastText(text, what) : findText(text, what);
  if (at == text.npos)
    return -1;
  return begin + static_cast<int64_t>(countCodePoints(text.substr(0, at)));
}

template <bool isFromRight> static Value index(Call &call) {
  const int64_t found = indexOf<isFromRight>(call);
  if (found < 0)
    fail(call.who() + ": expected " + reprOf(call.text(0)) + " in a str, found none");
  return found;
}

static Value count(Call &call) {
  auto [text, begin] = searched(call, 1);
  const std::string &what = call.text(0);
  if (begin < 0)
    return 0;
  if (what.empty())
    return countCodePoints(text) + 1;
  int64_t found = 0;
  for (size_t at = findText(text, what); at != text.npos; at = findText(text, what)) {
    ++found;
    text.remove_prefix(at + what.size());
  }
  return found;
}

template <bool isAtEnd> static Value hasAffix(Call &call) {
  const auto [text, begin] = searched(call, 1);
  const auto matches = [&, text = text, begin = begin](const Value &affix) {
    if (!affix.text())
      failExpected("a str for " + call.who(), affix);
    const std::string_view what = affix.text()->bytes;
    return begin >= 0 && (isAtEnd ? text.ends_with(what) : text.starts_with(what));
  };
  if (!call.at(0).is(Kind::Tuple))
    return matches(call.at(0));
  const std::vector<Value> &affixes = call.at(0).sequence()->values;
  call.budget.spend(affixes.size());
  return std::any_of(affixes.begin(), affixes.end(), matches);
}

static Value removePrefix(Call &call) {
  std::string_view text = call.selfText().bytes;
  if (text.starts_with(call.text(0)))
    text.remove_prefix(call.text(0).size());
  return likeSelf(call, text);
}

static Value removeSuffix(Call &call) {
  std::string_view text = call.selfText().bytes;
  if (text.ends_with(call.text(0)))
    text.remove_suffix(call.text(0).size());
  return likeSelf(call, text);
}

//===------------------------------------------------------------------------------------------===//
// The rest
//===------------------------------------------------------------------------------------------===//

static Value replace(Call &call) {
  return likeSelf(call, replaceAll(call.selfText().bytes, call.text(0), joined(call, call.at(1)),
                                   call.whole(2, -1), call.budget));
}

template <char align> static Value justified(Call &call) {
  const std::string fill = call.has(1) ? joined(call, call.at(1)) : " ";
  return likeSelf(call, justify(call.selfText().bytes, call.whole(0, 0), fill, align, call.budget));
}

static Value zeroFill(Call &call) {
  std::string_view text = call.selfText().bytes;
  const bool hasSign = text.starts_with('-') || text.starts_with('+');
  const std::string sign(text.substr(0, hasSign));
  text.remove_prefix(hasSign);
  return likeSelf(call, sign + justify(text, call.whole(0, 0) - hasSign, "0", '>', call.budget));
}

static Value format(Call &call) {
  if (call.selfText().isSafe)
    fail("expected no safe str for method 'format', which bluec does not evaluate, found one");
  return likeSelf(call, formatBraces(call.selfText().bytes, call.all(), call.budget));
}

static Value splitLines(Call &call) {
  const std::string_view text = call.selfText().bytes;
  call.budget.spendText(text.size());
  return listLikeSelf(call, splitLines(text, call.flag(0)));
}

/// The text of a method that only looks at it.
static const std::string &paidText(const Call &call) {
  call.budget.spendText(call.selfText().bytes.size());
  return call.selfText().bytes;
}

/// Whether there are characters, and all of them are `isOne`; other letters than ASCII's fail.
template <typename IsOne> static Value consistsOf(Call &call, IsOne isOne) {
  const std::string &text = paidText(call);
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80)
      fail(call.who() + ": expected text of ASCII, found other");
  return !text.empty() && std::all_of(text.begin(), text.end(), isOne);
}

static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool isLetter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

static Value isAllSpace(Call &call) {
  const std::string_view text = paidText(call);
  return !text.empty() && strip(text, Side::Left).empty();
}

static Value isAscii(Call &call) {
  const Text &text = call.selfText();
  return text.length == text.bytes.size();
}

// clang-format off
static const Builtin kMethods[] = {
  {"capitalize",   "",                0, [](Call &c) { return likeSelf(c, capitalize(c.selfText().bytes)); }},
  {"casefold",     "",                0, [](Call &c) { return likeSelf(c, lowerCase(c.selfText().bytes)); }},
  {"center",       "/ width fill",    1, justified<'^'>},
  {"count",        "/ sub start end", 1, count},
  {"encode",       "*",               0, nullptr},
  {"endswith",     "/ suffix start end", 1, hasAffix<true>},
  {"expandtabs",   "*",               0, nullptr},
  {"find",         "/ sub start end", 1, [](Call &c) -> Value { return indexOf<false>(c); }},
  {"format",       "*",               0, format},
  {"format_map",   "*",               0, nullptr},
  {"index",        "/ sub start end", 1, index<false>},
  {"isalnum",      "",                0, [](Call &c) { return consistsOf(c, [](char x) { return isDigit(x) || isLetter(x); }); }},
  {"isalpha",      "",                0, [](Call &c) { return consistsOf(c, isLetter); }},
  {"isascii",      "",                0, isAscii},
  {"isdecimal",    "",                0, [](Call &c) { return consistsOf(c, isDigit); }},
  {"isdigit",      "",                0, [](Call &c) { return consistsOf(c, isDigit); }},
  {"isidentifier", "*",               0, nullptr},
  {"islower",      "",                0, [](Call &c) -> Value { return isLowerCase(paidText(c)); }},
  {"isnumeric",    "",                0, [](Call &c) { return consistsOf(c, isDigit); }},
  {"isprintable",  "*",               0, nullptr},
  {"isspace",      "",                0, isAllSpace},
  {"istitle",      "*",               0, nullptr},
  {"isupper",      "",                0, [](Call &c) -> Value { return isUpperCase(paidText(c)); }},
  {"join",         "/ iterable",      1, join},
  {"ljust",        "/ width fill",    1, justified<'<'>},
  {"lower",        "",                0, [](Call &c) { return likeSelf(c, lowerCase(c.selfText().bytes)); }},
  {"lstrip",       "/ chars",         0, stripped<Side::Left>},
  {"maketrans",    "*",               0, nullptr},
  {"partition",    "/ sep",           1, partition<false>},
  {"removeprefix", "/ prefix",        1, removePrefix},
  {"removesuffix", "/ suffix",        1, removeSuffix},
  {"replace",      "/ old new count", 2, replace},
  {"rfind",        "/ sub start end", 1, [](Call &c) -> Value { return indexOf<true>(c); }},
  {"rindex",       "/ sub start end", 1, index<true>},
  {"rjust",        "/ width fill",    1, justified<'>'>},
  {"rpartition",   "/ sep",           1, partition<true>},
  {"rsplit",       "sep maxsplit",    0, split<true>},
  {"rstrip",       "/ chars",         0, stripped<Side::Right>},
  {"split",        "sep maxsplit",    0, split<false>},
  {"splitlines",   "keepends",        0, splitLines},
  {"startswith",   "/ prefix start end", 1, hasAffix<false>},
  {"strip",        "/ chars",         0, stripped<Side::Both>},
  {"swapcase",     "",                0, [](Call &c) { return likeSelf(c, swapCase(c.selfText().bytes)); }},
  {"title",        "",                0, [](Call &c) { return likeSelf(c, titleCase(c.selfText().bytes)); }},
  {"translate",    "*",               0, nullptr},
  {"upper",        "",                0, [](Call &c) { return likeSelf(c, upperCase(c.selfText().bytes)); }},
  {"zfill",        "/ width",         1, zeroFill},
};
// clang-format on

std::span<const Builtin> bluec::jinja::textMethods() { return kMethods; }
