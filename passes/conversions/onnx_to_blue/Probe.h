// Running index arithmetic at concrete lengths.
//
// Masks, rotary tables, shapes and reshuffles depend on lengths and positions only, never on
// activations. A probe fixes the lengths, gives the graph's integer inputs the values that a
// conversation without padding gives them, and evaluates such values with the plain evaluators.
#ifndef BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_PROBE_H
#define BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_PROBE_H

#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/reference/Evaluator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace bluec::onnx_to_blue {

using reference::Tensor;

/// An axis on which positions are not those of the rows but half of the context further, around its
/// end: what follows that axis shows, at all of its positions.
struct MovedAxis {
  int64_t axis, context;
  int64_t of(int64_t position) const { return (position + context / 2) % context; }
};

/// The lengths of one call: pictures, rows of this call (token ids, embeddings), rows in the cache.
struct Lengths {
  int64_t batch = 1;
  int64_t rows = 1;
  int64_t past = 0;
  std::optional<MovedAxis> moved = std::nullopt; ///< of PositionIds on axes
};

/// "3 rows after 5", and what else is particular about a call.
std::string callText(const Lengths &lengths);

/// Axes of a row's positions where it has several: time, height and width.
inline constexpr int64_t kPositionAxes = 3;

/// What a graph input is, by its name and type.
enum class InputKind {
  Pixels,        ///< [B, C, H, W] or [rows, B / rows, C, H, W] floats
  PixelMask,     ///< [B, H, W] or [rows, B / rows, H, W] integers or bools: all ones
  Ids,           ///< [1, T] integers: token ids
  Embeddings,    ///< [1, T, hidden] floats
  PastKey,       ///< [1, kv_heads, P, D] floats
  PastValue,     ///< as PastKey
  AttentionMask, ///< [1, P + T] integers or bools: all ones
  PositionIds,   ///< [1, T] or [T] integers: P .. P + T - 1; [axes, 1, T]: on each axis
  Unknown,       ///< anything else; nothing that depends on it can be evaluated
};

struct GraphInput {
  InputKind kind = InputKind::Unknown;
  int64_t layer = -1;   ///< of a PastKey or PastValue
  bool hasAxes = false; ///< of PositionIds: [axes, 1, T]
  /// Of a PastKey or PastValue, when the type leaves it open and the node that reads it does not.
  std::optional<int64_t> headDim = std::nullopt;
};

/// The leading dims of Pixels, whose product is the number of pictures.
llvm::ArrayRef<int64_t> picturesOf(mlir::RankedTensorType pixels);

/// What an input or output of a cache holds.
struct CacheName {
  int64_t layer;
  bool isKey;
};

/// `name` as one of the cache's: `prefix` ("past", "present"), the layer, key or value, in the ways
/// in which exporters write these. Nothing for another name.
std::optional<CacheName> readCacheName(llvm::StringRef name, llvm::StringRef prefix);

/// The kind of a graph input. `role` is the function's blue.role.
GraphInput classifyInput(mlir::BlockArgument argument, llvm::StringRef name, blue::Role role);

/// What an input of that name has to be, for a message: "integers of rank 2". Empty: bluec knows no
/// such input.
std::string expectedInput(llvm::StringRef name, blue::Role role);

/// What of a function can be evaluated without activations: for each value, whether it depends on
/// activations, and whether it is the same in every call.
class Dependences {
public:
  Dependences(mlir::func::FuncOp function, llvm::ArrayRef<GraphInput> inputs);
  /// Depends on a float input, or on something that cannot be known.
  bool onActivations(mlir::Value value) const { return activations.contains(value); }
  /// Depends on lengths or integer inputs.
  bool onLengths(mlir::Value value) const { return lengths.contains(value); }
  /// Depends on positions on several axes.
  bool onAxes(mlir::Value value) const { return axes.contains(value); }
  bool isConstant(mlir::Value value) const { return !onActivations(value) && !onLengths(value); }

private:
  llvm::DenseSet<mlir::Value> activations, lengths, axes;
};

class Probe {
public:
  /// Fails, with a reason, when the types of the inputs contradict the lengths. `products`, which
  /// has to outlive the probe, is what it may spend on sums of products.
  static mlir::FailureOr<std::unique_ptr<Probe>>
  create(mlir::func::FuncOp function, llvm::ArrayRef<GraphInput> inputs,
         const Dependences &dependences, Lengths lengths, reference::WeightValues *weights,
         int64_t &products, std::string &reason);

  const Lengths &lengths() const { return at; }

  /// The shape of a tensor, from its type's dims; nothing when a dim is not known.
  std::optional<std::vector<int64_t>> shape(mlir::Value value) const;

  /// The value of something that does not depend on activations. Null when it cannot be computed;
  /// no diagnostic then.
  std::shared_ptr<const Tensor> value(mlir::Value value);

  /// Takes the making of `elements` off what a probe may spend on data; false when nothing is left.
  bool spend(int64_t elements) { return (work -= std::max<int64_t>(elements, 1)) > 0; }

  /// Products that all probes of the function may still make (EvaluationLimits).
  int64_t *productsLeft() const { return products; }

  /// Elements that evaluating values has made.
  int64_t made() const { return kRoom - room; }

private:
  Probe() = default;

  static constexpr int64_t kRoom = int64_t{1} << 27;
  Lengths at;
  const Dependences *dependences = nullptr;
  reference::WeightValues *weights = nullptr;
  int64_t *products = nullptr;
  llvm::SmallVector<std::optional<int64_t>> symbols;
  reference::ValueMap known;
  llvm::DenseSet<mlir::Value> failures;
  /// Elements that may still be made: minutes of work, whatever a model file asks for.
  int64_t work = int64_t{1} << 34;
  /// Elements that may still be kept in `known`.
  int64_t room = kRoom;
};

} // namespace bluec::onnx_to_blue

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_PROBE_H
