// When which device does what: a plan beside a machine description.
#ifndef BLUEC_COMPILER_DRIVER_PREDICT_TIMELINE_H
#define BLUEC_COMPILER_DRIVER_PREDICT_TIMELINE_H

#include "compiler/machine/Machine.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bluec {

/// A stretch of time that a device, or the way between two, is busy with steps of one call.
struct TimelineTask {
  std::string device; // "cpu", "npu"; of a transfer "cpu -> npu"
  std::string entry;  // "encode_blocks"
  std::string name;   // of the step's layer: "vision/layers.3/mlp/fc1"; "transfer"; "call": what
                      // it costs to start
  std::string op;     // of the step's root; "transfer", "call"
  int64_t call = 0;   // which call of the run, from 0
  int64_t count = 0;  // its rows
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

struct TimelineCall {
  int64_t capacity = 1; // of the entry
  int64_t count = 1;    // tiles
};

/// The calls that encode `tiles` tiles, as the plan says: batches, then those of what is left.
std::vector<TimelineCall> encodeCalls(mlir::ModuleOp plan, int64_t tiles);

/// `plan` is a module behind the schedule phase whose steps are placed on devices of `machine`.
/// Errors (a step that its device cannot run, an entry that is not there) stand at the op.
///
/// Stages of an encoder overlap: a stage works on the next call's tiles while the next stage works
/// on this call's. What crosses lies in one of two buffers until the next stage has read it, so a
/// stage is at most two calls ahead.
mlir::FailureOr<Timeline> encodeTimeline(mlir::ModuleOp plan, const Machine &machine,
                                         int64_t tiles);
/// `tokens` in chunks of the prefill entry, behind `position` tokens in the KV cache.
mlir::FailureOr<Timeline> prefillTimeline(mlir::ModuleOp plan, const Machine &machine,
                                          int64_t tokens, int64_t position = 0);
/// One token.
mlir::FailureOr<Timeline> decodeTimeline(mlir::ModuleOp plan, const Machine &machine,
                                         int64_t position);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_PREDICT_TIMELINE_H
