// A bundle on disk, checked, mapped and loaded.
#ifndef BLUEC_RUNTIME_CORE_BUNDLE_H
#define BLUEC_RUNTIME_CORE_BUNDLE_H

#include "abi/bluec_abi.h"
#include "base/Status.h"
#include "core/Manifest.h"
#include "device/CodeLoader.h"
#include "device/Device.h"
#include "platform/MappedFile.h"
#include "platform/MappingGuard.h"
#include "platform/ThreadPool.h"
#include "text/Tokenizer.h"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bluec::runtime {

// The files of a bundle: found inside the directory, of the size that the manifest says, mapped.
// No code of them has run.
class BundleFiles {
public:
  // NotFound, BadBundle, Incompatible (another version of the format).
  static Result<BundleFiles> open(const std::string &directory);

  const std::string &manifestText() const { return text; }
  const Manifest &manifest() const { return parsed; }
  // Null when the bundle has no such file.
  const MappedFile *find(std::string_view name) const;
  // Absolute, links resolved; of a file that find() knows.
  std::string path(std::string_view name) const;

  // Ok when `name` is what the manifest says it is: by the checksums of its blocks if it has some,
  // on all threads of `pool`, else by its SHA-256. Reads the file past its mapping, so that none of
  // it stays in memory.
  Status verify(std::string_view name, ThreadPool &pool) const;
  // Ok when the SHA-256 of `name` is the manifest's, whatever other checksums there are.
  Status verifyHash(std::string_view name) const;

private:
  struct File {
    std::string path;
    MappedFile mapping;
  };
  std::string text;
  Manifest parsed;
  std::map<std::string, File, std::less<>> files;
};

// What stands for a device of a manifest here. Incompatible when this runtime has no such device or
// loader, or the device does not run code for the target. Nothing is loaded. The pool must outlive
// it. `others`, which may be null, is asked first.
Result<std::unique_ptr<Device>> deviceFor(const DeviceEntry &entry, ThreadPool &pool,
                                          DeviceSource *others = nullptr);

// A device of a bundle.
struct BundleDevice {
  std::string name; // as the schedule calls it
  std::uint32_t index = 0;
  std::unique_ptr<Device> device;
};

// What opening checks of weights.bin beyond its size. All other files are hashed always.
enum class WeightsCheck {
  None,
  Blocks, // the checksums of its blocks (SHA-256 where the manifest has none)
  Hash,   // SHA-256
};

// What encodes up to `capacity` tiles a call: one entry point, or two stages of which the second
// reads what the first gives.
struct TileEncoder {
  std::int64_t capacity = 0;
  const bluec_entry *whole = nullptr; // null: two stages
  const bluec_entry *first = nullptr; // null unless there are two
  const bluec_entry *second = nullptr;
};

struct EncodeCall {
  const TileEncoder *encoder;
  std::int64_t count; // of tiles
};

struct OpenOptions {
  int threads = 0; // 0: one for each CPU
  WeightsCheck weights = WeightsCheck::Blocks;
  DeviceSource *devices = nullptr; // of devices beside the runtime's own; null: none
  // Weights that are cut while they are mapped are an error of the calls that need them. Else such
  // a call ends the process by SIGBUS, whose handler the runtime then leaves alone.
  bool guardWeights = true;
};

// Immutable after open(), so any number of threads may share it.
class Bundle {
public:
  static Result<std::unique_ptr<Bundle>> open(const std::string &directory,
                                              const OpenOptions &options);

  const BundleFiles &files() const { return contents; }
  const Manifest &manifest() const { return contents.manifest(); }
  // The model as one, from however many code files: the geometry and the segments that they share,
  // all entry points, and the manifest's devices. Its target is the first device's.
  const bluec_model &model() const { return whole; }
  // All, with `device` as an index into devices().
  std::span<const bluec_entry> entries() const { return allEntries; }
  // In the order of the manifest.
  const std::vector<BundleDevice> &devices() const { return placed; }
  // Where one of entries() runs.
  const BundleDevice &deviceOf(const bluec_entry &entry) const { return placed[entry.device]; }
  // Empty (size 0) when the bundle has none.
  const Tokenizer &tokenizer() const { return table; }
  std::span<const std::uint8_t> weights() const;
  // NotFound once a call has met weights that their file does not have any more.
  Status checkWeights() const;
  ThreadPool &threads() const { return *pool; }

  // Null when there is no such entry.
  const bluec_entry *findEntry(std::string_view name) const;
  // Entries of a role, largest capacity first.
  const std::vector<const bluec_entry *> &entriesOf(bluec_role role) const;

  // The language side; the rest is there when hasText().
  bool hasText() const { return decodeEntry; }
  const bluec_entry &embed() const { return *embedEntry; }
  // Takes embeddings; the one of the largest capacity.
  const bluec_entry &prefill() const { return *prefillEntry; }
  // Takes ids; the one of the least capacity.
  const bluec_entry &decode() const { return *decodeEntry; }

  // Largest capacity first; empty for a model that takes no pictures.
  const std::vector<TileEncoder> &tileEncoders() const { return encoders; }
  // The calls that encode `tiles` tiles, in order: as many of the largest capacity as they fill,
  // then what the manifest says for the rest. (When it says nothing: the largest one that the rest
  // fills, else the smallest.) The model must take pictures.
  std::vector<EncodeCall> encodeCalls(std::int64_t tiles) const;

  // Lets a segment's pages leave memory. InvalidArgument when there is no such segment.
  Status releaseSegment(std::string_view name) const;

private:
  struct Section {
    CodeFile file;
    const CodeLoader *loader;
    const Device *device; // one of those that run it, and the others are of its kind
    std::unique_ptr<LoadedCode> loaded;
  };

  Status openDevices(DeviceSource *others);
  Status loadTokenizer();
  Status loadCode();
  Status sortEntries();

  BundleFiles contents;
  MappingGuard weightsGuard;
  std::unique_ptr<ThreadPool> pool;
  std::vector<BundleDevice> placed;
  std::vector<Section> code; // after `contents`: unloaded before its files are unmapped
  std::vector<const char *> deviceNames;
  std::vector<bluec_entry> allEntries;
  bluec_model whole{}; // of those tables, and the rest as in the first code file
  Tokenizer table;
  std::map<std::uint32_t, std::vector<const bluec_entry *>> byRole;
  const bluec_entry *embedEntry = nullptr, *prefillEntry = nullptr, *decodeEntry = nullptr;
  std::vector<TileEncoder> encoders;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_BUNDLE_H
