// Evaluators of fused attention and rotary embeddings, standard and com.microsoft. Scores and
// weighted sums accumulate in double.
#include "compiler/reference/onnx/Support.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace bluec::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Heads of a tensor, wherever its dims lie: element (b, h, t, d).
struct Heads {
  const Tensor *tensor;
  int64_t batch, heads, length, depth;
  int64_t batchStride, headStride, rowStride, base = 0;

  double at(int64_t b, int64_t h, int64_t t, int64_t d) const {
    return tensor->number(base + b * batchStride + h * headStride + t * rowStride + d);
  }
};

// [B, H, T, D] as it is; [B, T, H * D] with `heads` heads side by side.
FailureOr<Heads> headsOf(Operation *op, const Tensor &x, int64_t heads) {
  if (!x.isFloat())
    return fault(op) << "expected floats, found integers";
  if (x.rank() == 4) {
    int64_t h = x.shape[1], t = x.shape[2], d = x.shape[3];
    return Heads{&x, x.shape[0], h, t, d, h * t * d, t * d, d};
  }
  if (x.rank() != 3 || heads < 1 || x.shape[2] % heads != 0)
    return fault(op) << "expected rank 4, or rank 3 with a last dim of " << heads << " heads";
  int64_t t = x.shape[1], width = x.shape[2], d = width / heads;
  return Heads{&x, x.shape[0], heads, t, d, t * width, d, width};
}

// The past and, after it, `next`, as [B, H, P + T, D].
FailureOr<Tensor> appendToPast(Operation *op, const Tensor *past, const Heads &next,
                               const EvaluationLimits &limits) {
  int64_t before = 0;
  if (past) {
    if (past->rank() != 4 || past->type != next.tensor->type || past->shape[0] != next.batch ||
        past->shape[1] != next.heads || past->shape[3] != next.depth)
      return fault(op) << "expected a past of [" << next.batch << ", " << next.heads << ", P, "
                       << next.depth << "]";
    before = past->shape[2];
  }
  int64_t total = before + next.length;
  FailureOr<Tensor> out =
      make(op, next.tensor->type, {next.batch, next.heads, total, next.depth}, limits);
  if (failed(out))
    return failure();
  int64_t i = 0;
  for (int64_t b = 0; b < next.batch; ++b)
    for (int64_t h = 0; h < next.heads; ++h)
      for (int64_t t = 0; t < total; ++t)
        for (int64_t d = 0; d < next.depth; ++d)
          setFloat(*out, i++,
                   t < before ? past->number(((b * next.heads + h) * before + t) * next.depth + d)
                              : next.at(b, h, t - before, d));
  return out;
}

struct AttentionForm {
  double scale = 0;               ///< 0: 1 / sqrt(depth)
  double softcap = 0;             ///< above 0: a score s counts as softcap tanh(s / softcap)
  std::optional<int64_t> causal;  ///< row t sees keys up to t + *causal
  std::optional<int64_t> window;  ///< with causal: of these, the last so many
  std::vector<double> sinks = {}; ///< a score more for each head, which has no value; or empty
  bool isFlat = false;            ///< the result is [B, T, H * D] instead of [B, H, T, D]
};

// `bias(b, h, t, j)` is added to scores, capped ones; -infinity hides a key.
template <typename Bias>
FailureOr<Tensor> attend(Operation *op, const Heads &q, const Heads &k, const Heads &v,
                         const AttentionForm &form, const EvaluationLimits &limits, Bias bias) {
  if (q.batch != k.batch || k.batch != v.batch || k.heads != v.heads || k.length != v.length ||
      q.depth != k.depth || k.heads < 1 || q.heads % k.heads != 0)
    return fault(op) << "expected query, key and value of one batch, with lengths, depths and "
                        "heads that fit";
  Shape shape = form.isFlat ? Shape{q.batch, q.length, q.heads * v.depth}
                            : Shape{q.batch, q.heads, q.length, v.depth};
  FailureOr<Tensor> out = make(op, q.tensor->type, shape, limits);
  // Scores are never stored whole, but their number bounds the work.
  const int64_t perScore = q.depth + v.depth;
  if (failed(out) || failed(countElements(op, {q.batch, q.heads, q.length, k.length}, limits)) ||
      failed(spendProducts(op, {q.batch, q.heads, q.length, k.length, perScore}, limits)))
    return failure();
  double scale = form.scale != 0 ? form.scale : 1.0 / std::sqrt(static_cast<double>(q.depth));
  std::vector<double> scores(static_cast<size_t>(k.length)), sums(static_cast<size_t>(v.depth));
  for (int64_t b = 0; b < q.batch; ++b)
    for (int64_t h = 0; h < q.heads; ++h)
      for (int64_t t = 0; t < q.length; ++t) {
        int64_t group = h / (q.heads / k.heads);
        double largest = -kInfinity, total = 0;
        for (int64_t j = 0; j < k.length; ++j) {
          double score = 0;
          for (int64_t d = 0; d < q.depth; ++d)
            score += q.at(b, h, t, d) * k.at(b, group, j, d);
          score *= scale;
          if (form.softcap > 0)
            score = form.softcap * std::tanh(score / form.softcap);
          score += bias(b, h, t, j);
          bool isToCome = form.causal && j > t + *form.causal;
          if (isToCome || (form.causal && form.window && j <= t + *form.causal - *form.window))
            score = -kInfinity;
          scores[static_cast<size_t>(j)] = score;
          largest = std::max(largest, score);
        }
        std::fill(sums.begin(), sums.end(), 0.0);
        // A row that sees no key at all is zero, as the standard has it.
        bool isHidden = largest == -kInfinity;
        if (!form.sinks.empty()) {
          double sink = form.sinks[static_cast<size_t>(h)];
          largest = std::max(largest, sink);
          total = std::exp(sink - largest);
        }
        for (int64_t j = 0; j < k.length && !isHidden; ++j) {
          double weight = std::exp(scores[static_cast<size_t>(j)] - largest);
          total += weight;
          if (weight != 0)
            for (int64_t d = 0; d < v.depth; ++d)
              sums[static_cast<size_t>(d)] += weight * v.at(b, group, j, d);
        }
        for (int64_t d = 0; d < v.depth; ++d) {
          int64_t at = form.isFlat ? (b * q.length + t) * q.heads * v.depth + h * v.depth + d
                                   : ((b * q.heads + h) * q.length + t) * v.depth + d;
          setFloat(*out, at, isHidden ? 0.0 : sums[static_cast<size_t>(d)] / total);
        }
      }
  return out;
}

// A mask that broadcasts to [B, H, T, J] as a function of those four.
struct Mask {
  const Tensor *tensor = nullptr;
  Shape strides = {0, 0, 0, 0};

  double operator()(int64_t b, int64_t h, int64_t t, int64_t j) const {
    if (!tensor)
      return 0.0;
    double value =
        tensor->number(b * strides[0] + h * strides[1] + t * strides[2] + j * strides[3]);
    if (tensor->isFloat())
      return value;
    return value != 0 ? 0.0 : -kInfinity;
  }
};
FailureOr<Mask> maskOf(Operation *op, const Tensor *tensor, const Shape &scores) {
  Mask mask;
  if (!tensor)
    return mask;
  FailureOr<Shape> shape = broadcastShapes(op, scores, tensor->shape);
  if (failed(shape))
    return failure();
  if (*shape != scores)
    return fault(op) << "expected a mask that broadcasts to the scores";
  mask.tensor = tensor;
  mask.strides = broadcastStrides(tensor->shape, scores);
  return mask;
}

int64_t integer(Operation *op, StringRef name, int64_t fallback) {
  auto value = op->getAttrOfType<IntegerAttr>(name);
  return value ? value.getInt() : fallback;
}
double number(Operation *op, StringRef name, double fallback) {
  auto value = op->getAttrOfType<FloatAttr>(name);
  return value ? value.getValueAsDouble() : fallback;
}
const Tensor *optional(Operands operands, size_t i) {
  return has(operands, i) ? operands[i] : nullptr;
}

Results attention(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::AttentionOp>(op);
  if (!(number(op, "softcap", 0) >= 0) || !isa<NoneType>(node.getQkMatmulOutput().getType()))
    return fault(op) << "expected a softcap of at least 0 and no output of scores";
  FailureOr<Heads> q = headsOf(op, *operands[0], integer(op, "q_num_heads", 0));
  FailureOr<Heads> k = headsOf(op, *operands[1], integer(op, "kv_num_heads", 0));
  FailureOr<Heads> v = headsOf(op, *operands[2], integer(op, "kv_num_heads", 0));
  if (failed(q) || failed(k) || failed(v))
    return failure();
  FailureOr<Tensor> keys = appendToPast(op, optional(operands, 4), *k, limits);
  FailureOr<Tensor> values = appendToPast(op, optional(operands, 5), *v, limits);
  if (failed(keys) || failed(values))
    return failure();
  int64_t past = keys->shape[2] - k->length;
  k = headsOf(op, *keys, 0);
  v = headsOf(op, *values, 0);
  FailureOr<Mask> mask =
      maskOf(op, optional(operands, 3), {q->batch, q->heads, q->length, k->length});
  if (failed(mask))
    return failure();
  AttentionForm form;
  form.scale = number(op, "scale", 0);
  form.softcap = number(op, "softcap", 0);
  form.isFlat = operands[0]->rank() == 3;
  if (node.getIsCausal())
    form.causal = past;
  FailureOr<Tensor> out = attend(op, *q, *k, *v, form, limits, *mask);
  if (failed(out))
    return failure();
  SmallVector<Tensor> results;
  results.push_back(std::move(*out));
  results.push_back(std::move(*keys));
  results.push_back(std::move(*values));
  results.push_back(noTensor());
  return results;
}

Results multiHeadAttention(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::MsMultiHeadAttentionOp>(op);
  if (!has(operands, 1) || !has(operands, 2))
    return fault(op) << "expected key and value apart from the query";
  int64_t heads = node.getNumHeads();
  Tensor inputs[3] = {*operands[0], *operands[1], *operands[2]};
  if (const Tensor *bias = optional(operands, 3)) {
    // One vector for query, key and value, one after another.
    int64_t at = 0;
    for (Tensor &x : inputs) {
      int64_t width = x.rank() == 3 ? x.shape[2] : 0;
      if (width == 0 || bias->rank() != 1 || bias->type != x.type || at + width > bias->shape[0])
        return fault(op) << "expected a bias for query, key and value of rank 3";
      for (int64_t i = 0; i < x.numElements(); ++i)
        setFloat(x, i, x.number(i) + bias->number(at + i % width));
      at += width;
    }
  }
  FailureOr<Heads> q = headsOf(op, inputs[0], heads), k = headsOf(op, inputs[1], heads),
                   v = headsOf(op, inputs[2], heads);
  if (failed(q) || failed(k) || failed(v))
    return failure();
  FailureOr<Tensor> keys = appendToPast(op, optional(operands, 6), *k, limits);
  FailureOr<Tensor> values = appendToPast(op, optional(operands, 7), *v, limits);
  if (failed(keys) || failed(values))
    return failure();
  int64_t past = keys->shape[2] - k->length;
  k = headsOf(op, *keys, 0);
  v = headsOf(op, *values, 0);
  FailureOr<Mask> bias =
      maskOf(op, optional(operands, 5), {q->batch, q->heads, q->length, k->length});
  const Tensor *padding = optional(operands, 4); // [B, total]: 1 for keys that count
  if (padding && (padding->isFloat() || padding->shape != Shape{q->batch, k->length}))
    return fault(op) << "expected a key_padding_mask of [" << q->batch << ", " << k->length << "]";
  if (failed(bias))
    return failure();
  double hidden = number(op, "mask_filter_value", -10000.0);
  AttentionForm form;
  form.scale = number(op, "scale", 0);
  form.isFlat = true;
  if (node.getUnidirectional())
    form.causal = past;
  FailureOr<Tensor> out =
      attend(op, *q, *k, *v, form, limits, [&](int64_t b, int64_t h, int64_t t, int64_t j) {
        double value = (*bias)(b, h, t, j);
        return padding && !padding->i64[static_cast<size_t>(b * k->length + j)] ? value + hidden
                                                                                : value;
      });
  if (failed(out))
    return failure();
  SmallVector<Tensor> results;
  results.push_back(std::move(*out));
  results.push_back(std::move(*keys));
  results.push_back(std::move(*values));
  return results;
}

// Projects x to query, key and value, which lie side by side in the weights' columns.
Results packedAttention(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::MsAttentionOp>(op);
  if (has(operands, 3) || has(operands, 4) || has(operands, 6) || node.getDoRotary() ||
      node.getQkvHiddenSizes() || !isa<NoneType>(node.getPresent().getType()))
    return fault(op) << "expected no mask_index, past, rotation or qkv_hidden_sizes";
  const Tensor &x = *operands[0], &weights = *operands[1];
  auto heads = static_cast<int64_t>(node.getNumHeads());
  if (x.rank() != 3 || weights.rank() != 2 || !x.isFloat() || weights.type != x.type ||
      weights.shape[0] != x.shape[2] || heads < 1 || heads > (1 << 20) ||
      weights.shape[1] % (3 * heads) != 0)
    return fault(op) << "expected x of [B, S, C] and weights of [C, 3 * num_heads * D]";
  const Tensor *bias = optional(operands, 2);
  int64_t rows = x.shape[0] * x.shape[1], inner = x.shape[2], columns = weights.shape[1];
  if (bias && (bias->type != x.type || bias->shape != Shape{columns}))
    return fault(op) << "expected a bias of " << columns << " elements";
  FailureOr<Tensor> packed = make(op, x.type, {x.shape[0], x.shape[1], columns}, limits);
  if (failed(packed))
    return failure();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < inner; ++i)
        sum += x.number(row * inner + i) * weights.number(i * columns + column);
      setFloat(*packed, row * columns + column, sum + (bias ? bias->number(column) : 0.0));
    }
  FailureOr<Heads> all = headsOf(op, *packed, 3 * heads);
  if (failed(all))
    return failure();
  Heads parts[3] = {*all, *all, *all};
  for (int64_t i = 0; i < 3; ++i) {
    parts[i].heads = heads;
    parts[i].base = i * heads * all->depth;
  }
  FailureOr<Mask> mask =
      maskOf(op, optional(operands, 5), {all->batch, heads, all->length, all->length});
  if (failed(mask))
    return failure();
  AttentionForm form;
  form.scale = number(op, "scale", 0);
  form.isFlat = true;
  if (node.getUnidirectional())
    form.causal = 0;
  FailureOr<Tensor> out = attend(op, parts[0], parts[1], parts[2], form, limits, *mask);
  if (failed(out))
    return failure();
  SmallVector<Tensor> results;
  results.push_back(std::move(*out));
  results.push_back(noTensor());
  return results;
}

// Rotates the first 2 * half dims of every head: row t by the angles of table row `row(b, t)`.
struct RotaryForm {
  const Tensor *cos, *sin;
  int64_t half;
  bool isInterleaved;
};
template <typename Row>
LogicalResult rotate(Operation *op, Tensor &x, const Heads &layout, const RotaryForm &form,
                     Row row) {
  if (form.half < 1 || 2 * form.half > layout.depth)
    return fault(op) << "expected tables of at most " << layout.depth << " / 2 columns, found "
                     << form.half;
  int64_t rows = form.cos->numElements() / form.half;
  for (int64_t b = 0; b < layout.batch; ++b)
    for (int64_t t = 0; t < layout.length; ++t) {
      int64_t angle = row(b, t);
      if (angle < 0 || angle >= rows)
        return fault(op) << "expected positions from 0 to " << rows - 1 << ", found " << angle;
      for (int64_t h = 0; h < layout.heads; ++h)
        for (int64_t d = 0; d < form.half; ++d) {
          int64_t base = b * layout.batchStride + h * layout.headStride + t * layout.rowStride;
          int64_t first = base + (form.isInterleaved ? 2 * d : d);
          int64_t second = base + (form.isInterleaved ? 2 * d + 1 : d + form.half);
          double c = form.cos->number(angle * form.half + d);
          double s = form.sin->number(angle * form.half + d);
          double a = x.number(first), other = x.number(second);
          setFloat(x, first, a * c - other * s);
          setFloat(x, second, other * c + a * s);
        }
    }
  return success();
}

FailureOr<RotaryForm> tablesOf(Operation *op, const Tensor &cos, const Tensor &sin,
                               bool isInterleaved) {
  if (!cos.isFloat() || !sin.isFloat() || cos.shape != sin.shape || cos.rank() < 2 ||
      cos.shape.back() < 1)
    return fault(op) << "expected cos and sin tables of one shape";
  return RotaryForm{&cos, &sin, cos.shape.back(), isInterleaved};
}

// With position_ids, tables are [positions, half]; without, [B, T, half] row by row.
Results rotaryEmbedding(Operation *op, Operands operands, const EvaluationLimits &) {
  auto node = cast<onnx::RotaryEmbeddingOp>(op);
  FailureOr<RotaryForm> form = tablesOf(op, *operands[1], *operands[2], node.getInterleaved() != 0);
  if (failed(form))
    return failure();
  Tensor x = *operands[0];
  FailureOr<Heads> layout = headsOf(op, x, static_cast<int64_t>(node.getNumHeads()));
  if (failed(layout))
    return failure();
  auto rotated = static_cast<int64_t>(node.getRotaryEmbeddingDim());
  if (rotated != 0 && rotated != 2 * form->half)
    return fault(op) << "expected tables of rotary_embedding_dim / 2 columns, found " << form->half;
  const Tensor *positions = optional(operands, 3);
  if (positions &&
      (positions->isFloat() || positions->shape != Shape{layout->batch, layout->length}))
    return fault(op) << "expected position_ids of [" << layout->batch << ", " << layout->length
                     << "]";
  if (!positions && operands[1]->shape != Shape{layout->batch, layout->length, form->half})
    return fault(op) << "expected tables of [" << layout->batch << ", " << layout->length << ", "
                     << form->half << "]";
  if (failed(rotate(op, x, *layout, *form, [&](int64_t b, int64_t t) {
        int64_t at = b * layout->length + t;
        return positions ? positions->i64[static_cast<size_t>(at)] : at;
      })))
    return failure();
  return one(std::move(x));
}

// position_ids are [B, T], or one position: that of the first row.
Results msRotaryEmbedding(Operation *op, Operands operands, const EvaluationLimits &) {
  auto node = cast<onnx::MsRotaryEmbeddingOp>(op);
  if (node.getIsPackedBatching() || node.getScale().convertToDouble() != 1.0)
    return fault(op) << "expected is_packed_batching 0 and scale 1";
  FailureOr<RotaryForm> form = tablesOf(op, *operands[2], *operands[3], node.getInterleaved() != 0);
  if (failed(form))
    return failure();
  if (operands[2]->rank() != 2)
    return fault(op) << "expected tables of rank 2, found " << operands[2]->rank();
  Tensor x = *operands[0];
  auto heads = static_cast<int64_t>(node.getNumHeads());
  if (heads == 0 && x.rank() == 3)
    heads = x.shape[2] / (2 * form->half);
  FailureOr<Heads> layout = headsOf(op, x, heads);
  if (failed(layout))
    return failure();
  auto rotated = static_cast<int64_t>(node.getRotaryEmbeddingDim());
  if (rotated != 0 && rotated != 2 * form->half)
    return fault(op) << "expected tables of rotary_embedding_dim / 2 columns, found " << form->half;
  const Tensor &positions = *operands[1];
  bool isOne = positions.numElements() == 1 && positions.rank() <= 1;
  if (positions.isFloat() || (!isOne && positions.shape != Shape{layout->batch, layout->length}))
    return fault(op) << "expected position_ids of [" << layout->batch << ", " << layout->length
                     << "]";
  if (failed(rotate(op, x, *layout, *form, [&](int64_t b, int64_t t) {
        int64_t first = positions.i64[0];
        // A position that is out of range stays so: adding to it must not overflow.
        if (isOne)
          return first < 0 || first > (int64_t{1} << 40) ? -1 : first + t;
        return positions.i64[static_cast<size_t>(b * layout->length + t)];
      })))
    return failure();
  return one(std::move(x));
}

// Sinks of GroupQueryAttention: head_sink, else one of 0 for each head where the softmax is smooth.
FailureOr<std::vector<double>> sinksOf(Operation *op, const Tensor *sink, int64_t heads,
                                       bool isSmooth) {
  if (!sink)
    return std::vector<double>(isSmooth ? static_cast<size_t>(heads) : 0, 0.0);
  if (!sink->isFloat() || sink->shape != Shape{heads})
    return fault(op) << "expected a head_sink of " << heads << " floats";
  std::vector<double> sinks;
  for (int64_t head = 0; head < heads; ++head)
    sinks.push_back(sink->number(head));
  return sinks;
}

// What is said here of windows, caps, sinks and positions is measured: see README.md.
Results groupQueryAttention(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::MsGroupQueryAttentionOp>(op);
  auto window = static_cast<int64_t>(node.getLocalWindowSize());
  if (has(operands, 12) || has(operands, 13) || has(operands, 14) || has(operands, 15) ||
      !isa<NoneType>(node.getOutputQk().getType()) || window == 0)
    return fault(op) << "expected a cache of floats, no norms of heads, no output of scores and no "
                        "window of 0";
  int64_t heads = node.getNumHeads(), kvHeads = node.getKvNumHeads();
  Tensor query = *operands[0];
  if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0 || heads > (1 << 20) || query.rank() != 3)
    return fault(op) << "expected a query of rank 3 and heads in groups";
  Heads q, k, v;
  Tensor key, value;
  if (!has(operands, 1)) {
    // Packed: query, key and value heads side by side in one tensor.
    FailureOr<Heads> all = headsOf(op, query, heads + 2 * kvHeads);
    if (failed(all))
      return failure();
    q = k = v = *all;
    q.heads = heads;
    k.heads = v.heads = kvHeads;
    k.base = heads * all->depth;
    v.base = (heads + kvHeads) * all->depth;
  } else {
    if (!has(operands, 2))
      return fault(op) << "expected key and value together";
    key = *operands[1];
    value = *operands[2];
    FailureOr<Heads> a = headsOf(op, query, heads), b = headsOf(op, key, kvHeads),
                     c = headsOf(op, value, kvHeads);
    if (failed(a) || failed(b) || failed(c))
      return failure();
    q = *a, k = *b, v = *c;
  }
  const Tensor *pastKey = optional(operands, 3), *pastValue = optional(operands, 4);
  int64_t past = pastKey && pastKey->rank() == 4 ? pastKey->shape[2] : 0;
  const Tensor &lengths = *operands[5];
  if (lengths.isFloat() || lengths.numElements() != q.batch)
    return fault(op) << "expected seqlens_k of " << q.batch << " elements";
  // A batch row that is shorter than the others would leave gaps; no conversation has them.
  for (int64_t length : lengths.i64)
    if (length != past + q.length - 1)
      return fault(op) << "expected seqlens_k of " << past << " + " << q.length << " - 1, found "
                       << length;
  if (node.getDoRotary()) {
    if (!has(operands, 7) || !has(operands, 8) || operands[7]->rank() != 2)
      return fault(op) << "expected cos and sin tables of rank 2";
    FailureOr<RotaryForm> form =
        tablesOf(op, *operands[7], *operands[8], node.getRotaryInterleaved() != 0);
    if (failed(form))
      return failure();
    const Tensor *positions = optional(operands, 9);
    if (positions && (positions->isFloat() || positions->shape != Shape{q.batch, q.length} ||
                      positions->i64.empty()))
      return fault(op) << "expected position_ids of [" << q.batch << ", " << q.length << "]";
    auto position = [&](int64_t b, int64_t t) {
      if (!positions)
        return past + t;
      if (past > 0)
        return positions->i64[static_cast<size_t>(b * q.length + t)];
      // Of a first call the first position counts only. Adding to it must not overflow.
      int64_t first = positions->i64.front();
      return first < 0 || first > (int64_t{1} << 40) ? -1 : first + t;
    };
    // Rotation works on whole tensors: a packed one is rotated head by head, in place.
    if (!has(operands, 1)) {
      Heads both = q;
      both.heads = heads + kvHeads;
      if (failed(rotate(op, query, both, *form, position)))
        return failure();
    } else if (failed(rotate(op, query, q, *form, position)) ||
               failed(rotate(op, key, k, *form, position))) {
      return failure();
    }
  }
  FailureOr<Tensor> keys = appendToPast(op, pastKey, k, limits);
  FailureOr<Tensor> values = appendToPast(op, pastValue, v, limits);
  if (failed(keys) || failed(values))
    return failure();
  FailureOr<Heads> allKeys = headsOf(op, *keys, 0), allValues = headsOf(op, *values, 0);
  AttentionForm form;
  form.scale = number(op, "scale", 0);
  form.softcap = number(op, "softcap", 0);
  form.isFlat = true;
  if (node.getCausal())
    form.causal = past;
  if (window > 0)
    form.window = window;
  FailureOr<std::vector<double>> sinks =
      sinksOf(op, optional(operands, 11), heads, node.getSmoothSoftmax() == 1);
  if (failed(sinks))
    return failure();
  form.sinks = std::move(*sinks);
  const Tensor *bias = optional(operands, 10);
  int64_t total = past + q.length;
  if (bias && (!bias->isFloat() || bias->rank() != 4 || bias->shape[2] != q.length ||
               bias->shape[3] != total))
    return fault(op) << "expected an attention_bias of floats [.., .., " << q.length << ", "
                     << total << "]";
  FailureOr<Mask> mask = maskOf(op, bias, {q.batch, heads, q.length, total});
  if (failed(mask))
    return failure();
  FailureOr<Tensor> out = attend(op, q, *allKeys, *allValues, form, limits, *mask);
  if (failed(out))
    return failure();
  SmallVector<Tensor> results;
  results.push_back(std::move(*out));
  results.push_back(std::move(*keys));
  results.push_back(std::move(*values));
  results.push_back(noTensor());
  return results;
}

} // namespace

void addAttentionEvaluators(EvaluatorTable &table) {
  table["onnx.Attention"] = attention;
  table["onnx.RotaryEmbedding"] = rotaryEmbedding;
  table["onnx.ms.Attention"] = packedAttention;
  table["onnx.ms.MultiHeadAttention"] = multiHeadAttention;
  table["onnx.ms.RotaryEmbedding"] = msRotaryEmbedding;
  table["onnx.ms.GroupQueryAttention"] = groupQueryAttention;
}

} // namespace bluec::reference
