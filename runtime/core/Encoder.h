// The image encoder of a bundle: from tiles to features, in the calls that the bundle says.
#ifndef BLUEC_RUNTIME_CORE_ENCODER_H
#define BLUEC_RUNTIME_CORE_ENCODER_H

#include "core/Arenas.h"
#include "core/Bundle.h"
#include "core/EntryCall.h"
#include "vision/Tiles.h"

#include <memory>
#include <vector>

namespace bluec::runtime {

// A picture's features, f32 [tiles * tokens_per_tile, hidden]. They own their memory.
struct Features {
  std::int64_t tiles = 0;
  Grid grid;
  std::vector<float> rows;
};

// When an entry point of the last encode() ran: seconds from its beginning.
struct CallTime {
  const bluec_entry *entry = nullptr;
  std::int64_t count = 0; // tiles
  double start = 0, end = 0;
};

// Has memory of its own, so that it may run while a session's other entry points do. One thread at
// a time; the bundle must outlive it.
//
// Where the encoder is two stages, each has an arena on its own device, and two buffers take turns
// to hold what crosses. The stages run in order; overlapped, a thread of encode()'s own runs the
// first stage of the next tiles while the caller runs the second of these. Where both devices are
// of one kind, that thread shares its steps with none, so that it never takes the bundle's threads
// from the second stage: it stands for a device of its own. The features are the same, bit for bit.
class Encoder {
public:
  // Unsupported when the bundle has no image encoder; OutOfMemory.
  static Result<std::unique_ptr<Encoder>> create(const Bundle &bundle);

  // Off at first; without effect on encoders that are not in stages, and on pictures of one call.
  void overlapStages(bool on) { overlaps = on; }

  // `cancelled` as for callEntry, looked at between the steps of both stages. `observer` may be
  // empty; it is never called by two threads at once, but overlapped stages take turns. A call that
  // fails leaves no features; no thread is left behind.
  Result<Features> encode(const TileSet &tiles, std::atomic<bool> &cancelled,
                          const OnEntryStep &observer = {});

  // Of the last encode() that succeeded: call by call, the stages of a call one behind the other.
  const std::vector<CallTime> &callTimes() const { return times; }

  // Lets the pages of the vision side's weights and of the arenas leave memory. They come back when
  // the next picture is encoded.
  Status release();

private:
  // What one encode() works on.
  struct Run;

  explicit Encoder(const Bundle &bundle) : bundle(bundle) {}
  Status runWhole(Run &run, std::size_t call);
  Status runPatches(Run &run, std::size_t call, ThreadPool *threads);
  Status runBlocks(Run &run, std::size_t call);
  Status runEntry(Run &run, const bluec_entry &entry, std::int64_t count, const Arenas &arenas,
                  const void *input, void *output, ThreadPool *threads, CallTime &time);
  Status runInOrder(Run &run);
  Status runOverlapped(Run &run);

  const Bundle &bundle;
  bool overlaps = false;
  Arenas arenas;      // of whole encoders, or of second stages
  Arenas firstArenas; // of first stages
  // Of the device of the second stage, which waits for them. All devices see them
  // (Device::allocate). Null for whole encoders.
  std::unique_ptr<DeviceMemory> crossing[2];
  ThreadPool alone{1}; // the thread that calls
  std::vector<CallTime> times;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_ENCODER_H
