// x * sigmoid(x) and what is made of it: SiLU, SwiGLU, and the quick form of GELU.
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

static Value makeSilu(Emitter &emitter, Location location, Value x) {
  return blue::SiluOp::create(emitter.builder, location, x.getType(), x);
}

static bool matchSwiglu(Raising &raising, Operation *op, Value activated, Value up) {
  const Match *silu = raising.matchOf(activated, Match::Kind::Silu);
  if (!silu)
    return false;
  RowsUse gate = silu->uses.front();
  std::optional<RowsUse> upRows = raising.rows(up);
  if (!upRows || raising.shapeOf(gate) != raising.shapeOf(*upRows))
    return false;
  Match match;
  match.nodes = {op};
  match.nodes.append(silu->nodes.begin(), silu->nodes.end());
  match.uses = {gate, *upRows};
  match.results = {op->getResult(0)};
  match.build = [gate, upRows = *upRows](Emitter &emitter,
                                         Location location) -> SmallVector<Value> {
    Value x = emitter.rows(gate, location), y = emitter.rows(upRows, location);
    return {blue::SwigluOp::create(emitter.builder, location, x.getType(), x, y)};
  };
  return raising.recordRows(std::move(match), raising.shapeOf(gate)) != nullptr;
}

bool bluec::onnx_to_blue::matchGates(Raising &raising, Operation *op) {
  if (auto gelu = dyn_cast<onnx::MsQuickGeluOp>(op)) {
    if (gelu.getAlpha().convertToDouble() != 1)
      return false;
    return recordElementwise(raising, op, gelu.getX(), makeSilu, Match::Kind::Silu);
  }
  auto product = dyn_cast<onnx::MulOp>(op);
  if (!product)
    return false;
  for (bool swap : {false, true}) {
    Value left = product.getOperand(swap), right = product.getOperand(!swap);
    auto sigmoid = producer<onnx::SigmoidOp>(right);
    if (!sigmoid)
      continue;
    if (isSame(left, sigmoid.getX()))
      return recordElementwise(raising, {op, sigmoid}, left, makeSilu, Match::Kind::Silu);
    for (const Scaled &reading : readAsScaled(raising, sigmoid.getX()))
      if (isNear(reading.factor, 1.702) && isSame(left, reading.value))
        return recordElementwise(raising, {op, sigmoid}, left,
                                 [](Emitter &emitter, Location location, Value x) -> Value {
                                   return blue::QuickGeluOp::create(emitter.builder, location,
                                                                    x.getType(), x);
                                 });
  }
  return matchSwiglu(raising, op, product.getLhs(), product.getRhs()) ||
         matchSwiglu(raising, op, product.getRhs(), product.getLhs());
}
