// Where a call may begin, when layers with a window keep their part of the KV cache in rings: what
// a call writes there overwrites older positions, which windows of rows further back would need.
#ifndef BLUEC_RUNTIME_CORE_CACHEHISTORY_H
#define BLUEC_RUNTIME_CORE_CACHEHISTORY_H

#include "bluec_abi.h"

#include <algorithm>
#include <cstdint>

namespace bluec::runtime {

class CacheHistory {
public:
  // bluec_model::ring_positions and ring_back.
  CacheHistory(std::int64_t ringPositions, std::int64_t ringBack)
      : ringPositions(ringPositions), ringBack(ringBack) {}
  explicit CacheHistory(const bluec_model &model)
      : CacheHistory(model.ring_positions, model.ring_back) {}

  // A call begins that writes [position, end), whether it ends well or not.
  void write(std::int64_t position, std::int64_t end) {
    if (position == 0)
      first = 0;
    if (ringPositions > 0 && end > ringPositions)
      first = std::max(first, end - ringBack);
  }

  // Whether the windows of a row at `position` are as they were written.
  bool canBegin(std::int64_t position) const { return position == 0 || position >= first; }
  // The last place up to `position` where a call can begin.
  std::int64_t begin(std::int64_t position) const { return canBegin(position) ? position : 0; }

private:
  std::int64_t ringPositions, ringBack;
  std::int64_t first = 0; // place to begin but for 0
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_CACHEHISTORY_H
