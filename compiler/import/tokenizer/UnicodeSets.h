// Sets of characters that parts of a tokenizer ask for, as the `tokenizers` package has them.
//
// Its parts follow different releases of Unicode: regular expressions, pre-tokenizers and
// normalizers have tables of their own.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_UNICODESETS_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_UNICODESETS_H

#include <cstdint>
#include <span>
#include <string_view>

namespace bluec::tokenizer {

// General categories; two letters, of which the first one names the group.
// clang-format off
enum class Category : std::uint8_t {
  Lu, Ll, Lt, Lm, Lo, Mn, Mc, Me, Nd, Nl, No, Pc, Pd, Ps, Pe, Pi, Pf, Po, Sm, Sc, Sk, So, Zs, Zl, Zp, Cc, Cf, Co, Cn
};
inline constexpr const char *kCategoryNames[] = {
  "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
  "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn"
};
// clang-format on

// What decides where a grapheme cluster ends.
enum class Cluster : std::uint8_t {
  Control,
  Extend,
  Prepend,
  SpacingMark,
  L,
  V,
  T,
  LV,
  LVT,
  RegionalIndicator
};

struct CodePointRange {
  std::uint32_t first, last;
};
struct CategoryRange {
  std::uint32_t first, last;
  Category category;
};
struct ClusterRange {
  std::uint32_t first, last;
  Cluster cluster;
};
struct CodePointText {
  std::uint32_t codePoint;
  std::string_view text;
};

// All are sorted by first code point, and made by scripts/make_unicode_tables.py.
extern const std::span<const CategoryRange> unicodeCategories; // of regular expressions: \p{..}

struct UnicodeSets {
  std::span<const CodePointRange> words;       // \w of regular expressions
  std::span<const CodePointRange> rustWords;   // of the pre-tokenizer Whitespace
  std::span<const CodePointRange> digits;      // of the pre-tokenizer Digits
  std::span<const CodePointRange> punctuation; // of Punctuation and BertPreTokenizer
  std::span<const CodePointRange> accents;     // what StripAccents removes
  std::span<const CodePointRange> bertRemoved; // what BertNormalizer's clean_text removes
  std::span<const CodePointRange> bertMarks;   // what its strip_accents removes
  std::span<const ClusterRange> clusters;      // of what has one
  std::span<const CodePointRange> pictographs; // Extended_Pictographic
};
extern const UnicodeSets unicodeSets;

struct UnicodeMaps {
  std::span<const CodePointText> lowercase;  // what Lowercase changes
  std::span<const CodePointText> compatible; // where NFKD differs from NFD
};
extern const UnicodeMaps unicodeMaps;

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_UNICODESETS_H
