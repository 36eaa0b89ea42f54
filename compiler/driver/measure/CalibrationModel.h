// The model that `bluec calibrate-machine` times: few layers, but each combination of types.
#ifndef BLUEC_COMPILER_DRIVER_MEASURE_CALIBRATIONMODEL_H
#define BLUEC_COMPILER_DRIVER_MEASURE_CALIBRATIONMODEL_H

#include "compiler/import/ModelConfig.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace bluec {

/// Adds the functions of a `blue` module to `module`, with weights in files that
/// writeCalibrationWeights makes. The widths are those of bluelm-v-3b, so that kernels are cut as
/// they are there; tables and the number of layers are small. `config` becomes theirs.
llvm::Error buildCalibrationModel(int64_t context, mlir::ModuleOp module, ModelConfig &config);

/// The recipe that gives each layer of it types of its own.
extern const char *const calibrationRecipe;

/// Writes the file that the model's weights are ranges of, into `directory`: random floats. Ranges
/// overlap, since no two of them need to be different everywhere.
llvm::Error writeCalibrationWeights(const std::string &directory);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_MEASURE_CALIBRATIONMODEL_H
