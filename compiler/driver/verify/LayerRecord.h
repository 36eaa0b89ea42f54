// What a bundle's steps made, kept until the reference comes to the same layers.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_LAYERRECORD_H
#define BLUEC_COMPILER_DRIVER_VERIFY_LAYERRECORD_H

#include "compiler/dialect/blue/Blue.h"
#include "compiler/reference/Tensor.h"
#include "runtime/abi/bluec_abi.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <string>
#include <vector>

namespace bluec {

/// What a step calls the first result of `op`: the layer's name, or, for blue.quantize, that of
/// what it quantizes with plan::kQuantizedSuffix. Empty for what is no layer.
std::string recordedName(mlir::Operation *op, const blue::LayerNames &names);

/// The values of one conversation, or of one encoder's tiles. Rows are tokens or tiles: the first
/// dim of every value. A row may come from any entry; a later step's value takes the place of an
/// earlier one's.
class LayerRecord {
public:
  struct Layer {
    std::string name;
    /// [rows, ...] of f32. Quantized rows are held as the numbers that they stand for, as the
    /// evaluators hold them. What no step gave is 0.
    reference::Tensor values;
    std::vector<int> entries; ///< by row: index into entries(); -1: no step gave it
  };
  /// A step that gave rows of a layer.
  struct Source {
    int entry;
    size_t layer;     ///< into layers()
    std::string step; ///< the layer that it came from: its root's name
  };

  /// Values called otherwise than `names` are passed over.
  LayerRecord(int64_t rows, const llvm::StringSet<> &names) : rows(rows), names(names) {}

  /// The names of a function's values, but for those that two values have.
  static void addNames(mlir::func::FuncOp function, llvm::StringSet<> &names);

  /// Keeps the output of a step of `entry` in a call of `count` rows, the first of which is row
  /// `firstRow`. `type` is what the plan says of the output; null: it is not known, and quantized
  /// rows are passed over. Returns false, with a line in `error`, when shapes do not fit.
  bool add(const bluec_entry &entry, const bluec_step &step, mlir::RankedTensorType type,
           const void *output, int64_t count, int64_t firstRow, std::string &error);

  /// Null when no step gave it.
  const Layer *find(llvm::StringRef name) const;
  const std::vector<Layer> &layers() const { return kept; }
  const std::vector<std::string> &entries() const { return entryNames; }
  /// In the order in which they ran first.
  const std::vector<Source> &sources() const { return all; }
  /// Whether all layers are the same ones with the same bits, whichever entries they are from.
  bool sameValues(const LayerRecord &other) const;

private:
  int entryOf(const bluec_entry &entry);

  int64_t rows;
  const llvm::StringSet<> &names;
  std::vector<Layer> kept;
  std::vector<std::string> entryNames;
  std::vector<Source> all;
  llvm::StringMap<size_t> byName;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_LAYERRECORD_H
