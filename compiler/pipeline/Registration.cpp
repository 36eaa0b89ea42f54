#include "compiler/pipeline/Registration.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void bluec::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  registry.insert<onnx::OnnxDialect>();
  registry.insert<blue::BlueDialect>();
}

void bluec::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
}
