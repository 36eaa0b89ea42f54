#include "text/Splitter.h"

#include "text/Unicode.h"

#include <algorithm>

namespace bluec::runtime {
namespace {

enum class Class : std::uint8_t { Letter, Number, Space, Other };

struct Character {
  std::uint32_t codePoint;
  Class kind;
  std::size_t offset; // bytes
};

Class classify(std::uint32_t codePoint) {
  if (isLetter(codePoint))
    return Class::Letter;
  if (isNumber(codePoint))
    return Class::Number;
  return isSpace(codePoint) ? Class::Space : Class::Other;
}

// A word's text as classified characters, with the rules of the regular expressions on it. Each
// rule looks at position `at` and answers where its match ends, or `at` when there is none.
class Rules {
public:
  explicit Rules(std::string_view text) {
    characters.reserve(text.size());
    for (std::size_t offset = 0; offset < text.size();) {
      const Decoded next = decodeUtf8(text.substr(offset));
      const std::uint32_t codePoint = next.valid ? next.codePoint : 0xfffd;
      characters.push_back({codePoint, classify(codePoint), offset});
      offset += next.bytes;
    }
  }

  std::size_t size() const { return characters.size(); }
  std::size_t offset(std::size_t at) const { return characters[at].offset; }
  bool isNumberAt(std::size_t at) const { return is(at, Class::Number); }

  // 's|'t|'re|'ve|'m|'ll|'d
  std::size_t contraction(std::size_t at, bool anyCase) const {
    if (!isPoint(at, '\''))
      return at;
    const std::uint32_t first = folded(at + 1, anyCase), second = folded(at + 2, anyCase);
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
      return at + 2;
    if (((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l'))
      return at + 3;
    return at;
  }

  // " ?X+" for a class X
  std::size_t spacedRun(std::size_t at, Class kind) const {
    const std::size_t begin = isPoint(at, ' ') ? at + 1 : at;
    return is(begin, kind) ? runEnd(begin, kind) : at;
  }

  // [^\r\n\p{L}\p{N}]?\p{L}+
  std::size_t markedLetters(std::size_t at) const {
    const bool mark = at < size() && !isNewline(at) && !is(at, Class::Letter) &&
                      !is(at, Class::Number) && is(at + 1, Class::Letter);
    const std::size_t begin = mark ? at + 1 : at;
    return is(begin, Class::Letter) ? runEnd(begin, Class::Letter) : at;
  }

  // \p{N}{1,limit}
  std::size_t digits(std::size_t at, std::size_t limit) const {
    std::size_t end = at;
    while (end - at < limit && is(end, Class::Number))
      ++end;
    return end;
  }

  // " ?[^\s\p{L}\p{N}]+[\r\n]*"
  std::size_t othersAndNewlines(std::size_t at) const {
    std::size_t end = spacedRun(at, Class::Other);
    while (end != at && isNewline(end))
      ++end;
    return end;
  }

  // \s*[\r\n]+
  std::size_t spaceToNewline(std::size_t at) const {
    std::size_t end = at;
    for (std::size_t i = at; is(i, Class::Space); ++i)
      if (isNewline(i))
        end = i + 1;
    return end;
  }

  // \s+(?!\S)|\s+ : a run of white space leaves its last character to the word that follows.
  std::size_t space(std::size_t at) const {
    if (!is(at, Class::Space))
      return at;
    const std::size_t end = runEnd(at, Class::Space);
    return end == size() || end - at == 1 ? end : end - 1;
  }

private:
  bool is(std::size_t at, Class kind) const {
    return at < characters.size() && characters[at].kind == kind;
  }
  bool isPoint(std::size_t at, std::uint32_t codePoint) const {
    return at < characters.size() && characters[at].codePoint == codePoint;
  }
  bool isNewline(std::size_t at) const { return isPoint(at, '\r') || isPoint(at, '\n'); }

  std::size_t runEnd(std::size_t at, Class kind) const {
    while (is(at, kind))
      ++at;
    return at;
  }

  std::uint32_t folded(std::size_t at, bool anyCase) const {
    if (at >= characters.size())
      return 0;
    const std::uint32_t codePoint = characters[at].codePoint;
    if (anyCase && codePoint >= 'A' && codePoint <= 'Z')
      return codePoint + 0x20;
    constexpr std::uint32_t kLongS = 0x17f; // folds to s
    return anyCase && codePoint == kLongS ? 's' : codePoint;
  }

  std::vector<Character> characters;
};

// The first of the alternatives that matches, as in a regular expression. One always does, because
// every character is a letter, a number, a space or something else.
std::size_t matchGpt2(const Rules &rules, std::size_t at) {
  std::size_t end = rules.contraction(at, /*anyCase=*/false);
  for (Class kind : {Class::Letter, Class::Number, Class::Other})
    if (end == at)
      end = rules.spacedRun(at, kind);
  return end != at ? end : rules.space(at);
}

std::size_t matchLlama3(const Rules &rules, std::size_t at, std::size_t digitLimit) {
  std::size_t end = rules.contraction(at, /*anyCase=*/true);
  if (end == at)
    end = rules.markedLetters(at);
  if (end == at)
    end = rules.digits(at, digitLimit);
  if (end == at)
    end = rules.othersAndNewlines(at);
  if (end == at)
    end = rules.spaceToNewline(at);
  return end != at ? end : rules.space(at);
}

std::size_t matchDigits(const Rules &rules, std::size_t at, bool individual) {
  const bool number = rules.isNumberAt(at);
  if (number && individual)
    return at + 1;
  std::size_t end = at + 1;
  while (end < rules.size() && rules.isNumberAt(end) == number)
    ++end;
  return end;
}

std::size_t match(SplitStage stage, const Rules &rules, std::size_t at) {
  switch (stage) {
  case SplitStage::Gpt2:
    return matchGpt2(rules, at);
  case SplitStage::Llama3:
    return matchLlama3(rules, at, 3);
  case SplitStage::Qwen2:
    return matchLlama3(rules, at, 1);
  case SplitStage::DigitsTogether:
    return matchDigits(rules, at, /*individual=*/false);
  case SplitStage::DigitsIndividual:
    return matchDigits(rules, at, /*individual=*/true);
  case SplitStage::None:
    break;
  }
  return rules.size();
}

} // namespace

std::vector<std::string_view> splitWords(std::string_view text,
                                         std::span<const SplitStage> stages) {
  std::vector<std::string_view> words;
  if (!text.empty())
    words.push_back(text);
  for (SplitStage stage : stages) {
    if (stage == SplitStage::None)
      continue;
    std::vector<std::string_view> pieces;
    for (std::string_view word : words) {
      const Rules rules(word);
      for (std::size_t at = 0; at < rules.size();) {
        const std::size_t end = std::max(match(stage, rules, at), at + 1);
        const std::size_t begin = rules.offset(at);
        const std::size_t stop = end < rules.size() ? rules.offset(end) : word.size();
        pieces.push_back(word.substr(begin, stop - begin));
        at = end;
      }
    }
    words = std::move(pieces);
  }
  return words;
}

} // namespace bluec::runtime
