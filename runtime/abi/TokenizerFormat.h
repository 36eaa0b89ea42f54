// tokenizer.bin: a byte-level BPE tokenizer, ready to be used from a mapping.
//
// Little-endian, every section aligned to 8 bytes, offsets from the start of the file. Written by
// compiler/import/tokenizer, read by text/Tokenizer, which takes nothing in it for granted.
//
// clang-format off
//   TokenizerHeader
//   tokenOffsets  u32[tokens + 1]   where token i's bytes begin in tokenBytes; ascending
//   tokenBytes    u8[]              what each token stands for, as bytes and not as printable names
//   tokenKinds    u8[tokens]        bits of TokenKind
//   byteTokens    i32[256]          the token that a word's byte starts as; -1: the byte is left out
//   merges        TokenizerMerge[]  by rank, best first
//   mergeSlots    u32[2^n]          open addressing: rank of the merge, or emptySlot
//   wordSlots     u32[2^n]          open addressing: token whose bytes are the whole word
//   addedTokens   u32[]             tokens that are found in text as they are, longest first
// clang-format on
//
// Slot of a merge: hashPair(left, right) & (slots - 1); of a word: hashBytes(word) & (slots - 1);
// then the next one (around the end) until found or empty. At least one slot is empty.
#ifndef BLUEC_RUNTIME_ABI_TOKENIZERFORMAT_H
#define BLUEC_RUNTIME_ABI_TOKENIZERFORMAT_H

#include <cstdint>
#include <string_view>

namespace bluec::runtime {

inline constexpr std::uint32_t kTokenizerMagic = 0x4b544c42; // "BLTK"
inline constexpr std::uint32_t kTokenizerVersion = 2;
inline constexpr std::uint32_t kEmptySlot = 0xffffffff;

enum TokenKind : std::uint8_t {
  TokenSpecial = 1,     // steers the model; not part of the text it writes
  TokenAdded = 2,       // found in text as it stands
  TokenStripsLeft = 4,  // takes the white space before it along
  TokenStripsRight = 8, // takes the white space after it along
  TokenNormalized = 16, // looked for in what normalisation makes of a text, unless it is special
};

enum TokenizerFlag : std::uint32_t {
  TokenizerNfc = 1,           // text is brought to normalisation form C first
  TokenizerPrefixSpace = 2,   // a piece that does not start with a space gets one
  TokenizerIgnoresMerges = 4, // a word that is a token is that token, whatever the merges say
};

// What cuts text into words; applied one after the other, each to the words of the one before.
enum class SplitStage : std::uint8_t {
  None = 0,
  Gpt2 = 1,             // contractions, letters, digits, others, each with the space before it
  Llama3 = 2,           // as Gpt2 with numbers of up to three digits and newlines kept together
  Qwen2 = 3,            // as Llama3 with single digits
  DigitsTogether = 4,   // runs of digits stand alone
  DigitsIndividual = 5, // every digit stands alone
};
inline constexpr int kMaxSplitStages = 8;

struct TokenizerSection {
  std::uint64_t offset; // bytes
  std::uint64_t bytes;
};

struct TokenizerMerge {
  std::uint32_t left, right, result; // tokens
};

struct TokenizerHeader {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t fileBytes;
  std::uint32_t tokens; // ids are 0 to tokens - 1
  std::uint32_t flags;  // bits of TokenizerFlag
  SplitStage stages[kMaxSplitStages];
  TokenizerSection tokenOffsets, tokenBytes, tokenKinds, byteTokens;
  TokenizerSection merges, mergeSlots, wordSlots, addedTokens;
};
static_assert(sizeof(TokenizerHeader) == 32 + 8 * 16);

constexpr std::uint64_t hashPair(std::uint32_t left, std::uint32_t right) {
  std::uint64_t value = (std::uint64_t(left) << 32 | right) * 0x9e3779b97f4a7c15u;
  return value ^ value >> 29;
}

constexpr std::uint64_t hashBytes(std::string_view bytes) {
  std::uint64_t value = 0xcbf29ce484222325u; // FNV-1a
  for (char c : bytes)
    value = (value ^ std::uint8_t(c)) * 0x100000001b3u;
  return value ^ value >> 29;
}

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_ABI_TOKENIZERFORMAT_H
