#include "cli/Report.h"

#include "cli/RunCommand.h"

#include <exception>
#include <ostream>

namespace bluec::runtime {

int reportStatus(std::ostream &err, const std::function<Status()> &command) {
  Status status;
  try {
    status = command();
  } catch (const std::bad_alloc &) {
    status = {Code::OutOfMemory, "out of memory"};
  } catch (const std::exception &error) {
    status = {Code::Internal, error.what()};
  }
  if (status.ok())
    return ExitDone;
  err << "error: " << status.message() << '\n';
  return status.getCode() == Code::Internal ? ExitInternal : ExitInputAtFault;
}

} // namespace bluec::runtime
