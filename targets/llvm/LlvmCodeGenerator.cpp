#include "targets/llvm/LlvmCodeGenerator.h"

#include "compiler/dialect/abi/Abi.h"
#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h"
#include "runtime/abi/bluec_abi.h"
#include "targets/llvm/Descriptor.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

static std::unique_ptr<llvm::TargetMachine> makeMachine(const CodegenOptions &options,
                                                        std::string &error) {
  llvm::Triple triple(options.triple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, options.cpu, options.features, llvm::TargetOptions(),
                                  llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// The module's functions as LLVM IR.
static std::unique_ptr<llvm::Module> translateFunctions(ModuleOp module, unsigned pointerBits,
                                                        llvm::LLVMContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);

  OwningOpRef<ModuleOp> copy = module.clone();
  for (Operation &op : llvm::make_early_inc_range(*copy->getBody()))
    if (isa_and_nonnull<plan::PlanDialect, abi::AbiDialect>(op.getDialect()))
      op.erase();
  // What the schedule left on the module means nothing to LLVM.
  for (NamedAttribute attribute : llvm::to_vector(copy->getOperation()->getDiscardableAttrs()))
    copy->getOperation()->removeDiscardableAttr(attribute.getName());
  copy->getOperation()->removeAttr(SymbolTable::getSymbolAttrName());
  PassManager passes(module.getContext());
  kernels::LowerKernelsToLlvmOptions lowering;
  lowering.pointerBits = pointerBits;
  passes.addPass(kernels::createLowerKernelsToLlvm(lowering));
  if (failed(passes.run(*copy)))
    return nullptr;
  return translateModuleToLLVMIR(*copy, context, "bluec");
}

/// Every function is compiled for the target's CPU, keeps its vectors whole, and calls nothing.
static void setAttributes(llvm::Module &module, const CodegenOptions &options) {
  std::string bits = std::to_string(options.vectorBits);
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", options.cpu);
    if (!options.features.empty())
      function.addFnAttr("target-features", options.features);
    if (!options.tuneCpu.empty())
      function.addFnAttr("tune-cpu", options.tuneCpu);
    function.addFnAttr("prefer-vector-width", bits);
    function.addFnAttr("min-legal-vector-width", bits);
    function.addFnAttr("no-builtins");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  // Kernels are vectors and unrolled tiles already; what is a loop is meant to be one.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  tuning.LoopInterleaving = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

/// Functions and descriptor, optimised. Null with an error on the module.
static std::unique_ptr<llvm::Module> makeModule(ModuleOp module, const CodegenOptions &options,
                                                llvm::TargetMachine &machine,
                                                llvm::LLVMContext &context) {
  abi::ModelOp model = abi::requireModel(module);
  if (!model)
    return nullptr;
  llvm::DataLayout layout = machine.createDataLayout();
  std::unique_ptr<llvm::Module> code =
      translateFunctions(module, layout.getPointerSizeInBits(), context);
  if (!code) {
    module.emitError("internal error: the kernels could not be translated to LLVM IR");
    return nullptr;
  }
  code->setTargetTriple(machine.getTargetTriple());
  code->setDataLayout(layout);
  code->setPICLevel(llvm::PICLevel::BigPIC);
  addDescriptor(*code, model);
  setAttributes(*code, options);
  optimize(*code, machine);
  return code;
}

/// Symbols are the contract: none undefined, and the model's the only one that others see.
static LogicalResult checkSymbols(ModuleOp module, llvm::StringRef bytes) {
  auto object = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(bytes, "object"));
  if (!object) {
    llvm::consumeError(object.takeError());
    return module.emitError("internal error: the object that was made cannot be read");
  }
  for (const llvm::object::SymbolRef &symbol : (*object)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (!flags || !name) {
      llvm::consumeError(flags.takeError());
      llvm::consumeError(name.takeError());
      return module.emitError("internal error: the object that was made cannot be read");
    }
    if (name->empty())
      continue;
    if (*flags & llvm::object::SymbolRef::SF_Undefined)
      return module.emitError("internal error: kernels need the symbol '")
             << *name << "' from outside";
    if ((*flags & llvm::object::SymbolRef::SF_Global) && *name != BLUEC_MODEL_SYMBOL)
      return module.emitError("internal error: the object exports '") << *name << "'";
  }
  return success();
}

/// Writes the object of `code`.
static LogicalResult emitObject(ModuleOp module, llvm::Module &code, llvm::TargetMachine &machine,
                                SmallVectorImpl<char> &bytes) {
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return module.emitError() << "target " << machine.getTargetTriple().str()
                              << ": LLVM emits no object for it";
  passes.run(code);
  return checkSymbols(module, stream.str());
}

ArrayRef<StringRef> LlvmCodeGenerator::forms() const {
  static constexpr StringRef kNames[] = {"obj", "llvm"};
  return kNames;
}

FailureOr<std::vector<CodeFile>> LlvmCodeGenerator::generate(ModuleOp module,
                                                             StringRef form) const {
  initialize();
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = makeMachine(options, error);
  if (!machine)
    return module.emitError() << "target " << options.triple << ": " << error;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = makeModule(module, options, *machine, context);
  if (!code)
    return failure();
  std::vector<CodeFile> files(1);
  CodeFile &file = files.front();
  if (form == "llvm") {
    file.name = "model.ll";
    llvm::raw_svector_ostream stream(file.bytes);
    code->print(stream, nullptr);
    return files;
  }
  file.name = "model.o";
  if (failed(emitObject(module, *code, *machine, file.bytes)))
    return failure();
  return files;
}
