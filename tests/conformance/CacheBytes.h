// Where bytes stand in a quantized KV cache, written down again from the words of Layouts.h: what
// tests fill and read caches by, and the benchmark. Knows nothing of tests.
#ifndef BLUEC_TESTS_CONFORMANCE_CACHE_BYTES_H
#define BLUEC_TESTS_CONFORMANCE_CACHE_BYTES_H

#include "tests/conformance/StepModule.h"

namespace bluec::conformance {

struct CacheBytes {
  bool keys = true; // or values
  int64_t heads = 1, dims = 1, context = 1, block = 1;
  int64_t dotBits = 8; // of the type that the cache meets in dot products: 8 or 16
  // Of an encoder (context is its tokens): elements have dotBits, and scales are f32. The heads of
  // the batch's elements follow each other: `head` below is element * heads + head.
  bool encoder = false;
  int64_t batch = 1;

  /// Offsets, in bytes, of the scale and of an element of a head at a position.
  int64_t scale(int64_t head, int64_t position) const {
    return start(head, position) + (encoder ? 4 : 2) * (position % block);
  }
  int64_t element(int64_t head, int64_t position, int64_t dim) const {
    int64_t p = position % block, each = inWords();
    int64_t row = keys ? dim / each : p / each, word = keys ? p : dim;
    int64_t inWord = keys ? dim % each : p % each;
    if (each == 2)
      return start(head, position) + headerBytes() + (row * wordsInRow() + word) * 4 + 2 * inWord;
    // Bytes of a word in order for dot i8; for dot i16 the second pair is between the first.
    static constexpr int64_t kPairs[] = {0, 2, 1, 3};
    int64_t byte = dotBits == 8 ? inWord : kPairs[inWord];
    return start(head, position) + headerBytes() + (row * wordsInRow() + word) * 4 + byte;
  }
  int64_t bytes() const { return batch * heads * blocks() * blockBytes(); }

  /// The cache as an operand of a step, by the name "keys" or "values".
  Operand operand() const;

private:
  static int64_t padded(int64_t bytes) { return (bytes + 63) / 64 * 64; }
  int64_t inWords() const { return encoder && dotBits == 16 ? 2 : 4; }
  int64_t rowsOfWords() const {
    return keys ? (dims + inWords() - 1) / inWords() : block / inWords();
  }
  int64_t wordsInRow() const { return keys ? block : dims; }
  int64_t headerBytes() const { return padded((encoder ? 4 : 2) * block); }
  int64_t blockBytes() const { return padded(headerBytes() + rowsOfWords() * wordsInRow() * 4); }
  int64_t blocks() const { return (context + block - 1) / block; }
  int64_t start(int64_t head, int64_t position) const {
    return (head * blocks() + position / block) * blockBytes();
  }
};

/// A step of plan.attention for `rows` rows of `heads` heads over both caches, causal; for an
/// encoder's keys and values `rows` is the batch, and every token attends to all.
StepText attentionStep(const std::string &entry, int64_t rows, int64_t heads, double scale,
                       const CacheBytes &keys, const CacheBytes &values);

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_CACHE_BYTES_H
