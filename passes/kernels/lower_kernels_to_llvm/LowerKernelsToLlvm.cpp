#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h"

#include "compiler/dialect/plan/Plan.h"
#include "passes/kernels/lower_kernels_to_llvm/ExpandDots.h"
#include "passes/kernels/lower_kernels_to_llvm/ExpandMath.h"

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
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace bluec::kernels {

#define GEN_PASS_DEF_LOWERKERNELSTOLLVM
#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h.inc"

namespace {

class LowerKernelsToLlvmPass : public impl::LowerKernelsToLlvmBase<LowerKernelsToLlvmPass> {
public:
  void runOnOperation() override;
};

} // namespace

void LowerKernelsToLlvmPass::runOnOperation() {
  ModuleOp module = getOperation();
  MLIRContext *context = &getContext();

  RewritePatternSet expand(context);
  populateExpandDotPatterns(expand);
  populateExpandMathPatterns(expand);
  FrozenRewritePatternSet expandFrozen(std::move(expand));
  for (auto func : module.getOps<func::FuncOp>())
    if (failed(applyPatternsGreedily(func, expandFrozen)))
      return signalPassFailure();

  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  options.allocLowering = LowerToLLVMOptions::AllocLowering::None;
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);

  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  target.addLegalDialect<plan::PlanDialect, blue::BlueDialect>();
  target.addIllegalDialect<arith::ArithDialect, scf::SCFDialect, math::MathDialect,
                           vector::VectorDialect, func::FuncDialect, cf::ControlFlowDialect>();
  target.markOpRecursivelyLegal<plan::EntryOp>();
  if (failed(applyPartialConversion(module, target, std::move(patterns))))
    return signalPassFailure();
  // Nothing but this module's entry functions calls a kernel; they are worth a function of their
  // own, which the steps of all layers share.
  for (auto func : module.getOps<LLVM::LLVMFuncOp>()) {
    func.setLinkage(LLVM::Linkage::Internal);
    func.setNoInline(true);
  }
}

} // namespace bluec::kernels
