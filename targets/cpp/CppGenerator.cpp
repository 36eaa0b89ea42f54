#include "targets/cpp/CppGenerator.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/dialect/kernel/Kernel.h"
#include "targets/cpp/DescriptorPrinter.h"
#include "targets/cpp/FunctionPrinter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

// Headers of the output, as they stand in this repository.
static constexpr llvm::StringLiteral kVectorsHeader =
#include "targets/cpp/Vectors.h.inc"
    ;
static constexpr llvm::StringLiteral kAbiHeader =
#include "targets/cpp/bluec_abi.h.inc"
    ;

/// abi.run, whose steps share a loop. Internal, so that it is where it is used.
static constexpr StringRef kRunSteps =
    R"(std::int32_t runSteps(const bluec_call *call, bluec_kernel_fn kernel, std::int64_t tasks,
                      std::int64_t first, std::int64_t end) {
  call->parallel_for(call->pool, kernel, call, tasks);
  for (std::int64_t step = first; call->on_step && step < end; ++step)
    if (const std::int32_t answer = call->on_step(call->observer, step))
      return answer;
  return 0;
}
)";

static CodeFile fileOf(StringRef name, StringRef text) {
  return {name.str(), llvm::SmallVector<char, 0>(text.begin(), text.end())};
}

static bool takesCall(func::FuncOp function) {
  return llvm::any_of(function.getArgumentTypes(),
                      [](Type type) { return isa<abi::CallType>(type); });
}

/// A line of kernel.computes with the names of the function's arguments for those of the step's,
/// which come in the same order.
static std::string withNames(StringRef line, ArrayRef<std::string> names) {
  constexpr StringLiteral kArgument = "%arg";
  std::string text;
  while (true) {
    auto [before, behind] = line.split(kArgument);
    text += before;
    if (before.size() == line.size())
      return text;
    size_t number = 0;
    behind.consumeInteger(10, number);
    text += number < names.size() ? names[number] : (kArgument + Twine(number)).str();
    line = behind;
  }
}

/// What a kernel computes, each line behind "// ", none longer than a screen is wide.
static std::string commentOf(func::FuncOp function) {
  constexpr size_t kWidth = 97;
  std::string comment;
  auto said = function->getAttrOfType<StringAttr>(kernel::kComputesAttr);
  SmallVector<StringRef> lines;
  if (said)
    said.getValue().split(lines, '\n', -1, false);
  std::vector<std::string> names = argumentNamesOf(function);
  for (StringRef line : lines) {
    std::string text = withNames(line, names);
    StringRef rest = text;
    for (bool isFirst = true; !rest.empty(); isFirst = false) {
      size_t room = isFirst ? kWidth : kWidth - 4;
      size_t cut = rest.size() <= room ? rest.size() : rest.rfind(' ', room);
      cut = cut == rest.npos ? rest.size() : cut;
      comment += (isFirst ? "// " : "//     ") + rest.take_front(cut).str() + "\n";
      rest = rest.drop_front(cut).ltrim(' ');
    }
  }
  return comment;
}

ArrayRef<StringRef> CppGenerator::forms() const {
  static constexpr StringRef kNames[] = {"cpp"};
  return kNames;
}

FailureOr<std::vector<CodeFile>> CppGenerator::generate(ModuleOp module, StringRef form) const {
  abi::ModelOp model = abi::requireModel(module);
  if (!model)
    return failure();
  std::string producer = "// Made by " + model.getProducer().str() + ".\n";
  std::vector<CodeFile> files;
  files.push_back(fileOf("vectors.h", kVectorsHeader));
  files.push_back(fileOf("bluec_abi.h", kAbiHeader));
  std::string kernels, entries, declared;
  for (auto function : module.getOps<func::FuncOp>()) {
    FailureOr<std::string> body = printFunction(function);
    if (failed(body))
      return failure();
    if (takesCall(function)) {
      bool isStep = function.getNumResults() == 0;
      entries += "\n" + std::string(isStep ? "static " : "") + *body;
      if (!isStep)
        declared += signatureOf(function) + ";\n";
      continue;
    }
    std::string name = identifierOf(function.getSymName());
    kernels += "\n" + signatureOf(function) + ";\n";
    files.push_back(fileOf("kernels/" + name + ".cpp",
                           producer + "#include \"../kernels.h\"\n\n" + "namespace bluec {\n\n" +
                               commentOf(function) + *body + "\n} // namespace bluec\n"));
  }
  files.push_back(fileOf(
      "kernels.h", producer +
                       "// Kernels work on tasks begin .. end - 1, which may run on any "
                       "threads. `count` rows of the\n// buffers are valid; `position` tokens "
                       "are in the KV cache before the call.\n"
                       "#ifndef BLUEC_KERNELS_H\n#define BLUEC_KERNELS_H\n\n#include "
                       "\"vectors.h\"\n\nnamespace bluec {\n" +
                       kernels + "\n} // namespace bluec\n\n#endif // BLUEC_KERNELS_H\n"));
  files.push_back(
      fileOf("entries.h", producer +
                              "#ifndef BLUEC_ENTRIES_H\n#define BLUEC_ENTRIES_H\n\n#include "
                              "\"bluec_abi.h\"\n\n#include <cstdint>\n\nnamespace bluec {\n\n" +
                              declared + "\n} // namespace bluec\n\n#endif // BLUEC_ENTRIES_H\n"));
  files.push_back(fileOf("entries.cpp", producer +
                                            "// Steps say where a kernel's buffers are; entry "
                                            "points run the steps.\n#include \"entries.h\"\n\n"
                                            "#include \"kernels.h\"\n\nnamespace bluec {\n\n"
                                            "static " +
                                            kRunSteps.str() + entries +
                                            "\n} // namespace bluec\n"));
  files.push_back(fileOf("model.cpp", producer + printDescriptor(model)));
  return files;
}
