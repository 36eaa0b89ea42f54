// Readable names of layers, from the ONNX nodes that they were raised from.
#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace bluec::blue;

namespace {

/// What a location says about the module of its nodes.
struct ModulePath {
  SmallVector<std::string> components;
  bool isPath = false; ///< not just the name of a node
};

} // namespace

/// The leaves of a location, in order: named ones, and fused ones that carry a path.
static void collectLeaves(Location location, SmallVectorImpl<Location> &leaves) {
  auto fused = dyn_cast<FusedLoc>(location);
  if (fused && !isa_and_present<StringAttr>(fused.getMetadata())) {
    for (Location part : fused.getLocations())
      collectLeaves(part, leaves);
    return;
  }
  if (fused || isa<NameLoc>(location))
    leaves.push_back(location);
}

static SmallVector<std::string> splitText(StringRef text, char separator) {
  SmallVector<StringRef> parts;
  text.split(parts, separator, /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return llvm::map_to_vector(parts, [](StringRef part) { return part.str(); });
}

/// "model.layers.0.mlp" -> model, layers.0, mlp: an index stays with the list it counts in, as in
/// the node names of TorchScript exports.
static SmallVector<std::string> splitModule(StringRef module) {
  SmallVector<std::string> components;
  for (std::string &part : splitText(module, '.')) {
    if (!components.empty() && llvm::all_of(part, llvm::isDigit))
      components.back() += "." + part;
    else
      components.push_back(std::move(part));
  }
  return components;
}

static ModulePath pathOf(Location leaf) {
  if (auto fused = dyn_cast<FusedLoc>(leaf))
    return {splitModule(cast<StringAttr>(fused.getMetadata()).getValue()), true};
  ModulePath path{splitText(cast<NameLoc>(leaf).getName().getValue(), '/'), false};
  // The last component is the node itself ("MatMul_1"); a name that is no path is kept whole.
  if (path.components.size() > 1) {
    path.components.pop_back();
    path.isPath = true;
  }
  return path;
}

static ModulePath commonPath(Location location, StringRef role) {
  SmallVector<Location> leaves;
  collectLeaves(location, leaves);
  ModulePath result;
  for (auto [index, leaf] : llvm::enumerate(leaves)) {
    ModulePath path = pathOf(leaf);
    if (index == 0) {
      result = std::move(path);
      continue;
    }
    size_t common = 0;
    while (common < result.components.size() && common < path.components.size() &&
           result.components[common] == path.components[common])
      ++common;
    // Nodes without anything in common: the first one names the layer.
    if (common > 0)
      result.components.truncate(common);
  }
  auto isPrefix = [&](StringRef component) { return component == "model" || component == role; };
  if (result.isPath)
    while (!result.components.empty() && isPrefix(result.components.front()))
      result.components.erase(result.components.begin());
  return result;
}

std::string bluec::blue::modulePath(Location location, StringRef role) {
  SmallVector<std::string> components = commonPath(location, role).components;
  if (!role.empty())
    components.insert(components.begin(), role.str());
  return llvm::join(components, "/");
}

/// Ops that stand for the module whose weight they apply: the module's path is name enough.
static bool namesItsModule(Operation *op) {
  return isa<LinearOp, RmsNormOp, LayerNormOp, PatchEmbedOp, EmbeddingOp>(op);
}

static std::string baseName(Operation *op, StringRef role) {
  ModulePath path = commonPath(op->getLoc(), role);
  std::string name = modulePath(op->getLoc(), role);
  if (path.components.empty() || (path.isPath && !namesItsModule(op)))
    name += (name.empty() ? "" : "/") + op->getName().stripDialect().str();
  return name;
}

LayerNames::LayerNames(Operation *function) {
  StringRef role;
  if (std::optional<Role> part = roleOf(function))
    role = stringifyRole(*part);
  llvm::StringMap<unsigned> uses;
  for (Region &region : function->getRegions())
    for (Block &block : region)
      for (Operation &op : block) {
        // What only holds data is no layer.
        if (!isa_and_present<BlueDialect>(op.getDialect()) || isa<WeightOp, ConstantOp>(op))
          continue;
        std::string name = baseName(&op, role);
        unsigned count = ++uses[name];
        while (count > 1) {
          std::string candidate = name + "_" + std::to_string(count);
          if (uses.try_emplace(candidate, 1).second) {
            name = std::move(candidate);
            break;
          }
          count = ++uses[name];
        }
        names[&op] = std::move(name);
      }
}

StringRef LayerNames::of(Operation *op) const {
  auto found = names.find(op);
  return found == names.end() ? StringRef() : StringRef(found->second);
}

std::string bluec::blue::layerName(Operation *op) {
  Operation *function = op->getParentOp();
  if (!function)
    return op->getName().stripDialect().str();
  return LayerNames(function).of(op).str();
}
