// Pictures as transformers' processors have them: tests/golden/pictures, made by
// scripts/make_picture_goldens. What is refused is refused by key and value.
#include "compiler/import/PictureConfig.h"

#include "compiler/base/JsonReader.h"
#include "compiler/import/ModelConfig.h"
#include "runtime/platform/Checksums.h"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace bluec;

namespace {

using Json = nlohmann::json;
const std::string folder = BLUEC_SOURCE_DIR "/tests/golden/pictures/";

// The same pixels as `noise` of the script.
runtime::Picture noise(int width, int height) {
  runtime::Picture picture{width, height, {}};
  uint32_t state = uint32_t(width) * 65537u + uint32_t(height);
  for (int i = 0; i < width * height * 3; ++i) {
    state = state * 1664525u + 1013904223u;
    picture.pixels.push_back(uint8_t(state >> 24));
  }
  return picture;
}

class PicturePackage : public testing::TestWithParam<const char *> {};

// To the bit: Pillow's resizing, then the same float arithmetic.
TEST_P(PicturePackage, PixelsAreThoseOfTheProcessor) {
  llvm::Expected<ModelConfig> config = readModelConfig(
      folder + GetParam(),
      GetParam() == std::string("qwen2vl") ? std::optional(ImageSize{56, 84}) : std::nullopt);
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  runtime::Preprocess preprocess = *config->preprocess;
  std::ifstream file(folder + GetParam() + "/goldens.json");
  const Json goldens = Json::parse(file)["pixels"];
  EXPECT_GE(goldens.size(), 14u);
  for (const Json &golden : goldens) {
    const runtime::Picture picture = noise(golden["size"][0], golden["size"][1]);
    const runtime::TileSet tiles = runtime::makeTiles(picture, preprocess);
    EXPECT_EQ(tiles.count, golden["tiles"].get<int>()) << golden["size"];
    if (preprocess.scheme == runtime::Scheme::LongestEdge) {
      EXPECT_EQ(Json({tiles.grid.columns, tiles.grid.rows}), golden["grid"]) << golden["size"];
    }
    runtime::Sha256 hash = runtime::fastSha256();
    hash.update(tiles.pixels.data(), tiles.pixels.size() * sizeof(float));
    EXPECT_EQ(runtime::toHex(hash.finish()), golden["sha256"].get<std::string>()) << golden["size"];
  }
}

INSTANTIATE_TEST_SUITE_P(PictureConfig, PicturePackage,
                         testing::Values("smolvlm", "smolvlm-whole", "llava", "gemma3", "internvl",
                                         "qwen2vl"));

class PictureConfigTest : public testing::Test {
protected:
  // Of an image processor's object that normalises nothing; the fault, if there is one.
  runtime::Preprocess read(const std::string &fields, const char *processor = "") {
    fault.clear();
    ignored.clear();
    const std::string text = "{\"do_normalize\": false, " + fields + "}";
    JsonLimits limits = {1 << 16, 8, 1000};
    std::optional<JsonValue> json = parseJson(text, "p.json", limits, fault);
    EXPECT_TRUE(json) << fault;
    ImageTokenCap cap;
    const JsonReader reader(*json, "p.json", "", fault, JsonNulls::Absent);
    return readPreprocess(reader, processor, size, rows, cap, ignored);
  }
  // Without the place in the file.
  std::string faultOf(const std::string &fields) {
    read(fields);
    const size_t place = fault.find(": ");
    return place == fault.npos ? fault : fault.substr(place + 2);
  }

  std::string fault;
  std::vector<std::string> ignored;
  std::optional<ImageSize> size;
  std::optional<PatchRows> rows;
};

const std::string clip = R"("image_processor_type": "CLIPImageProcessor", )";
const std::string edge = R"("image_processor_type": "Idefics3ImageProcessor", )";

// What a file does not say is the class's own.
TEST_F(PictureConfigTest, DefaultsOfAClass) {
  using runtime::Filter;
  const std::string size = R"("size": {"height": 9, "width": 9})";
  EXPECT_EQ(read(R"("image_processor_type": "ViTImageProcessor", )" + size).filter,
            Filter::Bilinear);
  EXPECT_EQ(read(R"("image_processor_type": "SiglipImageProcessor", )" + size).filter,
            Filter::Bicubic);
  const runtime::Preprocess split =
      read(edge + R"("size": {"longest_edge": 20}, "max_image_size": {"longest_edge": 10})");
  EXPECT_EQ(fault, "");
  EXPECT_EQ(split.filter, Filter::Lanczos);
  EXPECT_EQ(split.candidates.size(), 3u);
  EXPECT_EQ(split.thumbnail, runtime::Thumbnail::LastIfMany);
  const runtime::Preprocess cut = read(clip + R"("size": 20, "crop_size": 10)");
  EXPECT_EQ(fault, "");
  EXPECT_EQ(cut.scheme, runtime::Scheme::CenterCrop);
  EXPECT_EQ(cut.edge, 20);
  EXPECT_EQ(cut.tileWidth, 10);
  EXPECT_TRUE(ignored.empty());
}

// The processor that holds the image processor has the last word.
TEST_F(PictureConfigTest, AProcessorMaySplitWhateverTheFileSays) {
  const std::string fields = R"("image_processor_type": "GotOcr2ImageProcessor", "size": 9,
                                "crop_to_patches": false, "max_patches": 6)";
  EXPECT_EQ(read(fields).candidates.size(), 1u);
  EXPECT_EQ(read(fields, "InternVLProcessor").candidates.size(), 14u);
}

TEST_F(PictureConfigTest, WhatDiffersIsSaid) {
  read(clip + R"("size": {"shortest_edge": 20}, "crop_size": 30)");
  EXPECT_EQ(fault, "");
  EXPECT_EQ(ignored.size(), 1u);
  read(R"("image_processor_type": "SiglipImageProcessorFast", "size": 9)");
  EXPECT_EQ(ignored, (std::vector<std::string>{
                         "image_processor_type: SiglipImageProcessorFast resizes by torchvision, "
                         "some levels off Pillow's pixels, which are bluec's"}));
}

TEST_F(PictureConfigTest, RefusesByKeyAndValue) {
  const std::string sides = R"("size": {"shortest_edge": 20}, "crop_size": 10, )";
  EXPECT_EQ(faultOf(clip + sides + R"("do_center_crop": false)"),
            "do_center_crop: expected true, found false");
  EXPECT_EQ(faultOf(clip + sides + R"("do_pad": true)"), "do_pad: expected false, found true");
  EXPECT_EQ(faultOf(clip + sides + R"("do_resize": false)"),
            "do_resize: expected true, found false");
  EXPECT_EQ(faultOf(clip + sides + R"("pad_size": {"height": 3})"),
            R"(pad_size: expected false, or nothing, found {"height":3})");
  EXPECT_EQ(faultOf(clip + R"("crop_size": 10)"), "size: expected an object, found none");
  EXPECT_EQ(faultOf(clip + R"("size": 10)"), "crop_size: expected a size, found none");
  EXPECT_EQ(faultOf(clip + R"("crop_size": 10, "size": {"shortest_edge": 9, "longest_edge": 12})"),
            R"(size: expected shortest_edge alone, found {"shortest_edge":9,"longest_edge":12})");
  EXPECT_EQ(faultOf(clip + R"("crop_size": 10, "size": {"height": 12, "width": 12})"),
            "crop_size: expected the size to which a picture is stretched, found 10");
  const std::string tile = R"("max_image_size": {"longest_edge": 10})";
  EXPECT_EQ(faultOf(edge + tile), "size: expected an object, found none");
  EXPECT_EQ(faultOf(edge + R"("size": {"height": 5, "width": 5}, )" + tile),
            R"(size: expected longest_edge alone, found {"height":5,"width":5})");
  EXPECT_EQ(faultOf(edge + R"("size": {"longest_edge": 5000}, )" + tile),
            "size.longest_edge: expected a whole number from 1 to 4096, found 5000");
  EXPECT_EQ(faultOf(edge + R"("size": {"longest_edge": 650}, )" + tile),
            R"(size: expected at most 64 times max_image_size, found {"longest_edge":650})");
  EXPECT_EQ(faultOf(edge + R"("size": {"longest_edge": 20}, "do_pan_and_scan": true, )" + tile),
            "do_pan_and_scan: expected false, or nothing, found true");
  const std::string stretch = R"("image_processor_type": "Gemma3ImageProcessor", )";
  EXPECT_EQ(faultOf(stretch + R"("size": 10, "do_pan_and_scan": true)"),
            "do_pan_and_scan: expected false, or nothing, found true");
  EXPECT_EQ(faultOf(stretch + R"("size": {"shortest_edge": 10})"),
            "size: expected height and width, to which a picture is stretched, found "
            R"({"shortest_edge":10})");
  EXPECT_EQ(faultOf(stretch + R"("size": 10, "do_image_splitting": true)"),
            "do_image_splitting: expected false, or nothing, found true");
  EXPECT_EQ(faultOf(stretch + R"("size": 10, "image_grid_pinpoints": [[10, 10]])"),
            "image_processor_type: expected LlavaNextImageProcessor, GotOcr2ImageProcessor or none "
            "with tiles, found \"Gemma3ImageProcessor\"");
  EXPECT_EQ(faultOf(R"("image_processor_type": "LlavaNextImageProcessor", "size": 10)"),
            "image_processor_type: expected another one, or tiles by image_grid_pinpoints, found "
            "\"LlavaNextImageProcessor\"");
}

// A class of which bluec does not know what it writes, and tokens that one needs.
TEST_F(PictureConfigTest, RefusesProcessors) {
  const auto faultOfClass = [&](const char *processor, const std::string &text) {
    fault.clear();
    JsonLimits limits = {1 << 16, 8, 1000};
    const std::optional<JsonValue> json = parseJson(text, "p.json", limits, fault);
    const std::vector<JsonReader> files(3, JsonReader(*json, "p.json", "", fault));
    readPlaceholder(processor, files, oneTile(), [](llvm::StringRef) { return ""; });
    const size_t place = fault.find(": ");
    return place == fault.npos ? fault : fault.substr(place + 2);
  };
  EXPECT_EQ(faultOfClass("LlavaNextProcessor", R"({"processor_class": "LlavaNextProcessor"})"),
            "processor_class: expected BlueLMVProcessor, LlavaProcessor, Qwen2VLProcessor, "
            "Qwen2_5_VLProcessor, Qwen3VLProcessor, InternVLProcessor, Gemma3Processor, "
            "Idefics3Processor or SmolVLMProcessor, found \"LlavaNextProcessor\"");
  EXPECT_EQ(faultOfClass("Gemma3Processor", "{}"),
            "boi_token: expected a token, as Gemma3Processor needs, found none");
  EXPECT_EQ(faultOfClass("Idefics3Processor", "{}"), "");
  EXPECT_EQ(faultOfClass("", "{}"), "");
  EXPECT_EQ(findProcessorClass({}, "llava_next"), "LlavaNextProcessor");
  EXPECT_EQ(findProcessorClass({}, "other"), "");
}

// A processor that chooses a size for each picture is taken for the one that was asked for.
TEST_F(PictureConfigTest, AllPicturesGetTheSizeThatWasAskedFor) {
  const std::string patches = R"("image_processor_type": "Qwen2VLImageProcessor")";
  EXPECT_TRUE(llvm::StringRef(faultOf(patches))
                  .ends_with("or SmolVLMImageProcessor, or --image-size HEIGHTxWIDTH with one that "
                             "chooses a size for each picture, found \"Qwen2VLImageProcessor\""))
      << fault;
  size = ImageSize{56, 84};
  runtime::Preprocess found = read(patches);
  EXPECT_EQ(fault, "");
  EXPECT_EQ(found.tileHeight, 56);
  EXPECT_EQ(found.tileWidth, 84);
  EXPECT_EQ(found.filter, runtime::Filter::Bicubic);
  EXPECT_EQ(found.scheme, runtime::Scheme::InternVl);
  EXPECT_EQ(found.candidates.size(), 1u);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->patch, 14);
  EXPECT_EQ(rows->frames, 2);
  EXPECT_EQ(rows->block, 2);
  ASSERT_EQ(ignored.size(), 1u);
  EXPECT_EQ(ignored[0],
            "image_processor_type: Qwen2VLImageProcessor chooses a size for each picture by its "
            "proportions; here each is stretched to 56x84 pixels (--image-size)");
  EXPECT_EQ(faultOf(patches + R"(, "patch_size": 16)"),
            "--image-size: expected multiples of 32, patch_size times merge_size, found 56x84");
  // The two forms in which the bounds are said.
  const std::string few = "--image-size: expected 5000 to 1003520 pixels (min_pixels and "
                          "max_pixels, or those of size), found 56x84, which are 4704";
  EXPECT_EQ(faultOf(patches + R"(, "min_pixels": 5000)"), few);
  EXPECT_EQ(faultOf(patches + R"(, "size": {"shortest_edge": 5000, "longest_edge": 1003520})"),
            few);
  EXPECT_EQ(faultOf(patches + R"(, "max_pixels": 4000, "size": {"max_pixels": 9000})"),
            "--image-size: expected 3136 to 4000 pixels (min_pixels and max_pixels, or those of "
            "size), found 56x84, which are 4704");
  EXPECT_EQ(faultOf(patches + R"(, "do_resize": false)"), "do_resize: expected true, found false");
  EXPECT_EQ(faultOf(R"("image_processor_type": "SiglipImageProcessor", "size": 9)"),
            "image_processor_type: expected Qwen2VLImageProcessor or Qwen2_5_VLImageProcessor with "
            "--image-size, found \"SiglipImageProcessor\"");
}

} // namespace
