// The pictures of the next turn, which are decoded, tiled and encoded by a thread of their own.
#ifndef BLUEC_RUNTIME_CORE_PICTUREQUEUE_H
#define BLUEC_RUNTIME_CORE_PICTUREQUEUE_H

#include "base/Status.h"
#include "core/Conversation.h"
#include "core/Encoder.h"
#include "core/Monitor.h"
#include "vision/Picture.h"
#include "vision/Tiles.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bluec::runtime {

enum class PictureState { Waiting = 0, Encoding = 1, Encoded = 2, Failed = 3 };

// Seconds of wall clock, and counts.
struct PictureStatistics {
  double decodeSeconds = 0, tileSeconds = 0, encodeSeconds = 0;
  std::int64_t pictures = 0, tiles = 0;
};

// What the chat template is told of a picture that became `tiles`.
PictureShape shapeOf(const TileSet &tiles, Thumbnail thumbnail);

class PictureQueue {
public:
  struct Hooks {
    // With the lock: whether the vision side may come into memory now. Asked again after every
    // change.
    std::function<bool()> mayEncode;
    // Without the lock, on the queue's thread, before the first picture after a pause: the vision
    // side comes into memory.
    std::function<void()> begin;
    // With the lock, on the queue's thread: a picture has been worked on, and the vision side has
    // left memory if it was the last one.
    std::function<void()> encoded;
  };

  // `observer` sees the encoder's steps, on the queue's thread. All but the hooks and the observer
  // is borrowed.
  PictureQueue(const Bundle &bundle, Encoder &encoder, Monitor &monitor, Hooks hooks);
  PictureQueue(const PictureQueue &) = delete;
  PictureQueue &operator=(const PictureQueue &) = delete;
  ~PictureQueue() { stop(); }

  // Drops all pictures, ends what is under way and waits for that. No hook is called afterwards.
  void stop() BLUEC_EXCLUDES(sessionLock);

  struct Item {
    std::int64_t number = 0;
    PictureState state BLUEC_GUARDED_BY(sessionLock) = PictureState::Waiting;
    Status status BLUEC_GUARDED_BY(sessionLock);          // of a failed one
    std::int64_t tiles BLUEC_GUARDED_BY(sessionLock) = 0; // 0: not known yet
    std::int64_t tilesDone BLUEC_GUARDED_BY(sessionLock) = 0;
    Grid grid BLUEC_GUARDED_BY(sessionLock);
    PictureShape shape BLUEC_GUARDED_BY(sessionLock); // with `tiles`
    // Of an encoded one.
    std::shared_ptr<const Features> features BLUEC_GUARDED_BY(sessionLock);

  private:
    friend class PictureQueue;
    std::vector<std::uint8_t> file; // or `picture`: the thread's own once it works on it
    Picture picture;
    std::atomic<bool> stop{false};
  };

  void observe(OnEntryStep onStep) BLUEC_REQUIRES(sessionLock);

  // The first one starts the thread.
  void addFile(std::vector<std::uint8_t> file) BLUEC_REQUIRES(sessionLock);
  void addPicture(Picture picture) BLUEC_REQUIRES(sessionLock);
  // What is being encoded ends at its next step; nobody waits for that.
  void drop(std::size_t index) BLUEC_REQUIRES(sessionLock);
  void dropAll() BLUEC_REQUIRES(sessionLock);

  // Oldest first. Numbers tell pictures of a session apart, also dropped ones.
  const std::vector<std::shared_ptr<Item>> &items() const BLUEC_REQUIRES(sessionLock) {
    return list;
  }
  // Whether a picture is being worked on or waits for that, or the vision side is in memory.
  bool busy() const BLUEC_REQUIRES(sessionLock);
  // Whether it is known of all pictures how many tiles they have.
  bool sized() const BLUEC_REQUIRES(sessionLock);
  // Of the first picture that failed: its reason, and its number in the turn from 1 on.
  Status firstFault() const BLUEC_REQUIRES(sessionLock);
  // Takes all pictures out of the queue; all are encoded.
  std::vector<EncodedPicture> take() BLUEC_REQUIRES(sessionLock);
  // Up to the first one that is not.
  std::vector<EncodedPicture> encoded() const BLUEC_REQUIRES(sessionLock);
  PictureStatistics statistics() const BLUEC_REQUIRES(sessionLock) { return counts; }
  void resetStatistics() BLUEC_REQUIRES(sessionLock) { counts = {}; }

private:
  void add(std::shared_ptr<Item> item) BLUEC_REQUIRES(sessionLock);
  std::shared_ptr<Item> nextWaiting() const BLUEC_REQUIRES(sessionLock);
  void work() BLUEC_EXCLUDES(sessionLock);
  void process(const std::shared_ptr<Item> &item) BLUEC_REQUIRES(sessionLock);
  Status prepare(Item &item, TileSet &tiles, PictureStatistics &spent) const;
  Result<Features> encode(Item &item, const TileSet &tiles);

  const Bundle &bundle;
  Encoder &encoder;
  Monitor &monitor;
  Hooks hooks;
  OnEntryStep observer; // set before the first picture comes, so it needs no lock
  std::vector<std::shared_ptr<Item>> list BLUEC_GUARDED_BY(sessionLock);
  std::int64_t nextNumber BLUEC_GUARDED_BY(sessionLock) = 0;
  // That the thread works on; it may have been dropped.
  std::shared_ptr<Item> current BLUEC_GUARDED_BY(sessionLock);
  bool inMemory BLUEC_GUARDED_BY(sessionLock) = false; // the vision side
  bool stopping BLUEC_GUARDED_BY(sessionLock) = false;
  PictureStatistics counts BLUEC_GUARDED_BY(sessionLock);
  std::thread thread;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_PICTUREQUEUE_H
