#include "compiler/driver/bundle/Manifest.h"
#include "compiler/tools/bluec/Commands.h"
#include "targets/Registration.h"

#include "llvm/Support/Path.h"

#include <iostream>
#include <memory>

using namespace bluec;
using namespace bluec::tools;

/// How code of the target is run on this machine, in a few words.
static std::string howItRuns(const targets::Target &target) {
  std::optional<targets::Runner> runner = target.runner();
  if (!runner)
    return "does not run here";
  return runner->isInProcess()
             ? "runs here"
             : "runs here under " + llvm::sys::path::filename(runner->command.front()).str();
}

static int listTargets(bool json) {
  const targets::TargetRegistry &registry = targets::allTargets();
  std::string why;
  const targets::Target *host = registry.host(why);
  if (!host)
    std::cerr << "warning: " << why << '\n';
  Json list = Json::array();
  for (const auto &target : registry.all()) {
    std::optional<targets::Runner> runner = target->runner();
    if (json)
      list.push_back({{"name", target->name().str()},
                      {"description", target->description().str()},
                      {"triple", target->triple().str()},
                      {"features", target->features().str()},
                      {"runs_here", target->runsInProcess()},
                      {"emulator", runner ? runner->command : std::vector<std::string>()},
                      {"can_be_host_here", target->canBeHostHere()},
                      {"host", target.get() == host}});
    else
      std::cout << target->name().str() << (target.get() == host ? " (host)" : "") << ": "
                << target->description().str() << "; " << howItRuns(*target) << '\n';
  }
  if (json)
    std::cout << list.dump(1) << '\n';
  return 0;
}

Command bluec::tools::listTargetsCommand() {
  auto json = std::make_shared<bool>(false);
  return {{"list-targets",
           "List what bluec compiles for.",
           {{.name = "--json", .target = json.get(), .help = "Print it as JSON"}}},
          [json] { return listTargets(*json); }};
}
