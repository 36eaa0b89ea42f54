// What a step has to read and to compute, whatever kernel does it: the figures that `bluec bench`
// divides by the measured times, and that CostModel.h makes predictions of.
#ifndef BLUEC_COMPILER_MACHINE_STEPCOSTS_H
#define BLUEC_COMPILER_MACHINE_STEPCOSTS_H

#include "compiler/dialect/plan/Plan.h"

#include <string>

namespace bluec {

/// What a call with `count` rows at `position` takes.
///
/// Bytes of weights and KV cache, read:
///   weightBytes + count * rowBytes + (positions that its rows attend to) * positionBytes
/// Operations of linears and attention, where a multiply-add is two:
///   operations + count * rowOperations + (sum over its rows of the positions that they attend to)
///     * positionOperations
/// A row attends to the positions up to its own, the last `window` of them where there is one.
/// Rows of these products:
///   productRows + count * rowProductRows
/// Bytes of values (inputs of the entry and results of steps), read and written:
///   valueBytes + count * rowValueBytes
struct StepCost {
  std::string op;         // of the step's root: "linear", "attention", "rms_norm"
  std::string arithmetic; // element type of the products: "f32", "i16", "i8"; empty: none counted
  std::string weights;    // what they take beside the rows: "f32", "f16", "i8", "i4"; of attention
                          // the type of keys and values
  int64_t weightBytes = 0;
  int64_t rowBytes = 0;
  int64_t positionBytes = 0;
  int64_t window = 0; // positions; 0: all
  int64_t operations = 0;
  int64_t rowOperations = 0;
  int64_t positionOperations = 0;
  int64_t productRows = 0;
  int64_t rowProductRows = 0; // 729 tokens of a tile
  int64_t valueBytes = 0;
  int64_t rowValueBytes = 0;
};

/// Of a step of `entry`, before kernels are made.
StepCost costOf(plan::StepOp step, plan::EntryOp entry);

} // namespace bluec

#endif // BLUEC_COMPILER_MACHINE_STEPCOSTS_H
