#include "passes/onnx/unpack_attention/UnpackAttention.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_UNPACKATTENTION
#include "passes/onnx/unpack_attention/UnpackAttention.h.inc"

namespace {

// Builds nodes at the place and location of one Attention node. Types are inferred afterwards.
class Unpacking {
public:
  explicit Unpacking(onnx::MsAttentionOp op)
      : op(op), builder(op), loc(op.getLoc()), type(op.getType(0)) {}

  void run() {
    auto columns = cast<RankedTensorType>(op.getWeights().getType()).getDimSize(1);
    none = onnx::NoneOp::create(builder, loc, builder.getNoneType(), builder.getUnitAttr());
    Value parts[3];
    for (int64_t i = 0; i < 3; ++i)
      parts[i] = project(i * columns / 3, (i + 1) * columns / 3);
    Type noType = builder.getNoneType();
    auto attention = onnx::MsMultiHeadAttentionOp::create(
        builder, loc, type, noType, noType, parts[0], parts[1], parts[2], none, none,
        op.getAttentionBias(), none, none, op.getNumHeadsAttr(), op.getMaskFilterValueAttr(),
        op.getScaleAttr(), op.getUnidirectionalAttr());
    op.getResult().replaceAllUsesWith(attention.getResult());
    op.erase();
  }

private:
  Value integers(int64_t value) {
    auto vector = RankedTensorType::get({1}, builder.getI64Type());
    return onnx::ConstantOp::create(builder, loc, vector, DenseElementsAttr::get(vector, value));
  }
  // Elements [begin, end) of the last dim.
  Value slice(Value x, int64_t begin, int64_t end) {
    return onnx::SliceOp::create(builder, loc, type, x, integers(begin), integers(end),
                                 integers(-1), none);
  }
  Value project(int64_t begin, int64_t end) {
    Value result =
        onnx::MatMulOp::create(builder, loc, type, op.getX(), slice(op.getWeights(), begin, end));
    if (isa<NoneType>(op.getBias().getType()))
      return result;
    return onnx::AddOp::create(builder, loc, type, result, slice(op.getBias(), begin, end));
  }

  onnx::MsAttentionOp op;
  OpBuilder builder;
  Location loc;
  Type type;
  Value none;
};

struct UnpackAttention : impl::UnpackAttentionBase<UnpackAttention> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!onnx::isGraph(function))
      return;
    SmallVector<onnx::MsAttentionOp> nodes;
    function.walk([&](onnx::MsAttentionOp op) {
      // The rest of what the node can do is refused by shape inference.
      auto weights = dyn_cast<RankedTensorType>(op.getWeights().getType());
      if (weights && weights.getRank() == 2 && !weights.isDynamicDim(1) &&
          weights.getDimSize(1) % 3 == 0 && isa<NoneType>(op.getPresent().getType()) &&
          isa<NoneType>(op.getMaskIndex().getType()) && isa<NoneType>(op.getPast().getType()))
        nodes.push_back(op);
    });
    for (onnx::MsAttentionOp op : nodes)
      Unpacking(op).run();
    nodesUnpacked += nodes.size();
    if (!nodes.empty() && failed(onnx::inferFunction(function)))
      signalPassFailure();
  }
};

} // namespace
} // namespace bluec
