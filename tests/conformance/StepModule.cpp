#include "tests/conformance/StepModule.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/plan/Plan.h"
#include "passes/kernels/lower_entries/LowerEntries.h"
#include "targets/Registration.h"
#include "targets/interface/KernelPipeline.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>
#include <dlfcn.h>

using namespace bluec;
using namespace bluec::conformance;

namespace {

/// Places buffers so that each ends where a page ends (but for padding to the alignment), with a
/// page of its own before and behind it.
struct Placer {
  int64_t end = 0;
  int64_t place(int64_t bytes) {
    int64_t padded = llvm::alignTo(static_cast<uint64_t>(bytes), BLUEC_ALIGNMENT);
    end = llvm::alignTo(static_cast<uint64_t>(end + kPage + padded), kPage);
    return end - padded;
  }
};

/// Contents do not matter: tests write them into the loaded module's memory.
std::string weightText(const Operand &operand) {
  std::string type = typeText(operand), source = type, transform;
  if (operand.element.rfind("!blue.quantized", 0) == 0) {
    source = tensorText(operand.shape);
    transform = " [#blue.quantize<" + operand.element.substr(std::strlen("!blue.quantized")) +
                ", nearest>]";
  }
  return "plan.weight @" + operand.name + " dense<0.0> : " + source + transform + " packed " +
         type + " segment \"all\"\n";
}

std::string planText(const std::vector<StepText> &steps) {
  std::map<std::string, std::string> symbols;
  std::string entries;
  for (const StepText &step : steps) {
    std::string arguments, gets, operands, operandTypes, blockArguments;
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const Operand &operand = step.operands[i];
      std::string number = std::to_string(i), type = typeText(operand);
      if (operand.place == Place::Input) {
        arguments += (arguments.empty() ? "" : ", ") + std::string("%v") + number + ": " + type;
      } else if (operand.place == Place::Weight) {
        symbols["w" + operand.name] = weightText(operand);
        gets += "  %v" + number + " = plan.get_weight @" + operand.name + " : " + type + "\n";
      } else {
        symbols["c" + operand.name] = "plan.cache @" + operand.name + " : " + type + "\n";
        gets += "  %v" + number + " = plan.get_cache @" + operand.name + " : " + type + "\n";
      }
      operands += (i ? ", %v" : "%v") + number;
      operandTypes += (i ? ", " : "") + type;
      blockArguments += (i ? ", %a" : "%a") + number + ": " + type;
    }
    std::string result = resultText(step);
    bool hasResult = !result.empty();
    if (!hasResult)
      result = "()";
    entries += "plan.entry @" + step.entry + " kind prefill capacity " +
               std::to_string(step.capacity) + " segment \"all\" {\n^bb0(" + arguments + "):\n" +
               gets + (hasResult ? "  %r = " : "  ") + "plan.step \"layer\" value \"value\" on " +
               "\"cpu\" (" + operands + ") : (" + operandTypes + ") -> " + result + " {\n  ^bb0(" +
               blockArguments + "):\n" + step.body + "\n  }\n  plan.return" +
               (hasResult ? " %r : " + result : "") + "\n}\n";
  }
  std::string text;
  for (const auto &[name, line] : symbols)
    text += line;
  return text + entries;
}

} // namespace

std::string conformance::typeText(const Operand &operand) {
  return operand.element.empty() ? tensorText(operand.shape, operand.ints)
                                 : typeText(operand.shape, operand.element, operand.encoding);
}

std::string conformance::typeText(const Shape &shape, const std::string &element,
                                  const std::string &encoding) {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + element + (encoding.empty() ? "" : ", " + encoding) + ">";
}

std::string conformance::resultText(const StepText &step) {
  if (!step.resultType.empty())
    return step.resultType;
  return step.result.empty() ? "" : tensorText(step.result);
}

int64_t conformance::elements(const Shape &shape) {
  int64_t count = 1;
  for (int64_t dim : shape)
    count *= dim;
  return count;
}

std::string conformance::tensorText(const Shape &shape, bool ints) {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + (ints ? "i32>" : "f32>");
}

std::vector<std::string> conformance::targetsHere() {
  std::vector<std::string> names;
  for (const auto &target : targets::allTargets().all())
    if (target->runsInProcess())
      names.push_back(target->name().str());
  return names;
}

int64_t conformance::lanesOf(const std::string &name) {
  std::string error;
  mlir::MLIRContext context;
  context.loadDialect<plan::PlanDialect>();
  return targets::allTargets().find(name, error)->facts(&context).getVectorBits() / 32;
}

bool StepModule::compile(const std::string &targetName, const std::vector<StepText> &steps,
                         std::string &error) {
  const targets::Target *target = targets::allTargets().find(targetName, error);
  if (!target)
    return false;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<blue::BlueDialect, plan::PlanDialect>();
  std::string text = planText(steps);
  mlir::OwningOpRef<mlir::ModuleOp> parsed =
      mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  error = "the steps do not compile:\n" + text;
  if (!parsed)
    return false;
  (*parsed)->setAttr(plan::kTargetAttr, target->facts(&context));

  // What assign-weights and plan-memory do, with guards.
  mlir::OpBuilder builder(&context);
  auto bytesOf = [](mlir::Type type) {
    return plan::denseBytes(mlir::cast<mlir::RankedTensorType>(type));
  };
  Placer weightPlacer, cachePlacer;
  for (auto op : parsed->getOps<plan::WeightOp>()) {
    auto type = mlir::cast<mlir::RankedTensorType>(op.getPacked());
    int64_t bytes = bytesOf(type), offset = weightPlacer.place(bytes);
    op.setOffsetAttr(builder.getI64IntegerAttr(offset));
    weights[op.getSymName().str()] = {offset, bytes, type.getElementType().isInteger(32)};
  }
  for (auto op : parsed->getOps<plan::CacheOp>()) {
    int64_t bytes = bytesOf(op.getType()), offset = cachePlacer.place(bytes);
    op.setOffsetAttr(builder.getI64IntegerAttr(offset));
    caches[op.getSymName().str()] = {offset, bytes};
  }
  for (auto entry : parsed->getOps<plan::EntryOp>()) {
    Placer arena;
    std::vector<int64_t> offsets;
    for (mlir::Value argument : entry.getBody().getArguments())
      offsets.push_back(arena.place(bytesOf(argument.getType())));
    for (auto step : entry.getBody().getOps<plan::StepOp>())
      if (step->getNumResults() == 1)
        step.setOffsetAttr(
            builder.getI64IntegerAttr(arena.place(bytesOf(step->getResult(0).getType()))));
    entry.setInputOffsetsAttr(builder.getDenseI64ArrayAttr(offsets));
    entry.setArenaBytesAttr(builder.getI64IntegerAttr(arena.end + kPage));
  }
  weightsBytes = weightPlacer.end + kPage;
  cachesBytes = cachePlacer.end + kPage;

  mlir::PassManager passes(&context);
  targets::buildKernelPipeline(passes, *target);
  passes.addPass(kernels::createLowerEntries());
  if (mlir::failed(passes.run(*parsed)))
    return false;
  const targets::Packager &packager = target->packager();
  auto files = target->codeGenerator().generate(*parsed, packager.form());
  if (mlir::failed(files))
    return false;
  std::vector<std::string> paths;
  for (const targets::CodeFile &file : *files) {
    llvm::SmallString<128> path;
    if (llvm::sys::fs::createTemporaryFile("bluec-steps", file.name, path))
      return false;
    paths.push_back(path.str().str());
    std::error_code failed;
    llvm::raw_fd_ostream out(path, failed);
    if (failed)
      return false;
    out.write(file.bytes.data(), file.bytes.size());
  }
  llvm::SmallString<128> shared;
  if (llvm::sys::fs::createTemporaryFile("bluec-steps", packager.fileName(), shared) ||
      mlir::failed(packager.package(paths, shared, error)))
    return false;
  library = dlopen(shared.c_str(), RTLD_NOW | RTLD_LOCAL);
  // For a look at the machine code.
  if (!getenv("BLUEC_KEEP_OBJECTS")) {
    for (const std::string &path : paths)
      llvm::sys::fs::remove(path);
    llvm::sys::fs::remove(shared);
  }
  if (!library) {
    error = dlerror();
    return false;
  }
  model = static_cast<const bluec_model *>(dlsym(library, BLUEC_MODEL_SYMBOL));
  return model != nullptr;
}

StepModule::~StepModule() {
  if (library)
    dlclose(library);
}
