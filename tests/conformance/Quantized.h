// Quantized weights and activations as plain arrays, and their bytes as Layouts.h says: written
// from its text, apart from the compiler's own packer, so that each checks the other.
#ifndef BLUEC_TESTS_CONFORMANCE_QUANTIZED_H
#define BLUEC_TESTS_CONFORMANCE_QUANTIZED_H

#include "compiler/dialect/plan/Layouts.h"
#include "tests/conformance/StepModule.h"

namespace bluec::conformance {

/// The nearest f16, as f32; and its bits.
float toHalf(float value);
uint16_t halfBits(float value);
/// The nearest f16 of each element, as the bits of their bytes.
Data asHalves(const Data &data);

struct WeightFormat {
  int64_t bits = 4;
  int64_t group = 64; // 0: a row
  bool halfScales = true;
  bool zeros = false;
  int64_t dot = 8; // bits of the activations that it meets; 32: f32

  std::string element() const;
  std::string encoding(const LayoutFacts &facts) const;
  plan::PanelLayout layout(int64_t n, int64_t k, const LayoutFacts &facts) const;
};

/// w[n, k] = scale[n, g] * (q[n, k] - zero[n, g]).
struct QuantizedWeight {
  WeightFormat format;
  int64_t n = 0, k = 0;
  std::vector<int32_t> q, zeros; // signed; zeros empty without
  std::vector<float> scales;

  int64_t group() const { return format.group == 0 ? k : format.group; }
  int64_t groups() const { return (k + group() - 1) / group(); }
  int32_t at(int64_t row, int64_t col) const; // q - zero
  float scaleAt(int64_t row, int64_t col) const;
  Data pack(const LayoutFacts &facts) const;
};
/// Random integers of the whole range; scales about `scale`, times up to 10^spread and down to
/// 10^-spread.
QuantizedWeight randomWeight(const WeightFormat &format, int64_t n, int64_t k, uint32_t seed,
                             float scale = 0.01f, float spread = 0.5f);

struct RowFormat {
  int64_t bits = 8;
  int64_t group = 0; // 0: a row
  int64_t sums = 32;
  int64_t alignment = 64;
  int64_t pairs = 0;

  std::string element() const;
  std::string encoding() const;
  plan::RowLayout layout(int64_t rows, int64_t k) const;
  /// As a target lays out so many rows.
  RowFormat on(const LayoutFacts &facts, int64_t rows) const;
};

/// x[m, k] = scale[m, g] * q[m, k].
struct QuantizedRows {
  RowFormat format;
  int64_t rows = 0, k = 0;
  std::vector<int32_t> q;
  std::vector<float> scales;
  std::string fault; // of unpack; empty when there is none

  int64_t group() const { return format.group == 0 ? k : format.group; }
  int64_t groups() const { return (k + group() - 1) / group(); }
  float scaleAt(int64_t row, int64_t col) const;
  Data pack() const;
  /// The same with nothing that makes sense from `row` on.
  Data packWithGarbageFrom(int64_t row) const;
  /// One row, which stands alone.
  QuantizedRows row(int64_t number) const;
  /// Reads the first `count` rows of what a kernel has written. `fault` says where sums or padding
  /// are not what the integers say.
  static QuantizedRows unpack(const RowFormat &format, int64_t rows, int64_t k, const Data &bytes,
                              int64_t count);
};
QuantizedRows randomRows(const RowFormat &format, int64_t rows, int64_t k, uint32_t seed);
/// blue.quantize, with `staticScale` if it is not 0.
QuantizedRows quantize(const RowFormat &format, const Data &x, int64_t rows, int64_t k,
                       double staticScale = 0);

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_QUANTIZED_H
