// Where every byte of a quantized tensor stands: the one description that the packer of weights,
// the kernel generator and the tests of both go by. Offsets are in bytes.
//
// Integers are packed in little-endian words of 32 bits. A word meets a vector lane of a dot
// product that sums `dotLanes` products of neighbours: 4 of i8, 2 of i16, 1 of f32. With w bits an
// element, a word holds 32 / w elements; element s * dotLanes + j stands at bit j * (32 / dotLanes)
// + s * w, so that step s of the unpacking (shift by s * w, mask) gives dotLanes elements in
// natural order.
#ifndef BLUEC_COMPILER_DIALECT_PLAN_LAYOUTS_H
#define BLUEC_COMPILER_DIALECT_PLAN_LAYOUTS_H

#include "compiler/dialect/blue/Blue.h"

#include <cstdint>
#include <optional>

namespace bluec::plan {

struct WordLayout {
  int64_t bits = 8;     // of an element
  int64_t dotLanes = 4; // products that one lane of a dot product sums

  constexpr int64_t elements() const { return 32 / bits; }
  /// Steps of unpacking; each gives `dotLanes` elements.
  constexpr int64_t steps() const { return elements() / dotLanes; }
  /// The lowest bit of element `i`.
  constexpr int64_t bitOf(int64_t i) const {
    return i % dotLanes * (32 / dotLanes) + i / dotLanes * bits;
  }
};

/// Products that a lane sums for activations of `dot`: 4 (i8), 2 (i16) or 1 (f32).
int64_t dotLanesOf(mlir::Type dot);

/// A weight [N, K] with #plan.panels:
///
///   panel:  group after group, padded to 64 bytes
///   group:  header: `rows` scales, then with zeros `rows` bytes of zeros; padded to 64 bytes
///           words[ceil(elements / word.elements())][rows]
///
/// Elements are stored with an offset, as q + 2^(bits - 1) (unsigned), zeros likewise; so without
/// zeros the zero point of what is stored is 2^(bits - 1). A group's elements past K, and rows past
/// N, have the zero point as element; scales of rows past N are 0. The last group of a row holds
/// the words that its elements need, no more.
struct PanelLayout {
  int64_t n = 0, k = 0;
  int64_t rows = 0;  // of a panel
  int64_t group = 0; // elements; at most k for one group a row
  int64_t scaleBytes = 2;
  bool zeros = false;
  WordLayout word;

  static std::optional<PanelLayout> of(mlir::RankedTensorType type);

  int64_t panels() const { return (n + rows - 1) / rows; }
  int64_t groups() const { return (k + group - 1) / group; }
  int64_t headerBytes() const { return (rows * (scaleBytes + (zeros ? 1 : 0)) + 63) / 64 * 64; }
  int64_t zerosOffset() const { return rows * scaleBytes; } // in a header
  /// Words of each row in group `g`.
  int64_t wordsIn(int64_t g) const {
    int64_t elements = std::min(group, k - g * group);
    return (elements + word.elements() - 1) / word.elements();
  }
  int64_t wordBytes() const { return rows * 4; } // of one word of all rows
  /// From the panel's start to group `g`.
  int64_t groupOffset(int64_t g) const { return g * (headerBytes() + wordsIn(0) * wordBytes()); }
  int64_t panelBytes() const {
    int64_t last = groups() - 1;
    return (groupOffset(last) + headerBytes() + wordsIn(last) * wordBytes() + 63) / 64 * 64;
  }
  int64_t bytes() const { return panels() * panelBytes(); }
};

/// Whether rows of `channels` elements side by side can be multiplied by `panels` where they stand,
/// one after the other: words, and groups that are no whole row, end with each of them. True for
/// panels of floats.
bool canGather(mlir::RankedTensorType panels, int64_t channels);

/// Activations [..., K] with #plan.rows: for each row
///
///   elements (1 or 2 bytes each), zeros past K, padded to 64 bytes
///   scales: f32, one a group; padded to 64 bytes
///   sums: i32, one for each `sums` elements, of the integers; padded to 64 bytes
struct RowLayout {
  int64_t rows = 0, k = 0;
  int64_t group = 0; // elements; k for one group a row
  int64_t sums = 0;  // elements
  int64_t elementBytes = 1;

  static std::optional<RowLayout> of(mlir::RankedTensorType type);

  int64_t groups() const { return (k + group - 1) / group; }
  int64_t sumCount() const { return (k + sums - 1) / sums; }
  int64_t scalesOffset() const { return (k * elementBytes + 63) / 64 * 64; }
  int64_t sumsOffset() const { return scalesOffset() + (groups() * 4 + 63) / 64 * 64; }
  int64_t rowBytes() const { return sumsOffset() + (sumCount() * 4 + 63) / 64 * 64; }
  int64_t bytes() const { return rows * rowBytes(); }
};

/// Keys or values [S, heads * D] with #plan.keys or #plan.values: for each head, block after block
/// of `block` positions; each
///
///   scales: f16, one a position; padded to 64 bytes
///   keys:   words[ceil(D / 4)][block], a word holding neighbouring dims
///   values: words[block / 4][D], a word holding neighbouring positions
///   padded to 64 bytes
///
/// Elements are i8 in two's complement for values, and with an offset, as q + 128, for keys: in a
/// dot product of i8 one operand is unsigned, the keys there and the softmax's weights here. Dims
/// past D are 128, that is zero. What no token was written to is undefined.
struct CacheLayout {
  bool keys = true;
  int64_t positions = 0, heads = 0, dims = 0;
  int64_t block = 0;
  WordLayout word;

  static std::optional<CacheLayout> of(mlir::RankedTensorType type);

  int64_t blocks() const { return (positions + block - 1) / block; }
  int64_t headerBytes() const { return (block * 2 + 63) / 64 * 64; }
  int64_t words() const { return keys ? (dims + 3) / 4 : block / 4; } // rows of words in a block
  int64_t wordBytes() const { return (keys ? block : dims) * 4; }     // of a row of words
  int64_t blockBytes() const { return (headerBytes() + words() * wordBytes() + 63) / 64 * 64; }
  int64_t headBytes() const { return blocks() * blockBytes(); }
  int64_t bytes() const { return heads * headBytes(); }
};

} // namespace bluec::plan

#endif // BLUEC_COMPILER_DIALECT_PLAN_LAYOUTS_H
