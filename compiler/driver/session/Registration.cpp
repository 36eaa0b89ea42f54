#include "compiler/driver/session/Registration.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/kernel/Kernel.h"
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/session/Pipelines.h"

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
  registerOwnPasses();
  registerPipelines();
}
