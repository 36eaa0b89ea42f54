#include "passes/schedule/lower_to_plan/LowerToPlan.h"

#include "passes/schedule/lower_to_plan/EntryBuilder.h"
#include "passes/schedule/lower_to_plan/Limits.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bluec {
#define GEN_PASS_DEF_LOWERTOPLAN
#include "passes/schedule/lower_to_plan/LowerToPlan.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

/// The functions of the model, by role; null where the model has no such part.
struct Parts {
  func::FuncOp vision, embed, decoder;
};

LogicalResult findParts(ModuleOp module, Parts &parts) {
  for (auto function : module.getOps<func::FuncOp>()) {
    std::optional<blue::Role> role = blue::roleOf(function);
    if (!role)
      return function.emitOpError()
             << "expected " << blue::kRoleAttr << " to say vision, embed or decoder";
    func::FuncOp &part = *role == blue::Role::Vision  ? parts.vision
                         : *role == blue::Role::Embed ? parts.embed
                                                      : parts.decoder;
    if (part)
      return function.emitOpError() << "expected one function with " << blue::kRoleAttr << " "
                                    << blue::stringifyRole(*role) << ", found two";
    if (function.isExternal() || !function.getBody().hasOneBlock() ||
        function.getNumArguments() == 0 || function.getNumResults() == 0)
      return function.emitOpError("expected a body of one block, with arguments and results");
    part = function;
  }
  return success();
}

/// The type of the first argument with `rows` as first dim; ids are i32 where they cross the ABI.
FailureOr<RankedTensorType> inputType(func::FuncOp function, int64_t rows) {
  auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[0]);
  if (!type || type.getRank() == 0)
    return function.emitOpError("expected a tensor with dims as first argument"), failure();
  SmallVector<int64_t> shape(type.getShape());
  if (ShapedType::isDynamic(shape[0]))
    shape[0] = rows;
  if (shape[0] != rows || llvm::any_of(shape, ShapedType::isDynamic))
    return function.emitOpError() << "expected a first argument that takes " << rows
                                  << " rows, found " << type,
           failure();
  if (!isReasonable(shape))
    return function.emitOpError() << "expected a first argument of at most " << kMostElements
                                  << " elements, found " << type,
           failure();
  Type element = type.getElementType();
  if (element.isInteger(64))
    element = IntegerType::get(type.getContext(), 32);
  return RankedTensorType::get(shape, element);
}

struct LowerToPlanPass : bluec::impl::LowerToPlanBase<LowerToPlanPass> {
  using LowerToPlanBase::LowerToPlanBase;

  void runOnOperation() override {
    if (failed(run(getOperation())))
      signalPassFailure();
  }

  LogicalResult run(ModuleOp module) {
    plan::TargetAttr target = plan::requireTarget(module);
    if (!target)
      return failure();
    if (context < 1 || chunk < 1 || imageBatch < 1 || imageBatch > kMostTiles || chunk > context ||
        rewind < 0)
      return module.emitError() << "expected 1 <= chunk <= context, 0 <= rewind and 1 <= "
                                   "image-batch <= "
                                << kMostTiles << ", found "
                                << "chunk " << chunk.getValue() << ", context "
                                << context.getValue() << ", rewind " << rewind.getValue()
                                << ", image-batch " << imageBatch.getValue();
    Parts parts;
    if (failed(findParts(module, parts)))
      return failure();

    Storage storage(module, target, context,
                    std::min<int64_t>(std::max<int64_t>(chunk, rewind), context));
    if (parts.decoder)
      storage.notePanels(parts.decoder);
    if (parts.vision && failed(addEncoders(storage, parts.vision)))
      return failure();
    if (parts.embed &&
        failed(addEntry(
            storage, {"embed", plan::Role::Embed, "language", chunk, plan::kIds, plan::kEmbeddings},
            parts.embed, {})))
      return failure();
    if (parts.decoder && failed(addEntry(storage,
                                         {"prefill", plan::Role::Decode, "language", chunk,
                                          plan::kEmbeddings, plan::kLogits},
                                         parts.decoder, {})))
      return failure();
    if (parts.embed && parts.decoder &&
        failed(addEntry(storage,
                        {"decode", plan::Role::Decode, "language", 1, plan::kIds, plan::kLogits},
                        parts.embed, parts.decoder)))
      return failure();

    for (func::FuncOp part : {parts.vision, parts.embed, parts.decoder})
      if (part)
        part.erase();
    Builder builder(module.getContext());
    module->setAttr(plan::kContextAttr, builder.getI64IntegerAttr(context));
    if (storage.ringPositions() > 0) {
      module->setAttr(plan::kRingPositionsAttr, builder.getI64IntegerAttr(storage.ringPositions()));
      module->setAttr(plan::kRingBackAttr, builder.getI64IntegerAttr(storage.ringBack()));
    }
    weights = static_cast<unsigned>(storage.numWeights());
    return success();
  }

  /// For the batch and, if that is more than a tile, for one tile.
  LogicalResult addEncoders(Storage &storage, func::FuncOp vision) {
    auto add = [&](StringRef name, int64_t capacity) {
      return addEntry(
          storage,
          {name.str(), plan::Role::Encode, "vision", capacity, plan::kPixels, plan::kFeatures},
          vision, {});
    };
    if (failed(add("encode", imageBatch)) || (imageBatch > 1 && failed(add("encode_1", 1))))
      return failure();
    // Kernels compute valid rows only, and read each weight once a call: several tiles are best in
    // one call, even if it is not filled.
    Builder builder(vision.getContext());
    SmallVector<Attribute> calls;
    for (int64_t rest = 1; rest < imageBatch; ++rest)
      calls.push_back(builder.getDenseI64ArrayAttr(rest == 1 ? 1 : imageBatch));
    getOperation()->setAttr(plan::kEncodeCallsAttr, builder.getArrayAttr(calls));
    return success();
  }

  /// An entry that runs `first` and, if there, `second` on its result.
  LogicalResult addEntry(Storage &storage, const EntrySpec &spec, func::FuncOp first,
                         func::FuncOp second) {
    FailureOr<RankedTensorType> type = inputType(first, spec.capacity);
    if (failed(type))
      return failure();
    EntryBuilder entry(getOperation(), storage, plan::requireTarget(getOperation()), spec, context);
    Value input = entry.addInput(spec.takes, *type, first.getLoc());
    bool lastRowOnly = spec.gives == plan::kLogits && spec.capacity > 1 && logits == Logits::Last;
    FailureOr<Value> value = entry.addPart(first, input, lastRowOnly);
    if (succeeded(value) && second)
      value = entry.addPart(second, *value, false);
    if (failed(value) || failed(entry.finish(*value, first)))
      return failure();
    steps += static_cast<unsigned>(entry.numSteps());
    return success();
  }
};

} // namespace
