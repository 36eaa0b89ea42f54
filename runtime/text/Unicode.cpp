#include "text/Unicode.h"

#include <algorithm>
#include <vector>

namespace bluec::runtime {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd"; // U+FFFD

// The entry whose range holds `codePoint`, or null.
template <typename Range>
const Range *findRange(std::span<const Range> ranges, std::uint32_t codePoint) {
  auto after =
      std::upper_bound(ranges.begin(), ranges.end(), codePoint,
                       [](std::uint32_t value, const Range &range) { return value < range.first; });
  if (after == ranges.begin() || (after - 1)->last < codePoint)
    return nullptr;
  return &*(after - 1);
}

// Hangul syllables are composed by arithmetic: leading consonant, vowel, trailing consonant.
constexpr std::uint32_t kSyllables = 0xac00, kLeading = 0x1100, kVowels = 0x1161,
                        kTrailing = 0x11a7;
constexpr std::uint32_t kLeadingCount = 19, kVowelCount = 21, kTrailingCount = 28;
constexpr std::uint32_t kSyllableCount = kLeadingCount * kVowelCount * kTrailingCount;

std::uint32_t combiningClass(std::uint32_t codePoint) {
  const CombiningRange *range = findRange(unicodeTables.combining, codePoint);
  return range ? range->combiningClass : 0;
}

void decompose(std::uint32_t codePoint, std::vector<std::uint32_t> &out) {
  if (codePoint >= kSyllables && codePoint < kSyllables + kSyllableCount) {
    const std::uint32_t index = codePoint - kSyllables;
    out.push_back(kLeading + index / (kVowelCount * kTrailingCount));
    out.push_back(kVowels + index / kTrailingCount % kVowelCount);
    if (index % kTrailingCount != 0)
      out.push_back(kTrailing + index % kTrailingCount);
    return;
  }
  const auto table = unicodeTables.decompositions;
  auto entry =
      std::lower_bound(table.begin(), table.end(), codePoint,
                       [](const CodePointPair &e, std::uint32_t value) { return e.whole < value; });
  if (entry == table.end() || entry->whole != codePoint) {
    out.push_back(codePoint);
    return;
  }
  decompose(entry->first, out);
  if (entry->second != 0)
    out.push_back(entry->second); // the second part never decomposes further
}

// The character that `first` and `second` make together, or 0.
std::uint32_t compose(std::uint32_t first, std::uint32_t second) {
  if (first >= kLeading && first < kLeading + kLeadingCount && second >= kVowels &&
      second < kVowels + kVowelCount)
    return kSyllables + ((first - kLeading) * kVowelCount + (second - kVowels)) * kTrailingCount;
  if (first >= kSyllables && first < kSyllables + kSyllableCount &&
      (first - kSyllables) % kTrailingCount == 0 && second > kTrailing &&
      second < kTrailing + kTrailingCount)
    return first + (second - kTrailing);
  const auto table = unicodeTables.compositions;
  auto entry =
      std::lower_bound(table.begin(), table.end(), second, [&](const CodePointPair &e, auto value) {
        return e.first != first ? e.first < first : e.second < value;
      });
  if (entry == table.end() || entry->first != first || entry->second != second)
    return 0;
  return entry->whole;
}

// The code points of `text`, decomposed, with marks in order.
std::vector<std::uint32_t> decomposed(std::string_view text) {
  std::vector<std::uint32_t> points;
  points.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decodeUtf8(text.substr(at));
    decompose(next.valid ? next.codePoint : 0xfffd, points);
    at += next.bytes;
  }
  // Marks between two starters go in the order of their classes, equals as they stand.
  for (std::size_t begin = 0; begin < points.size(); ++begin) {
    struct Mark {
      std::uint32_t markClass;
      std::size_t at;
      std::uint32_t point;
    };
    std::vector<Mark> marks;
    while (begin + marks.size() < points.size()) {
      const std::size_t at = begin + marks.size();
      const std::uint32_t markClass = combiningClass(points[at]);
      if (markClass == 0)
        break;
      marks.push_back({markClass, at, points[at]});
    }
    std::sort(marks.begin(), marks.end(), [](const Mark &a, const Mark &b) {
      return a.markClass != b.markClass ? a.markClass < b.markClass : a.at < b.at;
    });
    for (const Mark &mark : marks)
      points[begin++] = mark.point;
  }
  return points;
}

std::string encoded(const std::vector<std::uint32_t> &points) {
  std::string result;
  result.reserve(points.size());
  for (std::uint32_t point : points)
    appendUtf8(result, point);
  return result;
}

// Whether all of `text` is below the code point that this lead byte begins with.
bool isBelow(std::string_view text, std::uint8_t lead) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return std::uint8_t(c) < lead; });
}

} // namespace

bool isSpace(std::uint32_t codePoint) {
  switch (codePoint) {
  case 0x20:
  case 0x85:
  case 0xa0:
  case 0x1680:
  case 0x2028:
  case 0x2029:
  case 0x202f:
  case 0x205f:
  case 0x3000:
    return true;
  default:
    return (codePoint >= 0x09 && codePoint <= 0x0d) || (codePoint >= 0x2000 && codePoint <= 0x200a);
  }
}

Decoded decodeUtf8(std::string_view text) {
  if (text.empty())
    return {};
  const auto byte = [&](std::size_t i) { return std::uint32_t(std::uint8_t(text[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80)
    return {lead, 1, true, false};
  std::size_t length;
  // The second byte's range keeps out overlong forms, surrogates and too large values.
  std::uint32_t lowest = 0x80, highest = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    lowest = lead == 0xe0 ? 0xa0 : 0x80;
    highest = lead == 0xed ? 0x9f : 0xbf;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    lowest = lead == 0xf0 ? 0x90 : 0x80;
    highest = lead == 0xf4 ? 0x8f : 0xbf;
  } else {
    return {0, 1, false, false};
  }
  std::uint32_t value = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size())
      return {0, i, false, true};
    if (byte(i) < lowest || byte(i) > highest)
      return {0, i, false, false};
    value = value << 6 | (byte(i) & 0x3f);
    lowest = 0x80;
    highest = 0xbf;
  }
  return {value, length, true, false};
}

std::size_t findInvalidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Decoded next = decodeUtf8(text.substr(at));
    if (!next.valid)
      return at;
    at += next.bytes;
  }
  return at;
}

void appendUtf8(std::string &text, std::uint32_t codePoint) {
  const auto put = [&](std::uint32_t value) { text += char(std::uint8_t(value)); };
  if (codePoint < 0x80) {
    put(codePoint);
  } else if (codePoint < 0x800) {
    put(0xc0 | codePoint >> 6);
    put(0x80 | (codePoint & 0x3f));
  } else if (codePoint < 0x10000) {
    put(0xe0 | codePoint >> 12);
    put(0x80 | (codePoint >> 6 & 0x3f));
    put(0x80 | (codePoint & 0x3f));
  } else {
    put(0xf0 | codePoint >> 18);
    put(0x80 | (codePoint >> 12 & 0x3f));
    put(0x80 | (codePoint >> 6 & 0x3f));
    put(0x80 | (codePoint & 0x3f));
  }
}

std::size_t leadingSpace(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Decoded next = decodeUtf8(text.substr(at));
    if (!next.valid || !isSpace(next.codePoint))
      break;
    at += next.bytes;
  }
  return at;
}

std::string_view trimRight(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decodeUtf8(text.substr(at));
    at += next.bytes;
    if (!next.valid || !isSpace(next.codePoint))
      end = at;
  }
  return text.substr(0, end);
}

std::string composeCanonically(std::string_view text) {
  // Up to U+02FF every character is its own normal form and starts anew.
  constexpr std::uint8_t kFirstLeadOf0300 = 0xcc;
  if (isBelow(text, kFirstLeadOf0300))
    return std::string(text);
  // Each mark joins the last starter unless something of its own or a higher class stands between.
  std::vector<std::uint32_t> composed;
  std::ptrdiff_t starter = -1;
  std::uint32_t lastClass = 0;
  for (std::uint32_t point : decomposed(text)) {
    const std::uint32_t pointClass = combiningClass(point);
    const bool adjacent = starter >= 0 && starter + 1 == std::ptrdiff_t(composed.size());
    if (starter >= 0 && (adjacent || lastClass < pointClass)) {
      if (std::uint32_t whole = compose(composed[std::size_t(starter)], point)) {
        composed[std::size_t(starter)] = whole;
        continue;
      }
    }
    if (pointClass == 0)
      starter = std::ptrdiff_t(composed.size());
    lastClass = pointClass;
    composed.push_back(point);
  }
  return encoded(composed);
}

std::string decomposeCanonically(std::string_view text) {
  constexpr std::uint8_t kFirstLeadBehindAscii = 0x80;
  return isBelow(text, kFirstLeadBehindAscii) ? std::string(text) : encoded(decomposed(text));
}

std::string Utf8Stream::push(std::string_view bytes) {
  pending += bytes;
  std::string text;
  std::size_t at = 0;
  while (at < pending.size()) {
    const std::string_view rest = std::string_view(pending).substr(at);
    const Decoded next = decodeUtf8(rest);
    if (next.incomplete)
      break;
    text += next.valid ? rest.substr(0, next.bytes) : kReplacement;
    at += next.bytes;
  }
  pending.erase(0, at);
  return text;
}

std::string Utf8Stream::finish() {
  std::string text(pending.empty() ? std::string_view() : kReplacement);
  pending.clear();
  return text;
}

} // namespace bluec::runtime
