#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/dialect/plan/Plan.h"
#include "passes/kernels/lower_kernels_to_llvm/AbiToLlvm.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

namespace bluec::kernels {

#define GEN_PASS_DEF_LOWERKERNELSTOLLVM
#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h.inc"

namespace {

class LowerKernelsToLlvmPass : public impl::LowerKernelsToLlvmBase<LowerKernelsToLlvmPass> {
public:
  using LowerKernelsToLlvmBase::LowerKernelsToLlvmBase;
  void runOnOperation() override;
};

} // namespace

void LowerKernelsToLlvmPass::runOnOperation() {
  ModuleOp module = getOperation();
  MLIRContext *context = &getContext();
  // Kernels are worth a function of their own, which the steps of all layers share; what takes a
  // call may go where it is called.
  SmallVector<StringAttr> kernels;
  for (auto func : module.getOps<func::FuncOp>())
    if (!takesCall(func))
      kernels.push_back(func.getSymNameAttr());
  addRunSteps(module);

  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  options.allocLowering = LowerToLLVMOptions::AllocLowering::None;
  options.overrideIndexBitwidth(pointerBits);
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);
  populateAbiToLlvmPatterns(converter, patterns);

  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  target.addLegalDialect<plan::PlanDialect, blue::BlueDialect>();
  target.addLegalOp<abi::ModelOp, abi::SegmentOp, abi::DeviceOp, abi::EntryOp, abi::StepOp>();
  target.addIllegalDialect<arith::ArithDialect, scf::SCFDialect, math::MathDialect,
                           vector::VectorDialect, func::FuncDialect, cf::ControlFlowDialect>();
  target.addIllegalOp<abi::BufferOp, abi::CountOp, abi::PositionOp, abi::RunOp>();
  target.markOpRecursivelyLegal<plan::EntryOp>();
  if (failed(applyPartialConversion(module, target, std::move(patterns))))
    return signalPassFailure();
  for (auto func : module.getOps<LLVM::LLVMFuncOp>())
    func.setLinkage(LLVM::Linkage::Internal);
  SymbolTable symbols(module);
  for (StringAttr name : kernels)
    symbols.lookup<LLVM::LLVMFuncOp>(name).setNoInline(true);
}

} // namespace bluec::kernels
