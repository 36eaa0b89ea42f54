// When which device does what: a plan beside a machine description.
#ifndef BLUEC_COMPILER_PIPELINE_TIMELINE_H
#define BLUEC_COMPILER_PIPELINE_TIMELINE_H

#include "passes/schedule/machine/Machine.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bluec {

/// A stretch of time that a device, or the way between two, is busy with steps of one call.
struct TimelineTask {
  std::string device;        // "cpu", "npu"; of a transfer "cpu -> npu"
  std::string entry;         // "encode_blocks"
  std::string name;          // of the layer for one step: "vision/layers.3/mlp/fc1"; "transfer"
  std::string op;            // of the step's root
  int64_t call = 0;          // which call of the run, from 0
  int64_t count = 0;         // its rows
  double start = 0, end = 0; // seconds from the run's beginning
};

/// A run: the calls that it takes, each as soon as its device and what it reads are there.
struct Timeline {
  std::string what;                // "encode", "prefill", "decode"
  std::vector<TimelineTask> tasks; // in order of their start
  double seconds = 0;
  /// What the same calls would take one behind the other, less `seconds`.
  double hiddenSeconds = 0;
};

/// `plan` is a module behind the schedule phase whose steps are placed on devices of `machine`.
/// Errors (a step that its device cannot run) stand at the op.
mlir::FailureOr<Timeline> encodeTimeline(mlir::ModuleOp plan, const Machine &machine,
                                         int64_t tiles);
/// `tokens` in chunks of the prefill entry, behind `position` tokens in the KV cache.
mlir::FailureOr<Timeline> prefillTimeline(mlir::ModuleOp plan, const Machine &machine,
                                          int64_t tokens, int64_t position = 0);
/// One token.
mlir::FailureOr<Timeline> decodeTimeline(mlir::ModuleOp plan, const Machine &machine,
                                         int64_t position);

} // namespace bluec

#endif // BLUEC_COMPILER_PIPELINE_TIMELINE_H
