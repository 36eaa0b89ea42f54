#include "compiler/dialect/onnx/ExpertLayer.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace bluec::onnx;

using Activation = ExpertLayer::Activation;

static std::optional<Activation> activationOf(StringRef name) {
  return llvm::StringSwitch<std::optional<Activation>>(name)
      .Case("relu", Activation::Relu)
      .Case("gelu", Activation::Gelu)
      .Case("silu", Activation::Silu)
      .Case("identity", Activation::Identity)
      .Case("swiglu", Activation::Swiglu)
      .Default(std::nullopt);
}

template <typename OpType>
static std::optional<ExpertLayer> readLayer(OpType op, std::string &fault) {
  auto refuse = [&](const llvm::Twine &text) {
    fault = text.str();
    return std::nullopt;
  };
  std::optional<Activation> activation = activationOf(op.getActivationType());
  if (!activation)
    return refuse("activation_type: expected relu, gelu, silu, identity or swiglu, found '" +
                  op.getActivationType() + "'");
  ExpertLayer layer{*activation, static_cast<int64_t>(op.getK()),
                    op.getNormalizeRoutingWeights() != 0};
  if (layer.chosen < 1)
    return refuse("expected a k of at least 1, found " + llvm::Twine(layer.chosen));
  if (op.getUseSparseMixer() != 0)
    return refuse("use_sparse_mixer: expected 0, found " + llvm::Twine(op.getUseSparseMixer()));
  auto isThere = [](Value value) { return !isa<NoneType>(value.getType()); };
  if (isThere(op.getFc3ExpertsWeights()) || isThere(op.getFc3ExpertsBias()))
    return refuse("expected no fc3_experts_weights and no fc3_experts_bias (as onnxruntime on "
                  "CPUs), found some");
  if (*activation != Activation::Swiglu)
    return layer;
  if (op.getSwigluFusion() != 1)
    return refuse("swiglu_fusion: expected 1 (rows of gates and others in turn), found " +
                  llvm::Twine(op.getSwigluFusion()));
  layer.alpha = op.getActivationAlpha().convertToFloat();
  layer.beta = op.getActivationBeta().convertToFloat();
  if (!std::isfinite(layer.alpha) || !std::isfinite(layer.beta) || layer.alpha == 0)
    return refuse("expected a finite activation_alpha that is not 0 and a finite activation_beta");
  if (op.getSwigluLimit()) {
    double limit = op.getSwigluLimit()->convertToFloat();
    if (!(limit > 0))
      return refuse("swiglu_limit: expected a number above 0");
    if (std::isfinite(limit))
      layer.limit = limit;
  }
  return layer;
}

std::optional<ExpertLayer> ExpertLayer::of(MsMoEOp op, std::string &fault) {
  return readLayer(op, fault);
}

std::optional<ExpertLayer> ExpertLayer::of(MsQMoEOp op, std::string &fault) {
  // onnxruntime's kernel for CPUs takes 0 for 1, that for GPUs does not.
  if (op.getNormalizeRoutingWeights() == 0) {
    fault = "normalize_routing_weights: expected 1 (kernels do not agree on what 0 is), found 0";
    return std::nullopt;
  }
  auto isThere = [](Value value) { return !isa<NoneType>(value.getType()); };
  if (isThere(op.getRouterWeights())) {
    fault = "router_weights: expected none, found some";
    return std::nullopt;
  }
  return readLayer(op, fault);
}
