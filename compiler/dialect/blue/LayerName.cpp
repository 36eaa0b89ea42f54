// Readable names of layers, from the ONNX nodes that they were raised from.
#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace bluec::blue;

/// The names in a location, in order.
static void collectNames(Location location, SmallVectorImpl<StringRef> &names) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    names.push_back(name.getName().getValue());
    return;
  }
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      collectNames(part, names);
}

static SmallVector<StringRef> pathComponents(StringRef name) {
  SmallVector<StringRef> components;
  name.split(components, '/', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return components;
}

/// Ops that stand for the module whose weight they apply: the module's path is name enough.
static bool namesItsModule(Operation *op) {
  return isa<LinearOp, RmsNormOp, LayerNormOp, PatchEmbedOp, EmbeddingOp, WeightOp>(op);
}

static std::string baseName(Operation *op, StringRef role) {
  std::string result = role.str();
  auto append = [&](StringRef component) {
    if (!result.empty())
      result += '/';
    result += component;
  };
  StringRef mnemonic = op->getName().stripDialect();

  SmallVector<StringRef> names;
  collectNames(op->getLoc(), names);
  SmallVector<StringRef> path;
  bool isPath = false;
  for (auto [index, name] : llvm::enumerate(names)) {
    SmallVector<StringRef> components = pathComponents(name);
    // The last component is the node itself ("MatMul_1"); a name that is no path is kept whole.
    if (components.size() > 1) {
      components.pop_back();
      isPath = true;
    }
    if (index == 0) {
      path = std::move(components);
      continue;
    }
    size_t common = 0;
    while (common < path.size() && common < components.size() && path[common] == components[common])
      ++common;
    // Nodes without anything in common: the first one names the layer.
    if (common > 0)
      path.truncate(common);
  }

  ArrayRef<StringRef> rest = path;
  while (rest.size() > 1 && (rest.front() == "model" || rest.front() == role))
    rest = rest.drop_front();
  if (isPath && rest.size() == 1 && rest.front() == "model")
    rest = rest.drop_front();
  for (StringRef component : rest)
    append(component);
  if (rest.empty() || (isPath && !namesItsModule(op)))
    append(mnemonic);
  return result;
}

LayerNames::LayerNames(Operation *function) {
  StringRef role;
  if (auto attr = function->getAttrOfType<StringAttr>(kRoleAttr))
    role = attr.getValue();
  llvm::StringMap<unsigned> uses;
  for (Region &region : function->getRegions())
    for (Block &block : region)
      for (Operation &op : block) {
        if (!isa_and_present<BlueDialect>(op.getDialect()))
          continue;
        std::string name =
            isa<WeightOp>(op) ? cast<WeightOp>(op).getName().str() : baseName(&op, role);
        // Ops that only hold data share the namespace of layers without taking names from it.
        if (isa<WeightOp, ConstantOp>(op)) {
          names[&op] = std::move(name);
          continue;
        }
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
