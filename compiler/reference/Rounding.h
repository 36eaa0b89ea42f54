// Values as narrow element types hold them.
#ifndef BLUEC_COMPILER_REFERENCE_ROUNDING_H
#define BLUEC_COMPILER_REFERENCE_ROUNDING_H

#include "compiler/reference/Tensor.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace bluec::reference {

/// IEEE half precision and bfloat16 by their bits. Conversions to them round to nearest even.
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloat16ToFloat(uint16_t bits);
uint16_t floatToBfloat16(float value);

/// The kind of tensor that holds elements of `type`: F32 for floats of up to 32 bits, F64 for f64,
/// Bool for i1, I64 for other integers and index. nullopt for types that no tensor holds.
std::optional<ElementType> elementTypeFor(mlir::Type type);

/// The elements as an attribute of static tensor type; null for element types that no tensor holds
/// or when the tensor is of another kind.
mlir::DenseElementsAttr elementsFromTensor(const Tensor &tensor, mlir::Type elementType);

/// Rounds every element to what `type` can hold: floats to nearest even, integers by wrapping. A
/// tensor of another kind than `type` asks for is left alone.
void roundTo(Tensor &tensor, mlir::Type type);

} // namespace bluec::reference

#endif // BLUEC_COMPILER_REFERENCE_ROUNDING_H
