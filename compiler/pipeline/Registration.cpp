#include "compiler/pipeline/Registration.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/dialect/plan/Plan.h"
#include "passes/model/fold_constants/FoldConstants.h"
#include "passes/model/infer_shapes/InferShapes.h"
#include "passes/model/inline_cached_branch/InlineCachedBranch.h"
#include "passes/model/specialize_batch/SpecializeBatch.h"
#include "passes/conversions/onnx_to_blue/OnnxToBlue.h"
#include "passes/model/verify_model/VerifyModel.h"
#include "passes/schedule/fuse_steps/FuseSteps.h"
#include "passes/schedule/lower_to_plan/LowerToPlan.h"
#include "passes/schedule/assign_weights/AssignWeights.h"
#include "passes/schedule/plan_memory/PlanMemory.h"
#include "passes/schedule/verify_plan/VerifyPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void bluec::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  registry.insert<onnx::OnnxDialect>();
  registry.insert<blue::BlueDialect, plan::PlanDialect>();
}

void bluec::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  registerInferShapes();
  registerInlineCachedBranch();
  registerSpecializeBatch();
  registerFoldConstants();
  registerOnnxToBlue();
  registerVerifyModel();
  registerLowerToPlan();
  registerFuseSteps();
  registerAssignWeights();
  registerPlanMemory();
  registerVerifyPlan();
}
