#include "compiler/weights/PanelPacking.h"

#include "compiler/weights/FloatConversion.h"

#include "llvm/Support/Endian.h"

#include <cstring>

using namespace bluec;
using plan::PanelLayout;
using plan::WordLayout;

namespace {

namespace endian = llvm::support::endian;

/// The unsigned integer that a word is.
template <int64_t bits>
using Unsigned = std::conditional_t<
    bits == 64, uint64_t,
    std::conditional_t<bits == 32, uint32_t, std::conditional_t<bits == 16, uint16_t, uint8_t>>>;

/// One word of `count` elements from `elements` on, and of `fill` after them; all are stored with
/// `offset` added.
template <WordLayout word>
Unsigned<word.wordBits()> packWord(const int8_t *elements, int64_t count, int offset,
                                   uint32_t fill) {
  using Word = Unsigned<word.wordBits()>;
  constexpr uint32_t kMask = (1u << word.bits) - 1;
  Word result = 0;
  for (int64_t i = 0; i < word.elements(); ++i) {
    uint32_t stored = i < count ? static_cast<uint32_t>(elements[i] + offset) : fill;
    result |= static_cast<Word>(static_cast<Word>(stored & kMask) << word.bitOf(i));
  }
  return result;
}

/// `words` words of one row in one group, `stride` bytes apart.
template <WordLayout word>
void packWords(const int8_t *elements, int64_t count, int offset, uint32_t fill, int64_t words,
               int64_t stride, char *out) {
  constexpr int64_t kEach = word.elements();
  auto write = [&](int64_t here) {
    endian::write<Unsigned<word.wordBits()>, llvm::endianness::little>(
        out, packWord<word>(elements, here, offset, fill));
  };
  for (; count >= kEach; count -= kEach, --words, elements += kEach, out += stride)
    write(kEach);
  for (; words > 0; count = 0, --words, out += stride)
    write(count);
}

using PackWords = void (*)(const int8_t *, int64_t, int, uint32_t, int64_t, int64_t, char *);

/// All words that a dot may ask for, so that shifts are constants.
template <int64_t bits, int64_t products, int64_t operandBits>
void findPackWords(const WordLayout &word, PackWords &found) {
  if constexpr (products * operandBits <= 64 && bits <= operandBits)
    if (word.bits == bits && word.products == products && word.operandBits == operandBits)
      found = packWords<WordLayout{bits, products, operandBits}>;
}
template <int64_t bits, int64_t products>
void findPackWords(const WordLayout &word, PackWords &found) {
  findPackWords<bits, products, 8>(word, found);
  findPackWords<bits, products, 16>(word, found);
  findPackWords<bits, products, 32>(word, found);
}
template <int64_t bits> void findPackWords(const WordLayout &word, PackWords &found) {
  findPackWords<bits, 1>(word, found);
  findPackWords<bits, 2>(word, found);
  findPackWords<bits, 4>(word, found);
  findPackWords<bits, 8>(word, found);
}
PackWords packWordsOf(const WordLayout &word) {
  PackWords found = nullptr;
  findPackWords<4>(word, found);
  findPackWords<8>(word, found);
  assert(found && "weights are of 4 or 8 bits, and a dot's verifier bounds the rest");
  return found;
}

/// The element at bit `place` of a word of `word.bytes()` bytes, with its sign where it has no
/// offset.
int unpackElement(const WordLayout &word, const char *from, int64_t place, int offset) {
  // No element crosses a byte.
  auto byte = static_cast<uint8_t>(from[place / 8]);
  uint32_t stored = static_cast<uint32_t>(byte >> (place % 8)) & ((1u << word.bits) - 1);
  if (offset != 0)
    return static_cast<int>(stored) - offset;
  auto shift = static_cast<unsigned>(32 - word.bits);
  return static_cast<int32_t>(stored << shift) >> shift;
}

void writeScale(float scale, int64_t bytes, char *to) {
  if (bytes == 2)
    endian::write16le(to, narrowToHalf(scale));
  else
    endian::write32le(to, std::bit_cast<uint32_t>(scale));
}

float readScale(const char *from, int64_t bytes) {
  return bytes == 2 ? widenHalf(endian::read16le(from))
                    : std::bit_cast<float>(endian::read32le(from));
}

} // namespace

void bluec::packPanels(const PanelLayout &layout, const quantize::Rows &rows, int64_t count,
                       char *out) {
  PackWords pack = packWordsOf(layout.word);
  const int offset = static_cast<int>(layout.offset);
  const int64_t groups = layout.groups();
  for (int64_t first = 0; first < count; first += layout.rows, out += layout.panelBytes()) {
    std::memset(out, 0, static_cast<size_t>(layout.panelBytes()));
    for (int64_t r = 0; r < layout.rows; ++r) {
      const int64_t row = first + r;
      const bool isThere = row < count;
      for (int64_t g = 0; g < groups; ++g) {
        char *header = out + layout.groupOffset(g);
        int zero = layout.zeros && isThere ? rows.zeros[static_cast<size_t>(row * groups + g)] : 0;
        float scale = isThere ? rows.scales[static_cast<size_t>(row * groups + g)] : 0;
        writeScale(scale, layout.scaleBytes, header + r * layout.scaleBytes);
        if (layout.zeros)
          header[layout.zerosOffset() + r] = static_cast<char>(zero + offset);
        const int64_t begin = g * layout.group;
        const int64_t inside = isThere ? std::min(layout.group, layout.k - begin) : 0;
        const auto fill = static_cast<uint32_t>(zero + offset);
        const int8_t *elements = isThere ? rows.elements.data() + row * layout.k + begin : nullptr;
        pack(elements, inside, offset, fill, layout.wordsIn(g), layout.wordBytes(),
             header + layout.headerBytes() + r * layout.word.bytes());
      }
    }
  }
}

quantize::Rows bluec::unpackPanels(const PanelLayout &layout, llvm::ArrayRef<char> bytes) {
  quantize::Rows rows;
  const int64_t groups = layout.groups(), each = layout.word.elements();
  const int offset = static_cast<int>(layout.offset);
  rows.elements.resize(static_cast<size_t>(layout.n * layout.k));
  rows.scales.resize(static_cast<size_t>(layout.n * groups));
  if (layout.zeros)
    rows.zeros.resize(rows.scales.size());
  for (int64_t row = 0; row < layout.n; ++row) {
    const char *panel = bytes.data() + row / layout.rows * layout.panelBytes();
    const int64_t r = row % layout.rows;
    for (int64_t g = 0; g < groups; ++g) {
      const char *header = panel + layout.groupOffset(g);
      const auto at = static_cast<size_t>(row * groups + g);
      rows.scales[at] = readScale(header + r * layout.scaleBytes, layout.scaleBytes);
      if (layout.zeros)
        rows.zeros[at] =
            static_cast<int8_t>(static_cast<uint8_t>(header[layout.zerosOffset() + r]) - offset);
      const char *words = header + layout.headerBytes() + r * layout.word.bytes();
      for (int64_t i = 0; i < layout.group && g * layout.group + i < layout.k; ++i)
        rows.elements[static_cast<size_t>(row * layout.k + g * layout.group + i)] =
            static_cast<int8_t>(unpackElement(layout.word, words + i / each * layout.wordBytes(),
                                              layout.word.bitOf(i % each), offset));
    }
  }
  return rows;
}
