// Where bytes stand in a quantized KV cache, written down again from the words of Layouts.h: what
// tests fill and read caches by, and the benchmark. Knows nothing of tests.
#ifndef BLUEC_TESTS_CONFORMANCE_CACHE_BYTES_H
#define BLUEC_TESTS_CONFORMANCE_CACHE_BYTES_H

#include "tests/conformance/StepModule.h"

namespace bluec::conformance {

struct CacheBytes {
  bool keys = true; // or values
  int64_t heads = 1, dims = 1, context = 1, block = 1;
  int64_t dotBits = 8; // of the queries' type: 8 or 16
  LayoutFacts facts;
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
    // Neighbours of a dot product are an operand apart; elements that it does not take at once
    // stand between them.
    int64_t bit = inWord % dot().k * dot().bits + inWord / dot().k * elementBits();
    return start(head, position) + headerBytes() + (row * wordsInRow() + word) * wordBytes() +
           bit / 8;
  }
  int64_t bytes() const { return batch * heads * blocks() * blockBytes(); }

  int64_t elementBits() const { return encoder ? dotBits : 8; }
  /// Elements that share a word.
  int64_t inWords() const { return 8 * wordBytes() / elementBits(); }
  /// What is added to an element where it stands.
  int64_t offset() const {
    bool has = keys && (elementBits() < dot().bits || dot().unsignedLhs);
    return has ? int64_t{1} << (elementBits() - 1) : 0;
  }
  /// The element at an offset of `bytes`.
  int64_t elementAt(const std::vector<uint8_t> &bytes, int64_t at) const;

  /// Integers that a query and a softmax's weights go to.
  int64_t mostQuery() const { return dot().bits == 8 ? 127 : 32767; }
  int64_t mostWeight() const { return dot().bits > 8 ? 32767 : dot().unsignedLhs ? 255 : 127; }

  /// The cache as an operand of a step, by the name "keys" or "values".
  Operand operand() const;

private:
  const DotFacts &dot() const { return facts.dot(dotBits); }
  int64_t padded(int64_t bytes) const {
    return (bytes + facts.alignment - 1) / facts.alignment * facts.alignment;
  }
  int64_t wordBytes() const { return dot().k * dot().bits / 8; }
  int64_t rowsOfWords() const {
    return keys ? (dims + inWords() - 1) / inWords() : block / inWords();
  }
  int64_t wordsInRow() const { return keys ? block : dims; }
  int64_t headerBytes() const { return padded((encoder ? 4 : 2) * block); }
  int64_t blockBytes() const {
    return padded(headerBytes() + rowsOfWords() * wordsInRow() * wordBytes());
  }
  int64_t blocks() const { return (context + block - 1) / block; }
  int64_t start(int64_t head, int64_t position) const {
    return (head * blocks() + position / block) * blockBytes();
  }
};

/// What attention may have beside its mask; 0 and false: it does not.
struct Scores {
  int64_t window = 0;
  double softcap = 0;
  bool sinks = false; // the weight "sinks"
  int64_t terms = 0;  // of the weights "basis" and "table"
  int64_t ringOf = 0; // positions of the context, where the caches are rings of fewer
};

/// A step of plan.attention for `rows` rows of `heads` heads over both caches, causal; for an
/// encoder's keys and values `rows` is the batch, and every token attends to all.
StepText attentionStep(const std::string &entry, int64_t rows, int64_t heads, double scale,
                       const CacheBytes &keys, const CacheBytes &values, const Scores &how = {});

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_CACHE_BYTES_H
