// Mixtures of experts. MoE says at once what blue says in parts: where rows go, the linear layers
// of their experts, and what is between these. Gates and what they gate, which stand in turn in one
// weight, become two layers.
#include "passes/conversions/onnx_to_blue/Structure.h"

#include "compiler/dialect/onnx/ExpertLayer.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

using Activation = onnx::ExpertLayer::Activation;

namespace {

struct ExpertParts {
  onnx::ExpertLayer layer;
  RowsUse x, logits;
  WeightUse fc1, fc2;                    // [experts, rows, columns]
  std::optional<WeightUse> bias1, bias2; // [experts, rows]
};

/// Makes the layers of a node.
class ExpertBuilder {
public:
  ExpertBuilder(Emitter &emitter, Location location, const ExpertParts &parts)
      : emitter(emitter), builder(emitter.builder), location(location), parts(parts),
        layer(parts.layer) {}

  Value build() {
    x = emitter.rows(parts.x, location);
    Value logits = emitter.rows(parts.logits, location);
    routing = blue::RouteOp::create(builder, location, logits.getType(), logits,
                                    builder.getI64IntegerAttr(layer.chosen),
                                    layer.isNormalized ? builder.getUnitAttr() : UnitAttr());
    Value hidden = layer.activation == Activation::Swiglu ? gated() : activated();
    return linear(hidden, parts.fc2, parts.bias2, "down", {parts.fc2.shape[1]});
  }

private:
  Value linear(Value rows, const WeightUse &weight, const std::optional<WeightUse> &bias,
               const std::string &name, ArrayRef<int64_t> perRow) {
    SmallVector<int64_t> shape{ShapedType::kDynamic};
    shape.append(perRow.begin(), perRow.end());
    Value matrix = emitter.weight(weight, name + ".weight", location, /*keepsIntegers=*/true);
    Value added = bias ? emitter.weight(*bias, name + ".bias", location) : Value();
    return blue::ExpertLinearOp::create(builder, location, emitter.floats(shape), rows, matrix,
                                        routing, added);
  }

  Value activated() {
    Value made = linear(x, parts.fc1, parts.bias1, "up", {layer.chosen, parts.fc1.shape[1]});
    Type type = made.getType();
    switch (layer.activation) {
    case Activation::Relu:
      return blue::ReluOp::create(builder, location, type, made);
    case Activation::Gelu:
      return blue::GeluTanhOp::create(builder, location, type, made);
    case Activation::Silu:
      return blue::SiluOp::create(builder, location, type, made);
    default:
      return made;
    }
  }

  /// Row `which` of every two of a weight or bias of fc1.
  static WeightUse everySecond(WeightUse use, int64_t which) {
    std::vector<int64_t> whole = use.shape, half = use.shape;
    half[1] /= 2;
    whole[0] *= half[1];
    whole[1] = 2;
    use.reshape(whole);
    use.slice(1, which, which + 1);
    use.reshape(half);
    return use;
  }

  /// The bias of what is gated, `beta` more than in the node.
  std::optional<WeightUse> gatedBias() {
    if (layer.beta == 0 && !parts.bias1)
      return std::nullopt;
    if (parts.bias1) {
      WeightUse bias = everySecond(*parts.bias1, 1);
      bias.offset(layer.beta);
      return bias;
    }
    WeightUse bias;
    bias.shape = {parts.fc1.shape[0], parts.fc1.shape[1] / 2};
    auto value = std::make_shared<Tensor>(Tensor::zeros(reference::ElementType::F32, bias.shape));
    std::fill(value->f32.begin(), value->f32.end(), static_cast<float>(layer.beta));
    bias.value = std::move(value);
    bias.elementType = builder.getF32Type();
    return bias;
  }

  Value gated() {
    SmallVector<int64_t> shape{layer.chosen, parts.fc1.shape[1] / 2};
    std::optional<WeightUse> gateBias;
    if (parts.bias1)
      gateBias = everySecond(*parts.bias1, 0);
    Value gate = linear(x, everySecond(parts.fc1, 0), gateBias, "gate", shape);
    Value up = linear(x, everySecond(parts.fc1, 1), gatedBias(), "up", shape);
    Type type = gate.getType();
    auto number = [&](double value) { return builder.getF64FloatAttr(value); };
    if (layer.limit) {
      gate =
          blue::ClampOp::create(builder, location, type, gate, FloatAttr(), number(*layer.limit));
      up = blue::ClampOp::create(builder, location, type, up, number(layer.beta - *layer.limit),
                                 number(layer.beta + *layer.limit));
    }
    if (layer.alpha == 1)
      return blue::SwigluOp::create(builder, location, type, gate, up);
    if (isNear(layer.alpha, 1.702, type)) {
      gate = blue::QuickGeluOp::create(builder, location, type, gate);
    } else { // x sigmoid(a x) = silu(a x) / a
      gate = blue::ScaleOp::create(builder, location, type, gate, number(layer.alpha));
      gate = blue::SiluOp::create(builder, location, type, gate);
      gate = blue::ScaleOp::create(builder, location, type, gate, number(1 / layer.alpha));
    }
    return blue::MulOp::create(builder, location, type, gate, up);
  }

  Emitter &emitter;
  OpBuilder &builder;
  Location location;
  const ExpertParts &parts;
  const onnx::ExpertLayer &layer;
  Value x, routing;
};

} // namespace

/// A bias, [experts, channels], if the node has one; false when it is not the same in every call.
static bool readBias(Raising &raising, Value value, ArrayRef<int64_t> shape,
                     std::optional<WeightUse> &bias) {
  if (isa<NoneType>(value.getType()))
    return true;
  bias = raising.weight(value);
  return bias && ArrayRef<int64_t>(bias->shape) == shape;
}

bool bluec::onnx_to_blue::matchExperts(Raising &raising, Operation *op) {
  if (isa<onnx::MsQMoEOp>(op)) {
    raising.explain(op, "expected weights that are initializers");
    return false;
  }
  auto moe = dyn_cast<onnx::MsMoEOp>(op);
  if (!moe)
    return false;
  auto refuse = [&](const Twine &reason) {
    raising.explain(op, reason);
    return false;
  };
  std::string fault;
  std::optional<onnx::ExpertLayer> layer = onnx::ExpertLayer::of(moe, fault);
  if (!layer)
    return refuse(fault);
  std::optional<RowsUse> x = raising.rows(moe.getX()), logits = raising.rows(moe.getRouterProbs());
  if (!x || !logits)
    return refuse("expected an operand whose rows are those of a layer, in their order");
  std::optional<WeightUse> fc1 = raising.weight(moe.getFc1ExpertsWeights());
  std::optional<WeightUse> fc2 = raising.weight(moe.getFc2ExpertsWeights());
  SmallVector<int64_t> shape = raising.shapeOf(*x), routed = raising.shapeOf(*logits);
  if (!fc1 || !fc2 || fc1->shape.size() != 3 || fc2->shape.size() != 3 || shape.size() != 2 ||
      routed.size() != 2)
    return refuse("expected rows of a decoder and weights [experts, rows, columns]");
  int64_t experts = fc2->shape[0], hidden = fc2->shape[1], inner = fc2->shape[2];
  int64_t channels = layer->rowsOfOne() * inner;
  ExpertParts parts{*layer, *x, *logits, *fc1, *fc2, std::nullopt, std::nullopt};
  bool fits = ArrayRef<int64_t>(fc1->shape) == ArrayRef<int64_t>({experts, channels, hidden}) &&
              shape[1] == hidden && routed[1] == experts && layer->chosen <= experts;
  if (!fits || !readBias(raising, moe.getFc1ExpertsBias(), {experts, channels}, parts.bias1) ||
      !readBias(raising, moe.getFc2ExpertsBias(), {experts, hidden}, parts.bias2))
    return refuse("expected weights and biases that fit each other, the rows and the logits");

  Match match;
  match.nodes = {op};
  match.uses = {*x, *logits};
  match.results = {moe.getResult()};
  match.build = [parts](Emitter &emitter, Location location) -> SmallVector<Value> {
    return {ExpertBuilder(emitter, location, parts).build()};
  };
  return raising.recordRows(std::move(match), shape) != nullptr;
}
