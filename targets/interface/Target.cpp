#include "targets/interface/Target.h"

#include "llvm/ADT/StringExtras.h"

using namespace bluec::targets;

const Target *TargetRegistry::find(llvm::StringRef name, std::string &error) const {
  if (name == "host" || name == "native") {
    for (const auto &target : llvm::reverse(targets))
      if (target->runsInProcess())
        return target.get();
    error = "target " + name.str() + ": none of bluec's targets runs on this machine";
    return nullptr;
  }
  for (const auto *list : {&targets, &unlisted})
    for (const auto &target : *list)
      if (target->name() == name)
        return target.get();
  std::vector<std::string> names;
  for (const auto &target : targets)
    names.push_back(target->name().str());
  error =
      "target: expected host or one of " + llvm::join(names, ", ") + ", found '" + name.str() + "'";
  return nullptr;
}
