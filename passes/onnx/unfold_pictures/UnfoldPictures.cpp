#include "passes/onnx/unfold_pictures/UnfoldPictures.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"

#include "mlir/IR/Builders.h"

#include <thread>

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_UNFOLDPICTURES
#include "passes/onnx/unfold_pictures/UnfoldPictures.h.inc"

namespace {

using reference::Tensor;

constexpr llvm::StringLiteral kGrid = "image_grid_thw";
constexpr int64_t kChannels = 3;

/// Whether a dim of a graph input may be `extent`.
bool mayBe(int64_t dim, int64_t extent) { return ShapedType::isDynamic(dim) || dim == extent; }

/// What `onnx.patches` says.
struct Patches {
  int64_t height, width, patch, frames, block;

  int64_t rows() const { return height / patch; }
  int64_t columns() const { return width / patch; }
  int64_t count() const { return rows() * columns(); }
  int64_t values() const { return kChannels * frames * patch * patch; }

  static FailureOr<Patches> read(func::FuncOp function, Attribute attribute) {
    auto array = dyn_cast<DenseI64ArrayAttr>(attribute);
    constexpr int64_t kCount = 5, kMost = 1 << 14;
    auto isSize = [](int64_t size) { return size >= 1 && size <= kMost; };
    if (array && array.size() == kCount && llvm::all_of(array.asArrayRef(), isSize)) {
      ArrayRef<int64_t> sizes = array.asArrayRef();
      Patches found{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]};
      const int64_t side = found.patch * found.block;
      if (found.height % side == 0 && found.width % side == 0)
        return found;
    }
    return function.emitError() << onnx::kPatchesAttr
                                << ": expected height, width, patch, frames and block, of which "
                                   "patch times block divides the first two, found "
                                << attribute;
  }
};

/// What a graph computes of its grid and constants alone, for one grid.
class GridValues {
public:
  GridValues(Value grid, Tensor of) { values.try_emplace(grid, std::move(of)); }

  const Tensor *find(Value value) const {
    auto found = values.find(value);
    return found == values.end() ? nullptr : &found->second;
  }

  /// Computes a node that reads the grid; false: it reads more than that, or cannot be computed.
  bool compute(Operation *op) {
    if (llvm::none_of(op->getOperands(), [&](Value value) { return values.contains(value); }))
      return false;
    const reference::EvaluatorTable &table = reference::onnxEvaluators();
    auto evaluator = table.find(op->getName().getStringRef());
    if (evaluator == table.end() || op->getNumRegions() > 0)
      return false;
    ScopedDiagnosticHandler quiet(op->getContext(),
                                  [self = std::this_thread::get_id()](Diagnostic &) {
                                    return success(std::this_thread::get_id() == self);
                                  });
    SmallVector<Tensor> constants(op->getNumOperands());
    SmallVector<const Tensor *> operands;
    for (auto [value, tensor] : llvm::zip_equal(op->getOperands(), constants)) {
      const Tensor *known = find(value);
      auto constant = value.getDefiningOp<onnx::ConstantOp>();
      if (!known && !isa<NoneType>(value.getType())) {
        if (!constant || constant.getValue().getNumElements() > kMaxElements)
          return false;
        FailureOr<Tensor> read = reference::tensorFromElements(op->getLoc(), constant.getValue());
        if (failed(read))
          return false;
        tensor = std::move(*read);
        known = &tensor;
      }
      operands.push_back(known);
    }
    reference::EvaluationLimits limits;
    limits.maxElements = kMaxElements;
    limits.products = &products;
    auto results = evaluator->second(op, operands, limits);
    if (failed(results) || results->size() != op->getNumResults())
      return false;
    for (auto [result, tensor] : llvm::zip_equal(op->getResults(), *results))
      values.try_emplace(result, std::move(tensor));
    return true;
  }

private:
  static constexpr int64_t kMaxElements = 1 << 16;
  int64_t products = int64_t{1} << 26; // what sums of products may cost
  DenseMap<Value, Tensor> values;
};

struct UnfoldPictures : impl::UnfoldPicturesBase<UnfoldPictures> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (blue::roleOf(function) != blue::Role::Vision || !onnx::isGraph(function))
      return;
    for (BlockArgument argument : function.getArguments())
      if (Attribute said = function.getArgAttr(argument.getArgNumber(), onnx::kPatchesAttr)) {
        FailureOr<Patches> patches = Patches::read(function, said);
        if (failed(patches) || failed(unfold(function, argument, *patches)))
          return signalPassFailure();
        ++encodersBound;
        return;
      }
  }

  static StringRef nameOf(func::FuncOp function, BlockArgument argument) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), onnx::kNameAttr);
    return name ? name.getValue() : "";
  }

  LogicalResult unfold(func::FuncOp function, BlockArgument pixels, const Patches &patches) {
    auto type = dyn_cast<RankedTensorType>(pixels.getType());
    if (!type || type.getRank() != 2 || !isa<FloatType>(type.getElementType()) ||
        !mayBe(type.getDimSize(0), patches.count()) || !mayBe(type.getDimSize(1), patches.values()))
      return function.emitError() << "graph input '" << nameOf(function, pixels)
                                  << "': expected floats [" << patches.count() << ", "
                                  << patches.values() << "], patches and values of each ("
                                  << kChannels << " channels, " << patches.frames << " frames of "
                                  << patches.patch << " x " << patches.patch << " pixels), found "
                                  << type;
    BlockArgument grid;
    for (BlockArgument argument : function.getArguments())
      if (nameOf(function, argument) == kGrid)
        grid = argument;
    if (!grid)
      return function.emitError()
             << "expected a graph input '" << kGrid << "' beside rows of patches, found none: the "
             << "graph is of one grid, which it does not name; an export that keeps the grid as an "
                "input has it";
    auto gridType = dyn_cast<RankedTensorType>(grid.getType());
    if (!gridType || gridType.getRank() != 2 || !gridType.getElementType().isInteger() ||
        !mayBe(gridType.getDimSize(0), 1) || !mayBe(gridType.getDimSize(1), 3))
      return function.emitError() << "graph input '" << kGrid
                                  << "': expected integers [1, 3], found " << grid.getType();
    if (!follows(grid, patches))
      return function.emitError()
             << "graph input '" << kGrid << "': expected positions that follow it, found a graph "
             << "that computes the same for grids of other sides: it is of one grid, which it does "
                "not name";
    OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
    bindGrid(builder, grid, gridType.getElementType(), patches);
    cut(builder, pixels, type.getElementType(), patches);
    function.removeArgAttr(pixels.getArgNumber(), onnx::kPatchesAttr);
    if (failed(function.eraseArgument(grid.getArgNumber())) ||
        failed(onnx::inferFunction(function)))
      return failure();
    addPictures(function);
    return onnx::inferFunction(function);
  }

  /// Whether the graph computes anything else for a grid of other sides and as many patches. If
  /// not, its exporter has made constants of the positions, those of its own picture.
  static bool follows(BlockArgument grid, const Patches &patches) {
    const int64_t others[][2] = {{patches.block, patches.count() / patches.block},
                                 {patches.count() / patches.block, patches.block}};
    const auto *other = llvm::find_if(
        others, [&](const int64_t (&sides)[2]) { return sides[0] != patches.rows(); });
    if (other == std::end(others))
      return true; // there is no such grid
    auto of = [](int64_t rows, int64_t columns) {
      Tensor sides = Tensor::zeros(reference::ElementType::I64, {1, 3});
      sides.i64 = {1, rows, columns};
      return sides;
    };
    GridValues own(grid, of(patches.rows(), patches.columns()));
    GridValues swapped(grid, of((*other)[0], (*other)[1]));
    auto differs = [&](Value value) {
      const Tensor *one = own.find(value), *two = swapped.find(value);
      return one && two &&
             (one->shape != two->shape || one->i64 != two->i64 || one->f32 != two->f32);
    };
    // A value counts where the rest of the graph reads it.
    return llvm::any_of(*grid.getOwner(), [&](Operation &op) {
      const bool isComputed = own.compute(&op), isComputedToo = swapped.compute(&op);
      bool reads = false;
      if (!isComputed || !isComputedToo)
        op.walk([&](Operation *inner) { reads |= llvm::any_of(inner->getOperands(), differs); });
      return reads;
    });
  }

  static Value integers(OpBuilder &builder, Location loc, Type element, ArrayRef<int64_t> shape,
                        ArrayRef<int64_t> values) {
    auto type = RankedTensorType::get(shape, element);
    SmallVector<Attribute> attributes;
    for (int64_t value : values)
      attributes.push_back(builder.getIntegerAttr(element, value));
    return onnx::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, attributes));
  }

  /// A node, which carries no attributes but `perm`, where that is given.
  template <typename Op>
  static Value node(OpBuilder &builder, Location loc, Type type, ValueRange operands,
                    ArrayRef<int64_t> perm = {}) {
    OperationState state(loc, Op::getOperationName());
    state.addOperands(operands);
    state.addTypes(type);
    if (!perm.empty())
      state.addAttribute("perm", builder.getDenseI64ArrayAttr(perm));
    return builder.create(state)->getResult(0);
  }

  static void bindGrid(OpBuilder &builder, BlockArgument grid, Type element,
                       const Patches &patches) {
    grid.replaceAllUsesWith(
        integers(builder, grid.getLoc(), element, {1, 3}, {1, patches.rows(), patches.columns()}));
  }

  /// The nodes that make rows of the argument, which becomes a picture.
  static void cut(OpBuilder &builder, BlockArgument pixels, Type element, const Patches &from) {
    Location loc = pixels.getLoc();
    const Type index = builder.getI64Type();
    auto typeOf = [&](ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, element); };
    auto extents = [&](ArrayRef<int64_t> shape) {
      return integers(builder, loc, index, {static_cast<int64_t>(shape.size())}, shape);
    };
    auto reshape = [&](Value value, ArrayRef<int64_t> shape) {
      return node<onnx::ReshapeOp>(builder, loc, typeOf(shape), {value, extents(shape)});
    };
    const int64_t down = from.rows() / from.block, across = from.columns() / from.block;
    const int64_t block = from.block, patch = from.patch;
    // The uses are those of the graph; the new ones come after.
    llvm::SmallVector<OpOperand *> uses;
    for (OpOperand &use : pixels.getUses())
      uses.push_back(&use);
    pixels.setType(typeOf({1, kChannels, from.height, from.width}));
    Value value = reshape(pixels, {kChannels, down, block, patch, across, block, patch});
    const int64_t order[] = {1, 4, 2, 5, 0, 3, 6};
    value = node<onnx::TransposeOp>(
        builder, loc, typeOf({down, across, block, block, kChannels, patch, patch}), value, order);
    value = reshape(value, {from.count(), kChannels, 1, patch, patch});
    const int64_t frames[] = {from.count(), kChannels, from.frames, patch, patch};
    value = node<onnx::ExpandOp>(builder, loc, typeOf(frames), {value, extents(frames)});
    value = reshape(value, {from.count(), from.values()});
    for (OpOperand *use : uses)
      use->set(value);
  }

  /// Rows of features are those of one picture.
  static void addPictures(func::FuncOp function) {
    Operation *returned = function.getBody().front().getTerminator();
    OpBuilder builder(returned);
    for (OpOperand &result : returned->getOpOperands()) {
      auto type = dyn_cast<RankedTensorType>(result.get().getType());
      if (!type || type.getRank() != 2 || !isa<FloatType>(type.getElementType()))
        continue;
      Location loc = result.get().getLoc();
      Value axes = integers(builder, loc, builder.getI64Type(), {1}, {0});
      result.set(node<onnx::UnsqueezeOp>(
          builder, loc, UnrankedTensorType::get(type.getElementType()), {result.get(), axes}));
    }
  }
};

} // namespace
} // namespace bluec
