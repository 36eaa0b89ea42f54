// genai_config.json: what of it counts, what is named, what is refused.
#include "compiler/import/GenaiConfig.h"

#include "tests/unit/compiler/base/WithoutPlace.h"

#include <gtest/gtest.h>

using namespace bluec;

namespace {

/// As the builder writes it, with more members for the model, its decoder and the search.
std::string textWith(const std::string &model, const std::string &decoder,
                     const std::string &search) {
  return R"({"model": {"bos_token_id": 1, "context_length": 64, "decoder": {)"
         R"("session_options": {"provider_options": []}, "filename": "model.onnx", "head_size": 16,)"
         R"("hidden_size": 48, "num_attention_heads": 3, "num_hidden_layers": 2,)"
         R"("num_key_value_heads": 1)" +
         decoder + R"(}, "eos_token_id": [2, 3], "type": "qwen2", "vocab_size": 109)" + model +
         R"(}, "search": {"early_stopping": true, "num_beams": 1, "max_length": 32)" + search +
         "}}";
}

struct GenaiConfigTest : testing::Test {
  GenaiConfig read(const std::string &text) {
    std::optional<JsonValue> json = parseJson(text, kGenaiConfigName, JsonLimits(), fault);
    if (!json)
      return {};
    return readGenai(JsonReader(*json, kGenaiConfigName, "", fault, JsonNulls::Absent), ignored);
  }
  std::string faultOf(const std::string &text) {
    read(text);
    return withoutPlace(fault);
  }

  std::string fault;
  std::vector<std::string> ignored;
};

TEST_F(GenaiConfigTest, ReadsALanguageModel) {
  GenaiConfig config = read(textWith("", "", ""));
  EXPECT_EQ(fault, "");
  EXPECT_TRUE(ignored.empty());
  EXPECT_EQ(config.decoder, "model.onnx");
  EXPECT_EQ(config.positions, 32); // a conversation ends at the least of both
  EXPECT_EQ(config.eosTokenIds, (std::vector<int64_t>{2, 3}));
  ASSERT_TRUE(config.text.find("head_dim"));
  EXPECT_EQ(config.text.find("head_dim")->integer(), 16);
  EXPECT_EQ(config.text.find("vocab_size")->integer(), 109);
  EXPECT_EQ(config.sampling.temperature, runtime::SamplingOptions().temperature);
}

TEST_F(GenaiConfigTest, ANameOfItsOwnIsThatOfTheGraph) {
  GenaiConfig config = read(textWith("", R"(, "inputs": {"past_key_names": "k_in_%d"})", ""));
  EXPECT_EQ(fault, "");
  EXPECT_EQ(config.inputs[4],
            std::pair(std::string("k_in_%d"), std::string("past_key_values.%d.key")));
}

TEST_F(GenaiConfigTest, SamplesAsGenaiDoes) {
  GenaiConfig config =
      read(textWith("", "",
                    R"(, "do_sample": true, "temperature": 0.5, "top_k": 7, "top_p": 0.0,)"
                    R"("repetition_penalty": 1.25)"));
  EXPECT_EQ(fault, "");
  EXPECT_FLOAT_EQ(config.sampling.temperature, 0.5);
  EXPECT_EQ(config.sampling.topK, 7);
  EXPECT_EQ(config.sampling.topP, 1);
  EXPECT_FLOAT_EQ(config.sampling.repetitionPenalty, 1.25);
  // No heat: the likeliest token.
  config = read(textWith("", "", R"(, "do_sample": true, "temperature": 0.0)"));
  EXPECT_EQ(fault, "");
  EXPECT_EQ(config.sampling.temperature, runtime::SamplingOptions().temperature);
}

TEST_F(GenaiConfigTest, NamesWhatIsIgnored) {
  read(textWith(R"(, "odd": 1)", R"(, "odder": 1)", R"(, "min_length": 5, "num_beams": 4)"));
  EXPECT_EQ(fault, "");
  ASSERT_EQ(ignored.size(), 4u);
  EXPECT_EQ(withoutPlace(ignored[0]),
            "genai_config.json: model.odd: ignored, bluec does not know it");
  EXPECT_EQ(withoutPlace(ignored[1]),
            "genai_config.json: model.decoder.odder: ignored, bluec does not know it");
  EXPECT_EQ(withoutPlace(ignored[2]),
            "genai_config.json: search.num_beams: ignored, bluec does not know it");
  EXPECT_EQ(withoutPlace(ignored[3]),
            "genai_config.json: search.min_length: ignored, bluec does not know it");
}

TEST_F(GenaiConfigTest, RefusesWhatIsNoLanguageModel) {
  EXPECT_EQ(faultOf(textWith(R"(, "vision": {"filename": "vision.onnx"})", "", "")),
            "genai_config.json: model.vision: expected a language model in one graph (a model with "
            "pictures is taken as vision_encoder.onnx, embed_tokens.onnx and "
            "decoder_model_merged.onnx), found {\"filename\":\"vision.onnx\"}");
}

TEST_F(GenaiConfigTest, RefusesAPipeline) {
  EXPECT_EQ(faultOf(textWith("", R"(, "pipeline": [])", "")),
            "genai_config.json: model.decoder.pipeline: expected one graph (filename), found []");
}

TEST_F(GenaiConfigTest, RefusesInputsThatNothingFeeds) {
  EXPECT_EQ(faultOf(textWith("", R"(, "inputs": {"block_table": "block_table"})", "")),
            "genai_config.json: model.decoder.inputs.block_table: expected input_ids, "
            "inputs_embeds, attention_mask, position_ids, past_key_names or past_value_names "
            "alone, found \"block_table\"");
}

TEST_F(GenaiConfigTest, RefusesANameWithoutItsLayer) {
  EXPECT_EQ(faultOf(textWith("", R"(, "outputs": {"present_key_names": "present"})", "")),
            "genai_config.json: model.decoder.outputs.present_key_names: expected a name with one "
            "%d, the layer, found \"present\"");
}

TEST_F(GenaiConfigTest, RefusesAWindowThatTheCallerKeeps) {
  EXPECT_EQ(faultOf(textWith("", R"(, "sliding_window": {"window_size": 8,
                                     "slide_key_value_cache": true, "slide_inputs": false})",
                             "")),
            "genai_config.json: model.decoder.sliding_window.slide_key_value_cache: expected false "
            "(a window that the graph itself has), found true");
}

TEST_F(GenaiConfigTest, NamesWhatIsMissing) {
  EXPECT_EQ(faultOf("{}"), "genai_config.json: model: expected an object, found none");
}

} // namespace
