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

class LinearTiles {
public:
  LinearTiles(StepKernel &k, plan::LinearOp op, int64_t panelCount, int64_t panelRows);

protected:
  /// Sums of `height` rows from `row` on by `side` panels from `panel` on: for each row the panels'
  /// vectors.
  using Multiply =
      llvm::function_ref<Values(mlir::Value row, int64_t height, mlir::Value panel, int64_t side)>;

  /// A task is one panel under one block of row tiles. `most` rows fit a register tile, and x has
  /// `rowBytes` bytes a row.
  void emitManyRows(int64_t most, int64_t rowBytes, Multiply multiply);
  /// A task is one panel. `side` panels are multiplied at a time where a call has that many.
  void emitOneRow(int64_t side, Multiply multiply);

  StepKernel &k;
  KernelBuilder &b;
  mlir::Value bias; // memref, or null
  mlir::RankedTensorType type;
  int64_t rows, width; // of the result
  int64_t panelCount, panelRows;
  int64_t vectors; // of a panel's rows

private:
  Tiling chooseTiling(int64_t most, int64_t rowBytes) const;
  Columns columnsOf(mlir::Value panel, int64_t vector);
  void storeTile(mlir::ValueRange sums, mlir::Value row, int64_t height, mlir::Value panel);
};

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_LINEAR_TILES_H
