#include "support/TestBundle.h"

#include "base/Crc32c.h"
#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "core/Manifest.h"
#include "platform/Checksums.h"
#include "support/FakeGeometry.h"
#include "text/Unicode.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <tuple>

namespace bluec::test {

using namespace bluec::runtime;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "bluec-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    std::abort();
  folder = std::filesystem::canonical(pattern).string();
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

std::string sha256Hex(const void *data, std::size_t bytes) {
  Sha256 hash = fastSha256();
  hash.update(data, bytes);
  return toHex(hash.finish());
}

std::string readWhole(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void writeWhole(const std::string &path, const std::string &contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

std::size_t mappedInMemory(const std::string &name) {
  std::ifstream maps("/proc/self/smaps");
  std::size_t total = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/" + name) != line.npos)
      ours = true;
    else if (ours && line.starts_with("Rss:")) {
      total += std::stoul(line.substr(4)) << 10;
      ours = false;
    }
  }
  return total;
}

std::string byteTokenizerJson() {
  nlohmann::json vocabulary;
  std::uint32_t next = 256;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte < 0xad) || byte > 0xad;
    std::string name;
    appendUtf8(name, printable ? byte : next++);
    vocabulary[name] = byte;
  }
  nlohmann::json added;
  const std::pair<const char *, int> specials[] = {{"<|end|>", FAKE_END},
                                                   {"<|user|>", FAKE_USER},
                                                   {"<|assistant|>", FAKE_ASSISTANT},
                                                   {"<image>", FAKE_IMAGE},
                                                   {"<|begin|>", FAKE_BEGIN}};
  for (const auto &[content, id] : specials)
    added.push_back({{"id", id}, {"content", content}, {"special", true}});
  const nlohmann::json json = {
      {"added_tokens", added},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}}};
  return json.dump();
}

TestBundle::TestBundle(const std::string &model) {
  writeWhole(file("model.so"), readWhole(model));
  writeWhole(file("weights.bin"), std::string(FAKE_WEIGHTS_BYTES, '\0'));
  auto table = tokenizer::convertTokenizerText(byteTokenizerJson(), "", FAKE_VOCABULARY);
  if (!table.ok())
    std::abort();
  writeWhole(file("tokenizer.bin"), std::string(table->table.begin(), table->table.end()));

  using List = std::vector<double>;
  manifest["format"] = "bluec-bundle";
  manifest["version"] = 4;
  manifest["producer"] = "a test";
  manifest["target"] = {{"name", "fake"},
                        {"triple", FAKE_TRIPLE},
                        {"cpu", "any"},
                        {"features", nlohmann::json::array()}};
  manifest["recipe"] = {{"name", "float"}};
  manifest["geometry"] = {{"context", FAKE_CONTEXT},
                          {"chunk", FAKE_CHUNK},
                          {"image_batch", 4},
                          {"hidden", FAKE_HIDDEN},
                          {"vocabulary", FAKE_VOCABULARY},
                          {"tokens_per_tile", FAKE_TOKENS_PER_TILE},
                          {"tile_height", FAKE_TILE},
                          {"tile_width", FAKE_TILE}};
  manifest["preprocess"] = {{"rescale", 1.0 / 255},
                            {"mean", List{0, 0, 0}},
                            {"std", List{1, 1, 1}},
                            {"pad_color", {0, 0, 0}},
                            {"pad_position", "center"},
                            {"resample", "bicubic"},
                            {"scheme", "relaxed"},
                            {"alpha", 0.1},
                            {"edge", 0},
                            {"candidates", nlohmann::json::parse("[[4,2],[2,4],[2,2],[1,1]]")},
                            {"thumbnail", "last_if_many"},
                            {"max_tokens", 0}};
  manifest["chat"] = nlohmann::json::parse(R"({"system": null, "ask": "", "answer": "",
      "no_answer": "", "answer_mark": "", "answer_part": "last", "trims_turn": false,
      "pictures_first": false, "reserved_in_text": [], "reserved_in_answer": [], "needs_text": false,
      "begin": {"text": "<|begin|><|user|>", "picture": "<|begin|><|user|>"},
      "next": {"text": "<|end|><|user|>", "picture": "<|end|><|user|>"},
      "between": {"text_text": "", "text_picture": "", "picture_text": "", "picture_picture": ""},
      "end": {"text": "<|assistant|>", "picture": "<|assistant|>"}})");
  for (const char *key : {"trim_text", "trim_answer", "trim_marked"})
    manifest["chat"][key] = {{"left", "none"}, {"right", "none"}};
  manifest["chat"]["image_token_id"] = FAKE_IMAGE;
  manifest["chat"]["image_token"] = "<image>";
  for (const char *key : {"before_one", "before", "tile", "row_end", "overview", "after"})
    manifest["chat"]["picture"][key] = "";
  manifest["generation"] = {{"eos_token_ids", {FAKE_END}}};
  manifest["entry_points"] = nlohmann::json::parse(R"([{"name": "encode", "role": "encode",
      "capacity": 4, "segment": "vision", "device": "npu", "arena_bytes": 16384, "steps": 1,
      "inputs": [{"name": "pixels", "type": "f32", "shape": [4, 3, 4, 4]}],
      "outputs": [{"name": "features", "type": "f32", "shape": [4, 2, 4]}]}])");
  manifest["machine"] = {{"name", "phone"}, {"sha256", std::string(64, '0')}};
  for (const char *name : {"cpu", "npu"})
    manifest["devices"].push_back(
        {{"name", name}, {"runs_on", "cpu"}, {"loader", "shared-library"}, {"code", "model.so"}});
  manifest["memory_plan"] = {{"peak_bytes", 16384}};
  for (const char *name : {"model.so", "weights.bin", "tokenizer.bin"})
    manifest["files"][name] = {{"bytes", 0}, {"sha256", ""}};
  hashFiles();
  write();
}

TestBundle::TestBundle(const std::string &cpuModel, const std::string &npuModel)
    : TestBundle(cpuModel) {
  manifest["files"].erase("model.so");
  for (const auto &[index, name, model] :
       {std::tuple(0, "model.cpu.so", cpuModel), std::tuple(1, "model.npu.so", npuModel)}) {
    writeWhole(file(name), readWhole(model));
    manifest["devices"][std::size_t(index)]["code"] = name;
    manifest["files"][name] = {{"bytes", 0}, {"sha256", ""}};
  }
  hashFiles();
  write();
}

void TestBundle::hashFiles() {
  for (auto &[name, entry] : manifest["files"].items()) {
    const std::string contents = readWhole(file(name));
    entry["bytes"] = contents.size();
    entry["sha256"] = sha256Hex(contents.data(), contents.size());
  }
}

void TestBundle::sumBlocks(std::size_t blockBytes) {
  const std::string contents = readWhole(file("weights.bin"));
  std::string sums;
  for (std::size_t at = 0; at < contents.size(); at += blockBytes) {
    const std::string block = contents.substr(at, blockBytes);
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", crc32cPortable(block.data(), block.size()));
    sums += digits;
  }
  manifest["files"]["weights.bin"]["block_bytes"] = blockBytes;
  manifest["files"]["weights.bin"]["crc32c"] = sums;
}

void TestBundle::write() {
  manifest["checksum"] = std::string(64, '0');
  manifest["checksum"] = manifestChecksum(manifest.dump(2));
  writeWhole(file("manifest.json"), manifest.dump(2));
}

} // namespace bluec::test
