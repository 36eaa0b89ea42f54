#include "compiler/pipeline/Registration.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/kernel/Kernel.h"
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/dialect/plan/Plan.h"
#include "passes/conversions/onnx_to_blue/OnnxToBlue.h"
#include "passes/kernels/expand_kernel_ops/ExpandKernelOps.h"
#include "passes/kernels/join_steps/JoinSteps.h"
#include "passes/kernels/lower_entries/LowerEntries.h"
#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h"
#include "passes/kernels/lower_steps_to_kernels/LowerStepsToKernels.h"
#include "passes/model/fold_constants/FoldConstants.h"
#include "passes/model/fold_projector/FoldProjector.h"
#include "passes/model/infer_shapes/InferShapes.h"
#include "passes/model/inline_cached_branch/InlineCachedBranch.h"
#include "passes/model/specialize_batch/SpecializeBatch.h"
#include "passes/model/unpack_attention/UnpackAttention.h"
#include "passes/model/unpack_quantized/UnpackQuantized.h"
#include "passes/model/verify_model/VerifyModel.h"
#include "passes/precision/quantize_model/QuantizeModel.h"
#include "passes/schedule/assign_weights/AssignWeights.h"
#include "passes/schedule/cut_stages/CutStages.h"
#include "passes/schedule/fuse_downsampling/FuseDownsampling.h"
#include "passes/schedule/fuse_steps/FuseSteps.h"
#include "passes/schedule/lower_to_plan/LowerToPlan.h"
#include "passes/schedule/place_steps/PlaceSteps.h"
#include "passes/schedule/plan_memory/PlanMemory.h"
#include "passes/schedule/verify_plan/VerifyPlan.h"
#include "targets/Registration.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void bluec::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  registry.insert<mlir::LLVM::LLVMDialect, mlir::cf::ControlFlowDialect, mlir::math::MathDialect,
                  mlir::memref::MemRefDialect, mlir::scf::SCFDialect, mlir::ub::UBDialect,
                  mlir::vector::VectorDialect>();
  registry.insert<onnx::OnnxDialect>();
  registry.insert<abi::AbiDialect, blue::BlueDialect, kernel::KernelDialect, plan::PlanDialect>();
}

void bluec::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  registerAssignWeights();
  registerCutStages();
  registerFoldConstants();
  registerFoldProjector();
  registerFuseDownsampling();
  registerFuseSteps();
  registerInferShapes();
  registerInlineCachedBranch();
  kernels::registerExpandKernelOps();
  kernels::registerJoinSteps();
  kernels::registerLowerEntries();
  kernels::registerLowerKernelsToLlvm();
  kernels::registerLowerStepsToKernels();
  registerLowerToPlan();
  registerOnnxToBlue();
  registerPlaceSteps();
  registerPlanMemory();
  registerQuantizeModel();
  registerUnpackAttention();
  registerUnpackQuantized();
  registerSpecializeBatch();
  registerVerifyModel();
  registerVerifyPlan();
  targets::registerTargetPasses();
}
