// The `blue` module that a configuration describes, without any weights: what a model of that
// geometry computes, for schedules and predictions of models whose weights are elsewhere.
#ifndef BLUEC_COMPILER_IMPORT_GEOMETRYMODEL_H
#define BLUEC_COMPILER_IMPORT_GEOMETRYMODEL_H

#include "compiler/import/ModelConfig.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>

namespace bluec {

/// Adds the functions `vision`, `embed` and `decoder`, as far as `config` has them, to `module`:
/// the same layers in the same order and by the same names as onnx-to-blue makes of an exported
/// model of the BlueLM-V family. Weights are ranges of a file that does not exist ("geometry");
/// rotary tables have `context` positions.
///
/// The configuration is hostile input. One line on failure: a field that is missing, out of range
/// or of a value that has no layer in `blue`.
llvm::Error buildGeometryModel(const ModelConfig &config, int64_t context, mlir::ModuleOp module);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_GEOMETRYMODEL_H
