// Functions as C++: what must not move, and in which order loops hand values on.
#include "targets/cpp/FunctionPrinter.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/dialect/kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace bluec;
using namespace bluec::targets;

namespace {

class FunctionPrinter : public testing::Test {
protected:
  void SetUp() override {
    context.loadDialect<bluec::abi::AbiDialect, bluec::kernel::KernelDialect,
                        mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                        mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                        mlir::vector::VectorDialect>();
  }
  /// The body of the text's function as C++; empty with `fault` set when it has none.
  std::string print(const char *text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      fault = diagnostic.str();
      return mlir::success();
    });
    auto function = *module->getOps<mlir::func::FuncOp>().begin();
    mlir::FailureOr<std::string> printed = printFunction(function);
    return mlir::succeeded(printed) ? *printed : "";
  }
  static bool has(const std::string &text, const std::string &part) {
    return text.find(part) != text.npos;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string fault;
};

} // namespace

// What a turn hands on is computed of what it was given, whatever is assigned first.
TEST_F(FunctionPrinter, LoopsHandAllValuesOnAtOnce) {
  std::string text = print(R"(
func.func @swap(%out: memref<2xf32>, %n: index, %a: f32, %b: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%x = %a, %y = %b) -> (f32, f32) {
    %sum = arith.addf %x, %y : f32
    scf.yield %y, %sum : f32, f32
  }
  memref.store %r#0, %out[%c0] : memref<2xf32>
  memref.store %r#1, %out[%c1] : memref<2xf32>
  return
})");
  EXPECT_TRUE(has(text, "    const float v1 = state1 + state2;\n"
                        "    state1 = state2;\n"
                        "    state2 = v1;\n"))
      << text;
  EXPECT_TRUE(has(text, "out1[0] = state1;\n  out1[1] = state2;\n")) << text;
}

TEST_F(FunctionPrinter, LoadsStayBeforeStoresThatFollow) {
  std::string text = print(R"(
func.func @move(%out: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %old = vector.load %out[%c0] : memref<8xf32>, vector<4xf32>
  %zero = arith.constant dense<0.0> : vector<4xf32>
  vector.store %zero, %out[%c0] : memref<8xf32>, vector<4xf32>
  vector.store %old, %out[%c4] : memref<8xf32>, vector<4xf32>
  return
})");
  size_t load = text.find("const F32x4 v1 = load<F32x4>(out1);"), store = text.find("store(out1, ");
  EXPECT_LT(load, store) << text;
  EXPECT_TRUE(has(text, "store(out1 + 4, v1);")) << text;
}

// The same load in an expression that is written elsewhere.
TEST_F(FunctionPrinter, SoDoExpressionsOfLoads) {
  std::string text = print(R"(
func.func @move(%out: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %old = memref.load %out[%c0] : memref<8xf32>
  %one = arith.constant 1.0 : f32
  %more = arith.addf %old, %one : f32
  memref.store %one, %out[%c0] : memref<8xf32>
  memref.store %more, %out[%c0] : memref<8xf32>
  return
})");
  EXPECT_TRUE(has(text, "  const float v1 = out1[0] + 1.0f;\n"
                        "  out1[0] = 1.0f;\n"
                        "  out1[0] = v1;\n"))
      << text;
}

// a - (b + c) and a * (b + c) keep their parentheses, (a + b) + c needs none.
TEST_F(FunctionPrinter, OrderOfOperationsStays) {
  std::string text = print(R"(
func.func @order(%out: memref<3xf32>, %a: f32, %b: f32, %c: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %s = arith.addf %b, %c : f32
  %d = arith.subf %a, %s : f32
  memref.store %d, %out[%c0] : memref<3xf32>
  %t = arith.addf %b, %c : f32
  %p = arith.mulf %a, %t : f32
  memref.store %p, %out[%c1] : memref<3xf32>
  %u = arith.addf %a, %b : f32
  %v = arith.addf %u, %c : f32
  memref.store %v, %out[%c2] : memref<3xf32>
  return
})");
  EXPECT_TRUE(has(text, "out1[0] = n1 - (n2 + n3);")) << text;
  EXPECT_TRUE(has(text, "out1[1] = n1 * (n2 + n3);")) << text;
  EXPECT_TRUE(has(text, "out1[2] = n1 + n2 + n3;")) << text;
}

TEST_F(FunctionPrinter, DotsOfSignedPairsAreAFunction) {
  std::string text = print(R"(
func.func @dots(%out: memref<8xi32>, %c: vector<8xi32>, %a: vector<16xi16>, %b: vector<16xi16>) {
  %c0 = arith.constant 0 : index
  %d = kernel.dot %c, %a, %b k 2 : vector<8xi32>, vector<16xi16>
  vector.store %d, %out[%c0] : memref<8xi32>, vector<8xi32>
  return
})");
  EXPECT_TRUE(has(text, "store(out1, dot(n1, n2, n3));")) << text;
  EXPECT_EQ(print(R"(
func.func @unsigned(%out: memref<8xi32>, %c: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) {
  %c0 = arith.constant 0 : index
  %d = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<8xi32>, vector<32xi8>
  vector.store %d, %out[%c0] : memref<8xi32>, vector<8xi32>
  return
})"),
            "");
  EXPECT_EQ(fault, "internal error: 'kernel.dot' has no form in C++");
}

TEST_F(FunctionPrinter, WhatHasNoFormIsNamed) {
  EXPECT_EQ(print(R"(
func.func @exp(%out: memref<1xf32>, %a: f32) {
  %c0 = arith.constant 0 : index
  %e = math.exp %a : f32
  memref.store %e, %out[%c0] : memref<1xf32>
  return
})"),
            "");
  EXPECT_EQ(fault, "internal error: 'math.exp' has no form in C++");
}
