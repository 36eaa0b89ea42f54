#include "compiler/driver/session/PassRunner.h"

#include "mlir/IR/AsmState.h"

using namespace mlir;
using namespace bluec;

void bluec::registerInstrumentationOptions() {
  registerAsmPrinterCLOptions();
  registerMLIRContextCLOptions();
  registerPassManagerCLOptions();
  registerDefaultTimingManagerCLOptions();
}

PassRunner::PassRunner() {
  applyDefaultTimingManagerCLOptions(timing);
  root = timing.getRootScope();
}

LogicalResult PassRunner::run(ModuleOp module, StringRef name,
                              llvm::function_ref<void(OpPassManager &)> build) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  if (failed(applyPassManagerCLOptions(passes)))
    return failure();
  TimingScope scope = root.nest(name);
  passes.enableTiming(scope);
  build(passes);
  return passes.run(module);
}
