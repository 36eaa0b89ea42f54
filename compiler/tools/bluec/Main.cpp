// bluec: compiles multimodal LLMs of the BlueLM-V family, and runs, inspects and verifies bundles.
#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/session/PassRunner.h"
#include "compiler/driver/session/Registration.h"
#include "compiler/driver/session/Version.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/CommandParser.h"
#include "compiler/tools/bluec/Commands.h"
#include "runtime/cli/Program.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
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
  runtime::openStandardFiles();
  std::signal(SIGXFSZ, SIG_IGN); // a limit on files' sizes is an error of the write
  registerAllPasses();           // so that --mlir-print-ir-after knows them
  registerInstrumentationOptions();
  const Command commands[] = {
      checkCommand(), compileCommand(),     runCommand(),          chatCommand(),
      benchCommand(), inspectCommand(),     verifyCommand(),       scheduleCommand(),
      tilesCommand(), listTargetsCommand(), listMachinesCommand(), calibrateMachineCommand()};
  const Asked asked = readCommandLine(std::vector<std::string>(argv + 1, argv + argc), commands,
                                      std::string(kProducer) + " (llvm " LLVM_VERSION_STRING ")");
  return asked.run ? flushed(asked.run()) : usageError(asked.wrong);
}
