// `bluec calibrate-machine` and `bluec list-machines`: descriptions for --machine.
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/measure/MachineCalibration.h"
#include "compiler/machine/Machine.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>
#include <memory>

using namespace bluec;
using namespace bluec::tools;

void bluec::tools::addCalibrateMachineCommand(CLI::App &app, Chosen &chosen) {
  auto options = std::make_shared<CalibrateMachineOptions>();
  CLI::App *command = app.add_subcommand(
      "calibrate-machine", "Measure a description of this machine, for schedules and predictions.");
  constexpr int kMostRounds = 1000;
  command->add_option("-o,--output", options->output, "Where the description goes (a JSON file)")
      ->required();
  command->add_option("--target", options->target, targetHelp("What bundles are compiled for"));
  addThreadsOption(*command, options->threads);
  command->add_option("--rounds", options->rounds, "How often each is timed (3 to 11 times)")
      ->check(CLI::Range(1, kMostRounds));
  command->add_option("--name", options->name, "Of the machine (the file's)");
  command->add_flag("--json", options->json, "Print what was found as JSON");
  command->callback([options, &chosen] {
    chosen = [options] {
      options->progress = llvm::sys::Process::StandardErrIsDisplayed();
      return calibrateMachine(*options, llvm::outs(), llvm::errs());
    };
  });
}

static int listMachines(bool json) {
  Json list = Json::array();
  for (const ShippedMachine &shipped : shippedMachines()) {
    llvm::Expected<Machine> machine = Machine::load(shipped.name);
    if (!machine) // the tests load them all
      llvm::report_fatal_error(machine.takeError());
    if (json)
      list.push_back(Json::parse(machine->text));
    else
      std::cout << shipped.name << ": " << machine->description << '\n';
  }
  if (json)
    std::cout << list.dump(1) << '\n';
  return 0;
}

void bluec::tools::addListMachinesCommand(CLI::App &app, Chosen &chosen) {
  auto json = std::make_shared<bool>(false);
  CLI::App *command =
      app.add_subcommand("list-machines", "List the descriptions of machines that bluec ships.");
  command->add_flag("--json", *json, "Print them as JSON");
  command->callback([json, &chosen] { chosen = [json] { return listMachines(*json); }; });
}
