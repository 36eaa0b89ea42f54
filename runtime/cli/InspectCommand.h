// `bluec inspect`: what is in a bundle. Runs no code of it, so bundles for other machines can be
// looked at too.
#ifndef BLUEC_RUNTIME_CLI_INSPECTCOMMAND_H
#define BLUEC_RUNTIME_CLI_INSPECTCOMMAND_H

#include "cli/OptionTable.h"

#include <iosfwd>
#include <string>

namespace bluec::runtime {

struct InspectOptions {
  std::string bundle; // directory
  bool json = false;
  bool verify = false; // SHA-256 of every file, instead of checksums by block where there are some
};

OptionTable optionTable(InspectOptions &options);

// Prints producer, target, recipe, devices, geometry, entry points, files with sizes and hashes,
// memory plan, and whether each file is what the manifest says and each device is here and runs its
// code. With `json`: the manifest's object and "checks": {"files": {NAME: "ok" | reason},
// "devices": {NAME: "ok" | reason}}.
//
// Exit codes as runCommand; 1 when a file is damaged, but 0 when only a device is not here.
int inspectCommand(const InspectOptions &options, std::ostream &out, std::ostream &err);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_INSPECTCOMMAND_H
