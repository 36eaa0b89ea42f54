#include "core/Sequence.h"

#include <algorithm>

namespace bluec::runtime {

std::int64_t Sequence::common(std::span<const Row> rows) const {
  return std::int64_t(commonPrefix(cached, rows));
}

void Sequence::cut(std::int64_t count) {
  cached.resize(std::min(cached.size(), std::size_t(std::max<std::int64_t>(count, 0))));
}

void Sequence::append(std::span<const Row> rows) {
  for (const Row &row : rows)
    cached.push_back(row.id);
}

void Sequence::addTurn(std::string_view text, std::span<const PromptPart> parts,
                       std::vector<EncodedPicture> pictures) {
  current.addTurn(text, parts, std::move(pictures));
  answer = Answer::Due;
}

void Sequence::beginAnswer() { answer = Answer::Unfinished; }

void Sequence::replace(Conversation shorter) {
  current = std::move(shorter);
  if (current.turns() == 0)
    answer = Answer::None;
}

void Sequence::reset() {
  replace(*current.withoutOldest(current.turns())); // which makes no turn anew, so it cannot fail
  cached.clear();
}

} // namespace bluec::runtime
