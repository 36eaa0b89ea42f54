#include "compiler/driver/predict/Timeline.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/machine/CostModel.h"

#include "llvm/ADT/StringMap.h"

#include <map>

using namespace mlir;
using namespace bluec;

namespace {

int64_t capacityOf(plan::EntryOp entry) { return static_cast<int64_t>(entry.getCapacity()); }

/// A step as a run needs it: what it costs, where it runs, what it has to be handed first.
struct CostedStep {
  StringRef layer;
  StepCost cost;
  const Machine::Device *device = nullptr;
  struct Handed {
    std::string from;
    int64_t bytes = 0, rowBytes = 0;
  };
  std::vector<Handed> handed; // values of this entry that another device made
};

/// Bytes of a value: of each row of the call, or of all.
std::pair<int64_t, int64_t> bytesOf(Value value, plan::EntryOp entry) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t bytes = plan::denseBytes(type), rows = capacityOf(entry);
  bool byRow = type.getRank() > 0 && type.getDimSize(0) == rows && rows > 0;
  return byRow ? std::pair(int64_t{0}, bytes / rows) : std::pair(bytes, int64_t{0});
}

/// Puts calls on devices, one after the other in the order in which they are asked for.
class Scheduler {
public:
  Scheduler(const Machine &machine, StringRef what) : machine(machine) { out.what = what; }

  /// A call as soon as `ready` and its devices allow; when it ends. Its steps run in order.
  FailureOr<double> call(plan::EntryOp entry, int64_t number, CallShape shape, double ready);
  /// Hands the outputs of `from` to the device where `to` begins; when they are there.
  FailureOr<double> handOver(plan::EntryOp from, plan::EntryOp to, int64_t number, int64_t count,
                             double ready);

  Timeline finish() {
    double inOrder = 0;
    for (const TimelineTask &task : out.tasks) {
      inOrder += task.end - task.start;
      out.seconds = std::max(out.seconds, task.end);
    }
    out.hiddenSeconds = std::max(inOrder - out.seconds, 0.0);
    llvm::stable_sort(
        out.tasks, [](const TimelineTask &a, const TimelineTask &b) { return a.start < b.start; });
    return std::move(out);
  }

private:
  FailureOr<const std::vector<CostedStep> *> stepsOf(plan::EntryOp entry);
  double add(StringRef device, plan::EntryOp entry, StringRef name, StringRef op, int64_t number,
             int64_t count, double ready, double seconds);

  const Machine &machine;
  Timeline out;
  llvm::StringMap<double> freeAt; // of devices and of the ways between them
  std::map<Operation *, std::vector<CostedStep>> costed;
};

double Scheduler::add(StringRef device, plan::EntryOp entry, StringRef name, StringRef op,
                      int64_t number, int64_t count, double ready, double seconds) {
  double &free = freeAt[device];
  double start = std::max(free, ready);
  free = start + seconds;
  if (seconds > 0)
    out.tasks.push_back(
        {device.str(), entry.getSymName().str(), name.str(), op.str(), number, count, start, free});
  return free;
}

FailureOr<const std::vector<CostedStep> *> Scheduler::stepsOf(plan::EntryOp entry) {
  auto [place, isNew] = costed.try_emplace(entry);
  if (!isNew)
    return &place->second;
  for (auto op : entry.getOps<plan::StepOp>()) {
    CostedStep step{op.getLayer(), costOf(op, entry), machine.find(op.getDevice()), {}};
    if (!step.device)
      return op.emitOpError() << "expected a device of machine " << machine.name << " for "
                              << op.getLayer() << ", found '" << op.getDevice() << "'";
    if (!canRun(step.cost, *step.device))
      return op.emitOpError() << "expected a device that computes " << describeNeed(step.cost)
                              << " for " << op.getLayer() << ", found '" << op.getDevice()
                              << "' of machine " << machine.name;
    for (Value operand : op.getOperands()) {
      auto maker = operand.getDefiningOp<plan::StepOp>();
      if (!maker || maker.getDevice() == op.getDevice())
        continue;
      auto [bytes, rowBytes] = bytesOf(operand, entry);
      step.handed.push_back({maker.getDevice().str(), bytes, rowBytes});
    }
    place->second.push_back(std::move(step));
  }
  return &place->second;
}

FailureOr<double> Scheduler::call(plan::EntryOp entry, int64_t number, CallShape shape,
                                  double ready) {
  shape.capacity = capacityOf(entry);
  FailureOr<const std::vector<CostedStep> *> steps = stepsOf(entry);
  if (failed(steps))
    return failure();
  double now = ready;
  const Machine::Device *last = nullptr;
  for (const CostedStep &step : **steps) {
    for (const CostedStep::Handed &value : step.handed) {
      const std::string &to = step.device->name;
      now =
          add(value.from + " -> " + to, entry, "transfer", "transfer", number, shape.count, now,
              machine.transferSeconds(value.from, to, value.bytes + shape.count * value.rowBytes));
    }
    if (step.device != last)
      now = add(step.device->name, entry, "call", "call", number, shape.count, now,
                step.device->callSeconds);
    last = step.device;
    now = add(step.device->name, entry, step.layer, step.cost.op, number, shape.count, now,
              secondsOf(step.cost, shape, *step.device));
  }
  return now;
}

FailureOr<double> Scheduler::handOver(plan::EntryOp from, plan::EntryOp to, int64_t number,
                                      int64_t count, double ready) {
  FailureOr<const std::vector<CostedStep> *> steps = stepsOf(to);
  if (failed(steps))
    return failure();
  for (Value output : from.getBody().front().getTerminator()->getOperands()) {
    auto maker = output.getDefiningOp<plan::StepOp>();
    if (!maker || (*steps)->empty())
      continue;
    const Machine::Device &reader = *(*steps)->front().device;
    const std::string &device = reader.name;
    int64_t rows = reader.staticRows ? capacityOf(from) : count;
    auto [bytes, rowBytes] = bytesOf(output, from);
    ready = add((maker.getDevice() + " -> " + device).str(), from, "transfer", "transfer", number,
                count, ready,
                machine.transferSeconds(maker.getDevice(), device, bytes + rows * rowBytes));
  }
  return ready;
}

} // namespace

std::vector<TimelineCall> bluec::encodeCalls(ModuleOp plan, int64_t tiles) {
  int64_t batch = 1;
  for (auto entry : plan.getOps<plan::EntryOp>())
    if (entry.isEncoder())
      batch = std::max(batch, capacityOf(entry));
  std::vector<TimelineCall> calls;
  for (; tiles >= batch; tiles -= batch)
    calls.push_back({batch, batch});
  if (tiles == 0)
    return calls;
  // What is left: as the plan says, else one by one.
  SmallVector<int64_t> rest(static_cast<size_t>(tiles), 1);
  if (auto lists = plan::encodeCallsOf(plan); lists && static_cast<size_t>(tiles) <= lists->size())
    rest.assign((*lists)[static_cast<size_t>(tiles) - 1].begin(),
                (*lists)[static_cast<size_t>(tiles) - 1].end());
  for (int64_t capacity : rest) {
    calls.push_back({capacity, std::min(capacity, tiles)});
    tiles -= calls.back().count;
  }
  return calls;
}

FailureOr<Timeline> bluec::encodeTimeline(ModuleOp plan, const Machine &machine, int64_t tiles) {
  // Stages of a call, in the module's order; a whole encoder is the only one of its capacity.
  std::map<int64_t, SmallVector<plan::EntryOp>> stages;
  for (auto entry : plan.getOps<plan::EntryOp>())
    if (entry.isEncoder())
      stages[capacityOf(entry)].push_back(entry);
  Scheduler scheduler(machine, "encode");
  if (stages.empty() && tiles > 0)
    return plan.emitError("expected an image encoder, found none");
  // The caller owns two buffers for what crosses between stages: a stage's output stays in one
  // until the next stage has read it.
  constexpr size_t kBuffers = 2;
  std::map<size_t, std::vector<double>> readBy; // by stage: when each call's has been read
  for (auto [number, call] : llvm::enumerate(encodeCalls(plan, tiles))) {
    auto found = stages.find(call.capacity);
    if (found == stages.end())
      return plan.emitError() << "expected an entry that encodes " << call.capacity
                              << " tiles, found none";
    auto id = static_cast<int64_t>(number);
    double ready = 0;
    for (auto [stage, entry] : llvm::enumerate(found->second)) {
      bool isLast = stage + 1 == found->second.size();
      if (!isLast && number >= kBuffers)
        ready = std::max(ready, readBy[stage][number - kBuffers]);
      FailureOr<double> end =
          scheduler.call(entry, id, {call.count, call.capacity, /*position=*/0}, ready);
      if (failed(end))
        return failure();
      if (stage > 0)
        readBy[stage - 1].push_back(*end);
      ready = *end;
      if (isLast)
        continue;
      FailureOr<double> there =
          scheduler.handOver(entry, found->second[stage + 1], id, call.count, ready);
      if (failed(there))
        return failure();
      ready = *there;
    }
  }
  return scheduler.finish();
}

FailureOr<Timeline> bluec::prefillTimeline(ModuleOp plan, const Machine &machine, int64_t tokens,
                                           int64_t position) {
  plan::EntryOp embed = plan::findEntry(plan, plan::Role::Embed, plan::kIds),
                prefill = plan::findEntry(plan, plan::Role::Decode, plan::kEmbeddings);
  if (!prefill)
    return plan.emitError("expected an entry that decodes embeddings, found none");
  Scheduler scheduler(machine, "prefill");
  double ready = 0;
  for (int64_t number = 0; tokens > 0; ++number) {
    int64_t count = std::min(tokens, capacityOf(prefill));
    for (plan::EntryOp entry : {embed, prefill}) {
      if (!entry)
        continue;
      FailureOr<double> end = scheduler.call(entry, number, {count, count, position}, ready);
      if (failed(end))
        return failure();
      ready = *end;
    }
    tokens -= count;
    position += count;
  }
  return scheduler.finish();
}

FailureOr<Timeline> bluec::decodeTimeline(ModuleOp plan, const Machine &machine, int64_t position) {
  plan::EntryOp decode = plan::findEntry(plan, plan::Role::Decode, plan::kIds);
  if (!decode)
    return plan.emitError("expected an entry that decodes ids, found none");
  Scheduler scheduler(machine, "decode");
  if (failed(scheduler.call(decode, 0, {1, 1, position}, 0)))
    return failure();
  return scheduler.finish();
}
