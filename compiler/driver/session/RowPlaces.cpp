#include "compiler/driver/session/RowPlaces.h"

#include "compiler/dialect/blue/Blue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <nlohmann/json.hpp>

using namespace mlir;
using namespace bluec;

/// A whole number above 0 of vision_config; 0 without one.
static int64_t countOf(const ModelConfig &config, StringRef key) {
  const JsonValue *value = config.vision.find(key);
  std::optional<int64_t> number = value ? value->integer() : std::nullopt;
  return number && *number > 0 && *number <= runtime::kMostTileSide ? *number : 0;
}

FailureOr<runtime::PositionRule>
bluec::rowPlacesOf(const ModelConfig &config, const Geometry &geometry, Diagnostics &diagnostics) {
  constexpr int64_t kTimeHeightWidth = 3;
  runtime::PositionRule rule;
  rule.axes = geometry.positionAxes;
  if (rule.axes == 0 || geometry.tokensPerTile == 0)
    return rule;
  bool isOneTile = !config.preprocess || (config.preprocess->candidates.size() == 1 &&
                                          config.preprocess->candidates[0] == runtime::Grid{});
  int64_t side = countOf(config, "patch_size") * countOf(config, "spatial_merge_size");
  if (side > 0) {
    rule.gridRows = geometry.tileHeight / side;
    rule.gridColumns = geometry.tileWidth / side;
  }
  if (rule.axes == kTimeHeightWidth && isOneTile && rule.placesPictures() &&
      geometry.tileHeight % side == 0 && geometry.tileWidth % side == 0 &&
      geometry.tokensPerTile % rule.gridRows == 0 &&
      geometry.tokensPerTile / rule.gridRows == rule.gridColumns)
    return rule;
  std::string found = std::to_string(geometry.tokensPerTile) + " tokens of " +
                      std::to_string(geometry.tileHeight) + "x" +
                      std::to_string(geometry.tileWidth) + " pixels";
  if (!isOneTile)
    found += " in several tiles";
  if (side > 0)
    found += ", with a token's side of " + std::to_string(side);
  return diagnostics.inputError(
      "decoder: positions on " + Twine(rule.axes) +
      " axes: expected pictures of one tile whose tokens are a grid (vision_config's patch_size "
      "times spatial_merge_size is a token's side), found " +
      found);
}

FailureOr<runtime::PositionRule> bluec::rowPlacesOf(const ModelConfig &config, ModuleOp model,
                                                    Diagnostics &diagnostics) {
  Geometry geometry;
  auto typeOf = [](Type type, int64_t rank) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() == rank ? tensor : RankedTensorType();
  };
  if (auto decoder = blue::partOf(model, blue::Role::Decoder))
    for (Type type : decoder.getArgumentTypes().drop_front())
      if (auto positions = typeOf(type, 2); positions && positions.getElementType().isInteger())
        geometry.positionAxes = positions.getDimSize(1);
  auto vision = blue::partOf(model, blue::Role::Vision);
  if (vision && vision.getNumArguments() == 1 && vision.getNumResults() == 1) {
    RankedTensorType pixels = typeOf(vision.getArgumentTypes()[0], 4);
    RankedTensorType features = typeOf(vision.getResultTypes()[0], 3);
    if (pixels && features) {
      geometry.tileHeight = pixels.getDimSize(2);
      geometry.tileWidth = pixels.getDimSize(3);
      geometry.tokensPerTile = features.getDimSize(1);
    }
  }
  return rowPlacesOf(config, geometry, diagnostics);
}

void bluec::addPlaces(const runtime::PositionRule &rule, nlohmann::ordered_json &fields) {
  if (rule.axes > 0)
    fields["positions"]["axes"] = rule.axes;
  if (rule.placesPictures())
    fields["positions"]["picture"] = {{"rows", rule.gridRows}, {"columns", rule.gridColumns}};
}
