// The plain evaluators of the blue dialect.
//
// Numerics. Operands are held in float (half-precision values widened exactly). Reductions (linear,
// patch_embed, the norms' means, attention's dot products and weighted sums) accumulate in double,
// in index order, and are rounded to float once at the end; elementwise functions are computed in
// double and rounded once. What evaluates a whole function rounds results to the op's element type.
//
// A quantized tensor is held as the numbers that its elements stand for, scale * (q - zero) rounded
// once to float; so a product of quantized operands differs from that of their integers by float's
// rounding only. blue.attention quantizes the query when it has a compute_type, and what it appends
// when the past is quantized; the softmax's weights it takes as they are.
//
// An op's value operands and results are in the op's order; absent optional ones are left out.
// Values of type index are I64 tensors of rank 0. What can only be known from the values (an id
// outside of its table, a position outside of the rotary tables, dynamic dims that turn out
// different) is an error at the op.
#ifndef BLUEC_COMPILER_REFERENCE_BLUE_BLUEEVALUATORS_H
#define BLUEC_COMPILER_REFERENCE_BLUE_BLUEEVALUATORS_H

#include "compiler/reference/Evaluator.h"

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/Location.h"

namespace bluec::reference {

/// One evaluator for every op of the blue dialect but blue.weight, whose value comes from a
/// WeightReader (see GraphEvaluation).
const EvaluatorTable &blueEvaluators();

/// The result of a blue.attention as if its past and its products were of floats: what they cost is
/// the difference. `operands` are as of its evaluator, and have been accepted by it.
mlir::FailureOr<Tensor> attentionInFloats(mlir::Operation *op,
                                          mlir::ArrayRef<const Tensor *> operands);

/// The value of an elements attribute: floats of up to 32 bits as F32, f64 as F64, i1 as Bool,
/// other integers and index as I64. Fails on element types that no tensor holds and on resources
/// that are not there, with one error at `location`.
mlir::FailureOr<Tensor> tensorFromElements(mlir::Location location, mlir::ElementsAttr value);

} // namespace bluec::reference

#endif // BLUEC_COMPILER_REFERENCE_BLUE_BLUEEVALUATORS_H
