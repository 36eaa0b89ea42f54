// How query, key and value heads lie in an attention's operands.
#ifndef BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_HEADS_H
#define BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_HEADS_H

#include "passes/conversions/onnx_to_blue/Raising.h"

namespace bluec::onnx_to_blue {

/// An operand [..., rows, D] whose every leading index is one head of one layer's rows; with a
/// past, the rows of the past first.
struct Heads {
  mlir::Value past;   ///< the function argument, or null
  mlir::Value anchor; ///< the layer of the new rows
  int64_t heads = 0, headDim = 0;
  Columns columns;              ///< of the anchor that the heads take, all of them or a part
  double factor = 1;            ///< numbers that the heads are multiplied with
  std::vector<int64_t> leading; ///< the leading dims at the probe
  std::vector<int64_t> batch;   ///< picture of each leading index (0 in a decoder)
  std::vector<int64_t> head;    ///< head of each leading index
  int64_t count() const { return heads; }
  RowsUse use(Raising &raising) const;
};

/// The columns of rows of `width` that pieces of `size` columns at `begins`, in order, are; nothing
/// when that is neither a range nor ranges at equal distances.
std::optional<Columns> columnPieces(llvm::ArrayRef<int64_t> begins, int64_t size, int64_t width);

/// The arrangement of heads [1, heads, T, D] that a layer of rows [T, heads * D] is.
std::function<std::optional<Tensor>(Probe &)> headsFirst(mlir::Value value, int64_t heads,
                                                         int64_t headDim);

/// The heads that `value` holds at a probe, or nothing when it is anything else. `transposed`: the
/// value is [..., D, rows].
std::optional<Heads> readHeads(Raising &raising, mlir::Value value, bool transposed, Probe &probe);

/// What makes up an attention layer.
struct AttentionParts {
  RowsUse query, key, value;
  mlir::Value pastKey, pastValue; ///< null in an encoder
  int64_t heads, kvHeads;
  double scale;
  std::optional<double> softcap = std::nullopt;
  std::optional<int64_t> window = std::nullopt;  ///< positions that a row sees, at most
  std::shared_ptr<const Tensor> sinks = nullptr; ///< [heads], or null
  /// Vectors added to query, key and value first, by nodes that do so themselves; or empty.
  llvm::SmallVector<WeightUse> biases = {};
  /// Turns queries and keys, for nodes that do so themselves; or not set.
  std::function<mlir::Value(Emitter &, mlir::Location, mlir::Value x, int64_t heads)> turn = {};
};

/// Query, key and value heads of an attention over [..., rows, D] operands whose leading dims
/// broadcast. With `grouped`, key and value may have fewer heads in the last leading dim: each
/// serves as many query heads that follow each other.
struct HeadOperands {
  mlir::Value query, key, value;
  bool keyTransposed = false;
  bool grouped = false;
};

/// What an attention over such operands is; nothing, with a reason to `op`, when the heads do not
/// fit together. `scale` is that of the scores beside the operands' own factors.
std::optional<AttentionParts> readAttention(Raising &raising, mlir::Operation *op,
                                            const HeadOperands &operands, double scale);

/// The arrangement of an attention's result [..., rows, D] beside its query.
std::function<std::optional<Tensor>(Probe &)>
resultArrangement(Raising &raising, const HeadOperands &operands, mlir::Value result);

/// Records an attention with result `result`, arranged as `arrangement` says.
bool recordAttention(Raising &raising, llvm::ArrayRef<mlir::Operation *> nodes,
                     const AttentionParts &parts, mlir::Value result,
                     std::function<std::optional<Tensor>(Probe &)> arrangement);

/// Numbers at most this are as good as minus infinity under a softmax: exporters write the lowest
/// number of a type, of float16 even, or -10000.
inline constexpr double kHidden = -9999;

/// Which of the masks of a layer hides what: for each probe, whether row t sees position j. Boolean
/// masks (true where seen) and additive ones (0 where seen, a large negative number where not).
struct MaskUse {
  mlir::Value mask;
  bool additive = true;
  bool inverted = false; ///< a boolean one that is true where hidden
};

/// What all masks together say of an attention of `rows` x `positions`: seen[t * positions + j].
/// Nothing, with a reason, when a mask cannot be evaluated, differs between heads, or holds
/// something between seen and hidden.
std::optional<std::vector<char>> readMasks(Raising &raising, llvm::ArrayRef<MaskUse> masks,
                                           Probe &probe, int64_t rows, int64_t positions,
                                           std::string &reason);

/// Looks at the masks of a decoder's layer at all lengths up to the context, as far as that can be
/// afforded, and says what is wrong with the first row that is odd: empty when there is none.
/// `fits(own, position, isSeen)`: whether the row at position `own` may see `position`, or not.
/// `rule` tells what `fits` says from other rules: the same question is answered once.
const std::string &
findOddRow(Raising &raising, llvm::ArrayRef<MaskUse> masks, const llvm::Twine &rule,
           llvm::function_ref<bool(int64_t own, int64_t position, bool isSeen)> fits);

/// Whether the masks hide what is to come, and what is out of a window if there is one, and nothing
/// else (in an encoder: nothing), at all lengths. Sets the window of `parts`; one that is there is
/// the node's own, of which masks need to say nothing, and so is what is to come with `isCausal`.
/// The reason goes to `op`.
bool masksFit(Raising &raising, mlir::Operation *op, llvm::ArrayRef<MaskUse> masks,
              AttentionParts &parts, bool isCausal);

} // namespace bluec::onnx_to_blue

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_HEADS_H
