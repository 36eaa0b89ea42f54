// Bundles for tests: written to a temporary folder, changed at will, removed at the end.
#ifndef BLUEC_TESTS_RUNTIME_SUPPORT_TESTBUNDLE_H
#define BLUEC_TESTS_RUNTIME_SUPPORT_TESTBUNDLE_H

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bluec::test {

// A folder that is gone when the object is.
class TemporaryFolder {
public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  ~TemporaryFolder();

  const std::string &path() const { return folder; }
  std::string file(const std::string &name) const { return folder + "/" + name; }

private:
  std::string folder;
};

// Bytes of the mappings of files called `name` that are in this process's memory.
std::size_t mappedInMemory(const std::string &name);

// Of `bytes` bytes.
std::string sha256Hex(const void *data, std::size_t bytes);

std::string readWhole(const std::string &path);
void writeWhole(const std::string &path, const std::string &contents);

// tokenizer.json of a tokenizer with the 256 bytes as ids 0 to 255, in order, no merges, and the
// fake model's special tokens.
std::string byteTokenizerJson();

// The bundle of the fake model. Change `manifest` or the files, then write().
class TestBundle {
public:
  // `model`: path of a shared object, which becomes model.so, the code of both devices.
  explicit TestBundle(const std::string &model = BLUEC_FAKE_MODEL);
  // Of two shared objects, one a device: model.cpu.so and model.npu.so.
  TestBundle(const std::string &cpuModel, const std::string &npuModel);

  const std::string &path() const { return folder.path(); }
  std::string file(const std::string &name) const { return folder.file(name); }

  nlohmann::ordered_json manifest;

  // Makes the manifest's sizes and hashes those of the files that it lists.
  void hashFiles();
  // Adds checksums of the weights' blocks.
  void sumBlocks(std::size_t blockBytes);
  // Writes manifest.json with the right checksum.
  void write();

private:
  TemporaryFolder folder;
};

} // namespace bluec::test

#endif // BLUEC_TESTS_RUNTIME_SUPPORT_TESTBUNDLE_H
