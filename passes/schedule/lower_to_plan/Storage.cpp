#include "passes/schedule/lower_to_plan/Storage.h"

#include <numeric>

using namespace mlir;
using namespace bluec;

Storage::Storage(ModuleOp module, plan::TargetAttr target, int64_t context, int64_t back)
    : module(module), symbols(module), builder(module.getContext()), target(target),
      context(context), back(back) {
  // An entry may get a device whose target takes blocks of another size.
  stretch = std::lcm(stretch, cacheBlock());
  for (auto device : module.getOps<plan::DeviceOp>())
    stretch = std::lcm(stretch, device.getTarget().getTuningOrDefault().getCacheBlock());
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

plan::CacheOp Storage::cache(const CacheSpec &spec, StringRef kind, RankedTensorType type) {
  auto [entry, isNew] = caches.try_emplace(("layers." + Twine(spec.layer) + "." + kind).str());
  if (!isNew)
    return entry->second;
  entry->second = plan::CacheOp::create(builder, module.getLoc(),
                                        builder.getStringAttr(uniqueName(entry->first)),
                                        TypeAttr::get(type), IntegerAttr());
  symbols.insert(entry->second);
  if (isRing(spec)) {
    plan::RingLayout ring = plan::RingLayout::of(type);
    int64_t itsBack = ring.back(*spec.window);
    bool isFirst = smallestRing == 0;
    smallestRing = isFirst ? ring.positions : std::min(smallestRing, ring.positions);
    leastBack = isFirst ? itsBack : std::min(leastBack, itsBack);
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

/// All of the context, or as many as the layer's windows need.
int64_t Storage::positions(const CacheSpec &spec) const {
  if (!spec.window || *spec.window >= context)
    return context;
  return std::min(context, plan::RingLayout::positionsFor(*spec.window, back, stretch));
}

plan::CacheOp Storage::keys(const CacheSpec &spec) {
  int64_t width = spec.heads * spec.headDim;
  if (spec.dot) {
    auto layout = plan::keysFor(target, spec.heads, cacheBlock(), spec.dot);
    return cache(spec, "keys",
                 RankedTensorType::get({positions(spec), width}, spec.element, layout));
  }
  return cache(spec, "keys",
               plan::floatKeysFor(target, /*batch=*/1, spec.heads, positions(spec), spec.headDim,
                                  spec.element));
}

plan::CacheOp Storage::values(const CacheSpec &spec) {
  int64_t width = spec.heads * spec.headDim;
  if (spec.dot) {
    auto layout = plan::valuesFor(target, spec.heads, cacheBlock(), spec.dot);
    return cache(spec, "values",
                 RankedTensorType::get({positions(spec), width}, spec.element, layout));
  }
  return cache(spec, "values", RankedTensorType::get({1, positions(spec), width}, spec.element));
}
