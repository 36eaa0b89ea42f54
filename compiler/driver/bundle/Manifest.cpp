#include "compiler/driver/bundle/Manifest.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/machine/StepCosts.h"
#include "runtime/core/Manifest.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace bluec;

namespace {

int64_t integer(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : 0;
}

std::string elementName(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << type;
  return text;
}

auto namesOf(ArrayAttr list) { return list.getAsValueRange<StringAttr>(); }

Json describeTensor(StringRef name, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  Json shape = Json::array();
  for (int64_t side : tensor.getShape())
    shape.push_back(side);
  return Json{{"name", name.str()},
              {"type", elementName(tensor.getElementType())},
              {"shape", std::move(shape)}};
}

/// Steps or, once kernels exist, their launches.
SmallVector<Operation *> stepsOf(plan::EntryOp entry) {
  SmallVector<Operation *> steps;
  for (Operation &op : entry.getBody().front())
    if (isa<plan::StepOp, plan::LaunchOp>(op))
      steps.push_back(&op);
  return steps;
}

/// What is nothing is left out.
Json describeCost(const StepCost &cost) {
  Json result{{"op", cost.op}};
  if (!cost.arithmetic.empty())
    result["arithmetic"] = cost.arithmetic;
  const std::pair<const char *, int64_t> figures[] = {
      {"weight_bytes", cost.weightBytes},
      {"row_bytes", cost.rowBytes},
      {"position_bytes", cost.positionBytes},
      {"operations", cost.operations},
      {"row_operations", cost.rowOperations},
      {"position_operations", cost.positionOperations},
      {"window", cost.window}};
  for (const auto &[name, figure] : figures)
    if (figure != 0)
      result[name] = figure;
  return result;
}

std::string text(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<StringAttr>(name);
  return attr ? attr.str() : "";
}

} // namespace

Json bluec::describeTarget(plan::TargetAttr target) {
  Json features = Json::array();
  SmallVector<StringRef> names;
  target.getFeatures().split(names, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef name : names)
    features.push_back(name.trim().ltrim('+').str());
  return Json{{"name", target.getName().str()},
              {"triple", target.getTriple().str()},
              {"cpu", target.getCpu().str()},
              {"features", std::move(features)}};
}

Json bluec::describeEntryPoints(ModuleOp module) {
  Json entries = Json::array();
  for (auto entry : module.getOps<plan::EntryOp>()) {
    Block &block = entry.getBody().front();
    Json inputs = Json::array(), outputs = Json::array();
    for (auto [name, type] : llvm::zip(namesOf(entry.getTakes()), block.getArgumentTypes()))
      inputs.push_back(describeTensor(name, type));
    for (auto [name, output] :
         llvm::zip(namesOf(entry.getGives()), block.getTerminator()->getOperands()))
      outputs.push_back(describeTensor(name, output.getType()));
    Json costs = Json::array();
    for (auto step : entry.getOps<plan::StepOp>())
      costs.push_back(describeCost(costOf(step, entry)));
    entries.push_back(Json{{"name", entry.getSymName().str()},
                           {"role", plan::stringifyRole(entry.getRole()).str()},
                           {"stage", static_cast<int64_t>(entry.getStage())},
                           {"stages", static_cast<int64_t>(entry.getStages())},
                           {"capacity", static_cast<int64_t>(entry.getCapacity())},
                           {"segment", entry.getSegment().str()},
                           {"device", entry.getDevice().str()},
                           {"arena_bytes", static_cast<int64_t>(entry.getArenaBytes().value_or(0))},
                           {"steps", stepsOf(entry).size()},
                           {"inputs", std::move(inputs)},
                           {"outputs", std::move(outputs)},
                           {"step_costs", std::move(costs)}});
  }
  return entries;
}

Json bluec::describeMemoryPlan(ModuleOp module) {
  int64_t largest = 0;
  Json entries = Json::object();
  for (auto entry : module.getOps<plan::EntryOp>()) {
    Json tensors = Json::array();
    auto add = [&](const std::string &name, Type type, int64_t offset, int64_t first,
                   int64_t last) {
      tensors.push_back(Json{{"name", name},
                             {"offset", offset},
                             {"bytes", plan::denseBytes(cast<RankedTensorType>(type))},
                             {"first_step", first},
                             {"last_step", last}});
    };
    Block &block = entry.getBody().front();
    SmallVector<Operation *> steps = stepsOf(entry);
    DenseMap<Operation *, int64_t> numbers;
    for (Operation *step : steps)
      numbers.try_emplace(step, static_cast<int64_t>(numbers.size()));
    numbers.try_emplace(block.getTerminator(), static_cast<int64_t>(numbers.size()));
    for (auto [input, name] : llvm::zip(block.getArguments(), namesOf(entry.getTakes()))) {
      int64_t last = -1;
      for (Operation *user : input.getUsers())
        last = std::max(last, numbers.lookup(user));
      ArrayRef<int64_t> offsets = entry.getInputOffsets().value_or(ArrayRef<int64_t>());
      int64_t offset = input.getArgNumber() < offsets.size() ? offsets[input.getArgNumber()] : 0;
      add(name.str(), input.getType(), offset, -1, last);
    }
    for (Operation *step : steps)
      if (step->getNumResults() > 0)
        add(text(step, "value"), step->getResult(0).getType(), integer(step, "offset"),
            numbers.lookup(step), integer(step, "last_use"));
    int64_t arena = static_cast<int64_t>(entry.getArenaBytes().value_or(0));
    largest = std::max(largest, arena);
    entries[entry.getSymName().str()] =
        Json{{"arena_bytes", arena}, {"tensors", std::move(tensors)}};
  }
  return Json{{"weights_bytes", integer(module, plan::kWeightsBytesAttr)},
              {"kv_bytes", integer(module, plan::kCacheBytesAttr)},
              {"largest_arena_bytes", largest},
              {"peak_bytes", integer(module, plan::kPeakBytesAttr)},
              {"entries", std::move(entries)}};
}

std::string bluec::renderManifest(Json fields, const std::map<std::string, BundleFile> &files,
                                  llvm::ArrayRef<std::string> others) {
  Json list = Json::object();
  for (const auto &[name, file] : files) {
    list[name] = Json{{"bytes", file.bytes}, {"sha256", file.sha256}};
    if (file.blocks.empty())
      continue;
    std::string text;
    for (uint32_t sum : file.blocks)
      text += llvm::formatv("{0:x-8}", sum).str();
    list[name]["block_bytes"] = kBlockBytes;
    list[name]["crc32c"] = std::move(text);
  }
  fields["files"] = std::move(list);
  if (!others.empty())
    fields["other_files"] = others;
  constexpr size_t kDigits = 64;
  const std::string zeros(kDigits, '0');
  fields["checksum"] = zeros;
  constexpr int kIndent = 1;
  std::string result =
      fields.dump(kIndent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
  result.replace(result.rfind(zeros), kDigits, runtime::manifestChecksum(result));
  return result;
}
