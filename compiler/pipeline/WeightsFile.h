// weights.bin: which weights are the same, and the file itself.
#ifndef BLUEC_COMPILER_PIPELINE_WEIGHTSFILE_H
#define BLUEC_COMPILER_PIPELINE_WEIGHTSFILE_H

#include "compiler/pipeline/WeightStream.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <array>

namespace bluec {

/// Sets the digest of every weight whose bytes could be those of another one: the same packed type,
/// quantization, segment and first elements. It is the hash of what the bytes are made from, so
/// nothing is quantized for it. Weights with the same source and transforms are known to be the
/// same without any; the others are not read to the end.
mlir::LogicalResult digestWeights(mlir::ModuleOp module, WeightReader &reader,
                                  const StreamOptions &options = {});

/// Writes plan.weights_bytes bytes: every weight at its offset, zeros between. Ranges that several
/// weights share are written once. Returns the SHA-256 of all bytes.
/// Requires assign-weights. Errors of reading stand at the weight; `out` keeps its own.
mlir::FailureOr<std::array<uint8_t, 32>> writeWeights(mlir::ModuleOp module, WeightReader &reader,
                                                      llvm::raw_ostream &out,
                                                      const StreamOptions &options = {});

} // namespace bluec

#endif // BLUEC_COMPILER_PIPELINE_WEIGHTSFILE_H
