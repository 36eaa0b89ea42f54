#include "passes/precision/lift_key_bias/LiftKeyBias.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/weights/RowReader.h"
#include "compiler/weights/WeightReader.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <map>

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_LIFTKEYBIAS
#include "passes/precision/lift_key_bias/LiftKeyBias.h.inc"

namespace {

using reference::Tensor;

/// A pair of channels is large from this many times on what the rest of a key comes to.
constexpr double kBeyond = 4;
/// Elements of a constant that stands in the IR's text.
constexpr int64_t kMaxInlineElements = 16;
/// Rows of a weight that are read at a time.
constexpr int64_t kRowsAtOnce = 64;

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool isStored(Value value) {
  return value && isa_and_nonnull<blue::WeightOp, blue::ConstantOp>(value.getDefiningOp());
}

/// Where a constant by channel is added to keys: the bias of a linear layer or a norm, or a sum.
OpOperand *constantIn(Operation *op) {
  OpOperand *found = nullptr;
  if (auto linear = dyn_cast<blue::LinearOp>(op); linear && linear.getBias())
    found = &*linear.getBiasMutable().begin();
  else if (auto norm = dyn_cast<blue::LayerNormOp>(op); norm && norm.getBias())
    found = &*norm.getBiasMutable().begin();
  else if (auto sum = dyn_cast<blue::AddOp>(op); sum && tensorOf(sum.getRhs()).getRank() == 1)
    found = &sum.getRhsMutable();
  return found && isStored(found->get()) && tensorOf(found->get()).getElementType().isF32()
             ? found
             : nullptr;
}

/// Which two channels of a head turn together, by angle, and the tables of the angles.
struct Rotation {
  explicit Rotation(blue::RopeOp rope) : rope(rope) {
    if (rope)
      angles = tensorOf(rope.getCos()).getDimSize(1);
  }
  std::pair<int64_t, int64_t> channels(int64_t angle) const {
    auto op = rope;
    return op.getInterleaved() ? std::pair(2 * angle, 2 * angle + 1)
                               : std::pair(angle, angle + angles);
  }
  blue::RopeOp rope; // null: nothing turns
  int64_t angles = 0;
};

/// The large part of the constant in a layer's keys.
struct LargePart {
  std::vector<float> values;   // by head and channel; 0 where it is not large
  std::vector<int64_t> angles; // of pairs that are large in some head
  bool hasUnturned = false;    // whether there are channels that no rope turns
  double largest = 0;
};

struct LiftKeyBiasPass : impl::LiftKeyBiasBase<LiftKeyBiasPass> {
  using LiftKeyBiasBase::LiftKeyBiasBase;

  void runOnOperation() override {
    WeightReader weights(modelDirectory);
    reader = &weights;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      tables.clear();
      blue::LayerNames names(function);
      auto result = function.walk([&](blue::AttentionOp attention) {
        bool isNarrow = attention.getPastKey() &&
                        isa<blue::QuantizedType>(tensorOf(attention.getPastKey()).getElementType());
        if (!isNarrow || attention.getKeyBasis())
          return WalkResult::advance();
        return WalkResult(visit(attention, names.of(attention)));
      });
      if (result.wasInterrupted())
        return signalPassFailure();
    }
  }

private:
  LogicalResult visit(blue::AttentionOp attention, StringRef name);
  FailureOr<Tensor> valuesOf(Value value);
  FailureOr<std::vector<double>> reachOf(Operation *op, int64_t channels);
  FailureOr<LargePart> largePartOf(Operation *op, OpOperand &constant, blue::AttentionOp attention,
                                   const Rotation &rotation);
  StringRef obstacle(blue::AttentionOp attention, Operation *op, Operation *between,
                     const Rotation &rotation, const LargePart &large);
  LogicalResult lift(blue::AttentionOp attention, StringRef name, OpOperand &constant,
                     const Rotation &rotation, const LargePart &large);
  FailureOr<Value> tableOf(blue::AttentionOp attention, const Rotation &rotation,
                           const LargePart &large, bool hasOnes);
  Value constantOf(OpBuilder &builder, Location location, const Twine &name,
                   ArrayRef<int64_t> shape, ArrayRef<float> values);

  WeightReader *reader = nullptr;
  /// By the rope's tables and the angles, -1 standing for the ones.
  std::map<std::tuple<void *, void *, std::vector<int64_t>>, Value> tables;
};

FailureOr<Tensor> LiftKeyBiasPass::valuesOf(Value value) {
  if (auto constant = value.getDefiningOp<blue::ConstantOp>())
    return reference::tensorFromElements(constant.getLoc(), constant.getValue());
  return reader->valuesOf(value.getDefiningOp());
}

/// What the constant at `op` is added to comes to, by channel of `op`'s own: root mean squares for
/// an input whose elements have a mean square of 1. Empty where that is not known.
FailureOr<std::vector<double>> LiftKeyBiasPass::reachOf(Operation *op, int64_t channels) {
  if (auto norm = dyn_cast<blue::LayerNormOp>(op)) {
    FailureOr<Tensor> gain = isStored(norm.getWeight()) ? valuesOf(norm.getWeight()) : Tensor();
    if (failed(gain))
      return failure();
    return std::vector<double>(gain->f32.begin(), gain->f32.end());
  }
  if (auto sum = dyn_cast<blue::AddOp>(op))
    op = sum.getLhs().getDefiningOp();
  auto linear = dyn_cast_or_null<blue::LinearOp>(op);
  auto weight = linear ? linear.getWeight().getDefiningOp<blue::WeightOp>() : blue::WeightOp();
  if (!linear || !isStored(linear.getWeight()) ||
      tensorOf(linear.getWeight()).getDimSize(0) != channels)
    return std::vector<double>();

  Value x = linear.getX();
  if (auto quantize = x.getDefiningOp<blue::QuantizeOp>())
    x = quantize.getX();
  int64_t depth = tensorOf(linear.getWeight()).getDimSize(1);
  std::vector<float> gain(1, 1.0f);
  Value gainValue;
  if (auto norm = x.getDefiningOp<blue::RmsNormOp>())
    gainValue = norm.getWeight();
  else if (auto layerNorm = x.getDefiningOp<blue::LayerNormOp>())
    gainValue = layerNorm.getWeight();
  if (isStored(gainValue)) {
    FailureOr<Tensor> values = valuesOf(gainValue);
    if (failed(values))
      return failure();
    if (!values->f32.empty())
      gain = std::move(values->f32);
  }

  Tensor whole;
  std::optional<RowReader> rows;
  if (weight) {
    // The floats before they are quantized.
    ArrayRef<Attribute> transforms = weight.getTransforms().getValue();
    if (!transforms.empty() && isa<blue::QuantizeAttr>(transforms.back()))
      transforms = transforms.drop_back();
    FailureOr<RowReader> opened =
        RowReader::create(*reader, weight.getSource(), ArrayAttr::get(&getContext(), transforms),
                          [&] { return weight.emitError(); });
    if (failed(opened))
      return failure();
    rows.emplace(std::move(*opened));
  } else {
    FailureOr<Tensor> values = valuesOf(linear.getWeight());
    if (failed(values))
      return failure();
    whole = std::move(*values);
  }
  std::vector<double> reach(channels);
  std::vector<float> some(kRowsAtOnce * depth);
  for (int64_t begin = 0; begin < channels; begin += kRowsAtOnce) {
    int64_t end = std::min(channels, begin + kRowsAtOnce);
    if (rows)
      rows->read(begin, end, some.data());
    for (int64_t n = begin; n < end; ++n) {
      const float *row = rows ? some.data() + (n - begin) * depth : whole.f32.data() + n * depth;
      double squares = 0;
      for (int64_t k = 0; k < depth; ++k) {
        double element = double(row[k]) * double(gain[static_cast<size_t>(k) % gain.size()]);
        squares += element * element;
      }
      reach[static_cast<size_t>(n)] = std::sqrt(squares);
    }
  }
  return reach;
}

FailureOr<LargePart> LiftKeyBiasPass::largePartOf(Operation *op, OpOperand &constant,
                                                  blue::AttentionOp attention,
                                                  const Rotation &rotation) {
  auto heads = static_cast<int64_t>(attention.getNumKvHeads());
  int64_t width = tensorOf(attention.getKey()).getShape().back(), dims = width / heads;
  LargePart large;
  FailureOr<Tensor> bias = valuesOf(constant.get());
  if (failed(bias))
    return failure();
  int64_t own = bias->numElements(); // a norm of heads may have the same for all of them
  if (own < 1 || width % own != 0 || (own != width && own != dims))
    return large;
  auto isSmall = [](float value) { return value == 0; };
  if (llvm::all_of(bias->f32, isSmall))
    return large;
  FailureOr<std::vector<double>> reach = reachOf(op, own);
  if (failed(reach))
    return failure();
  if (reach->size() != bias->f32.size())
    return large;

  large.values.resize(static_cast<size_t>(width));
  std::vector<bool> isLarge(static_cast<size_t>(rotation.angles));
  for (int64_t head = 0; head < heads; ++head) {
    auto at = [&](int64_t channel) { return static_cast<size_t>((head * dims + channel) % own); };
    double rest = 0;
    for (int64_t channel = 0; channel < dims; ++channel)
      rest = std::max(rest, std::abs((*reach)[at(channel)]));
    auto take = [&](int64_t channel) {
      float value = bias->f32[at(channel)];
      large.values[static_cast<size_t>(head * dims + channel)] = value;
      large.largest = std::max(large.largest, std::abs(double(value)));
    };
    auto isBeyond = [&](double size) { return std::isfinite(size) && size > kBeyond * rest; };
    for (int64_t angle = 0; angle < rotation.angles; ++angle) {
      auto [first, second] = rotation.channels(angle);
      if (!isBeyond(std::hypot(double(bias->f32[at(first)]), double(bias->f32[at(second)]))))
        continue;
      take(first);
      take(second);
      isLarge[static_cast<size_t>(angle)] = true;
    }
    for (int64_t channel = 2 * rotation.angles; channel < dims; ++channel)
      if (isBeyond(std::abs(double(bias->f32[at(channel)])))) {
        take(channel);
        large.hasUnturned = true;
      }
  }
  for (int64_t angle = 0; angle < rotation.angles; ++angle)
    if (isLarge[static_cast<size_t>(angle)])
      large.angles.push_back(angle);
  return large;
}

/// Why the constant at `op` cannot be taken out of the keys; empty when it can.
StringRef LiftKeyBiasPass::obstacle(blue::AttentionOp attention, Operation *op, Operation *between,
                                    const Rotation &rotation, const LargePart &large) {
  blue::RopeOp rope = rotation.rope;
  bool isForgotten = !attention.getSinks() && !attention.getSoftcap();
  if (between)
    return "another layer is between the bias and the rotation";
  if (!op->getResult(0).hasOneUse() || !attention.getKey().hasOneUse())
    return "the keys are read elsewhere too";
  if (rope && (!rope.isConsecutive() || rope.getAxes()))
    return "positions are not consecutive";
  if (rope && (!isStored(rope.getCos()) || !isStored(rope.getSin())))
    return "the tables of angles are not known";
  if (large.hasUnturned && !rope && !isForgotten)
    return "no rotary table says how many positions there are";
  int64_t ones = large.hasUnturned && !isForgotten ? 1 : 0;
  if (2 * static_cast<int64_t>(large.angles.size()) + ones > blue::AttentionOp::kMostKeyTerms)
    return "too many pairs of channels have one";
  return "";
}

LogicalResult LiftKeyBiasPass::visit(blue::AttentionOp attention, StringRef name) {
  Value key = attention.getKey();
  auto rope = key.getDefiningOp<blue::RopeOp>();
  Rotation rotation(rope);
  Operation *between = nullptr;
  for (Operation *op = (rope ? rope.getX() : key).getDefiningOp(); op;) {
    if (OpOperand *constant = constantIn(op)) {
      FailureOr<LargePart> large = largePartOf(op, *constant, attention, rotation);
      if (failed(large))
        return failure();
      if (large->largest > 0) {
        StringRef why = obstacle(attention, op, between, rotation, *large);
        if (why.empty())
          return lift(attention, name, *constant, rotation, *large);
        attention.emitWarning()
            << name << ": a key bias of " << llvm::formatv("{0:f1}", large->largest).str()
            << " stays in a cache of 8 bits, which may lose the other channels: " << why;
        ++biasesLeft;
        return success();
      }
    }
    // Norms, sums and scalings keep channels apart.
    if (!isa<blue::RmsNormOp, blue::LayerNormOp, blue::ScaleOp, blue::AddOp>(op))
      break;
    between = between ? between : op;
    op = op->getOperand(0).getDefiningOp();
  }
  return success();
}

Value LiftKeyBiasPass::constantOf(OpBuilder &builder, Location location, const Twine &name,
                                  ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  std::string text = name.str();
  ElementsAttr value;
  if (type.getNumElements() <= kMaxInlineElements)
    value = DenseElementsAttr::get(type, values);
  else
    value =
        cast<ElementsAttr>(static_cast<DenseResourceElementsAttr>(DenseF32ResourceElementsAttr::get(
            type, text, HeapAsmResourceBlob::allocateAndCopyInferAlign(values))));
  return blue::ConstantOp::create(builder, location, type, builder.getStringAttr(text), value);
}

/// cos and sin of the large pairs by position, and ones.
FailureOr<Value> LiftKeyBiasPass::tableOf(blue::AttentionOp attention, const Rotation &rotation,
                                          const LargePart &large, bool hasOnes) {
  blue::RopeOp rope = rotation.rope;
  std::vector<int64_t> columns = large.angles;
  if (hasOnes)
    columns.push_back(-1);
  Value &table =
      tables[{rope.getCos().getAsOpaquePointer(), rope.getSin().getAsOpaquePointer(), columns}];
  if (table)
    return table;
  FailureOr<Tensor> cos = valuesOf(rope.getCos()), sin = valuesOf(rope.getSin());
  if (failed(cos) || failed(sin))
    return failure();
  int64_t positions = tensorOf(rope.getCos()).getDimSize(0);
  std::vector<float> values;
  for (int64_t position = 0; position < positions; ++position) {
    for (int64_t angle : large.angles) {
      auto at = static_cast<size_t>(position * rotation.angles + angle);
      values.insert(values.end(), {cos->f32[at], sin->f32[at]});
    }
    if (hasOnes)
      values.push_back(1);
  }
  // Layers share it: it is at the top of the function.
  OpBuilder builder = OpBuilder::atBlockBegin(attention->getBlock());
  int64_t terms = static_cast<int64_t>(values.size()) / positions;
  table = constantOf(builder, rope.getCos().getLoc(), "key_table", {positions, terms}, values);
  return table;
}

LogicalResult LiftKeyBiasPass::lift(blue::AttentionOp attention, StringRef name,
                                    OpOperand &constant, const Rotation &rotation,
                                    const LargePart &large) {
  FailureOr<Tensor> bias = valuesOf(constant.get());
  if (failed(bias))
    return failure();
  auto heads = static_cast<int64_t>(attention.getNumKvHeads());
  int64_t dims = static_cast<int64_t>(large.values.size()) / heads;
  std::vector<float> rest = bias->f32;
  for (size_t i = 0; i < large.values.size(); ++i)
    if (large.values[i] != 0) // all of it: nothing is rounded
      rest[i % rest.size()] = 0;
  OpBuilder builder(constant.getOwner());
  Operation *old = constant.get().getDefiningOp();
  StringRef oldName = "bias";
  if (auto weight = dyn_cast<blue::WeightOp>(old))
    oldName = weight.getName();
  else if (auto given = cast<blue::ConstantOp>(old).getName())
    oldName = *given;
  constant.set(constantOf(builder, old->getLoc(), oldName + ".rest",
                          tensorOf(constant.get()).getShape(), rest));
  if (old->use_empty())
    old->erase();
  ++attentionsLifted;
  pairsLifted += static_cast<int64_t>(large.angles.size());

  bool hasOnes = large.hasUnturned && (attention.getSinks() || attention.getSoftcap());
  if (large.angles.empty() && !hasOnes)
    return success();
  FailureOr<Value> table = tableOf(attention, rotation, large, hasOnes);
  if (failed(table))
    return failure();
  int64_t terms = tensorOf(*table).getDimSize(1);
  std::vector<float> basis(static_cast<size_t>(heads * terms * dims));
  for (int64_t head = 0; head < heads; ++head) {
    const float *lifted = large.values.data() + head * dims;
    float *to = basis.data() + head * terms * dims;
    for (int64_t angle : large.angles) {
      auto [first, second] = rotation.channels(angle);
      to[first] = lifted[first];
      to[second] = lifted[second];
      to[dims + first] = 0 - lifted[second]; // no zero with a sign
      to[dims + second] = lifted[first];
      to += 2 * dims;
    }
    if (hasOnes)
      std::copy(lifted + 2 * rotation.angles, lifted + dims, to + 2 * rotation.angles);
  }
  builder.setInsertionPoint(attention);
  attention.getKeyBasisMutable().assign(
      constantOf(builder, attention.getLoc(), name + ".key_basis", {heads, terms, dims}, basis));
  attention.getKeyTableMutable().assign(*table);
  return success();
}

} // namespace
} // namespace bluec
