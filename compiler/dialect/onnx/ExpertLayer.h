// What the attributes of com.microsoft's MoE and QMoE say.
#ifndef BLUEC_COMPILER_DIALECT_ONNX_EXPERTLAYER_H
#define BLUEC_COMPILER_DIALECT_ONNX_EXPERTLAYER_H

#include "compiler/dialect/onnx/Onnx.h"

#include <optional>
#include <string>

namespace bluec::onnx {

/// A row x goes to the `chosen` experts of its largest logits; of equal ones, to the last. With
/// shares r = softmax of the logits, over all experts or, if `isNormalized`, over those, it becomes
///     sum_e r[e] * (fc2[e] * activation(fc1[e] * x + bias1[e]) + bias2[e])
struct ExpertLayer {
  enum class Activation { Relu, Gelu, Silu, Identity, Swiglu };
  Activation activation;
  int64_t chosen;
  bool isNormalized;
  double alpha = 1, beta = 0;                 ///< of Swiglu
  std::optional<double> limit = std::nullopt; ///< of Swiglu

  /// Rows of fc1 for each column of fc2. With Swiglu they are gate g and u in turn, and become
  /// min(g, limit) * sigmoid(alpha * min(g, limit)) * (clamp(u, -limit, limit) + beta).
  int64_t rowsOfOne() const { return activation == Activation::Swiglu ? 2 : 1; }

  /// Nothing, and in `fault` what was expected and found, for a form that bluec does not have.
  static std::optional<ExpertLayer> of(MsMoEOp op, std::string &fault);
  static std::optional<ExpertLayer> of(MsQMoEOp op, std::string &fault);
};

} // namespace bluec::onnx

#endif // BLUEC_COMPILER_DIALECT_ONNX_EXPERTLAYER_H
