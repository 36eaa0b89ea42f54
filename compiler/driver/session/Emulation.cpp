#include "compiler/driver/session/Emulation.h"

#include "compiler/driver/bundle/SharedFiles.h"
#include "runtime/abi/BundleFormat.h"
#include "runtime/emulate/EmulatedDevice.h"
#include "runtime/platform/CpuFeatures.h"
#include "targets/Registration.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Triple.h"

using namespace bluec;
using runtime::Code;
using runtime::EmulatedProcess;
using runtime::Status;
using targets::Runner;
using targets::Target;

/// The emulator with the server in it.
static runtime::Result<std::shared_ptr<EmulatedProcess>>
startServer(const Target &target, const Runner &runner, int threads) {
  llvm::Expected<std::string> server = findServer(target.triple());
  if (!server)
    return Status(Code::Incompatible, llvm::toString(server.takeError()));
  std::vector<std::string> command = runner.command;
  command.push_back(*server);
  return EmulatedProcess::start(command, threads);
}

llvm::Error bluec::checkRunsHere(llvm::ArrayRef<const Target *> all) {
  std::optional<Runner> first = all.front()->runner();
  for (const Target *target : all) {
    std::optional<Runner> runner = target->runner();
    if (!runner)
      return llvm::createStringError("target " + target->name());
    if (runner->command != first->command)
      return llvm::createStringError("targets " + all.front()->name() + " and " + target->name() +
                                     ", which are not run by the same");
  }
  if (first->isInProcess())
    return llvm::Error::success();
  auto started = startServer(*all.front(), *first, /*threads=*/1);
  return started.ok() ? llvm::Error::success()
                      : llvm::createStringError("target " + all.front()->name() + " (" +
                                                started.status().message() + ")");
}

runtime::Result<std::unique_ptr<runtime::Device>> Emulation::open(const runtime::CodeTarget &asked,
                                                                  const std::string &where) {
  std::unique_ptr<runtime::Device> none;
  // What is none of ours the runtime refuses, and what lacks instructions of this machine's kind.
  const Target *target = targets::allTargets().named(asked.name);
  if (!target || target->triple() != asked.triple)
    return none;
  std::optional<Runner> its = target->runner();
  if (!its) {
    std::string architecture = llvm::Triple(target->triple()).getArchName().str();
    if (architecture == runtime::hostArchitecture() || asked.triple == runtime::kAnyTriple)
      return none;
    return Status(Code::Incompatible, where + ": made for '" + architecture +
                                          "': expected an emulator of it (`scripts/setup --arm` "
                                          "installs that of 64-bit arm), found none");
  }
  if (runner && runner->command != its->command)
    return Status(Code::Incompatible, where + ": expected code for machines of one kind in the "
                                              "bundle, found it for two, which see no common "
                                              "memory here");
  runner = its;
  if (its->isInProcess())
    return none;
  if (!process) {
    auto started = startServer(*target, *its, threads);
    if (!started.ok())
      return Status(started.status().getCode(), where + ": " + started.status().message());
    process = *started;
  }
  return std::unique_ptr<runtime::Device>(std::make_unique<runtime::EmulatedDevice>(process));
}

std::string Emulation::command() const {
  return runner ? llvm::join(runner->command, " ") : std::string();
}
