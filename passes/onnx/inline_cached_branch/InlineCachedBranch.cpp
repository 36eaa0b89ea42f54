#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_INLINECACHEDBRANCH
#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h.inc"

namespace {

constexpr llvm::StringLiteral kInputName = "use_cache_branch";

// The value behind nodes that only change a condition's form.
Value stripForm(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<onnx::IdentityOp, onnx::CastOp, onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp,
             onnx::FlattenOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

struct InlineCachedBranch : impl::InlineCachedBranchBase<InlineCachedBranch> {
  // Which branch a condition chooses, when that is known now.
  std::optional<bool> decide(Value condition) {
    condition = stripForm(condition);
    if (auto argument = dyn_cast<BlockArgument>(condition)) {
      auto name =
          getOperation().getArgAttrOfType<StringAttr>(argument.getArgNumber(), onnx::kNameAttr);
      if (argument.getOwner() == &getOperation().getBody().front() && name &&
          name.getValue() == kInputName)
        return true;
      return std::nullopt;
    }
    if (auto constant = condition.getDefiningOp<onnx::ConstantOp>()) {
      auto value = dyn_cast<DenseElementsAttr>(constant.getValueAttr());
      if (value && value.getElementType().isInteger(1) && value.getNumElements() == 1)
        return *value.getValues<bool>().begin();
    }
    return std::nullopt;
  }

  LogicalResult inlineBranch(onnx::IfOp op) {
    std::optional<bool> isThen = decide(op.getCond());
    if (!isThen)
      return op.emitError() << "If: expected a condition that is a constant or the input \""
                            << kInputName << "\", found another one";
    Block &branch = (*isThen ? op.getThenBranch() : op.getElseBranch()).front();
    Operation *yield = branch.getTerminator();
    if (yield->getNumOperands() != op.getNumResults())
      return op.emitError() << "If: expected branches of " << op.getNumResults()
                            << " outputs, found " << yield->getNumOperands();
    op.replaceAllUsesWith(yield->getOperands());
    yield->erase();
    op->getBlock()->getOperations().splice(op->getIterator(), branch.getOperations());
    op.erase();
    ++branchesInlined;
    return success();
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!onnx::isGraph(function))
      return;
    bool isChanged = false;
    // A branch may hold another If; it comes to the top when its branch does.
    while (true) {
      auto ifs = function.getBody().front().getOps<onnx::IfOp>();
      if (ifs.empty())
        break;
      if (failed(inlineBranch(*ifs.begin())))
        return signalPassFailure();
      isChanged = true;
    }
    if (!isChanged)
      return;
    eraseInput(function);
    if (failed(onnx::inferFunction(function)))
      signalPassFailure();
  }

  // Removes the input, and what only changed its form.
  void eraseInput(func::FuncOp function) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto name = function.getArgAttrOfType<StringAttr>(i, onnx::kNameAttr);
      if (!name || name.getValue() != kInputName)
        continue;
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
        if (op.getNumResults() == 1 && op.use_empty() &&
            stripForm(op.getResult(0)) == function.getArgument(i))
          op.erase();
      if (function.getArgument(i).use_empty())
        (void)function.eraseArgument(i);
      return;
    }
  }
};

} // namespace
} // namespace bluec
