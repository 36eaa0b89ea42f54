// The plain evaluators of the onnx dialect.
#ifndef BLUEC_COMPILER_REFERENCE_ONNX_ONNXEVALUATORS_H
#define BLUEC_COMPILER_REFERENCE_ONNX_ONNXEVALUATORS_H

#include "compiler/reference/Evaluator.h"

namespace bluec::reference {

/// One evaluator for every op of the onnx dialect that computes something. Sums of products and
/// reductions accumulate in double and round once.
const EvaluatorTable &onnxEvaluators();

} // namespace bluec::reference

#endif // BLUEC_COMPILER_REFERENCE_ONNX_ONNXEVALUATORS_H
