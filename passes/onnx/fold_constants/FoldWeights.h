// Nodes that become transforms of a weight.
#ifndef BLUEC_PASSES_ONNX_FOLD_CONSTANTS_FOLDWEIGHTS_H
#define BLUEC_PASSES_ONNX_FOLD_CONSTANTS_FOLDWEIGHTS_H

#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "mlir/IR/Builders.h"

namespace bluec {

/// When `op` moves, converts, scales or offsets an onnx.Weight, new weights with the results'
/// values, built before `op`; else nothing. `op` has been through `inference`.
mlir::SmallVector<mlir::Value> foldIntoWeight(mlir::Operation *op, onnx::ShapeInference &inference,
                                              mlir::OpBuilder &builder);

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_FOLD_CONSTANTS_FOLDWEIGHTS_H
