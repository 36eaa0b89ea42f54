// Makes the blue level's weights, constants and operands.
#include "passes/conversions/onnx_to_blue/Raising.h"

#include "compiler/dialect/blue/QuantizedWeight.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// Constants of more elements than this are resources, which dumps elide.
static constexpr int64_t kMaxInlineElements = 16;

Location bluec::onnx_to_blue::layerLocation(ArrayRef<Operation *> nodes) {
  SmallVector<Location> locations;
  for (Operation *node : nodes) {
    Location location = node->getLoc();
    if (auto scope = node->getAttrOfType<StringAttr>(onnx::kScopeAttr);
        scope && !scope.getValue().empty())
      location = FusedLoc::get(location.getContext(), {location}, scope);
    locations.push_back(location);
  }
  if (locations.size() == 1)
    return locations.front();
  return FusedLoc::get(nodes.front()->getContext(), locations);
}

RankedTensorType Emitter::floats(ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, builder.getF32Type());
}

Value Emitter::constant(const Tensor &tensor, StringRef name, Location location) {
  RankedTensorType type = floats(tensor.shape);
  ElementsAttr value;
  if (tensor.numElements() <= kMaxInlineElements)
    value = DenseElementsAttr::get(type, ArrayRef<float>(tensor.f32));
  else
    value =
        cast<ElementsAttr>(static_cast<DenseResourceElementsAttr>(DenseF32ResourceElementsAttr::get(
            type, name.empty() ? "constant" : name,
            HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<float>(tensor.f32)))));
  return blue::ConstantOp::create(builder, location, type,
                                  name.empty() ? StringAttr() : builder.getStringAttr(name), value);
}

Value Emitter::table(std::shared_ptr<const Tensor> tensor, StringRef name, Location location) {
  Value &value = emittedTables[tensor.get()];
  if (!value) {
    // Tables are shared: they are at the top of the function.
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(builder.getInsertionBlock());
    value = constant(*tensor, name, location);
  }
  return value;
}

Value Emitter::weight(WeightUse use, StringRef suffix, Location location, bool keepsIntegers) {
  // Named after its module when that is known; the initializer's own name says nothing then
  // ("onnx::MatMul_714").
  StringRef role = blue::stringifyRole(raising.role);
  std::string name = blue::modulePath(location, role);
  bool isPath = StringRef(name).count('/') > 1;
  if (isPath || use.name.empty())
    name += "." + suffix.str();
  else
    name = (role + "/" + use.name).str();

  if (!use.source)
    return constant(*use.value, name, location);
  if (!use.elementType.isF32())
    use.transforms.push_back(blue::ConvertAttr::get(builder.getContext(), builder.getF32Type()));
  RankedTensorType type = floats(use.shape);
  if (keepsIntegers)
    if (blue::QuantizedType kept = blue::keptType(use.source, use.transforms)) {
      use.transforms.push_back(
          blue::QuantizeAttr::get(builder.getContext(), kept, blue::QuantizeMethod::Keep));
      type = RankedTensorType::get(use.shape, kept);
    }
  ArrayAttr transforms = builder.getArrayAttr(use.transforms);
  std::string key;
  llvm::raw_string_ostream(key) << use.source << transforms;
  Value &value = emittedWeights[key];
  if (!value)
    value = blue::WeightOp::create(builder, location, type, builder.getStringAttr(name), use.source,
                                   transforms);
  return value;
}

Value Emitter::rows(const RowsUse &use, Location location) {
  const Meaning *meaning = raising.meaning(use.anchor);
  if (!use.columns.isAll())
    return meaning->match->buildColumns(*this, layerLocation(meaning->match->nodes), use.columns);
  Value value = values.at(use.anchor);
  SmallVector<int64_t> shape = llvm::to_vector(cast<RankedTensorType>(value.getType()).getShape());
  if (use.endToken != 0) {
    shape[1] = use.endToken - use.firstToken;
    value = blue::TokenSliceOp::create(builder, location, floats(shape), value, use.firstToken,
                                       use.endToken);
  }
  if (!use.downsample)
    return value;
  const Downsample &grid = *use.downsample;
  shape[1] = grid.down() * grid.across();
  shape[2] *= grid.factor * grid.factor;
  return blue::TokenDownsampleOp::create(builder, location, floats(shape), value, grid.height,
                                         grid.width, grid.columnMajor, grid.factor,
                                         grid.channelsFirst, grid.transposed);
}
