#include "passes/onnx/split_embedding/SplitEmbedding.h"

#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_SPLITEMBEDDING
#include "passes/onnx/split_embedding/SplitEmbedding.h.inc"

namespace {

constexpr llvm::StringLiteral kIds = "input_ids", kEmbeddings = "inputs_embeds";

/// Where a decoder is cut, and who else asks for the ids.
struct Cut {
  BlockArgument ids;
  onnx::GatherOp table;
  SmallVector<onnx::ShapeOp> shapes;
};

StringRef nameOf(Operation *op) { return op->getName().stripDialect(); }

/// The ids themselves, in another form.
bool keepsElements(Operation *op) {
  return isa<onnx::IdentityOp, onnx::CastOp, onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp,
             onnx::FlattenOp>(op);
}

FailureOr<Cut> findCut(BlockArgument ids) {
  Cut cut{ids, {}, {}};
  llvm::DenseSet<Value> held = {ids};
  // Operands come before their users, so one walk sees every form of the ids.
  for (Operation &op : *ids.getOwner()) {
    for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
      if (!held.contains(operand))
        continue;
      if (auto shape = dyn_cast<onnx::ShapeOp>(op)) {
        cut.shapes.push_back(shape);
      } else if (auto gather = dyn_cast<onnx::GatherOp>(op); gather && i == 1) {
        if (cut.table)
          return op.emitError() << "Gather: expected token ids to be read by one table of "
                                   "embeddings, found a second one";
        cut.table = gather;
      } else if (keepsElements(&op) && i == 0) {
        held.insert(op.getResult(0));
      } else {
        return op.emitError() << nameOf(&op)
                              << ": expected token ids to be read by a table of embeddings alone "
                                 "(a Gather), found this node";
      }
    }
  }
  if (!cut.table)
    return emitError(ids.getLoc()) << "input \"" << kIds
                                   << "\": expected a Gather that reads a table of embeddings by "
                                      "it, found none";
  return cut;
}

struct SplitEmbedding : impl::SplitEmbeddingBase<SplitEmbedding> {
  void runOnOperation() override {
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (blue::roleOf(function) == blue::Role::Decoder && onnx::isGraph(function) &&
          failed(split(function)))
        return signalPassFailure();
  }

  LogicalResult split(func::FuncOp decoder) {
    BlockArgument ids;
    for (BlockArgument argument : decoder.getArguments()) {
      auto name = decoder.getArgAttrOfType<StringAttr>(argument.getArgNumber(), onnx::kNameAttr);
      if (name && name.getValue() == kEmbeddings)
        return success();
      if (name && name.getValue() == kIds)
        ids = argument;
    }
    if (!ids)
      return success();
    for (auto other : getOperation().getOps<func::FuncOp>())
      if (blue::roleOf(other) == blue::Role::Embed)
        return decoder.emitError() << "input \"" << kIds
                                   << "\": expected embeddings, which another graph makes, found "
                                      "token ids";
    FailureOr<Cut> cut = findCut(ids);
    if (failed(cut) || failed(checkShapes(*cut)) || failed(makeEmbedding(decoder, *cut)))
      return failure();
    takeEmbeddings(decoder, *cut);
    ++decodersCut;
    return onnx::inferFunction(decoder);
  }

  /// The ids are [1, T], the embeddings [1, T, width]; a shape that is read is one of these.
  LogicalResult checkShapes(Cut &cut) {
    onnx::ShapeInference inference(cast<func::FuncOp>(cut.ids.getOwner()->getParentOp()));
    if (failed(inference.infer(*cut.ids.getOwner())))
      return failure();
    std::optional<onnx::Exprs> embedded = inference.facts(cut.table.getResult()).dims;
    if (!embedded || embedded->size() != 3)
      return cut.table->emitError() << "Gather: expected embeddings [batch, tokens, width], found "
                                    << cut.table.getResult().getType();
    for (onnx::ShapeOp shape : cut.shapes)
      if (std::optional<onnx::Exprs> read = inference.facts(shape.getData()).dims;
          !read || ArrayRef<AffineExpr>(*read) != ArrayRef<AffineExpr>(*embedded).take_front(2))
        return shape->emitError() << "Shape: expected token ids [batch, tokens], found "
                                  << shape.getData().getType();
    return success();
  }

  /// A function of what the table's rows come from: the ids and constants, nothing else.
  LogicalResult makeEmbedding(func::FuncOp decoder, Cut &cut) {
    llvm::SetVector<Operation *> needed;
    SmallVector<Value> worklist = {cut.table.getResult()};
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      Operation *op = value.getDefiningOp();
      if (!op && value != cut.ids)
        return cut.table->emitError()
               << "Gather: expected embeddings that follow from token ids and weights, found that "
                  "graph input "
               << cast<BlockArgument>(value).getArgNumber() << " is read, too";
      if (op && needed.insert(op))
        llvm::append_range(worklist, op->getOperands());
    }
    OpBuilder builder(decoder);
    auto type = builder.getFunctionType({cut.ids.getType()}, {cut.table.getResult().getType()});
    auto embed = func::FuncOp::create(builder, decoder.getLoc(),
                                      blue::stringifyRole(blue::Role::Embed), type);
    for (StringRef key : {onnx::kFileAttr, onnx::kSymbolsAttr})
      if (Attribute value = decoder->getAttr(key))
        embed->setAttr(key, value);
    blue::setRole(embed, blue::Role::Embed);
    embed.setArgAttr(0, onnx::kNameAttr, builder.getStringAttr(kIds));
    embed.setResultAttr(0, onnx::kNameAttr, builder.getStringAttr(kEmbeddings));
    Block *body = embed.addEntryBlock();
    builder.setInsertionPointToStart(body);
    IRMapping copies;
    copies.map(cut.ids, body->getArgument(0));
    for (Operation &op : *cut.ids.getOwner())
      if (needed.contains(&op))
        builder.clone(op, copies);
    func::ReturnOp::create(builder, decoder.getLoc(), copies.lookup(cut.table.getResult()));
    return onnx::inferFunction(embed);
  }

  /// The decoder of embeddings in place of ids.
  void takeEmbeddings(func::FuncOp decoder, Cut &cut) {
    BlockArgument ids = cut.ids;
    unsigned at = ids.getArgNumber();
    Value rows = cut.table.getResult();
    auto name = StringAttr::get(&getContext(), kEmbeddings);
    (void)decoder.insertArgument(
        at + 1, rows.getType(),
        DictionaryAttr::get(&getContext(), NamedAttribute(onnx::kNameAttr, name)), ids.getLoc());
    BlockArgument embeddings = decoder.getArgument(at + 1);
    rows.replaceAllUsesWith(embeddings);
    for (onnx::ShapeOp shape : cut.shapes) {
      // What is read of [1, T] is read of the first two dims of [1, T, width].
      constexpr int64_t kRank = 2;
      auto clamp = [&](int64_t bound) {
        return std::clamp<int64_t>(bound < 0 ? bound + kRank : bound, 0, kRank);
      };
      shape.getDataMutable().assign(embeddings);
      shape.setStart(clamp(static_cast<int64_t>(shape.getStart())));
      shape.setEnd(clamp(static_cast<int64_t>(shape.getEnd().value_or(kRank))));
    }
    // What led from the ids to the table has no reader any more.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(decoder.getBody().front())))
      if (op.use_empty() && isPure(&op) && !op.hasTrait<OpTrait::IsTerminator>())
        op.erase();
    (void)decoder.eraseArgument(at);
  }
};

} // namespace
} // namespace bluec
