// The image encoder of a bundle: from tiles to features, in calls of the entry points' capacities.
#ifndef BLUEC_RUNTIME_CORE_ENCODER_H
#define BLUEC_RUNTIME_CORE_ENCODER_H

#include "core/Bundle.h"
#include "core/EntryCall.h"
#include "platform/MappedFile.h"
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

// Has an arena of its own, so that it may run while a session's other entry points do. One thread
// at a time; the bundle must outlive it.
class Encoder {
public:
  // Unsupported when the bundle has no image encoder; OutOfMemory.
  static Result<std::unique_ptr<Encoder>> create(const Bundle &bundle);

  // `cancelled` as for callEntry. `observer` may be empty. A call that fails leaves no features.
  Result<Features> encode(const TileSet &tiles, std::atomic<bool> &cancelled,
                          const OnEntryStep &observer = {});

  // Lets the pages of the vision side's weights and of the arena leave memory. They come back when
  // the next picture is encoded.
  Status release();

private:
  explicit Encoder(const Bundle &bundle) : bundle(bundle) {}

  const Bundle &bundle;
  PageBuffer arena;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_ENCODER_H
