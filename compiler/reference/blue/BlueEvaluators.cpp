#include "compiler/reference/blue/BlueEvaluators.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/reference/Rounding.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;
using namespace bluec;
using namespace bluec::reference;

using Results = FailureOr<SmallVector<Tensor>>;

static Results one(Tensor tensor) {
  SmallVector<Tensor> results;
  results.push_back(std::move(tensor));
  return results;
}

static Tensor floatsOf(std::vector<int64_t> shape) {
  return Tensor::zeros(ElementType::F32, std::move(shape));
}

static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, dim] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(dim);
  return text + "]";
}

/// The number of rows when the last dim is a row.
static int64_t rowsOf(const Tensor &tensor) {
  return tensor.shape.back() == 0 ? 0 : tensor.numElements() / tensor.shape.back();
}

//===----------------------------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------------------------===//

/// Replaces numbers by those that integers of at most `most` stand for. Quotients are rounded to
/// f32 first, as in kernels: the integers are the same.
static void quantizeBy(float scale, double most, MutableArrayRef<float> group) {
  for (float &value : group) {
    double q = scale == 0 ? 0 : double(std::nearbyint(value / scale));
    value = static_cast<float>(double(scale) * std::clamp(q, -most, most));
  }
}

static double largestOf(ArrayRef<float> group) {
  double largest = 0;
  for (float value : group)
    largest = std::max(largest, std::abs(double(value)));
  return largest;
}

/// Each group of `width` neighbours quantized to `type`, with the scale that blue.quantize says
/// (`staticScale`, if positive, is that of all groups).
static void quantizeGroups(float *values, int64_t count, int64_t width, blue::QuantizedType type,
                           double staticScale) {
  auto most = static_cast<double>((int64_t{1} << (type.getBits() - 1)) - 1);
  for (int64_t begin = 0; begin < count; begin += width) {
    MutableArrayRef<float> group(values + begin, std::min(width, count - begin));
    auto scale = static_cast<float>(staticScale > 0 ? staticScale : largestOf(group) / most);
    if (type.getScale().isF16())
      scale = halfToFloat(floatToHalf(std::min(scale, 65504.0f)));
    quantizeBy(scale, most, group);
  }
}

/// Rows of groups that are as long as the type says.
static Tensor quantizeRows(Tensor x, blue::QuantizedType type, double staticScale) {
  int64_t width = x.shape.back();
  for (int64_t row = 0; row < rowsOf(x); ++row)
    quantizeGroups(x.f32.data() + row * width, width, std::max<int64_t>(type.groupIn(width), 1),
                   type, staticScale);
  return x;
}

static Results evaluateLinear(const Tensor &x, const Tensor &weight, const Tensor *bias) {
  int64_t width = weight.shape[1], channels = weight.shape[0];
  std::vector<int64_t> shape = x.shape;
  shape.back() = channels;
  Tensor y = floatsOf(shape);
  int64_t rows = width == 0 ? 0 : x.numElements() / width;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t n = 0; n < channels; ++n) {
      const float *a = x.f32.data() + row * width, *b = weight.f32.data() + n * width;
      double sum = 0;
      for (int64_t k = 0; k < width; ++k)
        sum += double(a[k]) * double(b[k]);
      y.f32[row * channels + n] = static_cast<float>(sum + (bias ? bias->f32[n] : 0.0));
    }
  return one(std::move(y));
}

static Results evaluateRoute(blue::RouteOp op, const Tensor &logits) {
  auto experts = static_cast<size_t>(logits.shape[1]);
  Tensor y = floatsOf(logits.shape);
  std::vector<size_t> order(experts);
  std::vector<double> weights(experts);
  for (int64_t row = 0; row < rowsOf(logits); ++row) {
    const float *in = logits.f32.data() + row * logits.shape[1];
    auto chosen = order.begin() + static_cast<int64_t>(op.getChosen());
    std::iota(order.begin(), order.end(), 0);
    // What is no number comes last, so that any logits have an order.
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      if (std::isnan(in[a]) || std::isnan(in[b]))
        return std::isnan(in[a]) == std::isnan(in[b]) ? a > b : std::isnan(in[b]);
      return in[a] != in[b] ? in[a] > in[b] : a > b;
    });
    double largest = in[order.front()], sum = 0;
    for (size_t e = 0; e < experts; ++e)
      weights[e] = std::exp(double(in[e]) - largest);
    for (auto e = order.begin(); e != (op.getNormalized() ? chosen : order.end()); ++e)
      sum += weights[*e];
    for (auto e = order.begin(); e != chosen; ++e)
      y.f32[static_cast<size_t>(row) * experts + *e] = static_cast<float>(weights[*e] / sum);
  }
  return one(std::move(y));
}

static Results evaluateExpertLinear(blue::ExpertLinearOp op, const Tensor &x, const Tensor &weight,
                                    const Tensor &routing, const Tensor *bias) {
  int64_t rows = x.shape[0], experts = weight.shape[0], channels = weight.shape[1];
  int64_t width = weight.shape[2];
  bool isSum = op.isSum();
  int64_t places = isSum ? x.shape[1] : op.getResult().getType().getDimSize(1);
  if (routing.shape[0] != rows)
    return op.emitOpError("expected routing of ")
           << rows << " rows, found shape " << shapeText(routing.shape);
  Tensor y = floatsOf(isSum ? std::vector<int64_t>{rows, channels}
                            : std::vector<int64_t>{rows, places, channels});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t n = 0; n < channels; ++n) {
      double total = 0;
      for (int64_t e = 0, place = 0; e < experts && place < places; ++e) {
        float share = routing.f32[row * experts + e];
        if (share == 0)
          continue;
        const float *a = x.f32.data() + (isSum ? row * places + place : row) * width;
        const float *b = weight.f32.data() + (e * channels + n) * width;
        double sum = bias ? bias->f32[e * channels + n] : 0;
        for (int64_t k = 0; k < width; ++k)
          sum += double(a[k]) * double(b[k]);
        total += share * sum;
        if (!isSum)
          y.f32[(row * places + place) * channels + n] = static_cast<float>(sum);
        ++place;
      }
      if (isSum)
        y.f32[row * channels + n] = static_cast<float>(total);
    }
  return one(std::move(y));
}

/// `weight` and `bias` go on from group to group, or are the same for all.
static Results evaluateNorm(const Tensor &x, const Tensor &weight, const Tensor *bias,
                            double epsilon, bool centred, int64_t groups) {
  Tensor y = floatsOf(x.shape);
  int64_t width = x.shape.back() / groups;
  for (int64_t row = 0; row < rowsOf(x) * groups; ++row) {
    const float *in = x.f32.data() + row * width;
    auto of = [&](const Tensor &vector, int64_t i) {
      return vector.f32[(row % groups * width + i) % vector.numElements()];
    };
    double mean = 0, squares = 0;
    if (centred) {
      for (int64_t i = 0; i < width; ++i)
        mean += in[i];
      mean /= width;
    }
    for (int64_t i = 0; i < width; ++i)
      squares += (in[i] - mean) * (in[i] - mean);
    double scale = 1 / std::sqrt(squares / width + epsilon);
    for (int64_t i = 0; i < width; ++i)
      y.f32[row * width + i] =
          static_cast<float>((in[i] - mean) * scale * of(weight, i) + (bias ? of(*bias, i) : 0.0));
  }
  return one(std::move(y));
}

static Results evaluateRope(blue::RopeOp op, const Tensor &x, const Tensor &cos, const Tensor &sin,
                            const Tensor *position) {
  int64_t rows = rowsOf(x), width = x.shape.back(), heads = op.getNumHeads();
  int64_t headDim = width / heads, half = cos.shape[1];
  int64_t axes = position && position->shape.size() == 2 ? position->shape[1] : 1;
  auto placeOf = [&](int64_t row, int64_t axis) {
    if (!position)
      return row % cos.shape[0];
    return op.isConsecutive() ? position->i64[0] + row : position->i64[row * axes + axis];
  };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t axis = 0; axis < axes; ++axis)
      if (int64_t place = placeOf(row, axis); place < 0 || place >= cos.shape[0])
        return op.emitOpError("expected positions within 0 to ")
               << cos.shape[0] << ", found " << place << " of row " << row;
  std::optional<ArrayRef<int64_t>> axisOf = op.getAxes();
  Tensor y = x;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t i = 0; i < half; ++i) {
        int64_t first = op.getInterleaved() ? 2 * i : i;
        int64_t second = op.getInterleaved() ? 2 * i + 1 : i + half;
        int64_t base = row * width + head * headDim;
        double a = x.f32[base + first], b = x.f32[base + second];
        int64_t angle = placeOf(row, axisOf ? (*axisOf)[i] : 0) * half + i;
        double c = cos.f32[angle], s = sin.f32[angle];
        y.f32[base + first] = static_cast<float>(a * c - b * s);
        y.f32[base + second] = static_cast<float>(b * c + a * s);
      }
  return one(std::move(y));
}

static Tensor appendRows(const Tensor &past, const Tensor &added) {
  Tensor all = past;
  all.shape[0] += added.shape[0];
  all.f32.insert(all.f32.end(), added.f32.begin(), added.f32.end());
  return all;
}

/// What integers of `type` make of a query, key or value of attention without a past, by head.
static Tensor quantizeHeads(Tensor x, Type type, int64_t heads, bool isValue) {
  int64_t width = x.shape.back() / heads;
  for (int64_t begin = 0; width > 0 && begin < x.numElements(); begin += width) {
    MutableArrayRef<float> head(x.f32.data() + begin, width);
    double most = type.isInteger(8) ? 127 : isValue ? 8191 : 32767;
    double scale = largestOf(head) / most;
    if (type.isInteger(16) && !isValue) {
      double squares = 0;
      for (float value : head)
        squares += double(value) * double(value);
      scale = std::max(scale, std::sqrt(squares) / 46300);
    }
    quantizeBy(static_cast<float>(scale), most, head);
  }
  return x;
}

/// The cache holds what it is quantized to, so that is what scores and values come from.
static Results evaluateAttention(blue::AttentionOp op, const Tensor &floatQuery,
                                 const Tensor &floatKey, const Tensor &floatValue,
                                 const Tensor *pastKey, const Tensor *pastValue,
                                 const Tensor *sinks, const Tensor *basis, const Tensor *table,
                                 bool inFloats = false) {
  Tensor query = floatQuery, newKey = floatKey, newValue = floatValue;
  auto elementOf = [](Value value) {
    return dyn_cast<blue::QuantizedType>(cast<RankedTensorType>(value.getType()).getElementType());
  };
  if (blue::QuantizedType cached = pastKey && !inFloats ? elementOf(op.getPastKey()) : nullptr) {
    newKey = quantizeRows(std::move(newKey), cached, 0);
    newValue = quantizeRows(std::move(newValue), cached, 0);
  }
  std::optional<Type> type = inFloats ? std::nullopt : op.getComputeType();
  if (type && !pastKey) {
    query = quantizeHeads(std::move(query), *type, op.getNumHeads(), /*isValue=*/false);
    newKey = quantizeHeads(std::move(newKey), *type, op.getNumKvHeads(), /*isValue=*/false);
    newValue = quantizeHeads(std::move(newValue), *type, op.getNumKvHeads(), /*isValue=*/true);
  } else if (type) {
    auto byHead =
        blue::QuantizedType::get(op.getContext(), cast<IntegerType>(*type),
                                 query.shape.back() / static_cast<int64_t>(op.getNumHeads()),
                                 Float32Type::get(op.getContext()), /*zeros=*/false);
    query = quantizeRows(std::move(query), byHead, 0);
  }
  bool hasPast = pastKey != nullptr;
  int64_t heads = op.getNumHeads(), kvHeads = op.getNumKvHeads();
  int64_t width = query.shape.back(), headDim = width / heads, kvWidth = headDim * kvHeads;
  int64_t batch = query.rank() == 3 ? query.shape[0] : 1;
  int64_t rows = query.shape[query.rank() - 2];
  int64_t past = hasPast ? pastKey->shape[0] : 0;
  if (newKey.shape[newKey.rank() - 2] != newValue.shape[newValue.rank() - 2] ||
      (hasPast && pastKey->shape[0] != pastValue->shape[0]))
    return op.emitOpError("expected as many keys as values, found ")
           << shapeText(newKey.shape) << " and " << shapeText(newValue.shape);
  if ((op.getCausal() && newKey.shape[newKey.rank() - 2] != rows) ||
      (query.rank() == 3 && newKey.shape[0] != batch))
    return op.emitOpError("expected keys for the query's rows, found ")
           << shapeText(query.shape) << " and " << shapeText(newKey.shape);

  Tensor joinedKey, joinedValue;
  if (hasPast) {
    joinedKey = appendRows(*pastKey, newKey);
    joinedValue = appendRows(*pastValue, newValue);
  }
  const Tensor &key = hasPast ? joinedKey : newKey, &value = hasPast ? joinedValue : newValue;
  int64_t positions = key.shape[key.rank() - 2];

  int64_t terms = basis ? basis->shape[1] : 0;
  if (table && table->shape[0] < positions)
    return op.emitOpError("expected a key_table of at least ")
           << positions << " positions, found " << table->shape[0];

  Tensor y = floatsOf(query.shape);
  std::vector<double> weights(positions), sums(headDim), products(terms);
  auto window = static_cast<int64_t>(op.getWindow().value_or(positions));
  std::optional<double> softcap;
  if (op.getSoftcap())
    softcap = op.getSoftcap()->convertToDouble();
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t head = 0; head < heads; ++head) {
        int64_t kvHead = head / (heads / kvHeads);
        int64_t seen = op.getCausal() ? past + row + 1 : positions;
        int64_t first = std::max<int64_t>(0, seen - window);
        const float *q = query.f32.data() + (b * rows + row) * width + head * headDim;
        const float *k = key.f32.data() + b * positions * kvWidth + kvHead * headDim;
        const float *v = value.f32.data() + b * positions * kvWidth + kvHead * headDim;
        // What the past does not hold is not quantized, and meets the query's floats.
        const float *plain = floatQuery.f32.data() + (b * rows + row) * width + head * headDim;
        for (int64_t n = 0; n < terms; ++n) {
          products[n] = 0;
          for (int64_t d = 0; d < headDim; ++d)
            products[n] +=
                double(plain[d]) * double(basis->f32[((kvHead * terms) + n) * headDim + d]);
        }
        double largest = sinks ? sinks->f32[head] : -std::numeric_limits<double>::infinity();
        for (int64_t j = first; j < seen; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < headDim; ++d)
            dot += double(q[d]) * double(k[j * kvWidth + d]);
          for (int64_t n = 0; n < terms; ++n)
            dot += products[n] * double(table->f32[j * terms + n]);
          weights[j] = dot * op.getScale().convertToDouble();
          if (softcap)
            weights[j] = *softcap * std::tanh(weights[j] / *softcap);
          largest = std::max(largest, weights[j]);
        }
        double total = sinks ? std::exp(sinks->f32[head] - largest) : 0;
        for (int64_t j = first; j < seen; ++j) {
          weights[j] = std::exp(weights[j] - largest);
          total += weights[j];
        }
        llvm::fill(sums, 0.0);
        for (int64_t j = first; j < seen; ++j)
          for (int64_t d = 0; d < headDim; ++d)
            sums[d] += weights[j] * double(v[j * kvWidth + d]);
        for (int64_t d = 0; d < headDim; ++d)
          y.f32[(b * rows + row) * width + head * headDim + d] =
              static_cast<float>(sums[d] / total);
      }
  SmallVector<Tensor> results;
  results.push_back(std::move(y));
  if (hasPast) {
    results.push_back(std::move(joinedKey));
    results.push_back(std::move(joinedValue));
  }
  return results;
}

static Results evaluatePatchEmbed(blue::PatchEmbedOp op, const Tensor &pixels, const Tensor &weight,
                                  const Tensor *bias) {
  int64_t batch = pixels.shape[0], channelsIn = pixels.shape[1];
  int64_t height = pixels.shape[2], width = pixels.shape[3];
  int64_t channels = weight.shape[0], patch = weight.shape[2];
  int64_t down = height / patch, across = width / patch, block = op.getBlock();
  Tensor y = floatsOf({batch, down * across, channels});
  int64_t at = 0;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t p = 0; p < down * across; ++p) {
      int64_t inBlock = p % (block * block), number = p / (block * block);
      int64_t row = number / (across / block) * block + inBlock / block;
      int64_t column = number % (across / block) * block + inBlock % block;
      for (int64_t n = 0; n < channels; ++n) {
        double sum = 0;
        for (int64_t c = 0; c < channelsIn; ++c)
          for (int64_t i = 0; i < patch; ++i)
            for (int64_t j = 0; j < patch; ++j)
              sum += double(pixels.f32[((b * channelsIn + c) * height + row * patch + i) * width +
                                       column * patch + j]) *
                     double(weight.f32[((n * channelsIn + c) * patch + i) * patch + j]);
        y.f32[at++] = static_cast<float>(sum + (bias ? bias->f32[n] : 0.0));
      }
    }
  return one(std::move(y));
}

static Results evaluateTokenDownsample(blue::TokenDownsampleOp op, const Tensor &x) {
  int64_t height = op.getHeight(), width = op.getWidth(), channels = x.shape[2];
  int64_t down = op.blocksDown(), across = op.blocksAcross();
  int64_t factor = op.getFactor(), parts = op.numParts();
  Tensor y = floatsOf({x.shape[0], down * across, parts * channels});
  for (int64_t b = 0; b < x.shape[0]; ++b)
    for (int64_t row = 0; row < down; ++row)
      for (int64_t column = 0; column < across; ++column)
        for (int64_t part = 0; part < parts; ++part) {
          int64_t i = factor * row + (op.getColumnMajor() ? part % factor : part / factor);
          int64_t j = factor * column + (op.getColumnMajor() ? part / factor : part % factor);
          if (i >= height || j >= width)
            continue; // zero padding
          int64_t block = op.getTransposed() ? column * down + row : row * across + column;
          const float *from = x.f32.data() + ((b * height + i) * width + j) * channels;
          float *to = y.f32.data() + (b * down * across + block) * parts * channels;
          for (int64_t c = 0; c < channels; ++c)
            to[op.getChannelsFirst() ? c * parts + part : part * channels + c] = from[c];
        }
  return one(std::move(y));
}

static Results evaluateTokenPool(blue::TokenPoolOp op, const Tensor &x) {
  int64_t width = op.getWidth(), channels = x.shape[2], factor = op.getFactor();
  int64_t down = static_cast<int64_t>(op.getHeight()) / factor, across = width / factor;
  Tensor y = floatsOf({x.shape[0], down * across, channels});
  int64_t at = 0;
  for (int64_t b = 0; b < x.shape[0]; ++b)
    for (int64_t block = 0; block < down * across; ++block)
      for (int64_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (int64_t part = 0; part < factor * factor; ++part) {
          int64_t i = block / across * factor + part / factor;
          int64_t j = block % across * factor + part % factor;
          sum += x.f32[(b * x.shape[1] + i * width + j) * channels + c];
        }
        y.f32[at++] = static_cast<float>(sum / static_cast<double>(factor * factor));
      }
  return one(std::move(y));
}

static Results evaluateTokenSlice(blue::TokenSliceOp op, const Tensor &x) {
  int64_t begin = op.getBegin(), count = static_cast<int64_t>(op.getEnd()) - begin;
  int64_t tokens = x.shape[1], channels = x.shape[2];
  Tensor y = floatsOf({x.shape[0], count, channels});
  for (int64_t b = 0; b < x.shape[0]; ++b)
    std::copy_n(x.f32.data() + (b * tokens + begin) * channels, count * channels,
                y.f32.data() + b * count * channels);
  return one(std::move(y));
}

static Results evaluateTokenPrepend(const Tensor &x, const Tensor &tokens) {
  Tensor y = floatsOf({x.shape[0], tokens.shape[0] + x.shape[1], x.shape[2]});
  int64_t picture = x.shape[1] * x.shape[2];
  float *to = y.f32.data();
  for (int64_t b = 0; b < x.shape[0]; ++b) {
    to = std::copy(tokens.f32.begin(), tokens.f32.end(), to);
    to = std::copy_n(x.f32.data() + b * picture, picture, to);
  }
  return one(std::move(y));
}

static Results evaluateEmbedding(blue::EmbeddingOp op, const Tensor &ids, const Tensor &table) {
  int64_t rows = table.shape[0], width = table.shape[1];
  Tensor y = floatsOf({ids.shape[0], width});
  for (int64_t i = 0; i < ids.shape[0]; ++i) {
    int64_t id = ids.i64[i];
    if (id < 0 || id >= rows)
      return op.emitOpError("expected ids from 0 to ") << rows - 1 << ", found " << id;
    std::copy_n(table.f32.data() + id * width, width, y.f32.data() + i * width);
  }
  return one(std::move(y));
}

//===----------------------------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------------------------===//

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

template <typename Function> static Results unary(const Tensor &x, Function function) {
  Tensor y = floatsOf(x.shape);
  for (auto [in, out] : llvm::zip_equal(x.f32, y.f32))
    out = static_cast<float>(function(double(in)));
  return one(std::move(y));
}

template <typename Function>
static Results binary(Operation *op, const Tensor &lhs, const Tensor &rhs, Function function) {
  ArrayRef<int64_t> full = lhs.shape, part = rhs.shape;
  if (part.size() > full.size() || full.take_back(part.size()) != part)
    return op->emitOpError("expected rhs to have lhs's shape ")
           << shapeText(full) << " or its last dims, found " << shapeText(part);
  Tensor y = floatsOf(lhs.shape);
  for (size_t i = 0; i < y.f32.size(); ++i)
    y.f32[i] =
        static_cast<float>(function(double(lhs.f32[i]), double(rhs.f32[i % rhs.f32.size()])));
  return one(std::move(y));
}

//===----------------------------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------------------------===//

using Operands = ArrayRef<const Tensor *>;

/// The operand at `i` if it is there: the optional operands of blue ops come last.
static const Tensor *optional(Operands operands, size_t i) {
  return i < operands.size() ? operands[i] : nullptr;
}

static Results evaluate(blue::ConstantOp op, Operands) {
  FailureOr<Tensor> tensor = tensorFromElements(op.getLoc(), op.getValue());
  if (failed(tensor))
    return failure();
  return one(std::move(*tensor));
}
static Results evaluate(blue::QuantizeOp op, Operands operands) {
  auto type = cast<blue::QuantizedType>(op.getResult().getType().getElementType());
  std::optional<APFloat> scale = op.getStaticScale();
  return one(quantizeRows(*operands[0], type, scale ? scale->convertToDouble() : 0));
}
static Results evaluate(blue::LinearOp, Operands operands) {
  return evaluateLinear(*operands[0], *operands[1], optional(operands, 2));
}
static Results evaluate(blue::RmsNormOp op, Operands operands) {
  return evaluateNorm(*operands[0], *operands[1], nullptr, op.getEpsilon().convertToDouble(),
                      /*centred=*/false, op.getGroups());
}
static Results evaluate(blue::LayerNormOp op, Operands operands) {
  return evaluateNorm(*operands[0], *operands[1], optional(operands, 2),
                      op.getEpsilon().convertToDouble(), /*centred=*/true, op.getGroups());
}
static Results evaluate(blue::RopeOp op, Operands operands) {
  return evaluateRope(op, *operands[0], *operands[1], *operands[2],
                      op.getPosition() ? operands[3] : nullptr);
}
static Results evaluate(blue::PositionEmbeddingOp op, Operands operands) {
  const Tensor &table = *operands[1];
  int64_t first = operands[2]->i64[0];
  Tensor y = *operands[0];
  int64_t rows = y.shape[0], width = y.shape[1];
  if (first < 0 || first > table.shape[0] - rows)
    return op.emitOpError("expected positions within 0 to ")
           << table.shape[0] << ", found " << rows << " rows from " << first << " on";
  for (int64_t i = 0; i < rows * width; ++i)
    y.f32[i] = y.f32[i] + table.f32[first * width + i];
  return one(std::move(y));
}
static Results attend(blue::AttentionOp op, Operands operands, bool inFloats) {
  size_t next = 3;
  auto take = [&](Value operand) { return operand ? operands[next++] : nullptr; };
  const Tensor *pastKey = take(op.getPastKey()), *pastValue = take(op.getPastValue());
  const Tensor *sinks = take(op.getSinks()), *basis = take(op.getKeyBasis());
  const Tensor *table = take(op.getKeyTable());
  return evaluateAttention(op, *operands[0], *operands[1], *operands[2], pastKey, pastValue, sinks,
                           basis, table, inFloats);
}
static Results evaluate(blue::AttentionOp op, Operands operands) {
  return attend(op, operands, /*inFloats=*/false);
}
FailureOr<Tensor> bluec::reference::attentionInFloats(Operation *op, Operands operands) {
  Results results = attend(cast<blue::AttentionOp>(op), operands, /*inFloats=*/true);
  if (failed(results))
    return failure();
  return std::move(results->front());
}
static Results evaluate(blue::PatchEmbedOp op, Operands operands) {
  return evaluatePatchEmbed(op, *operands[0], *operands[1], optional(operands, 2));
}
static Results evaluate(blue::TokenDownsampleOp op, Operands operands) {
  return evaluateTokenDownsample(op, *operands[0]);
}
static Results evaluate(blue::TokenPoolOp op, Operands operands) {
  return evaluateTokenPool(op, *operands[0]);
}
static Results evaluate(blue::TokenSliceOp op, Operands operands) {
  return evaluateTokenSlice(op, *operands[0]);
}
static Results evaluate(blue::TokenPrependOp, Operands operands) {
  return evaluateTokenPrepend(*operands[0], *operands[1]);
}
static Results evaluate(blue::EmbeddingOp op, Operands operands) {
  return evaluateEmbedding(op, *operands[0], *operands[1]);
}
static Results evaluate(blue::GeluOp, Operands operands) {
  return unary(*operands[0], [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); });
}
static Results evaluate(blue::GeluTanhOp, Operands operands) {
  return unary(*operands[0], [](double x) {
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  });
}
static Results evaluate(blue::QuickGeluOp, Operands operands) {
  return unary(*operands[0], [](double x) { return x * sigmoid(1.702 * x); });
}
static Results evaluate(blue::SiluOp, Operands operands) {
  return unary(*operands[0], [](double x) { return x * sigmoid(x); });
}
static Results evaluate(blue::ReluOp, Operands operands) {
  return unary(*operands[0], [](double x) { return x > 0 ? x : 0; });
}
static Results evaluate(blue::TanhOp, Operands operands) {
  return unary(*operands[0], [](double x) { return std::tanh(x); });
}
static Results evaluate(blue::SigmoidOp, Operands operands) { return unary(*operands[0], sigmoid); }
static Results evaluate(blue::ScaleOp op, Operands operands) {
  double factor = op.getFactor().convertToDouble();
  return unary(*operands[0], [factor](double x) { return factor * x; });
}
static Results evaluate(blue::ClampOp op, Operands operands) {
  double high = op.getHigh().convertToDouble();
  double low = op.getLow() ? op.getLow()->convertToDouble() : -HUGE_VAL;
  return unary(*operands[0], [=](double x) { return std::min(std::max(x, low), high); });
}
static Results evaluate(blue::RouteOp op, Operands operands) {
  return evaluateRoute(op, *operands[0]);
}
static Results evaluate(blue::ExpertLinearOp op, Operands operands) {
  return evaluateExpertLinear(op, *operands[0], *operands[1], *operands[2],
                              op.getBias() ? operands[3] : nullptr);
}
static Results evaluate(blue::AddOp op, Operands operands) {
  return binary(op, *operands[0], *operands[1], std::plus<double>());
}
static Results evaluate(blue::SubOp op, Operands operands) {
  return binary(op, *operands[0], *operands[1], std::minus<double>());
}
static Results evaluate(blue::MulOp op, Operands operands) {
  return binary(op, *operands[0], *operands[1], std::multiplies<double>());
}
static Results evaluate(blue::SwigluOp op, Operands operands) {
  return binary(op, *operands[0], *operands[1],
                [](double gate, double up) { return gate * sigmoid(gate) * up; });
}

/// Whether `tensor` can be a value of `type`: element kind, rank and static dims.
static bool fits(Type type, const Tensor &tensor) {
  if (type.isIndex())
    return tensor.type == ElementType::I64 && tensor.numElements() == 1;
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked || ranked.getRank() != tensor.rank())
    return false;
  // A quantized tensor holds the numbers that its elements stand for.
  bool isFloat = isa<FloatType, blue::QuantizedType>(ranked.getElementType());
  if (tensor.type != (isFloat ? ElementType::F32 : ElementType::I64))
    return false;
  return llvm::all_of(llvm::zip_equal(ranked.getShape(), tensor.shape), [](auto dims) {
    auto [expected, found] = dims;
    return expected == found || ShapedType::isDynamic(expected);
  });
}

/// What all evaluators share: operands and results that fit the op's types.
template <typename OpType>
static Results evaluateChecked(Operation *op, Operands operands, const EvaluationLimits &limits) {
  if (operands.size() != op->getNumOperands())
    return op->emitOpError("expected ")
           << op->getNumOperands() << " operands, found " << operands.size();
  for (auto [operand, tensor] : llvm::zip_equal(op->getOperands(), operands))
    if (!tensor || !fits(operand.getType(), *tensor))
      return op->emitOpError("expected an operand ")
             << operand.getType() << ", found "
             << (tensor ? "shape " + shapeText(tensor->shape) : std::string("none"));
  Results results = evaluate(cast<OpType>(op), operands);
  if (failed(results))
    return results;
  for (auto [result, tensor] : llvm::zip_equal(op->getResults(), *results)) {
    if (tensor.numElements() > limits.maxElements)
      return op->emitOpError("expected at most ")
             << limits.maxElements << " elements, found " << tensor.numElements();
    if (!fits(result.getType(), tensor))
      return op->emitOpError("expected a result ")
             << result.getType() << ", found shape " << shapeText(tensor.shape);
  }
  return results;
}

template <typename... OpTypes> static EvaluatorTable makeTable() {
  EvaluatorTable table;
  (table.try_emplace(OpTypes::getOperationName(), evaluateChecked<OpTypes>), ...);
  return table;
}

const EvaluatorTable &bluec::reference::blueEvaluators() {
  using namespace bluec::blue;
  static const EvaluatorTable table =
      makeTable<ConstantOp, QuantizeOp, LinearOp, RouteOp, ExpertLinearOp, RmsNormOp, LayerNormOp,
                RopeOp, PositionEmbeddingOp, AttentionOp, PatchEmbedOp, TokenDownsampleOp,
                TokenPoolOp, TokenSliceOp, TokenPrependOp, EmbeddingOp, GeluOp, GeluTanhOp,
                QuickGeluOp, SiluOp, ReluOp, TanhOp, SigmoidOp, ScaleOp, ClampOp, AddOp, SubOp,
                MulOp, SwigluOp>();
  return table;
}
