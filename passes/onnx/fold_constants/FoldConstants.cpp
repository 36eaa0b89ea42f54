#include "passes/onnx/fold_constants/FoldConstants.h"

#include "passes/onnx/fold_constants/FoldWeights.h"

#include "compiler/dialect/onnx/inference/Rules.h"
#include "compiler/reference/Rounding.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"

#include <thread>

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/onnx/fold_constants/FoldConstants.h.inc"

namespace {

using reference::Tensor;

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  using FoldConstantsBase::FoldConstantsBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!onnx::isGraph(function))
      return;
    onnx::ShapeInference inference(function);
    budget = kMaxFolded;
    products = kMaxProducts;
    if (failed(foldBlock(function.getBody().front(), inference)))
      return signalPassFailure();
    onnx::updateSignature(function, inference);
    eraseUnused(function.getBody().front());
  }

  LogicalResult foldBlock(Block &block, onnx::ShapeInference &inference) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      for (Region &region : op.getRegions())
        if (failed(foldBlock(region.front(), inference)))
          return failure();
      if (failed(inference.infer(&op)))
        return failure();
      if (!isa<onnx::NodeOpInterface>(op) || isa<onnx::ConstantOp, onnx::IfOp>(op))
        continue;
      OpBuilder builder(&op);
      SmallVector<Value> values = constantsFromShapes(&op, inference, builder);
      if (values.empty())
        values = constantsFromEvaluation(&op, builder);
      if (!values.empty())
        ++nodesFolded;
      if (values.empty()) {
        values = foldIntoWeight(&op, inference, builder);
        if (!values.empty())
          ++weightsTransformed;
      }
      if (values.empty())
        continue;
      for (Value value : values)
        if (value && failed(inference.infer(value.getDefiningOp())))
          return failure();
      for (auto [result, value] : llvm::zip_equal(op.getResults(), values)) {
        if (value)
          result.replaceAllUsesWith(value);
        inference.forget(result);
      }
      op.erase();
    }
    return success();
  }

  // Integers that inference knows, though the operands are not constants.
  SmallVector<Value> constantsFromShapes(Operation *op, onnx::ShapeInference &inference,
                                         OpBuilder &builder) {
    if (op->getNumResults() != 1)
      return {};
    const onnx::ValueFacts &facts = inference.facts(op->getResult(0));
    auto integer = dyn_cast_or_null<IntegerType>(facts.elementType);
    if (!facts.elements || !integer)
      return {};
    SmallVector<APInt> values;
    for (AffineExpr element : *facts.elements) {
      std::optional<int64_t> value = onnx::constantOf(element);
      if (!value)
        return {};
      values.push_back(APInt(integer.getWidth(), static_cast<uint64_t>(*value),
                             /*isSigned=*/true, /*implicitTrunc=*/true));
    }
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type || !type.hasStaticShape())
      return {};
    return {onnx::ConstantOp::create(builder, op->getLoc(), type,
                                     DenseElementsAttr::get(type, values))};
  }

  // Runs the node's evaluator when all operands are constants.
  SmallVector<Value> constantsFromEvaluation(Operation *op, OpBuilder &builder) {
    const reference::EvaluatorTable &table = reference::onnxEvaluators();
    auto evaluator = table.find(op->getName().getStringRef());
    if (evaluator == table.end() || budget <= 0)
      return {};
    SmallVector<Tensor> tensors;
    for (Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<onnx::ConstantOp>();
      if (!constant && !isa<NoneType>(operand.getType()))
        return {};
      if (constant && constant.getValue().getNumElements() > maxElements)
        return {};
    }
    // What fails here is not folded; whether that matters is not known yet.
    std::thread::id self = std::this_thread::get_id();
    ScopedDiagnosticHandler quiet(
        &getContext(), [&](Diagnostic &) { return success(std::this_thread::get_id() == self); });
    for (Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<onnx::ConstantOp>();
      tensors.emplace_back();
      if (!constant)
        continue;
      FailureOr<Tensor> tensor = reference::tensorFromElements(op->getLoc(), constant.getValue());
      if (failed(tensor))
        return {};
      tensors.back() = std::move(*tensor);
    }
    SmallVector<const Tensor *> operands;
    for (auto [operand, tensor] : llvm::zip_equal(op->getOperands(), tensors))
      operands.push_back(isa<NoneType>(operand.getType()) ? nullptr : &tensor);
    reference::EvaluationLimits limits;
    limits.maxElements = maxElements;
    limits.products = &products;
    auto results = evaluator->second(op, operands, limits);
    if (failed(results) || results->size() != op->getNumResults())
      return {};
    for (const Tensor &tensor : *results)
      budget -= tensor.numElements();
    SmallVector<DenseElementsAttr> attributes;
    for (auto [type, tensor] : llvm::zip_equal(op->getResultTypes(), *results)) {
      attributes.push_back({});
      if (isa<NoneType>(type))
        continue;
      Type elementType = getElementTypeOrSelf(type);
      reference::roundTo(tensor, elementType);
      attributes.back() = reference::elementsFromTensor(tensor, elementType);
      if (!attributes.back())
        return {};
    }
    SmallVector<Value> values;
    for (DenseElementsAttr attribute : attributes)
      values.push_back(attribute ? Value(onnx::ConstantOp::create(builder, op->getLoc(),
                                                                  attribute.getType(), attribute))
                                 : Value());
    return values;
  }

  /// Elements of all constants that folding makes in one function. Attributes live as long as their
  /// context, so a graph of a million foldable nodes must not make a million of them.
  static constexpr int64_t kMaxFolded = int64_t{1} << 24;
  /// What sums of products may cost: a second or two.
  static constexpr int64_t kMaxProducts = int64_t{1} << 28;
  int64_t budget = 0;
  int64_t products = 0; // that may still be made

  // Nodes have no effects: what nobody reads goes away, last first.
  void eraseUnused(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.getDialect() && isa<onnx::OnnxDialect>(op.getDialect()) && op.use_empty() &&
          !op.hasTrait<OpTrait::IsTerminator>())
        op.erase();
  }
};

} // namespace
} // namespace bluec
