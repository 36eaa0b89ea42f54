#include "passes/onnx/bind_inputs/BindInputs.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_BINDINPUTS
#include "passes/onnx/bind_inputs/BindInputs.h.inc"

namespace {

constexpr llvm::StringLiteral kNames[] = {"num_logits_to_keep", "logits_to_keep"};

struct BindInputs : impl::BindInputsBase<BindInputs> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (blue::roleOf(function) != blue::Role::Decoder || !onnx::isGraph(function))
      return;
    bool isChanged = false;
    for (unsigned i = function.getNumArguments(); i-- > 0;) {
      auto name = function.getArgAttrOfType<StringAttr>(i, onnx::kNameAttr);
      if (!name || !llvm::is_contained(kNames, name.getValue()))
        continue;
      if (failed(bind(function, i, name.getValue())))
        return signalPassFailure();
      isChanged = true;
    }
    if (isChanged && failed(onnx::inferFunction(function)))
      signalPassFailure();
  }

  LogicalResult bind(func::FuncOp function, unsigned index, StringRef name) {
    BlockArgument argument = function.getArgument(index);
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    bool isSingle = type && type.getRank() <= 1 &&
                    (type.getRank() == 0 || type.isDynamicDim(0) || type.getDimSize(0) == 1);
    if (!isSingle || !type.getElementType().isInteger())
      return function.emitError() << "graph input '" << name
                                  << "': expected one integer (rank 0 or 1), found "
                                  << argument.getType();
    OpBuilder builder = OpBuilder::atBlockBegin(argument.getOwner());
    auto one =
        RankedTensorType::get(SmallVector<int64_t>(type.getRank(), 1), type.getElementType());
    auto zero = onnx::ConstantOp::create(
        builder, argument.getLoc(), one,
        DenseElementsAttr::get(one, builder.getZeroAttr(type.getElementType())));
    argument.replaceAllUsesWith(zero.getResult());
    ++inputsBound;
    return success(succeeded(function.eraseArgument(index)));
  }
};

} // namespace
} // namespace bluec
