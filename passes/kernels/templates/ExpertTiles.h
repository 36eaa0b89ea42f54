// What the layers of experts share, whatever their weights are of: which rows meet which expert's
// panels, and how products become results.
//
// A task is one panel's place in all experts, for all rows. Places of rows are put in the order of
// their experts first, so that a panel is read once for all of its rows, several at a time. No bit
// depends on that: a product is one chain over k, and a row's sum takes its experts in their order.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_EXPERT_TILES_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_EXPERT_TILES_H

#include "passes/kernels/templates/LinearTiles.h"

namespace bluec::kernels {

class ExpertTiles {
public:
  ExpertTiles(StepKernel &k, plan::ExpertLinearOp op, int64_t panelRows);

  /// Rows of a call, at most.
  int64_t mostRows() const { return rows; }

  /// Products of rows with a panel: for each row the panel's vectors.
  using Multiply = llvm::function_ref<Values(const TileRows &tile, mlir::Value panel)>;
  /// Writes the kernel's body, with tiles of up to `height` rows.
  void emit(int64_t height, Multiply multiply);

private:
  /// Puts the places of the rows [first, end) in order. A place has the number row * places +
  /// place.
  void sortPlaces(mlir::Value first, mlir::Value end);
  /// The products of the task's panel in one expert.
  void multiplyExpert(mlir::Value expert, mlir::Value task, int64_t height, Multiply multiply);
  /// Those of the places [at, end) that fit a tile.
  void multiplyTile(mlir::Value expert, mlir::Value panel, mlir::Value column, mlir::Value at,
                    mlir::Value end, int64_t height, Multiply multiply);
  /// Clears what no product is written to.
  void clear(mlir::Value first, mlir::Value end, mlir::Value column);
  /// Runs what follows in the step.
  void finish(mlir::Value first, mlir::Value end, mlir::Value column);

  /// Calls body(vector, column of its first lane) for the vectors of a panel.
  void forVectors(mlir::Value column, llvm::function_ref<void(int64_t, mlir::Value)> body);

  // Numbers in `scratch`: an i32 each.
  mlir::Value loadNumber(mlir::Value at);
  void storeNumber(mlir::Value number, mlir::Value at);
  mlir::Value startAt(mlir::Value expert) { return b.add(expert, blockRows); }
  mlir::Value orderAt(mlir::Value i) { return b.add(i, blockRows + experts + 1); }

  StepKernel &k;
  KernelBuilder &b;
  const bool isSum;
  const mlir::RankedTensorType routingType;
  const mlir::Value routing, bias; // bias may be null
  const int64_t rows, experts, places;
  const int64_t panelRows, vectors, ofExpert; // panels of one expert
  const int64_t blockRows;                    // that are put in order at a time
  /// Of each row of the block, how many of its experts are in order; where each expert's places
  /// begin, and where the last one's end; the places.
  mlir::Value scratch;
};

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_EXPERT_TILES_H
