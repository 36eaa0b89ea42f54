#include "compiler/driver/verify/LayerComparison.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/reference/blue/BlueEvaluators.h"

#include "llvm/ADT/DenseMap.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

/// The largest integer of quantized activations.
static double mostOf(blue::QuantizeOp op) {
  auto type = cast<blue::QuantizedType>(op.getType().getElementType());
  return static_cast<double>((int64_t{1} << (type.getBits() - 1)) - 1);
}

/// What the op by itself may be off by. A value between two integers may go to either: one step of
/// a row whose largest value is the largest integer.
static double limitOf(Operation *op) {
  if (auto quantize = dyn_cast<blue::QuantizeOp>(op))
    return 1 / mostOf(quantize) + kFloatLimit;
  if (auto attention = dyn_cast<blue::AttentionOp>(op))
    if (std::optional<Type> type = attention.getComputeType())
      return type->isInteger(8) ? kByteAttentionLimit : kWideAttentionLimit;
  return kFloatLimit;
}

/// What the rows of its result count as at least: a static scale's steps are the same in all rows.
static double leastOf(Operation *op) {
  auto quantize = dyn_cast<blue::QuantizeOp>(op);
  std::optional<APFloat> scale = quantize ? quantize.getStaticScale() : std::nullopt;
  return scale ? scale->convertToDouble() * mostOf(quantize) : 0;
}

static bool hasIntegers(func::FuncOp function) {
  return function
      ->walk([](Operation *op) {
        auto attention = dyn_cast<blue::AttentionOp>(op);
        return isa<blue::QuantizeOp>(op) || (attention && attention.getComputeType())
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Rows of the record for which `expected` takes other experts.
static int64_t reroutedIn(const LayerRecord::Layer &found, const Tensor &expected) {
  auto rows = static_cast<int64_t>(found.entries.size()), experts = expected.shape.back();
  int64_t count = 0;
  for (int64_t row = 0; row < rows; ++row)
    if (found.entries[static_cast<size_t>(row)] >= 0)
      for (int64_t i = row * experts; i < (row + 1) * experts; ++i)
        if ((found.values.number(i) == 0) != (expected.number(i) == 0)) {
          ++count;
          break;
        }
  return count;
}

/// `expected` with the rows that the record has.
static TensorPtr withRows(const LayerRecord::Layer &found, const TensorPtr &expected) {
  auto rows = static_cast<int64_t>(found.entries.size());
  auto all = std::make_shared<Tensor>(*expected);
  int64_t elements = all->numElements() / rows;
  for (int64_t row = 0; row < rows; ++row)
    if (found.entries[static_cast<size_t>(row)] >= 0)
      std::copy_n(found.values.f32.begin() + row * elements, elements,
                  all->f32.begin() + row * elements);
  return all;
}

void LayerComparison::begin(const LayerRecord &of) {
  record = &of;
  errors.begin(of);
}

FailureOr<TensorPtr> LayerComparison::evaluate(func::FuncOp function, TensorPtr input,
                                               ArrayRef<TensorPtr> rest, bool costsCaches,
                                               OnLayer onLayer) {
  blue::LayerNames names(function);
  reference::GraphEvaluation how;
  how.evaluators = &reference::blueEvaluators();
  how.weights = &weights;
  FailureOr<Tensor> inFloats = failure(); // the result of the op that is being evaluated
  if (costsCaches)
    how.onOperands = [&](Operation *op, ArrayRef<const Tensor *> operands) {
      auto attention = dyn_cast<blue::AttentionOp>(op);
      bool isNarrow = attention && attention.getPastKey() &&
                      isa<blue::QuantizedType>(getElementTypeOrSelf(attention.getPastKey()));
      inFloats =
          isNarrow ? reference::attentionInFloats(op, operands) : FailureOr<Tensor>(failure());
    };
  how.onResults = [&](Operation *op, MutableArrayRef<TensorPtr> results) {
    if (isa<blue::AttentionOp>(op) && succeeded(inFloats)) {
      cacheErrors.push_back({names.of(op).str(), {}});
      for (int64_t i = 0; i < inFloats->numElements(); ++i)
        cacheErrors.back().deviation.add(inFloats->number(i), results[0]->number(i));
    }
    if (std::string name = recordedName(op, names); !name.empty() && !results.empty())
      onLayer(op, name, results[0]);
  };
  SmallVector<TensorPtr> inputs{std::move(input)};
  inputs.append(rest.begin(), rest.end());
  FailureOr<SmallVector<TensorPtr>> results = reference::evaluateFunction(function, inputs, how);
  if (failed(results))
    return failure();
  return (*results)[0];
}

FailureOr<TensorPtr> LayerComparison::evaluateAlone(func::FuncOp function, const TensorPtr &input,
                                                    ArrayRef<TensorPtr> rest) {
  // Of values that the record does not have: what those that read them may be off by.
  llvm::DenseMap<Value, double> limits;
  std::string fault;
  FailureOr<TensorPtr> result =
      evaluate(function, input, rest, /*costsCaches=*/true,
               [&](Operation *op, const std::string &name, TensorPtr &value) {
                 double limit = limitOf(op);
                 for (Value operand : op->getOperands())
                   limit = std::max(limit, limits.lookup(operand));
                 const LayerRecord::Layer *found = record->find(name);
                 if (!found) {
                   limits[op->getResult(0)] = limit;
                   return;
                 }
                 if (!fault.empty() ||
                     !errors.addOwn(*found, *value, tolerance.value_or(limit), leastOf(op), fault))
                   return;
                 value = withRows(*found, value);
               });
  if (succeeded(result) && !fault.empty())
    return function.emitError() << fault;
  return result;
}

FailureOr<LayerComparison::Values> LayerComparison::compare(const Part &part, const Values &inputs,
                                                            ArrayRef<TensorPtr> rest, bool isEnd) {
  FailureOr<TensorPtr> own = evaluateAlone(part.same, inputs.own, rest);
  if (failed(own))
    return failure();

  std::string fault;
  int64_t reroutedRows = 0;
  FailureOr<TensorPtr> same = evaluate(
      part.same, inputs.same, rest, /*costsCaches=*/false,
      [&](Operation *op, const std::string &name, TensorPtr &value) {
        const LayerRecord::Layer *found = record->find(name);
        if (!found || !fault.empty() || !errors.addAccumulated(*found, *value, leastOf(op), fault))
          return;
        if (isa<blue::RouteOp>(op))
          reroutedRows += reroutedIn(*found, *value);
      });
  if (succeeded(same) && !fault.empty())
    return part.same->emitError() << fault;
  if (failed(same))
    return failure();

  FailureOr<TensorPtr> plain = *same;
  if (part.plain)
    plain = evaluate(part.plain, inputs.plain, rest, /*costsCaches=*/false,
                     [&](Operation *, const std::string &name, TensorPtr &value) {
                       // What is only there as integers is compared with the floats, too.
                       for (const std::string &as : {name, name + plan::kQuantizedSuffix.str()})
                         if (const LayerRecord::Layer *found = record->find(as))
                           errors.addFloat(*found, *value);
                     });
  if (failed(plain))
    return failure();
  Values results{*own, *same, *plain};
  if (isEnd)
    addEnd(part.same, results, reroutedRows);
  return results;
}

void LayerComparison::addEnd(func::FuncOp same, const Values &results, int64_t reroutedRows) {
  Operation *last = same.getBody().front().getTerminator()->getOperand(0).getDefiningOp();
  blue::LayerNames names(same);
  const LayerRecord::Layer *found = last ? record->find(recordedName(last, names)) : nullptr;
  if (!found)
    return;
  auto rows = static_cast<int64_t>(found->entries.size());
  int64_t elements = found->values.numElements() / rows;
  Deviation bundle, recipe;
  for (int64_t row = 0; row < rows; ++row)
    if (found->entries[static_cast<size_t>(row)] >= 0)
      for (int64_t i = row * elements; i < (row + 1) * elements; ++i) {
        bundle.add(results.same->number(i), found->values.number(i));
        recipe.add(results.plain->number(i), results.same->number(i));
      }
  EndError end;
  end.layer = found->name;
  end.error = bundle.rootMeanSquare();
  end.recipeCost = recipe.rootMeanSquare();
  end.limit = std::max(kEndLimit + (hasIntegers(same) ? kEndShare * end.recipeCost : 0),
                       tolerance.value_or(0));
  end.reroutedRows = reroutedRows;
  endErrors.push_back(std::move(end));
}
