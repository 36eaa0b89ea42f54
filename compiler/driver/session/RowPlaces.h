// Where the rows of a conversation stand, for decoders that want positions on several axes.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_ROWPLACES_H
#define BLUEC_COMPILER_DRIVER_SESSION_ROWPLACES_H

#include "compiler/driver/bundle/Geometry.h"
#include "compiler/driver/session/Diagnostics.h"
#include "compiler/import/ModelConfig.h"
#include "runtime/core/Manifest.h"

#include <nlohmann/json_fwd.hpp>

namespace bluec {

/// The rule by which a bundle's runtime numbers rows; no axes where the decoder does it itself. A
/// picture's rows are the grid of its patches, `patch_size` pixels of vision_config wide, of which
/// `spatial_merge_size` squared become a token. Where pictures are not of one tile with such a
/// grid, nothing says where their rows stand: an error.
mlir::FailureOr<runtime::PositionRule>
rowPlacesOf(const ModelConfig &config, const Geometry &geometry, Diagnostics &diagnostics);
/// The same of a model in blue, before there is a schedule.
mlir::FailureOr<runtime::PositionRule> rowPlacesOf(const ModelConfig &config, mlir::ModuleOp model,
                                                   Diagnostics &diagnostics);

/// As `positions` of a manifest says it; nothing where there are no axes.
void addPlaces(const runtime::PositionRule &rule, nlohmann::ordered_json &fields);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_ROWPLACES_H
