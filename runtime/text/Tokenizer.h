// Byte-level BPE over a tokenizer.bin, without building anything at load.
//
// Immutable, so any number of threads may use one.
#ifndef BLUEC_RUNTIME_TEXT_TOKENIZER_H
#define BLUEC_RUNTIME_TEXT_TOKENIZER_H

#include "abi/TokenizerFormat.h"
#include "base/Status.h"

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

  // What a token stands for. Empty for ids out of range and for ids that no token has.
  std::string_view bytes(std::int32_t id) const;
  bool isSpecial(std::int32_t id) const;
  // The added token that reads `text`, or -1.
  std::int32_t findAdded(std::string_view text) const;

  // Text between added tokens, or one such token.
  struct Piece {
    std::string text;
    std::int32_t token = -1; // when not negative, `text` does not matter
  };
  // Appends `text` cut at its added tokens. Text that touches text becomes one piece, so that words
  // may form over the border.
  void cut(std::string_view text, Trust trust, std::vector<Piece> &pieces) const;
  static void append(std::string_view text, std::vector<Piece> &pieces);

  // Appends the ids of a piece. Its text must be valid UTF-8.
  void encode(const Piece &piece, std::vector<std::int32_t> &ids) const;

  // cut() and encode() in one. InvalidArgument when `text` is not valid UTF-8.
  Result<std::vector<std::int32_t>> encode(std::string_view text, Trust trust) const;

  // The text of `ids`; special tokens are left out unless `withSpecial`.
  std::string decode(std::span<const std::int32_t> ids, bool withSpecial = false) const;

private:
  void encodeWord(std::string_view word, std::vector<std::int32_t> &ids) const;
  // Rank of the merge of two tokens, or emptySlot.
  std::uint32_t findMerge(std::uint32_t left, std::uint32_t right) const;
  std::int32_t findWord(std::string_view word) const;
  // The longest added token that `text` starts with, or -1.
  std::int32_t addedAt(std::string_view text, Trust trust) const;
  template <typename T>
  Status bindSection(std::span<const std::uint8_t> table, const TokenizerSection &section,
                     const char *name, std::span<const T> &out);
  Status check() const;

  const TokenizerHeader *header = nullptr;
  std::span<const std::uint32_t> tokenOffsets;
  std::span<const char> tokenBytes;
  std::span<const std::uint8_t> tokenKinds;
  std::span<const std::int32_t> byteTokens;
  std::span<const TokenizerMerge> merges;
  std::span<const std::uint32_t> mergeSlots;
  std::span<const std::uint32_t> wordSlots;
  std::span<const std::uint32_t> addedTokens;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_TOKENIZER_H
