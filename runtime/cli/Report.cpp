#include "cli/Report.h"

#include "cli/RunCommand.h"

#include <algorithm>
#include <exception>
#include <ostream>
#include <string>

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
  err << "error: " << oneLine(status.message()) << '\n';
  return status.getCode() == Code::Internal ? ExitInternal : ExitInputAtFault;
}

std::string oneLine(std::string message) {
  std::replace_if(message.begin(), message.end(), [](unsigned char c) { return c < ' '; }, ' ');
  return message;
}

const char *pictureStateName(PictureState state) {
  static constexpr const char *kNames[] = {"waiting", "encoding", "encoded", "damaged"};
  return kNames[int(state)];
}

const char *stopName(Stop stop) {
  switch (stop) {
  case Stop::End:
    return "end";
  case Stop::Length:
    return "length";
  case Stop::Context:
    return "context";
  case Stop::Cancelled:
    return "cancelled";
  case Stop::None:
    break;
  }
  return "none";
}

} // namespace bluec::runtime
