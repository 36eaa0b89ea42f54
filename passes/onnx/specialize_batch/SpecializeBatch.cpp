#include "passes/onnx/specialize_batch/SpecializeBatch.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_SPECIALIZEBATCH
#include "passes/onnx/specialize_batch/SpecializeBatch.h.inc"

namespace {

struct SpecializeBatch : impl::SpecializeBatchBase<SpecializeBatch> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    std::optional<blue::Role> role = blue::roleOf(function);
    if (!role || *role == blue::Role::Vision || !onnx::isGraph(function) ||
        function.getNumArguments() == 0)
      return;
    onnx::ShapeInference inference(function);
    const onnx::ValueFacts &first = inference.facts(function.getArgument(0));
    if (!first.dims || first.dims->empty())
      return;
    auto batch = dyn_cast<AffineSymbolExpr>(first.dims->front());
    if (!batch)
      return;
    if (failed(onnx::bindSymbols(function, std::pair(AffineExpr(batch), int64_t{1}))))
      signalPassFailure();
  }
};

} // namespace
} // namespace bluec
