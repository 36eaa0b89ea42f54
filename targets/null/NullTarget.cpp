#include "targets/null/NullTarget.h"

#include "compiler/dialect/abi/Abi.h"

#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

namespace {

constexpr const char *kName = "null";
constexpr const char *kTriple = "null-unknown-none";

/// Its code is the IR that other targets make theirs of, as text.
class TextGenerator : public CodeGenerator {
public:
  ArrayRef<StringRef> forms() const override {
    static constexpr StringRef kNames[] = {"text"};
    return kNames;
  }

  FailureOr<std::vector<CodeFile>> generate(ModuleOp module, StringRef form) const override {
    if (!abi::requireModel(module))
      return failure();
    std::vector<CodeFile> files(1);
    files.front().name = "code.mlir";
    llvm::raw_svector_ostream out(files.front().bytes);
    module.print(out, OpPrintingFlags().elideLargeElementsAttrs().elideLargeResourceString());
    out << '\n';
    return files;
  }
};

/// Its package is a copy.
class TextPackager : public Packager {
public:
  StringRef form() const override { return "text"; }
  StringRef fileName() const override { return "model.mlir"; }
  StringRef loader() const override { return "none"; }

  LogicalResult package(ArrayRef<std::string> paths, StringRef outPath,
                        std::string &error) const override {
    std::error_code code = llvm::sys::fs::copy_file(paths.front(), outPath);
    if (code)
      error = outPath.str() + ": " + code.message();
    return failure(static_cast<bool>(code));
  }
};

class NullTarget : public Target {
public:
  StringRef name() const override { return kName; }
  StringRef description() const override { return "a target that runs nowhere, to clone"; }
  StringRef triple() const override { return kTriple; }
  StringRef features() const override { return ""; }

  /// Small vectors, and few of them; numbers that no other target has.
  plan::TargetAttr facts(MLIRContext *context) const override {
    return plan::TargetAttr::get(context, kName, kTriple, /*cpu=*/"none", /*features=*/"",
                                 /*vectorBits=*/128, /*vectorRegisters=*/12,
                                 /*l1Bytes=*/24 * 1024, /*l2Bytes=*/96 * 1024, /*scalable=*/false,
                                 plan::kAbiAlignment, /*lineBytes=*/32, /*pointerBits=*/32,
                                 /*dots=*/{}, /*mmas=*/{}, /*floats=*/{}, /*tuning=*/{});
  }

  /// So that a recipe with weights of four bits is refused, by name.
  bool supports(Type element) const override { return !element.isInteger(4); }

  const CodeGenerator &codeGenerator() const override { return generator; }
  const Packager &packager() const override { return text; }
  StringRef runsOn() const override { return "nothing"; }

private:
  TextGenerator generator;
  TextPackager text;
};

} // namespace

void targets::addNullTarget(TargetRegistry &registry) {
  registry.addUnlisted(std::make_unique<NullTarget>());
}
