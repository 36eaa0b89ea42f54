// A model by its calls, whoever makes them: what its graphs take, and what they give.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_MODELCALLS_H
#define BLUEC_COMPILER_DRIVER_VERIFY_MODELCALLS_H

#include "compiler/reference/Tensor.h"

#include "mlir/Support/LLVM.h"

#include <memory>

namespace bluec {

using TensorPtr = std::shared_ptr<const reference::Tensor>;

/// Rows of a decoder: tokens, and what they are embedded as.
struct TokenRows {
  TensorPtr ids;        ///< [T]
  TensorPtr embeddings; ///< [T, hidden]
  /// [T, axes]: where each stands; null: at its number, on every axis that the model has.
  TensorPtr places = nullptr;
};

/// One conversation. Tensors are floats, ids integers. Failure comes with an error that says why.
class ModelCalls {
public:
  virtual ~ModelCalls() = default;
  /// [tiles, 3, height, width] -> the tiles' features, tile by tile.
  virtual mlir::FailureOr<TensorPtr> features(const TensorPtr &pixels) = 0;
  /// [T] -> [T, hidden].
  virtual mlir::FailureOr<TensorPtr> embeddings(const TensorPtr &ids) = 0;
  /// The rows from `position` on -> logits of all of them or of the last ones. The rows before have
  /// been fed; position 0 begins a conversation.
  virtual mlir::FailureOr<TensorPtr> logits(const TokenRows &rows, int64_t position) = 0;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_MODELCALLS_H
