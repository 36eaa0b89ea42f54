// What the dump of a phase says first, for people: the decisions that its IR spreads over many ops.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_DUMPHEADER_H
#define BLUEC_COMPILER_DRIVER_COMPILE_DUMPHEADER_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace bluec {

/// Lines of MLIR comments; empty when there is nothing to say. A module of blue functions: by
/// module of the model (numbers of layers left out), what its weights were and become, and the
/// types of activations and pasts. A plan: its chunks and batches, entry points, bytes, and again
/// types.
std::string dumpHeader(mlir::ModuleOp module);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_DUMPHEADER_H
