// GELU in its three forms, written out or as a node.
#include "passes/conversions/onnx_to_blue/Structure.h"

#include <cmath>

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

namespace {

enum class Form { Erf, Tanh, Quick };

} // namespace

static bool recordGelu(Raising &raising, ArrayRef<Operation *> nodes, Value x, Form form) {
  return recordElementwise(
      raising, nodes, x, [form](Emitter &emitter, Location location, Value rows) -> Value {
        if (form == Form::Erf)
          return blue::GeluOp::create(emitter.builder, location, rows.getType(), rows);
        if (form == Form::Tanh)
          return blue::GeluTanhOp::create(emitter.builder, location, rows.getType(), rows);
        return blue::QuickGeluOp::create(emitter.builder, location, rows.getType(), rows);
      });
}

/// x if `value` is x^3 times `number`.
static bool isCube(Raising &raising, Value value, Value x, double number) {
  Product product = readAsProduct(raising, value, x);
  if (!isNear(product.number, number, x.getType()))
    return false;
  if (product.factors.size() == 3)
    return llvm::all_of(product.factors, [&](Value factor) { return isSame(factor, x); });
  int64_t power = 0;
  for (Value factor : product.factors) {
    if (isSame(factor, x)) {
      ++power;
      continue;
    }
    auto pow = factor.getDefiningOp<onnx::PowOp>();
    if (!pow || !isSame(pow.getLhs(), x))
      return false;
    std::optional<double> exponent = raising.scalar(pow.getRhs());
    if (!exponent || (*exponent != 2 && *exponent != 3))
      return false;
    power += static_cast<int64_t>(*exponent);
  }
  return power == 3;
}

/// The x of erf(x / sqrt(2)), or null.
static Value argumentOfErf(Raising &raising, Value value) {
  auto erf = value.getDefiningOp<onnx::ErfOp>();
  if (!erf)
    return Value();
  for (const Scaled &reading : readAsScaled(raising, erf.getX()))
    if (isNear(reading.factor, std::sqrt(0.5), erf.getX().getType()))
      return reading.value;
  return Value();
}

/// The x of tanh(sqrt(2 / pi) * (x + 0.044715 x^3)), or null.
static Value argumentOfTanh(Raising &raising, Value value) {
  auto tanh = value.getDefiningOp<onnx::TanhOp>();
  if (!tanh)
    return Value();
  for (const Scaled &reading : readAsScaled(raising, tanh.getX())) {
    auto sum = reading.value.getDefiningOp<onnx::AddOp>();
    if (!sum || !isNear(reading.factor, std::sqrt(2 / M_PI), sum.getType()))
      continue;
    for (bool swap : {false, true}) {
      Value x = strip(swap ? sum.getRhs() : sum.getLhs());
      if (isCube(raising, swap ? sum.getLhs() : sum.getRhs(), x, 0.044715))
        return x;
    }
  }
  return Value();
}

/// x / 2 * (1 + f(x)).
static bool matchWrittenOut(Raising &raising, Operation *op) {
  Product outer = readAsProduct(raising, op->getResult(0), Value());
  for (Value factor : outer.factors) {
    auto sum = factor.getDefiningOp<onnx::AddOp>();
    Value inner = sum ? besideNumber(raising, sum, 1) : Value();
    if (!inner)
      continue;
    Value x = argumentOfErf(raising, inner);
    Form form = Form::Erf;
    if (!x) {
      x = argumentOfTanh(raising, inner);
      form = Form::Tanh;
    }
    if (!x)
      continue;
    // Once more, with x as one factor even if it is a product itself.
    Product product = readAsProduct(raising, op->getResult(0), x);
    if (product.factors.size() != 2 || !isNear(product.number, 0.5, x.getType()) ||
        !llvm::is_contained(product.factors, factor) || !llvm::is_contained(product.factors, x))
      continue;
    SmallVector<Operation *> nodes = {op};
    nodes.push_back(inner.getDefiningOp());
    return recordGelu(raising, nodes, x, form);
  }
  return false;
}

bool bluec::onnx_to_blue::matchGelu(Raising &raising, Operation *op) {
  if (auto gelu = dyn_cast<onnx::GeluOp>(op)) {
    if (gelu.getApproximate() == "tanh")
      return recordGelu(raising, op, gelu.getX(), Form::Tanh);
    if (gelu.getApproximate() == "none")
      return recordGelu(raising, op, gelu.getX(), Form::Erf);
    raising.explain(op, "expected approximate to be 'none' or 'tanh', found '" +
                            gelu.getApproximate() + "'");
    return false;
  }
  if (auto gelu = dyn_cast<onnx::MsGeluOp>(op))
    return recordGelu(raising, op, gelu.getX(), Form::Erf);
  if (auto gelu = dyn_cast<onnx::MsQuickGeluOp>(op)) {
    if (isNear(gelu.getAlpha().convertToFloat(), 1.702, Float32Type::get(op->getContext())))
      return recordGelu(raising, op, gelu.getX(), Form::Quick);
    if (gelu.getAlpha().convertToFloat() != 1)
      raising.explain(op, "expected alpha to be 1.702 or 1");
    return false;
  }
  // With a bias, the sum is a layer of its own.
  if (isa<onnx::MsBiasGeluOp, onnx::MsFastGeluOp>(op)) {
    Form form = isa<onnx::MsBiasGeluOp>(op) ? Form::Erf : Form::Tanh;
    if (isa<NoneType>(op->getOperand(1).getType()))
      return recordGelu(raising, op, op->getOperand(0), form);
    std::optional<RowsUse> use = raising.rows(op->getOperand(0));
    std::optional<WeightUse> bias;
    if (use)
      bias = raising.vectorWeight(op->getOperand(1), raising.channels(*use));
    if (!bias)
      return false;
    Match match;
    match.nodes = {op};
    match.uses = {*use};
    match.results = {op->getResult(0)};
    match.build = [use = *use, bias = *bias, form](Emitter &emitter,
                                                   Location location) -> SmallVector<Value> {
      Value x = emitter.rows(use, location);
      Value sum = blue::AddOp::create(emitter.builder, location, x.getType(), x,
                                      emitter.weight(bias, "bias", location));
      if (form == Form::Erf)
        return {blue::GeluOp::create(emitter.builder, location, sum.getType(), sum)};
      return {blue::GeluTanhOp::create(emitter.builder, location, sum.getType(), sum)};
    };
    return raising.recordRows(std::move(match), raising.shapeOf(*use)) != nullptr;
  }
  if (isa<onnx::MulOp, onnx::DivOp>(op))
    return matchWrittenOut(raising, op);
  return false;
}
