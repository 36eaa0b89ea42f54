#include "core/LanguageModel.h"

#include <cstring>

namespace bluec::runtime {

Status requireText(const Bundle &bundle) {
  if (!bundle.hasText())
    return {Code::Unsupported, "prompt: this model has no language side"};
  if (bundle.tokenizer().size() == 0 || !bundle.manifest().hasChat)
    return {Code::Unsupported, "prompt: this bundle has no tokenizer or no chat template"};
  return {};
}

Result<std::unique_ptr<LanguageModel>> LanguageModel::create(const Bundle &bundle) {
  std::unique_ptr<LanguageModel> result(new LanguageModel(bundle));
  std::vector<const bluec_entry *> entries;
  for (const bluec_entry &entry : bundle.entries())
    entries.push_back(&entry);
  Result<Arenas> arenas = Arenas::allocate(bundle, entries, "arena");
  if (!arenas.ok())
    return arenas.status();
  result->arenas = std::move(*arenas);
  if (!bundle.hasText())
    return result;
  Result<std::unique_ptr<DeviceMemory>> cache =
      bundle.deviceOf(bundle.decode())
          .device->allocate(std::size_t(bundle.model().kv_bytes), "kv cache",
                            PageBuffer::Pages::Small);
  if (!cache.ok())
    return cache.status();
  result->cache = std::move(*cache);
  if (const bluec_tensor *places = findInput(bundle.decode(), BLUEC_POSITIONS);
      places && places->rank == 2) {
    PositionRule rule = bundle.manifest().positions;
    rule.axes = places->dims[1];
    result->placed.emplace(rule);
  }
  return result;
}

std::int64_t LanguageModel::chunk() const { return bundle.prefill().capacity; }

Status LanguageModel::run(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                          std::span<const void *const> inputs, std::span<void *const> outputs,
                          std::atomic<bool> &cancelled, const OnStep &onStep) {
  if (entry.role == BLUEC_ROLE_DECODE)
    history.write(position, position + count);
  OnStep forwarded;
  if (!onStep && observer)
    forwarded = [&](std::int64_t, const bluec_step &step, const void *output) {
      return observer(entry, count, step, output);
    };
  return callEntry(bundle, entry, {arenas.of(entry), cache ? cache->get() : nullptr}, count,
                   position, inputs, outputs, cancelled, onStep ? onStep : forwarded);
}

Status LanguageModel::prefill(std::span<const Row> rows, std::int64_t position, float *logits,
                              std::atomic<bool> &cancelled) {
  BLUEC_RETURN_IF_ERROR(place(rows, position));
  embeddings.resize(rows.size() * std::size_t(bundle.model().hidden));
  BLUEC_RETURN_IF_ERROR(embed(rows, embeddings.data(), cancelled));
  return decodeRows(bundle.prefill(), embeddings.data(), std::ssize(rows), position, logits,
                    cancelled);
}

Status LanguageModel::decode(std::int32_t token, std::int64_t position, float *logits,
                             std::atomic<bool> &cancelled) {
  const Row row{token, nullptr};
  BLUEC_RETURN_IF_ERROR(place({&row, 1}, position));
  return decodeRows(bundle.decode(), &token, 1, position, logits, cancelled);
}

Status LanguageModel::place(std::span<const Row> rows, std::int64_t position) {
  if (!placed)
    return {};
  placed->cut(position);
  if (placed->rows() < position)
    return {Code::Internal, "positions: expected " + std::to_string(position) +
                                " rows before these, found " + std::to_string(placed->rows())};
  for (const Row &row : rows)
    if (!placed->append(row))
      return {Code::Unsupported, "picture: this model places rows on " +
                                     std::to_string(placed->axes()) +
                                     " axes, and its bundle does not say where a picture's stand"};
  return {};
}

Status LanguageModel::decodeRows(const bluec_entry &entry, const void *rows, std::int64_t count,
                                 std::int64_t position, float *logits,
                                 std::atomic<bool> &cancelled) {
  if (!history.canBegin(position))
    return {Code::Internal, "kv cache: expected a call that begins where its windows still are, "
                            "found one at " +
                                std::to_string(position)};
  // An entry that gives logits of each row gives them where there is room for all.
  const std::int64_t given = usedRows(*findOutput(entry, BLUEC_LOGITS), count);
  const auto width = std::size_t(bundle.model().vocabulary);
  void *output = logits;
  if (logits && given > 1) {
    manyLogits.resize(std::size_t(given) * width);
    output = manyLogits.data();
  }
  const std::int32_t *places = placed ? placed->from(position) : nullptr;
  BLUEC_RETURN_IF_ERROR(run(entry, count, position,
                            EntryInputs(entry, count, position, rows, places), {&output, 1},
                            cancelled));
  if (logits && given > 1)
    std::memcpy(logits, manyLogits.data() + std::size_t(given - 1) * width, width * sizeof(float));
  return {};
}

Status LanguageModel::embed(std::span<const Row> rows, float *to, std::atomic<bool> &cancelled) {
  const auto hidden = std::size_t(bundle.model().hidden);
  const bluec_entry &entry = bundle.embed();
  std::vector<std::int32_t> ids;
  for (std::size_t at = 0; at < rows.size();) {
    if (!rows[at].isToken()) {
      std::memcpy(to + at * hidden, rows[at].feature, hidden * sizeof(float));
      ++at;
      continue;
    }
    ids.clear();
    for (std::size_t i = at;
         i < rows.size() && rows[i].isToken() && std::ssize(ids) < entry.capacity; ++i)
      ids.push_back(std::int32_t(rows[i].id));
    const void *input = ids.data();
    void *output = to + at * hidden;
    BLUEC_RETURN_IF_ERROR(run(entry, std::ssize(ids), 0, {&input, 1}, {&output, 1}, cancelled));
    at += ids.size();
  }
  return {};
}

Status LanguageModel::release() {
  arenas.release();
  if (!bundle.hasText())
    return {};
  return bundle.releaseSegment(bundle.model().segments[bundle.decode().segment].name);
}

} // namespace bluec::runtime
