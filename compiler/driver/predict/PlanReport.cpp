#include "compiler/driver/predict/PlanReport.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/predict/report/PlanPage.h"
#include "compiler/driver/session/Version.h"
#include "compiler/machine/CostModel.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace bluec;

namespace {

int64_t integer(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : 0;
}

/// A full call as far back in the context as one can stand, where the most is read.
CallShape fullCall(plan::EntryOp entry) {
  auto capacity = static_cast<int64_t>(entry.getCapacity());
  bool hasCache = entry.getRole() == plan::Role::Decode;
  int64_t context = integer(entry->getParentOp(), plan::kContextAttr);
  return {capacity, capacity, hasCache ? std::max<int64_t>(context - capacity, 0) : 0};
}

Json describeStep(plan::StepOp step, plan::EntryOp entry, const Machine *machine) {
  StepCost cost = costOf(step, entry);
  CallShape call = fullCall(entry);
  CallWork work = workOf(cost, call.count, call.position);
  Json result{{"name", step.getLayer().str()},
              {"op", cost.op},
              {"device", step.getDevice().str()},
              {"weight_bytes", static_cast<int64_t>(work.readBytes)},
              {"value_bytes", static_cast<int64_t>(work.valueBytes)},
              {"operations", static_cast<int64_t>(work.operations)}};
  const Machine::Device *device = machine ? machine->find(step.getDevice()) : nullptr;
  double seconds = device ? secondsOf(cost, call, *device) : NAN;
  result["seconds"] = std::isfinite(seconds) ? Json(seconds) : Json();
  return result;
}

Json describeEntry(plan::EntryOp entry, const Json &memory, const Machine *machine) {
  std::string name = entry.getSymName().str();
  Json steps = Json::array(), tensors = Json::array();
  std::string device;
  for (auto step : entry.getOps<plan::StepOp>()) {
    steps.push_back(describeStep(step, entry, machine));
    device = step.getDevice().str();
  }
  const Json &places = memory["entries"][name]["tensors"];
  for (const Json &tensor : places)
    tensors.push_back({{"name", tensor["name"]},
                       {"offset", tensor["offset"]},
                       {"bytes", tensor["bytes"]},
                       {"first", tensor["first_step"]},
                       {"last", tensor["last_step"]}});
  return {{"name", name},
          {"role", plan::stringifyRole(entry.getRole()).str()},
          {"device", device},
          {"capacity", static_cast<int64_t>(entry.getCapacity())},
          {"rows", entry.isEncoder() ? "tiles" : "tokens"},
          {"segment", entry.getSegment().str()},
          {"arena_bytes", static_cast<int64_t>(entry.getArenaBytes().value_or(0))},
          {"steps", std::move(steps)},
          {"tensors", std::move(tensors)}};
}

/// Lanes by number: devices of the machine first, then the ways between them.
struct Lanes {
  llvm::MapVector<StringRef, int64_t> numbers;
  int64_t of(StringRef device) {
    return numbers.insert({device, static_cast<int64_t>(numbers.size())}).first->second;
  }
};

Json describeRun(const PlanRun &run, const Machine &machine) {
  Lanes lanes;
  for (const Machine::Device &device : machine.devices)
    lanes.of(device.name);
  // A long prompt is thousands of steps: those are joined by call and device.
  constexpr size_t kMostSteps = 4000;
  bool joined = run.timeline.tasks.size() > kMostSteps;
  llvm::MapVector<std::tuple<int64_t, StringRef, int64_t>, Json,
                  std::map<std::tuple<int64_t, StringRef, int64_t>, unsigned>>
      calls;
  Json tasks = Json::array();
  for (const TimelineTask &task : run.timeline.tasks) {
    int64_t lane = lanes.of(task.device);
    if (!joined)
      tasks.push_back(
          {lane, task.entry, task.call, task.count, task.op, task.name, task.start, task.end});
    Json &call = calls[{lane, task.entry, task.call}];
    if (call.is_null())
      call = {lane, task.entry, task.call, task.count, task.start, task.end};
    call.back() = std::max(call.back().get<double>(), task.end);
  }
  Json brackets = Json::array();
  for (const auto &[key, call] : calls) {
    brackets.push_back(call);
    if (joined)
      tasks.push_back({call[0], call[1], call[2], call[3], call[1],
                       "call " + std::to_string(call[2].get<int64_t>()), call[4], call[5]});
  }
  Json devices = Json::array();
  for (const auto &[device, lane] : lanes.numbers)
    devices.push_back(device.str());
  return {{"what", run.timeline.what},       {"subject", run.subject},
          {"seconds", run.timeline.seconds}, {"hidden", run.timeline.hiddenSeconds},
          {"devices", std::move(devices)},   {"tasks", std::move(tasks)},
          {"calls", std::move(brackets)}};
}

Json totalsOf(ModuleOp plan, const Json &memory, const PlanReport &report) {
  Json totals = Json::array();
  totals.push_back({"predicted peak", memory["peak_bytes"]});
  if (auto segments = plan->getAttrOfType<ArrayAttr>(plan::kSegmentsAttr))
    for (auto segment : segments.getAsRange<plan::SegmentAttr>())
      totals.push_back({"weights: " + segment.getName().str(), segment.getBytes()});
  totals.push_back({"kv cache", memory["kv_bytes"]});
  totals.push_back({"largest arena", memory["largest_arena_bytes"]});
  for (const PlanRun &run : report.runs)
    totals.push_back({run.timeline.what + " " + run.subject,
                      llvm::formatv("{0:f2} s", run.timeline.seconds).str()});
  return totals;
}

} // namespace

FailureOr<std::vector<PlanRun>> bluec::planRuns(ModuleOp plan, const Machine &machine,
                                                int64_t tiles, int64_t tokens) {
  std::vector<PlanRun> runs;
  auto keep = [&](FailureOr<Timeline> made, std::string subject) {
    if (failed(made))
      return failure();
    runs.push_back({std::move(*made), std::move(subject)});
    return success();
  };
  bool encodes = false, decodes = false;
  for (auto entry : plan.getOps<plan::EntryOp>()) {
    encodes |= entry.isEncoder();
    decodes |= (entry.getRole() == plan::Role::Decode && entry.getInput(plan::kIds));
  }
  if (encodes && tiles > 0 &&
      failed(keep(encodeTimeline(plan, machine, tiles), std::to_string(tiles) + " tiles")))
    return failure();
  if (!decodes)
    return runs;
  int64_t last = std::min(tokens, integer(plan, plan::kContextAttr) - 1);
  if (failed(keep(prefillTimeline(plan, machine, tokens), std::to_string(tokens) + " tokens")) ||
      failed(keep(decodeTimeline(plan, machine, last), "at " + std::to_string(last))))
    return failure();
  return runs;
}

std::string bluec::renderPlanPage(ModuleOp plan, const PlanReport &report) {
  Json memory = describeMemoryPlan(plan), entries = Json::array(), runs = Json::array();
  for (auto entry : plan.getOps<plan::EntryOp>())
    entries.push_back(describeEntry(entry, memory, report.machine));
  if (report.machine)
    for (const PlanRun &run : report.runs)
      runs.push_back(describeRun(run, *report.machine));
  auto target = plan->getAttrOfType<plan::TargetAttr>(plan::kTargetAttr);
  std::string targetText = target ? target.getName().str() : "";
  for (auto device : plan.getOps<plan::DeviceOp>())
    targetText += (", " + device.getName() + ": " + device.getTarget().getName()).str();
  Json data{{"model", report.model},
            {"recipe", report.recipe},
            {"target", targetText},
            {"producer", kProducer},
            {"machine", Json()},
            {"totals", totalsOf(plan, memory, report)},
            {"runs", std::move(runs)},
            {"entries", std::move(entries)},
            {"precision", describePrecision(plan)}};
  if (report.machine)
    data["machine"] = {{"name", report.machine->name},
                       {"description", report.machine->description}};
  std::string text = data.dump(-1, ' ', false, Json::error_handler_t::replace);
  // Nothing in a name may end the element that the data stands in.
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at))
    text.replace(at, 1, "\\u003c");
  std::string page = planPage;
  constexpr StringRef kMark = "%PLAN%";
  return page.replace(page.find(kMark.str()), kMark.size(), text);
}

std::string bluec::renderPlanTrace(const PlanReport &report) {
  constexpr int kProcess = 1;
  constexpr double kMicrosOfSecond = 1e6;
  Lanes lanes;
  Json events = Json::array();
  auto name = [&](StringRef what, int64_t thread, const std::string &text) {
    events.push_back({{"name", what.str()},
                      {"ph", "M"},
                      {"pid", kProcess},
                      {"tid", thread},
                      {"args", {{"name", text}}}});
  };
  name("process_name", 0,
       "plan" + (report.machine ? " on " + report.machine->name : std::string()));
  double begin = 0;
  for (const PlanRun &run : report.runs) {
    for (const TimelineTask &task : run.timeline.tasks)
      events.push_back({{"name", task.name},
                        {"cat", task.entry},
                        {"ph", "X"},
                        {"ts", (begin + task.start) * kMicrosOfSecond},
                        {"dur", (task.end - task.start) * kMicrosOfSecond},
                        {"pid", kProcess},
                        {"tid", lanes.of(task.device) + 1},
                        {"args",
                         {{"run", run.timeline.what},
                          {"op", task.op},
                          {"call", task.call},
                          {"rows", task.count}}}});
    begin += run.timeline.seconds;
  }
  for (const auto &[device, lane] : lanes.numbers)
    name("thread_name", lane + 1, device.str());
  Json whole{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
  return whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}
