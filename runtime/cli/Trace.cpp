#include "cli/Trace.h"

#include "platform/MappedFile.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace bluec::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kRunProcess = 1, kBesideProcess = 2;
constexpr const char *kPartSuffix = ".part";
constexpr std::size_t kLargestTrace = std::size_t(256) << 20;

Json nameEvent(const char *what, int process, int thread, const std::string &name) {
  return {
      {"name", what}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}};
}

// The events of another trace, moved to a process of their own.
Status addBeside(const std::string &path, Json &list) {
  Result<std::string> text = readFile(path, kLargestTrace);
  if (!text.ok())
    return text.status();
  const Json parsed = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto found = parsed.is_object() ? parsed.find("traceEvents") : parsed.end();
  if (!parsed.is_object() || found == parsed.end() || !found->is_array())
    return {Code::InvalidArgument,
            path + ": expected a trace with traceEvents, found another file"};
  for (Json event : *found) {
    if (!event.is_object())
      return {Code::InvalidArgument, path + ": expected events that are objects, found others"};
    event["pid"] = kBesideProcess;
    list.push_back(std::move(event));
  }
  return {};
}

// A rename would put a file in the place of a link, a pipe or a device.
Status checkPlace(const std::string &path) {
  std::error_code code;
  const std::filesystem::file_status found = std::filesystem::symlink_status(path, code);
  if (!std::filesystem::exists(found) || std::filesystem::is_regular_file(found))
    return {};
  return {Code::InvalidArgument, path + ": expected a file, found something else"};
}

Status writeWhole(const std::string &path, const std::string &text) {
  BLUEC_RETURN_IF_ERROR(checkPlace(path));
  const std::string part = path + kPartSuffix;
  std::ofstream file(part, std::ios::binary);
  file << text;
  file.close();
  if (file && std::rename(part.c_str(), path.c_str()) == 0)
    return {};
  std::remove(part.c_str());
  return {Code::NotFound, path + ": cannot be written"};
}

} // namespace

OnEntryStep TraceRecorder::observer() {
  return [this](const bluec_entry &entry, std::int64_t count, const bluec_step &step,
                const void *) { return add(entry, count, step); };
}

bool TraceRecorder::add(const bluec_entry &entry, std::int64_t count, const bluec_step &step) {
  const Clock::time_point end = Clock::now();
  const MutexLock lock(guard);
  events.push_back({&entry, &step, count, std::this_thread::get_id(), stepBegan(), end});
  return true;
}

Status TraceRecorder::check(const std::string &path, const std::string &beside) {
  Json events = Json::array();
  if (!beside.empty())
    BLUEC_RETURN_IF_ERROR(addBeside(beside, events));
  BLUEC_RETURN_IF_ERROR(checkPlace(path));
  const std::string part = path + kPartSuffix;
  const bool writable = std::ofstream(part, std::ios::binary).good();
  std::remove(part.c_str());
  return writable ? Status() : Status(Code::NotFound, path + ": cannot be written");
}

Status TraceRecorder::write(const Bundle &bundle, const std::string &path,
                            const std::string &beside) const {
  const MutexLock lock(guard);
  Json list = Json::array();
  list.push_back(nameEvent("process_name", kRunProcess, 0, "run"));
  Clock::time_point first = events.empty() ? Clock::time_point() : events.front().begin;
  for (const Event &event : events)
    first = std::min(first, event.begin);
  const auto micros = [](Clock::duration time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  std::map<std::thread::id, int> threads;
  std::map<int, std::size_t> calls; // by thread: the event of the call that is going on
  for (const Event &event : events) {
    const int thread = threads.try_emplace(event.thread, int(threads.size()) + 1).first->second;
    const double begin = micros(event.begin - first), end = micros(event.end - first);
    const std::string &device = bundle.deviceOf(*event.entry).name;
    if (event.step == event.entry->steps || !calls.contains(thread)) {
      calls[thread] = list.size();
      list.push_back({{"name", event.entry->name},
                      {"cat", "call"},
                      {"ph", "X"},
                      {"ts", begin},
                      {"dur", 0.0},
                      {"pid", kRunProcess},
                      {"tid", thread},
                      {"args", {{"device", device}, {"rows", event.count}}}});
    }
    Json &call = list[calls[thread]];
    call["dur"] = end - call["ts"].get<double>();
    list.push_back(
        {{"name", event.step->name},
         {"cat", event.entry->name},
         {"ph", "X"},
         {"ts", begin},
         {"dur", end - begin},
         {"pid", kRunProcess},
         {"tid", thread},
         {"args", {{"device", device}, {"kernel", event.step->kernel}, {"rows", event.count}}}});
  }
  for (const auto &[id, thread] : threads)
    list.push_back(
        nameEvent("thread_name", kRunProcess, thread, "thread " + std::to_string(thread)));
  if (!beside.empty())
    BLUEC_RETURN_IF_ERROR(addBeside(beside, list));
  const Json whole{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(list)}};
  return writeWhole(path, whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

} // namespace bluec::runtime
