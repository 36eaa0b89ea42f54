#include "core/Encoder.h"

#include "base/Caught.h"
#include "base/Mutex.h"

#include <algorithm>
#include <system_error>
#include <thread>

namespace bluec::runtime {

struct Encoder::Run {
  const TileSet &tiles;
  std::atomic<bool> &cancelled;
  const OnEntryStep &observer;
  std::vector<EncodeCall> calls = {};
  std::vector<std::int64_t> firstTiles = {}; // of each call
  Features features = {};
  Clock::time_point begin = Clock::now();

  // What overlapped stages share.
  Mutex guard = {};
  Condition changed = {};
  std::size_t patched BLUEC_GUARDED_BY(guard) = 0;  // calls whose first stage is done
  std::size_t finished BLUEC_GUARDED_BY(guard) = 0; // calls whose second stage is done
  std::atomic<bool> stopping{false};                // the other stage has failed
  Status fault BLUEC_GUARDED_BY(guard) = {};        // of the stage that failed first
  std::vector<CallTime> times = {}; // of each call and stage, by the one that runs it

  // Of either stage.
  void fail(Status status) {
    const MutexLock lock(guard);
    if (fault.ok())
      fault = std::move(status);
    stopping.store(true);
    changed.notifyAll();
  }
};

Result<std::unique_ptr<Encoder>> Encoder::create(const Bundle &bundle) {
  if (bundle.tileEncoders().empty())
    return Status(Code::Unsupported, "picture: this model takes no pictures");
  std::vector<const bluec_entry *> lasts, firsts;
  std::int64_t crossingBytes = 0;
  for (const TileEncoder &encoder : bundle.tileEncoders()) {
    lasts.push_back(encoder.whole ? encoder.whole : encoder.second);
    if (encoder.whole)
      continue;
    firsts.push_back(encoder.first);
    crossingBytes = std::max(crossingBytes, encoder.first->outputs[0].bytes);
  }
  constexpr const char *kPurpose = "image encoder's arena";
  std::unique_ptr<Encoder> encoder(new Encoder(bundle));
  for (const auto &[arenas, entries] :
       {std::pair(&encoder->arenas, &lasts), std::pair(&encoder->firstArenas, &firsts)}) {
    Result<Arenas> made = Arenas::allocate(bundle, *entries, kPurpose);
    if (!made.ok())
      return made.status();
    *arenas = std::move(*made);
  }
  if (firsts.empty())
    return encoder;
  for (std::unique_ptr<DeviceMemory> &buffer : encoder->crossing) {
    Result<std::unique_ptr<DeviceMemory>> made =
        bundle.deviceOf(*lasts.front())
            .device->allocate(std::size_t(crossingBytes), kPurpose, PageBuffer::Pages::Large);
    if (!made.ok())
      return made.status();
    buffer = std::move(*made);
  }
  return encoder;
}

Result<Features> Encoder::encode(const TileSet &tiles, std::atomic<bool> &cancelled,
                                 const OnEntryStep &observer) {
  const bluec_model &model = bundle.model();
  Run run{tiles, cancelled, observer};
  run.calls = bundle.encodeCalls(tiles.count);
  for (std::int64_t done = 0; const EncodeCall &call : run.calls) {
    run.firstTiles.push_back(done);
    done += call.count;
  }
  run.features.tiles = tiles.count;
  run.features.grid = tiles.grid;
  run.features.rows.resize(std::size_t(model.tokens_per_tile * model.hidden * tiles.count));
  const bool staged = !bundle.tileEncoders().front().whole;
  run.times.resize(run.calls.size() * (staged ? 2 : 1));
  BLUEC_RETURN_IF_ERROR(staged && overlaps && run.calls.size() > 1 ? runOverlapped(run)
                                                                   : runInOrder(run));
  times = std::move(run.times);
  return std::move(run.features);
}

Status Encoder::runEntry(Run &run, const bluec_entry &entry, std::int64_t count,
                         const Arenas &memory, const void *input, void *output, ThreadPool *threads,
                         CallTime &time) {
  const auto now = [&] { return secondsSince(run.begin); };
  const double start = now();
  const OnStep onStep = [&](std::int64_t, const bluec_step &step, const void *value) {
    if (run.stopping.load(std::memory_order_relaxed))
      return false;
    if (!run.observer)
      return true;
    const MutexLock lock(run.guard);
    return run.observer(entry, count, step, value);
  };
  BLUEC_RETURN_IF_ERROR(callEntry(bundle, entry, {memory.of(entry), nullptr, threads}, count, 0,
                                  {&input, 1}, {&output, 1}, run.cancelled, onStep));
  time = {&entry, count, start, now()};
  return {};
}

static const float *pixelsOf(const TileSet &tiles, std::int64_t first, const bluec_model &model) {
  return tiles.pixels.data() + 3 * model.tile_height * model.tile_width * first;
}

static float *featuresOf(Features &features, std::int64_t first, const bluec_model &model) {
  return features.rows.data() + model.tokens_per_tile * model.hidden * first;
}

Status Encoder::runWhole(Run &run, std::size_t call) {
  const auto &[encoder, count] = run.calls[call];
  const std::int64_t first = run.firstTiles[call];
  return runEntry(run, *encoder->whole, count, arenas, pixelsOf(run.tiles, first, bundle.model()),
                  featuresOf(run.features, first, bundle.model()), nullptr, run.times[call]);
}

Status Encoder::runPatches(Run &run, std::size_t call, ThreadPool *threads) {
  const auto &[encoder, count] = run.calls[call];
  return runEntry(run, *encoder->first, count, firstArenas,
                  pixelsOf(run.tiles, run.firstTiles[call], bundle.model()),
                  crossing[call % 2]->get(), threads, run.times[2 * call]);
}

Status Encoder::runBlocks(Run &run, std::size_t call) {
  const auto &[encoder, count] = run.calls[call];
  return runEntry(run, *encoder->second, count, arenas, crossing[call % 2]->get(),
                  featuresOf(run.features, run.firstTiles[call], bundle.model()), nullptr,
                  run.times[2 * call + 1]);
}

Status Encoder::runInOrder(Run &run) {
  for (std::size_t call = 0; call < run.calls.size(); ++call) {
    if (run.calls[call].encoder->whole) {
      BLUEC_RETURN_IF_ERROR(runWhole(run, call));
      continue;
    }
    BLUEC_RETURN_IF_ERROR(runPatches(run, call, nullptr));
    BLUEC_RETURN_IF_ERROR(runBlocks(run, call));
  }
  return {};
}

// The first stage waits for a buffer that the second has read, the second for one that the first
// has written. Whichever fails stops the other at its next step.
Status Encoder::runOverlapped(Run &run) {
  // The first call has nothing to overlap with: all threads work on its patches.
  BLUEC_RETURN_IF_ERROR(runPatches(run, 0, nullptr));
  {
    const MutexLock lock(run.guard);
    run.patched = 1;
  }
  const TileEncoder &encoder = bundle.tileEncoders().front();
  const bool oneKind = bundle.deviceOf(*encoder.first).device->kind() ==
                       bundle.deviceOf(*encoder.second).device->kind();
  ThreadPool *threads = oneKind ? &alone : nullptr;
  const auto patchTheRest = [&] {
    for (std::size_t call = 1; call < run.calls.size(); ++call) {
      {
        const MutexLock lock(run.guard);
        run.changed.wait(run.guard, [&]() BLUEC_REQUIRES(run.guard) {
          return run.stopping || call < run.finished + 2;
        });
      }
      if (run.stopping)
        return;
      if (Status status = caught([&] { return runPatches(run, call, threads); }); !status.ok())
        return run.fail(std::move(status));
      const MutexLock lock(run.guard);
      run.patched = call + 1;
      run.changed.notifyAll();
    }
  };
  std::thread first;
  try {
    first = std::thread(patchTheRest);
  } catch (const std::system_error &error) {
    return {Code::OutOfMemory, std::string("picture: no thread for a stage: ") + error.what()};
  }
  for (std::size_t call = 0; call < run.calls.size() && !run.stopping; ++call) {
    {
      const MutexLock lock(run.guard);
      run.changed.wait(run.guard, [&]() BLUEC_REQUIRES(run.guard) {
        return run.stopping || call < run.patched;
      });
    }
    if (run.stopping)
      break;
    if (Status status = caught([&] { return runBlocks(run, call); }); !status.ok()) {
      run.fail(std::move(status));
      break;
    }
    const MutexLock lock(run.guard);
    run.finished = call + 1;
    run.changed.notifyAll();
  }
  first.join();
  const MutexLock lock(run.guard);
  return run.fault;
}

Status Encoder::release() {
  arenas.release();
  firstArenas.release();
  for (const std::unique_ptr<DeviceMemory> &buffer : crossing)
    if (buffer)
      buffer->release();
  const TileEncoder &encoder = bundle.tileEncoders().front();
  const bluec_entry &entry = encoder.whole ? *encoder.whole : *encoder.first;
  BLUEC_RETURN_IF_ERROR(bundle.releaseSegment(bundle.model().segments[entry.segment].name));
  if (encoder.whole)
    return {};
  return bundle.releaseSegment(bundle.model().segments[encoder.second->segment].name);
}

} // namespace bluec::runtime
