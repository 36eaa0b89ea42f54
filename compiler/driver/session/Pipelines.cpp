#include "compiler/driver/session/Pipelines.h"

#include "passes/conversions/onnx_to_blue/OnnxToBlue.h"
#include "passes/model/fold_projector/FoldProjector.h"
#include "passes/model/verify_model/VerifyModel.h"
#include "passes/onnx/fold_constants/FoldConstants.h"
#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h"
#include "passes/onnx/specialize_batch/SpecializeBatch.h"
#include "passes/onnx/unpack_attention/UnpackAttention.h"
#include "passes/onnx/unpack_quantized/UnpackQuantized.h"
#include "passes/precision/quantize_model/QuantizeModel.h"
#include "passes/schedule/assign_weights/AssignWeights.h"
#include "passes/schedule/cut_stages/CutStages.h"
#include "passes/schedule/fuse_downsampling/FuseDownsampling.h"
#include "passes/schedule/fuse_steps/FuseSteps.h"
#include "passes/schedule/lower_to_plan/LowerToPlan.h"
#include "passes/schedule/place_steps/PlaceSteps.h"
#include "passes/schedule/plan_memory/PlanMemory.h"
#include "passes/schedule/verify_plan/VerifyPlan.h"

#include "mlir/Transforms/Passes.h"

using namespace bluec;

void bluec::buildImportPipeline(mlir::OpPassManager &passes) {
  mlir::OpPassManager &functions = passes.nest<mlir::func::FuncOp>();
  functions.addPass(createInlineCachedBranch());
  functions.addPass(createSpecializeBatch());
  functions.addPass(createUnpackAttention());
  functions.addPass(createUnpackQuantized());
  functions.addPass(createFoldConstants());
  functions.addPass(mlir::createCSEPass());
}

void bluec::buildModelPipeline(mlir::OpPassManager &passes, llvm::StringRef modelDirectory,
                               int64_t context, bool asWritten) {
  OnnxToBlueOptions raise;
  raise.context = context;
  raise.modelDirectory = modelDirectory.str();
  passes.addPass(createOnnxToBlue(raise));
  buildCheckPipeline(passes);
  if (!asWritten)
    buildFoldingPipeline(passes);
}

void bluec::buildCheckPipeline(mlir::OpPassManager &passes) {
  passes.addPass(mlir::createCSEPass());
  passes.addPass(createVerifyModel());
}

void bluec::buildFoldingPipeline(mlir::OpPassManager &passes) {
  passes.addPass(createFoldProjector());
}

void bluec::buildPrecisionPipeline(mlir::OpPassManager &passes, llvm::StringRef recipe,
                                   bool calibrated) {
  QuantizeModelOptions quantize;
  quantize.recipe = recipe.str();
  quantize.calibrated = calibrated;
  passes.addPass(createQuantizeModel(quantize));
}

void bluec::buildSchedulePipeline(mlir::OpPassManager &passes, const ScheduleOptions &options) {
  LowerToPlanOptions lower;
  lower.context = options.context;
  lower.chunk = options.chunk;
  lower.imageBatch = options.imageBatch;
  passes.addPass(createLowerToPlan(lower));
  passes.addPass(createFuseSteps());
  passes.addPass(createFuseDownsampling());
  PlaceStepsOptions place;
  place.machine = options.machine;
  passes.addPass(createPlaceSteps(place));
  passes.addPass(createCutStages());
}

void bluec::buildPlacementPipeline(mlir::OpPassManager &passes) {
  passes.addPass(createAssignWeights());
  passes.addPass(createPlanMemory());
  passes.addPass(createVerifyPlan());
}
