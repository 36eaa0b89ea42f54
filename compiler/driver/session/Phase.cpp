#include "compiler/driver/session/Phase.h"

using namespace bluec;

static constexpr PhaseInfo kPhases[] = {
    {Phase::Import, "import", "the ONNX graphs, one op a node, shapes inferred, constants folded"},
    {Phase::Model, "model", "the model as layers (blue dialect)"},
    {Phase::Precision, "precision", "element types and weight recipes"},
    {Phase::Schedule, "schedule",
     "entry points, steps, packed weights, memory plan (plan dialect)"},
    {Phase::Kernels, "kernels",
     "a kernel for each distinct step, entry functions, descriptor (scf, vector, arith, abi)"},
    {Phase::Object, "object", "native code for the target"},
    {Phase::Bundle, "bundle", "linked code, packed weights, tokenizer, manifest"},
};

llvm::ArrayRef<PhaseInfo> bluec::allPhases() { return kPhases; }

const PhaseInfo &bluec::infoOf(Phase phase) { return kPhases[static_cast<size_t>(phase)]; }

std::optional<Phase> bluec::parsePhase(llvm::StringRef name) {
  for (const PhaseInfo &info : kPhases)
    if (info.name == name)
      return info.phase;
  return std::nullopt;
}
