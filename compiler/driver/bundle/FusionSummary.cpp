// What layers that were made one save, as a manifest says it.
#include "compiler/driver/bundle/Manifest.h"

#include "compiler/dialect/plan/Plan.h"

using namespace mlir;
using namespace bluec;

namespace {

/// Linear layers that one weight stands for, and multiply-adds a row of each as its own.
struct Folded {
  int64_t layers = 1;
  int64_t separate = 0; // all of them
  int64_t product = 0;  // the one
};

Folded foldedIn(plan::WeightOp weight) {
  Folded result;
  RankedTensorType type = weight.getSourceType();
  auto silent = [&] { return weight.emitOpError(); }; // transforms have been verified
  for (Attribute transform : weight.getTransforms()) {
    FailureOr<RankedTensorType> next = blue::inferTransformedType(type, transform, silent);
    if (failed(next))
      return result;
    if (isa<blue::MultiplyAttr>(transform) && type.getRank() == 2) {
      if (result.layers++ == 1)
        result.separate = type.getNumElements();
      result.separate += next->getDimSize(0) * type.getDimSize(0);
      result.product = next->getNumElements();
    }
    type = *next;
  }
  return result;
}

plan::WeightOp weightOf(plan::StepOp step, Value inside) {
  auto argument = dyn_cast<BlockArgument>(inside);
  Value value = argument ? step.getOperand(argument.getArgNumber()) : Value();
  auto get = value ? value.getDefiningOp<plan::GetWeightOp>() : plan::GetWeightOp();
  return get ? SymbolTable::lookupNearestSymbolFrom<plan::WeightOp>(step, get.getWeightAttr())
             : plan::WeightOp();
}

/// Bytes of the rows that a linear layer gathers, had they been made.
int64_t gatheredBytes(plan::LinearOp linear) {
  RankedTensorType tokens = linear.getX().getType();
  Type element = blue::gatheredElement(tokens.getElementType(), tokens.getShape().back());
  if (!element)
    return 0;
  return plan::denseBytes(RankedTensorType::get(
      {tokens.getDimSize(0), linear.getGather()->getRows(), linear.getDepth()}, element,
      tokens.getEncoding()));
}

} // namespace

Json bluec::describeFusions(ModuleOp module) {
  Json list = Json::array();
  for (auto entry : module.getOps<plan::EntryOp>())
    for (auto step : entry.getBody().front().getOps<plan::StepOp>()) {
      auto linear = dyn_cast_or_null<plan::LinearOp>(step.getRoot());
      plan::WeightOp weight = linear ? weightOf(step, linear.getPanels()) : plan::WeightOp();
      Folded folded = weight ? foldedIn(weight) : Folded();
      bool gathers = linear && linear.getGather();
      if (!gathers && folded.layers == 1)
        continue;
      // Rows of integers came of a step of their own in front of each layer.
      bool isQuantized = isa<blue::QuantizedType>(linear.getX().getType().getElementType());
      int64_t joined = folded.layers - 1 + (gathers ? 1 : 0);
      RankedTensorType result = linear.getType();
      int64_t rows = result.getNumElements() / std::max<int64_t>(result.getShape().back(), 1);
      list.push_back(Json{{"entry", entry.getSymName().str()},
                          {"layer", step.getLayer().str()},
                          {"gathers_tokens", gathers},
                          {"linear_layers", folded.layers},
                          {"steps_saved", joined * (isQuantized ? 2 : 1)},
                          {"wide_bytes_saved", gathers ? gatheredBytes(linear) : 0},
                          {"operations", 2 * rows * result.getShape().back() * linear.getDepth()},
                          {"operations_saved", 2 * rows * (folded.separate - folded.product)}});
    }
  return list;
}
