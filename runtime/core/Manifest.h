// manifest.json, read and checked. abi/BundleFormat.h says what is in it.
#ifndef BLUEC_RUNTIME_CORE_MANIFEST_H
#define BLUEC_RUNTIME_CORE_MANIFEST_H

#include "abi/BundleFormat.h"
#include "base/Status.h"
#include "device/CodeTarget.h"
#include "text/ChatTemplate.h"
#include "text/Sampler.h"
#include "vision/Tiles.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

struct FileEntry {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256; // 64 lower-case digits
  std::uint64_t blockBytes = 0;
  std::vector<std::uint32_t> blocks; // CRC-32C of each; empty when the manifest has none
};

// What stands for the file of code that is a part of the program.
inline constexpr const char *kLinkedCode = "linked code";

struct DeviceEntry {
  std::string name; // as the schedule calls it
  std::string runsOn, loader;
  std::string code; // one of the files, or kLinkedCode
  CodeTarget target;
  bool ownTarget = false; // else it is the bundle's
};

// How rows are numbered for rotary embeddings; core/RowPositions.h has the rule in full.
struct PositionRule {
  std::int64_t axes = 0; // 0: rows are numbered one by one
  // The grid that a picture's rows are, row by row; 0: the model takes no pictures. Only on three
  // axes, which are time, height and width then.
  std::int64_t gridRows = 0, gridColumns = 0;

  bool placesPictures() const { return gridRows > 0 && gridColumns > 0; }
};

struct Manifest {
  std::string producer;
  CodeTarget target;
  // At least one. Those with the same code have the same loader and target. Whether this runtime
  // has what they run on, and their loaders, is for Bundle::open to say.
  std::vector<DeviceEntry> devices;
  std::string recipe;
  std::int64_t context = 0, chunk = 0, imageBatch = 0, hidden = 0, vocabulary = 0;
  std::int64_t tokensPerTile = 0, tileHeight = 0, tileWidth = 0;
  // By number of tiles, from 1; fewer than mostBatchTiles. What they say fits the number; that
  // there are entry points of those capacities is for checkModel to say.
  std::optional<std::vector<std::vector<std::int64_t>>> encodeCalls;
  bool hasPreprocess = false;
  Preprocess preprocess;           // the cap on tokens applied
  std::int64_t maxImageTokens = 0; // of a picture; 0: no cap
  bool hasChat = false;
  ChatTemplate chat;
  PositionRule positions;
  std::vector<std::int32_t> endTokens;  // that end an answer
  std::vector<std::string> stopStrings; // an answer ends with the first of these in it
  GenerateOptions generate;             // of whoever says nothing else
  std::vector<FileEntry> files;
  std::string checksum;

  // Null when the bundle has no such file.
  const FileEntry *file(std::string_view name) const;
  // Null when there is no such device.
  const DeviceEntry *device(std::string_view name) const;
  // The files that hold code, each once, in the order of the devices.
  std::vector<std::string> codeFiles() const;

  // Reads and checks the text of a manifest, its checksum included. BadBundle or Incompatible.
  static Result<Manifest> parse(std::string_view text);
};

// The checksum that `text`, whose own "checksum" has 64 digits of any value, should carry; empty
// when it has none. Writers of bundles use it too.
std::string manifestChecksum(std::string_view text);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_MANIFEST_H
