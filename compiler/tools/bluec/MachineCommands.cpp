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

Command bluec::tools::calibrateMachineCommand() {
  auto options = std::make_shared<CalibrateMachineOptions>();
  constexpr int kMostRounds = 1000;
  runtime::OptionTable table{
      "calibrate-machine",
      "Measure a description of this machine, for schedules and predictions.",
      {}};
  table.options = {
      {.name = "--output",
       .target = &options->output,
       .help = "Where the description goes (a JSON file)",
       .required = true,
       .shortName = "-o"},
      {.name = "--target",
       .target = &options->target,
       .help = targetHelp("What bundles are compiled for")},
      threadsOption(options->threads),
      {.name = "--rounds",
       .target = &options->rounds,
       .help = "How often each is timed (3 to 11 times)",
       .whole = {1, kMostRounds}},
      {.name = "--name", .target = &options->name, .help = "Of the machine (the file's)"},
      {.name = "--json", .target = &options->json, .help = "Print what was found as JSON"}};
  return {table, [options] {
            options->progress = llvm::sys::Process::StandardErrIsDisplayed();
            return calibrateMachine(*options, llvm::outs(), llvm::errs());
          }};
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

Command bluec::tools::listMachinesCommand() {
  auto json = std::make_shared<bool>(false);
  return {{"list-machines",
           "List the descriptions of machines that bluec ships.",
           {{.name = "--json", .target = json.get(), .help = "Print them as JSON"}}},
          [json] { return listMachines(*json); }};
}
