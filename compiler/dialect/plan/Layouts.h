// Where every byte of a quantized tensor stands: the one description that the packer of weights,
// the kernel generator and the tests of both go by. Offsets are in bytes. Each layout follows from
// its type alone; README.md says how the types follow from a target's facts.
//
// Integers are packed in little-endian words. A word meets a vector lane of a dot product, which
// sums `products` products of neighbours; each operand has `operandBits` for an element, so a word
// has products * operandBits: 32 for 4 of i8, 2 of i16 and 1 of f32. With w bits an element, a word
// holds operandBits / w times as many elements as the dot takes; element s * products + j stands at
// bit j * operandBits + s * w, so that step s of the unpacking (shift by s * w, mask) gives
// `products` elements in natural order.
//
// What stands on the left of a dot (weights, keys) is in two's complement where the operand is
// signed and of 8 bits, or as wide as the element; else it has an offset, as q + 2^(bits - 1).
#ifndef BLUEC_COMPILER_DIALECT_PLAN_LAYOUTS_H
#define BLUEC_COMPILER_DIALECT_PLAN_LAYOUTS_H

#include "compiler/dialect/plan/Plan.h"

#include <cstdint>
#include <optional>

namespace bluec::plan {

struct WordLayout {
  int64_t bits = 8;        // of an element
  int64_t products = 4;    // that one lane of a dot product sums
  int64_t operandBits = 8; // of an element in an operand of it

  /// The word that elements of `bits` have for `dot`.
  static WordLayout of(DotAttr dot, int64_t bits) { return {bits, dot.getK(), dot.getBits()}; }

  constexpr int64_t wordBits() const { return products * operandBits; }
  constexpr int64_t bytes() const { return wordBits() / 8; }
  constexpr int64_t elements() const { return wordBits() / bits; }
  /// Steps of unpacking; each gives `products` elements.
  constexpr int64_t steps() const { return operandBits / bits; }
  /// The lowest bit of element `i`.
  constexpr int64_t bitOf(int64_t i) const {
    return i % products * operandBits + i / products * bits;
  }
};

/// What is added to elements of `bits` that stand on the left of `dot`.
int64_t offsetFor(DotAttr dot, int64_t bits);

/// `bytes` padded to a multiple of `alignment`.
constexpr int64_t padded(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// A weight [N, K] with #plan.panels:
///
///   panel:  group after group, padded to the alignment
///   group:  header: `rows` scales, then with zeros `rows` bytes of zeros; padded to the alignment
///           words[ceil(elements / word.elements())][rows]
///
/// Elements are stored as q + offset, zeros likewise; so without zeros the zero point of what is
/// stored is `offset`. A group's elements past K, and rows past N, have the zero point as element;
/// scales of rows past N are 0. The last group of a row holds the words that its elements need, no
/// more.
struct PanelLayout {
  int64_t n = 0, k = 0;
  int64_t rows = 0;  // of a panel
  int64_t group = 0; // elements; at most k for one group a row
  int64_t scaleBytes = 2;
  bool zeros = false;
  WordLayout word;
  int64_t offset = 0; // 2^(bits - 1), or 0: elements are in two's complement
  int64_t alignment = 0;

  static std::optional<PanelLayout> of(mlir::RankedTensorType type);

  int64_t panels() const { return (n + rows - 1) / rows; }
  /// An element in two's complement is the upper bits of its operand, the others being zero: the
  /// operand is 2^operandShift() times the element.
  int64_t operandShift() const { return offset == 0 ? word.operandBits - word.bits : 0; }
  int64_t groups() const { return (k + group - 1) / group; }
  int64_t headerBytes() const { return padded(rows * (scaleBytes + (zeros ? 1 : 0)), alignment); }
  int64_t zerosOffset() const { return rows * scaleBytes; } // in a header
  /// Words of each row in group `g`.
  int64_t wordsIn(int64_t g) const {
    int64_t elements = std::min(group, k - g * group);
    return (elements + word.elements() - 1) / word.elements();
  }
  int64_t wordBytes() const { return rows * word.bytes(); } // of one word of all rows
  /// From the panel's start to group `g`.
  int64_t groupOffset(int64_t g) const { return g * (headerBytes() + wordsIn(0) * wordBytes()); }
  int64_t panelBytes() const {
    int64_t last = groups() - 1;
    return padded(groupOffset(last) + headerBytes() + wordsIn(last) * wordBytes(), alignment);
  }
  int64_t bytes() const { return panels() * panelBytes(); }
};

/// Whether rows of `channels` elements side by side can be multiplied by `panels` where they stand,
/// one after the other: words, and groups that are no whole row, end with each of them. True for
/// panels of floats.
bool canGather(mlir::RankedTensorType panels, int64_t channels);

/// Activations [..., K] with #plan.rows: for each row
///
///   elements (1 or 2 bytes each) in two's complement, zeros past K
///   scales: f32, one a group
///   sums: i32, one for each `sums` elements, of the integers
///
/// each padded to the alignment. With pairs of P elements, two rows stand side by side in all that
/// they have: P elements of the one, P of the other, and so on; a scale of the one, one of the
/// other; likewise sums. An odd row stands beside one that is undefined.
struct RowLayout {
  int64_t rows = 0, k = 0;
  int64_t group = 0; // elements; k for one group a row
  int64_t sums = 0;  // elements
  int64_t elementBytes = 1;
  int64_t alignment = 0;
  int64_t pairs = 0; // elements; 0: rows stand alone

  static std::optional<RowLayout> of(mlir::RankedTensorType type);

  int64_t groups() const { return (k + group - 1) / group; }
  int64_t sumCount() const { return (k + sums - 1) / sums; }
  /// Of a row.
  int64_t elementsBytes() const { return padded(k * elementBytes, alignment); }
  int64_t scalesBytes() const { return padded(groups() * 4, alignment); }
  int64_t sumsBytes() const { return padded(sumCount() * 4, alignment); }
  int64_t rowBytes() const { return elementsBytes() + scalesBytes() + sumsBytes(); }
  int64_t bytes() const { return padded(rows, together()) * rowBytes(); }
  /// Rows that stand side by side.
  int64_t together() const { return pairs == 0 ? 1 : 2; }

  /// Where a row's elements begin; element i is elementOffset(i) behind that.
  int64_t elementsAt(int64_t row) const {
    return startOf(row) + row % together() * pairs * elementBytes;
  }
  int64_t elementOffset(int64_t i) const {
    return elementBytes * (pairs == 0 ? i : i / pairs * 2 * pairs + i % pairs);
  }
  /// Where a row's scales and its sums begin; number i of them is numberOffset(i) behind that.
  int64_t scalesAt(int64_t row) const {
    return startOf(row) + together() * elementsBytes() + row % together() * 4;
  }
  int64_t sumsAt(int64_t row) const { return scalesAt(row) + together() * scalesBytes(); }
  int64_t numberOffset(int64_t i) const { return 4 * together() * i; }

private:
  /// Of the rows that stand together.
  int64_t startOf(int64_t row) const { return row / together() * together() * rowBytes(); }
};

/// Keys or values with #plan.keys or #plan.values: [S, heads * D] of a cache, or [B, S, heads * D]
/// of an encoder, one batch element after the other. For each head, block after block of `block`
/// positions; each, with E elements in a word,
///
///   scales: f16 or f32, one a position; padded to the alignment
///   keys:   words[ceil(D / E)][block], a word holding neighbouring dims
///   values: words[block / E][D], a word holding neighbouring positions
///   padded to the alignment
///
/// Keys are stored as q + offset, values, on a dot's right, in two's complement. Dims past D are
/// zero (`offset` in keys). Positions that no token was written to are undefined in a cache; in an
/// encoder those past S have zeros as values and scales.
///
/// How far elements may go, so that a dot product fits i32: i8, 127. A cache's i8 meets i16 as it
/// is. Of an encoder's i16, a position's keys have a Euclidean norm of at most 2^15.5 (so has a
/// query, and by Cauchy-Schwarz no sum of their products is larger than the product of the norms);
/// values go to kMostWideValue, and the weights that meet a block of them sum up to at most
/// 2^31 / kMostWideValue.
struct CacheLayout {
  bool keys = true;
  int64_t batch = 1; // elements of the batch, 1 for a cache
  int64_t positions = 0, heads = 0, dims = 0;
  int64_t block = 0;
  int64_t scaleBytes = 2;
  WordLayout word;
  DotAttr dot;
  int64_t offset = 0; // of keys: 2^(bits - 1), or 0
  int64_t alignment = 0;

  static constexpr int64_t kMostWideValue = 8191;

  static std::optional<CacheLayout> of(mlir::RankedTensorType type);

  int64_t blocks() const { return (positions + block - 1) / block; }
  int64_t headerBytes() const { return padded(block * scaleBytes, alignment); }
  int64_t words() const { // rows of words in a block
    return keys ? (dims + word.elements() - 1) / word.elements() : block / word.elements();
  }
  int64_t wordBytes() const { return (keys ? block : dims) * word.bytes(); } // of a row of words
  int64_t blockBytes() const { return padded(headerBytes() + words() * wordBytes(), alignment); }
  int64_t headBytes() const { return blocks() * blockBytes(); }
  int64_t bytes() const { return batch * heads * headBytes(); }
};

/// Positions that attention over floats takes between two updates of its sums, counted from
/// position 0. Over quantized keys and values a block is that.
inline constexpr int64_t kFloatStretch = 128;

/// Keys or values of a cache (plan.cache) as a ring: position p stands at p mod `positions`.
struct RingLayout {
  int64_t positions = 0;
  int64_t stretch = 0; // positions that attention takes at a time, which stand side by side

  static RingLayout of(mlir::RankedTensorType cache);
  /// Positions of a ring for layers with `window`: a call begins at most `back` positions before
  /// the furthest one that was written, and has at most `back` rows.
  static constexpr int64_t positionsFor(int64_t window, int64_t back, int64_t stretch) {
    return padded(window - 1 + back, stretch);
  }

  bool isWhole() const { return positions % stretch == 0; }
  /// The most that positionsFor() would have been asked for. Positions of a window that begins
  /// there are not overwritten by the rows behind it.
  int64_t back(int64_t window) const { return positions - window + 1; }
};

} // namespace bluec::plan

#endif // BLUEC_COMPILER_DIALECT_PLAN_LAYOUTS_H
