// Inference for fused attention and rotary embeddings, standard and com.microsoft.
#include "compiler/dialect/onnx/inference/Rules.h"

using namespace mlir;

namespace bluec::onnx {
namespace {

AffineExpr dimOf(const ValueFacts &facts, size_t i) {
  return facts.dims && i < facts.dims->size() ? (*facts.dims)[i] : AffineExpr();
}

LogicalResult checkRank(NodeFacts &node, unsigned input, size_t low, size_t high) {
  ValueFacts x = node.input(input);
  if (x.dims && (x.dims->size() < low || x.dims->size() > high))
    return node.error() << "expected input " << input << " of rank " << low << " to " << high
                        << ", found " << x.dims->size();
  return success();
}

// A count of heads from an attribute.
FailureOr<int64_t> heads(NodeFacts &node, StringRef name, bool required) {
  auto attribute = node.op->getAttrOfType<IntegerAttr>(name);
  int64_t value = attribute ? attribute.getInt() : 0;
  if (value < 0 || value > (1 << 20) || (required && value == 0))
    return node.error() << "expected " << name << " from 1 to 1048576, found " << value;
  return value;
}

LogicalResult rotary(NodeFacts &node) {
  ValueFacts x = node.input(0);
  if (failed(checkRank(node, 0, 3, 4)))
    return failure();
  return node.set(0, x.elementType, x.dims);
}

// q [B, Hq, S, D] or [B, S, Hq * D]; k, v likewise; past [B, Hkv, P, D].
LogicalResult attention(NodeFacts &node) {
  ValueFacts q = node.input(0), k = node.input(1), v = node.input(2);
  for (unsigned i = 0; i < 3; ++i)
    if (failed(checkRank(node, i, 3, 4)))
      return failure();
  if (!q.dims || !k.dims || !v.dims) {
    for (unsigned i = 0; i < node.op->getNumResults(); ++i)
      if (node.hasResult(i) && failed(node.set(i, q.elementType, std::nullopt)))
        return failure();
    return success();
  }
  if (q.dims->size() != k.dims->size() || k.dims->size() != v.dims->size())
    return node.error() << "expected q, k and v of one rank, found " << q.dims->size() << ", "
                        << k.dims->size() << " and " << v.dims->size();
  bool is4d = q.dims->size() == 4;
  FailureOr<int64_t> queryHeads = heads(node, "q_num_heads", !is4d);
  FailureOr<int64_t> valueHeads = heads(node, "kv_num_heads", !is4d);
  if (failed(queryHeads) || failed(valueHeads))
    return failure();
  AffineExpr batch = dimOf(q, 0), length = dimOf(q, is4d ? 2 : 1);
  AffineExpr numQ = is4d ? dimOf(q, 1) : node.constant(*queryHeads);
  AffineExpr numKv = is4d ? dimOf(k, 1) : node.constant(*valueHeads);
  AffineExpr depthK = is4d ? dimOf(k, 3) : divide(dimOf(k, 2), numKv);
  AffineExpr depthV = is4d ? dimOf(v, 3) : divide(dimOf(v, 2), numKv);
  AffineExpr total = dimOf(k, is4d ? 2 : 1);
  if (node.has(4))
    total = add(dimOf(node.input(4), 2), total);
  Exprs dims =
      is4d ? Exprs{batch, numQ, length, depthV} : Exprs{batch, length, multiply(numQ, depthV)};
  if (failed(node.set(0, q.elementType, dims)))
    return failure();
  if (node.hasResult(1) && failed(node.set(1, k.elementType, Exprs{batch, numKv, total, depthK})))
    return failure();
  if (node.hasResult(2) && failed(node.set(2, v.elementType, Exprs{batch, numKv, total, depthV})))
    return failure();
  if (node.hasResult(3) && failed(node.set(3, q.elementType, Exprs{batch, numQ, length, total})))
    return failure();
  return success();
}

// x [B, S, C], weights [C, 3 * H * D]: query, key and value side by side.
LogicalResult packedAttention(NodeFacts &node) {
  for (unsigned i : {3u, 4u, 6u})
    if (node.has(i))
      return node.error() << "expected neither mask_index nor past (use MultiHeadAttention)";
  if (node.hasResult(1) || cast<MsAttentionOp>(node.op).getDoRotary() ||
      cast<MsAttentionOp>(node.op).getQkvHiddenSizes())
    return node.error() << "expected no present output, do_rotary 0 and no qkv_hidden_sizes";
  ValueFacts x = node.input(0), weights = node.input(1);
  if (failed(checkRank(node, 0, 3, 3)) || failed(checkRank(node, 1, 2, 2)))
    return failure();
  FailureOr<int64_t> count = heads(node, "num_heads", true);
  if (failed(count))
    return failure();
  AffineExpr width = divide(dimOf(weights, 1), node.constant(3));
  std::optional<int64_t> all = constantOf(dimOf(weights, 1));
  if (all && *all % (3 * *count) != 0)
    return node.error() << "expected weights of 3 * " << *count << " heads, found " << *all
                        << " columns";
  return node.set(0, x.elementType, Exprs{dimOf(x, 0), dimOf(x, 1), width});
}

// query [B, S, H * D]; key, value the same, or [B, H, L, D]; past [B, H, P, D].
LogicalResult multiHeadAttention(NodeFacts &node) {
  if (!node.has(1) || !node.has(2))
    return node.error() << "expected key and value apart from the query (packed ones are not "
                           "supported)";
  ValueFacts q = node.input(0), k = node.input(1), v = node.input(2);
  if (failed(checkRank(node, 0, 3, 3)) || failed(checkRank(node, 1, 3, 4)) ||
      failed(checkRank(node, 2, 3, 4)))
    return failure();
  FailureOr<int64_t> count = heads(node, "num_heads", true);
  if (failed(count))
    return failure();
  AffineExpr num = node.constant(*count);
  bool is4d = k.dims && k.dims->size() == 4;
  AffineExpr batch = dimOf(q, 0), length = dimOf(q, 1);
  AffineExpr depth = divide(dimOf(q, 2), num);
  AffineExpr depthV = is4d ? dimOf(v, 3) : divide(dimOf(v, 2), num);
  AffineExpr total = dimOf(k, is4d ? 2 : 1);
  if (node.has(6))
    total = add(dimOf(node.input(6), 2), total);
  if (failed(node.set(0, q.elementType, Exprs{batch, length, multiply(num, depthV)})))
    return failure();
  if (node.hasResult(1) && failed(node.set(1, q.elementType, Exprs{batch, num, total, depth})))
    return failure();
  if (node.hasResult(2) && failed(node.set(2, q.elementType, Exprs{batch, num, total, depthV})))
    return failure();
  return success();
}

// Refuses what a node may ask of its cache, its scores and its heads and nothing here computes.
LogicalResult checkGroupQueryForm(NodeFacts &node) {
  auto op = cast<MsGroupQueryAttentionOp>(node.op);
  for (auto [input, name] : {std::pair(12u, "k_scale"), {13u, "v_scale"}})
    if (node.has(input))
      return node.error() << name << ": expected none (a cache of floats), found one";
  for (auto [input, name] : {std::pair(14u, "q_norm_weight"), {15u, "k_norm_weight"}})
    if (node.has(input))
      return node.error() << name << ": expected none (norms in front of the node), found one";
  for (auto [type, name] :
       {std::pair(op.getKQuantType(), "k_quant_type"), {op.getVQuantType(), "v_quant_type"}})
    if (type != "NONE")
      return node.error() << name << ": expected 'NONE' (a cache of floats), found '" << type
                          << "'";
  if (op.getKvCacheBitWidth() != 0)
    return node.error() << "kv_cache_bit_width: expected 0 (a cache of floats), found "
                        << static_cast<int64_t>(op.getKvCacheBitWidth());
  if (op.getQkOutput() != 0 || node.hasResult(3))
    return node.error() << "output_qk: expected none (qk_output 0), found one";
  auto causal = static_cast<int64_t>(op.getCausal());
  if (causal != 0 && causal != 1)
    return node.error() << "causal: expected 0 or 1, found " << causal;
  // 0 shows no key at all: onnxruntime gives zeros.
  auto window = static_cast<int64_t>(op.getLocalWindowSize());
  if (window == 0 || window > INT32_MAX)
    return node.error() << "local_window_size: expected -1 (none) or 1 to " << INT32_MAX
                        << ", found " << window;
  if (causal == 0 && window != -1)
    return node.error() << "local_window_size: expected -1 beside causal 0, found " << window;
  // How its caller keeps the cache: what the window does not reach may be gone. It may stay, too.
  auto isWindowCache = static_cast<int64_t>(op.getSlidingWindowCache());
  if (isWindowCache != 0 && (isWindowCache != 1 || window < 1))
    return node.error() << "sliding_window_cache: expected 0, or 1 beside a local_window_size, "
                           "found "
                        << isWindowCache;
  if (!node.has(11))
    return success();
  ValueFacts sink = node.input(11);
  if (failed(checkRank(node, 11, 1, 1)))
    return failure();
  std::optional<int64_t> count = constantOf(dimOf(sink, 0));
  if (count && *count != static_cast<int64_t>(op.getNumHeads()))
    return node.error() << "head_sink: expected " << static_cast<int64_t>(op.getNumHeads())
                        << " elements (num_heads), found " << *count;
  return success();
}

// query [B, S, H * D] (packed: [B, S, (H + 2 Hkv) * D]); past [B, Hkv, P, D].
LogicalResult groupQueryAttention(NodeFacts &node) {
  ValueFacts q = node.input(0);
  if (failed(checkRank(node, 0, 3, 3)))
    return failure();
  FailureOr<int64_t> count = heads(node, "num_heads", true);
  FailureOr<int64_t> kvCount = heads(node, "kv_num_heads", true);
  if (failed(count) || failed(kvCount))
    return failure();
  if (*count % *kvCount != 0)
    return node.error() << "expected num_heads to be a multiple of kv_num_heads, found " << *count
                        << " and " << *kvCount;
  if (failed(checkGroupQueryForm(node)))
    return failure();
  if (node.has(1) != node.has(2))
    return node.error() << "expected key and value together";
  bool isPacked = !node.has(1);
  AffineExpr all = node.constant(isPacked ? *count + 2 * *kvCount : *count);
  AffineExpr batch = dimOf(q, 0), length = dimOf(q, 1), depth = divide(dimOf(q, 2), all);
  AffineExpr total = length;
  if (node.has(3))
    total = add(dimOf(node.input(3), 2), total);
  if (failed(
          node.set(0, q.elementType, Exprs{batch, length, multiply(node.constant(*count), depth)})))
    return failure();
  for (unsigned i : {1u, 2u})
    if (node.hasResult(i) &&
        failed(node.set(i, q.elementType, Exprs{batch, node.constant(*kvCount), total, depth})))
      return failure();
  return success();
}

} // namespace

void addAttentionRules(InferenceRules &rules) {
  rules["onnx.Attention"] = attention;
  rules["onnx.RotaryEmbedding"] = rotary;
  rules["onnx.ms.RotaryEmbedding"] = rotary;
  rules["onnx.ms.Attention"] = packedAttention;
  rules["onnx.ms.MultiHeadAttention"] = multiHeadAttention;
  rules["onnx.ms.GroupQueryAttention"] = groupQueryAttention;
}

} // namespace bluec::onnx
