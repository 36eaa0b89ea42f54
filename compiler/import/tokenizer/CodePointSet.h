// A set of code points.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_CODEPOINTSET_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_CODEPOINTSET_H

#include "compiler/import/tokenizer/UnicodeSets.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace bluec::tokenizer {

inline constexpr std::uint32_t kLastCodePoint = 0x10ffff;

class CodePointSet {
public:
  CodePointSet() = default;
  explicit CodePointSet(std::span<const CodePointRange> ranges)
      : ranges(ranges.begin(), ranges.end()) {
    settle();
  }
  static CodePointSet of(std::uint32_t first, std::uint32_t last) {
    const CodePointRange range{first, last};
    return CodePointSet(std::span(&range, 1));
  }
  // Of a general category ("Lu") or a group of them ("L"); empty if there is none of that name.
  static CodePointSet ofCategory(std::string_view name) {
    CodePointSet set;
    for (const CategoryRange &range : unicodeCategories)
      if (!name.empty() &&
          std::string_view(kCategoryNames[std::size_t(range.category)]).starts_with(name))
        set.ranges.push_back({range.first, range.last});
    set.settle();
    return set;
  }
  static CodePointSet ofCluster(Cluster cluster) {
    CodePointSet set;
    for (const ClusterRange &range : unicodeSets.clusters)
      if (range.cluster == cluster)
        set.ranges.push_back({range.first, range.last});
    set.settle();
    return set;
  }

  bool empty() const { return ranges.empty(); }
  const std::vector<CodePointRange> &all() const { return ranges; }

  bool contains(std::uint32_t codePoint) const {
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), codePoint,
        [](std::uint32_t value, const CodePointRange &range) { return value < range.first; });
    return after != ranges.begin() && (after - 1)->last >= codePoint;
  }

  void add(const CodePointSet &other) {
    ranges.insert(ranges.end(), other.ranges.begin(), other.ranges.end());
    settle();
  }

  CodePointSet complement() const {
    CodePointSet result;
    std::uint32_t next = 0;
    for (const CodePointRange &range : ranges) {
      if (range.first > next)
        result.ranges.push_back({next, range.first - 1});
      next = range.last + 1;
    }
    if (next <= kLastCodePoint)
      result.ranges.push_back({next, kLastCodePoint});
    return result;
  }

  bool operator==(const CodePointSet &other) const {
    return std::equal(ranges.begin(), ranges.end(), other.ranges.begin(), other.ranges.end(),
                      [](const CodePointRange &a, const CodePointRange &b) {
                        return a.first == b.first && a.last == b.last;
                      });
  }

private:
  // Sorts, and joins what overlaps or touches.
  void settle() {
    std::sort(ranges.begin(), ranges.end(),
              [](const CodePointRange &a, const CodePointRange &b) { return a.first < b.first; });
    std::vector<CodePointRange> joined;
    for (const CodePointRange &range : ranges) {
      if (!joined.empty() && range.first <= joined.back().last + 1)
        joined.back().last = std::max(joined.back().last, range.last);
      else
        joined.push_back(range);
    }
    ranges = std::move(joined);
  }

  std::vector<CodePointRange> ranges;
};

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_CODEPOINTSET_H
