// The JSON files of a model directory: what is read, and what is refused by name.
#include "compiler/import/ModelConfig.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

using namespace bluec;
namespace fs = std::filesystem;

namespace {

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
    return config ? "" : llvm::toString(config.takeError());
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
  EXPECT_TRUE(config->text.contains("max_position_embeddings"));
  EXPECT_FALSE(config->text.contains("nested"));
}

TEST_F(ModelConfigTest, ReadsAVisionLanguageModel) {
  auto config = read({{"config.json", both},
                      {"preprocessor_config.json", preprocessor},
                      {"generation_config.json", R"({"eos_token_id": 0, "bos_token_id": 7})"},
                      {"tokenizer_config.json", R"({"add_bos_token": false, "bos_token": "<s>",
               "bluec_chat": {"prefix": "<s>", "image": "<img>", "user_prefix": "U",
                              "assistant_prefix": "A", "assistant_suffix": "E"}})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_TRUE(config->hasVision && config->hasText);
  EXPECT_EQ(config->maxPositions, 512);
  EXPECT_EQ(config->eosTokenIds, (std::vector<int64_t>{0}));
  ASSERT_TRUE(config->preprocess);
  EXPECT_EQ(config->preprocess->rescale, 0.5);
  EXPECT_EQ(config->preprocess->deviation[2], 4);
  EXPECT_EQ(config->preprocess->tileWidth, 42);
  EXPECT_EQ(config->preprocess->padColor[1], 2);
  EXPECT_EQ(config->preprocess->candidates,
            (std::vector<std::pair<int64_t, int64_t>>{{2, 1}, {1, 1}}));
  EXPECT_TRUE(config->preprocess->thumbnail);
  ASSERT_TRUE(config->chat);
  EXPECT_EQ(config->chat->imageTokenId, 4);
  EXPECT_EQ(config->chat->imageToken, "<img>");
  EXPECT_EQ(config->chat->bosTokenId, 7);
  EXPECT_TRUE(config->chat->addBos);
  EXPECT_EQ(config->chat->assistantSuffix, "E");
}

TEST_F(ModelConfigTest, KnowsChatMl) {
  auto config =
      read({{"config.json", textOnly},
            {"tokenizer_config.json", R"({"chat_template": "{{'<|im_start|>' + role}}"})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->chat->userPrefix, "<|im_start|>user\n");
}

TEST_F(ModelConfigTest, ASiglipTowerNeedsNoPreprocessor) {
  auto config = read({{"config.json", R"({"model_type": "siglip_vision_model"})"}});
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_TRUE(config->hasVision);
  EXPECT_FALSE(config->hasText);
  ASSERT_TRUE(config->preprocess);
  EXPECT_EQ(config->preprocess->mean[0], 0.5);
}

TEST_F(ModelConfigTest, NamesWhatIsMissing) {
  EXPECT_EQ(fault({}), "config.json: expected in the model directory, found none");
  EXPECT_EQ(fault({{"config.json", both}}),
            "preprocessor_config.json: expected beside a vision encoder, found none");
}

TEST_F(ModelConfigTest, NamesWhatIsWrong) {
  EXPECT_EQ(fault({{"config.json", "[1, 2"}}),
            "config.json: expected a json object, found something else");
  EXPECT_EQ(fault({{"config.json", std::string(1000, '[')}}),
            "config.json: expected a json object, found something else");
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

TEST_F(ModelConfigTest, NamesWhatIsWrongWithPictures) {
  auto with = [&](const std::string &text) {
    return fault({{"config.json", both}, {"preprocessor_config.json", text}});
  };
  const std::string mean = R"("image_mean": [0, 0, 0], )";
  EXPECT_EQ(with("{}"), "preprocessor_config.json: image_mean: expected a list, found none");
  EXPECT_EQ(with("{" + mean + R"("image_std": [1, 0, 1]})"),
            "preprocessor_config.json: image_std: expected numbers other than 0, found [1,0,1]");
  EXPECT_EQ(with("{" + mean + R"("image_std": [1, 1, 1], "resample": 0})"),
            "preprocessor_config.json: resample: expected 3 (bicubic), found 0");
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
            "relaxed_aspect_ratio, found \"largest\"");
}

TEST_F(ModelConfigTest, APrefixThatIsNoBosTokenIsRefused) {
  EXPECT_EQ(fault({{"config.json", textOnly},
                   {"tokenizer_config.json",
                    R"({"bos_token": "<s>", "bluec_chat": {"prefix": "hello"}})"}}),
            "tokenizer_config.json: bluec_chat.prefix: expected the bos token or nothing, found "
            "\"hello\"");
}

} // namespace
