#include "targets/interface/KernelPipeline.h"

#include "passes/kernels/expand_kernel_ops/ExpandKernelOps.h"
#include "passes/kernels/join_steps/JoinSteps.h"
#include "passes/kernels/lower_steps_to_kernels/LowerStepsToKernels.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace bluec;

void targets::buildKernelPipeline(OpPassManager &passes, const Target &target) {
  passes.addPass(kernels::createLowerStepsToKernels());
  target.addLoweringPasses(passes);
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  kernels::ExpandKernelOpsOptions expansion;
  expansion.keepDots = target.codeGenerator().writesDots();
  passes.addPass(kernels::createExpandKernelOps(expansion));
  passes.addPass(kernels::createJoinSteps());
}

LogicalResult targets::checkSupport(ModuleOp plan, const Target &target) {
  auto unsupported = [&](ValueRange values) -> Type {
    for (Value value : values) {
      Type element = cast<RankedTensorType>(value.getType()).getElementType();
      if (auto quantized = dyn_cast<blue::QuantizedType>(element))
        element = quantized.getStorage();
      if (!target.supports(element))
        return element;
    }
    return {};
  };
  for (auto entry : plan.getOps<plan::EntryOp>())
    for (auto step : entry.getOps<plan::StepOp>()) {
      Type operand = unsupported(step.getOperands());
      Type found = operand ? operand : unsupported(step->getResults());
      if (found)
        return step.emitError() << "step " << step.getLayerAttr() << ": expected types that target "
                                << target.name() << " supports, found " << found;
    }
  return success();
}
