#include "compiler/driver/session/CompilerSession.h"

#include "compiler/driver/session/Registration.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace bluec;

static std::unique_ptr<llvm::StdThreadPool> makeThreads(int jobs) {
  llvm::ThreadPoolStrategy all = llvm::hardware_concurrency();
  unsigned count = jobs > 0 ? static_cast<unsigned>(jobs) : all.compute_thread_count();
  if (count <= 1)
    return nullptr;
  return std::make_unique<llvm::StdThreadPool>(llvm::hardware_concurrency(count));
}

static std::unique_ptr<MLIRContext> makeContext(llvm::StdThreadPool *threads) {
  DialectRegistry registry;
  registerAllDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  if (threads)
    context->setThreadPool(*threads);
  return context;
}

CompilerSession::CompilerSession(Diagnostics &diagnostics, int jobs)
    : says(diagnostics), threads(makeThreads(jobs)), mlirContext(makeContext(threads.get())),
      handler(*mlirContext, diagnostics),
      model(ModuleOp::create(UnknownLoc::get(mlirContext.get()))) {}

CompilerSession::~CompilerSession() = default;

LogicalResult CompilerSession::run(ModuleOp part, StringRef name,
                                   llvm::function_ref<void(OpPassManager &)> build) {
  const unsigned before = says.errors();
  LogicalResult done = runner.run(part, name, [&](OpPassManager &passes) {
    build(passes);
    if (!pipelines)
      return;
    *pipelines << name << ": ";
    passes.printAsTextualPipeline(*pipelines);
    *pipelines << '\n';
  });
  // A pass that warns goes on, also where warnings are errors.
  return success(succeeded(done) && says.errors() == before);
}
