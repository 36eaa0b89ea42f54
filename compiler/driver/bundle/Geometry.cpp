#include "compiler/driver/bundle/Geometry.h"

#include "compiler/dialect/plan/Plan.h"

using namespace mlir;
using namespace bluec;

namespace {

LogicalResult expectRank(plan::EntryOp entry, StringRef what, RankedTensorType type, int64_t rank) {
  if (type.getRank() == rank)
    return success();
  return entry.emitOpError() << "expected " << what << " of rank " << rank << ", found " << type;
}

/// `size` becomes `found`, or must be it when another entry has set it.
LogicalResult agree(plan::EntryOp entry, StringRef what, int64_t &size, int64_t found) {
  if (size != 0 && size != found)
    return entry.emitOpError() << "expected " << what << " " << size
                               << " as in the other parts of the model, found " << found;
  size = found;
  return success();
}

/// Rows of the table that an embedding reads, 0 without one. Panels do not say how many of their
/// rows are there; the weight does.
int64_t tableRows(plan::EntryOp entry) {
  int64_t rows = 0;
  for (auto step : entry.getBody().front().getOps<plan::StepOp>()) {
    if (!isa<blue::EmbeddingOp, plan::EmbeddingOp>(step.getRoot()))
      continue;
    auto table = dyn_cast<BlockArgument>(step.getRoot()->getOperand(1));
    auto get = table ? step.getOperand(table.getArgNumber()).getDefiningOp<plan::GetWeightOp>()
                     : plan::GetWeightOp();
    auto weight =
        get ? SymbolTable::lookupNearestSymbolFrom<plan::WeightOp>(entry, get.getWeightAttr())
            : plan::WeightOp();
    if (weight)
      rows = weight.getTransformedType().getDimSize(0);
  }
  return rows;
}

LogicalResult readTiles(plan::EntryOp entry, RankedTensorType pixels, Geometry &geometry) {
  if (failed(expectRank(entry, "pixels", pixels, 4)))
    return failure();
  geometry.imageBatch = std::max(geometry.imageBatch, static_cast<int64_t>(entry.getCapacity()));
  return success(
      succeeded(agree(entry, "tiles of height", geometry.tileHeight, pixels.getDimSize(2))) &&
      succeeded(agree(entry, "tiles of width", geometry.tileWidth, pixels.getDimSize(3))));
}

LogicalResult readFeatures(plan::EntryOp entry, RankedTensorType features, Geometry &geometry) {
  if (failed(expectRank(entry, "image features", features, 3)) ||
      failed(
          agree(entry, "image features of tokens", geometry.tokensPerTile, features.getDimSize(1))))
    return failure();
  return agree(entry, "features of width", geometry.hidden, features.getDimSize(2));
}

LogicalResult readEntry(plan::EntryOp entry, Geometry &geometry) {
  Block &block = entry.getBody().front();
  if (block.getNumArguments() != 1 || block.getTerminator()->getNumOperands() != 1)
    return entry.emitOpError("expected one input and one output");
  auto input = cast<RankedTensorType>(block.getArgument(0).getType());
  auto output = cast<RankedTensorType>(block.getTerminator()->getOperand(0).getType());
  int64_t capacity = static_cast<int64_t>(entry.getCapacity());
  switch (entry.getKind()) {
  case plan::EntryKind::Encode:
    return success(succeeded(readTiles(entry, input, geometry)) &&
                   succeeded(readFeatures(entry, output, geometry)));
  case plan::EntryKind::EncodePatches:
    return readTiles(entry, input, geometry);
  case plan::EntryKind::EncodeBlocks:
    return readFeatures(entry, output, geometry);
  case plan::EntryKind::Embed:
    if (failed(expectRank(entry, "ids", input, 1)) ||
        failed(expectRank(entry, "embeddings", output, 2)))
      return failure();
    geometry.chunk = capacity;
    geometry.embeddings = tableRows(entry);
    return agree(entry, "embeddings of width", geometry.hidden, output.getDimSize(1));
  case plan::EntryKind::Prefill:
    if (failed(expectRank(entry, "embeddings", input, 2)) ||
        failed(expectRank(entry, "logits", output, 2)))
      return failure();
    geometry.chunk = capacity;
    if (failed(agree(entry, "embeddings of width", geometry.hidden, input.getDimSize(1))))
      return failure();
    return agree(entry, "a vocabulary of", geometry.vocabulary, output.getDimSize(1));
  case plan::EntryKind::Decode:
    if (failed(expectRank(entry, "ids", input, 1)) ||
        failed(expectRank(entry, "logits", output, 2)))
      return failure();
    return agree(entry, "a vocabulary of", geometry.vocabulary, output.getDimSize(1));
  }
  return entry.emitOpError("expected a kind that is known");
}

} // namespace

FailureOr<Geometry> bluec::geometryOf(ModuleOp module) {
  Geometry geometry;
  if (auto context = module->getAttrOfType<IntegerAttr>(plan::kContextAttr))
    geometry.context = context.getInt();
  for (auto entry : module.getOps<plan::EntryOp>())
    if (failed(readEntry(entry, geometry)))
      return failure();
  // An answer's tokens are fed back: each needs a row.
  if (geometry.embeddings != 0 && geometry.embeddings < geometry.vocabulary)
    return module.emitError() << "embed_tokens.onnx: expected a table of at least "
                              << geometry.vocabulary << " rows, the decoder's logits, found "
                              << geometry.embeddings;
  return geometry;
}
