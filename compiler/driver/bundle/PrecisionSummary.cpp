// How exact a model is, as its manifest says it: by segment, by module, and of the KV cache.
#include "compiler/driver/bundle/Manifest.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/bundle/PrecisionText.h"

#include "llvm/ADT/MapVector.h"

#include <map>
#include <set>

using namespace mlir;
using namespace bluec;

namespace {

/// A kind of step that reads a large weight.
struct ModuleRow {
  int64_t layers = 0, bytes = 0;
};

/// The block argument's value outside of the step.
Value outside(plan::StepOp step, Value inside) {
  auto argument = dyn_cast<BlockArgument>(inside);
  return argument ? step.getOperand(argument.getArgNumber()) : Value();
}

plan::WeightOp weightOf(plan::StepOp step, Value inside) {
  Value value = outside(step, inside);
  auto get = value ? value.getDefiningOp<plan::GetWeightOp>() : plan::GetWeightOp();
  return get ? SymbolTable::lookupNearestSymbolFrom<plan::WeightOp>(step, get.getWeightAttr())
             : plan::WeightOp();
}

Json describeSegments(ModuleOp module) {
  llvm::MapVector<std::pair<StringAttr, Type>, std::pair<int64_t, int64_t>> rows;
  std::set<int64_t> seen; // offsets: what weights share counts once
  for (auto weight : module.getOps<plan::WeightOp>()) {
    if (!weight.getOffset() || !seen.insert(static_cast<int64_t>(*weight.getOffset())).second)
      continue;
    Type element = cast<RankedTensorType>(weight.getPacked()).getElementType();
    auto &[count, bytes] = rows[{weight.getSegmentAttr(), element}];
    ++count;
    bytes += weight.getPackedBytes();
  }
  Json list = Json::array();
  for (const auto &[key, row] : rows)
    list.push_back(Json{{"segment", key.first.str()},
                        {"type", precisionText(key.second)},
                        {"tensors", row.first},
                        {"bytes", row.second}});
  return list;
}

Json describeModules(ModuleOp module) {
  // module, weight type, activation type
  using Key = std::tuple<std::string, std::string, std::string>;
  llvm::MapVector<Key, ModuleRow, std::map<Key, unsigned>> rows;
  DenseSet<Operation *> seen; // prefill and decode read the same weights
  for (auto entry : module.getOps<plan::EntryOp>())
    for (auto step : entry.getBody().front().getOps<plan::StepOp>()) {
      Operation *root = step.getRoot();
      if (!isa<plan::LinearOp, plan::ExpertLinearOp, plan::EmbeddingOp, blue::EmbeddingOp>(root))
        continue;
      plan::WeightOp weight = weightOf(step, root->getOperand(1));
      if (!weight || !seen.insert(weight).second)
        continue;
      bool isLinear = isa<plan::LinearOp, plan::ExpertLinearOp>(root);
      ModuleRow &row = rows[{modulePattern(step.getLayer()), precisionText(weight.getPacked()),
                             isLinear ? precisionText(root->getOperand(0).getType()) : ""}];
      ++row.layers;
      row.bytes += weight.getPackedBytes();
    }
  Json list = Json::array();
  for (const auto &[key, row] : rows) {
    const auto &[name, weights, activations] = key;
    Json entry{{"module", name}, {"weights", weights}};
    if (!activations.empty())
      entry["activations"] = activations;
    entry["layers"] = row.layers;
    entry["bytes"] = row.bytes;
    list.push_back(std::move(entry));
  }
  return list;
}

} // namespace

Json bluec::describePrecision(ModuleOp module) {
  Json result{{"segments", describeSegments(module)}, {"modules", describeModules(module)}};
  int64_t cacheBytes = 0;
  for (auto cache : module.getOps<plan::CacheOp>()) {
    auto type = cast<RankedTensorType>(cache.getType());
    cacheBytes += plan::denseBytes(type);
    Json &kv = result["kv_cache"];
    kv["type"] = precisionText(type);
    if (auto keys = dyn_cast_or_null<plan::KeysAttr>(type.getEncoding()))
      kv["dot"] = precisionText(keys.getDot().getStorage());
    kv["bytes"] = cacheBytes;
  }
  return result;
}
