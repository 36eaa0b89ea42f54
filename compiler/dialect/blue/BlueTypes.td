// Type constraints that the model-level and schedule-level dialects share.
#ifndef BLUEC_DIALECT_BLUE_TYPES
#define BLUEC_DIALECT_BLUE_TYPES

include "mlir/IR/OpBase.td"

// Elements of reduced precision; the type itself is `Blue_QuantizedType` of BlueOps.td.
def Blue_QuantizedElement
    : Type<CPred<"::llvm::isa<::bluec::blue::QuantizedType>($_self)">, "quantized",
           "::bluec::blue::QuantizedType">;

def Blue_FloatTensor : RankedTensorOf<[F32, F16, BF16]>;
def Blue_QuantizedTensor : RankedTensorOf<[Blue_QuantizedElement]>;
def Blue_NumberTensor : RankedTensorOf<[F32, F16, BF16, Blue_QuantizedElement]>;
def Blue_IndexTensor : RankedTensorOf<[I64, I32]>;

#endif // BLUEC_DIALECT_BLUE_TYPES
