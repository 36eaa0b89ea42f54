// What the linears over panels of floats and of quantized elements share: which rows and panels a
// task and a register tile have, and how a tile of sums becomes results.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_LINEAR_TILES_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_LINEAR_TILES_H

#include "passes/kernels/templates/StepKernel.h"

namespace bluec::kernels {

struct Tiling {
  int64_t height = 1; // rows of a register tile
  int64_t tiles = 1;  // register tiles that cover all rows, the last one perhaps lower
  int64_t block = 1;  // register tiles of a task
};

/// What a linear layer multiplies, or one of experts.
struct LinearLayer {
  explicit LinearLayer(plan::LinearOp op)
      : op(op), x(op.getX()), panels(op.getPanels()), bias(op.getBias()), depth(op.getDepth()),
        gather(op.getGather()) {}
  explicit LinearLayer(plan::ExpertLinearOp op)
      : op(op), x(op.getX()), panels(op.getPanels()), depth(op.getX().getType().getShape().back()),
        ofExperts(true) {}

  mlir::Operation *op;
  mlir::Value x, panels;
  mlir::Value bias; // of all rows, or null
  int64_t depth;    // K
  std::optional<plan::DownsampleAttr> gather;
  bool ofExperts = false; // rows of a tile are anywhere in x
};

/// Rows of x that a register tile multiplies.
struct TileRows {
  mlir::Value first; // `height` rows from this one on
  int64_t height = 1;
  Values each; // or these, if there are any
};

class LinearTiles {
public:
  LinearTiles(StepKernel &k, const LinearLayer &layer, int64_t panelCount, int64_t panelRows);

protected:
  /// A part of k and where it stands in x: all of it, or one of the four tokens that a layer with
  /// `gather` multiplies side by side.
  struct Part {
    mlir::Value start; // k of its first element
    Values rows;       // of x, for each row of the tile
    Values inside;     // of each, whether it is no padding; empty: none is
  };
  /// Elements of a part.
  int64_t partDepth() const { return depth / parts; }
  /// values = body(part, values) over the parts of k in order, for some rows. A row of the padding
  /// reads another one of the same four, so that what comes of it is of no use but finite where the
  /// row's own result is.
  Values overParts(const TileRows &tile, mlir::ValueRange init,
                   llvm::function_ref<Values(const Part &, mlir::ValueRange)> body);

  /// Columns of a register tile: `vectors` of each of `side` panels from `panel` on. Of one panel
  /// they may begin with its vector `first`.
  struct Span {
    mlir::Value panel;
    int64_t side = 1;
    int64_t vectors = 0;
    mlir::Value first; // null: 0
  };
  /// Sums of rows by a span: for each row the panels' vectors.
  using Multiply = llvm::function_ref<Values(const TileRows &tile, const Span &span)>;

  /// What fits a register tile.
  struct TileLimits {
    int64_t rows;     // at most
    int64_t step = 1; // of their number, where there are as many
    int64_t vectors;  // of a panel; divides them
  };
  /// A task is one panel under one block of row tiles. x has `rowBytes` bytes a row.
  void emitManyRows(const TileLimits &most, int64_t rowBytes, Multiply multiply);
  /// A task is one panel. `side` panels are multiplied at a time where a call has that many.
  void emitOneRow(int64_t side, Multiply multiply);

  StepKernel &k;
  KernelBuilder &b;
  mlir::Value bias; // memref, or null
  mlir::RankedTensorType type;
  int64_t rows, width; // of the result
  int64_t panelCount, panelRows;
  int64_t vectors; // of a panel's rows
  int64_t depth;   // K
  std::optional<plan::DownsampleAttr> gather;
  int64_t parts; // of k: 1, or 4 with `gather`

private:
  Tiling chooseTiling(const TileLimits &most, int64_t rowBytes) const;
  /// Rows of a lower tile for where a call has few rows left, a multiple of `step`; at most as many
  /// as the result's last tile has. 0: tiles are low enough.
  int64_t lowTile(const Tiling &tiling, int64_t step) const;
  /// Of vector `v` of a span of one panel.
  Columns columnsOf(const Span &span, int64_t v);
  /// The sums of a span of one panel.
  void storeTile(mlir::ValueRange sums, mlir::Value row, int64_t height, const Span &span);
};

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_LINEAR_TILES_H
