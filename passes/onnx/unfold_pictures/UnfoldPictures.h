// Gives an encoder of patches the picture itself; the description is in UnfoldPictures.td.
#ifndef BLUEC_PASSES_ONNX_UNFOLD_PICTURES_UNFOLDPICTURES_H
#define BLUEC_PASSES_ONNX_UNFOLD_PICTURES_UNFOLDPICTURES_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

namespace onnx {
/// On an argument of a func.func that takes rows of patches: the picture that they are cut out of,
/// as [height, width, patch, frames, block] (pixels, and PatchRows of compiler/import).
inline constexpr llvm::StringLiteral kPatchesAttr = "onnx.patches";
} // namespace onnx

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/unfold_pictures/UnfoldPictures.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_UNFOLD_PICTURES_UNFOLDPICTURES_H
