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

/// The type of an input or output that the entry's role has; null after an error when it is not
/// there.
RankedTensorType typeNamed(plan::EntryOp entry, StringRef name, Value value) {
  if (value)
    return cast<RankedTensorType>(value.getType());
  entry.emitOpError() << "expected a tensor '" << name << "', found none";
  return {};
}
RankedTensorType inputOf(plan::EntryOp entry, StringRef name) {
  return typeNamed(entry, name, entry.getInput(name));
}
RankedTensorType outputOf(plan::EntryOp entry, StringRef name) {
  return typeNamed(entry, name, entry.getOutput(name));
}

LogicalResult readTiles(plan::EntryOp entry, Geometry &geometry) {
  RankedTensorType pixels = inputOf(entry, plan::kPixels);
  if (!pixels || failed(expectRank(entry, plan::kPixels, pixels, 4)))
    return failure();
  geometry.imageBatch = std::max(geometry.imageBatch, static_cast<int64_t>(entry.getCapacity()));
  return success(
      succeeded(agree(entry, "tiles of height", geometry.tileHeight, pixels.getDimSize(2))) &&
      succeeded(agree(entry, "tiles of width", geometry.tileWidth, pixels.getDimSize(3))));
}

LogicalResult readFeatures(plan::EntryOp entry, Geometry &geometry) {
  RankedTensorType features = outputOf(entry, plan::kFeatures);
  if (!features || failed(expectRank(entry, plan::kFeatures, features, 3)) ||
      failed(
          agree(entry, "image features of tokens", geometry.tokensPerTile, features.getDimSize(1))))
    return failure();
  return agree(entry, "features of width", geometry.hidden, features.getDimSize(2));
}

LogicalResult readEmbeddings(plan::EntryOp entry, RankedTensorType embeddings, Geometry &geometry) {
  if (!embeddings || failed(expectRank(entry, plan::kEmbeddings, embeddings, 2)))
    return failure();
  return agree(entry, "embeddings of width", geometry.hidden, embeddings.getDimSize(1));
}

LogicalResult readEntry(plan::EntryOp entry, Geometry &geometry) {
  switch (entry.getRole()) {
  case plan::Role::Encode:
    return success((!entry.isFirstStage() || succeeded(readTiles(entry, geometry))) &&
                   (!entry.isLastStage() || succeeded(readFeatures(entry, geometry))));
  case plan::Role::Embed: {
    RankedTensorType ids = inputOf(entry, plan::kIds);
    if (!ids || failed(expectRank(entry, plan::kIds, ids, 1)))
      return failure();
    geometry.chunk = static_cast<int64_t>(entry.getCapacity());
    geometry.embeddings = tableRows(entry);
    return readEmbeddings(entry, outputOf(entry, plan::kEmbeddings), geometry);
  }
  case plan::Role::Decode: {
    if (Value ids = entry.getInput(plan::kIds)) {
      if (failed(expectRank(entry, plan::kIds, cast<RankedTensorType>(ids.getType()), 1)))
        return failure();
    } else {
      geometry.chunk = static_cast<int64_t>(entry.getCapacity());
      if (failed(readEmbeddings(entry, inputOf(entry, plan::kEmbeddings), geometry)))
        return failure();
    }
    if (Value positions = entry.getInput(plan::kPositions))
      if (auto type = cast<RankedTensorType>(positions.getType());
          type.getRank() == 2 &&
          failed(agree(entry, "positions of axes", geometry.positionAxes, type.getDimSize(1))))
        return failure();
    RankedTensorType logits = outputOf(entry, plan::kLogits);
    if (!logits || failed(expectRank(entry, plan::kLogits, logits, 2)))
      return failure();
    return agree(entry, "a vocabulary of", geometry.vocabulary, logits.getDimSize(1));
  }
  }
  return entry.emitOpError("expected a role that is known");
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
