#include "compiler/reference/onnx/OnnxEvaluators.h"

#include "compiler/reference/onnx/Support.h"

const bluec::reference::EvaluatorTable &bluec::reference::onnxEvaluators() {
  static const EvaluatorTable table = [] {
    EvaluatorTable all;
    addElementwiseEvaluators(all);
    addProductEvaluators(all);
    addQuantizationEvaluators(all);
    addExpertEvaluators(all);
    addConvolutionEvaluators(all);
    addResizeEvaluators(all);
    addMovementEvaluators(all);
    addIndexingEvaluators(all);
    addReductionEvaluators(all);
    addNormalizationEvaluators(all);
    addAttentionEvaluators(all);
    return all;
  }();
  return table;
}
