// The JSON files of a model directory: what is read, and what is refused by name.
#include "compiler/import/ModelConfig.h"

#include "tests/unit/compiler/base/WithoutPlace.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

using namespace bluec;
namespace fs = std::filesystem;

namespace {

using Grids = std::vector<runtime::Grid>;

const char *const textOnly = R"({"model_type": "llama", "max_position_embeddings": 64,
  "num_hidden_layers": 2, "eos_token_id": [2, 3], "nested": {"a": 1}})";
const char *const both = R"({"model_type": "bluelm_v", "image_token_id": 4,
  "vision_config": {"hidden_size": 8},
  "text_config": {"max_position_embeddings": 512, "bos_token_id": 1}})";
const char *const preprocessor = R"({"rescale_factor": 0.5, "image_mean": [0.1, 0.2, 0.3],
  "image_std": [1, 2, 4], "size": {"height": 28, "width": 42}, "pad_color": [1, 2, 3],
  "dynamic_resolution": {"algorithm": "relaxed_aspect_ratio", "alpha": 0.2,
                         "grids": [[2, 1], [1, 1]], "thumbnail": "last_if_many"}})";

struct ModelConfigTest : testing::Test {
  ModelConfigTest() {
    root = fs::path(testing::TempDir()) /
           (std::string("bluec-config-") +
            testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~ModelConfigTest() override { fs::remove_all(root); }

  llvm::Expected<ModelConfig> read(const std::map<std::string, std::string> &files) {
    for (const auto &[name, text] : files)
      std::ofstream(root / name) << text;
    return readModelConfig(root.string());
  }
  std::string fault(const std::map<std::string, std::string> &files) {
    llvm::Expected<ModelConfig> config = read(files);
    return config ? "" : withoutPlace(llvm::toString(config.takeError()));
  }

  fs::path root;
};

TEST_F(ModelConfigTest, ReadsATextModel) {
  auto config = read({{"config.json", textOnly}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_FALSE(config->hasVision);
  EXPECT_TRUE(config->hasText);
  EXPECT_EQ(config->maxPositions, 64);
  EXPECT_EQ(config->eosTokenIds, (std::vector<int64_t>{2, 3}));
  EXPECT_FALSE(config->chat);
  EXPECT_FALSE(config->preprocess);
  EXPECT_TRUE(config->text.find("max_position_embeddings"));
  EXPECT_FALSE(config->text.find("nested"));
}

TEST_F(ModelConfigTest, ReadsAVisionLanguageModel) {
  auto config = read({{"config.json", both},
                      {"preprocessor_config.json", preprocessor},
                      {"generation_config.json", R"({"eos_token_id": 0, "bos_token_id": 7})"},
                      {"tokenizer_config.json", R"({"add_bos_token": false, "bos_token": "<s>",
               "eos_token": {"content": "</s>"}, "image_token": "<img>"})"},
                      {"special_tokens_map.json",
                       R"({"bos_token": "<other>", "pad_token": {"content": "<pad>"}})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_TRUE(config->hasVision && config->hasText);
  EXPECT_EQ(config->maxPositions, 512);
  EXPECT_EQ(config->eosTokenIds, (std::vector<int64_t>{0}));
  ASSERT_TRUE(config->preprocess);
  EXPECT_EQ(config->preprocess->rescale, 0.5);
  EXPECT_EQ(config->preprocess->deviation[2], 4);
  EXPECT_EQ(config->preprocess->tileWidth, 42);
  EXPECT_EQ(config->preprocess->padColor[1], 2);
  EXPECT_EQ(config->preprocess->candidates, (Grids{{2, 1}, {1, 1}}));
  EXPECT_EQ(config->preprocess->thumbnail, runtime::Thumbnail::LastIfMany);
  EXPECT_EQ(config->preprocess->scheme, runtime::Scheme::Relaxed);
  EXPECT_EQ(config->preprocess->filter, runtime::Filter::Bicubic);
  EXPECT_EQ(config->imageTokenCap.tokens, 0);
  ASSERT_TRUE(config->chat);
  EXPECT_EQ(config->chat->imageTokenId, 4);
  EXPECT_EQ(config->chat->imageToken, "<img>");
  EXPECT_EQ(config->chat->token("bos_token"), "<s>");
  EXPECT_EQ(config->chat->token("pad_token"), "<pad>");
  EXPECT_EQ(config->chat->token("mask_token"), "");
  EXPECT_EQ(config->chat->addBos, false);
  EXPECT_FALSE(config->chat->addEos);
  EXPECT_FALSE(config->chat->source);
  EXPECT_EQ(config->chat->endToken, "</s>");
}

TEST_F(ModelConfigTest, AnEndTokenMayStandAtTheTopOfANestedConfiguration) {
  auto config = read({{"config.json", R"({"eos_token_id": 5, "text_config": {"vocab_size": 9}})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->eosTokenIds, (std::vector<int64_t>{5}));
}

TEST_F(ModelConfigTest, StopStringsAreOneOrSeveral) {
  auto stopsOf = [&](const std::string &value) {
    auto config = read({{"config.json", textOnly},
                        {"generation_config.json", "{\"stop_strings\": " + value + "}"}});
    return config ? config->stopStrings
                  : std::vector<std::string>{withoutPlace(llvm::toString(config.takeError()))};
  };
  EXPECT_EQ(stopsOf("null"), std::vector<std::string>());
  EXPECT_EQ(stopsOf("\"User:\""), (std::vector<std::string>{"User:"}));
  EXPECT_EQ(stopsOf(R"(["a", "b"])"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(stopsOf(R"(["a", ""])"),
            (std::vector<std::string>{
                "generation_config.json: stop_strings: expected texts, found \"\""}));
}

// Where transformers looks for a chat template, and in which order: tokenizers and processors
// differ.
TEST_F(ModelConfigTest, ChoosesAChatTemplate) {
  using Files = std::map<std::string, std::string>;
  const Files places = {
      {"chat_template.jinja", "jinja"},
      {"chat_template.json", R"({"chat_template": "json"})"},
      {"tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "no"},
                                     {"name": "default", "template": "tokenizer"}]})"},
      {"processor_config.json", R"({"chat_template": {"default": "processor"}})"}};
  std::vector<std::string> ignored;
  auto chosen = [&](std::initializer_list<std::string> from, bool vision) -> std::string {
    fs::remove_all(root);
    fs::create_directories(root);
    Files files = {{"config.json", vision ? both : textOnly}};
    if (vision)
      files["preprocessor_config.json"] = preprocessor;
    for (const std::string &name : from)
      files[name] = places.at(name);
    auto config = read(files);
    if (!config)
      return llvm::toString(config.takeError());
    ignored = config->ignored;
    return config->chat && config->chat->source ? config->chat->source->text : "none";
  };
  for (bool vision : {false, true}) {
    EXPECT_EQ(chosen({}, vision), "none");
    EXPECT_EQ(chosen({"tokenizer_config.json"}, vision), "tokenizer");
    EXPECT_EQ(chosen({"processor_config.json"}, vision), "processor");
    EXPECT_EQ(chosen({"tokenizer_config.json", "chat_template.jinja"}, vision), "jinja");
    EXPECT_EQ(ignored, (std::vector<std::string>{"tokenizer_config.json:2:70: chat_template: "
                                                 "ignored: chat_template.jinja counts"}));
  }
  EXPECT_EQ(chosen({"tokenizer_config.json", "chat_template.json"}, false), "tokenizer");
  EXPECT_EQ(chosen({"tokenizer_config.json", "chat_template.json"}, true), "json");
  EXPECT_EQ(chosen({"chat_template.jinja", "chat_template.json", "processor_config.json"}, true),
            "processor");
  EXPECT_EQ(ignored.size(), 2u);
}

TEST_F(ModelConfigTest, ATemplateIsATextOrHasADefault) {
  EXPECT_EQ(fault({{"config.json", textOnly},
                   {"tokenizer_config.json", R"({"chat_template": [{"name": "rag"}]})"}}),
            "tokenizer_config.json: chat_template: expected a template, or several of which "
            "one is named \"default\", found [{\"name\":\"rag\"}]");
  auto config =
      read({{"config.json", textOnly}, {"tokenizer_config.json", R"({"bluec_chat": 1})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->ignored,
            (std::vector<std::string>{"tokenizer_config.json:1:16: bluec_chat: ignored: the chat "
                                      "template says what stands around a turn"}));
}

// One tile: stretched as these processors do; others would cut or pad, which is not done.
TEST_F(ModelConfigTest, AProcessorSaysHowAPictureFitsItsTile) {
  auto schemeOf = [&](const std::string &text) -> std::optional<runtime::Scheme> {
    auto config = read({{"config.json", both},
                        {"preprocessor_config.json", "{\"do_normalize\": false, " + text + "}"}});
    if (config)
      return config->preprocess->scheme;
    llvm::consumeError(config.takeError());
    return std::nullopt;
  };
  using runtime::Scheme;
  for (const char *name : {"SiglipImageProcessor", "SiglipImageProcessorFast", "ViTImageProcessor"})
    EXPECT_EQ(schemeOf(std::string(R"("image_processor_type": ")") + name + "\""),
              Scheme::InternVl);
  EXPECT_EQ(schemeOf(R"("image_processor_type": "PixtralImageProcessor")"), std::nullopt);
  EXPECT_EQ(schemeOf(R"("do_resize": false)"), std::nullopt);
  EXPECT_EQ(schemeOf(R"("image_processor_type": "LlavaNextImageProcessor", "size": 336,
                        "image_grid_pinpoints": [[336, 672]])"),
            Scheme::LlavaNext);
  EXPECT_EQ(
      fault({{"preprocessor_config.json",
              R"({"do_normalize": false, "image_processor_type": "PixtralImageProcessor"})"}}),
      "preprocessor_config.json: image_processor_type: expected BlueLMVImageProcessor, "
      "LlavaNextImageProcessor, GotOcr2ImageProcessor, SiglipImageProcessor, "
      "ViTImageProcessor, Gemma3ImageProcessor, CLIPImageProcessor, Idefics3ImageProcessor or "
      "SmolVLMImageProcessor, found \"PixtralImageProcessor\"");
}

// As generate() takes it: what a file does not say is transformers' default, and without do_sample
// nothing is sampled.
TEST_F(ModelConfigTest, ReadsHowAnswersAreMade) {
  auto config = read({{"config.json", textOnly},
                      {"generation_config.json",
                       R"({"do_sample": true, "temperature": 0.5, "min_p": null,
                           "repetition_penalty": 1.25, "max_new_tokens": 7})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->generate.maxNewTokens, 7);
  EXPECT_EQ(config->generate.sampling.temperature, 0.5f);
  EXPECT_EQ(config->generate.sampling.topK, 50);
  EXPECT_EQ(config->generate.sampling.topP, 1);
  EXPECT_EQ(config->generate.sampling.repetitionPenalty, 1.25f);
  config = read({{"generation_config.json", R"({"temperature": 0.5, "top_k": 3})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->generate.sampling.temperature, 0);
  EXPECT_TRUE(config->ignored.empty());

  EXPECT_EQ(fault({{"generation_config.json", R"({"do_sample": true, "temperature": 0})"}}),
            "generation_config.json: temperature: expected a number from 1e-06 to 1000000.0, found "
            "0.0");
  EXPECT_EQ(
      fault({{"generation_config.json", R"({"do_sample": true, "top_k": -1})"}}),
      "generation_config.json: top_k: expected a whole number from 0 to 1073741824, found -1");
}

TEST_F(ModelConfigTest, NamesWhatChangesAnswersAndIsIgnored) {
  auto config = read({{"config.json", textOnly},
                      {"generation_config.json",
                       R"({"num_beams": 1, "no_repeat_ngram_size": 1, "use_cache": true,
                           "bad_words_ids": [], "suppress_tokens": [1],
                           "stop_strings": null, "new_way": 0})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(
      config->ignored,
      (std::vector<std::string>{
          "generation_config.json:1:42: no_repeat_ngram_size: ignored, bluec does not know it",
          "generation_config.json:2:68: suppress_tokens: ignored, bluec does not know it",
          "generation_config.json:3:61: new_way: ignored, bluec does not know it"}));
}

// Newer releases of transformers save a processor's parts in one file, and ask it first.
TEST_F(ModelConfigTest, AProcessorMayHoldTheImageProcessor) {
  std::string nested = std::string(R"({"processor_class": "LlavaProcessor", "image_processor": )") +
                       std::string(preprocessor) + "}";
  auto config = read({{"config.json", both}, {"processor_config.json", nested}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  ASSERT_TRUE(config->preprocess);
  EXPECT_EQ(config->preprocess->rescale, 0.5);
  EXPECT_EQ(config->preprocessPlace, "processor_config.json: image_processor.");
  config = read({{"preprocessor_config.json", R"({"do_normalize": false})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->preprocess->rescale, 0.5);
  config = read({{"processor_config.json", R"({"image_processor": null})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->preprocessPlace, "preprocessor_config.json: ");
  EXPECT_EQ(fault({{"processor_config.json",
                    R"({"image_processor": {"do_normalize": false, "resample": 9}})"}}),
            "processor_config.json: image_processor.resample: expected 1 (lanczos), 2 (bilinear) "
            "or 3 (bicubic), found 9");
}

// Pixels that no f32 holds.
TEST_F(ModelConfigTest, NamesWhatMakesPixelsInfinite) {
  auto faultOf = [&](const std::string &text) {
    return fault({{"config.json", both}, {"preprocessor_config.json", text}});
  };
  EXPECT_EQ(faultOf(R"({"do_normalize": false, "rescale_factor": 1e308})"),
            "preprocessor_config.json: rescale_factor: expected values with which pixels are "
            "finite, found 1e+308");
  EXPECT_EQ(faultOf(R"({"image_mean": [0, 1e300, 0], "image_std": [1, 1, 1]})"),
            "preprocessor_config.json: image_mean: expected values with which pixels are finite, "
            "found [0,1e+300,0]");
  for (const char *tiny : {"5e-324", "1e-39"})
    EXPECT_NE(
        faultOf(std::string(R"({"image_mean": [0, 0, 0], "image_std": [1, 1, )") + tiny + "]}")
            .find("image_std: expected values with which pixels are finite"),
        std::string::npos)
        << tiny;
}

// `<image>` in a question is a text like any other.
TEST_F(ModelConfigTest, ATextModelHasNoPictureToken) {
  auto config = read({{"config.json", R"({"image_token_id": 4})"},
                      {"tokenizer_config.json", R"({"image_token": "<image>"})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->chat->imageToken, "");
  EXPECT_FALSE(config->chat->imageTokenId);
}

TEST_F(ModelConfigTest, ASiglipTowerNeedsNoPreprocessor) {
  auto config = read({{"config.json", R"({"model_type": "siglip_vision_model"})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_TRUE(config->hasVision);
  EXPECT_FALSE(config->hasText);
  ASSERT_TRUE(config->preprocess);
  EXPECT_EQ(config->preprocess->mean[0], 0.5);
  EXPECT_EQ(config->preprocess->candidates, (Grids{{1, 1}}));
  EXPECT_EQ(config->preprocess->thumbnail, runtime::Thumbnail::None);
  EXPECT_TRUE(config->ignored.empty());
  // Another encoder's pictures may be made ready otherwise.
  auto other = read({{"config.json", R"({"model_type": "clip_vision_model"})"}});
  ASSERT_TRUE(bool(other)) << llvm::toString(other.takeError());
  ASSERT_EQ(other->ignored.size(), 1u);
  EXPECT_EQ(other->ignored[0], "preprocessor_config.json: found none: pictures are made ready as "
                               "SigLIP's are, stretched and from -1 to 1");
}

constexpr const char *kPlain = R"("image_mean": [0, 0, 0], "image_std": [1, 1, 1], )";

TEST_F(ModelConfigTest, ReadsSchemes) {
  ImageTokenCap cap;
  auto preprocessOf = [&](const std::string &text) {
    auto config =
        read({{"config.json", both}, {"preprocessor_config.json", "{" + (kPlain + text) + "}"}});
    if (!config) {
      ADD_FAILURE() << llvm::toString(config.takeError());
      return runtime::Preprocess();
    }
    cap = config->imageTokenCap;
    return *config->preprocess;
  };
  runtime::Preprocess own = preprocessOf(R"("resample": 2, "size": 28, "dynamic_resolution": {
      "algorithm": "internvl", "max_tiles": 2, "thumbnail": "first", "max_image_tokens": 40})");
  EXPECT_EQ(own.scheme, runtime::Scheme::InternVl);
  EXPECT_EQ(own.filter, runtime::Filter::Bilinear);
  EXPECT_EQ(own.tileWidth, 28);
  EXPECT_EQ(own.candidates, (Grids{{2, 1}, {1, 2}, {1, 1}}));
  EXPECT_EQ(own.thumbnail, runtime::Thumbnail::First);
  EXPECT_EQ(cap.tokens, 40);

  runtime::Preprocess llava = preprocessOf(R"("size": {"shortest_edge": 336},
      "do_center_crop": true, "crop_size": {"height": 336, "width": 336},
      "image_grid_pinpoints": [[336, 672], [672, 336], [1008, 336]])");
  EXPECT_EQ(llava.scheme, runtime::Scheme::LlavaNext);
  EXPECT_EQ(llava.thumbnail, runtime::Thumbnail::First);
  EXPECT_EQ(llava.candidates, (Grids{{2, 1}, {1, 2}, {1, 3}}));

  runtime::Preprocess intern = preprocessOf(R"("size": {"height": 448, "width": 448},
      "crop_to_patches": true, "min_patches": 2, "max_patches": 3)");
  EXPECT_EQ(intern.scheme, runtime::Scheme::InternVl);
  EXPECT_EQ(intern.thumbnail, runtime::Thumbnail::LastIfMany);
  EXPECT_EQ(intern.candidates, (Grids{{3, 1}, {2, 1}, {1, 3}, {1, 2}}));
}

TEST_F(ModelConfigTest, NamesWhatIsWrongWithSchemes) {
  auto with = [&](const std::string &text) {
    return fault(
        {{"config.json", both}, {"preprocessor_config.json", "{" + (kPlain + text) + "}"}});
  };
  const std::string file = "preprocessor_config.json: ";
  EXPECT_EQ(with(R"("dynamic_resolution": {})"),
            file + "dynamic_resolution.grids: expected a list (or max_tiles), found none");
  EXPECT_EQ(with(R"("dynamic_resolution": {"max_tiles": 1000000000})"),
            file + "dynamic_resolution.max_tiles: expected a whole number from 1 to 128, found "
                   "1000000000");
  EXPECT_EQ(with(R"("dynamic_resolution": {"max_tiles": 2, "min_tiles": 3})"),
            file + "dynamic_resolution.max_tiles: expected a whole number from 3 to 128, found 2");
  EXPECT_EQ(with(R"("dynamic_resolution": {"max_tiles": 2, "thumbnail": "second"})"),
            file + "dynamic_resolution.thumbnail: expected none, last_if_many or first, found "
                   "\"second\"");
  EXPECT_EQ(with(R"("dynamic_resolution": {"max_tiles": 2, "alpha": -1})"),
            file + "dynamic_resolution.alpha: expected a number that is not negative, found -1.0");
  EXPECT_EQ(with(R"("dynamic_resolution": {"max_tiles": 2, "max_image_tokens": -1})"),
            file + "dynamic_resolution.max_image_tokens: expected a whole number from 0 to "
                   "2147483648, found -1");
  EXPECT_EQ(with(R"("image_grid_pinpoints": [[336, 672]])"),
            file + "image_grid_pinpoints: expected 1 to 64 times the size of a tile on each side, "
                   "found [336,672]");
  EXPECT_EQ(with(R"("size": 336, "image_grid_pinpoints": [[336, 600]])"),
            file + "image_grid_pinpoints: expected 1 to 64 times the size of a tile on each side, "
                   "found [336,600]");
  EXPECT_EQ(with(R"("size": 336, "image_grid_pinpoints": [336])"),
            file + "image_grid_pinpoints: expected pairs of height and width, found 336");
  EXPECT_EQ(with(R"("crop_to_patches": true)"),
            file + "max_patches: expected a whole number, found none");
  EXPECT_EQ(with(R"("crop_to_patches": true, "image_grid_pinpoints": [[1, 1]])"),
            file + "image_grid_pinpoints: expected one of dynamic_resolution, "
                   "image_grid_pinpoints and crop_to_patches, found [[1,1]]");
  EXPECT_EQ(with(R"("size": 336, "do_center_crop": true, "crop_size": 224)"),
            file + "crop_size: expected the size of a tile, found 224");
}

TEST_F(ModelConfigTest, NamesWhatIsMissing) {
  EXPECT_EQ(fault({}), "config.json: expected in the model directory, found none");
  EXPECT_EQ(fault({{"config.json", both}}),
            "preprocessor_config.json: expected beside a vision encoder (or processor_config.json "
            "with image_processor), found none");
}

TEST_F(ModelConfigTest, NamesWhatIsWrong) {
  EXPECT_EQ(fault({{"config.json", "[1, 2"}}), "config.json: expected ',' or ']', found the end");
  EXPECT_EQ(fault({{"config.json", "[1, 2]"}}), "config.json: expected an object, found [1,2]");
  EXPECT_EQ(fault({{"config.json", std::string(1000, '[')}}),
            "config.json: expected at most 64 levels of nesting");
  EXPECT_EQ(fault({{"config.json", R"({"max_position_embeddings": -1})"}}),
            "config.json: max_position_embeddings: expected a whole number from 1 to 2147483648, "
            "found -1");
  EXPECT_EQ(fault({{"config.json", R"({"max_position_embeddings": 18446744073709551615})"}}),
            "config.json: max_position_embeddings: expected a whole number from 1 to 2147483648, "
            "found 18446744073709551615");
  EXPECT_EQ(fault({{"config.json", R"({"model_type": 5})"}}),
            "config.json: model_type: expected a string, found 5");
  EXPECT_EQ(fault({{"config.json", R"({"eos_token_id": "</s>"})"}}),
            "config.json: eos_token_id: expected a whole number from 0 to 2147483648, found "
            "\"</s>\"");
}

TEST_F(ModelConfigTest, SaysWhere) {
  llvm::Expected<ModelConfig> config =
      read({{"config.json", "{\"text_config\": {\n  \"num_hidden_layers\": 0}}"}});
  ASSERT_FALSE(bool(config));
  EXPECT_EQ(llvm::toString(config.takeError()),
            "config.json:2:24: text_config.num_hidden_layers: expected a whole number from 1 to "
            "2147483648, found 0");
}

TEST_F(ModelConfigTest, TakesInfinityAsPythonWritesIt) {
  auto config = read({{"config.json", R"({"time_step_limit": [0.0, Infinity]})"}});
  EXPECT_TRUE(bool(config)) << llvm::toString(config.takeError());
}

TEST_F(ModelConfigTest, NamesWhatIsWrongWithPictures) {
  auto with = [&](const std::string &text) {
    return fault({{"config.json", both}, {"preprocessor_config.json", text}});
  };
  const std::string mean = R"("image_mean": [0, 0, 0], )";
  EXPECT_EQ(with("{}"), "preprocessor_config.json: image_mean: expected a list, found none");
  EXPECT_EQ(with("{" + mean + R"("image_std": [1, 0, 1]})"),
            "preprocessor_config.json: image_std: expected numbers other than 0, found [1,0,1]");
  EXPECT_EQ(
      with("{" + mean + R"("image_std": [1, 1, 1], "resample": 0})"),
      "preprocessor_config.json: resample: expected 1 (lanczos), 2 (bilinear) or 3 (bicubic), "
      "found 0");
  EXPECT_EQ(with("{" + mean + R"("image_std": [1, 1, 1], "pad_color": [0, 0, 256]})"),
            "preprocessor_config.json: pad_color: expected a whole number from 0 to 255, found "
            "256");
  EXPECT_EQ(
      with("{" + mean + R"("image_std": [1, 1, 1], "dynamic_resolution": {"grids": [[1, 0]]}})"),
      "preprocessor_config.json: dynamic_resolution.grids: expected a whole number from 1 "
      "to 64, found 0");
  EXPECT_EQ(with("{" + mean + R"("image_std": [1, 1, 1], "dynamic_resolution": {"algorithm":
              "largest", "grids": [[1, 1]]}})"),
            "preprocessor_config.json: dynamic_resolution.algorithm: expected "
            "relaxed_aspect_ratio, llava_next or internvl, found \"largest\"");
}

} // namespace
