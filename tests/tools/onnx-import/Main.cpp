// onnx-import FILE.onnx: prints the onnx dialect's module of one ONNX file. A driver for tests of
// the importer alone; users have `bluec compile --stop-after import`.
#include "compiler/driver/session/Registration.h"
#include "compiler/import/onnx/GraphImport.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: onnx-import FILE.onnx\n";
    return 2;
  }
  DialectRegistry registry;
  bluec::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false); // a message is one line
  llvm::StringRef path = argv[1];
  std::string directory = llvm::sys::path::parent_path(path).str();
  bluec::ModelFiles files(directory.empty() ? "." : directory);
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  if (failed(bluec::importOnnxFile(files, llvm::sys::path::filename(path), "main", *module)) ||
      failed(verify(*module)))
    return 1;
  OpPrintingFlags flags;
  flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/false).elideLargeElementsAttrs(64);
  module->print(llvm::outs(), flags);
  return 0;
}
