// Type constraints that the model-level and schedule-level dialects share.
#ifndef BLUEC_DIALECT_BLUE_TYPES
#define BLUEC_DIALECT_BLUE_TYPES

include "mlir/IR/OpBase.td"

def Blue_FloatTensor : RankedTensorOf<[F32, F16, BF16]>;
def Blue_IndexTensor : RankedTensorOf<[I64, I32]>;

#endif // BLUEC_DIALECT_BLUE_TYPES
