// Which passes each phase runs.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_PIPELINES_H
#define BLUEC_COMPILER_DRIVER_SESSION_PIPELINES_H

#include "mlir/Pass/PassManager.h"

#include <cstdint>
#include <string>

namespace bluec {

struct ScheduleOptions {
  int64_t context = 2048; // tokens that the KV cache holds
  int64_t chunk = 128;    // tokens a call of prefill
  int64_t imageBatch = 4; // tiles a call of encode
  int64_t rewind = 512;   // tokens that a call may go back where layers keep a window's only
  std::string machine;    // Machine::text; empty: one device
};

/// Makes the pipelines below known to the command line of bluec-opt, each by the name of its phase:
/// `--bluec-import`, `--bluec-model`, `--bluec-precision`, `--bluec-schedule`, `--bluec-placement`;
/// `--bluec-check` and `--bluec-folding`, the parts of the second, and `--bluec-devices`, the end
/// of the fourth.
void registerPipelines();

/// onnx -> onnx: one branch, one conversation, embeddings apart, folded constants.
void buildImportPipeline(mlir::OpPassManager &passes);
/// onnx -> blue, a check that nothing of onnx is left, and the folding pipeline unless the model is
/// wanted `asWritten`. Rotary tables get `context` positions; weights' files are relative to
/// `modelDirectory`.
void buildModelPipeline(mlir::OpPassManager &passes, llvm::StringRef modelDirectory,
                        int64_t context, bool asWritten = false);
/// The middle of that: what holds for every module that is `blue`.
void buildCheckPipeline(mlir::OpPassManager &passes);
/// blue -> blue: what computes the same but for rounding.
void buildFoldingPipeline(mlir::OpPassManager &passes);
/// blue -> blue: types as `recipe` says (a name, a file, or a recipe itself). `calibrated`: whether
/// there are statistics for GPTQ. What looks at the weights themselves reads files relative to
/// `modelDirectory`; it is left out where that is empty, as for a model without graphs.
void buildPrecisionPipeline(mlir::OpPassManager &passes, llvm::StringRef recipe, bool calibrated,
                            llvm::StringRef modelDirectory = {});
/// blue -> plan, without places: they need the weights' digests, which no pass can compute alone.
void buildSchedulePipeline(mlir::OpPassManager &passes, const ScheduleOptions &options);
/// The end of that: from steps with devices to an entry for each device, laid out for its target.
void buildDevicesPipeline(mlir::OpPassManager &passes);
/// Places of weights, values and caches, checked.
void buildPlacementPipeline(mlir::OpPassManager &passes);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_PIPELINES_H
