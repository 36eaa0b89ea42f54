#include "passes/model/fold_projector/FoldProjector.h"

#include "compiler/dialect/blue/QuantizedWeight.h"

#include "mlir/IR/Builders.h"

namespace bluec {
#define GEN_PASS_DEF_FOLDPROJECTOR
#include "passes/model/fold_projector/FoldProjector.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The weight behind an operand if it can be part of a product: floats of the model's files that
/// nothing else reads.
blue::WeightOp factorOf(Value value) {
  auto weight = value.getDefiningOp<blue::WeightOp>();
  if (!weight || !weight->hasOneUse() || !isa<FloatType>(tensorOf(value).getElementType()) ||
      blue::isQuantizedInFile(weight.getTransforms().getValue()))
    return {};
  return weight;
}

/// Two linear layers, one after the other, and their weights.
struct Pair {
  blue::LinearOp first, second;
  blue::WeightOp firstWeight, secondWeight, firstBias, secondBias; // biases may be null

  static std::optional<Pair> of(blue::LinearOp second);
  /// Multiply-adds a row that the product saves; negative when it takes more.
  int64_t saved();
  blue::LinearOp fold();

private:
  blue::WeightOp makeBias(OpBuilder &builder);
};

} // namespace

std::optional<Pair> Pair::of(blue::LinearOp second) {
  Pair pair;
  pair.second = second;
  pair.first = second.getX().getDefiningOp<blue::LinearOp>();
  if (!pair.first.getResult().hasOneUse())
    return std::nullopt;
  pair.firstWeight = factorOf(pair.first.getWeight());
  pair.secondWeight = factorOf(second.getWeight());
  bool areBiasesFloats = true;
  auto findBias = [&](blue::LinearOp linear, blue::WeightOp &bias) {
    if (!linear.getBias())
      return;
    bias = factorOf(linear.getBias());
    areBiasesFloats &= bool(bias);
  };
  findBias(pair.first, pair.firstBias);
  findBias(second, pair.secondBias);
  if (!pair.firstWeight || !pair.secondWeight || !areBiasesFloats)
    return std::nullopt;
  return pair;
}

int64_t Pair::saved() {
  // As doubles, which hold any product of two dims.
  auto middle = static_cast<double>(tensorOf(firstWeight).getDimSize(0));
  auto depth = static_cast<double>(tensorOf(firstWeight).getDimSize(1));
  auto width = static_cast<double>(tensorOf(secondWeight).getDimSize(0));
  double saved = middle * depth + middle * width - depth * width;
  constexpr double kMost = 9e18;
  return static_cast<int64_t>(std::clamp(saved, -kMost, kMost));
}

/// V b + c, or what there is of it.
blue::WeightOp Pair::makeBias(OpBuilder &builder) {
  if (!firstBias)
    return secondBias;
  MLIRContext *context = builder.getContext();
  int64_t middle = tensorOf(firstBias).getDimSize(0), width = tensorOf(secondWeight).getDimSize(0);
  SmallVector<Attribute> transforms(firstBias.getTransforms().getValue());
  transforms.push_back(blue::ReshapeAttr::get(context, {middle, 1}));
  transforms.push_back(
      blue::MultiplyAttr::get(context, secondWeight.getSource(), secondWeight.getTransforms()));
  transforms.push_back(blue::ReshapeAttr::get(context, {width}));
  if (secondBias)
    transforms.push_back(
        blue::AddAttr::get(context, secondBias.getSource(), secondBias.getTransforms()));
  StringRef name = secondBias ? secondBias.getName() : firstBias.getName();
  return blue::WeightOp::create(builder, second.getLoc(),
                                RankedTensorType::get({width}, builder.getF32Type()), name,
                                firstBias.getSource(), builder.getArrayAttr(transforms));
}

blue::LinearOp Pair::fold() {
  OpBuilder builder(second);
  SmallVector<Attribute> transforms(firstWeight.getTransforms().getValue());
  transforms.push_back(blue::MultiplyAttr::get(builder.getContext(), secondWeight.getSource(),
                                               secondWeight.getTransforms()));
  auto type = RankedTensorType::get(
      {tensorOf(secondWeight).getDimSize(0), tensorOf(firstWeight).getDimSize(1)},
      builder.getF32Type());
  auto weight = blue::WeightOp::create(builder, second.getLoc(), type, secondWeight.getName(),
                                       firstWeight.getSource(), builder.getArrayAttr(transforms));
  blue::WeightOp bias = makeBias(builder);
  if (bias && bias == secondBias)
    bias->moveBefore(second);
  auto folded = blue::LinearOp::create(builder, second.getLoc(), second.getResult().getType(),
                                       first.getX(), weight, bias ? bias.getResult() : Value());
  second.getResult().replaceAllUsesWith(folded);
  second.erase();
  first.erase();
  for (blue::WeightOp used : {firstWeight, secondWeight, firstBias, secondBias})
    if (used && used->use_empty())
      used.erase();
  return folded;
}

namespace {

struct FoldProjectorPass : bluec::impl::FoldProjectorBase<FoldProjectorPass> {
  void runOnOperation() override {
    SmallVector<blue::LinearOp> fusing;
    getOperation().walk([&](blue::LinearOp linear) {
      if (linear.getX().getDefiningOp<blue::TokenDownsampleOp>())
        fusing.push_back(linear);
    });
    for (blue::LinearOp linear : fusing)
      while (blue::LinearOp folded = foldIntoUser(linear))
        linear = folded;
  }

  /// Null when nothing changes.
  blue::LinearOp foldIntoUser(blue::LinearOp first) {
    blue::LinearOp second;
    for (OpOperand &use : first.getResult().getUses())
      if (auto linear = dyn_cast<blue::LinearOp>(use.getOwner());
          linear && use.getOperandNumber() == 0)
        second = linear;
    if (!second)
      return {};
    std::optional<Pair> pair = Pair::of(second);
    if (!pair || pair->saved() < 0) {
      ++left;
      return {};
    }
    ++folded;
    operationsSaved += static_cast<uint64_t>(2 * std::min<int64_t>(pair->saved(), INT64_MAX / 2));
    return pair->fold();
  }
};

} // namespace
