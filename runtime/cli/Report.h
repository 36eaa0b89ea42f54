// How commands end: one line on stderr and an exit code.
#ifndef BLUEC_RUNTIME_CLI_REPORT_H
#define BLUEC_RUNTIME_CLI_REPORT_H

#include "base/Status.h"
#include "core/Session.h"

#include <functional>
#include <iosfwd>
#include <string>

namespace bluec::runtime {

// Runs `command` and prints what went wrong, if anything did, with what it throws counted as a
// fault of ours. Returns an ExitCode (RunCommand.h).
int reportStatus(std::ostream &err, const std::function<Status()> &command);

// "end", "length", "context", "cancelled" or "none".
const char *stopName(Stop stop);
// "waiting", "encoding", "encoded" or "damaged".
const char *pictureStateName(PictureState state);

// A message as it may be printed: it may quote a path with anything in it.
std::string oneLine(std::string message);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_REPORT_H
