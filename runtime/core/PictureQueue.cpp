#include "core/PictureQueue.h"

#include "base/Caught.h"
#include "base/Stopwatch.h"

#include <algorithm>
#include <string>
#include <utility>

namespace bluec::runtime {
namespace {

constexpr std::string_view kWhere = "picture";

} // namespace

PictureShape shapeOf(const TileSet &tiles, Thumbnail thumbnail) {
  using Overview = PictureShape::Overview;
  const Overview overview = !tiles.thumbnail                ? Overview::None
                            : thumbnail == Thumbnail::First ? Overview::First
                                                            : Overview::Last;
  return {tiles.grid.columns, tiles.grid.rows, overview};
}

PictureQueue::PictureQueue(const Bundle &bundle, Encoder &encoder, Monitor &monitor, Hooks hooks)
    : bundle(bundle), encoder(encoder), monitor(monitor), hooks(std::move(hooks)) {}

void PictureQueue::stop() {
  {
    const Monitor::Lock lock(monitor);
    stopping = true;
    dropAll();
    monitor.notifyAll();
  }
  if (thread.joinable())
    thread.join();
}

void PictureQueue::observe(OnEntryStep onStep) { observer = std::move(onStep); }

void PictureQueue::addFile(std::vector<std::uint8_t> file) {
  auto item = std::make_shared<Item>();
  item->file = std::move(file);
  add(std::move(item));
}

void PictureQueue::addPicture(Picture picture) {
  auto item = std::make_shared<Item>();
  item->picture = std::move(picture);
  add(std::move(item));
}

void PictureQueue::add(std::shared_ptr<Item> item) {
  if (!thread.joinable())
    thread = std::thread([this] { work(); });
  item->number = nextNumber++;
  list.push_back(std::move(item));
  monitor.notifyAll();
}

void PictureQueue::drop(std::size_t index) {
  list[index]->stop.store(true, std::memory_order_relaxed);
  list.erase(list.begin() + std::ptrdiff_t(index));
  monitor.notifyAll();
}

void PictureQueue::dropAll() {
  while (!list.empty())
    drop(list.size() - 1);
}

std::shared_ptr<PictureQueue::Item> PictureQueue::nextWaiting() const {
  const auto found =
      std::find_if(list.begin(), list.end(), [](const auto &item) BLUEC_REQUIRES(sessionLock) {
        return item->state == PictureState::Waiting;
      });
  return found == list.end() ? nullptr : *found;
}

bool PictureQueue::busy() const { return current || inMemory || nextWaiting(); }

bool PictureQueue::sized() const {
  return std::all_of(list.begin(), list.end(), [](const auto &item) BLUEC_REQUIRES(sessionLock) {
    return item->tiles != 0 || item->state == PictureState::Failed;
  });
}

Status PictureQueue::firstFault() const {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i]->state != PictureState::Failed)
      continue;
    std::string_view reason = list[i]->status.message();
    if (reason.starts_with("picture: "))
      reason.remove_prefix(kWhere.size() + 2);
    return {list[i]->status.getCode(),
            std::string(kWhere) + " " + std::to_string(i + 1) + ": " + std::string(reason)};
  }
  return {};
}

std::vector<EncodedPicture> PictureQueue::encoded() const {
  std::vector<EncodedPicture> result;
  for (const auto &item : list) {
    if (item->state != PictureState::Encoded)
      break;
    result.push_back({item->number, item->features, item->shape});
  }
  return result;
}

std::vector<EncodedPicture> PictureQueue::take() {
  std::vector<EncodedPicture> result = encoded();
  list.clear();
  monitor.notifyAll();
  return result;
}

void PictureQueue::work() {
  const Monitor::Lock lock(monitor);
  while (true) {
    monitor.wait([&]() BLUEC_REQUIRES(sessionLock) { return stopping || nextWaiting(); });
    if (stopping)
      return;
    current = nextWaiting();
    process(current);
    // The vision side leaves as soon as there is nothing left to encode.
    if (inMemory && !nextWaiting()) {
      {
        const Monitor::Unlocked releasing(monitor);
        (void)encoder.release(); // a segment that was found when the bundle was checked
      }
      inMemory = false;
    }
    current = nullptr;
    hooks.encoded();
    monitor.notifyAll();
  }
}

// Decoding and tiling need nothing of the model, so they begin also while the other side is at
// work.
void PictureQueue::process(const std::shared_ptr<Item> &item) {
  const auto dropped = [&] { return item->stop.load(std::memory_order_relaxed); };
  const auto fail = [&](Status status) BLUEC_REQUIRES(sessionLock) {
    item->status = std::move(status);
    item->state = PictureState::Failed;
  };
  item->state = PictureState::Encoding;
  PictureStatistics spent;
  TileSet tiles;
  Status status;
  {
    const Monitor::Unlocked preparing(monitor);
    status = caught([&] { return prepare(*item, tiles, spent); });
  }
  counts.decodeSeconds += spent.decodeSeconds;
  counts.tileSeconds += spent.tileSeconds;
  if (!status.ok())
    return fail(std::move(status));
  item->tiles = tiles.count;
  item->grid = tiles.grid;
  item->shape = shapeOf(tiles, bundle.manifest().preprocess.thumbnail);
  monitor.notifyAll();
  monitor.wait(
      [&]() BLUEC_REQUIRES(sessionLock) { return dropped() || inMemory || hooks.mayEncode(); });
  if (dropped())
    return;
  const bool first = !inMemory;
  inMemory = true;
  std::shared_ptr<const Features> features;
  {
    const Monitor::Unlocked encoding(monitor);
    if (first)
      hooks.begin();
    status = caught([&]() -> Status {
      const Stopwatch watch(spent.encodeSeconds);
      Result<Features> made = encode(*item, tiles);
      if (!made.ok())
        return made.status();
      features = std::make_shared<const Features>(std::move(*made));
      return {};
    });
  }
  counts.encodeSeconds += spent.encodeSeconds;
  if (!status.ok())
    return fail(std::move(status));
  ++counts.pictures;
  counts.tiles += features->tiles;
  item->tilesDone = item->tiles;
  item->features = std::move(features);
  item->state = PictureState::Encoded;
}

Status PictureQueue::prepare(Item &item, TileSet &tiles, PictureStatistics &spent) const {
  if (!item.file.empty() || item.picture.pixels.empty()) {
    const Stopwatch watch(spent.decodeSeconds);
    Result<Picture> decoded = decodePicture(item.file, {}, &bundle.threads());
    if (!decoded.ok())
      return decoded.status();
    item.picture = std::move(*decoded);
    std::vector<std::uint8_t>().swap(item.file);
  }
  const Stopwatch watch(spent.tileSeconds);
  tiles = makeTiles(item.picture, bundle.manifest().preprocess, &bundle.threads());
  item.picture = {};
  return {};
}

// Counts tiles as the last steps of the encoder's calls go by.
Result<Features> PictureQueue::encode(Item &item, const TileSet &tiles) {
  const auto onStep = [&](const bluec_entry &entry, std::int64_t count, const bluec_step &step,
                          const void *output) {
    // The first stage of an encoder in two stages ends in what crosses, not in features.
    if (&step == &entry.steps[entry.num_steps - 1] && entry.stage + 1 == entry.stages) {
      const Monitor::Lock lock(monitor);
      item.tilesDone += count;
      monitor.notifyAll();
    }
    return !observer || observer(entry, count, step, output);
  };
  return encoder.encode(tiles, item.stop, onStep);
}

} // namespace bluec::runtime
