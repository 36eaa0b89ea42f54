// The language side of a bundle: its entry points on a KV cache.
#ifndef BLUEC_RUNTIME_CORE_LANGUAGEMODEL_H
#define BLUEC_RUNTIME_CORE_LANGUAGEMODEL_H

#include "base/Status.h"
#include "core/Arenas.h"
#include "core/Bundle.h"
#include "core/CacheHistory.h"
#include "core/Conversation.h"
#include "core/EntryCall.h"
#include "core/RowPositions.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bluec::runtime {

// Ok when a bundle can be talked to; Unsupported with what it lacks.
Status requireText(const Bundle &bundle);

// One thread at a time; the bundle must outlive it. What stands in the cache from a call's position
// on is never read by it, so a call that fails leaves the positions before as they were, but for
// those that fall out of rings. `cancelled` as for callEntry.
class LanguageModel {
public:
  // OutOfMemory.
  static Result<std::unique_ptr<LanguageModel>> create(const Bundle &bundle);

  // Rows that one prefill() takes at most.
  std::int64_t chunk() const;

  // The last position up to `position`, all of which are in the cache, where prefill() can begin.
  // It is another one, 0, only where layers keep a window's positions and others have been written
  // since.
  std::int64_t begin(std::int64_t position) const { return history.begin(position); }
  // Puts 1 to chunk() rows into the cache at `position`. `logits`, f32 [vocabulary], those of the
  // last row; null: not wanted.
  Status prefill(std::span<const Row> rows, std::int64_t position, float *logits,
                 std::atomic<bool> &cancelled);
  // The same for one token, by the entry point that is made for that.
  Status decode(std::int32_t token, std::int64_t position, float *logits,
                std::atomic<bool> &cancelled);

  // Any entry point of the bundle, on these arenas and this cache: where it begins is the caller's
  // business.
  Status run(const bluec_entry &entry, std::int64_t count, std::int64_t position,
             std::span<const void *const> inputs, std::span<void *const> outputs,
             std::atomic<bool> &cancelled, const OnStep &onStep = {});

  // Called after each step of calls that have no OnStep of their own; not while one runs.
  void observe(OnEntryStep onStep) { observer = std::move(onStep); }

  // Lets the pages of the weights and of the arenas leave memory; they come back when they are
  // needed. The KV cache stays.
  Status release();
  void releaseArenas() { arenas.release(); }

private:
  explicit LanguageModel(const Bundle &bundle) : bundle(bundle), history(bundle.model()) {}

  // `rows` are ids or embeddings, as the entry takes them; `logits` as for prefill(). They have
  // been placed.
  Status decodeRows(const bluec_entry &entry, const void *rows, std::int64_t count,
                    std::int64_t position, float *logits, std::atomic<bool> &cancelled);
  // Says where rows from `position` on stand, where positions have axes.
  Status place(std::span<const Row> rows, std::int64_t position);
  // Embeddings of `rows` into `to`, f32 [rows, hidden].
  Status embed(std::span<const Row> rows, float *to, std::atomic<bool> &cancelled);

  const Bundle &bundle;
  Arenas arenas; // of all entry points; one runs at a time
  // Of the device that decodes, which uses it most. All devices see it (Device::allocate).
  std::unique_ptr<DeviceMemory> cache; // null without a language side
  CacheHistory history;
  std::optional<RowPositions> placed; // of the rows in the cache, where positions have axes
  std::vector<float> embeddings;      // of one chunk
  std::vector<float> manyLogits;      // of an entry that gives those of each row
  OnEntryStep observer;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_LANGUAGEMODEL_H
