// What a tokenizer does to text before its model: normalisation, and the cutting into words.
//
// The operations are data of tokenizer.bin (abi/TokenizerFormat.h). The cost of each is linear in
// the text's length, whatever the text is.
#ifndef BLUEC_RUNTIME_TEXT_TEXTPROGRAM_H
#define BLUEC_RUNTIME_TEXT_TEXTPROGRAM_H

#include "abi/TokenizerFormat.h"
#include "base/Status.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// What is before a piece of text.
enum class TextBegin : std::uint8_t {
  Text,      // nothing: a text begins
  Token,     // an added token
  Continued, // tokens that the piece goes on from
};

// Words of a text, in order.
class Words {
public:
  std::size_t size() const { return words.size(); }
  std::string_view operator[](std::size_t i) const {
    return std::string_view(text).substr(words[i].begin, words[i].end - words[i].begin);
  }

private:
  friend class TextProgram;
  struct Word {
    std::size_t begin, end;
    TextBegin after;
  };
  std::string text;
  std::vector<Word> words;
};

// Borrows the sections of a table.
class TextProgram {
public:
  // BadBundle or Incompatible, with a reason, unless everything below can be done within bounds.
  Status check() const;

  // `text` is UTF-8, here and below.
  std::string normalize(std::string_view text, TextBegin after) const;
  Words cut(std::string_view normalized, TextBegin after) const;

  std::string_view string(TextRange range) const {
    return {strings.data() + range.begin, range.bytes};
  }

  std::span<const TextOperation> normalizers, splitters;
  std::span<const char> strings;
  std::span<const TextPair> pairs;
  std::span<const TextMachine> machines;
  std::span<const std::uint16_t> transitions;
  std::span<const std::uint8_t> asciiClasses;
  std::span<const std::uint32_t> classStarts;
  std::uint32_t classes = 0;

private:
  Status checkOperation(const TextOperation &operation) const;
  struct DeadEnds;
  std::size_t matchEnd(const TextMachine &machine, std::string_view text, std::size_t at,
                       DeadEnds &deadEnds) const;
  std::uint32_t classOf(std::uint32_t codePoint) const;
  template <typename Visit>
  void visitMatches(const TextMachine &machine, std::string_view text, Visit visit) const;
  const TextPair *findPair(const TextOperation &operation, std::string_view text) const;
  std::string apply(const TextOperation &operation, std::string_view text, TextBegin after) const;
  void split(const TextOperation &operation, Words &words) const;
  void appendMapped(const TextOperation &operation, std::string_view text, std::string &out) const;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_TEXTPROGRAM_H
