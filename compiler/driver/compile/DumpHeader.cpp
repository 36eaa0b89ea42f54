#include "compiler/driver/compile/DumpHeader.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/bundle/PrecisionText.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;
using namespace bluec;

namespace {

/// What an op of a blue function says about precision; empty for ops that say nothing.
std::string describeLayer(Operation &op) {
  std::string text;
  auto describeWeight = [&](Value value) {
    auto weight = value.getDefiningOp<blue::WeightOp>();
    if (!weight) {
      text = precisionText(value.getType());
      return;
    }
    std::string before = precisionText(weight.getSource().getType());
    std::string after = precisionText(value.getType());
    text = before == after ? after : before + " -> " + after;
    if (!weight.getTransforms().empty())
      if (auto quantize = dyn_cast<blue::QuantizeAttr>(weight.getTransforms().getValue().back()))
        text += " by " + blue::stringifyQuantizeMethod(quantize.getMethod()).str();
  };
  if (auto linear = dyn_cast<blue::LinearOp>(op)) {
    describeWeight(linear.getWeight());
    return "weights " + text + "; activations " + precisionText(linear.getX().getType());
  }
  if (auto experts = dyn_cast<blue::ExpertLinearOp>(op)) {
    describeWeight(experts.getWeight());
    return "weights " + text + "; activations " + precisionText(experts.getX().getType());
  }
  if (auto embedding = dyn_cast<blue::EmbeddingOp>(op)) {
    describeWeight(embedding.getTable());
    return "table " + text;
  }
  if (auto patches = dyn_cast<blue::PatchEmbedOp>(op)) {
    describeWeight(patches.getWeight());
    return "weights " + text + "; activations " + precisionText(patches.getPixels().getType());
  }
  if (auto attention = dyn_cast<blue::AttentionOp>(op)) {
    if (attention.getPastKey())
      text = "past " + precisionText(attention.getPastKey().getType());
    if (attention.getComputeType())
      text += (text.empty() ? "" : "; ") + std::string("products in ") +
              precisionText(*attention.getComputeType());
    return text;
  }
  return {};
}

void describeFunction(func::FuncOp function, llvm::raw_ostream &out) {
  blue::LayerNames names(function);
  using Key = std::pair<std::string, std::string>;
  llvm::MapVector<Key, int64_t, std::map<Key, unsigned>> rows;
  for (Operation &op : function.getBody().front())
    if (std::string text = describeLayer(op); !text.empty())
      ++rows[{modulePattern(names.of(&op)), std::move(text)}];
  for (const auto &[key, count] : rows)
    out << llvm::formatv("//   {0,-50} {1,4}x  {2}\n", key.first, count, key.second);
}

double megabytes(const Json &bytes) { return bytes.get<double>() / 1e6; }

void describePlan(ModuleOp module, llvm::raw_ostream &out) {
  auto context = module->getAttrOfType<IntegerAttr>(plan::kContextAttr);
  for (auto entry : module.getOps<plan::EntryOp>()) {
    bool isVision = entry.isEncoder();
    out << llvm::formatv("//   {0,-8} {1} {2} a call, {3} steps on {4}", entry.getSymName(),
                         entry.getCapacity(), isVision ? "tiles" : "tokens",
                         llvm::range_size(entry.getOps<plan::StepOp>()), entry.getDevice());
    if (entry.getArenaBytes())
      out << llvm::formatv(", arena {0:f2} MB", static_cast<double>(*entry.getArenaBytes()) / 1e6);
    // A prompt that fills the context, chunk by chunk.
    if (entry.getRole() == plan::Role::Decode && entry.getInput(plan::kEmbeddings) && context &&
        entry.getCapacity() > 0) {
      int64_t capacity = static_cast<int64_t>(entry.getCapacity());
      int64_t chunks = (context.getInt() + capacity - 1) / capacity;
      out << llvm::formatv("; a prompt of {0} tokens takes {1} calls", context.getInt(), chunks);
    }
    out << '\n';
  }
  Json precision = describePrecision(module);
  for (const Json &row : precision["segments"])
    out << llvm::formatv("//   weights of {0}: {1} of {2}, {3:f2} MB\n",
                         row["segment"].get<std::string>(), row["tensors"].get<int64_t>(),
                         row["type"].get<std::string>(), megabytes(row["bytes"]));
  for (const Json &row : describeFusions(module))
    out << llvm::formatv(
        "//   {0}: {1} saves {2} steps, {3:f2} MB of gathered rows and {4:f3} of {5:f3} "
        "G operations a call\n",
        row["entry"].get<std::string>(), row["layer"].get<std::string>(),
        row["steps_saved"].get<int64_t>(), megabytes(row["wide_bytes_saved"]),
        row["operations_saved"].get<double>() / 1e9,
        (row["operations"].get<double>() + row["operations_saved"].get<double>()) / 1e9);
  if (precision.contains("kv_cache"))
    out << llvm::formatv("//   kv cache of {0} tokens: {1}, {2:f2} MB\n",
                         context ? context.getInt() : 0,
                         precision["kv_cache"]["type"].get<std::string>(),
                         megabytes(precision["kv_cache"]["bytes"]));
  for (const Json &row : precision["modules"])
    out << llvm::formatv("//   {0,-50} {1,4}x  {2}{3}\n", row["module"].get<std::string>(),
                         row["layers"].get<int64_t>(), row["weights"].get<std::string>(),
                         row.contains("activations") ? " x " + row["activations"].get<std::string>()
                                                     : std::string());
}

} // namespace

std::string bluec::dumpHeader(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (auto function : module.getOps<func::FuncOp>())
    if (blue::roleOf(function) && !function.isExternal())
      describeFunction(function, out);
  // Once kernels have been made, nothing is left to decide.
  auto hasSteps = [](plan::EntryOp entry) { return !entry.getOps<plan::StepOp>().empty(); };
  if (llvm::any_of(module.getOps<plan::EntryOp>(), hasSteps))
    describePlan(module, out);
  return text.empty() ? text : "// In short:\n" + text;
}
