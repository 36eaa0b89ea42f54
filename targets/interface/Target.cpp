#include "targets/interface/Target.h"

#include "llvm/ADT/StringExtras.h"

#include <cstdlib>

using namespace bluec::targets;

const Target *TargetRegistry::find(llvm::StringRef name, std::string &error) const {
  if (name == "host" || name == "native")
    return host(error);
  if (const Target *target = named(name))
    return target;
  error = "target: expected host or one of " + names() + ", found '" + name.str() + "'";
  return nullptr;
}

const Target *TargetRegistry::named(llvm::StringRef name) const {
  for (const auto *list : {&targets, &unlisted})
    for (const auto &target : *list)
      if (target->name() == name)
        return target.get();
  return nullptr;
}

const Target *TargetRegistry::host(std::string &error) const {
  const char *forced = std::getenv(kHostVariable);
  if (forced && *forced) {
    const Target *target = named(forced);
    if (target && target->canBeHostHere())
      return target;
    error = std::string(kHostVariable) + ": expected " +
            (target ? "a target that can be host on this machine" : "one of " + names()) +
            ", found '" + forced + "'";
    return nullptr;
  }
  for (const auto &target : llvm::reverse(targets))
    if (target->canBeHostHere())
      return target.get();
  error = "target host: none of bluec's targets runs on this machine";
  return nullptr;
}

const Target *TargetRegistry::baseline() const {
  auto found = llvm::find_if(targets, [](const auto &target) { return target->canBeHostHere(); });
  return found == targets.end() ? nullptr : found->get();
}

const Target *TargetRegistry::withForm(llvm::StringRef form) const {
  auto found = llvm::find_if(targets, [&](const auto &target) {
    return llvm::is_contained(target->codeGenerator().forms(), form);
  });
  return found == targets.end() ? nullptr : found->get();
}

std::string TargetRegistry::names() const {
  return llvm::join(llvm::map_range(targets, [](const auto &one) { return one->name().str(); }),
                    ", ");
}
