#include "compiler/driver/compile/CodeSections.h"

#include "compiler/dialect/plan/Plan.h"
#include "targets/Registration.h"

using namespace mlir;
using namespace bluec;

std::string CodeSection::fileName(StringRef file) const {
  auto [stem, extension] = file.rsplit('.');
  return name.empty() ? file.str() : (stem + "." + name + "." + extension).str();
}

std::vector<CodeSection> bluec::sectionsOf(ModuleOp plan, const targets::Target &target) {
  std::vector<CodeSection> sections;
  for (auto entry : plan.getOps<plan::EntryOp>()) {
    std::string device = entry.getDevice().str();
    StringRef name = plan::targetOf(entry).getName();
    auto section =
        llvm::find_if(sections, [&](const CodeSection &one) { return one.target->name() == name; });
    if (section == sections.end()) {
      bool isMain = name == target.name();
      section = sections.insert(isMain ? sections.begin() : sections.end(), CodeSection());
      section->target = isMain ? &target : targets::allTargets().named(name);
    }
    if (!llvm::is_contained(section->devices, device))
      section->devices.push_back(device);
  }
  for (CodeSection &section : MutableArrayRef(sections).drop_front(sections.empty() ? 0 : 1))
    section.name = section.devices.front();
  return sections;
}

Json bluec::describeDevices(ModuleOp plan, const CodeSection &section, StringRef code,
                            StringRef loader) {
  Json devices = Json::array();
  for (const std::string &name : section.devices) {
    Json device{
        {"name", name}, {"runs_on", section.target->runsOn().str()}, {"loader", loader.str()}};
    if (!code.empty())
      device["code"] = code.str();
    plan::TargetAttr target = plan::targetOf(plan, name);
    if (target != plan->getAttrOfType<plan::TargetAttr>(plan::kTargetAttr))
      device["target"] = describeTarget(target);
    devices.push_back(std::move(device));
  }
  return devices;
}
