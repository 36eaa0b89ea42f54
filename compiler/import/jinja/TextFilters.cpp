// Filters on strings, and those that make strings.
#include "compiler/import/jinja/Builtins.h"
#include "compiler/import/jinja/CodePoints.h"
#include "compiler/import/jinja/Format.h"
#include "compiler/import/jinja/Operators.h"
#include "compiler/import/jinja/TextMethods.h"
#include "compiler/import/jinja/ValueText.h"

using namespace bluec::jinja;

/// A safe string stays safe.
static Value likeSelf(Call &call, std::string text) {
  return makeText(std::move(text), call.budget, call.selfIsSafe());
}

static Value trim(Call &call) {
  const std::string text = call.selfStr();
  const bool isPlain = !call.has(0) || call.at(0).isNone();
  return likeSelf(
      call, std::string(isPlain ? strip(text, Side::Both) : strip(text, call.text(0), Side::Both)));
}

static Value replace(Call &call) {
  // Autoescape is off, so that the result is never safe.
  return makeText(replaceAll(call.selfStr(), strOf(call.at(0), call.budget),
                             strOf(call.at(1), call.budget), call.whole(2, -1), call.budget),
                  call.budget);
}

static Value escape(Call &call) {
  if (call.selfIsSafe())
    return call.self;
  return makeText(escapeHtml(call.selfStr()), call.budget, true);
}

static Value forceEscape(Call &call) {
  return makeText(escapeHtml(call.selfStr()), call.budget, true);
}

static Value string(Call &call) {
  return call.self.text() ? call.self : makeText(call.selfStr(), call.budget);
}

static Value safe(Call &call) { return makeText(call.selfStr(), call.budget, true); }

static Value indent(Call &call) {
  const Text &text = call.selfText();
  if (text.isSafe)
    fail("expected no safe str for filter 'indent', which bluec does not evaluate, found one");
  std::string indention;
  if (call.at(0).text()) {
    indention = call.text(0);
  } else {
    if (call.has(0) && !call.at(0).whole())
      failExpected("a whole number or a str for filter 'indent'", call.at(0));
    const int64_t width = call.whole(0, 4);
    call.budget.spendText(width > 0 ? static_cast<size_t>(width) : 0);
    indention = std::string(width > 0 ? static_cast<size_t>(width) : 0, ' ');
  }
  const bool indentsFirst = call.truth(1, false), indentsBlank = call.truth(2, false);
  const std::string whole = text.bytes + "\n";
  std::string result = indentsFirst ? indention : "";
  bool isFirst = true;
  GrowingText growth(call.budget);
  for (std::string_view line : splitLines(whole, false)) {
    if (!isFirst)
      result += "\n";
    if (!isFirst && (indentsBlank || !line.empty()))
      result += indention;
    result += line;
    isFirst = false;
    growth.reached(result.size());
  }
  return makeText(std::move(result), call.budget);
}

static Value toJson(Call &call) {
  JsonStyle style;
  style.ensuresAscii = call.truth(0, false);
  if (call.has(1) && !call.at(1).isNone()) {
    const std::optional<int64_t> width = call.at(1).whole();
    if (!width && !call.at(1).text())
      failExpected("a whole number or a str for 'indent' of filter 'tojson'", call.at(1));
    const size_t spaces = width && *width > 0 ? static_cast<size_t>(*width) : 0;
    call.budget.spendText(spaces);
    style.indent = width ? std::string(spaces, ' ') : call.text(1);
    style.itemSeparator = ",";
  }
  if (call.has(2) && !call.at(2).isNone()) {
    const std::vector<Value> separators = valuesOf(call.at(2), call.budget);
    if (separators.size() != 2 || !separators[0].text() || !separators[1].text())
      fail("expected two strs for 'separators' of filter 'tojson', found others");
    style.itemSeparator = separators[0].text()->bytes;
    style.keySeparator = separators[1].text()->bytes;
  }
  style.sortsKeys = call.truth(3, false);
  return makeText(jsonOf(call.self, style, call.budget), call.budget);
}

static Value format(Call &call) {
  Arguments &given = call.all();
  if (!given.positional.empty() && !given.named.empty())
    fail("filter 'format': expected arguments by place or by name, found both");
  Value values = Value::tuple(std::move(given.positional));
  if (!given.named.empty())
    values = Value::dict(std::move(given.named));
  return formatPercent(Value(call.selfStr(), call.selfIsSafe()), values, call.budget);
}

static Value center(Call &call) {
  return likeSelf(call, justify(call.selfStr(), call.whole(0, 80), " ", '^', call.budget));
}

static Value truncate(Call &call) {
  const int64_t length = call.whole(0, 255), leeway = call.whole(3, 5);
  const std::string end = call.has(2) ? call.text(2) : "...";
  const auto tail = static_cast<int64_t>(countCodePoints(end));
  if (length < tail || leeway < 0)
    fail("expected a length for filter 'truncate' of at least its end, found " +
         std::to_string(length));
  const auto size = static_cast<int64_t>(call.self.length().value_or(0));
  if (call.self.length() && (size <= length || size - length <= leeway))
    return call.self;
  const Text &text = call.selfText();
  if (text.isSafe)
    fail("expected no safe str for filter 'truncate', which bluec does not evaluate, found one");
  std::string_view kept = text.bytes;
  kept = kept.substr(0, offsetOf(kept, static_cast<size_t>(length - tail)));
  if (!call.truth(1, false))
    kept = kept.substr(0, kept.rfind(' '));
  return makeText(std::string(kept) + end, call.budget);
}

static Value wordCount(Call &call) {
  const std::string text = call.selfStr();
  int64_t count = 0;
  bool isInWord = false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80)
      fail("expected text of ASCII for filter 'wordcount', found other");
    const char lower = static_cast<char>(c | 0x20);
    const bool isWord = (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || c == '_';
    count += isWord && !isInWord;
    isInWord = isWord;
  }
  return count;
}

// clang-format off
static const Builtin kFilters[] = {
  {"capitalize",  "",                                        0, [](Call &c) { return likeSelf(c, capitalize(c.selfStr())); }},
  {"center",      "width",                                   0, center},
  {"e",           "/",                                       0, escape},
  {"escape",      "/",                                       0, escape},
  {"forceescape", "",                                        0, forceEscape},
  {"format",      "*",                                       0, format},
  {"indent",      "width first blank",                       0, indent},
  {"lower",       "",                                        0, [](Call &c) { return likeSelf(c, lowerCase(c.selfStr())); }},
  {"replace",     "old new count",                           2, replace},
  {"safe",        "",                                        0, safe},
  {"string",      "/",                                       0, string},
  {"title",       "",                                        0, [](Call &c) { return makeText(titleWords(c.selfStr()), c.budget); }},
  {"tojson",      "ensure_ascii indent separators sort_keys", 0, toJson},
  {"trim",        "chars",                                   0, trim},
  {"truncate",    "length killwords end leeway",             0, truncate},
  {"upper",       "",                                        0, [](Call &c) { return likeSelf(c, upperCase(c.selfStr())); }},
  {"wordcount",   "",                                        0, wordCount},
};
// clang-format on

std::span<const Builtin> bluec::jinja::textFilters() { return kFilters; }
