#include "passes/schedule/lower_to_plan/EntryBuilder.h"

#include "passes/schedule/lower_to_plan/Limits.h"

#include "mlir/IR/IRMapping.h"

#include <numeric>

using namespace mlir;
using namespace bluec;

namespace {

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool isStored(Value value) {
  return isa_and_nonnull<blue::WeightOp, blue::ConstantOp>(value.getDefiningOp());
}

/// True for ops whose row t reads row t of their operands only, and no position.
bool isRowWise(Operation *op) {
  return isa<blue::LinearOp, blue::RouteOp, blue::ExpertLinearOp, blue::RmsNormOp,
             blue::LayerNormOp, blue::QuantizeOp>(op) ||
         plan::isElementwise(op);
}

/// Integers that one sum of quantized rows covers: a divisor of the groups of the rows themselves
/// and of all weights that they meet. (Products of i16 and i8 over the most still fit into i32.)
int64_t sumsOf(blue::QuantizeOp op) {
  constexpr int64_t kMost = 256;
  int64_t sums = kMost;
  auto add = [&](Value value) {
    if (auto type = dyn_cast<blue::QuantizedType>(tensorOf(value).getElementType()))
      sums = std::gcd(sums, type.getGroup()); // gcd(sums, 0) = sums: a whole row
  };
  add(op.getResult());
  auto addReaders = [&](Value rows) {
    for (Operation *user : rows.getUsers())
      if (auto linear = dyn_cast<blue::LinearOp>(user))
        add(linear.getWeight());
      else if (auto experts = dyn_cast<blue::ExpertLinearOp>(user))
        add(experts.getWeight());
  };
  addReaders(op.getResult());
  for (Operation *user : op.getResult().getUsers())
    if (auto gathering = dyn_cast<blue::TokenDownsampleOp>(user))
      addReaders(gathering.getResult());
  return sums;
}

} // namespace

EntryBuilder::EntryBuilder(ModuleOp module, Storage &storage, plan::TargetAttr target,
                           const EntrySpec &spec, int64_t context)
    : module(module), storage(storage), target(target),
      builder(OpBuilder::atBlockEnd(module.getBody())), spec(spec), capacity(spec.capacity),
      context(context) {
  // Its inputs are named when they are all there.
  entry = plan::EntryOp::create(builder, module.getLoc(), builder.getStringAttr(spec.name),
                                plan::RoleAttr::get(builder.getContext(), spec.role),
                                builder.getI64IntegerAttr(0), builder.getI64IntegerAttr(1),
                                builder.getI64IntegerAttr(capacity),
                                builder.getStringAttr(spec.segment), builder.getArrayAttr({}),
                                builder.getStrArrayAttr(spec.gives), builder.getStringAttr("cpu"),
                                IntegerAttr(), DenseI64ArrayAttr());
  entry.getBody().emplaceBlock();
  builder.setInsertionPointToEnd(&entry.getBody().front());
}

Value EntryBuilder::addInput(StringRef name, RankedTensorType type, Location location) {
  inputs.push_back(name);
  return entry.getBody().front().addArgument(type, location);
}

FailureOr<Value> EntryBuilder::addPart(func::FuncOp function, Value input, bool lastRowOnly) {
  names = std::make_unique<blue::LayerNames>(function);
  values.clear();
  lastRowOps.clear();
  lastRows.clear();
  Block &block = function.getBody().front();
  values[block.getArgument(0)] = input;
  position = {};
  for (BlockArgument argument : block.getArguments())
    if (argument.getType().isIndex())
      position = argument;
  if (failed(addPositions(function)))
    return failure();
  if (lastRowOnly)
    findLastRowOps(function);

  for (Operation &op : block.without_terminator())
    if (failed(lower(&op)))
      return failure();

  Value result = block.getTerminator()->getOperand(0);
  FailureOr<Value> value = mapped(result, block.getTerminator());
  if (succeeded(value) && lastRowOnly && !lastRowOps.contains(result.getDefiningOp())) {
    RankedTensorType type = tensorOf(*value);
    auto row = RankedTensorType::get({1, type.getDimSize(1)}, type.getElementType());
    return addStep(result.getDefiningOp(), plan::kLastRowSuffix, *value, row,
                   [&](OpBuilder &b, ValueRange arguments) -> Value {
                     return plan::LastRowOp::create(b, result.getLoc(), row, arguments[0]);
                   });
  }
  return value;
}

/// The arguments behind the first that are integers: where each row stands, when the rows are not
/// consecutive.
LogicalResult EntryBuilder::addPositions(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments().drop_front()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.getElementType().isInteger())
      continue;
    bool isPositions = (type.getRank() == 1 || (type.getRank() == 2 && !type.isDynamicDim(1))) &&
                       type.isDynamicDim(0);
    if (!isPositions || spec.role != plan::Role::Decode ||
        llvm::is_contained(inputs, StringRef(plan::kPositions)))
      return function.emitOpError() << "expected no integers but the positions of a decoder's "
                                       "rows, [T] or [T, axes], once, "
                                       "found "
                                    << type;
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = capacity;
    if (!isReasonable(shape))
      return function.emitOpError()
             << "expected positions of at most " << kMostElements << " elements, found " << type;
    values[argument] = addInput(
        plan::kPositions, RankedTensorType::get(shape, builder.getI32Type()), argument.getLoc());
  }
  return success();
}

LogicalResult EntryBuilder::finish(Value output, Operation *origin) {
  if (!output.getDefiningOp<plan::StepOp>())
    return origin->emitOpError(
        "expected an output that a layer computes, found an input or weight");
  entry.setTakesAttr(builder.getStrArrayAttr(inputs));
  plan::ReturnOp::create(builder, module.getLoc(), ValueRange(output));
  return success();
}

/// Marks the ops that nothing but the function's first result needs, back to those that mix rows.
void EntryBuilder::findLastRowOps(func::FuncOp function) {
  Block &block = function.getBody().front();
  Operation *end = block.getTerminator();
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    bool tail = isRowWise(&op) && llvm::all_of(op.getUses(), [&](OpOperand &use) {
                  return use.getOwner() == end ? use.getOperandNumber() == 0
                                               : lastRowOps.contains(use.getOwner());
                });
    if (tail)
      lastRowOps.insert(&op);
  }
}

LogicalResult EntryBuilder::lower(Operation *op) {
  if (isa<blue::WeightOp, blue::ConstantOp>(op))
    return success(); // made when a layer asks for it
  if (auto linear = dyn_cast<blue::LinearOp>(op))
    return lowerLinear(op, linear.getX(), linear.getWeight(), linear.getBias(), {});
  if (auto experts = dyn_cast<blue::ExpertLinearOp>(op))
    return lowerExperts(experts);
  if (auto quantize = dyn_cast<blue::QuantizeOp>(op))
    return lowerQuantize(quantize);
  if (auto patches = dyn_cast<blue::PatchEmbedOp>(op))
    return lowerPatchEmbed(patches);
  if (auto embedding = dyn_cast<blue::EmbeddingOp>(op))
    return lowerEmbedding(embedding);
  if (auto attention = dyn_cast<blue::AttentionOp>(op))
    return lowerAttention(attention);
  if (auto gathering = dyn_cast<blue::TokenDownsampleOp>(op);
      gathering && isa<blue::QuantizedType>(tensorOf(gathering.getX()).getElementType()))
    return lowerQuantizedGathering(gathering);
  if (isa<blue::RouteOp, blue::RmsNormOp, blue::LayerNormOp, blue::RopeOp,
          blue::PositionEmbeddingOp, blue::TokenDownsampleOp, blue::TokenPoolOp, blue::TokenSliceOp,
          blue::TokenPrependOp>(op) ||
      plan::isElementwise(op))
    return lowerByClone(op);
  return op->emitOpError("expected a layer that a schedule can express");
}

LogicalResult EntryBuilder::lowerLinear(Operation *op, Value x, Value weight, Value bias,
                                        ArrayRef<Attribute> reshape) {
  FailureOr<Value> input = mapped(x, op);
  if (failed(input))
    return failure();
  FailureOr<Value> panels = weightValue(weight, reshape, plan::storageOf(input->getType()), op);
  if (failed(panels))
    return failure();
  SmallVector<Value> operands{*input, *panels};
  if (bias) {
    FailureOr<Value> row = mapped(bias, op);
    if (failed(row))
      return failure();
    operands.push_back(*row);
  }
  int64_t rows = lastRowOps.contains(op) ? 1 : capacity;
  FailureOr<RankedTensorType> type = specialised(op->getResult(0), op, rows);
  if (failed(type))
    return failure();
  values[op->getResult(0)] =
      addStep(op, "", operands, *type, [&](OpBuilder &b, ValueRange arguments) -> Value {
        return plan::LinearOp::create(b, op->getLoc(), *type, arguments[0], arguments[1],
                                      bias ? arguments[2] : Value());
      });
  return success();
}

LogicalResult EntryBuilder::lowerExperts(blue::ExpertLinearOp op) {
  RankedTensorType weight = tensorOf(op.getWeight());
  int64_t experts = weight.getDimSize(0), channels = weight.getDimSize(1), rows = 0;
  int64_t together = plan::panelRows(target);
  if (channels % together != 0 || llvm::MulOverflow(experts, channels, rows))
    return op.emitOpError() << "expected experts of a multiple of " << together
                            << " channels (a panel of this target has rows of one expert), found "
                            << channels;
  FailureOr<Value> x = mapped(op.getX(), op), routing = mapped(op.getRouting(), op);
  if (failed(x) || failed(routing))
    return failure();
  // The experts' weights stand one after the other, in one weight.
  Attribute flat = blue::ReshapeAttr::get(builder.getContext(), {rows, weight.getDimSize(2)});
  FailureOr<Value> panels = weightValue(op.getWeight(), flat, plan::storageOf(x->getType()), op);
  if (failed(panels))
    return failure();
  SmallVector<Value> operands{*x, *panels, *routing};
  if (op.getBias()) {
    FailureOr<Value> bias = mapped(op.getBias(), op);
    if (failed(bias))
      return failure();
    operands.push_back(*bias);
  }
  FailureOr<RankedTensorType> type =
      specialised(op.getResult(), op, lastRowOps.contains(op) ? 1 : capacity);
  if (failed(type))
    return failure();
  values[op.getResult()] =
      addStep(op, "", operands, *type, [&](OpBuilder &b, ValueRange arguments) -> Value {
        return plan::ExpertLinearOp::create(b, op.getLoc(), *type, arguments[0], arguments[1],
                                            arguments[2], op.getBias() ? arguments[3] : Value());
      });
  return success();
}

LogicalResult EntryBuilder::lowerPatchEmbed(blue::PatchEmbedOp op) {
  FailureOr<Value> pixels = mapped(op.getPixels(), op);
  if (failed(pixels))
    return failure();
  RankedTensorType weight = tensorOf(op.getWeight());
  int64_t patch = weight.getDimSize(2);
  int64_t width = weight.getDimSize(1) * patch * patch;
  RankedTensorType picture = tensorOf(*pixels);
  auto columns = RankedTensorType::get(
      {picture.getDimSize(0), (picture.getDimSize(2) / patch) * (picture.getDimSize(3) / patch),
       width},
      picture.getElementType());
  Value rows = addStep(
      op, plan::kIm2colSuffix, *pixels, columns, [&](OpBuilder &b, ValueRange arguments) -> Value {
        return plan::Im2colOp::create(b, op.getLoc(), columns, arguments[0],
                                      b.getI64IntegerAttr(patch), op.getBlockAttr());
      });
  // The convolution is from here on a linear layer over patches.
  Attribute flat = blue::ReshapeAttr::get(builder.getContext(), {weight.getDimSize(0), width});
  FailureOr<Value> panels = weightValue(op.getWeight(), flat, plan::storageOf(rows.getType()), op);
  if (failed(panels))
    return failure();
  SmallVector<Value> operands{rows, *panels};
  if (op.getBias()) {
    FailureOr<Value> bias = mapped(op.getBias(), op);
    if (failed(bias))
      return failure();
    operands.push_back(*bias);
  }
  FailureOr<RankedTensorType> type = specialised(op.getResult(), op, capacity);
  if (failed(type))
    return failure();
  values[op.getResult()] =
      addStep(op, "", operands, *type, [&](OpBuilder &b, ValueRange arguments) -> Value {
        return plan::LinearOp::create(b, op.getLoc(), *type, arguments[0], arguments[1],
                                      op.getBias() ? arguments[2] : Value());
      });
  return success();
}

/// A step that quantizes `x`, which stands for all rows of the op's operand or for one of them.
Value EntryBuilder::quantized(blue::QuantizeOp op, Value x) {
  auto type =
      RankedTensorType::get(tensorOf(x).getShape(), tensorOf(op.getResult()).getElementType());
  type = RankedTensorType::get(type.getShape(), type.getElementType(),
                               plan::rowsFor(target, type, sumsOf(op)));
  return addStep(
      op, plan::kQuantizedSuffix, x, type,
      [&](OpBuilder &b, ValueRange arguments) -> Value {
        return plan::QuantizeOp::create(b, op.getLoc(), type, arguments[0],
                                        op.getStaticScaleAttr());
      },
      op.getX().getDefiningOp());
}

LogicalResult EntryBuilder::lowerQuantize(blue::QuantizeOp op) {
  FailureOr<Value> x = mapped(op.getX(), op);
  if (failed(x))
    return failure();
  auto element = cast<blue::QuantizedType>(tensorOf(op.getResult()).getElementType());
  if (element.getBits() == 4)
    return op.emitOpError() << "expected activations of i8 or i16, found " << element;
  values[op.getResult()] = quantized(op, *x);
  return success();
}

/// No kernel makes such rows: fuse-downsampling takes the step into its reader.
LogicalResult EntryBuilder::lowerQuantizedGathering(blue::TokenDownsampleOp op) {
  FailureOr<Value> x = mapped(op.getX(), op);
  if (failed(x))
    return failure();
  RankedTensorType rows = tensorOf(op.getResult());
  SmallVector<int64_t> shape(rows.getShape());
  shape[0] = tensorOf(*x).getDimSize(0);
  if (!isReasonable(shape))
    return op.emitOpError() << "expected a result of at most " << kMostElements
                            << " elements, found " << rows;
  auto type = RankedTensorType::get(shape, rows.getElementType(), tensorOf(*x).getEncoding());
  values[op.getResult()] =
      addStep(op, plan::kQuantizedSuffix, *x, type, [&](OpBuilder &b, ValueRange arguments) {
        return blue::TokenDownsampleOp::create(b, op.getLoc(), type, arguments[0], op.getHeight(),
                                               op.getWidth(), op.getColumnMajor())
            .getResult();
      });
  return success();
}

LogicalResult EntryBuilder::lowerEmbedding(blue::EmbeddingOp op) {
  // A table that may be tied to the head is packed as the head is; one of f32 that is not stays as
  // it is.
  Type dot = storage.notedDot(op.getTable().getType());
  if (!dot && tensorOf(op.getTable()).getElementType().isF32())
    return lowerByClone(op);
  FailureOr<Value> ids = mapped(op.getIds(), op);
  if (failed(ids))
    return failure();
  FailureOr<Value> panels = weightValue(op.getTable(), {}, dot ? dot : builder.getF32Type(), op);
  if (failed(panels))
    return failure();
  FailureOr<RankedTensorType> type = specialised(op.getResult(), op, capacity);
  if (failed(type))
    return failure();
  values[op.getResult()] =
      addStep(op, "", {*ids, *panels}, *type, [&](OpBuilder &b, ValueRange arguments) -> Value {
        return plan::EmbeddingOp::create(b, op.getLoc(), *type, arguments[0], arguments[1]);
      });
  return success();
}

LogicalResult EntryBuilder::lowerAttention(blue::AttentionOp op) {
  FailureOr<Value> query = mapped(op.getQuery(), op);
  FailureOr<Value> key = mapped(op.getKey(), op);
  FailureOr<Value> value = mapped(op.getValue(), op);
  if (failed(query) || failed(key) || failed(value))
    return failure();
  int64_t heads = op.getNumKvHeads();
  RankedTensorType keyType = tensorOf(*key);
  int64_t width = keyType.getShape().back();
  if (heads < 1 || width % heads != 0)
    return op.emitOpError() << "expected keys of " << heads << " heads, found width " << width;
  int64_t headDim = width / heads;

  Value keys, cachedValues;
  bool isRing = false;
  if (op.getPastKey()) {
    for (Value past : {op.getPastKey(), op.getPastValue()})
      if (!isa<BlockArgument>(past) || !past.hasOneUse())
        return op.emitOpError("expected a past that is an argument and has no other use");
    for (Value present : {op.getPresentKey(), op.getPresentValue()})
      if (!llvm::all_of(present.getUsers(), llvm::IsaPred<func::ReturnOp>))
        return op.emitOpError("expected a present that is returned and has no other use");
    if (!op.getCausal() || keyType.getRank() != 2)
      return op.emitOpError("expected causal attention of rank 2 with a past");
    Type element = tensorOf(op.getPastKey()).getElementType(), dot;
    if (isa<blue::QuantizedType>(element)) {
      if (!op.getComputeType())
        return op.emitOpError("expected a compute_type for a quantized past");
      dot = *op.getComputeType();
    }
    const Storage::CacheSpec spec{layers++, heads, headDim, element, dot, op.getWindow()};
    isRing = storage.isRing(spec);
    plan::CacheOp keyCache = storage.keys(spec), valueCache = storage.values(spec);
    keys = storageValue(keyCache, keyCache.getType());
    cachedValues = storageValue(valueCache, valueCache.getType());
    addStep(op, "", {*key, keys}, Type(), [&](OpBuilder &b, ValueRange arguments) -> Value {
      plan::AppendKeysOp::create(b, op.getLoc(), arguments[0], arguments[1], isRing);
      return {};
    });
    addStep(op, "", {*value, cachedValues}, Type(),
            [&](OpBuilder &b, ValueRange arguments) -> Value {
              plan::AppendValuesOp::create(b, op.getLoc(), arguments[0], arguments[1], isRing);
              return {};
            });
  } else {
    if (op.getCausal() || keyType.getRank() != 3)
      return op.emitOpError("expected attention of rank 3 that is not causal, without a past");
    std::tie(keys, cachedValues) = packed(op, *key, *value, headDim);
  }
  SmallVector<Value> operands{*query, keys, cachedValues};
  if (op.getSinks()) {
    FailureOr<Value> sinks = mapped(op.getSinks(), op);
    if (failed(sinks))
      return failure();
    operands.push_back(*sinks);
  }
  if (op.getKeyBasis()) {
    // Rows of a position become positions side by side: attention takes many at once.
    SmallVector<Attribute> transforms;
    if (failed(checkTable(op, op.getKeyTable(), transforms)))
      return failure();
    transforms.push_back(blue::TransposeAttr::get(builder.getContext(), {1, 0}));
    FailureOr<Value> basis = mapped(op.getKeyBasis(), op);
    FailureOr<Value> table = weightValue(op.getKeyTable(), transforms, /*dot=*/{}, op);
    if (failed(basis) || failed(table))
      return failure();
    operands.append({*basis, *table});
  }
  RankedTensorType type = tensorOf(*query);
  values[op.getResult()] =
      addStep(op, "", operands, type, [&](OpBuilder &b, ValueRange arguments) -> Value {
        bool lifted = bool(op.getKeyBasis());
        return plan::AttentionOp::create(
            b, op.getLoc(), type, arguments[0], arguments[1], arguments[2],
            op.getSinks() ? arguments[3] : Value(), lifted ? arguments.drop_back().back() : Value(),
            lifted ? arguments.back() : Value(), op.getNumHeadsAttr(), op.getNumKvHeadsAttr(),
            op.getScaleAttr(), op.getCausalAttr(), op.getWindowAttr(), op.getSoftcapAttr(),
            isRing ? b.getUnitAttr() : UnitAttr());
      });
  return success();
}

/// An encoder's keys and values as kernels read them: for integer products, quantized.
std::pair<Value, Value> EntryBuilder::packed(blue::AttentionOp op, Value key, Value value,
                                             int64_t headDim) {
  RankedTensorType type = tensorOf(key), keyType, valueType;
  int64_t heads = op.getNumKvHeads(), tokens = type.getDimSize(1);
  if (Type dot = op.getComputeType().value_or(Type())) {
    auto element = blue::QuantizedType::get(builder.getContext(), cast<IntegerType>(dot), headDim,
                                            builder.getF32Type(), /*zeros=*/false);
    int64_t block = plan::attentionBlock(target, tokens);
    auto withLayout = [&](Attribute layout) {
      return RankedTensorType::get(type.getShape(), element, layout);
    };
    keyType = withLayout(plan::keysFor(target, heads, block, dot));
    valueType = withLayout(plan::valuesFor(target, heads, block, dot));
  } else {
    keyType = plan::floatKeysFor(target, type.getDimSize(0), heads, tokens, headDim,
                                 type.getElementType());
  }
  Value keys =
      addStep(op, plan::kPackKeysSuffix, key, keyType, [&](OpBuilder &b, ValueRange arguments) {
        return plan::PackKeysOp::create(b, op.getLoc(), keyType, arguments[0]).getResult();
      });
  if (!valueType)
    return {keys, value};
  Value values = addStep(
      op, plan::kPackValuesSuffix, value, valueType, [&](OpBuilder &b, ValueRange arguments) {
        return plan::PackValuesOp::create(b, op.getLoc(), valueType, arguments[0]).getResult();
      });
  return {keys, values};
}

/// The rows of a table by position that a context of this length reads, as a transform of the
/// table.
LogicalResult EntryBuilder::checkPositions(Operation *op, Value at, Value table,
                                           SmallVectorImpl<Attribute> &slice) {
  if (at.getType().isIndex() ? !position || at != position : !isa<BlockArgument>(at))
    return op->emitOpError("expected the position to be the function's argument");
  return checkTable(op, table, slice);
}

LogicalResult EntryBuilder::checkTable(Operation *op, Value table,
                                       SmallVectorImpl<Attribute> &slice) {
  int64_t positions = tensorOf(table).getDimSize(0);
  if (positions < context)
    return op->emitOpError() << "expected a table of at least " << context
                             << " positions for that context, found " << positions;
  if (positions > context)
    slice.push_back(blue::SliceAttr::get(builder.getContext(), 0, 0, context));
  return success();
}

LogicalResult EntryBuilder::lowerByClone(Operation *op) {
  SmallVector<Attribute> slice; // of what is stored: all of it is by position, where anything is
  Value at;
  if (auto rope = dyn_cast<blue::RopeOp>(op)) {
    at = rope.getPosition();
    if (at && failed(checkPositions(op, at, rope.getCos(), slice)))
      return failure();
  } else if (auto embedding = dyn_cast<blue::PositionEmbeddingOp>(op)) {
    at = embedding.getPosition();
    if (failed(checkPositions(op, at, embedding.getTable(), slice)))
      return failure();
  }
  SmallVector<Value> operands, origins;
  for (Value operand : op->getOperands()) {
    if (operand.getType().isIndex())
      continue;
    FailureOr<Value> value =
        isStored(operand) ? weightValue(operand, slice, /*dot=*/{}, op) : mapped(operand, op);
    if (failed(value))
      return failure();
    operands.push_back(*value);
    origins.push_back(operand);
  }
  int64_t rows = lastRowOps.contains(op) ? 1 : capacity;
  FailureOr<RankedTensorType> type = specialised(op->getResult(0), op, rows);
  if (failed(type))
    return failure();
  values[op->getResult(0)] =
      addStep(op, "", operands, *type, [&](OpBuilder &b, ValueRange arguments) -> Value {
        IRMapping mapping;
        if (at && at.getType().isIndex())
          mapping.map(position,
                      plan::PositionOp::create(b, op->getLoc(), b.getIndexType()).getResult());
        for (auto [origin, argument] : llvm::zip(origins, arguments))
          mapping.map(origin, argument);
        Operation *clone = b.clone(*op, mapping);
        clone->getResult(0).setType(*type);
        return clone->getResult(0);
      });
  return success();
}

FailureOr<Value> EntryBuilder::mapped(Value value, Operation *user) {
  if (isStored(value))
    return weightValue(value, {}, /*dot=*/{}, user);
  auto found = values.find(value);
  if (found == values.end())
    return user->emitOpError("expected operands that this schedule computes"), failure();
  bool manyRows = !lastRowOps.contains(value.getDefiningOp());
  if (!manyRows || !lastRowOps.contains(user))
    return found->second;

  // The op is computed for the last valid row only; so it reads that row only.
  return lastRowOf(value, user);
}

/// The last valid row of a value that `user` reads and that is there for all rows.
FailureOr<Value> EntryBuilder::lastRowOf(Value value, Operation *user) {
  if (Value row = lastRows.lookup(value))
    return row;
  Value whole = values.lookup(value);
  if (!whole)
    return user->emitOpError("expected operands that this schedule computes"), failure();
  RankedTensorType all = tensorOf(whole);
  if (all.getRank() != 2)
    return user->emitOpError("expected rows of rank 2 in a decoder"), failure();
  Operation *origin = value.getDefiningOp();
  if (auto quantize = dyn_cast_or_null<blue::QuantizeOp>(origin)) {
    // A row of quantized rows is the quantized row: no op needs to know how such rows are stored.
    FailureOr<Value> row = lastRowOf(quantize.getX(), user);
    if (failed(row))
      return failure();
    return lastRows[value] = quantized(quantize, *row);
  }
  auto one = RankedTensorType::get({1, all.getDimSize(1)}, all.getElementType());
  // The part's own input has no layer; its row is named after the one that reads it first.
  Value row = addStep(origin ? origin : user, origin ? plan::kLastRowSuffix : "/input/last_row",
                      whole, one, [&](OpBuilder &b, ValueRange arguments) -> Value {
                        return plan::LastRowOp::create(b, value.getLoc(), one, arguments[0]);
                      });
  return lastRows[value] = row;
}

FailureOr<Value> EntryBuilder::weightValue(Value value, ArrayRef<Attribute> extra, Type dot,
                                           Operation *user) {
  if (!isStored(value))
    return user->emitOpError("expected a weight or constant as this operand"), failure();
  // Matrices may be narrow; what else there is (norms, biases, tables of angles) is small.
  Type element = tensorOf(value).getElementType();
  bool isNarrow = isa<blue::QuantizedType>(element) || element.isF16();
  if (!element.isF32() && !(isNarrow && dot))
    return user->emitOpError() << "expected weights of f32, found " << value.getType(), failure();
  FailureOr<plan::WeightOp> weight =
      storage.weight(value.getDefiningOp(), extra, dot, entry.getSegment(), user);
  if (failed(weight))
    return failure();
  return storageValue(*weight, weight->getPacked());
}

/// All plan.get_weight and plan.get_cache are at the top of the entry, in order of first use.
Value EntryBuilder::storageValue(Operation *symbol, Type type) {
  Value &value = storageValues[symbol];
  if (value)
    return value;
  OpBuilder::InsertionGuard guard(builder);
  if (lastStorage)
    builder.setInsertionPointAfter(lastStorage);
  else
    builder.setInsertionPointToStart(&entry.getBody().front());
  auto name = FlatSymbolRefAttr::get(SymbolTable::getSymbolName(symbol));
  if (isa<plan::WeightOp>(symbol))
    lastStorage = plan::GetWeightOp::create(builder, symbol->getLoc(), type, name);
  else
    lastStorage = plan::GetCacheOp::create(builder, symbol->getLoc(), type, name);
  value = lastStorage->getResult(0);
  return value;
}

FailureOr<RankedTensorType> EntryBuilder::specialised(Value value, Operation *user, int64_t rows) {
  RankedTensorType type = tensorOf(value);
  SmallVector<int64_t> shape(type.getShape());
  if (!type.getElementType().isF32())
    return user->emitOpError() << "expected a result of f32, found " << type, failure();
  if (shape.empty())
    return user->emitOpError() << "expected a result with dims, found " << type, failure();
  if (ShapedType::isDynamic(shape[0]))
    shape[0] = rows;
  if (llvm::any_of(shape, ShapedType::isDynamic))
    return user->emitOpError() << "expected only the first dim to be dynamic, found " << type,
           failure();
  if (shape[0] != rows && !lastRowOps.empty())
    return user->emitOpError() << "expected the first dim to be dynamic, found " << type, failure();
  if (!isReasonable(shape))
    return user->emitOpError() << "expected a result of at most " << kMostElements
                               << " elements, found "
                               << RankedTensorType::get(shape, type.getElementType()),
           failure();
  return RankedTensorType::get(shape, type.getElementType());
}

Value EntryBuilder::addStep(Operation *origin, StringRef suffix, ValueRange operands, Type result,
                            BodyFn body, Operation *named) {
  SmallVector<Type> results;
  std::string value;
  if (result) {
    results.push_back(result);
    value = (names->of(named ? named : origin) + suffix).str();
  }
  auto step = plan::StepOp::create(
      builder, origin->getLoc(), results, operands, builder.getStringAttr(names->of(origin)),
      builder.getStringAttr(value), builder.getStringAttr("cpu"), IntegerAttr(), IntegerAttr());
  OpBuilder::InsertionGuard guard(builder);
  Block &block = step.getBody().emplaceBlock();
  for (Value operand : operands)
    block.addArgument(operand.getType(), origin->getLoc());
  builder.setInsertionPointToEnd(&block);
  Value yielded = body(builder, block.getArguments());
  plan::YieldOp::create(builder, origin->getLoc(), yielded);
  ++steps;
  return result ? step.getResult() : Value();
}
