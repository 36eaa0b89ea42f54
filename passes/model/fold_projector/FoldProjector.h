// Makes one linear layer of the two after token downsampling; the description is in
// FoldProjector.td.
#ifndef BLUEC_PASSES_MODEL_FOLD_PROJECTOR_FOLDPROJECTOR_H
#define BLUEC_PASSES_MODEL_FOLD_PROJECTOR_FOLDPROJECTOR_H

#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/model/fold_projector/FoldProjector.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_MODEL_FOLD_PROJECTOR_FOLDPROJECTOR_H
