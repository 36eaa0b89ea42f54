// tokenizer.bin: a tokenizer, ready to be used from a mapping.
//
// Little-endian, every section aligned to 8 bytes, offsets from the start of the file. Written by
// compiler/import/tokenizer, read by text/Tokenizer, which takes nothing in it for granted.
//
// clang-format off
//   TokenizerHeader
//   tokenOffsets  u32[tokens + 1]   where token i's bytes begin in tokenBytes; ascending
//   tokenBytes    u8[]              what each token stands for in the middle of a text
//   nameOffsets   u32[tokens + 1]   the same for how each token stands in the text of words, its
//   nameBytes     u8[]              name; both empty: names are what tokens stand for
//   tokenKinds    u8[tokens]        bits of TokenKind
//   byteTokens    i32[256]          the token of a byte; -1: none
//   merges        TokenizerMerge[]  by rank, best first
//   mergeSlots    u32[2^n]          open addressing: rank of the merge, or emptySlot
//   wordSlots     u32[2^n]          open addressing: token by its name, or emptySlot
//   prefixBits    u64[2^n]          bit hashBytes(p) of each p that begins the name of a token in
//                                   wordSlots (Unigram, WordPiece)
//   scores        f64[tokens]       (Unigram)
//   added         TokenizerText[]   added tokens that are found in text as it stands, by their bytes
//   addedLater    TokenizerText[]   those that are found in what normalisation makes of it
//   operations    TextOperation[]   `normalizers` on a piece of text, the others cut it into words
//   strings       u8[]              texts of TextOperation and TokenizerText
//   pairs         TextPair[]        replacements, by key
//   machines      TextMachine[]
//   transitions   u16[]             of all machines: [state][class]
//   asciiClasses  u8[128]           classes of code points, for all machines
//   classStarts   u32[]             code point << 8 | class: where each run of a class begins, ascending
// clang-format on
//
// Slot of a merge: hashPair(left, right) & (slots - 1); of a name: hashBytes(name) & (slots - 1);
// then the next one (around the end) until found or empty. At least one slot is empty.
#ifndef BLUEC_RUNTIME_ABI_TOKENIZERFORMAT_H
#define BLUEC_RUNTIME_ABI_TOKENIZERFORMAT_H

#include <cstdint>
#include <string_view>

namespace bluec::runtime {

inline constexpr std::uint32_t kTokenizerMagic = 0x4b544c42; // "BLTK"
inline constexpr std::uint32_t kTokenizerVersion = 3;
inline constexpr std::uint32_t kEmptySlot = 0xffffffff;

enum TokenKind : std::uint8_t {
  TokenSpecial = 1,     // steers the model; not part of the text it writes
  TokenAdded = 2,       // found in text as it stands
  TokenStripsLeft = 4,  // takes the white space before it along
  TokenStripsRight = 8, // takes the white space after it along
  TokenByte = 16,       // one byte of a run of such tokens
};

enum TokenizerFlag : std::uint32_t {
  TokenizerIgnoresMerges = 1, // a word that is a token is that token, whatever the merges say
  TokenizerFusesUnknown = 2,  // what follows on something unknown and is it, too, adds no token
};

// How a word becomes tokens.
enum class TokenizerModel : std::uint32_t {
  ByteBpe = 0,      // merges of bytes
  CharacterBpe = 1, // merges of characters; one without a token may have tokens of its bytes
  Unigram = 2,      // the best sum of scores
  WordPiece = 3,    // the longest token first, then the longest that continues a word
};

// How tokens become text. Bytes that are no UTF-8 are U+FFFD.
enum class TokenizerDecoder : std::uint32_t {
  Bytes = 0, // all bytes are a text
  Runs = 1,  // tokens are texts; a run of TokenByte is one that is UTF-8 as a whole or not at all
  Metaspace = 2, // tokens are texts; the first one is its name without `lead`
  WordPiece = 3, // tokens are texts; the first one is its name
};

enum class TextAction : std::uint32_t {
  Nfc = 1,         // normalisation form C
  Nfd = 2,         // normalisation form D
  Prepend = 3,     // puts `text` in front; see PrependRule
  Replace = 4,     // each match of `machine` becomes `text`; option 1: gets it on both sides
  Map = 5,         // each code point that is a key of `pairs` becomes its value
  MapClusters = 6, // each match of `machine` with a prefix among `pairs` becomes the value of the
                   // shortest, if it is shorter than 6 bytes; else its characters do
  Strip = 7,       // white space goes: option 1 on the left, 2 on the right, 3 on both sides
  Split = 8,       // cuts words at the matches of `machine`; see SplitRule
  Spell = 9,       // each byte becomes a character: printable Latin-1 stands for itself, the 68
                   // others are counted up from U+0100
};

// When Prepend does so. A text that goes on where tokens have been is never changed.
enum class PrependRule : std::uint32_t {
  Always = 0,
  Unless = 1,      // unless it is there
  FirstUnless = 2, // where the text begins, unless it is there
};

// What becomes of matches and of what is between them.
enum class SplitRule : std::uint32_t {
  Isolated = 0,           // each is a word
  Removed = 1,            // matches are left out
  MergedWithPrevious = 2, // a match ends the word before it
  MergedWithNext = 3,     // a match begins the word after it
  Contiguous = 4,         // neighbouring matches are one word
  RemovedBetween = 5,     // what is between matches is left out
};

struct TokenizerSection {
  std::uint64_t offset; // bytes
  std::uint64_t bytes;
};

struct TokenizerMerge {
  std::uint32_t left, right, result; // tokens
};

// A range of `strings`.
struct TextRange {
  std::uint32_t begin, bytes;
};

struct TokenizerText {
  std::uint32_t token;
  TextRange text;
};

struct TextOperation {
  TextAction action;
  std::uint32_t option;  // a rule, or which sides
  std::uint32_t machine; // of `machines`
  TextRange text;
  std::uint32_t firstPair, pairs; // of `pairs`
};

// Up to 7 bytes of a key, the first one uppermost, and their number in the lowest byte.
struct TextPair {
  std::uint64_t key;
  TextRange value;
};

// Finds the match that a regular expression with priorities finds at a position: it reads on until
// state 0, which never matches; the last match that it came by counts. State 1 is the first. A
// transition is (next << 1 | whether what has been read before this class is a match). The last
// class stands for the end of the text; nothing is read after it.
struct TextMachine {
  std::uint32_t firstTransition, states;
};

struct TokenizerHeader {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t fileBytes;
  std::uint32_t tokens; // ids are 0 to tokens - 1
  std::uint32_t flags;  // bits of TokenizerFlag
  TokenizerModel model;
  TokenizerDecoder decoder;
  std::int32_t unknown;      // the token of what has none; -1: it is left out
  std::uint32_t wordLimit;   // characters; longer words are unknown (WordPiece)
  double unknownScore;       // of a character without token (Unigram)
  TextRange prefix;          // before the names of tokens that continue a word (WordPiece)
  TextRange lead;            // Runs: stripped where a text begins; Metaspace: its mark
  std::uint32_t leads;       // how often it is stripped
  std::uint32_t normalizers; // the first ones of `operations`
  std::uint32_t classes;     // of code points, with the one of the end
  std::uint32_t reserved;    // 0
  TokenizerSection tokenOffsets, tokenBytes, nameOffsets, nameBytes, tokenKinds, byteTokens;
  TokenizerSection merges, mergeSlots, wordSlots, prefixBits, scores, added, addedLater;
  TokenizerSection operations, strings, pairs, machines, transitions, asciiClasses, classStarts;
};
static_assert(sizeof(TokenizerHeader) == 80 + 20 * 16);

constexpr std::uint64_t hashPair(std::uint32_t left, std::uint32_t right) {
  std::uint64_t value = (std::uint64_t(left) << 32 | right) * 0x9e3779b97f4a7c15u;
  return value ^ value >> 29;
}

// FNV-1a, byte by byte, so that each prefix has its value on the way.
struct ByteHash {
  std::uint64_t state = 0xcbf29ce484222325u;
  constexpr void add(std::uint8_t byte) { state = (state ^ byte) * 0x100000001b3u; }
  constexpr std::uint64_t value() const { return state ^ state >> 29; }
};

constexpr std::uint64_t hashBytes(std::string_view bytes) {
  ByteHash hash;
  for (char c : bytes)
    hash.add(std::uint8_t(c));
  return hash.value();
}

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_ABI_TOKENIZERFORMAT_H
