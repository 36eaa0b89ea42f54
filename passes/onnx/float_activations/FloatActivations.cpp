#include "passes/onnx/float_activations/FloatActivations.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_FLOATACTIVATIONS
#include "passes/onnx/float_activations/FloatActivations.h.inc"

namespace {

bool isNone(Value value) { return isa<NoneType>(value.getType()); }

DenseElementsAttr constantOf(Value value) {
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  return constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
}

/// One value, or two constants that are equal.
bool isSame(Value a, Value b) {
  DenseElementsAttr left = constantOf(a), right = constantOf(b);
  return a == b || (isNone(a) && isNone(b)) || (left && left == right);
}

bool isSingle(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() && type.getNumElements() == 1 && type.getRank() <= 1;
}

/// Whether the least integer stands for 0; nothing where that is not known, or differs by place.
std::optional<bool> beginsAtZero(onnx::DequantizeLinearOp op) {
  auto type = dyn_cast<IntegerType>(getElementTypeOrSelf(op.getX().getType()));
  if (!type)
    return std::nullopt;
  if (isNone(op.getXZeroPoint()))
    return type.isUnsigned();
  DenseElementsAttr zeros = constantOf(op.getXZeroPoint());
  if (!zeros || zeros.empty())
    return std::nullopt;
  auto isLeast = [&](const APInt &zero) {
    return type.isUnsigned() ? zero.isZero() : zero.isMinSignedValue();
  };
  auto values = zeros.getValues<APInt>();
  bool first = isLeast(*values.begin());
  for (const APInt &zero : values)
    if (isLeast(zero) != first)
      return std::nullopt;
  return first;
}

/// Whether no element can be below 0, by the nodes that make it.
bool isNeverNegative(Value value, int depth = 0) {
  constexpr int kMaxDepth = 8;
  Operation *op = value.getDefiningOp();
  if (!op || depth > kMaxDepth)
    return false;
  if (isa<onnx::SoftmaxOp, onnx::SigmoidOp, onnx::ReluOp, onnx::AbsOp, onnx::ExpOp, onnx::SqrtOp,
          onnx::SoftplusOp>(op))
    return true;
  if (DenseElementsAttr elements = constantOf(value)) {
    if (!isa<FloatType>(elements.getElementType()))
      return false;
    return llvm::none_of(elements.getValues<APFloat>(),
                         [](const APFloat &each) { return each.isNegative() || each.isNaN(); });
  }
  if (isa<onnx::MulOp>(op) && op->getOperand(0) == op->getOperand(1))
    return true;
  if (auto power = dyn_cast<onnx::PowOp>(op)) {
    DenseElementsAttr exponent = constantOf(power.getRhs());
    if (exponent && exponent.getNumElements() == 1 && isa<FloatType>(exponent.getElementType()))
      return (*exponent.getValues<APFloat>().begin()).convertToDouble() == 2;
    return false;
  }
  auto all = [&](auto operands) {
    return llvm::all_of(operands, [&](Value each) { return isNeverNegative(each, depth + 1); });
  };
  if (isa<onnx::AddOp, onnx::MulOp, onnx::DivOp>(op))
    return all(op->getOperands());
  if (isa<onnx::CastOp, onnx::ReduceMeanOp, onnx::ReduceSumOp, onnx::ReciprocalOp, onnx::ReshapeOp,
          onnx::TransposeOp, onnx::IdentityOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::ExpandOp>(
          op))
    return all(op->getOperands().take_front(1));
  return false;
}

/// DequantizeLinear of QuantizeLinear.
bool bypass(onnx::DequantizeLinearOp op) {
  auto rounding = op.getX().getDefiningOp<onnx::QuantizeLinearOp>();
  if (!rounding || !isSame(rounding.getYScale(), op.getXScale()) ||
      !isSame(rounding.getYZeroPoint(), op.getXZeroPoint()) ||
      rounding.getBlockSize() != op.getBlockSize() ||
      (rounding.getAxis() != op.getAxis() && !isSingle(op.getXScale())))
    return false;
  std::optional<bool> isCut = beginsAtZero(op);
  if (!isCut)
    return false;
  Value value = rounding.getX();
  if (*isCut && !isNeverNegative(value)) {
    OpBuilder builder(op);
    value = onnx::ReluOp::create(builder, op.getLoc(), value.getType(), value);
  }
  op.getResult().replaceAllUsesWith(value);
  op.erase();
  return true;
}

/// The product of what was rounded by a weight, from the node that multiplies by both scales.
bool multiplyFloats(onnx::MulOp op) {
  for (auto [product, scales] :
       {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
    auto cast = product.getDefiningOp<onnx::CastOp>();
    auto integers =
        cast ? cast.getX().getDefiningOp<onnx::MatMulIntegerOp>() : onnx::MatMulIntegerOp();
    auto both = scales.getDefiningOp<onnx::MulOp>();
    auto rounding = integers ? integers.getA().getDefiningOp<onnx::DynamicQuantizeLinearOp>()
                             : onnx::DynamicQuantizeLinearOp();
    if (!rounding || !both || integers.getAZeroPoint() != rounding.getYZeroPoint())
      continue;
    Value scale = both.getLhs() == rounding.getYScale()   ? both.getRhs()
                  : both.getRhs() == rounding.getYScale() ? both.getLhs()
                                                          : Value();
    auto weight = dyn_cast<RankedTensorType>(integers.getB().getType());
    auto type = scale ? dyn_cast<RankedTensorType>(scale.getType()) : RankedTensorType();
    // One scale, or one for each column.
    if (!weight || weight.getRank() != 2 || !type || type.getRank() > 1 ||
        !integers.getB().getDefiningOp<onnx::WeightOp>())
      continue;
    OpBuilder builder(op);
    auto floats = RankedTensorType::get(weight.getShape(), type.getElementType());
    auto values = onnx::DequantizeLinearOp::create(
        builder, integers.getLoc(), floats,
        ValueRange{integers.getB(), scale, integers.getBZeroPoint()});
    auto result = onnx::MatMulOp::create(builder, integers.getLoc(), op.getResult().getType(),
                                         rounding.getX(), values.getResult());
    if (Attribute scope = integers->getAttr(onnx::kScopeAttr))
      result->setAttr(onnx::kScopeAttr, scope);
    op.getResult().replaceAllUsesWith(result.getResult());
    op.erase();
    return true;
  }
  return false;
}

/// DequantizeLinear of rows of a table.
bool gatherFloats(onnx::DequantizeLinearOp op) {
  auto gather = op.getX().getDefiningOp<onnx::GatherOp>();
  auto table = gather ? dyn_cast<RankedTensorType>(gather.getData().getType()) : RankedTensorType();
  if (!table || !isSingle(op.getXScale()) || op.getBlockSize() != 0 ||
      !gather.getData().getDefiningOp<onnx::WeightOp>())
    return false;
  OpBuilder builder(op);
  Type number = cast<RankedTensorType>(op.getXScale().getType()).getElementType();
  auto values = onnx::DequantizeLinearOp::create(
      builder, op.getLoc(), RankedTensorType::get(table.getShape(), number),
      ValueRange{gather.getData(), op.getXScale(), op.getXZeroPoint()});
  auto rows = onnx::GatherOp::create(builder, gather.getLoc(), op.getResult().getType(),
                                     values.getResult(), gather.getIndices(), gather.getAxis());
  if (Attribute scope = gather->getAttr(onnx::kScopeAttr))
    rows->setAttr(onnx::kScopeAttr, scope);
  op.getResult().replaceAllUsesWith(rows.getResult());
  op.erase();
  return true;
}

struct FloatActivations : impl::FloatActivationsBase<FloatActivations> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!onnx::isGraph(function))
      return;
    unsigned places = 0, moved = 0;
    for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
      if (auto dequantize = dyn_cast<onnx::DequantizeLinearOp>(op)) {
        if (bypass(dequantize))
          ++places;
        else
          moved += gatherFloats(dequantize);
      } else if (auto product = dyn_cast<onnx::MulOp>(op)) {
        places += multiplyFloats(product);
      }
    }
    if (places + moved == 0)
      return;
    // Roundings without a reader, and what led to them.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
      if (op.use_empty() && isPure(&op) && !op.hasTrait<OpTrait::IsTerminator>())
        op.erase();
    roundingsRemoved += places;
    if (places > 0)
      function.emitWarning() << "activations are rounded to integers at " << places
                             << " places: not done, a recipe says which types activations have "
                                "(weights stay as they are)";
    if (failed(onnx::inferFunction(function)))
      signalPassFailure();
  }
};

} // namespace
} // namespace bluec
