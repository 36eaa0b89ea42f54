// Text to tokens and back, over a tokenizer.bin, without building anything at load.
//
// Immutable, so any number of threads may use one.
#ifndef BLUEC_RUNTIME_TEXT_TOKENIZER_H
#define BLUEC_RUNTIME_TEXT_TOKENIZER_H

#include "abi/TokenizerFormat.h"
#include "base/Status.h"
#include "text/TextProgram.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// Which added tokens are found in a text.
enum class Trust {
  User,     // the special ones stay what they look like: text
  Template, // all of them
};

class Tokenizer {
public:
  Tokenizer() = default;

  // `table` is borrowed, must outlive the tokenizer and be aligned to 8 bytes. Everything in it is
  // checked; BadBundle or Incompatible with a reason when it cannot be used.
  static Result<Tokenizer> fromTable(std::span<const std::uint8_t> table);

  // Ids are 0 to size() - 1.
  std::uint32_t size() const { return header ? header->tokens : 0; }

  // What a token stands for in the middle of a text (see TokenText for whole texts). Empty for ids
  // out of range and for ids that no token has.
  std::string_view bytes(std::int32_t id) const;
  // How it is found in words; of an added token, what it reads.
  std::string_view name(std::int32_t id) const;
  bool isSpecial(std::int32_t id) const;
  // The added token that reads `text`, or -1.
  std::int32_t findAdded(std::string_view text) const;

  // Text of one writer, or a break between texts.
  struct Span {
    std::string_view text;
    Trust trust = Trust::User;
    bool isBreak = false;
    std::int32_t like = -1; // of a break

    // A break that takes the white space beside it along as that added token does; -1: none.
    static Span breakLike(std::int32_t id) { return {{}, Trust::Template, true, id}; }
  };

  static constexpr std::int32_t kText = -1, kBreak = -2; // what is no token
  // Text between added tokens, one such token, or a break.
  struct Piece {
    std::string text;
    std::int32_t token = kText; // or kBreak; the rest matters with kText only
    TextBegin after = TextBegin::Text;
  };

  // The pieces of a text that was written in parts. Words, and the white space that added tokens
  // take along, may reach over the border of two parts; so may an added token, unless it is special
  // and a user wrote any of it. `after`: what is before the text.
  std::vector<Piece> cut(std::span<const Span> spans, TextBegin after = TextBegin::Text) const;

  // Appends the ids of a piece; none of a break. Its text must be valid UTF-8.
  void encode(const Piece &piece, std::vector<std::int32_t> &ids) const;

  // cut() and encode() in one. InvalidArgument when `text` is not valid UTF-8.
  Result<std::vector<std::int32_t>> encode(std::string_view text, Trust trust,
                                           TextBegin after = TextBegin::Text) const;

  // The text of `ids`; special tokens are left out unless `withSpecial`.
  std::string decode(std::span<const std::int32_t> ids, bool withSpecial = false) const;

  // What the normalizer makes of a text that begins anew.
  std::string normalize(std::string_view text) const {
    return program.normalize(text, TextBegin::Text);
  }

private:
  friend class TokenText;
  struct Scratch;

  void encodeWord(std::string_view word, Scratch &scratch, std::vector<std::int32_t> &ids) const;
  void encodeByMerges(std::string_view word, Scratch &scratch,
                      std::vector<std::int32_t> &ids) const;
  void encodeByScores(std::string_view word, Scratch &scratch,
                      std::vector<std::int32_t> &ids) const;
  void encodeByLongest(std::string_view word, std::vector<std::int32_t> &ids) const;
  void startSymbols(std::string_view word, Scratch &scratch) const;
  bool appendBytes(std::string_view text, std::vector<std::int32_t> &ids) const;
  // Rank of the merge of two tokens, or emptySlot.
  std::uint32_t findMerge(std::uint32_t left, std::uint32_t right) const;
  // The token in wordSlots whose name is `head` and then `tail`, or -1; `hash` is the name's.
  std::int32_t findWord(std::uint64_t hash, std::string_view head, std::string_view tail) const;
  std::int32_t findWord(std::string_view word) const { return findWord(hashBytes(word), {}, word); }
  template <typename Visit>
  void visitPrefixes(std::string_view head, std::string_view text, Visit visit) const;
  // Bits of TokenKind; 0 for ids out of range.
  std::uint8_t kindOf(std::int32_t id) const;
  template <typename T>
  Status bindSection(std::span<const std::uint8_t> table, const TokenizerSection &section,
                     const char *name, std::span<const T> &out);
  Status check() const;
  Status checkTokens() const;
  Status checkModel() const;

  const TokenizerHeader *header = nullptr;
  std::span<const std::uint32_t> tokenOffsets, nameOffsets;
  std::span<const char> tokenBytes, nameBytes;
  std::span<const std::uint8_t> tokenKinds;
  std::span<const std::int32_t> byteTokens;
  std::span<const TokenizerMerge> merges;
  std::span<const std::uint32_t> mergeSlots;
  std::span<const std::uint32_t> wordSlots;
  std::span<const std::uint64_t> prefixBits;
  std::span<const double> scores;
  std::span<const TokenizerText> added, addedLater;
  TextProgram program;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_TOKENIZER_H
