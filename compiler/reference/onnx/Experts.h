// The plain evaluator of mixtures of experts, on weights of floats.
#ifndef BLUEC_COMPILER_REFERENCE_ONNX_EXPERTS_H
#define BLUEC_COMPILER_REFERENCE_ONNX_EXPERTS_H

#include "compiler/dialect/onnx/ExpertLayer.h"
#include "compiler/reference/onnx/Support.h"

namespace bluec::reference {

/// What the nodes have in common; biases may be null.
struct ExpertTensors {
  const Tensor &x, &logits;
  const Tensor &fc1; ///< [experts, rows, hidden]
  const Tensor *bias1;
  const Tensor &fc2; ///< [experts, hidden, inner]
  const Tensor *bias2;
};

/// An error at the node for shapes that do not fit.
Results evaluateExperts(mlir::Operation *op, const onnx::ExpertLayer &layer,
                        const ExpertTensors &tensors, const EvaluationLimits &limits);

} // namespace bluec::reference

#endif // BLUEC_COMPILER_REFERENCE_ONNX_EXPERTS_H
