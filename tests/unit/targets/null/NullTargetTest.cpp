// The null target with no other target linked in: from steps to a package.
#include "targets/null/NullTarget.h"

#include "compiler/dialect/abi/Abi.h"
#include "passes/kernels/lower_entries/LowerEntries.h"
#include "targets/interface/KernelPipeline.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace bluec;
using namespace bluec::targets;

namespace {

constexpr const char *kPlan = R"(
module attributes {plan.context = 32 : i64} {
  plan.entry @embed role embed capacity 4 segment "s" takes ["ids"] gives ["embeddings"] arena 384 inputs [0] {
  ^bb0(%x: tensor<4x8xf32>):
    %a = plan.step "a" value "a" on "cpu" offset 128 (%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%p: tensor<4x8xf32>):
      %s = blue.gelu %p : tensor<4x8xf32>
      plan.yield %s : tensor<4x8xf32>
    }
    plan.return %a : tensor<4x8xf32>
  }
}
)";

class NullTarget : public testing::Test {
protected:
  void SetUp() override {
    addNullTarget(registry);
    std::string error;
    target = registry.find("null", error);
    ASSERT_NE(target, nullptr) << error;
    context.loadDialect<blue::BlueDialect, plan::PlanDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(kPlan, &context);
    ASSERT_TRUE(module);
    (*module)->setAttr(plan::kTargetAttr, target->facts(&context));
  }

  TargetRegistry registry;
  const Target *target = nullptr;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

TEST_F(NullTarget, IsFoundAndNotListed) {
  EXPECT_TRUE(registry.all().empty());
  std::string error;
  EXPECT_EQ(registry.find("host", error), nullptr);
  EXPECT_FALSE(target->runner());
}

TEST_F(NullTarget, GoesFromStepsToAPackage) {
  EXPECT_TRUE(mlir::succeeded(checkSupport(*module, *target)));
  mlir::PassManager passes(&context);
  buildKernelPipeline(passes, *target);
  passes.addPass(kernels::createLowerEntries());
  ASSERT_TRUE(mlir::succeeded(passes.run(*module)));
  auto files = target->codeGenerator().generate(*module, target->packager().form());
  ASSERT_TRUE(mlir::succeeded(files));
  ASSERT_EQ(files->size(), 1u);
  llvm::StringRef text(files->front().bytes.data(), files->front().bytes.size());
  EXPECT_TRUE(text.contains("vector<4xf32>"));
  EXPECT_TRUE(text.contains("abi.run"));
  EXPECT_FALSE(text.contains("math.erf"));
  EXPECT_FALSE(text.contains("llvm.call"));

  llvm::SmallString<128> code, package;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("bluec-null", "mlir", code));
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("bluec-null", "package", package));
  std::error_code failed;
  llvm::raw_fd_ostream(code, failed) << text;
  std::string error;
  EXPECT_TRUE(mlir::succeeded(target->packager().package({code.str().str()}, package, error)))
      << error;
  auto read = llvm::MemoryBuffer::getFile(package);
  ASSERT_TRUE(static_cast<bool>(read));
  EXPECT_EQ((*read)->getBuffer(), text);
  EXPECT_TRUE(mlir::failed(target->packager().package({"/nowhere/code"}, package, error)));
  EXPECT_FALSE(error.empty());
  llvm::sys::fs::remove(code);
  llvm::sys::fs::remove(package);
}

TEST_F(NullTarget, RefusesTypesByName) {
  module->walk([&](plan::StepOp step) {
    auto type = mlir::RankedTensorType::get({4, 8}, mlir::IntegerType::get(&context, 4));
    step.getOperands()[0].setType(type);
  });
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    message = diagnostic.str();
    return mlir::success();
  });
  EXPECT_TRUE(mlir::failed(checkSupport(*module, *target)));
  EXPECT_EQ(message, "step \"a\": expected types that target null supports, found 'i4'");
}
