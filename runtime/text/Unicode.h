// UTF-8, white space, and the canonical normalisation forms.
#ifndef BLUEC_RUNTIME_TEXT_UNICODE_H
#define BLUEC_RUNTIME_TEXT_UNICODE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bluec::runtime {

struct CombiningRange {
  std::uint32_t first, last, combiningClass;
};
// `whole` is canonically `first` then `second`; second is 0 when `first` alone replaces it.
struct CodePointPair {
  std::uint32_t whole, first, second;
};

// Sorted by first code point; `compositions` by (first, second), and only what NFC composes.
struct UnicodeTables {
  std::span<const CombiningRange> combining;
  std::span<const CodePointPair> decompositions;
  std::span<const CodePointPair> compositions;
};
extern const UnicodeTables unicodeTables; // in UnicodeTables.cpp

bool isSpace(std::uint32_t codePoint); // \s: White_Space

// One code point of UTF-8 text.
struct Decoded {
  std::uint32_t codePoint = 0; // when valid
  std::size_t bytes = 0;       // consumed, at least 1 unless `text` is empty
  bool valid = false;
  // More bytes could still make it valid (only with valid == false).
  bool incomplete = false;
};

// The first code point of `text`. Overlong forms, surrogates and what lies beyond U+10FFFF are
// invalid; `bytes` then covers the longest prefix of a valid sequence, or one byte.
Decoded decodeUtf8(std::string_view text);

// Offset of the first byte that is not valid UTF-8, or text.size().
std::size_t findInvalidUtf8(std::string_view text);

void appendUtf8(std::string &text, std::uint32_t codePoint);

// Bytes of white space that `text` begins with.
std::size_t leadingSpace(std::string_view text);
// `text` without the white space at its end.
std::string_view trimRight(std::string_view text);

// Unicode normalisation forms C and D of valid UTF-8.
std::string composeCanonically(std::string_view text);
std::string decomposeCanonically(std::string_view text);

// Turns pieces of a byte stream into text: a character that is not complete yet is held back until
// the rest of it comes; bytes that can never be UTF-8 become U+FFFD.
class Utf8Stream {
public:
  // The complete characters, which may be none.
  std::string push(std::string_view bytes);
  // What is left, as U+FFFD; the stream is empty afterwards.
  std::string finish();

private:
  std::string pending;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_UNICODE_H
