// Attention as one node: the standard's, and those of onnxruntime's optimiser.
#include "passes/conversions/onnx_to_blue/Heads.h"
#include "passes/conversions/onnx_to_blue/Structure.h"

#include <cmath>

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

static bool isNone(Value value) { return isa<NoneType>(value.getType()); }

static int64_t rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : -1;
}

/// The function argument of a past that a node reads, of the right kind; null when it is none.
static Value pastOf(Raising &raising, Value value, InputKind kind) {
  auto argument = dyn_cast<BlockArgument>(strip(value));
  // TorchScript exports pass the first past through a concat of one operand.
  if (auto concat = strip(value).getDefiningOp<onnx::ConcatOp>();
      concat && concat->getNumOperands() == 1)
    argument = dyn_cast<BlockArgument>(strip(concat->getOperand(0)));
  if (!argument || raising.inputs[argument.getArgNumber()].kind != kind)
    return Value();
  return argument;
}

namespace {

/// Rows [.., heads * D] of a node's operand, whole or some columns.
struct NodeRows {
  RowsUse use;
  int64_t width;
};

} // namespace

static std::optional<NodeRows> rowsOf(Raising &raising, Value value) {
  std::optional<RowsUse> use = raising.rows(value);
  if (!use || use->downsample || use->endToken != 0)
    return std::nullopt;
  return NodeRows{*use, raising.channels(*use)};
}

/// Some columns of rows, when the layer that makes them can make columns.
static std::optional<RowsUse> columnsOf(Raising &raising, const NodeRows &rows, int64_t begin,
                                        int64_t end) {
  if (begin == 0 && end == rows.width)
    return rows.use;
  const Meaning *meaning = raising.meaning(rows.use.anchor);
  const Columns &all = rows.use.columns;
  if (!meaning->match || !meaning->match->buildColumns || end > rows.width || all.stride != 0)
    return std::nullopt;
  return RowsUse{rows.use.anchor, Columns{all.begin + begin, all.begin + end}};
}

/// Takes a node's own past and presents into `parts`; false with a reason when they do not fit.
static bool takePast(Raising &raising, Operation *op, AttentionParts &parts, Value pastKey,
                     Value pastValue, Value presentKey, Value presentValue) {
  if (isNone(pastKey) && isNone(pastValue))
    return true;
  parts.pastKey = pastOf(raising, pastKey, InputKind::PastKey);
  parts.pastValue = pastOf(raising, pastValue, InputKind::PastValue);
  if (!parts.pastKey || !parts.pastValue) {
    raising.explain(op, "expected the past to be a graph input for keys and one for values");
    return false;
  }
  int64_t width = raising.shapeOf(parts.key).back();
  for (Value past : {parts.pastKey, parts.pastValue}) {
    auto type = cast<RankedTensorType>(past.getType());
    if (raising.meaning(past)->shape.back() != width || type.getDimSize(1) != parts.kvHeads) {
      raising.explain(op, "expected a past of " + Twine(parts.kvHeads) + " heads, found " +
                              Twine(type.getDimSize(1)));
      return false;
    }
  }
  if (!isNone(presentKey))
    raising.nodePresents[presentKey] = parts.pastKey;
  if (!isNone(presentValue))
    raising.nodePresents[presentValue] = parts.pastValue;
  return true;
}

/// A node's cap of its scores; 0 is none. False with a reason when it can be none.
static bool readSoftcap(Raising &raising, Operation *op, const APFloat &attribute,
                        std::optional<double> &softcap) {
  double value = attribute.convertToFloat();
  if (value == 0)
    return true;
  softcap = value;
  if (value > 0 && std::isfinite(value))
    return true;
  raising.explain(op, "expected a softcap of at least 0, found " + Twine(std::to_string(value)));
  return false;
}

//===----------------------------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------------------------===//

static bool matchNode(Raising &raising, onnx::AttentionOp op) {
  std::optional<double> softcap;
  if (!readSoftcap(raising, op, op.getSoftcap(), softcap))
    return false;
  if (!isNone(op.getQkMatmulOutput())) {
    raising.explain(op, "expected attention without scores as a result");
    return false;
  }
  bool hasPast = !isNone(op.getPastKey()) || !isNone(op.getPastValue());
  std::optional<AttentionParts> parts;
  std::function<std::optional<Tensor>(Probe &)> arrangement;
  double scale = op.getScale() ? double(op.getScale()->convertToFloat()) : 0;
  if (rankOf(op.getQ()) == 4) {
    HeadOperands operands{op.getQ(), op.getK(), op.getV(), /*keyTransposed=*/false,
                          /*grouped=*/true};
    parts = readAttention(raising, op, operands, 1);
    if (!parts)
      return false;
    if (hasPast && parts->pastKey) {
      raising.explain(op, "expected one past, found one inside and one outside of the node");
      return false;
    }
    arrangement = resultArrangement(raising, operands, op.getResult());
  } else {
    std::optional<NodeRows> query = rowsOf(raising, op.getQ()), key = rowsOf(raising, op.getK()),
                            value = rowsOf(raising, op.getV());
    int64_t heads = op.getQNumHeads().value_or(0), kvHeads = op.getKvNumHeads().value_or(0);
    if (!query || !key || !value || heads <= 0 || kvHeads <= 0 || heads % kvHeads != 0 ||
        query->width % heads != 0 || key->width != query->width / heads * kvHeads ||
        key->width != value->width) {
      raising.explain(op, "expected query, key and value rows of q_num_heads and kv_num_heads "
                          "heads of one width");
      return false;
    }
    parts = AttentionParts{query->use, key->use, value->use, Value(), Value(), heads, kvHeads, 1};
  }
  int64_t headDim = raising.shapeOf(parts->query).back() / parts->heads;
  parts->scale *= scale != 0 ? scale : 1 / std::sqrt(double(headDim));
  parts->softcap = softcap;
  if (hasPast && !takePast(raising, op, *parts, op.getPastKey(), op.getPastValue(),
                           op.getPresentKey(), op.getPresentValue()))
    return false;

  SmallVector<MaskUse> masks;
  if (!isNone(op.getAttnMask())) {
    bool isBool = getElementTypeOrSelf(op.getAttnMask().getType()).isInteger(1);
    masks.push_back({op.getAttnMask(), /*additive=*/!isBool, /*inverted=*/false});
  }
  // The node's own causality counts rows from its own past; with one outside it would count from
  // the first position.
  bool isCausal = op.getIsCausal() != 0;
  if (isCausal && (!hasPast || !parts->pastKey)) {
    raising.explain(op, "expected is_causal only beside a past inside of the node");
    return false;
  }
  if (!masksFit(raising, op, masks, *parts, isCausal))
    return false;
  return recordAttention(raising, op.getOperation(), *parts, op.getResult(), arrangement);
}

//===----------------------------------------------------------------------------------------===//
// com.microsoft
//===----------------------------------------------------------------------------------------===//

/// The first rows of a table of cosines or sines, as many as the context has positions.
static std::shared_ptr<const Tensor> tableOf(Raising &raising, Value value) {
  if (!raising.dependences().isConstant(value))
    return nullptr;
  std::shared_ptr<const Tensor> table = raising.shortProbes().front()->value(value);
  if (!table || table->rank() != 2 || table->type != reference::ElementType::F32 ||
      table->shape[0] < raising.context)
    return nullptr;
  Tensor rows = Tensor::zeros(reference::ElementType::F32, {raising.context, table->shape[1]});
  std::copy_n(table->f32.begin(), rows.f32.size(), rows.f32.begin());
  return raising.intern(std::move(rows));
}

/// Whether `value` is `number(probe)` at all probes.
static bool isCount(Raising &raising, Value value,
                    llvm::function_ref<int64_t(const Lengths &)> number) {
  return llvm::all_of(raising.allProbes(), [&](Probe *probe) {
    std::shared_ptr<const Tensor> tensor = probe->value(value);
    return tensor && tensor->numElements() == 1 &&
           tensor->number(0) == static_cast<double>(number(probe->lengths()));
  });
}

/// Whether a node's position_ids say of every row what its place in the cache is.
static bool areOwnPositions(Raising &raising, Value value) {
  return llvm::all_of(raising.allProbes(), [&](Probe *probe) {
    std::shared_ptr<const Tensor> tensor = probe->value(value);
    if (!tensor || tensor->numElements() != probe->lengths().rows)
      return false;
    for (int64_t row = 0; row < tensor->numElements(); ++row)
      if (tensor->number(row) != static_cast<double>(probe->lengths().past + row))
        return false;
    return true;
  });
}

/// Takes a node's sinks into `parts`: a smooth softmax has one more term, exp(0), in its sum. False
/// with a reason when they are not known.
static bool readNodeSinks(Raising &raising, onnx::MsGroupQueryAttentionOp op,
                          AttentionParts &parts) {
  Value sink = op.getHeadSink();
  if (isNone(sink) && op.getSmoothSoftmax() != 1)
    return true;
  Tensor sinks = Tensor::zeros(reference::ElementType::F32, {parts.heads});
  if (!isNone(sink)) {
    std::shared_ptr<const Tensor> found;
    if (raising.dependences().isConstant(sink))
      found = raising.shortProbes().front()->value(sink);
    if (!found || found->type != reference::ElementType::F32 || found->shape != sinks.shape) {
      raising.explain(op, "expected a constant head_sink of " + Twine(parts.heads) + " floats");
      return false;
    }
    sinks.f32 = found->f32;
    if (!llvm::all_of(sinks.f32, [](float value) { return std::isfinite(value); })) {
      raising.explain(op, "expected a head_sink of finite numbers");
      return false;
    }
  }
  parts.sinks = raising.intern(std::move(sinks));
  return true;
}

static bool matchNode(Raising &raising, onnx::MsGroupQueryAttentionOp op) {
  std::optional<double> softcap;
  if (!readSoftcap(raising, op, op.getSoftcap(), softcap))
    return false;
  if (op.getCausal() == 0) {
    raising.explain(op, "expected causal attention");
    return false;
  }
  int64_t heads = op.getNumHeads(), kvHeads = op.getKvNumHeads();
  std::optional<NodeRows> query = rowsOf(raising, op.getQuery());
  if (!query || heads <= 0 || kvHeads <= 0 || heads % kvHeads != 0 || heads > 100000) {
    raising.explain(op, "expected query rows of num_heads heads");
    return false;
  }
  std::optional<RowsUse> queryUse, keyUse, valueUse;
  int64_t headDim = 0;
  if (isNone(op.getKey())) {
    headDim = query->width / (heads + 2 * kvHeads);
    if (headDim * (heads + 2 * kvHeads) == query->width) {
      int64_t keys = heads * headDim, values = keys + kvHeads * headDim;
      queryUse = columnsOf(raising, *query, 0, keys);
      keyUse = columnsOf(raising, *query, keys, values);
      valueUse = columnsOf(raising, *query, values, query->width);
    }
  } else {
    std::optional<NodeRows> key = rowsOf(raising, op.getKey()),
                            value = rowsOf(raising, op.getValue());
    headDim = query->width / heads;
    if (key && value && headDim * heads == query->width && key->width == headDim * kvHeads &&
        value->width == key->width) {
      queryUse = query->use;
      keyUse = key->use;
      valueUse = value->use;
    }
  }
  if (!queryUse || !keyUse || !valueUse || headDim == 0) {
    raising.explain(op, "expected query, key and value rows of num_heads and kv_num_heads heads");
    return false;
  }
  if (!isCount(raising, op.getSeqlensK(),
               [](const Lengths &at) { return at.past + at.rows - 1; }) ||
      !isCount(raising, op.getTotalSequenceLength(),
               [](const Lengths &at) { return at.past + at.rows; })) {
    raising.explain(op, "expected seqlens_k and total_sequence_length to count all positions");
    return false;
  }
  std::shared_ptr<const Tensor> cos, sin;
  if (op.getDoRotary() != 0) {
    if (!isNone(op.getPositionIds()) && !areOwnPositions(raising, op.getPositionIds())) {
      raising.explain(op, "expected position_ids that count from the past's length");
      return false;
    }
    cos = tableOf(raising, op.getCosCache());
    sin = tableOf(raising, op.getSinCache());
    if (!cos || !sin || cos->shape != sin->shape || cos->shape[1] > headDim / 2) {
      raising.explain(op, "expected constant rotary tables of at least " + Twine(raising.context) +
                              " positions");
      return false;
    }
  }
  double scale = op.getScale() ? double(op.getScale()->convertToFloat()) : 0;
  AttentionParts parts{
      *queryUse, *keyUse, *valueUse, Value(),
      Value(),   heads,   kvHeads,   scale != 0 ? scale : 1 / std::sqrt(double(headDim))};
  if (!takePast(raising, op, parts, op.getPastKey(), op.getPastValue(), op.getPresentKey(),
                op.getPresentValue()))
    return false;
  if (!parts.pastKey) {
    raising.explain(op, "expected a past");
    return false;
  }
  parts.softcap = softcap;
  // A window that reaches over the whole context hides nothing.
  auto window = static_cast<int64_t>(op.getLocalWindowSize());
  if (window > 0 && window < raising.context)
    parts.window = window;
  if (!readNodeSinks(raising, op, parts))
    return false;
  SmallVector<MaskUse> masks;
  if (!isNone(op.getAttentionBias()))
    masks.push_back({op.getAttentionBias(), /*additive=*/true, /*inverted=*/false});
  if (!masksFit(raising, op, masks, parts, /*isCausal=*/true))
    return false;
  if (cos) {
    bool interleaved = op.getRotaryInterleaved() != 0;
    parts.turn = [cos, sin, interleaved](Emitter &emitter, Location location, Value x,
                                         int64_t numHeads) -> Value {
      return blue::RopeOp::create(
          emitter.builder, location, x.getType(), x, emitter.table(cos, "rope_cos", location),
          emitter.table(sin, "rope_sin", location), emitter.position, numHeads, interleaved);
    };
  }
  return recordAttention(raising, op.getOperation(), parts, op.getResult(), nullptr);
}

static bool matchNode(Raising &raising, onnx::MsMultiHeadAttentionOp op) {
  if (!isNone(op.getKeyPaddingMask()) || isNone(op.getKey()) || isNone(op.getValue())) {
    raising.explain(op, "expected keys and values and no key padding mask");
    return false;
  }
  int64_t heads = op.getNumHeads();
  std::optional<NodeRows> query = rowsOf(raising, op.getQuery()),
                          key = rowsOf(raising, op.getKey()),
                          value = rowsOf(raising, op.getValue());
  if (!query || !key || !value || heads <= 0 || query->width % heads != 0 ||
      key->width != query->width || value->width != query->width) {
    raising.explain(op, "expected query, key and value rows of num_heads heads");
    return false;
  }
  double scale = op.getScale() ? double(op.getScale()->convertToFloat()) : 0;
  AttentionParts parts{
      query->use, key->use,
      value->use, Value(),
      Value(),    heads,
      heads,      scale != 0 ? scale : 1 / std::sqrt(double(query->width / heads))};
  if (!isNone(op.getBias())) {
    std::optional<WeightUse> bias = raising.vectorWeight(op.getBias(), 3 * query->width);
    if (!bias)
      return false;
    for (int64_t part = 0; part < 3; ++part) {
      WeightUse slice = *bias;
      slice.slice(0, part * query->width, (part + 1) * query->width);
      parts.biases.push_back(std::move(slice));
    }
  }
  if (!takePast(raising, op, parts, op.getPastKey(), op.getPastValue(), op.getPresentKey(),
                op.getPresentValue()))
    return false;
  SmallVector<MaskUse> masks;
  if (!isNone(op.getAttentionBias()))
    masks.push_back({op.getAttentionBias(), /*additive=*/true, /*inverted=*/false});
  bool isCausal = op.getUnidirectional() != 0;
  if (isCausal && !parts.pastKey) {
    raising.explain(op, "expected unidirectional attention only beside a past");
    return false;
  }
  if (!masksFit(raising, op, masks, parts, isCausal))
    return false;
  return recordAttention(raising, op.getOperation(), parts, op.getResult(), nullptr);
}

bool bluec::onnx_to_blue::matchFusedAttention(Raising &raising, Operation *op) {
  if (auto node = dyn_cast<onnx::AttentionOp>(op))
    return matchNode(raising, node);
  if (auto node = dyn_cast<onnx::MsGroupQueryAttentionOp>(op))
    return matchNode(raising, node);
  if (auto node = dyn_cast<onnx::MsMultiHeadAttentionOp>(op))
    return matchNode(raising, node);
  return false;
}
