// A plan to look at: a page for a browser, and a trace for Perfetto.
#ifndef BLUEC_COMPILER_DRIVER_PREDICT_PLANREPORT_H
#define BLUEC_COMPILER_DRIVER_PREDICT_PLANREPORT_H

#include "compiler/driver/predict/Timeline.h"

#include <string>
#include <vector>

namespace bluec {

/// A run and what it is a run of: "768x1536: 9 tiles".
struct PlanRun {
  Timeline timeline;
  std::string subject;
};

/// What stands around the plan.
struct PlanReport {
  std::string model, recipe;
  const Machine *machine = nullptr; // null: no steps are timed, and there are no runs
  std::vector<PlanRun> runs;
};

/// Encoding `tiles` tiles, prefilling `tokens` tokens, and decoding the token behind them, as far
/// as the plan has entries for it.
mlir::FailureOr<std::vector<PlanRun>> planRuns(mlir::ModuleOp plan, const Machine &machine,
                                               int64_t tiles, int64_t tokens);

/// An HTML page that needs nothing else: timeline by device, arenas over time with what is alive at
/// their peaks, bytes and operations by step, precision by module. `plan` has its steps and places.
std::string renderPlanPage(mlir::ModuleOp plan, const PlanReport &report);

/// The runs, one behind the other, as Chrome trace events: a thread for each device, and one for
/// each way between two.
std::string renderPlanTrace(const PlanReport &report);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_PREDICT_PLANREPORT_H
