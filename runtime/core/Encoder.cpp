#include "core/Encoder.h"

#include <algorithm>

namespace bluec::runtime {

Result<std::unique_ptr<Encoder>> Encoder::create(const Bundle &bundle) {
  const auto &entries = bundle.entriesOf(BLUEC_ENTRY_ENCODE);
  if (entries.empty())
    return Status(Code::Unsupported, "picture: this model takes no pictures");
  std::int64_t bytes = 0;
  for (const bluec_entry *entry : entries)
    bytes = std::max(bytes, entry->arena_bytes);
  std::unique_ptr<Encoder> encoder(new Encoder(bundle));
  Result<PageBuffer> arena =
      PageBuffer::allocate(std::size_t(bytes), "image encoder's arena", PageBuffer::Pages::Large);
  if (!arena.ok())
    return arena.status();
  encoder->arena = std::move(*arena);
  return encoder;
}

// Whole calls of the largest capacity, then smaller ones, then one call that is partly filled.
Result<Features> Encoder::encode(const TileSet &tiles, std::atomic<bool> &cancelled,
                                 const OnEntryStep &observer) {
  const bluec_model &model = bundle.model();
  const auto tileSize = std::size_t(3 * model.tile_height * model.tile_width);
  const auto featureSize = std::size_t(model.tokens_per_tile * model.hidden);
  Features features;
  features.tiles = tiles.count;
  features.grid = tiles.grid;
  features.rows.resize(featureSize * std::size_t(tiles.count));
  for (std::int64_t done = 0; done < tiles.count;) {
    const std::int64_t left = tiles.count - done;
    const bluec_entry &entry = bundle.encoderFor(left);
    const std::int64_t count = std::min(left, entry.capacity);
    const void *input = tiles.pixels.data() + tileSize * std::size_t(done);
    void *output = features.rows.data() + featureSize * std::size_t(done);
    OnStep onStep;
    if (observer)
      onStep = [&](std::int64_t, const bluec_step &step, const void *value) {
        return observer(entry, count, step, value);
      };
    const Status status = callEntry(bundle, entry, {arena.get(), nullptr}, count, 0, {&input, 1},
                                    {&output, 1}, cancelled, onStep);
    if (!status.ok())
      return status;
    done += count;
  }
  return features;
}

Status Encoder::release() {
  arena.release();
  const bluec_entry &entry = *bundle.entriesOf(BLUEC_ENTRY_ENCODE).front();
  return bundle.releaseSegment(bundle.model().segments[entry.segment].name);
}

} // namespace bluec::runtime
