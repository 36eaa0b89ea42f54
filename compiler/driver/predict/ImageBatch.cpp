#include "compiler/driver/predict/ImageBatch.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/driver/predict/Timeline.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>

using namespace mlir;
using namespace bluec;

FailureOr<SmallVector<BatchPrediction>>
bluec::predictImageBatches(ModuleOp model, const ScheduleOptions &sizes, const Machine &machine,
                           ArrayRef<int64_t> pictures, PassRunner &passes) {
  constexpr int64_t kCandidates[] = {1, 2, 4, 6, 8};
  OwningOpRef<ModuleOp> vision = model.clone();
  for (auto function : llvm::make_early_inc_range(vision->getOps<func::FuncOp>()))
    if (blue::roleOf(function) != blue::Role::Vision)
      function.erase();
  SmallVector<BatchPrediction> predictions;
  if (vision->getOps<func::FuncOp>().empty() || pictures.empty())
    return predictions;
  for (int64_t batch : kCandidates) {
    OwningOpRef<ModuleOp> plan = vision->clone();
    ScheduleOptions options = sizes;
    options.imageBatch = batch;
    options.machine = machine.text;
    if (failed(passes.run(*plan, "image batch",
                          [&](OpPassManager &to) { buildSchedulePipeline(to, options); })))
      return failure();
    std::map<int64_t, double> secondsOf; // by tiles
    BatchPrediction prediction{batch, 0};
    for (int64_t tiles : pictures) {
      auto [known, isNew] = secondsOf.try_emplace(tiles, 0);
      if (isNew) {
        FailureOr<Timeline> timeline = encodeTimeline(*plan, machine, tiles);
        if (failed(timeline))
          return failure();
        known->second = timeline->seconds;
      }
      prediction.seconds += known->second / static_cast<double>(pictures.size());
    }
    predictions.push_back(prediction);
  }
  llvm::stable_sort(predictions, [](const BatchPrediction &a, const BatchPrediction &b) {
    return a.seconds < b.seconds;
  });
  return predictions;
}
