// Runs graphs op by op through the plain evaluators.
#include "compiler/base/Quoted.h"
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/Rounding.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace bluec::reference {
namespace {

using SharedTensor = std::shared_ptr<const Tensor>;

class GraphEvaluator {
public:
  GraphEvaluator(ValueMap &values, const GraphEvaluation &options)
      : values(values), options(options) {}

  LogicalResult evaluate(Operation *op);
  LogicalResult evaluate(Block &block);

private:
  FailureOr<SmallVector<Tensor>> readWeight(Operation *op);
  FailureOr<SmallVector<SharedTensor>> evaluateIf(onnx::IfOp op);

  ValueMap &values;
  const GraphEvaluation &options;
};

FailureOr<SmallVector<Tensor>> GraphEvaluator::readWeight(Operation *op) {
  if (!options.weights)
    return op->emitError() << "expected a reader for weight "
                           << inQuotes(op->getAttrOfType<StringAttr>("name").getValue());
  Type type = op->getResult(0).getType();
  if (cast<ShapedType>(type).getNumElements() > options.limits.maxWeightElements)
    return op->emitError() << "expected a weight of at most " << options.limits.maxWeightElements
                           << " elements, found " << type;
  FailureOr<Tensor> values = options.weights->valuesOf(op);
  if (failed(values))
    return failure();
  SmallVector<Tensor> results;
  results.push_back(std::move(*values));
  return results;
}

FailureOr<SmallVector<SharedTensor>> GraphEvaluator::evaluateIf(onnx::IfOp op) {
  const SharedTensor &condition = values.lookup(op.getCond());
  if (!condition || condition->numElements() != 1)
    return op.emitError() << "expected a condition of one element";
  Region &region = condition->number(0) != 0 ? op.getThenBranch() : op.getElseBranch();
  if (failed(evaluate(region.front())))
    return failure();
  SmallVector<SharedTensor> results;
  for (Value value : region.front().getTerminator()->getOperands())
    results.push_back(values.lookup(value));
  if (results.size() != op.getNumResults())
    return op.emitError() << "expected " << op.getNumResults() << " outputs, found "
                          << results.size();
  return results;
}

LogicalResult GraphEvaluator::evaluate(Operation *op) {
  SmallVector<SharedTensor> results;
  if (auto branch = dyn_cast<onnx::IfOp>(op)) {
    FailureOr<SmallVector<SharedTensor>> outputs = evaluateIf(branch);
    if (failed(outputs))
      return failure();
    results = std::move(*outputs);
  } else if (isa<onnx::NoneOp>(op)) {
    return success(); // a missing value stands for it
  } else {
    SmallVector<const Tensor *> operands;
    for (Value operand : op->getOperands()) {
      const SharedTensor &tensor = values.lookup(operand);
      if (!tensor && !isa<NoneType>(operand.getType()))
        return op->emitError() << op->getName() << ": expected a value for every operand";
      operands.push_back(tensor.get());
    }
    FailureOr<SmallVector<Tensor>> outputs = failure();
    if (isa<onnx::WeightOp, blue::WeightOp>(op)) {
      outputs = readWeight(op);
    } else {
      auto evaluator = options.evaluators->find(op->getName().getStringRef());
      if (evaluator == options.evaluators->end())
        return op->emitError() << "expected an op with an evaluator, found " << op->getName();
      outputs = evaluator->second(op, operands, options.limits);
      if (succeeded(outputs) && options.onOperands)
        options.onOperands(op, operands);
    }
    if (failed(outputs))
      return failure();
    if (outputs->size() != op->getNumResults())
      return op->emitError() << op->getName() << ": expected " << op->getNumResults()
                             << " results, found " << outputs->size();
    for (auto [type, tensor] : llvm::zip_equal(op->getResultTypes(), *outputs)) {
      if (options.roundResults)
        roundTo(tensor, getElementTypeOrSelf(type));
      results.push_back(std::make_shared<const Tensor>(std::move(tensor)));
    }
  }
  if (options.onResults)
    options.onResults(op, results);
  for (auto [value, tensor] : llvm::zip_equal(op->getResults(), results))
    values[value] = tensor;
  return success();
}

LogicalResult GraphEvaluator::evaluate(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(evaluate(&op)))
      return failure();
  return success();
}

// What an op needs to have a value first: its operands, and what its regions read from outside.
SmallVector<Value> dependencies(Operation *op) {
  SmallVector<Value> values(op->getOperands());
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!region.isAncestor(operand.getParentRegion()))
          values.push_back(operand);
    });
  return values;
}

} // namespace

FailureOr<SmallVector<SharedTensor>> evaluateFunction(func::FuncOp function,
                                                      ArrayRef<SharedTensor> inputs,
                                                      const GraphEvaluation &options) {
  if (function.isExternal() || function.getNumArguments() != inputs.size())
    return function.emitError() << "expected " << function.getNumArguments() << " inputs, found "
                                << inputs.size();
  Block &block = function.getBody().front();
  ValueMap values;
  for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), inputs))
    values[argument] = tensor;
  llvm::DenseMap<Value, int64_t> uses; // that are still to come
  for (Operation &op : block)
    for (Value value : dependencies(&op))
      ++uses[value];
  GraphEvaluator evaluator(values, options);
  for (Operation &op : block.without_terminator()) {
    if (failed(evaluator.evaluate(&op)))
      return failure();
    for (Value value : dependencies(&op))
      if (--uses[value] == 0)
        values.erase(value);
    for (Value value : op.getResults())
      if (uses[value] == 0)
        values.erase(value);
  }
  SmallVector<SharedTensor> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(values.lookup(value));
  return results;
}

FailureOr<SharedTensor> evaluateValue(Value value, ValueMap &known,
                                      const GraphEvaluation &options) {
  GraphEvaluator evaluator(known, options);
  // Depth first with a stack of its own: a graph may be deeper than the machine's stack.
  SmallVector<std::pair<Value, bool>> stack = {{value, false}};
  llvm::DenseSet<Value> onPath;
  while (!stack.empty()) {
    auto [current, isReady] = stack.pop_back_val();
    if (known.contains(current) || isa<NoneType>(current.getType()))
      continue;
    Operation *op = current.getDefiningOp();
    if (!op)
      return emitError(current.getLoc())
             << "expected a value for the argument " << cast<BlockArgument>(current).getArgNumber();
    if (isReady) {
      if (failed(evaluator.evaluate(op)))
        return failure();
      continue;
    }
    if (!onPath.insert(current).second)
      return op->emitError() << op->getName() << ": expected a graph without cycles";
    stack.push_back({current, true});
    for (Value dependency : dependencies(op))
      if (!known.contains(dependency))
        stack.push_back({dependency, false});
  }
  SharedTensor result = known.lookup(value);
  if (!result)
    return emitError(value.getLoc()) << "expected a tensor";
  return result;
}

} // namespace bluec::reference
