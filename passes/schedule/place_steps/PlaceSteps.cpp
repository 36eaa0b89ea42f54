#include "passes/schedule/place_steps/PlaceSteps.h"

#include "compiler/machine/CostModel.h"
#include "compiler/machine/Machine.h"

#include <limits>

namespace bluec {
#define GEN_PASS_DEF_PLACESTEPS
#include "passes/schedule/place_steps/PlaceSteps.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

int64_t capacityOf(plan::EntryOp entry) { return static_cast<int64_t>(entry.getCapacity()); }

SmallVector<plan::StepOp> stepsOf(plan::EntryOp entry) {
  return SmallVector<plan::StepOp>(entry.getBody().front().getOps<plan::StepOp>());
}

/// Devices by their number in the machine. Steps from `cut` on are on `second`; without a second
/// stage `cut` is the number of steps.
struct Placement {
  size_t first = 0, second = 0, cut = 0;
};

/// What a call takes on the first device, on the way to the second, and on that.
struct StageSeconds {
  double first = 0, transfer = 0, second = 0;

  /// So many calls, one after the other, of which two stages overlap.
  double pipelined(int64_t calls) const {
    return first + transfer + second +
           static_cast<double>(calls - 1) *
               (second > 0 ? std::max({first, transfer, second}) : first);
  }
};

/// The costs of an entry's steps on all devices, for calls of one shape.
class EntryCosts {
public:
  EntryCosts(plan::EntryOp entry, const Machine &machine, CallShape shape)
      : entry(entry), machine(machine), shape(shape), steps(stepsOf(entry)) {
    SmallVector<StepCost> costs;
    for (plan::StepOp step : steps)
      costs.push_back(costOf(step, entry));
    for (const Machine::Device &device : machine.devices) {
      SmallVector<double> sums{0}, each;
      for (const StepCost &cost : costs) {
        each.push_back(secondsOf(cost, shape, device));
        sums.push_back(sums.back() + each.back());
      }
      prefixes.push_back(std::move(sums));
      times.push_back(std::move(each));
    }
    findCrossings();
  }

  size_t numSteps() const { return steps.size(); }
  /// Whether exactly one value is handed over between step `cut - 1` and step `cut`.
  bool canCut(size_t cut) const { return static_cast<bool>(crossing[cut]); }

  StageSeconds seconds(const Placement &placement) const {
    const Machine::Device &first = machine.devices[placement.first];
    StageSeconds result;
    result.first = prefixes[placement.first][placement.cut] + first.callSeconds;
    if (placement.cut == steps.size())
      return result;
    const Machine::Device &second = machine.devices[placement.second];
    int64_t rows = second.staticRows ? shape.capacity : shape.count;
    result.transfer =
        machine.transferSeconds(first.name, second.name, bytesOfRow(placement.cut) * rows);
    // Not a difference of sums: those may be infinite.
    for (size_t i = placement.cut; i < steps.size(); ++i)
      result.second += times[placement.second][i];
    result.second += second.callSeconds;
    return result;
  }

  /// How many of the first steps the device can compute; all of them: numSteps().
  size_t reach(size_t device) const {
    size_t count = 0;
    while (count < steps.size() && prefixes[device][count + 1] != kNever)
      ++count;
    return count;
  }
  plan::StepOp step(size_t index) const { return steps[index]; }

private:
  int64_t bytesOfRow(size_t cut) const {
    auto type = cast<RankedTensorType>(crossing[cut].getType());
    return plan::denseBytes(type) / std::max<int64_t>(shape.capacity, 1);
  }

  void findCrossings() {
    crossing.assign(steps.size() + 1, Value());
    DenseMap<Operation *, size_t> numbers;
    for (auto [i, step] : llvm::enumerate(steps))
      numbers[step] = i;
    numbers[entry.getBody().front().getTerminator()] = steps.size();
    // Values that are alive between two steps, and the one of them if it is alone.
    SmallVector<int64_t> alive(steps.size() + 1, 0);
    auto add = [&](Value value, size_t made) {
      size_t last = made;
      for (Operation *user : value.getUsers())
        last = std::max(last, numbers.lookup(user));
      for (size_t cut = made; cut <= last && cut <= steps.size(); ++cut)
        crossing[cut] = ++alive[cut] == 1 ? value : Value();
    };
    for (BlockArgument input : entry.getBody().getArguments())
      add(input, 0);
    for (auto [i, step] : llvm::enumerate(steps))
      if (step.getResult())
        add(step.getResult(), i + 1);
    // In front of the first step there is nothing to do, nor after the last one; inputs and
    // what has no row for each tile do not cross.
    for (auto [cut, value] : llvm::enumerate(crossing)) {
      auto type = value ? cast<RankedTensorType>(value.getType()) : RankedTensorType();
      if (cut == 0 || cut == steps.size() || !type || !value.getDefiningOp() ||
          type.getRank() == 0 || type.getDimSize(0) != shape.capacity)
        value = Value();
    }
  }

  plan::EntryOp entry;
  const Machine &machine;
  CallShape shape;
  SmallVector<plan::StepOp> steps;
  SmallVector<SmallVector<double>> prefixes; // by device and number of steps
  SmallVector<SmallVector<double>> times;    // by device and step
  SmallVector<Value> crossing;               // by cut; null where there is not exactly one
};

struct PlaceStepsPass : bluec::impl::PlaceStepsBase<PlaceStepsPass> {
  using PlaceStepsBase::PlaceStepsBase;

  void runOnOperation() override {
    if (machine.empty())
      return markAllAnalysesPreserved();
    llvm::Expected<Machine> loaded = Machine::load(machine);
    if (!loaded) {
      getOperation().emitError() << llvm::toString(loaded.takeError());
      return signalPassFailure();
    }
    where = &*loaded;
    if (failed(placeEncoders()) || failed(placeOthers()))
      return signalPassFailure();
    getOperation()->setAttr(plan::kMachineAttr, StringAttr::get(&getContext(), where->name));
  }

  /// The fastest placement of `calls` calls; an error when there is none.
  /// With a `reader`, handing the output to that device counts too.
  FailureOr<Placement> best(plan::EntryOp entry, const EntryCosts &costs, int64_t calls,
                            bool stages, StringRef reader = "") {
    Placement best;
    double least = kNever;
    auto consider = [&](const Placement &placement) {
      double seconds = costs.seconds(placement).pipelined(calls);
      if (!reader.empty())
        seconds += where->transferSeconds(where->devices[placement.second].name, reader,
                                          outputBytes(entry));
      if (seconds < least) {
        least = seconds;
        best = placement;
      }
    };
    for (size_t device = 0; device < where->devices.size(); ++device)
      consider({device, device, costs.numSteps()});
    for (size_t cut = 1; stages && cut < costs.numSteps(); ++cut) {
      if (!costs.canCut(cut))
        continue;
      for (size_t first = 0; first < where->devices.size(); ++first)
        for (size_t second = 0; second < where->devices.size(); ++second)
          if (first != second && costs.reach(first) >= cut)
            consider({first, second, cut});
    }
    if (least == kNever)
      return explain(entry, costs, stages);
    return best;
  }

  LogicalResult explain(plan::EntryOp entry, const EntryCosts &costs, bool stages) {
    auto needOf = [&](plan::StepOp step) { return describeNeed(costOf(step, entry)); };
    for (plan::StepOp step : stepsOf(entry))
      if (llvm::none_of(where->devices, [&](const Machine::Device &device) {
            return canRun(costOf(step, entry), device);
          }))
        return step.emitOpError() << "expected a device of machine '" << where->name
                                  << "' that computes " << needOf(step) << ", found none";
    InFlightDiagnostic error = entry.emitOpError()
                               << "expected machine '" << where->name << "' to compute it on "
                               << (stages ? "one device, or on two with one value handed over once"
                                          : "one device");
    for (auto [device, facts] : llvm::enumerate(where->devices))
      if (size_t reach = costs.reach(device); reach < costs.numSteps())
        error << (device == 0 ? ", found that '" : ", and that '") << facts.name
              << "' does not compute " << needOf(costs.step(reach)) << " ('"
              << costs.step(reach).getLayer() << "')";
    return error;
  }

  void apply(plan::EntryOp entry, const Placement &placement) {
    for (auto [i, step] : llvm::enumerate(stepsOf(entry))) {
      size_t device = i < placement.cut ? placement.first : placement.second;
      step.setDevice(where->devices[device].name);
      placed += device != 0;
    }
    crossings += placement.cut < stepsOf(entry).size();
  }

  LogicalResult placeEncoders() {
    SmallVector<plan::EntryOp> encoders;
    for (auto entry : getOperation().getOps<plan::EntryOp>())
      if (entry.isEncoder())
        encoders.push_back(entry);
    llvm::stable_sort(
        encoders, [](plan::EntryOp a, plan::EntryOp b) { return capacityOf(a) > capacityOf(b); });
    if (encoders.empty())
      return success();

    constexpr int64_t kCallsOfAPicture = 3;
    plan::EntryOp batch = encoders.front();
    EntryCosts costs(batch, *where, fullCall(batch));
    FailureOr<Placement> placement = best(batch, costs, kCallsOfAPicture, /*stages=*/true);
    if (failed(placement))
      return failure();
    for (plan::EntryOp encoder : encoders) {
      if (stepsOf(encoder).size() != costs.numSteps())
        return encoder.emitOpError()
               << "expected the steps of '" << batch.getSymName() << "', found "
               << stepsOf(encoder).size() << " in place of " << costs.numSteps();
      apply(encoder, *placement);
    }
    chooseCalls(encoders, *placement);
    return success();
  }

  /// One call of the batch, or one for each tile, whichever is faster.
  void chooseCalls(ArrayRef<plan::EntryOp> encoders, const Placement &placement) {
    plan::EntryOp batch = encoders.front(), single = encoders.back();
    int64_t capacity = capacityOf(batch);
    if (capacity == 1 || capacityOf(single) != 1)
      return;
    StageSeconds ones = EntryCosts(single, *where, fullCall(single)).seconds(placement);
    Builder builder(&getContext());
    SmallVector<Attribute> lists;
    bool singleIsUsed = false;
    for (int64_t rest = 1; rest < capacity; ++rest) {
      EntryCosts costs(batch, *where, {rest, capacity, /*position=*/0});
      double together = costs.seconds(placement).pipelined(1);
      bool apart = ones.pipelined(rest) < together;
      singleIsUsed |= apart;
      lists.push_back(
          builder.getDenseI64ArrayAttr(apart ? SmallVector<int64_t>(static_cast<size_t>(rest), 1)
                                             : SmallVector<int64_t>{capacity}));
    }
    getOperation()->setAttr(plan::kEncodeCallsAttr, builder.getArrayAttr(lists));
    if (!singleIsUsed)
      single.erase();
  }

  LogicalResult placeOthers() {
    int64_t context = 0;
    if (auto attr = getOperation()->getAttrOfType<IntegerAttr>(plan::kContextAttr))
      context = attr.getInt();
    // Prefill first: embeddings go to where it is.
    SmallVector<plan::EntryOp> entries;
    for (auto entry : getOperation().getOps<plan::EntryOp>())
      if (!entry.isEncoder())
        entries.push_back(entry);
    llvm::stable_sort(entries, [](plan::EntryOp a, plan::EntryOp b) {
      return (a.getRole() == plan::Role::Embed) < (b.getRole() == plan::Role::Embed);
    });
    StringRef prefillDevice;
    for (plan::EntryOp entry : entries) {
      // A conversation that fills half of the context.
      CallShape shape = fullCall(entry);
      shape.position = std::max<int64_t>(0, (context - shape.count) / 2);
      EntryCosts costs(entry, *where, shape);
      bool isEmbed = entry.getRole() == plan::Role::Embed;
      FailureOr<Placement> placement =
          best(entry, costs, /*calls=*/1, /*stages=*/false, isEmbed ? prefillDevice : "");
      if (failed(placement))
        return failure();
      apply(entry, *placement);
      if (entry.getRole() == plan::Role::Decode && entry.getInput(plan::kEmbeddings))
        prefillDevice = where->devices[placement->first].name;
    }
    return success();
  }

  static int64_t outputBytes(plan::EntryOp entry) {
    int64_t bytes = 0;
    for (Value output : entry.getBody().front().getTerminator()->getOperands())
      bytes += plan::denseBytes(cast<RankedTensorType>(output.getType()));
    return bytes;
  }

  static CallShape fullCall(plan::EntryOp entry) {
    return {capacityOf(entry), capacityOf(entry), /*position=*/0};
  }

  const Machine *where = nullptr;
};

} // namespace
