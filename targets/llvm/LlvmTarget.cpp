#include "targets/llvm/LlvmTarget.h"

#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace bluec::targets;

static std::string withSigns(llvm::StringRef features) {
  std::string text = "+";
  for (char c : features)
    text += c == ',' ? std::string(",+") : std::string(1, c);
  return text;
}

static CodegenOptions optionsOf(const LlvmLevel &level) {
  std::string tuning = level.tuning.empty() ? "" : "," + level.tuning;
  return {level.triple, level.cpu, withSigns(level.features) + tuning, level.tuneCpu,
          level.vectorBits};
}

LlvmTarget::LlvmTarget(LlvmLevel of, void (*initialize)())
    : level(std::move(of)), generator(optionsOf(level), initialize) {}

std::string LlvmTarget::signedFeatures() const { return withSigns(level.features); }

std::optional<Runner> LlvmTarget::runner() const {
  llvm::Triple here(llvm::sys::getProcessTriple()), there(level.triple);
  if (here.getArch() != there.getArch() || here.getOS() != there.getOS())
    return std::nullopt;
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  llvm::SmallVector<llvm::StringRef> needed;
  features().split(needed, ',');
  if (!llvm::all_of(needed, [&](llvm::StringRef feature) { return host.lookup(feature); }))
    return std::nullopt;
  return Runner{};
}
