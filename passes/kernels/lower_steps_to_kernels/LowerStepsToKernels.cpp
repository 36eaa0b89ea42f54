#include "passes/kernels/lower_steps_to_kernels/LowerStepsToKernels.h"

#include "compiler/dialect/kernel/Kernel.h"
#include "compiler/dialect/plan/Plan.h"
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace bluec::kernels {

#define GEN_PASS_DEF_LOWERSTEPSTOKERNELS
#include "passes/kernels/lower_steps_to_kernels/LowerStepsToKernels.h.inc"

namespace {

/// The step's ops, a line each. Values are numbered from the step on: the same body prints the
/// same.
std::string textOf(plan::StepOp step) {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (Operation &op : step.getBody().front()) {
    op.print(out, OpPrintingFlags().useLocalScope().elideLargeElementsAttrs().skipRegions());
    out << '\n';
  }
  return text;
}

/// What two steps must share to share a kernel: body, types, and the entry's capacity.
std::string keyOf(plan::StepOp step, int64_t capacity) {
  std::string key;
  llvm::raw_string_ostream out(key);
  out << capacity << '\n' << textOf(step);
  for (Type type : step.getOperandTypes())
    out << type << ' ';
  return key;
}

/// A readable name: the ops that make the kernel, and the shapes of its result or first operand.
std::string nameOf(plan::StepOp step) {
  std::string name;
  llvm::raw_string_ostream out(name);
  Type shape;
  for (Operation &op : step.getBody().front()) {
    if (isa<plan::PositionOp, plan::YieldOp>(op))
      continue;
    if (!name.empty())
      out << '_';
    out << op.getName().stripDialect();
    if (!shape)
      shape = op.getNumResults() ? op.getResult(0).getType() : op.getOperand(0).getType();
  }
  auto print = [&](Type type) {
    llvm::interleave(cast<RankedTensorType>(type).getShape(), out, "x");
  };
  out << '_';
  print(shape ? shape : step.getOperand(0).getType());
  if (auto linear = dyn_cast_or_null<plan::LinearOp>(rootOf(step)))
    out << "_k" << linear.getDepth();
  return name;
}

class LowerStepsToKernelsPass : public impl::LowerStepsToKernelsBase<LowerStepsToKernelsPass> {
public:
  void runOnOperation() override;

private:
  struct Made {
    FlatSymbolRefAttr name;
    AffineMap tasks;
  };
  FailureOr<Made> makeKernel(plan::StepOp step, int64_t capacity);

  Facts facts;
  llvm::StringMap<Made> made;
};

} // namespace

FailureOr<LowerStepsToKernelsPass::Made> LowerStepsToKernelsPass::makeKernel(plan::StepOp step,
                                                                             int64_t capacity) {
  auto [known, isNew] = made.try_emplace(keyOf(step, capacity));
  if (!isNew)
    return known->second;
  ModuleOp module = getOperation();
  std::string base = nameOf(step), name = base;
  for (int64_t i = 2; module.lookupSymbol(name); ++i)
    name = base + "_" + std::to_string(i);

  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  MLIRContext *context = &getContext();
  SmallVector<Type> types = StepKernel::signature(step);
  auto func =
      func::FuncOp::create(builder, step.getLoc(), name, FunctionType::get(context, types, {}));
  func.setPrivate();
  func->setAttr(kernel::kComputesAttr, builder.getStringAttr(StringRef(textOf(step)).rtrim('\n')));
  // Buffers do not overlap where one of them is written (see plan.step), and all are aligned.
  for (auto [number, type] : llvm::enumerate(types))
    if (isa<MemRefType>(type)) {
      auto at = static_cast<unsigned>(number);
      func.setArgAttr(at, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
      func.setArgAttr(at, LLVM::LLVMDialect::getAlignAttrName(),
                      builder.getI64IntegerAttr(facts.alignment));
    }
  func.addEntryBlock();
  StepKernel kernel(step, capacity, func, facts);
  if (failed(emitKernel(kernel)))
    return failure();
  func::ReturnOp::create(kernel.b);
  ++numKernels;
  known->second = {FlatSymbolRefAttr::get(context, name), AffineMap::get(1, 0, kernel.tasks)};
  return known->second;
}

void LowerStepsToKernelsPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto target = plan::requireTarget(module);
  if (!target)
    return signalPassFailure();
  plan::TuningAttr tuning = target.getTuningOrDefault();
  facts = {plan::lanesOf(target),
           target.getVectorRegisters(),
           target.getL1Bytes(),
           target.getL2Bytes(),
           target.getAlignment(),
           target.getLineBytes(),
           tuning.getFloatAheadBytes(),
           tuning.getQuantizedAheadBytes(),
           tuning.getDotsInFlight(),
           tuning.getLaneOperands(),
           target};
  made.clear();
  for (auto entry : module.getOps<plan::EntryOp>())
    if (plan::TargetAttr other = plan::targetOf(entry); other != target) {
      entry.emitOpError() << "expected the module's target " << target.getName()
                          << " on its device, found " << other.getName() << " (extract-section)";
      return signalPassFailure();
    }
  for (auto entry : module.getOps<plan::EntryOp>())
    for (auto step : llvm::make_early_inc_range(entry.getBody().getOps<plan::StepOp>())) {
      FailureOr<Made> kernel = makeKernel(step, entry.getCapacity());
      if (failed(kernel))
        return signalPassFailure();
      OpBuilder builder(step);
      auto launch = plan::LaunchOp::create(
          builder, step.getLoc(), step->getResultTypes(), step.getOperands(), kernel->name,
          AffineMapAttr::get(kernel->tasks), step.getLayerAttr(), step.getValueAttr(),
          step.getDeviceAttr(), step.getOffsetAttr(), step.getLastUseAttr());
      step->replaceAllUsesWith(launch->getResults());
      step.erase();
      ++numSteps;
    }
}

} // namespace bluec::kernels
