#include "core/RowPositions.h"

#include <algorithm>

namespace bluec::runtime {

// The first position that no row before takes. A picture's first axis stays where it begins.
std::int64_t RowPositions::next() const {
  if (isPicture.empty())
    return 0;
  const std::int64_t last = positions[positions.size() - std::size_t(rule.axes)];
  return last + (isPicture.back() ? std::max(rule.gridRows, rule.gridColumns) : 1);
}

void RowPositions::cut(std::int64_t count) {
  const auto kept = std::min(isPicture.size(), std::size_t(std::max<std::int64_t>(count, 0)));
  isPicture.resize(kept);
  positions.resize(kept * std::size_t(rule.axes));
}

bool RowPositions::append(const Row &row) {
  if (row.isToken()) {
    positions.insert(positions.end(), std::size_t(rule.axes), std::int32_t(next()));
    isPicture.push_back(false);
    return true;
  }
  const std::int64_t number = row.numberInPicture();
  if (!rule.placesPictures() || number >= rule.gridRows * rule.gridColumns ||
      (number > 0 && (isPicture.empty() || !isPicture.back())))
    return false;
  const std::int64_t begin =
      number == 0 ? next() : positions[positions.size() - std::size_t(rule.axes)];
  for (std::int64_t offset :
       {std::int64_t(0), number / rule.gridColumns, number % rule.gridColumns})
    positions.push_back(std::int32_t(begin + offset));
  isPicture.push_back(true);
  return true;
}

} // namespace bluec::runtime
