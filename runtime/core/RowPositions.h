// Where rows stand for rotary embeddings whose positions have several axes. The KV cache counts
// rows; this counts places, which are fewer where there are pictures. Computes nothing else and
// knows no threads.
#ifndef BLUEC_RUNTIME_CORE_ROWPOSITIONS_H
#define BLUEC_RUNTIME_CORE_ROWPOSITIONS_H

#include "core/Conversation.h"
#include "core/Manifest.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bluec::runtime {

// The positions of the rows in a cache, which follow from those rows alone:
// - a token stands at one position on all axes, the one behind all before it;
// - a picture begins at such a position p; row (r, c) of its grid stands at (p, p + r, p + c);
// - what follows it stands behind its longer side: at p + max(rows, columns).
class RowPositions {
public:
  explicit RowPositions(const PositionRule &rule) : rule(rule) {}

  std::int64_t axes() const { return rule.axes; }
  std::int64_t rows() const { return std::ssize(isPicture); }
  // Leaves the first `count` rows.
  void cut(std::int64_t count);
  // A row of a picture follows the row before it of the same picture, and has a place in the grid:
  // else false, and nothing is added.
  bool append(const Row &row);
  // i32 [rows() - first, axes]; of `first` and all behind it.
  const std::int32_t *from(std::int64_t first) const {
    return positions.data() + std::size_t(first * rule.axes);
  }

private:
  std::int64_t next() const;

  PositionRule rule;
  std::vector<std::int32_t> positions; // [rows, axes]
  std::vector<bool> isPicture;         // of each row
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_ROWPOSITIONS_H
