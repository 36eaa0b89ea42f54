// Transforms of weights whose bytes the compiler made itself (the files' are WeightReader's).
#ifndef BLUEC_COMPILER_WEIGHTS_CONSTANTTRANSFORMS_H
#define BLUEC_COMPILER_WEIGHTS_CONSTANTTRANSFORMS_H

#include "compiler/reference/Tensor.h"

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"

namespace bluec {

/// `value` after `transforms` (those of the blue dialect that keep floats), as f32. Errors at
/// `location`.
mlir::FailureOr<reference::Tensor>
transformConstant(mlir::ElementsAttr value, mlir::ArrayAttr transforms, mlir::Location location);

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_CONSTANTTRANSFORMS_H
