// bluec: compiles multimodal LLMs of the BlueLM-V family, and runs, inspects and verifies bundles.
#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/session/PassRunner.h"
#include "compiler/driver/session/Registration.h"
#include "compiler/driver/session/Version.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>

using namespace bluec;
using namespace bluec::tools;

/// What was printed counts only once it is out: a full disk is not to look like success.
static int flushed(int code) {
  llvm::outs().flush();
  bool lost = llvm::outs().has_error() || !std::cout.flush();
  llvm::outs().clear_error();
  if (!lost || code != exitDone)
    return code;
  std::cerr << "error: standard output: could not be written\n";
  return exitInput;
}

int main(int argc, char **argv) {
  registerAllPasses(); // so that --mlir-print-ir-after knows them
  registerInstrumentationOptions();
  CLI::App app("Compiles a multimodal LLM of the BlueLM-V family into a bundle for one device.",
               "bluec");
  app.set_version_flag("--version", std::string(kProducer) + " (llvm " LLVM_VERSION_STRING ")");
  app.require_subcommand(0, 1);
  Chosen chosen;
  addCompileCommand(app, chosen);
  addRunCommand(app, chosen);
  addChatCommand(app, chosen);
  addBenchCommand(app, chosen);
  addInspectCommand(app, chosen);
  addVerifyCommand(app, chosen);
  addScheduleCommand(app, chosen);
  addTilesCommand(app, chosen);
  addListTargetsCommand(app, chosen);
  addListMachinesCommand(app, chosen);
  addCalibrateMachineCommand(app, chosen);
  // To say more about a command that is not there. Commands inherit this, so it comes after them.
  app.allow_extras();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &asked) {
    return flushed(app.exit(asked)); // --help, --version
  } catch (const CLI::ParseError &error) {
    return usageError(error.what());
  }
  if (chosen)
    return flushed(chosen());
  std::string commands;
  for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; }))
    commands += (commands.empty() ? "" : ", ") + command->get_name();
  std::vector<std::string> rest = app.remaining();
  return usageError("expected one of the commands " + commands + ", found " +
                    (rest.empty() ? "none" : "'" + rest.front() + "'"));
}
