#include "passes/schedule/lower_to_plan/Storage.h"

using namespace mlir;
using namespace bluec;

Storage::Storage(ModuleOp module, plan::TargetAttr target, int64_t context)
    : module(module), symbols(module), builder(module.getContext()), target(target),
      context(context) {
  builder.setInsertionPointToStart(module.getBody());
}

std::string Storage::uniqueName(StringRef wanted) {
  std::string name = wanted.str();
  for (int suffix = 1; symbols.lookup(name); ++suffix)
    name = (wanted + "." + Twine(suffix)).str();
  return name;
}

FailureOr<plan::WeightOp> Storage::weight(Operation *producer, ArrayRef<Attribute> extra, Type dot,
                                          StringRef segment, Operation *user) {
  Attribute value;
  StringRef name;
  SmallVector<Attribute> transforms;
  if (auto op = dyn_cast<blue::WeightOp>(producer)) {
    value = op.getSource();
    name = op.getName();
    llvm::append_range(transforms, op.getTransforms());
  } else {
    auto constant = cast<blue::ConstantOp>(producer);
    value = constant.getValue();
    name = constant.getName().value_or("constant");
  }
  // What is quantized is so at the end.
  bool endsQuantized = !transforms.empty() && isa<blue::QuantizeAttr>(transforms.back());
  transforms.insert(endsQuantized ? std::prev(transforms.end()) : transforms.end(), extra.begin(),
                    extra.end());

  auto type = cast<RankedTensorType>(producer->getResult(0).getType());
  for (Attribute transform : extra) {
    FailureOr<RankedTensorType> next =
        blue::inferTransformedType(type, transform, [&] { return user->emitOpError(); });
    if (failed(next))
      return failure();
    type = *next;
  }
  RankedTensorType packed = type;
  bool quantized = isa<blue::QuantizedType>(type.getElementType());
  if (quantized && (!dot || type.getRank() != 2 || type.getNumElements() == 0))
    return user->emitOpError() << "expected floats or a quantized matrix of a linear layer or "
                                  "embedding, found "
                               << type,
           failure();
  if (quantized)
    packed =
        RankedTensorType::get(type.getShape(), type.getElementType(), plan::panelsFor(target, dot));
  else if (dot)
    packed = plan::panelsOf(type, plan::panelRows(target));
  ArrayAttr transformsAttr = builder.getArrayAttr(transforms);
  Key key{value.getAsOpaquePointer(), transformsAttr.getAsOpaquePointer(),
          packed.getAsOpaquePointer(), segment.str()};
  auto [entry, isNew] = weights.try_emplace(key);
  if (isNew) {
    entry->second = plan::WeightOp::create(
        builder, producer->getLoc(), builder.getStringAttr(uniqueName(name)), value, transformsAttr,
        TypeAttr::get(packed), builder.getStringAttr(segment), StringAttr(), IntegerAttr());
    symbols.insert(entry->second);
  }
  return entry->second;
}

plan::CacheOp Storage::cache(const std::string &name, RankedTensorType type) {
  auto [entry, isNew] = caches.try_emplace(name);
  if (isNew) {
    entry->second =
        plan::CacheOp::create(builder, module.getLoc(), builder.getStringAttr(uniqueName(name)),
                              TypeAttr::get(type), IntegerAttr());
    symbols.insert(entry->second);
  }
  return entry->second;
}

void Storage::notePanels(func::FuncOp function) {
  function.walk([&](blue::LinearOp op) {
    dots.try_emplace(op.getWeight().getType(), plan::storageOf(op.getX().getType()));
  });
}

/// Positions side by side in a quantized cache: as many as attention takes at once between two
/// updates of its sums, the keys and values of which stay in a first-level cache for all rows.
int64_t Storage::cacheBlock() const { return target.getTuningOrDefault().getCacheBlock(); }

plan::CacheOp Storage::keys(int64_t layer, int64_t heads, int64_t headDim, Type element, Type dot) {
  std::string name = "layers." + std::to_string(layer) + ".keys";
  if (dot) {
    auto layout = plan::keysFor(target, heads, cacheBlock(), dot);
    return cache(name, RankedTensorType::get({context, heads * headDim}, element, layout));
  }
  return cache(name, plan::floatKeysFor(target, /*batch=*/1, heads, context, headDim, element));
}

plan::CacheOp Storage::values(int64_t layer, int64_t heads, int64_t headDim, Type element,
                              Type dot) {
  std::string name = "layers." + std::to_string(layer) + ".values";
  if (dot) {
    auto layout = plan::valuesFor(target, heads, cacheBlock(), dot);
    return cache(name, RankedTensorType::get({context, heads * headDim}, element, layout));
  }
  return cache(name, RankedTensorType::get({1, context, heads * headDim}, element));
}
