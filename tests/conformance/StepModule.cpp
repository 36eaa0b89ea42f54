#include "tests/conformance/StepModule.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/plan/Layouts.h"
#include "compiler/dialect/plan/Plan.h"
#include "passes/kernels/lower_entries/LowerEntries.h"
#include "targets/Registration.h"
#include "targets/interface/KernelPipeline.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <cstring>
#include <dlfcn.h>

using namespace bluec;
using namespace bluec::conformance;

namespace {

/// Places buffers so that each ends where a page ends (but for padding to the alignment), with a
/// page of its own before and behind it.
struct Placer {
  int64_t alignment;
  int64_t end = 0;
  int64_t place(int64_t bytes) {
    int64_t padded = plan::padded(bytes, alignment);
    end = plan::padded(end + kPage + padded, kPage);
    return end - padded;
  }
};

/// Facts that no target here has.
struct OtherFacts {
  const char *name;
  int64_t vectorBits, vectorRegisters, alignment, pointerBits;
  const char *dots;
  bool laneOperands = false;
  const char *mmas = "[]";
};
// clang-format off
constexpr OtherFacts kOtherFacts[] = {
    // Bytes with signs, words one by one, operands by lane.
    {"signed", 128, 32, 64, 64, "[#plan.dot<si8 x si8, k 4>, #plan.dot<si16 x si16, k 1>]", true},
    // One product a lane.
    {"single", 256, 32, 64, 64, "[#plan.dot<si8 x si8, k 1>, #plan.dot<si16 x si16, k 1>]"},
    // Bytes meet words.
    {"words", 128, 16, 32, 32, "[#plan.dot<si16 x si16, k 2>]"},
    // No dot at all.
    {"none", 256, 16, 64, 64, "[]"},
    // Words of 64 bits.
    {"eight", 128, 32, 128, 64, "[#plan.dot<si8 x si8, k 8>, #plan.dot<si16 x si16, k 4>]"},
    // Products in tiles: of bytes as on aarch64, and of words, with another one first that no panel takes.
    {"tiles", 128, 32, 64, 64, "[#plan.dot<si8 x si8, k 4>, #plan.dot<si16 x si16, k 1>]", true,
     "[#plan.mma<si8 x si8, m 4, n 4, k 4>, #plan.mma<si8 x si8, m 2, n 2, k 8>, #plan.mma<si16 x si16, m 2, n 4, k 4>]"},
};
// clang-format on
constexpr int64_t kMostNarrowLanes = 16;

const targets::Target *findTarget(const std::string &name, std::string &error) {
  return targets::allTargets().find(name.substr(0, name.find('@')), error);
}

plan::TargetAttr factsOf(const std::string &name, mlir::MLIRContext *context) {
  std::string error;
  plan::TargetAttr own = findTarget(name, error)->facts(context);
  size_t at = name.find('@');
  for (const OtherFacts &other : kOtherFacts)
    if (at != name.npos && name.substr(at + 1) == other.name) {
      plan::TuningAttr like = own.getTuningOrDefault();
      auto tuning = plan::TuningAttr::get(
          context, like.getFloatAheadBytes(), like.getQuantizedAheadBytes(), like.getDotsInFlight(),
          like.getCacheBlock(), like.getPanelVectors(), other.laneOperands);
      return plan::TargetAttr::get(
          context, own.getName(), own.getTriple(), own.getCpu(), own.getFeatures(),
          other.vectorBits, other.vectorRegisters, own.getL1Bytes(), own.getL2Bytes(),
          own.getScalable(), other.alignment, own.getLineBytes(), other.pointerBits,
          mlir::cast<mlir::ArrayAttr>(mlir::parseAttribute(other.dots, context)),
          mlir::cast<mlir::ArrayAttr>(mlir::parseAttribute(other.mmas, context)), own.getFloats(),
          tuning);
    }
  return own;
}

DotFacts dotFacts(plan::DotAttr dot) {
  std::string text;
  llvm::raw_string_ostream(text) << dot;
  return {text.substr(text.find('<')), dot.getK(), dot.getBits(), dot.isLhsUnsigned()};
}

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
    std::string arguments, takes, gets, operands, operandTypes, blockArguments;
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const Operand &operand = step.operands[i];
      std::string number = std::to_string(i), type = typeText(operand);
      if (operand.place == Place::Input) {
        arguments += (arguments.empty() ? "" : ", ") + std::string("%v") + number + ": " + type;
        takes += (takes.empty() ? "\"v" : ", \"v") + number + "\"";
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
    entries += "plan.entry @" + step.entry + " role decode capacity " +
               std::to_string(step.capacity) + " segment \"all\" takes [" + takes + "] gives [" +
               (hasResult ? "\"r\"" : "") + "] {\n^bb0(" + arguments + "):\n" + gets +
               (hasResult ? "  %r = " : "  ") + "plan.step \"layer\" value \"value\" on " +
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

/// The tests' program for the emulator of a target.
static std::string serverOf(const targets::Target &target) {
  return (BLUEC_TEST_BINARIES "/step-server-" + target.triple().split('-').first).str();
}

/// An emulator without it runs nothing: the target's own compiler is missing, and
/// tests/e2e/foreign.py says so where it must not.
static bool runs(const targets::Target &target) {
  std::optional<targets::Runner> runner = target.runner();
  return runner && (runner->isInProcess() || llvm::sys::fs::exists(serverOf(target)));
}

bool conformance::runsHere(const std::string &name) {
  std::string error;
  const targets::Target *target = findTarget(name, error);
  return target && runs(*target);
}

std::vector<std::string> conformance::targetsHere() {
  std::vector<std::string> names;
  for (const auto &target : targets::allTargets().all())
    if (runs(*target))
      names.push_back(target->name().str());
  return names;
}

std::vector<std::string> conformance::targetsAndFacts(bool narrow) {
  std::vector<std::string> names;
  for (const auto &target : targets::allTargets().all())
    names.push_back(target->name().str());
  std::string error;
  const targets::Target *host = targets::allTargets().host(error);
  std::string best = host ? host->name().str() : "";
  for (const OtherFacts &other : kOtherFacts) {
    std::string name = best + "@" + other.name;
    LayoutFacts facts = layoutFacts(best.empty() ? names.back() : name);
    bool isNarrow =
        facts.lanes <= kMostNarrowLanes && facts.bytes.k * facts.bytes.bits <= 8 * facts.lanes;
    if (!best.empty() && (isNarrow || !narrow))
      names.push_back(name);
  }
  return names;
}

static LayoutFacts findLayoutFacts(const std::string &name) {
  mlir::MLIRContext context;
  context.loadDialect<blue::BlueDialect, plan::PlanDialect>();
  plan::TargetAttr facts = factsOf(name, &context);
  auto integer = [&](unsigned bits) { return mlir::IntegerType::get(&context, bits); };
  auto pairs = [&](const char *element) {
    std::string text =
        "tensor<2x64x!blue.quantized<" + std::string(element) + " group row scale f32>>";
    auto rows = mlir::cast<mlir::RankedTensorType>(mlir::parseType(text, &context));
    return plan::rowsFor(facts, rows, 64).getPairs();
  };
  return {plan::lanesOf(facts),
          plan::panelRows(facts),
          facts.getAlignment(),
          dotFacts(plan::dotFor(facts, integer(8))),
          dotFacts(plan::dotFor(facts, integer(16))),
          dotFacts(plan::dotFor(facts, mlir::Float32Type::get(&context))),
          dotFacts(plan::panelDotFor(facts, integer(8))),
          dotFacts(plan::panelDotFor(facts, integer(16))),
          pairs("i8"),
          pairs("i16")};
}

LayoutFacts conformance::layoutFacts(const std::string &name) {
  // Tests ask for each element that they look at.
  static std::map<std::string, LayoutFacts> known;
  auto [found, isNew] = known.try_emplace(name);
  if (isNew)
    found->second = findLayoutFacts(name);
  return found->second;
}

int64_t conformance::lanesOf(const std::string &name) { return layoutFacts(name).lanes; }

bool StepModule::compile(const std::string &targetName, const std::vector<StepText> &steps,
                         std::string &error) {
  const targets::Target *target = findTarget(targetName, error);
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
  plan::TargetAttr facts = factsOf(targetName, &context);
  (*parsed)->setAttr(plan::kTargetAttr, facts);

  // What assign-weights and plan-memory do, with guards.
  mlir::OpBuilder builder(&context);
  auto bytesOf = [](mlir::Type type) {
    return plan::denseBytes(mlir::cast<mlir::RankedTensorType>(type));
  };
  Placer weightPlacer{facts.getAlignment()}, cachePlacer{facts.getAlignment()};
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
    Placer arena{facts.getAlignment()};
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
  llvm::SmallString<128> folder;
  if (llvm::sys::fs::createUniqueDirectory("bluec-steps", folder))
    return false;
  // Left there for a look at the code, when that is asked for.
  auto remove = llvm::make_scope_exit([&] {
    if (!getenv("BLUEC_KEEP_CODE"))
      llvm::sys::fs::remove_directories(folder);
  });
  std::vector<std::string> paths;
  for (const targets::CodeFile &file : *files) {
    paths.push_back((folder + "/" + file.name).str());
    std::error_code failed;
    llvm::sys::fs::create_directories(llvm::sys::path::parent_path(paths.back()));
    llvm::raw_fd_ostream out(paths.back(), failed);
    if (failed)
      return false;
    out.write(file.bytes.data(), file.bytes.size());
  }
  // Of C++ source: compiled in a third of the time of -O1, with which tests/e2e/cpp_source.py
  // compiles the example; what the caller says goes before it.
  setenv("CXXFLAGS", "-O0 -march=native", /*overwrite=*/0);
  std::string shared = (folder + "/" + packager.fileName()).str();
  return mlir::succeeded(packager.package(paths, shared, error)) && load(*target, shared, error);
}

bool StepModule::load(const targets::Target &target, const std::string &path, std::string &error) {
  if (!runs(target))
    return true;
  targets::Runner runner = *target.runner();
  if (!runner.isInProcess()) {
    std::shared_ptr<Emulator> emulator = Emulator::get(runner.command, serverOf(target), error);
    emulated = emulator ? EmulatedCode::load(emulator, path, error) : nullptr;
    return emulated != nullptr;
  }
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
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
