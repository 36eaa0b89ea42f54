// One call of an entry point on memory of the caller's.
#ifndef BLUEC_RUNTIME_CORE_ENTRYCALL_H
#define BLUEC_RUNTIME_CORE_ENTRYCALL_H

#include "abi/bluec_abi.h"
#include "base/Status.h"
#include "base/Stopwatch.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace bluec::runtime {

class Bundle;
class ThreadPool;

// Index, description and output (null when it has none) of a step that has run; false ends the
// call.
using OnStep = std::function<bool(std::int64_t, const bluec_step &, const void *)>;

// The same of any call, with its entry point and rows.
using OnEntryStep =
    std::function<bool(const bluec_entry &, std::int64_t count, const bluec_step &, const void *)>;

// Of the step that this thread's OnStep is being told about: when it began. For who measures.
Clock::time_point stepBegan();

struct EntryMemory {
  std::uint8_t *arena = nullptr; // at least the entry's arena_bytes
  std::uint8_t *cache = nullptr; // null for entry points that use no KV cache
  ThreadPool *threads = nullptr; // null: those of the entry's device
};

// Null when the entry has no such input or output.
const bluec_tensor *findInput(const bluec_entry &entry, std::string_view name);
const bluec_tensor *findOutput(const bluec_entry &entry, std::string_view name);
// Rows of an input or output that a call with `count` rows uses: all when it has fewer.
std::int64_t usedRows(const bluec_tensor &tensor, std::int64_t count);

// What a call takes, in the entry's order: `rows` (ids, embeddings, pixels or what crosses) and,
// where the entry asks for the positions of its rows, `places`, i32 [count, axes]; null: that they
// are consecutive, on every axis, from `position` on. `rows` and `places` must outlive this.
class EntryInputs {
public:
  EntryInputs(const bluec_entry &entry, std::int64_t count, std::int64_t position, const void *rows,
              const std::int32_t *places = nullptr);
  operator std::span<const void *const>() const { return pointers; }

private:
  std::vector<const void *> pointers;
  std::vector<std::int32_t> positions;
};

// Copies the inputs' first `count` rows into the arena, runs the entry, one of the bundle's, on its
// device, and copies the outputs' rows out (an output that is null is not wanted). Two calls may
// run at the same time on different memory.
//
// `cancelled` is looked at between steps; when it ends the call it is set to false again.
// InvalidArgument (rows, position, number of tensors), Cancelled (by `cancelled` or `onStep`),
// NotFound (the weights' file was cut), Internal.
Status callEntry(const Bundle &bundle, const bluec_entry &entry, const EntryMemory &memory,
                 std::int64_t count, std::int64_t position, std::span<const void *const> inputs,
                 std::span<void *const> outputs, std::atomic<bool> &cancelled,
                 const OnStep &onStep = {});

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_ENTRYCALL_H
