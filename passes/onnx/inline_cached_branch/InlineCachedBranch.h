// Replaces the If of merged decoders by one of its branches; the description stands in
// InlineCachedBranch.td.
#ifndef BLUEC_PASSES_ONNX_INLINE_CACHED_BRANCH_INLINECACHEDBRANCH_H
#define BLUEC_PASSES_ONNX_INLINE_CACHED_BRANCH_INLINECACHEDBRANCH_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_INLINE_CACHED_BRANCH_INLINECACHEDBRANCH_H
