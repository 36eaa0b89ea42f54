// Masks at calls of all lengths: a graph may choose by a length what its rows see.
#include "passes/conversions/onnx_to_blue/Heads.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// Elements that all probes of one mask may make.
static constexpr int64_t kMaxWork = int64_t{1} << 31;

/// Calls whose rows together are all rows of the first 4096 positions, and some of each sixteenth
/// of what is behind them. A mask that changes at some length stays changed, or it is no mask of a
/// model: it shows. The same rows are read with others after them, and alone.
static SmallVector<Lengths> maskLengths(int64_t context) {
  constexpr int64_t kEvery = 4096, kRows = 64, kElements = int64_t{1} << 18, kOneCall = 512;
  SmallVector<Lengths> lengths;
  for (int64_t first = 0; first < context;) {
    int64_t rows = std::clamp<int64_t>(kElements / (first + 1), 1, kRows);
    rows = std::min(rows, context - first);
    lengths.push_back({1, rows, first});
    first += first < kEvery ? rows : std::max(rows, first / 16);
  }
  for (int64_t rows = std::min(context, kOneCall); rows > 0; rows /= 2)
    lengths.push_back({1, rows, 0});
  for (int64_t power = 1; power < context; power *= 2)
    for (int64_t past : {power - 1, power, power + power / 2})
      if (past < context)
        lengths.push_back({1, 1, past});
  return lengths;
}

const std::string &
bluec::onnx_to_blue::findOddRow(Raising &raising, ArrayRef<MaskUse> masks, const Twine &rule,
                                llvm::function_ref<bool(int64_t, int64_t, bool)> fits) {
  std::string key = rule.str();
  llvm::raw_string_ostream keyStream(key);
  for (const MaskUse &use : masks)
    keyStream << ' ' << use.mask.getAsOpaquePointer() << use.additive << use.inverted;
  auto [slot, isNew] = raising.oddMaskRows.try_emplace(key);
  std::string &odd = slot->second;
  if (!isNew)
    return odd;

  std::string place;
  if (Operation *node = masks.front().mask.getDefiningOp())
    if (auto name = dyn_cast<NameLoc>(node->getLoc()))
      place = "'" + name.getName().str() + "' ";
  int64_t work = 0;
  SmallVector<Lengths> everywhere = maskLengths(raising.context);
  bool isOnAxes = llvm::any_of(
      masks, [&](const MaskUse &use) { return raising.dependences().onAxes(use.mask); });
  if (isOnAxes)
    for (const Lengths &lengths : maskLengths(raising.context))
      for (int64_t axis = 0; axis < kPositionAxes; ++axis)
        everywhere.push_back({1, lengths.rows, lengths.past, MovedAxis{axis, raising.context}});
  for (const Lengths &lengths : everywhere) {
    int64_t rows = lengths.rows, past = lengths.past, positions = past + rows;
    std::string where = " (" + callText(lengths) + ")";
    std::unique_ptr<Probe> probe = raising.probeAt(lengths);
    std::string reason = "for other lengths than these";
    std::optional<std::vector<char>> seen;
    if (probe && work < kMaxWork) {
      seen = readMasks(raising, masks, *probe, rows, positions, reason);
      work += probe->made();
    } else if (probe) {
      reason = "that takes too much work to evaluate";
    }
    if (!seen)
      return odd = place + reason + where;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t position = 0; position < positions; ++position)
        if (bool isSeen = (*seen)[row * positions + position]; !fits(past + row, position, isSeen))
          return odd = place + "where row " + std::to_string(row) +
                       (isSeen ? " sees" : " does not see") + " position " +
                       std::to_string(position) + where;
  }
  return odd;
}
