// A model directory: its graphs as IR, its configuration and tokenizer as data.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_MODELPACKAGE_H
#define BLUEC_COMPILER_DRIVER_SESSION_MODELPACKAGE_H

#include "compiler/base/ModelFiles.h"
#include "compiler/driver/bundle/Geometry.h"
#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/session/PackageLayout.h"
#include "compiler/driver/session/Pipelines.h"
#include "compiler/import/ModelConfig.h"
#include "runtime/text/Tokenizer.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace bluec {

struct ModelPackage {
  ModelConfig config;
  std::vector<uint8_t> tokenizer; // bytes of tokenizer.bin; empty without a tokenizer.json
  /// The graphs and what they name, from when they were read; null before, and of a model that has
  /// no graphs. They stay open for checkUnchanged().
  std::shared_ptr<ModelFiles> files;

  /// An error when somebody has written to a graph, or to what it names, since it was read.
  llvm::Error checkUnchanged() const {
    return files ? files->checkUnchanged() : llvm::Error::success();
  }

  /// Reads `tokenizer`, which is not empty, where it lies.
  runtime::Tokenizer tokens() const;
};

/// Reads the configuration files alone into `package`.
mlir::LogicalResult readConfiguration(const PackagePlace &from, ModelPackage &package,
                                      Diagnostics &diagnostics);

/// Reads configuration files, tokenizer and chat template into `package`.
mlir::LogicalResult readTexts(const PackagePlace &from, ModelPackage &package,
                              Diagnostics &diagnostics);

/// Reads the graphs that `package`, whose texts have been read, says there are. A decoder that
/// takes token ids is not cut yet (split-embedding).
mlir::LogicalResult readGraphsOf(const PackagePlace &from, mlir::ModuleOp module,
                                 ModelPackage &package, Diagnostics &diagnostics);

/// Both.
mlir::LogicalResult readPackage(const PackagePlace &from, mlir::ModuleOp module,
                                ModelPackage &package, Diagnostics &diagnostics);

/// Context and chunk as asked for, or what suits the model. A number that does not is a fault of
/// the command line.
mlir::LogicalResult chooseSizes(const ModelConfig &config, std::optional<int64_t> context,
                                std::optional<int64_t> chunk, ScheduleOptions &sizes,
                                Diagnostics &diagnostics);

/// How a picture becomes tiles, for an image encoder of that geometry (its tile may be 0x0: not
/// known yet). Grids keep to the cap on image tokens. The configuration has a `preprocess`.
mlir::FailureOr<runtime::Preprocess>
preprocessOf(const ModelConfig &config, const Geometry &geometry, Diagnostics &diagnostics);

/// Compares the configuration with what the graphs turned out to be: logits, size of a tile. A
/// number there that the graphs contradict would otherwise be ignored, or index past a table.
mlir::LogicalResult checkConfig(const ModelConfig &config, const Geometry &geometry,
                                Diagnostics &diagnostics);

/// Adds what the runtime reads of a model's configuration: preprocess, chat, generation; and for
/// people, geometry.vision and geometry.text.
void addConfig(const ModelConfig &config, nlohmann::ordered_json &fields);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_MODELPACKAGE_H
