// What config.json says of the layers, held against what the graphs compute.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_CONFIGCHECK_H
#define BLUEC_COMPILER_DRIVER_SESSION_CONFIGCHECK_H

#include "compiler/import/ModelConfig.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace bluec {

/// One line for each number of `config` that the layers of `model` (the `blue` dialect) contradict:
/// the graphs count, the number is only shown to people.
std::vector<std::string> contradictions(const ModelConfig &config, mlir::ModuleOp model);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_CONFIGCHECK_H
