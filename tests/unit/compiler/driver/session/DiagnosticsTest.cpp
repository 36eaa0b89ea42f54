// Errors on stderr, and the exit code that follows from whose fault they are.
#include "compiler/driver/session/Diagnostics.h"

#include "runtime/base/Status.h"

#include "mlir/IR/Location.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

struct DiagnosticsTest : testing::Test {
  int exitCode(LogicalResult result) { return diagnostics.exitCode(result, "test"); }
  Location node(StringRef name) { return NameLoc::get(StringAttr::get(&context, name)); }

  std::string text;
  llvm::raw_string_ostream err{text};
  Diagnostics diagnostics{err};
  MLIRContext context{MLIRContext::Threading::DISABLED};
};

TEST_F(DiagnosticsTest, TheExitCodeSaysWhoseFaultItIs) {
  EXPECT_EQ(exitCode(success()), exitDone);
  EXPECT_EQ(Diagnostics(err).exitCode(Diagnostics(err).inputError("a"), "test"), exitInput);
  EXPECT_EQ(exitCode(diagnostics.usageError("--flag: expected a, found b")), exitUsage);
  EXPECT_EQ(diagnostics.errors(), 1u);
}

TEST_F(DiagnosticsTest, TheFirstErrorCounts) {
  (void)diagnostics.internalError("first");
  EXPECT_EQ(exitCode(diagnostics.inputError("second")), exitInternal);
  EXPECT_EQ(text, "error: first\nerror: second\n");
}

TEST_F(DiagnosticsTest, ErrorsMayBeginWithWhatTheyAreAbout) {
  {
    Diagnostics::Scope scope(context, diagnostics);
    Diagnostics::About about(diagnostics, "target a");
    (void)diagnostics.inputError("first");
    emitError(node("n")) << "second";
  }
  (void)diagnostics.inputError("third");
  EXPECT_EQ(text, "error: target a: first\nerror: target a: n: second\nerror: third\n");
}

TEST_F(DiagnosticsTest, AnErrorThatWasOvercomeIsNone) {
  (void)diagnostics.inputError("a");
  EXPECT_EQ(exitCode(success()), exitDone);
}

TEST_F(DiagnosticsTest, ReportsOtherKindsOfErrors) {
  EXPECT_TRUE(succeeded(diagnostics.report(llvm::Error::success())));
  EXPECT_TRUE(succeeded(diagnostics.report(runtime::Status())));
  EXPECT_TRUE(failed(diagnostics.report(runtime::Status(runtime::Code::BadBundle, "bad"))));
  EXPECT_EQ(exitCode(diagnostics.report(llvm::createStringError("full\ndisk"))), exitInput);
  EXPECT_EQ(text, "error: bad\nerror: full disk\n");
  Diagnostics other(err);
  EXPECT_EQ(other.exitCode(other.report(runtime::Status(runtime::Code::Internal, "x")), "test"),
            exitInternal);
}

TEST_F(DiagnosticsTest, MlirsErrorsAreOneLineOfThePhasesClass) {
  Diagnostics::Scope scope(context, diagnostics);
  {
    Diagnostics::Blame blame(diagnostics, Fault::Internal);
    for (const char *name : {"a", "b", "c", "d", "e", "f"})
      emitError(node(name), "expected less");
  }
  emitError(node("g"), "expected more");
  EXPECT_EQ(exitCode(failure()), exitInternal);
  EXPECT_EQ(text, "error: a: expected less; b: expected less; c: expected less; d: expected less; "
                  "and 3 more\n");
}

TEST_F(DiagnosticsTest, WithoutBlameMlirsErrorsAreTheInputs) {
  Diagnostics::Scope scope(context, diagnostics);
  {
    Diagnostics::Blame blame(diagnostics, Fault::Internal);
  }
  emitError(node("a"), "expected less");
  EXPECT_EQ(exitCode(failure()), exitInput);
}

TEST_F(DiagnosticsTest, AFailureSaysSomething) {
  EXPECT_EQ(exitCode(failure()), exitInput);
  EXPECT_EQ(text, "error: test: failed without saying why\n");
  Diagnostics other(err);
  Diagnostics::Blame blame(other, Fault::Internal);
  EXPECT_EQ(other.exitCode(failure(), "test"), exitInternal);
}

} // namespace
