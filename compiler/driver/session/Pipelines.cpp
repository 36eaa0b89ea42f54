#include "compiler/driver/session/Pipelines.h"

#include "compiler/base/JsonReader.h"
#include "passes/conversions/onnx_to_blue/OnnxToBlue.h"
#include "passes/model/fold_projector/FoldProjector.h"
#include "passes/model/verify_model/VerifyModel.h"
#include "passes/onnx/bind_inputs/BindInputs.h"
#include "passes/onnx/float_activations/FloatActivations.h"
#include "passes/onnx/fold_constants/FoldConstants.h"
#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h"
#include "passes/onnx/specialize_batch/SpecializeBatch.h"
#include "passes/onnx/split_embedding/SplitEmbedding.h"
#include "passes/onnx/unfold_pictures/UnfoldPictures.h"
#include "passes/onnx/unpack_attention/UnpackAttention.h"
#include "passes/onnx/unpack_quantized/UnpackQuantized.h"
#include "passes/precision/lift_key_bias/LiftKeyBias.h"
#include "passes/precision/quantize_model/QuantizeModel.h"
#include "passes/schedule/assign_weights/AssignWeights.h"
#include "passes/schedule/cut_stages/CutStages.h"
#include "passes/schedule/fuse_downsampling/FuseDownsampling.h"
#include "passes/schedule/fuse_steps/FuseSteps.h"
#include "passes/schedule/lower_to_plan/LowerToPlan.h"
#include "passes/schedule/place_steps/PlaceSteps.h"
#include "passes/schedule/plan_memory/PlanMemory.h"
#include "passes/schedule/retarget_entries/RetargetEntries.h"
#include "passes/schedule/verify_plan/VerifyPlan.h"

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace bluec;

void bluec::buildImportPipeline(mlir::OpPassManager &passes) {
  mlir::OpPassManager &functions = passes.nest<mlir::func::FuncOp>();
  functions.addPass(createInlineCachedBranch());
  functions.addPass(createBindInputs());
  functions.addPass(createUnfoldPictures());
  functions.addPass(createSpecializeBatch());
  functions.addPass(createFloatActivations());
  functions.addPass(createUnpackAttention());
  functions.addPass(createFoldConstants()); // what is done to integers on their way to a node
  functions.addPass(createUnpackQuantized());
  passes.addPass(createSplitEmbedding());
  mlir::OpPassManager &parts = passes.nest<mlir::func::FuncOp>();
  parts.addPass(createFoldConstants());
  parts.addPass(mlir::createCSEPass());
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
                                   bool calibrated, llvm::StringRef modelDirectory) {
  QuantizeModelOptions quantize;
  quantize.recipe = asPassOption(std::string_view(recipe));
  quantize.calibrated = calibrated;
  passes.addPass(createQuantizeModel(quantize));
  if (modelDirectory.empty())
    return;
  LiftKeyBiasOptions lift;
  lift.modelDirectory = modelDirectory.str();
  passes.addPass(createLiftKeyBias(lift));
}

void bluec::buildSchedulePipeline(mlir::OpPassManager &passes, const ScheduleOptions &options) {
  LowerToPlanOptions lower;
  lower.context = options.context;
  lower.chunk = options.chunk;
  lower.imageBatch = options.imageBatch;
  lower.rewind = options.rewind;
  passes.addPass(createLowerToPlan(lower));
  passes.addPass(createFuseSteps());
  passes.addPass(createFuseDownsampling());
  PlaceStepsOptions place;
  place.machine = asPassOption(options.machine);
  passes.addPass(createPlaceSteps(place));
  buildDevicesPipeline(passes);
}

void bluec::buildDevicesPipeline(mlir::OpPassManager &passes) {
  passes.addPass(createCutStages());
  passes.addPass(createRetargetEntries());
}

void bluec::buildPlacementPipeline(mlir::OpPassManager &passes) {
  passes.addPass(createAssignWeights());
  passes.addPass(createPlanMemory());
  passes.addPass(createVerifyPlan());
}

//===------------------------------------------------------------------------------------------===//
// On the command line
//===------------------------------------------------------------------------------------------===//

namespace {

struct ModelPipelineOptions : mlir::PassPipelineOptions<ModelPipelineOptions> {
  Option<std::string> modelDirectory{*this, "model-directory",
                                     llvm::cl::desc("Where the files of weights are")};
  Option<int64_t> context{*this, "context", llvm::cl::desc("Positions of rotary tables"),
                          llvm::cl::init(ScheduleOptions().context)};
  Option<bool> asWritten{*this, "as-written", llvm::cl::desc("Fold nothing"),
                         llvm::cl::init(false)};
};

struct PrecisionPipelineOptions : mlir::PassPipelineOptions<PrecisionPipelineOptions> {
  Option<std::string> recipe{*this, "recipe", llvm::cl::desc("A name, a file, or the recipe"),
                             llvm::cl::init("float")};
  Option<bool> calibrated{*this, "calibrated", llvm::cl::desc("There are statistics for GPTQ"),
                          llvm::cl::init(false)};
  Option<std::string> modelDirectory{*this, "model-directory",
                                     llvm::cl::desc("Where the files of weights are")};
};

struct SchedulePipelineOptions : mlir::PassPipelineOptions<SchedulePipelineOptions> {
  Option<int64_t> context{*this, "context", llvm::cl::desc("Tokens that the KV cache holds"),
                          llvm::cl::init(ScheduleOptions().context)};
  Option<int64_t> chunk{*this, "chunk", llvm::cl::desc("Tokens a call of prefill"),
                        llvm::cl::init(ScheduleOptions().chunk)};
  Option<int64_t> imageBatch{*this, "image-batch", llvm::cl::desc("Tiles a call of encode"),
                             llvm::cl::init(ScheduleOptions().imageBatch)};
  Option<int64_t> rewind{*this, "rewind",
                         llvm::cl::desc("Tokens that a call may go back in layers with a window"),
                         llvm::cl::init(ScheduleOptions().rewind)};
  Option<std::string> machine{*this, "machine", llvm::cl::desc("A name, a file, or the machine")};
};

} // namespace

void bluec::registerPipelines() {
  mlir::PassPipelineRegistration<>("bluec-import", "onnx -> onnx: what phase import runs",
                                   buildImportPipeline);
  mlir::PassPipelineRegistration<ModelPipelineOptions>(
      "bluec-model", "onnx -> blue: what phase model runs",
      [](mlir::OpPassManager &passes, const ModelPipelineOptions &options) {
        buildModelPipeline(passes, options.modelDirectory, options.context, options.asWritten);
      });
  mlir::PassPipelineRegistration<>("bluec-check", "blue: checks, the middle of bluec-model",
                                   buildCheckPipeline);
  mlir::PassPipelineRegistration<>("bluec-folding", "blue -> blue: the end of bluec-model",
                                   buildFoldingPipeline);
  mlir::PassPipelineRegistration<PrecisionPipelineOptions>(
      "bluec-precision", "blue -> blue: what phase precision runs",
      [](mlir::OpPassManager &passes, const PrecisionPipelineOptions &options) {
        buildPrecisionPipeline(passes, options.recipe.getValue(), options.calibrated,
                               options.modelDirectory);
      });
  mlir::PassPipelineRegistration<SchedulePipelineOptions>(
      "bluec-schedule", "blue -> plan: what phase schedule runs, without places",
      [](mlir::OpPassManager &passes, const SchedulePipelineOptions &options) {
        buildSchedulePipeline(passes, {options.context, options.chunk, options.imageBatch,
                                       options.rewind, options.machine.getValue()});
      });
  mlir::PassPipelineRegistration<>("bluec-devices",
                                   "plan -> plan: entries for devices, the end of bluec-schedule",
                                   buildDevicesPipeline);
  mlir::PassPipelineRegistration<>("bluec-placement",
                                   "plan -> plan: places of weights, values and caches, checked",
                                   buildPlacementPipeline);
}
