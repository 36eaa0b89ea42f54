#include "passes/precision/quantize_model/QuantizeModel.h"

#include "compiler/dialect/blue/QuantizedWeight.h"
#include "compiler/dialect/plan/Layouts.h"
#include "compiler/dialect/plan/Plan.h"
#include "compiler/recipe/Recipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_QUANTIZEMODEL
#include "passes/precision/quantize_model/QuantizeModel.h.inc"

namespace {

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The operand that is a layer's weight or table, or null.
OpOperand *weightOperand(Operation *op) {
  if (auto linear = dyn_cast<blue::LinearOp>(op))
    return &linear.getWeightMutable();
  if (auto experts = dyn_cast<blue::ExpertLinearOp>(op))
    return &experts.getWeightMutable();
  if (auto embedding = dyn_cast<blue::EmbeddingOp>(op))
    return &embedding.getTableMutable();
  return nullptr;
}

/// The operand that is the input of a linear layer or of experts, or null.
OpOperand *inputOperand(Operation *op) {
  if (auto linear = dyn_cast<blue::LinearOp>(op))
    return &linear.getXMutable();
  if (auto experts = dyn_cast<blue::ExpertLinearOp>(op))
    return &experts.getXMutable();
  return nullptr;
}

bool isInteger(Precision precision) {
  return precision == Precision::I16 || precision == Precision::I8 || precision == Precision::I4;
}

int64_t bitsOf(Precision precision) {
  return precision == Precision::I4 ? 4 : precision == Precision::I8 ? 8 : 16;
}

Type typeOf(Precision precision, MLIRContext *context) {
  if (precision == Precision::F32)
    return Float32Type::get(context);
  if (precision == Precision::F16)
    return Float16Type::get(context);
  return IntegerType::get(context, static_cast<unsigned>(bitsOf(precision)));
}

int64_t bytesOf(RankedTensorType type) {
  auto quantized = dyn_cast<blue::QuantizedType>(type.getElementType());
  if (!quantized)
    return type.getNumElements() * type.getElementTypeBitWidth() / 8;
  int64_t width = type.getShape().back(),
          rows = type.getNumElements() / std::max<int64_t>(width, 1);
  int64_t groupBits = quantized.getScale().getWidth() + (quantized.getZeros() ? 8 : 0);
  return rows * (width * quantized.getBits() + quantized.groupsIn(width) * groupBits) / 8;
}

/// The gathering that makes a linear layer's input, if the layer can do it itself, or null.
blue::TokenDownsampleOp gatheringOf(Operation *op) {
  auto linear = dyn_cast<blue::LinearOp>(op);
  auto gathering =
      linear ? linear.getX().getDefiningOp<blue::TokenDownsampleOp>() : blue::TokenDownsampleOp();
  return gathering && gathering.canBeGathered() ? gathering : blue::TokenDownsampleOp();
}

/// Elements of a group that ends with each of a gathered row's tokens of `channels` elements: their
/// largest divisor up to `group`, in whole vectors. It is `group` itself where all divisors are
/// much smaller, or a row is one group.
int64_t groupWithin(int64_t channels, int64_t group) {
  constexpr int64_t kVector = 16, kLeastShare = 4;
  if (group == 0 || channels % group == 0)
    return group;
  for (int64_t size = std::min(group, channels) / kVector * kVector; size * kLeastShare >= group;
       size -= kVector)
    if (size > 0 && channels % size == 0)
      return size;
  return group;
}

/// A layer, and what the recipe says about it.
struct Layer {
  Operation *op;
  std::string name;
  RecipeRule rule;
  bool isTied = false; // a table with the source of a linear layer's weight
};

struct QuantizeModelPass : impl::QuantizeModelBase<QuantizeModelPass> {
  using QuantizeModelBase::QuantizeModelBase;

  void runOnOperation() override {
    if (failed(apply()))
      signalPassFailure();
  }

private:
  LogicalResult apply();
  LogicalResult resolveLayers(const Recipe &recipe);
  LogicalResult checkTypes(const Layer &layer);
  LogicalResult checkEncoderAttention(const Layer &layer);
  void tieWeights();
  Type elementType(const WeightPrecision &wanted);
  bool canGather(blue::LinearOp linear, blue::TokenDownsampleOp gathering,
                 blue::QuantizedType element);
  Value quantized(Value x, blue::QuantizedType element, FloatAttr scale, Location location);
  LogicalResult quantizeWeight(const Layer &layer);
  LogicalResult quantizeInput(const Layer &layer);
  LogicalResult quantizeAttention(const Layer &layer);
  InFlightDiagnostic errorAt(const Layer &layer) {
    return layer.op->emitError() << layer.name << ": ";
  }

  std::vector<Layer> layers;
  llvm::DenseMap<std::pair<Operation *, Type>, blue::WeightOp> weights; // quantized ones
  llvm::DenseMap<std::tuple<Value, Type, Attribute>, blue::QuantizeOp> inputs;
};

LogicalResult QuantizeModelPass::apply() {
  llvm::Expected<Recipe> loaded = Recipe::load(recipe);
  if (!loaded)
    return getOperation().emitError() << llvm::toString(loaded.takeError());
  layers.clear();
  weights.clear();
  inputs.clear();
  if (failed(resolveLayers(*loaded)))
    return failure();
  tieWeights();
  for (const Layer &layer : layers)
    if (failed(checkTypes(layer)))
      return failure();
  for (const Layer &layer : layers) {
    LogicalResult done =
        isa<blue::AttentionOp>(layer.op) ? quantizeAttention(layer) : quantizeWeight(layer);
    if (failed(done) || (inputOperand(layer.op) && failed(quantizeInput(layer))))
      return failure();
  }
  // Not before: `weights` knows them by their address.
  for (auto function : getOperation().getOps<func::FuncOp>())
    for (auto weight : llvm::make_early_inc_range(function.getOps<blue::WeightOp>()))
      if (weight->use_empty())
        weight.erase();
  return success();
}

LogicalResult QuantizeModelPass::resolveLayers(const Recipe &recipe) {
  std::vector<bool> matched(recipe.rules.size());
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    blue::LayerNames names(function);
    function.walk([&](Operation *op) {
      if (!weightOperand(op) && !isa<blue::AttentionOp>(op))
        return;
      std::string name = names.of(op).str();
      layers.push_back({op, name, recipe.resolve(name, kindsOf(op), &matched)});
    });
  }
  for (auto [i, rule] : llvm::enumerate(recipe.rules))
    if (!matched[i] && !rule.optional)
      return getOperation().emitError()
             << "recipe " << recipe.name << ": rule " << i + 1
             << ": expected a layer that matches '" << rule.match << "', found none";
  return success();
}

/// A table that has the source of a linear layer's weight gets the linear layer's type.
void QuantizeModelPass::tieWeights() {
  auto sourceOf = [](const Layer &layer) {
    OpOperand *operand = weightOperand(layer.op);
    auto weight = operand ? operand->get().getDefiningOp<blue::WeightOp>() : blue::WeightOp();
    return weight ? weight.getSource() : blue::SourceAttr();
  };
  llvm::DenseMap<Attribute, const Layer *> linears;
  for (const Layer &layer : layers)
    if (blue::SourceAttr source = sourceOf(layer); source && isa<blue::LinearOp>(layer.op))
      linears.try_emplace(source, &layer);
  for (Layer &layer : layers) {
    if (!isa<blue::EmbeddingOp>(layer.op) || !sourceOf(layer))
      continue;
    auto linear = linears.find(sourceOf(layer));
    if (linear == linears.end())
      continue;
    layer.rule.weights = linear->second->rule.weights;
    layer.isTied = true;
    ++weightsTied;
  }
}

/// Whether the types of a layer can be had: on the target, and together.
LogicalResult QuantizeModelPass::checkTypes(const Layer &layer) {
  const RecipeRule &rule = layer.rule;
  auto target = getOperation()->getAttrOfType<plan::TargetAttr>(plan::kTargetAttr);
  SmallVector<Type> caches = plan::cacheTypes(target, &getContext());
  if (rule.cache && !llvm::is_contained(caches, typeOf(*rule.cache, &getContext()))) {
    std::string where = target ? " on " + target.getName().str() : std::string();
    InFlightDiagnostic error = errorAt(layer) << "expected a cache of ";
    auto name = [&](Type type) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      error << text;
    };
    llvm::interleave(caches, name, [&] { error << " or "; });
    return error << where << ", found " << nameOf(*rule.cache);
  }
  auto attention = dyn_cast<blue::AttentionOp>(layer.op);
  if (attention && !attention.getPastKey())
    return checkEncoderAttention(layer);
  if (attention) {
    bool integers = rule.cache == Precision::I8;
    Precision products = rule.attention.value_or(integers ? Precision::I16 : Precision::F32);
    if (integers != isInteger(products))
      return errorAt(layer) << "expected attention of "
                            << (integers ? "i16 or i8 beside a cache of i8"
                                         : "f32 beside a cache of f32")
                            << ", found " << nameOf(products);
  }
  bool gptq = rule.weights && rule.weights->method == blue::QuantizeMethod::Gptq;
  if (gptq && isa<blue::EmbeddingOp>(layer.op) && !layer.isTied)
    return errorAt(layer) << "expected nearest or search for a table, which has no inputs to "
                             "calibrate with, found gptq";
  if (gptq && isa<blue::ExpertLinearOp>(layer.op))
    return errorAt(layer)
           << "expected nearest or search for experts, each of which sees rows of its "
              "own, found gptq";
  if (isa<blue::ExpertLinearOp>(layer.op) && rule.activations && rule.activations->isStatic)
    return errorAt(layer)
           << "expected activations of experts with scales of their own, found static "
              "ones";
  if (gptq && !calibrated)
    return errorAt(layer) << "expected a calibration set for weights by gptq, found none";
  return success();
}

/// Attention without a past: its own keys and values are quantized by head, in whole words.
LogicalResult QuantizeModelPass::checkEncoderAttention(const Layer &layer) {
  Precision products = layer.rule.attention.value_or(Precision::F32);
  if (!isInteger(products))
    return success();
  auto attention = cast<blue::AttentionOp>(layer.op);
  int64_t width = tensorOf(attention.getQuery()).getShape().back() /
                  static_cast<int64_t>(attention.getNumHeads());
  auto target = getOperation()->getAttrOfType<plan::TargetAttr>(plan::kTargetAttr);
  int64_t bits = bitsOf(products);
  auto dot = plan::dotFor(target, IntegerType::get(&getContext(), static_cast<unsigned>(bits)));
  int64_t unit = plan::WordLayout::of(dot, bits).elements();
  if (width % unit != 0)
    return errorAt(layer) << "expected heads of a multiple of " << unit << " dims for attention of "
                          << nameOf(products) << ", found " << width;
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Weights
//===------------------------------------------------------------------------------------------===//

/// The element type of weights that are not f32.
Type QuantizeModelPass::elementType(const WeightPrecision &wanted) {
  Builder builder(&getContext());
  if (wanted.type == Precision::F16)
    return builder.getF16Type();
  Type scale = wanted.halfScales ? builder.getF16Type() : builder.getF32Type();
  return blue::QuantizedType::get(
      &getContext(), builder.getIntegerType(static_cast<unsigned>(bitsOf(wanted.type))),
      wanted.group, cast<FloatType>(scale), wanted.zeros);
}

LogicalResult QuantizeModelPass::quantizeWeight(const Layer &layer) {
  OpOperand *operand = weightOperand(layer.op);
  auto weight = operand->get().getDefiningOp<blue::WeightOp>();
  RankedTensorType type = tensorOf(operand->get());
  if (isa<blue::QuantizedType>(type.getElementType())) {
    ++weightsKept;
    return success();
  }
  // Integers of the model that no type can keep stay the floats that they stand for.
  bool isFixed = weight && blue::isQuantizedInFile(weight.getTransforms().getValue());
  if (!weight || isFixed || !layer.rule.weights || layer.rule.weights->type == Precision::F32) {
    ++weightsFloat;
    return success();
  }
  WeightPrecision wanted = *layer.rule.weights;
  if (blue::TokenDownsampleOp gathering = gatheringOf(layer.op))
    wanted.group = groupWithin(tensorOf(gathering.getX()).getShape().back(), wanted.group);
  Type element = elementType(wanted);
  blue::WeightOp &quantized = weights[{weight, element}];
  if (!quantized) {
    SmallVector<Attribute> transforms(weight.getTransforms().getValue());
    if (auto integers = dyn_cast<blue::QuantizedType>(element)) {
      if (!type.getElementType().isF32())
        transforms.push_back(
            blue::ConvertAttr::get(&getContext(), Float32Type::get(&getContext())));
      transforms.push_back(blue::QuantizeAttr::get(&getContext(), integers, wanted.method));
    } else if (type.getElementType() != element) {
      transforms.push_back(blue::ConvertAttr::get(&getContext(), element));
    }
    OpBuilder builder(weight);
    quantized = blue::WeightOp::create(
        builder, weight.getLoc(), RankedTensorType::get(type.getShape(), element),
        weight.getNameAttr(), weight.getSource(), builder.getArrayAttr(transforms));
    ++(wanted.type == Precision::I4   ? weightsI4
       : wanted.type == Precision::I8 ? weightsI8
                                      : weightsF16);
    bytesBefore += bytesOf(weight.getSource().getType());
    bytesAfter += bytesOf(tensorOf(quantized));
  }
  operand->set(quantized);
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Activations
//===------------------------------------------------------------------------------------------===//

LogicalResult QuantizeModelPass::quantizeInput(const Layer &layer) {
  const std::optional<ActivationPrecision> &wanted = layer.rule.activations;
  OpOperand &input = *inputOperand(layer.op);
  Value x = input.get(), weight = weightOperand(layer.op)->get();
  if (!wanted || !isInteger(wanted->type) || isa<blue::QuantizedType>(tensorOf(x).getElementType()))
    return success();
  if (!isa<blue::QuantizedType>(tensorOf(weight).getElementType())) {
    if (weight.getDefiningOp<blue::WeightOp>())
      return errorAt(layer) << "expected weights of i8 or i4 beside activations of "
                            << nameOf(wanted->type) << ", found "
                            << tensorOf(weight).getElementType();
    return success(); // computed by the compiler, and a float
  }
  OpBuilder builder(layer.op);
  auto elementOf = [&](int64_t group) {
    return blue::QuantizedType::get(
        &getContext(), builder.getIntegerType(static_cast<unsigned>(bitsOf(wanted->type))), group,
        builder.getF32Type(), /*zeros=*/false);
  };
  FloatAttr scale;
  if (wanted->isStatic) {
    auto largest = layer.op->getAttrOfType<FloatAttr>(kInputMaxAttr);
    if (!largest || !(largest.getValueAsDouble() > 0) || !largest.getValue().isFinite())
      return errorAt(layer) << "expected a calibration set for static activations, found none";
    auto most = static_cast<double>((int64_t{1} << (bitsOf(wanted->type) - 1)) - 1);
    scale = builder.getF64FloatAttr(largest.getValueAsDouble() / most);
  }
  blue::TokenDownsampleOp gathering = gatheringOf(layer.op);
  int64_t channels = gathering ? tensorOf(gathering.getX()).getShape().back() : 0;
  blue::QuantizedType element = elementOf(groupWithin(channels, wanted->group));
  if (!gathering || !canGather(cast<blue::LinearOp>(layer.op), gathering, element)) {
    element = elementOf(wanted->group);
    input.set(quantized(x, element, scale, layer.op->getLoc()));
    return success();
  }
  // Tokens keep their own scales, so that nothing needs them side by side.
  Value tokens = quantized(gathering.getX(), element, scale, layer.op->getLoc());
  builder.setInsertionPoint(gathering);
  auto type = RankedTensorType::get(tensorOf(gathering.getResult()).getShape(),
                                    blue::gatheredElement(element, channels));
  input.set(blue::TokenDownsampleOp::create(builder, gathering.getLoc(), type, tokens,
                                            gathering.getHeight(), gathering.getWidth(),
                                            gathering.getColumnMajor()));
  gathering.erase();
  ++inputsGathered;
  return success();
}

/// Whether a linear layer, the only reader of `gathering`, can read tokens of `element` where they
/// stand.
bool QuantizeModelPass::canGather(blue::LinearOp linear, blue::TokenDownsampleOp gathering,
                                  blue::QuantizedType element) {
  auto weight = cast<blue::QuantizedType>(tensorOf(linear.getWeight()).getElementType());
  int64_t channels = tensorOf(gathering.getX()).getShape().back();
  auto target = getOperation()->getAttrOfType<plan::TargetAttr>(plan::kTargetAttr);
  auto panels = RankedTensorType::get(tensorOf(linear.getWeight()).getShape(), weight,
                                      plan::panelsFor(target, element.getStorage()));
  return gathering.getResult().hasOneUse() && blue::gatheredElement(element, channels) &&
         plan::canGather(panels, channels);
}

Value QuantizeModelPass::quantized(Value x, blue::QuantizedType element, FloatAttr scale,
                                   Location location) {
  blue::QuantizeOp &quantize = inputs[{x, element, scale}];
  if (quantize) {
    ++inputsShared;
    return quantize;
  }
  // Right after x, so that it is before all of its readers.
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(x);
  quantize = blue::QuantizeOp::create(
      builder, location, RankedTensorType::get(tensorOf(x).getShape(), element), x, scale);
  ++inputsQuantized;
  return quantize;
}

//===------------------------------------------------------------------------------------------===//
// Attention and caches
//===------------------------------------------------------------------------------------------===//

LogicalResult QuantizeModelPass::quantizeAttention(const Layer &layer) {
  auto attention = cast<blue::AttentionOp>(layer.op);
  Builder builder(&getContext());
  auto productsIn = [&](Precision precision) {
    attention.setComputeType(builder.getIntegerType(static_cast<unsigned>(bitsOf(precision))));
  };
  if (!attention.getPastKey()) {
    Precision products = layer.rule.attention.value_or(Precision::F32);
    if (isInteger(products)) {
      productsIn(products);
      ++attentionsQuantized;
    }
    return success();
  }
  if (layer.rule.cache != Precision::I8 ||
      isa<blue::QuantizedType>(tensorOf(attention.getPastKey()).getElementType()))
    return success();
  auto function = attention->getParentOfType<func::FuncOp>();
  int64_t width = tensorOf(attention.getQuery()).getShape().back() /
                  static_cast<int64_t>(attention.getNumHeads());
  auto element = blue::QuantizedType::getChecked([&] { return attention.emitError(); },
                                                 &getContext(), builder.getI8Type(), width,
                                                 builder.getF16Type(), /*zeros=*/false);
  if (!element)
    return failure();
  for (Value past : {attention.getPastKey(), attention.getPastValue()}) {
    auto argument = dyn_cast<BlockArgument>(past);
    if (!argument || argument.getOwner() != &function.getBody().front() || !past.hasOneUse())
      return errorAt(layer)
             << "expected a past that is an argument of the part and has no other use";
    argument.setType(RankedTensorType::get(tensorOf(past).getShape(), element));
  }
  for (Value present : {attention.getPresentKey(), attention.getPresentValue()}) {
    if (!llvm::all_of(present.getUsers(), llvm::IsaPred<func::ReturnOp>))
      return errorAt(layer) << "expected a present that is returned and has no other use";
    present.setType(RankedTensorType::get(tensorOf(present).getShape(), element));
  }
  productsIn(layer.rule.attention.value_or(Precision::I16));
  Block &body = function.getBody().front();
  function.setFunctionType(
      builder.getFunctionType(body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  ++cachesQuantized;
  return success();
}

} // namespace
} // namespace bluec
