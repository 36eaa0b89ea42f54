#include "tests/conformance/Quantized.h"

#include "llvm/ADT/APFloat.h"

#include <cassert>
#include <cmath>
#include <cstring>

using namespace bluec;
using namespace bluec::conformance;

namespace {

using Bytes = std::vector<uint8_t>;

template <typename T> void putAt(Bytes &bytes, int64_t offset, T value) {
  assert(static_cast<size_t>(offset) + sizeof(T) <= bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}
template <typename T> T getAt(const Bytes &bytes, int64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

Data asData(const Bytes &bytes) {
  Data data(bytes.size() / 4);
  std::memcpy(data.data(), bytes.data(), bytes.size());
  return data;
}

uint64_t nextRandom(uint64_t &state) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return state >> 33;
}

std::string groupText(int64_t group) { return group == 0 ? "row" : std::to_string(group); }

} // namespace

uint16_t conformance::halfBits(float value) {
  llvm::APFloat half(value);
  bool loses = false;
  half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return static_cast<uint16_t>(half.bitcastToAPInt().getZExtValue());
}
float conformance::toHalf(float value) {
  llvm::APFloat half(llvm::APFloat::IEEEhalf(), llvm::APInt(16, halfBits(value)));
  bool loses = false;
  half.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return half.convertToFloat();
}

Data conformance::asHalves(const Data &data) {
  Bytes bytes(data.size() * 2);
  for (size_t i = 0; i < data.size(); ++i)
    putAt(bytes, static_cast<int64_t>(2 * i), halfBits(data[i]));
  return asData(bytes);
}

std::string WeightFormat::element() const {
  return "!blue.quantized<i" + std::to_string(bits) + " group " + groupText(group) + " scale " +
         (halfScales ? "f16" : "f32") + (zeros ? " zeros>" : ">");
}
std::string WeightFormat::encoding(const LayoutFacts &facts) const {
  return "#plan.panels<rows " + std::to_string(facts.panelRows) + ", dot " +
         facts.panelDot(dot).text + facts.alignText() + ">";
}
plan::PanelLayout WeightFormat::layout(int64_t n, int64_t k, const LayoutFacts &facts) const {
  const DotFacts &dot = facts.panelDot(this->dot);
  // As wide as a signed operand, or within one of 8 bits: in two's complement.
  bool hasOffset = dot.unsignedLhs || (bits < dot.bits && dot.bits != 8);
  return {n,
          k,
          facts.panelRows,
          group == 0 ? k : group,
          halfScales ? 2 : 4,
          zeros,
          {bits, dot.k, dot.bits},
          hasOffset ? int64_t{1} << (bits - 1) : 0,
          facts.alignment};
}

int32_t QuantizedWeight::at(int64_t row, int64_t col) const {
  int32_t zero = zeros.empty() ? 0 : zeros[static_cast<size_t>(row * groups() + col / group())];
  return q[static_cast<size_t>(row * k + col)] - zero;
}
float QuantizedWeight::scaleAt(int64_t row, int64_t col) const {
  return scales[static_cast<size_t>(row * groups() + col / group())];
}

Data QuantizedWeight::pack(const LayoutFacts &facts) const {
  plan::PanelLayout layout = format.layout(n, k, facts);
  Bytes bytes(static_cast<size_t>(layout.bytes()));
  auto offset = static_cast<int32_t>(layout.offset);
  int64_t wordBits = layout.word.products * layout.word.operandBits;
  uint64_t mask = (uint64_t{1} << format.bits) - 1;
  for (int64_t row = 0; row < layout.panels() * layout.rows; ++row) {
    int64_t panel = row / layout.rows * layout.panelBytes(), lane = row % layout.rows;
    for (int64_t g = 0; g < layout.groups(); ++g) {
      int64_t header = panel + layout.groupOffset(g);
      auto at = static_cast<size_t>(row * groups() + g);
      float scale = row < n ? scales[at] : 0;
      int32_t zero = offset + (row < n && !zeros.empty() ? zeros[at] : 0);
      if (format.halfScales)
        putAt(bytes, header + 2 * lane, halfBits(scale));
      else
        putAt(bytes, header + 4 * lane, scale);
      if (format.zeros)
        putAt(bytes, header + layout.zerosOffset() + lane, static_cast<uint8_t>(zero));
      for (int64_t w = 0; w < layout.wordsIn(g); ++w) {
        uint64_t word = 0;
        for (int64_t i = 0; i < layout.word.elements(); ++i) {
          int64_t inGroup = w * layout.word.elements() + i, col = g * group() + inGroup;
          bool there = row < n && col < k && inGroup < group();
          int32_t value = there ? q[static_cast<size_t>(row * k + col)] + offset : zero;
          word |= (static_cast<uint64_t>(value) & mask) << layout.word.bitOf(i);
        }
        for (int64_t byte = 0; byte < wordBits / 8; ++byte)
          putAt(bytes,
                header + layout.headerBytes() + w * layout.wordBytes() + lane * wordBits / 8 + byte,
                static_cast<uint8_t>(word >> (8 * byte)));
      }
    }
  }
  return asData(bytes);
}

QuantizedWeight conformance::randomWeight(const WeightFormat &format, int64_t n, int64_t k,
                                          uint32_t seed, float scale, float spread) {
  QuantizedWeight weight{format, n, k, {}, {}, {}};
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
  auto integer = [&] {
    uint64_t range = uint64_t{1} << format.bits;
    return static_cast<int32_t>(nextRandom(state) % range) - static_cast<int32_t>(range / 2);
  };
  for (int64_t i = 0; i < n * k; ++i)
    weight.q.push_back(integer());
  for (int64_t i = 0; i < n * weight.groups(); ++i) {
    float power = spread * (static_cast<float>(nextRandom(state) % 2001) / 1000 - 1);
    float value = scale * std::pow(10.0f, power);
    weight.scales.push_back(format.halfScales ? toHalf(value) : value);
    if (format.zeros)
      weight.zeros.push_back(integer());
  }
  return weight;
}

std::string RowFormat::element() const {
  return "!blue.quantized<i" + std::to_string(bits) + " group " + groupText(group) + " scale f32>";
}
std::string RowFormat::encoding() const {
  return "#plan.rows<sums " + std::to_string(sums) +
         (pairs > 0 ? " pairs " + std::to_string(pairs) : "") + ", align " +
         std::to_string(alignment) + ">";
}
RowFormat RowFormat::on(const LayoutFacts &facts, int64_t rows) const {
  RowFormat format = *this;
  format.alignment = facts.alignment;
  format.pairs = rows > 1 ? facts.pairs(bits) : 0;
  return format;
}
plan::RowLayout RowFormat::layout(int64_t rows, int64_t k) const {
  return {rows, k, group == 0 ? k : group, sums, bits / 8, alignment, pairs};
}

float QuantizedRows::scaleAt(int64_t row, int64_t col) const {
  return scales[static_cast<size_t>(row * groups() + col / group())];
}

Data QuantizedRows::pack() const {
  plan::RowLayout layout = format.layout(rows, k);
  Bytes bytes(static_cast<size_t>(layout.bytes()));
  for (int64_t row = 0; row < rows; ++row) {
    int64_t base = layout.elementsAt(row);
    std::vector<int32_t> sums(static_cast<size_t>(layout.sumCount()));
    for (int64_t col = 0; col < k; ++col) {
      int32_t value = q[static_cast<size_t>(row * k + col)];
      sums[static_cast<size_t>(col / format.sums)] += value;
      if (format.bits == 8)
        putAt(bytes, base + layout.elementOffset(col), static_cast<int8_t>(value));
      else
        putAt(bytes, base + layout.elementOffset(col), static_cast<int16_t>(value));
    }
    for (int64_t g = 0; g < groups(); ++g)
      putAt(bytes, layout.scalesAt(row) + layout.numberOffset(g),
            scales[static_cast<size_t>(row * groups() + g)]);
    for (int64_t i = 0; i < layout.sumCount(); ++i)
      putAt(bytes, layout.sumsAt(row) + layout.numberOffset(i), sums[static_cast<size_t>(i)]);
  }
  return asData(bytes);
}

Data QuantizedRows::packWithGarbageFrom(int64_t row) const {
  QuantizedRows other = *this;
  for (auto i = static_cast<size_t>(row * k); i < q.size(); ++i)
    other.q[i] = -3 * (q[i] % 40) - 1;
  std::fill(other.scales.begin() + row * groups(), other.scales.end(),
            std::numeric_limits<float>::quiet_NaN());
  return other.pack();
}

QuantizedRows QuantizedRows::row(int64_t number) const {
  QuantizedRows one{format, 1, k, {}, {}, {}};
  one.format.pairs = 0;
  one.q.assign(q.begin() + number * k, q.begin() + (number + 1) * k);
  one.scales.assign(scales.begin() + number * groups(), scales.begin() + (number + 1) * groups());
  return one;
}

QuantizedRows QuantizedRows::unpack(const RowFormat &format, int64_t rows, int64_t k,
                                    const Data &data, int64_t count) {
  plan::RowLayout layout = format.layout(rows, k);
  QuantizedRows result{format, rows, k, {}, {}, ""};
  if (static_cast<int64_t>(data.size() * 4) != layout.bytes()) {
    result.fault = "expected " + std::to_string(layout.bytes()) + " bytes";
    return result;
  }
  Bytes bytes(data.size() * 4);
  std::memcpy(bytes.data(), data.data(), bytes.size());
  for (int64_t row = 0; row < count; ++row) {
    int64_t base = layout.elementsAt(row);
    std::vector<int32_t> sums(static_cast<size_t>(layout.sumCount()));
    for (int64_t i = 0; i < layout.elementsBytes() / layout.elementBytes; ++i) {
      int64_t at = base + layout.elementOffset(i);
      int32_t value = format.bits == 8 ? getAt<int8_t>(bytes, at) : getAt<int16_t>(bytes, at);
      if (i >= k) {
        if (value != 0)
          result.fault = "padding of row " + std::to_string(row);
        continue;
      }
      result.q.push_back(value);
      sums[static_cast<size_t>(i / format.sums)] += value;
    }
    for (int64_t g = 0; g < layout.groups(); ++g)
      result.scales.push_back(getAt<float>(bytes, layout.scalesAt(row) + layout.numberOffset(g)));
    for (int64_t i = 0; i < layout.sumCount(); ++i)
      if (getAt<int32_t>(bytes, layout.sumsAt(row) + layout.numberOffset(i)) !=
          sums[static_cast<size_t>(i)])
        result.fault = "sum " + std::to_string(i) + " of row " + std::to_string(row);
  }
  return result;
}

QuantizedRows conformance::randomRows(const RowFormat &format, int64_t rows, int64_t k,
                                      uint32_t seed) {
  QuantizedRows result{format, rows, k, {}, {}, ""};
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 7;
  int64_t most = (int64_t{1} << (format.bits - 1)) - 1;
  for (int64_t i = 0; i < rows * k; ++i)
    result.q.push_back(static_cast<int32_t>(
        static_cast<int64_t>(nextRandom(state) % static_cast<uint64_t>(2 * most + 1)) - most));
  for (int64_t i = 0; i < rows * result.groups(); ++i)
    result.scales.push_back(static_cast<float>(nextRandom(state) % 1000 + 1) / 5000.0f);
  return result;
}

QuantizedRows conformance::quantize(const RowFormat &format, const Data &x, int64_t rows, int64_t k,
                                    double staticScale) {
  QuantizedRows result{format, rows, k, {}, {}, ""};
  auto most = static_cast<float>((1 << (format.bits - 1)) - 1);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t start = 0; start < k; start += result.group()) {
      int64_t end = std::min(k, start + result.group());
      const float *at = x.data() + row * k;
      float largest = 0;
      for (int64_t i = start; i < end; ++i)
        largest = std::max(largest, std::fabs(at[i]));
      float scale = staticScale > 0 ? static_cast<float>(staticScale) : largest / most;
      result.scales.push_back(scale);
      for (int64_t i = start; i < end; ++i) {
        float rounded = scale == 0 ? 0 : std::nearbyint(at[i] / scale);
        rounded = rounded > -most ? rounded : -most; // also what is no number
        result.q.push_back(static_cast<int32_t>(std::min(rounded, most)));
      }
    }
  return result;
}
