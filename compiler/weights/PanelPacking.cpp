#include "compiler/weights/PanelPacking.h"

#include "compiler/weights/FloatConversion.h"

#include "llvm/Support/Endian.h"

#include <cstring>

using namespace bluec;
using plan::PanelLayout;
using plan::WordLayout;

namespace {

namespace endian = llvm::support::endian;

/// One word of `count` elements from `elements` on, and of `fill` behind them; all are stored with
/// `offset` added.
template <WordLayout word>
uint32_t packWord(const int8_t *elements, int64_t count, int offset, uint32_t fill) {
  uint32_t result = 0;
  for (int64_t i = 0; i < word.elements(); ++i)
    result |= (i < count ? static_cast<uint32_t>(elements[i] + offset) : fill) << word.bitOf(i);
  return result;
}

/// `words` words of one row in one group, `stride` bytes apart.
template <WordLayout word>
void packWords(const int8_t *elements, int64_t count, int offset, uint32_t fill, int64_t words,
               int64_t stride, char *out) {
  constexpr int64_t each = word.elements();
  for (; count >= each; count -= each, --words, elements += each, out += stride)
    endian::write32le(out, packWord<word>(elements, each, offset, fill));
  for (; words > 0; count = 0, --words, out += stride)
    endian::write32le(out, packWord<word>(elements, count, offset, fill));
}

using PackWords = void (*)(const int8_t *, int64_t, int, uint32_t, int64_t, int64_t, char *);

/// By bits and lanes, so that shifts are constants.
PackWords packWordsOf(const WordLayout &word) {
  if (word.bits == 4)
    return word.dotLanes == 4   ? packWords<WordLayout{4, 4}>
           : word.dotLanes == 2 ? packWords<WordLayout{4, 2}>
                                : packWords<WordLayout{4, 1}>;
  assert(word.bits == 8 && "weights are of 4 or 8 bits");
  return word.dotLanes == 4   ? packWords<WordLayout{8, 4}>
         : word.dotLanes == 2 ? packWords<WordLayout{8, 2}>
                              : packWords<WordLayout{8, 1}>;
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
  const int offset = 1 << (layout.word.bits - 1);
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
             header + layout.headerBytes() + r * 4);
      }
    }
  }
}

quantize::Rows bluec::unpackPanels(const PanelLayout &layout, llvm::ArrayRef<char> bytes) {
  quantize::Rows rows;
  const int64_t groups = layout.groups(), each = layout.word.elements();
  const int offset = 1 << (layout.word.bits - 1);
  const uint32_t mask = (1u << layout.word.bits) - 1;
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
      const char *words = header + layout.headerBytes() + r * 4;
      for (int64_t i = 0; i < layout.group && g * layout.group + i < layout.k; ++i) {
        uint32_t word = endian::read32le(words + i / each * layout.wordBytes());
        rows.elements[static_cast<size_t>(row * layout.k + g * layout.group + i)] =
            static_cast<int8_t>(static_cast<int>((word >> layout.word.bitOf(i % each)) & mask) -
                                offset);
      }
    }
  }
  return rows;
}
