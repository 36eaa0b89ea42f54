// The pictures of the next turn, which are decoded, tiled and encoded by a thread of their own.
#ifndef BLUEC_RUNTIME_CORE_PICTUREQUEUE_H
#define BLUEC_RUNTIME_CORE_PICTUREQUEUE_H

#include "base/Status.h"
#include "core/Conversation.h"
#include "core/Encoder.h"
#include "core/Monitor.h"
#include "vision/Picture.h"

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

// Functions marked "locked" are called with the monitor's lock held, the others without.
class PictureQueue {
public:
  struct Hooks {
    // Locked: whether the vision side may come into memory now. Asked again after every change.
    std::function<bool()> mayEncode;
    // Not locked, on the queue's thread, before the first picture after a pause: the vision side
    // comes into memory.
    std::function<void()> begin;
    // Locked, on the queue's thread: a picture has been worked on, and the vision side has left
    // memory if it was the last one.
    std::function<void()> encoded;
  };

  // `observer` sees the encoder's steps, on the queue's thread. All but the hooks and the observer
  // is borrowed.
  PictureQueue(const Bundle &bundle, Encoder &encoder, Monitor &monitor, Hooks hooks);
  PictureQueue(const PictureQueue &) = delete;
  PictureQueue &operator=(const PictureQueue &) = delete;
  ~PictureQueue() { stop(); }

  // Drops all pictures, ends what is under way and waits for that. No hook is called afterwards.
  void stop();

  struct Item {
    std::int64_t number = 0;
    PictureState state = PictureState::Waiting;
    Status status;          // of a failed one
    std::int64_t tiles = 0; // 0: not known yet
    std::int64_t tilesDone = 0;
    Grid grid;
    std::shared_ptr<const Features> features; // of an encoded one

  private:
    friend class PictureQueue;
    std::vector<std::uint8_t> file; // or
    Picture picture;
    std::atomic<bool> stop{false};
  };

  void observe(OnEntryStep onStep); // locked

  // Locked. The first one starts the thread.
  void addFile(std::vector<std::uint8_t> file);
  void addPicture(Picture picture);
  // Locked. What is being encoded ends at its next step, behind the caller's back.
  void drop(std::size_t index);
  void dropAll();

  // Locked. Oldest first. Numbers tell pictures of a session apart, also dropped ones.
  const std::vector<std::shared_ptr<Item>> &items() const { return list; }
  // Locked. Whether a picture is being worked on or waits for that, or the vision side is in
  // memory.
  bool busy() const;
  // Locked. Whether it is known of all pictures how many tiles they have.
  bool sized() const;
  // Locked. Of the first picture that failed: its reason, and its number in the turn from 1 on.
  Status firstFault() const;
  // Locked. Takes all pictures out of the queue; all are encoded.
  std::vector<EncodedPicture> take();
  // Locked.
  std::vector<EncodedPicture> encoded() const; // up to the first one that is not
  PictureStatistics &statistics() { return counts; }

private:
  void add(std::shared_ptr<Item> item);
  std::shared_ptr<Item> nextWaiting() const;
  void work();
  void process(const std::shared_ptr<Item> &item, Monitor::Lock &lock);
  Result<TileSet> prepare(Item &item, PictureStatistics &spent) const;
  Result<Features> encode(Item &item, const TileSet &tiles);

  const Bundle &bundle;
  Encoder &encoder;
  Monitor &monitor;
  Hooks hooks;
  OnEntryStep observer;
  std::vector<std::shared_ptr<Item>> list;
  std::int64_t nextNumber = 0;
  std::shared_ptr<Item> current; // that the thread works on; it may have been dropped
  bool inMemory = false;         // the vision side
  bool stopping = false;
  PictureStatistics counts;
  std::thread thread;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_PICTUREQUEUE_H
