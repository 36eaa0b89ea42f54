// How many tiles a call of the image encoder takes, by a machine description.
#ifndef BLUEC_COMPILER_DRIVER_PREDICT_IMAGEBATCH_H
#define BLUEC_COMPILER_DRIVER_PREDICT_IMAGEBATCH_H

#include "compiler/driver/session/PassRunner.h"
#include "compiler/driver/session/Pipelines.h"
#include "compiler/machine/Machine.h"

#include "mlir/IR/BuiltinOps.h"

namespace bluec {

/// What was asked about: tiles a call, and the seconds that pictures take then in the mean.
struct BatchPrediction {
  int64_t tiles = 0;
  double seconds = 0;
};

/// Schedules the image encoder of `model`, a module behind the precision phase, for 1, 2, 4, 6 and
/// 8 tiles a call, and predicts how long pictures of `pictures` tiles each take with it. Fastest
/// first; of two that are equally fast the smaller batch, which takes less memory. Empty when the
/// model has no image encoder. An error that the smallest batch has as well has been reported.
mlir::FailureOr<llvm::SmallVector<BatchPrediction>>
predictImageBatches(mlir::ModuleOp model, const ScheduleOptions &sizes, const Machine &machine,
                    llvm::ArrayRef<int64_t> pictures, PassRunner &passes);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_PREDICT_IMAGEBATCH_H
