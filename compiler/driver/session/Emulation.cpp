#include "compiler/driver/session/Emulation.h"

#include "compiler/driver/bundle/SharedFiles.h"
#include "runtime/emulate/EmulatedDevice.h"
#include "targets/Registration.h"

#include "llvm/ADT/StringExtras.h"

using namespace bluec;
using targets::Runner;
using targets::Target;

llvm::Error bluec::checkRunsHere(const Target &target) {
  std::optional<Runner> runner = target.runner();
  if (!runner)
    return llvm::createStringError("target " + target.name());
  if (runner->isInProcess())
    return llvm::Error::success();
  llvm::Expected<std::string> server = findServer(target.triple());
  if (!server)
    return llvm::createStringError("target " + target.name() + " (" +
                                   llvm::toString(server.takeError()) + ")");
  return llvm::Error::success();
}

runtime::Result<std::unique_ptr<runtime::Device>> Emulation::open(const runtime::CodeTarget &asked,
                                                                  const std::string &where) {
  std::unique_ptr<runtime::Device> none;
  // What is not one of ours, or nothing runs here, the runtime refuses.
  const Target *target = targets::allTargets().named(asked.name);
  std::optional<Runner> runner = target ? target->runner() : std::nullopt;
  if (!runner || runner->isInProcess())
    return none;
  llvm::Expected<std::string> server = findServer(target->triple());
  if (!server)
    return runtime::Status(runtime::Code::Incompatible,
                           where + ": " + llvm::toString(server.takeError()));
  std::vector<std::string> command = runner->command;
  command.push_back(*server);
  std::shared_ptr<runtime::EmulatedProcess> &process = processes[command];
  if (!process) {
    auto started = runtime::EmulatedProcess::start(command, threads);
    if (!started.ok())
      return runtime::Status(started.status().getCode(), where + ": " + started.status().message());
    process = *started;
  }
  return std::unique_ptr<runtime::Device>(std::make_unique<runtime::EmulatedDevice>(process));
}

std::vector<std::string> Emulation::used() const {
  std::vector<std::string> commands;
  for (const auto &[command, process] : processes)
    if (process)
      commands.push_back(llvm::join(llvm::ArrayRef(command).drop_back(), " "));
  return commands;
}
