// How commands end: one line on stderr and an exit code.
#ifndef BLUEC_RUNTIME_CLI_REPORT_H
#define BLUEC_RUNTIME_CLI_REPORT_H

#include "base/Status.h"
#include "core/Session.h"

#include <functional>
#include <iosfwd>

namespace bluec::runtime {

// Runs `command` and prints what went wrong, if anything did, with what it throws counted as a
// fault of ours. Returns an ExitCode (RunCommand.h).
int reportStatus(std::ostream &err, const std::function<Status()> &command);

// "end", "length", "context", "cancelled" or "none".
const char *stopName(Stop stop);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_REPORT_H
