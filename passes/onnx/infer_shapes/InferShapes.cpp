#include "passes/onnx/infer_shapes/InferShapes.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_INFERSHAPES
#include "passes/onnx/infer_shapes/InferShapes.h.inc"

namespace {

struct InferShapes : impl::InferShapesBase<InferShapes> {
  void runOnOperation() override {
    if (onnx::isGraph(getOperation()) && failed(onnx::inferFunction(getOperation())))
      signalPassFailure();
  }
};

} // namespace
} // namespace bluec
