// weights.bin: which weights are the same, and the file itself.
//
// All of these work on as many weights at a time as the MLIR context has threads. Each holds a few
// megabytes, and lets the pages of the model's files that it has read leave memory again.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_WEIGHTSFILE_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_WEIGHTSFILE_H

#include "compiler/weights/WeightStream.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bluec {

/// Makes equal weights recognisable for assign-weights. Weights that could be equal have the same
/// packed type, quantization, segment and first elements; all others are not read further. Of
/// those, weights that differ in nothing but where their bytes are, and have the same bytes there,
/// get the same source. If there are still several, each gets the digest of the rows that its
/// packed bytes are made from.
mlir::LogicalResult digestWeights(mlir::ModuleOp module, WeightReader &reader);

struct WeightsDigest {
  std::array<uint8_t, 32> sha256; // of all bytes
  std::vector<uint32_t> blocks;   // CRC-32C of each kBlockBytes
};

/// Gets the bytes that have been written so far and all that will be, from any thread, one call at
/// a time.
using WeightsProgress = std::function<void(int64_t done, int64_t total)>;

/// Writes plan.weights_bytes bytes to a new file at `path`: every weight at its offset, zeros
/// between. Ranges that several weights share are written once.
/// Requires assign-weights. Errors of reading stand at the weight, and make the result a failure;
/// errors of the file itself are the Expected's.
llvm::Expected<mlir::FailureOr<WeightsDigest>> writeWeights(mlir::ModuleOp module,
                                                            WeightReader &reader,
                                                            llvm::StringRef path,
                                                            const WeightsProgress &progress = {});

/// Fails, with an error at the first weight that differs, unless `bytes` has every weight where
/// the module says. Requires assign-weights.
mlir::LogicalResult compareWeights(mlir::ModuleOp module, WeightReader &reader,
                                   llvm::ArrayRef<uint8_t> bytes);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_WEIGHTSFILE_H
