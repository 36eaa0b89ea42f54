#include "cli/InspectCommand.h"

#include "cli/RunCommand.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sstream>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class InspectCommandTest : public ::testing::Test {
protected:
  InspectCommandTest() { ::unsetenv(FAKE_LOADED_VARIABLE); }

  int inspect(bool json) {
    out.str("");
    err.str("");
    const int code = inspectCommand({bundle.path(), json}, out, err);
    EXPECT_EQ(::getenv(FAKE_LOADED_VARIABLE), nullptr) << "the model was loaded";
    return code;
  }
  bool shows(const std::string &text) { return out.str().find(text) != std::string::npos; }

  TestBundle bundle;
  std::ostringstream out, err;
};

TEST_F(InspectCommandTest, Text) {
  EXPECT_EQ(inspect(false), ExitDone);
  for (const char *text :
       {"target             fake (" FAKE_TRIPLE ", cpu any)", "recipe             float",
        "geometry", "context            96", "entry points",
        "encode               4      1   16.0 KiB  vision    npu    pixels f32 4x3x4x4 -> features "
        "f32 "
        "4x2x4",
        "machine            phone",
        "devices\n"
        "  name      runs on  code           target           runs here\n"
        "  cpu       cpu      model.so       fake             ok\n"
        "  npu       cpu      model.so       fake             ok\n",
        "candidates         [4, 2], [2, 4], [2, 2], [1, 1]", "memory plan",
        "peak_bytes         16384 (16.0 KiB)",
        "weights.bin            8192 bytes  sha-256 9f1dcbc3"})
    EXPECT_TRUE(shows(text)) << text << " is not in:\n" << out.str();
}

TEST_F(InspectCommandTest, Json) {
  EXPECT_EQ(inspect(true), ExitDone);
  const nlohmann::json json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["format"], "bluec-bundle");
  EXPECT_EQ(json["geometry"]["context"], FAKE_CONTEXT);
  EXPECT_EQ(json["checks"]["files"]["model.so"], "ok");
  EXPECT_EQ(json["checks"]["devices"], nlohmann::json({{"cpu", "ok"}, {"npu", "ok"}}));
}

TEST_F(InspectCommandTest, Precision) {
  bundle.manifest["precision"] = nlohmann::json::parse(R"({
    "segments": [{"segment": "language", "type": "i4 group 64 scale f16", "tensors": 9, "bytes": 2048}],
    "modules": [{"module": "decoder/layers.*/q_proj", "weights": "i4 group 64 scale f16",
                 "activations": "i16 group row scale f32", "layers": 2, "bytes": 1024}],
    "kv_cache": {"type": "i8 group 64 scale f16", "dot": "i16", "bytes": 4096}})");
  bundle.write();
  EXPECT_EQ(inspect(false), ExitDone);
  for (const char *text :
       {"language           9    2.0 KiB  i4 group 64 scale f16",
        "kv cache                4.0 KiB  i8 group 64 scale f16, products in i16",
        "   2    1.0 KiB  i4 group 64 scale f16 x i16 group row scale f32"})
    EXPECT_TRUE(shows(text)) << text << " is not in:\n" << out.str();
}

TEST_F(InspectCommandTest, Fusions) {
  bundle.manifest["fusions"] = nlohmann::json::parse(R"([
    {"entry": "encode", "layer": "vision/projector", "gathers_tokens": true, "linear_layers": 2,
     "steps_saved": 4, "wide_bytes_saved": 2048, "operations": 100, "operations_saved": 50}])");
  bundle.write();
  EXPECT_EQ(inspect(false), ExitDone);
  EXPECT_TRUE(shows("  encode: vision/projector                              4 steps    2.0 KiB of "
                    "rows  50 operations\n"))
      << out.str();
  EXPECT_EQ(inspect(true), ExitDone);
  EXPECT_EQ(nlohmann::json::parse(out.str())["fusions"][0]["operations_saved"], 50);
}

// The text is for people: what is not of the expected kind is left out.
TEST_F(InspectCommandTest, OddDescriptions) {
  bundle.manifest["entry_points"] = {1, {{"name", 7}, {"inputs", {1, {{"shape", 5}}}}}};
  bundle.manifest["memory_plan"] = {1, 2};
  bundle.manifest["precision"] = {{"segments", {1, {{"bytes", "x"}}}}, {"modules", 7}};
  bundle.manifest["fusions"] = {1, {{"entry", 7}, {"wide_bytes_saved", "x"}}};
  bundle.write();
  EXPECT_EQ(inspect(false), ExitDone) << err.str();
  bundle.manifest["entry_points"] = "none";
  bundle.write();
  EXPECT_EQ(inspect(false), ExitDone) << err.str();
}

// A bundle for another machine is shown, not refused.
TEST_F(InspectCommandTest, OtherTarget) {
  bundle.manifest["target"]["triple"] = "hexagon-unknown-linux-musl";
  bundle.write();
  EXPECT_EQ(inspect(false), ExitDone);
  EXPECT_TRUE(shows("  npu       cpu      model.so       fake             manifest.json: target "
                    "'fake': made for 'hexagon'"))
      << out.str();
}

TEST_F(InspectCommandTest, DevicesOfTheirOwn) {
  bundle.manifest["files"]["weights.so"] = bundle.manifest["files"]["weights.bin"];
  writeWhole(bundle.file("weights.so"), readWhole(bundle.file("weights.bin")));
  bundle.manifest["devices"][1]["code"] = "weights.so";
  bundle.manifest["devices"][1]["runs_on"] = "abacus";
  bundle.manifest["devices"][1]["target"] = {
      {"name", "beads"}, {"triple", "abacus-none"}, {"cpu", "wood"}, {"features", {"fast"}}};
  bundle.write();
  EXPECT_EQ(inspect(false), ExitDone) << err.str();
  const std::string reason = "manifest.json: device 'npu': runs_on: expected 'cpu', found 'abacus'";
  EXPECT_TRUE(shows("  cpu       cpu      model.so       fake             ok\n")) << out.str();
  EXPECT_TRUE(shows("  npu       abacus   weights.so     beads            " + reason)) << out.str();
  EXPECT_EQ(inspect(true), ExitDone);
  const nlohmann::json json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["checks"]["devices"], nlohmann::json({{"cpu", "ok"}, {"npu", reason}}));
}

TEST_F(InspectCommandTest, ControlCharactersStayAway) {
  bundle.manifest["producer"] = "\x1b[2J";
  bundle.manifest["memory_plan"]["\x1b[1m"] = "a\nb";
  bundle.write();
  EXPECT_EQ(inspect(false), ExitDone);
  EXPECT_FALSE(shows("\x1b"));
  EXPECT_TRUE(shows("a?b"));
}

TEST_F(InspectCommandTest, DamagedFile) {
  writeWhole(bundle.file("weights.bin"), std::string(FAKE_WEIGHTS_BYTES, '\1'));
  EXPECT_EQ(inspect(false), ExitInputAtFault);
  EXPECT_TRUE(shows("weights.bin: damaged: expected sha-256"));
  EXPECT_EQ(err.str().find("error: weights.bin: damaged"), 0u);
}

TEST_F(InspectCommandTest, NotABundle) {
  writeWhole(bundle.file("manifest.json"), "{}");
  EXPECT_EQ(inspect(true), ExitInputAtFault);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(), "error: manifest.json: format: expected a value, found none\n");
}

} // namespace
