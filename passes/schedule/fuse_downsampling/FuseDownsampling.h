// Takes the gathering of 2x2 tokens into the linear layer after it; the description is in
// FuseDownsampling.td.
#ifndef BLUEC_PASSES_SCHEDULE_FUSE_DOWNSAMPLING_FUSEDOWNSAMPLING_H
#define BLUEC_PASSES_SCHEDULE_FUSE_DOWNSAMPLING_FUSEDOWNSAMPLING_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/fuse_downsampling/FuseDownsampling.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_FUSE_DOWNSAMPLING_FUSEDOWNSAMPLING_H
