#include "passes/schedule/plan_memory/ArenaPacker.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

using namespace bluec;

namespace {

int64_t alignUp(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

bool overlapInTime(const Lifetime &a, const Lifetime &b) {
  return a.first <= b.last && b.first <= a.last;
}

/// Bytes alive at each step at which a buffer begins; between those the pressure only falls.
std::map<int64_t, int64_t> pressures(const std::vector<Lifetime> &lifetimes, int64_t alignment) {
  std::map<int64_t, int64_t> result;
  for (const Lifetime &at : lifetimes) {
    auto [entry, isNew] = result.try_emplace(at.first, 0);
    if (!isNew)
      continue;
    for (const Lifetime &other : lifetimes)
      if (other.first <= at.first && at.first <= other.last)
        entry->second += alignUp(other.bytes, alignment);
  }
  return result;
}

Packing packInOrder(const std::vector<Lifetime> &lifetimes, const std::vector<size_t> &order,
                    int64_t alignment) {
  Packing packing;
  packing.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> placed; // by offset
  for (size_t index : order) {
    const Lifetime &lifetime = lifetimes[index];
    int64_t bytes = alignUp(lifetime.bytes, alignment);
    // The tightest gap between buffers that are alive at the same time, or after all of them.
    int64_t end = 0, best = -1, bestGap = 0;
    for (size_t other : placed) {
      if (!overlapInTime(lifetime, lifetimes[other]))
        continue;
      int64_t gap = packing.offsets[other] - end;
      if (gap >= bytes && (best < 0 || gap < bestGap)) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, packing.offsets[other] + alignUp(lifetimes[other].bytes, alignment));
    }
    packing.offsets[index] = best >= 0 ? best : end;
    packing.bytes = std::max(packing.bytes, packing.offsets[index] + bytes);
    auto behind = std::upper_bound(placed.begin(), placed.end(), index, [&](size_t a, size_t b) {
      return std::tie(packing.offsets[a], a) < std::tie(packing.offsets[b], b);
    });
    placed.insert(behind, index);
  }
  return packing;
}

} // namespace

int64_t bluec::lowerBound(const std::vector<Lifetime> &lifetimes, int64_t alignment) {
  int64_t most = 0;
  for (const auto &[step, bytes] : pressures(lifetimes, alignment))
    most = std::max(most, bytes);
  return most;
}

Packing bluec::packArena(const std::vector<Lifetime> &lifetimes, int64_t alignment) {
  std::vector<size_t> bySize(lifetimes.size());
  std::iota(bySize.begin(), bySize.end(), size_t{0});
  std::sort(bySize.begin(), bySize.end(), [&](size_t a, size_t b) {
    return std::tie(lifetimes[b].bytes, a) < std::tie(lifetimes[a].bytes, b);
  });
  Packing first = packInOrder(lifetimes, bySize, alignment);

  // Buffers of the most crowded step first: what is placed while there is room lies densest.
  std::map<int64_t, int64_t> pressure = pressures(lifetimes, alignment);
  std::vector<int64_t> worst(lifetimes.size(), 0);
  for (size_t i = 0; i < lifetimes.size(); ++i)
    for (auto step = pressure.lower_bound(lifetimes[i].first);
         step != pressure.end() && step->first <= lifetimes[i].last; ++step)
      worst[i] = std::max(worst[i], step->second);
  std::vector<size_t> byPressure = bySize;
  std::sort(byPressure.begin(), byPressure.end(), [&](size_t a, size_t b) {
    return std::tie(worst[b], lifetimes[b].bytes, a) < std::tie(worst[a], lifetimes[a].bytes, b);
  });
  Packing second = packInOrder(lifetimes, byPressure, alignment);
  return second.bytes < first.bytes ? second : first;
}
