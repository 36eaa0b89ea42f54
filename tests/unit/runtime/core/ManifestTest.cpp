#include "core/Manifest.h"

#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <functional>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;
using Json = nlohmann::ordered_json;

namespace {

class ManifestTest : public ::testing::Test {
protected:
  std::string text() {
    bundle.write();
    return readWhole(bundle.file("manifest.json"));
  }
  // The message that a manifest gets after `change`; empty when it is accepted.
  std::string messageAfter(const std::function<void(Json &)> &change) {
    change(bundle.manifest);
    return Manifest::parse(text()).status().message();
  }

  TestBundle bundle;
};

TEST_F(ManifestTest, ReadsEveryField) {
  const Result<Manifest> manifest = Manifest::parse(text());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->producer, "a test");
  EXPECT_EQ(manifest->target.triple, FAKE_TRIPLE);
  ASSERT_EQ(manifest->devices.size(), 2u);
  const DeviceEntry &npu = manifest->devices[1];
  EXPECT_EQ(npu.name, "npu");
  EXPECT_EQ(npu.runsOn, "cpu");
  EXPECT_EQ(npu.loader, "shared-library");
  EXPECT_EQ(npu.code, "model.so");
  EXPECT_EQ(npu.target, manifest->target);
  EXPECT_EQ(manifest->device("npu"), &npu);
  EXPECT_EQ(manifest->device("gpu"), nullptr);
  EXPECT_EQ(manifest->recipe, "float");
  EXPECT_EQ(manifest->context, FAKE_CONTEXT);
  EXPECT_EQ(manifest->imageBatch, 4);
  EXPECT_FALSE(manifest->encodeCalls);
  EXPECT_EQ(manifest->preprocess.candidates.size(), 4u);
  EXPECT_EQ(manifest->preprocess.candidates[0], (Grid{4, 2}));
  EXPECT_EQ(manifest->preprocess.tileWidth, FAKE_TILE);
  EXPECT_EQ(manifest->chat.begin, (ByItem{"<|begin|><|user|>", "<|begin|><|user|>"}));
  EXPECT_EQ(manifest->chat.end.text, "<|assistant|>");
  EXPECT_FALSE(manifest->chat.system);
  EXPECT_EQ(manifest->chat.userTrims, Trims());
  EXPECT_EQ(manifest->endTokens, std::vector<std::int32_t>{FAKE_END});
  ASSERT_NE(manifest->file("weights.bin"), nullptr);
  EXPECT_EQ(manifest->file("weights.bin")->bytes, std::uint64_t(FAKE_WEIGHTS_BYTES));
  EXPECT_EQ(manifest->file("nothing"), nullptr);
}

TEST_F(ManifestTest, SaysHowAnswersAreMade) {
  const GenerateOptions none = Manifest::parse(text())->generate;
  EXPECT_EQ(none.maxNewTokens, 0);
  EXPECT_EQ(none.sampling.temperature, 0);
  EXPECT_EQ(none.sampling.repetitionPenalty, 1);
  bundle.manifest["generation"].update({{"max_new_tokens", 5},
                                        {"temperature", 0.5},
                                        {"top_k", 20},
                                        {"top_p", 0.25},
                                        {"min_p", 0.125},
                                        {"repetition_penalty", 1.5}});
  const Result<Manifest> manifest = Manifest::parse(text());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  const SamplingOptions &sampling = manifest->generate.sampling;
  EXPECT_EQ(manifest->generate.maxNewTokens, 5);
  EXPECT_EQ(sampling.temperature, 0.5f);
  EXPECT_EQ(sampling.topK, 20);
  EXPECT_EQ(sampling.topP, 0.25f);
  EXPECT_EQ(sampling.minP, 0.125f);
  EXPECT_EQ(sampling.repetitionPenalty, 1.5f);
}

TEST_F(ManifestTest, SaysWhereRowsStand) {
  EXPECT_EQ(Manifest::parse(text())->positions.axes, 0);
  bundle.manifest["positions"] = {{"axes", 4}};
  EXPECT_EQ(Manifest::parse(text())->positions.axes, 4);
  EXPECT_FALSE(Manifest::parse(text())->positions.placesPictures());
  bundle.manifest["positions"] = {{"axes", 3},
                                  {"picture", {{"rows", FAKE_TOKENS_PER_TILE}, {"columns", 1}}}};
  const Result<Manifest> manifest = Manifest::parse(text());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_TRUE(manifest->positions.placesPictures());
  EXPECT_EQ(manifest->positions.gridRows, FAKE_TOKENS_PER_TILE);
  EXPECT_EQ(manifest->positions.gridColumns, 1);
}

TEST_F(ManifestTest, VisionOnly) {
  EXPECT_EQ(messageAfter([](Json &json) {
              json.erase("chat");
              json.erase("generation");
            }),
            "");
}

// Each device's own code and target, and each code file once.
TEST_F(ManifestTest, DevicesOfTheirOwn) {
  bundle.manifest["files"]["model.npu.so"] = bundle.manifest["files"]["model.so"];
  bundle.manifest["devices"][1]["code"] = "model.npu.so";
  bundle.manifest["devices"][1]["loader"] = "linked-in";
  bundle.manifest["devices"][1]["runs_on"] = "abacus";
  bundle.manifest["devices"][1]["target"] = {
      {"name", "beads"}, {"triple", "abacus-none"}, {"cpu", "wood"}, {"features", {"fast"}}};
  bundle.manifest["devices"].push_back(bundle.manifest["devices"][0]);
  bundle.manifest["devices"][2]["name"] = "gpu";
  const Result<Manifest> manifest = Manifest::parse(text());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->devices[0].target.name, "fake");
  EXPECT_FALSE(manifest->devices[0].ownTarget);
  EXPECT_EQ(manifest->devices[1].target, (CodeTarget{"beads", "abacus-none", "wood", {"fast"}}));
  EXPECT_TRUE(manifest->devices[1].ownTarget);
  EXPECT_EQ(manifest->codeFiles(), (std::vector<std::string>{"model.so", "model.npu.so"}));
}

// What a cap leaves of a scheme whose grids are those of an edge.
TEST_F(ManifestTest, CappedEdge) {
  bundle.manifest["preprocess"]["scheme"] = "longest-edge";
  bundle.manifest["preprocess"]["edge"] = 12; // three tiles
  bundle.manifest["preprocess"]["candidates"] = {{3, 3}, {3, 2}, {3, 1}, {2, 3}, {1, 3}};
  bundle.manifest["preprocess"]["max_tokens"] = 19;
  bundle.manifest["chat"]["picture"]["tile"] = "<r{row}c{column}>";
  const Result<Manifest> manifest = Manifest::parse(text());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->preprocess.edge, 8); // 3 x 3 and the overview have 20 tokens
  EXPECT_EQ(manifest->chat.picture.tile, "<r{row}c{column}>");
}

TEST_F(ManifestTest, UnknownFieldsAreIgnored) {
  EXPECT_EQ(messageAfter([](Json &json) { json["later"] = {{"a", 1}}; }), "");
}

// Every flipped bit is found, by the checksum or before it.
TEST_F(ManifestTest, FlippedBits) {
  const std::string good = text();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] = char(flipped[i] ^ (1 << i % 8));
    EXPECT_FALSE(Manifest::parse(flipped).ok()) << "byte " << i;
  }
}

TEST_F(ManifestTest, Blocks) {
  bundle.sumBlocks(4096);
  bundle.write();
  const auto parsed = Manifest::parse(text());
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const FileEntry *weights = parsed->file("weights.bin");
  EXPECT_EQ(weights->blockBytes, 4096u);
  EXPECT_EQ(weights->blocks, (std::vector<std::uint32_t>{0x98f94189, 0x98f94189}));
  EXPECT_TRUE(parsed->file("model.so")->blocks.empty());
}

TEST_F(ManifestTest, EveryTruncation) {
  const std::string good = text();
  for (std::size_t size = 0; size < good.size(); size += 7)
    EXPECT_FALSE(Manifest::parse(std::string_view(good).substr(0, size)).ok()) << size;
}

TEST_F(ManifestTest, Refusals) {
  const struct {
    const char *expected;
    std::function<void(Json &)> change;
  } cases[] = {
      {"manifest.json: format: expected 'bluec-bundle', found 'zip'",
       [](Json &json) { json["format"] = "zip"; }},
      {"manifest.json: version: expected 4, found 1", [](Json &json) { json["version"] = 1; }},
      {"manifest.json: producer: expected a value, found none",
       [](Json &json) { json.erase("producer"); }},
      {"manifest.json: target: expected an object", [](Json &json) { json["target"] = 5; }},
      {"manifest.json: target.triple: expected a string",
       [](Json &json) { json["target"]["triple"] = 5; }},
      {"manifest.json: devices: expected a value, found none",
       [](Json &json) { json.erase("devices"); }},
      {"manifest.json: devices: expected a list of 1 to 16 values",
       [](Json &json) { json["devices"] = Json::array(); }},
      {"manifest.json: devices: expected a list of 1 to 16 values",
       [](Json &json) { json["devices"] = json["devices"][0]; }},
      {"manifest.json: devices.0: expected an object",
       [](Json &json) { json["devices"] = {"cpu", "npu"}; }},
      {"manifest.json: devices.1.name: expected a value, found none",
       [](Json &json) { json["devices"][1].erase("name"); }},
      {"manifest.json: devices.1.name: expected a name that no other device has, found 'cpu'",
       [](Json &json) { json["devices"][1]["name"] = "cpu"; }},
      {"manifest.json: devices.0.name: expected a name that no other device has, found ''",
       [](Json &json) { json["devices"][0]["name"] = ""; }},
      {"manifest.json: devices.0.runs_on: expected a value, found none",
       [](Json &json) { json["devices"][0].erase("runs_on"); }},
      {"manifest.json: devices.0.loader: expected a string",
       [](Json &json) { json["devices"][0]["loader"] = 1; }},
      {"manifest.json: devices.0.code: expected a value, found none",
       [](Json &json) { json["devices"][0].erase("code"); }},
      {"manifest.json: devices.0.code: expected no file, where code is linked, found one",
       [](Json &json) { json["devices"][0]["loader"] = "linked"; }},
      {"manifest.json: devices.0.code: expected one of the files that holds code, found 'other.so'",
       [](Json &json) { json["devices"][0]["code"] = "other.so"; }},
      {"manifest.json: devices.0.code: expected one of the files that holds code, found "
       "'../model.so'",
       [](Json &json) { json["devices"][0]["code"] = "../model.so"; }},
      {"manifest.json: devices.0.code: expected one of the files that holds code, found "
       "'weights.bin'",
       [](Json &json) { json["devices"][0]["code"] = "weights.bin"; }},
      {"manifest.json: devices.1.loader: expected 'shared-library' as of 'cpu', which has the same "
       "code, found 'linked-in'",
       [](Json &json) { json["devices"][1]["loader"] = "linked-in"; }},
      {"manifest.json: devices.1.target: expected an object",
       [](Json &json) { json["devices"][1]["target"] = "host"; }},
      {"manifest.json: devices.1.target.triple: expected a value, found none",
       [](Json &json) { json["devices"][1]["target"] = {{"name", "fake"}}; }},
      {"manifest.json: devices.1.target: expected the one of 'cpu', which has the same code, found "
       "another",
       [](Json &json) {
         json["devices"][1]["target"] = json["target"];
         json["devices"][1]["target"]["features"] = {"fast"};
       }},
      {"manifest.json: positions: expected an object", [](Json &json) { json["positions"] = 3; }},
      {"manifest.json: positions.axes: expected a whole number from 2 to 16",
       [](Json &json) { json["positions"] = {{"axes", 1}}; }},
      {"manifest.json: positions.axes: expected 3 where pictures have places, found 2",
       [](Json &json) {
         json["positions"] = {{"axes", 2},
                              {"picture", {{"rows", FAKE_TOKENS_PER_TILE}, {"columns", 1}}}};
       }},
      {"manifest.json: positions.picture: expected a grid of the 2 rows of a tile, found 2 x 2",
       [](Json &json) {
         json["positions"] = {{"axes", 3}, {"picture", {{"rows", 2}, {"columns", 2}}}};
       }},
      {"manifest.json: positions.picture.rows: expected a whole number from 1 to 1099511627776",
       [](Json &json) {
         json["positions"] = {{"axes", 3}, {"picture", {{"rows", 0}, {"columns", 2}}}};
       }},
      {"manifest.json: geometry.context: expected a whole number from 0 to 1099511627776",
       [](Json &json) { json["geometry"]["context"] = -1; }},
      {"manifest.json: geometry.context: expected a whole number from 0 to 1099511627776",
       [](Json &json) { json["geometry"]["context"] = 18446744073709551615u; }},
      {"manifest.json: geometry.encode_calls: expected a list of 3 to 3 values",
       [](Json &json) { json["geometry"]["encode_calls"] = {{1}, {4}}; }},
      {"manifest.json: geometry.encode_calls: expected a list of 3 to 3 values",
       [](Json &json) { json["geometry"]["encode_calls"] = "[1], [4], [4]"; }},
      {"manifest.json: geometry.encode_calls: expected calls that encode 1 tiles, each with at "
       "least one to encode",
       [](Json &json) { json["geometry"]["encode_calls"] = {1, {4}, {4}}; }},
      {"manifest.json: geometry.encode_calls: expected calls that encode 1 tiles, each with at "
       "least one to encode",
       [](Json &json) { json["geometry"]["encode_calls"] = {Json::array(), {4}, {4}}; }},
      {"manifest.json: geometry.encode_calls: expected calls that encode 2 tiles, each with at "
       "least one to encode",
       [](Json &json) { json["geometry"]["encode_calls"] = {{1}, {1}, {4}}; }},
      {"manifest.json: geometry.encode_calls: expected calls that encode 2 tiles, each with at "
       "least one to encode",
       [](Json &json) { json["geometry"]["encode_calls"] = {{1}, {4, 1}, {4}}; }},
      {"manifest.json: geometry.encode_calls: expected calls that encode 3 tiles, each with at "
       "least one to encode",
       [](Json &json) {
         json["geometry"]["encode_calls"] = {{1}, {1, 1}, std::vector<int>(100000, 1)};
       }},
      {"manifest.json: geometry.encode_calls: expected a whole number from 1 to 4",
       [](Json &json) { json["geometry"]["encode_calls"] = {{1}, {0, 4}, {4}}; }},
      {"manifest.json: geometry.encode_calls: expected a whole number from 1 to 4",
       [](Json &json) { json["geometry"]["encode_calls"] = {{1}, {4}, {5}}; }},
      {"manifest.json: geometry.image_batch: expected at most 64",
       [](Json &json) {
         json["geometry"]["image_batch"] = std::int64_t(1) << 40;
         json["geometry"]["encode_calls"] = Json::array();
       }},
      {"manifest.json: preprocess.scheme: expected 'relaxed', 'llava-next', 'internvl', "
       "'center-crop' or 'longest-edge', found "
       "'other'",
       [](Json &json) { json["preprocess"]["scheme"] = "other"; }},
      {"manifest.json: preprocess.edge: expected a value, found none",
       [](Json &json) { json["preprocess"].erase("edge"); }},
      {"manifest.json: preprocess.edge: expected a whole number from 0 to 16384",
       [](Json &json) { json["preprocess"]["edge"] = std::int64_t(1) << 40; }},
      {"manifest.json: preprocess.edge: expected at least 1 pixel",
       [](Json &json) { json["preprocess"]["scheme"] = "longest-edge"; }},
      {"manifest.json: preprocess.candidates: expected the grids of an edge of 10 pixels",
       [](Json &json) {
         json["preprocess"]["scheme"] = "longest-edge";
         json["preprocess"]["edge"] = 10;
       }},
      {"manifest.json: preprocess.candidates: expected the grids of an edge of 16384 pixels",
       [](Json &json) {
         json["preprocess"]["scheme"] = "longest-edge";
         json["preprocess"]["edge"] = 16384;
       }},
      {"manifest.json: preprocess.scheme: expected tiles as high as wide",
       [](Json &json) {
         json["geometry"]["tile_height"] = 8;
         json["preprocess"]["scheme"] = "longest-edge";
         json["preprocess"]["edge"] = 8;
       }},
      {"manifest.json: preprocess.candidates: expected the only grid of one tile that is cut out",
       [](Json &json) {
         json["preprocess"]["scheme"] = "center-crop";
         json["preprocess"]["edge"] = 5;
       }},
      {"manifest.json: chat.picture: expected an object",
       [](Json &json) { json["chat"].erase("picture"); }},
      {"manifest.json: chat.picture.tile: expected a string",
       [](Json &json) { json["chat"]["picture"]["tile"] = 1; }},
      {"manifest.json: chat.picture.overview: expected at most 256 bytes, found 100000",
       [](Json &json) { json["chat"]["picture"]["overview"] = std::string(100000, 'a'); }},
      {"manifest.json: preprocess.thumbnail: expected 'none', 'last_if_many' or 'first', found "
       "'second'",
       [](Json &json) { json["preprocess"]["thumbnail"] = "second"; }},
      {"manifest.json: preprocess.thumbnail: expected a string",
       [](Json &json) { json["preprocess"]["thumbnail"] = true; }},
      {"manifest.json: preprocess.resample: expected 'lanczos', 'bilinear' or 'bicubic', found "
       "'nearest'",
       [](Json &json) { json["preprocess"]["resample"] = "nearest"; }},
      {"manifest.json: preprocess.max_tokens: expected 0, or at least the 2 tokens of the smallest "
       "grid, found 1",
       [](Json &json) { json["preprocess"]["max_tokens"] = 1; }},
      {"manifest.json: preprocess.candidates: expected a list of 1 to 1024 values",
       [](Json &json) { json["preprocess"]["candidates"] = Json::array(); }},
      {"manifest.json: preprocess.candidates: expected pairs of columns and rows",
       [](Json &json) { json["preprocess"]["candidates"] = {1, 2}; }},
      {"manifest.json: preprocess.std: expected numbers other than 0",
       [](Json &json) { json["preprocess"]["std"] = {1, 0, 1}; }},
      {"manifest.json: preprocess.pad_color: expected a whole number from 0 to 255",
       [](Json &json) { json["preprocess"]["pad_color"] = {0, 256, 0}; }},
      {"manifest.json: generation: top-p: expected a number above 0 and up to 1, found 0.000000",
       [](Json &json) { json["generation"]["top_p"] = 0; }},
      {"manifest.json: generation.top_k: expected a whole number from 0 to 2147483647",
       [](Json &json) { json["generation"]["top_k"] = -1; }},
      {"manifest.json: generation.temperature: expected a number",
       [](Json &json) { json["generation"]["temperature"] = "hot"; }},
      {"manifest.json: generation.stop_strings: expected texts",
       [](Json &json) { json["generation"]["stop_strings"] = {""}; }},
      {"manifest.json: chat.pictures_first: expected true or false",
       [](Json &json) { json["chat"]["pictures_first"] = "yes"; }},
      {"manifest.json: chat.begin: expected an object",
       [](Json &json) { json["chat"].erase("begin"); }},
      {"manifest.json: chat.system.before: expected a value, found none",
       [](Json &json) { json["chat"]["system"] = Json::object(); }},
      {"manifest.json: chat.trim_text.left: expected 'none', 'newlines' or 'spaces', found 'all'",
       [](Json &json) { json["chat"]["trim_text"]["left"] = "all"; }},
      {"manifest.json: files: expected the name of a file beside the manifest, found "
       "'../model.so'",
       [](Json &json) { json["files"]["../model.so"] = json["files"]["model.so"]; }},
      {"manifest.json: files: expected the name of a file beside the manifest, found 'a?b'",
       [](Json &json) { json["files"]["a\nb"] = json["files"]["model.so"]; }},
      {"manifest.json: files.'model.so'.sha256: expected 64 hexadecimal digits in lower case",
       [](Json &json) { json["files"]["model.so"]["sha256"] = "00"; }},
      {"manifest.json: files.'weights.bin'.crc32c: expected a value, found none",
       [](Json &json) { json["files"]["weights.bin"]["block_bytes"] = 4096; }},
      {"manifest.json: files.'weights.bin'.block_bytes: expected a value, found none",
       [](Json &json) { json["files"]["weights.bin"]["crc32c"] = "0123456789abcdef"; }},
      {"manifest.json: files.'weights.bin'.block_bytes: expected a whole number from 4096 to "
       "1073741824",
       [](Json &json) {
         json["files"]["weights.bin"]["block_bytes"] = 4095;
         json["files"]["weights.bin"]["crc32c"] = "0123456789abcdef";
       }},
      {"manifest.json: files.'weights.bin'.crc32c: expected 16 hexadecimal digits in lower case, "
       "eight for each block",
       [](Json &json) {
         json["files"]["weights.bin"]["block_bytes"] = 4096;
         json["files"]["weights.bin"]["crc32c"] = "0123456789abcde";
       }},
  };
  const Json good = bundle.manifest;
  for (const auto &[expected, change] : cases) {
    bundle.manifest = good;
    EXPECT_EQ(messageAfter(change), expected);
  }
}

TEST(Manifest, NotJson) {
  for (const char *text : {"", "{", "[]", "null", "\"checksum\"", "{\"checksum\":"})
    EXPECT_EQ(Manifest::parse(text).status().getCode(), Code::BadBundle) << text;
  // Nesting that a recursive reader would not survive.
  EXPECT_FALSE(Manifest::parse(std::string(1000000, '[')).ok());
}

} // namespace
