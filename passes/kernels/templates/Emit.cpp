// Which template writes which step.
#include "passes/kernels/templates/Templates.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

/// The step has a root and a chain, as its verifier says; templates are written for some element
/// types, and for tensors that are not empty.
static LogicalResult checkTypes(StepKernel &k) {
  for (Operation &op : k.step.getBody().front())
    for (Value value : llvm::concat<Value>(op.getOperands(), op.getResults())) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type)
        continue;
      Type element = type.getElementType();
      bool panels =
          isa<plan::LinearOp, plan::ExpertLinearOp, plan::EmbeddingOp>(op) && element.isF16();
      if (!element.isF32() && !element.isInteger(32) && !isa<blue::QuantizedType>(element) &&
          !panels)
        return op.emitError("expected elements of f32, i32 or quantized ones, found ") << type;
      if (type.getRank() == 0 || type.getNumElements() == 0)
        return op.emitError("expected a tensor with dims and elements, found ") << type;
    }
  return success();
}

LogicalResult kernels::emitKernel(StepKernel &k) {
  if (failed(checkTypes(k)) || failed(checkQuantize(k)))
    return failure();
  if (!k.root || k.root == k.quantize)
    return emitElementwise(k);
  return TypeSwitch<Operation *, LogicalResult>(k.root)
      .Case<plan::LinearOp>([&](auto op) { return emitLinear(k, op); })
      .Case<plan::ExpertLinearOp>([&](auto op) { return emitExpertLinear(k, op); })
      .Case<blue::RouteOp>([&](auto op) { return emitRoute(k, op); })
      .Case<blue::RmsNormOp>([&](auto op) { return emitRmsNorm(k, op); })
      .Case<blue::LayerNormOp>([&](auto op) { return emitLayerNorm(k, op); })
      .Case<blue::EmbeddingOp, plan::LastRowOp>([&](auto) { return emitRowCopy(k); })
      .Case<blue::PositionEmbeddingOp>([&](auto op) { return emitPositionEmbedding(k, op); })
      .Case<plan::EmbeddingOp>([&](auto op) { return emitEmbedding(k, op); })
      .Case<blue::RopeOp>([&](auto op) { return emitRope(k, op); })
      .Case<plan::AppendKeysOp>([&](auto op) { return emitAppendKeys(k, op); })
      .Case<plan::AppendValuesOp>([&](auto op) { return emitAppendValues(k, op); })
      .Case<plan::PackKeysOp>([&](auto op) { return emitPackKeys(k, op); })
      .Case<plan::PackValuesOp>([&](auto op) { return emitPackValues(k, op); })
      .Case<plan::AttentionOp>([&](auto op) { return emitAttention(k, op); })
      .Case<plan::Im2colOp>([&](auto op) { return emitIm2col(k, op); })
      .Case<blue::TokenDownsampleOp>([&](auto op) { return emitTokenDownsample(k, op); })
      .Case<blue::TokenPoolOp>([&](auto op) { return emitTokenPool(k, op); })
      .Case<blue::TokenSliceOp>([&](auto op) { return emitTokenSlice(k, op); })
      .Case<blue::TokenPrependOp>([&](auto op) { return emitTokenPrepend(k, op); })
      .Default([](Operation *op) {
        return op->emitError("expected an op that a kernel template covers");
      });
}
