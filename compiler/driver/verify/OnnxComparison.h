// A model against the package's own graphs, which the plain evaluators run node by node.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_ONNXCOMPARISON_H
#define BLUEC_COMPILER_DRIVER_VERIFY_ONNXCOMPARISON_H

#include "compiler/driver/compile/LogitErrors.h"
#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/verify/CallPlan.h"
#include "compiler/driver/verify/GraphCalls.h"
#include "runtime/core/Manifest.h"

#include "mlir/IR/BuiltinOps.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace bluec {

struct OnnxComparisonOptions {
  int64_t context = 0, chunk = 1;
  int64_t prompt = 0; // tokens; 0: several chunks
  int64_t tiles = 2, tileHeight = 0, tileWidth = 0;
  /// How the bundle places a picture's rows where positions have axes; else a grid is made up.
  runtime::PositionRule positions = {};
  int64_t vocabulary = 1; // ids are below
  uint64_t seed = 1;
  double tolerance = 0; // of the relative error of a row
  double work = 0;      // products, for each kind of calls (CallPlan)
};

/// Relative errors of a row (of logits, an embedding, all features of a tile) that are rounding.
/// Both sides keep f32 between layers and sum in double or in f32, so a row is off by some units of
/// 6e-8 for each layer. Anything that a graph does and the model does not is orders of magnitude
/// more.
inline constexpr double kOnnxTolerance = 2e-5;
/// Products of all that is done once, for one kind of calls; the plain evaluators make some
/// hundred million a second.
inline constexpr double kOnnxWork = double{int64_t{1} << 33};

/// Compares with the graphs as they were imported what is taken for them: a bundle that computes in
/// floats, or the float model, when a recipe keeps the bundle from being that exact.
/// - The features of tiles, the embeddings of tokens.
/// - Logits of one prompt in one call, and of the same in chunks, then token by token, with the
///   graph's own past.
/// - Logits of single calls after a past of random numbers, of the float model.
/// Where rows have positions on several axes, those of the conversation go through pictures, and
/// after a random past each axis has its own. All other input is random. Rows whose logits are
/// minus infinity on both sides agree there.
class OnnxComparison {
public:
  /// Calls of one kind.
  struct Part {
    std::string graph;                              // vision, embed, decoder
    std::string calls;                              // "one call of 64 tokens"
    std::string of;                                 // what is compared: "bundle", "float model"
    std::optional<double> tolerance = std::nullopt; // that its rows have to keep
    int64_t rows = 0;
    double worst = 0;       // relative error of a row
    std::string place = ""; // of that row: "position 7"
    /// The first row beyond the tolerance.
    std::string badPlace = "";
    double bad = 0;
  };

  /// `bundle` may be null. `isExact`: it is held to the tolerance itself. Modules and weights
  /// outlive this.
  OnnxComparison(mlir::ModuleOp imported, mlir::ModuleOp raised, reference::WeightValues &weights,
                 ModelCalls *bundle, bool isExact, const OnnxComparisonOptions &options,
                 Diagnostics &diagnostics);

  /// Failure, with an error, when something cannot be run or has another shape.
  mlir::LogicalResult run();

  const std::vector<Part> &parts() const { return compared; }
  const CallPlan &plan() const { return planned; }
  /// Null when every row is within the tolerance.
  const Part *firstBad() const;
  /// The line that names it.
  static std::string describe(const Part &bad);

  void print(llvm::raw_ostream &out) const;
  nlohmann::ordered_json asJson() const;

private:
  struct Side {
    ModelCalls *calls;
    const char *name;
    bool isHeld;
    TokenRows tokens = {};
  };

  mlir::LogicalResult compareVision();
  mlir::LogicalResult compareLanguage();
  mlir::LogicalResult compareOneCall(const TokenRows &rows);
  mlir::LogicalResult compareConversation(const TokenRows &rows);
  mlir::LogicalResult compareLeaps(const TokenRows &rows);
  Part begin(const char *graph, const std::string &calls, const Side &side) const;
  /// The last rows of `expected` with those of `found`; `firstRow` is the place of the first of
  /// expected.
  mlir::LogicalResult compare(Part &part, const TensorPtr &expected, const TensorPtr &found,
                              const char *unit, int64_t firstRow, LogitErrors *logits = nullptr);
  TensorPtr uniform(std::vector<int64_t> shape);
  /// [count, axes]: places of a conversation's rows, every few of which are a picture's.
  TensorPtr placesOfConversation(int64_t count) const;
  /// [count, axes]: places after `past` rows, on each axis some of them fewer.
  TensorPtr placesAfter(int64_t past, int64_t count);

  mlir::ModuleOp raised;
  const OnnxComparisonOptions &options;
  Diagnostics &diagnostics;
  CallPlan planned;
  llvm::SmallVector<int64_t> pastWidths;
  int64_t axes; // of the positions of rows; 0: none
  OnnxCalls onnx;
  BlueCalls floatModel;
  std::vector<Side> sides; // the one that is held first
  std::vector<Part> compared;
  LogitErrors logitErrors;               // of the bundle in the conversation
  std::optional<int64_t> firstDiffering; // position where the bundle likes another token best
  int64_t expectedToken = 0, foundToken = 0;
  std::mt19937_64 random;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_ONNXCOMPARISON_H
