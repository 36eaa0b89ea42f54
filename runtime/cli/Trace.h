// What a run did when, as a file that Perfetto and chrome://tracing open.
//
// The format is Chrome's trace events: one JSON object {"traceEvents": [...]}, times in
// microseconds. A "process" is a run, a "thread" of it a thread of the caller's or the session's;
// each step that ran is one complete event ("ph": "X"), and calls of entry points are events around
// their steps. Both say their device.
#ifndef BLUEC_RUNTIME_CLI_TRACE_H
#define BLUEC_RUNTIME_CLI_TRACE_H

#include "base/Mutex.h"
#include "base/Status.h"
#include "core/Bundle.h"
#include "core/EntryCall.h"

#include <map>
#include <string>
#include <thread>
#include <vector>

namespace bluec::runtime {

// Collects the steps of a session (Session::observe). Any threads; it must outlive the session or
// be taken off before.
class TraceRecorder {
public:
  OnEntryStep observer();

  // Whether write() could do its work, for who has long work before it: NotFound, InvalidArgument.
  static Status check(const std::string &path, const std::string &beside);

  // Writes what was collected of that bundle, through a temporary file. `beside`, if not empty, is
  // a trace of `bluec schedule --trace`; its events come in too, as a process of their own that
  // begins when this run's first call did. NotFound (a file that cannot be read or written),
  // InvalidArgument
  // (`beside` is no such trace).
  Status write(const Bundle &bundle, const std::string &path, const std::string &beside) const;

private:
  struct Event {
    const bluec_entry *entry;
    const bluec_step *step;
    std::int64_t count;
    std::thread::id thread;
    Clock::time_point begin, end;
  };

  bool add(const bluec_entry &entry, std::int64_t count, const bluec_step &step);

  mutable Mutex guard;
  std::vector<Event> events BLUEC_GUARDED_BY(guard); // in order of their ends
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_TRACE_H
