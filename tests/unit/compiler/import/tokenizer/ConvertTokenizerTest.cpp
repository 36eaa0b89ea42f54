#include "compiler/import/tokenizer/ConvertTokenizer.h"

#include "runtime/text/Tokenizer.h"
#include "tests/unit/compiler/base/WithoutPlace.h"

#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace bluec::runtime;
using bluec::withoutPlace;
using bluec::tokenizer::convertTokenizer;
using bluec::tokenizer::convertTokenizerText;
using Json = nlohmann::json;

namespace {

const std::string folder = BLUEC_SOURCE_DIR "/tests/golden/runtime/tokenizers/";

Json load(const std::string &name) {
  std::ifstream file(folder + name);
  return Json::parse(file);
}

class ConvertTokenizerGolden : public ::testing::TestWithParam<const char *> {};

// The ids and the texts that the `tokenizers` package gives, for text with every kind of trap.
TEST_P(ConvertTokenizerGolden, GivesTheSame) {
  const std::string name = GetParam();
  const auto table = convertTokenizer(folder + name + ".json", "", 800);
  ASSERT_TRUE(table.ok()) << table.status().message();
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table->table);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  for (const Json &entry : load(name + ".cases.json")) {
    const std::string text = entry[0];
    const auto ids = tokenizer->encode(text, Trust::Template);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(*ids, entry[1].get<std::vector<std::int32_t>>()) << text;
    EXPECT_EQ(tokenizer->decode(*ids), entry[2].get<std::string>()) << text;
    EXPECT_EQ(tokenizer->decode(*ids, true), entry[3].get<std::string>()) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConvertTokenizerGolden,
                         ::testing::Values("gpt2", "gpt2_prefix_space", "llama3", "cl100k", "qwen2",
                                           "digits", "o200k", "tekken", "deepseek_v3",
                                           "deepseek_v2", "falcon", "starcoder", "gpt_neox",
                                           "bloom", "llama2", "mistral_v03", "gemma", "phi3",
                                           "metaspace_always", "metaspace_never", "nfkd_lowercase",
                                           "t5", "albert", "unigram_bytes", "bert", "bert_cased"));

// Text comes back as it was, with tokenizers that neither add a space nor normalise.
TEST(ConvertTokenizer, RoundTrip) {
  for (const std::string name : {"gpt2", "llama3", "digits"}) {
    const auto table = convertTokenizer(folder + name + ".json", "", 400);
    ASSERT_TRUE(table.ok());
    const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table->table);
    ASSERT_TRUE(tokenizer.ok());
    for (const Json &entry : load(name + ".cases.json")) {
      const std::string text = entry[0];
      // The first one eats white space, the others are taken for names of bytes.
      const auto has = [&](const char *token) { return text.find(token) != text.npos; };
      if (has("<toolbox>") || has("\u0120\u00e9") || has("w\u00f6rd"))
        continue;
      EXPECT_EQ(tokenizer->decode(*tokenizer->encode(text, Trust::User)), text);
      EXPECT_EQ(tokenizer->decode(*tokenizer->encode(text, Trust::Template), true), text);
    }
  }
}

TEST(ConvertTokenizer, SameInputSameBytes) {
  const auto first = convertTokenizer(folder + "gpt2.json", "", 400);
  const auto second = convertTokenizer(folder + "gpt2.json", "", 400);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->table, second->table);
}

TEST(ConvertTokenizer, DoesNotFit) {
  EXPECT_TRUE(convertTokenizer(folder + "gpt2.json", "", 365).ok());
  const Status status = convertTokenizer(folder + "gpt2.json", "", 364).status();
  EXPECT_EQ(withoutPlace(status.message()),
            "tokenizer.json: token '<toolbox>' does not fit the model: expected "
            "an id below config.json's vocab_size of 364, found 364");
  EXPECT_FALSE(convertTokenizer(folder + "gpt2.json", "", 100).ok());
}

TEST(ConvertTokenizer, MissingFile) {
  EXPECT_EQ(convertTokenizer(folder + "none.json", "", 10).status().getCode(), Code::NotFound);
}

// tokenizer_config.json may know more added tokens.
TEST(ConvertTokenizer, AddedTokensOfTheConfig) {
  const std::string text = load("gpt2.json").dump();
  const std::string config = R"({"added_tokens_decoder":
      {"0": {"content": "<|end|>", "special": true}, "370": {"content": "<new>", "special": true}}})";
  const auto table = convertTokenizerText(text, config, 371);
  ASSERT_TRUE(table.ok()) << table.status().message();
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table->table);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->findAdded("<new>"), 370);
  EXPECT_EQ(tokenizer->size(), 371u);
  EXPECT_EQ(tokenizer->bytes(365), ""); // ids between that no token has
  EXPECT_FALSE(convertTokenizerText(text, config, 370).ok());
  EXPECT_EQ(convertTokenizerText(text, "[]", 400).status().message(),
            "tokenizer_config.json:1:1: expected an object, found []");
}

Json split(const Json &pattern, const char *behavior) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"behavior", behavior}, {"pattern", pattern}},
            {{"type", "ByteLevel"}}}}};
}

TEST(ConvertTokenizer, Refusals) {
  const struct {
    const char *expected;
    std::function<void(Json &)> change;
  } cases[] = {
      {"tokenizer.json: model: expected an object", [](Json &json) { json.erase("model"); }},
      {"tokenizer.json: model.type: expected 'BPE', 'Unigram' or 'WordPiece', found 'WordLevel'",
       [](Json &json) { json["model"]["type"] = "WordLevel"; }},
      {"tokenizer.json: model.type: expected 'BPE' after 'ByteLevel', found 'Unigram'",
       [](Json &json) { json["model"]["type"] = "Unigram"; }},
      {"tokenizer.json: model.byte_fallback: expected false for an alphabet without some bytes, "
       "found 'true'",
       [](Json &json) {
         json["model"]["byte_fallback"] = true;
         json["model"]["merges"] = Json::array();
         json["model"]["vocab"].erase("a");
       }},
      {"tokenizer.json: model.unk_token: expected a token of the vocabulary, found '<unk>'",
       [](Json &json) {
         json["model"]["unk_token"] = "<unk>";
         json["model"]["merges"] = Json::array();
         json["model"]["vocab"].erase("a");
       }},
      {"tokenizer.json: model.dropout: expected null, found '0.1'",
       [](Json &json) { json["model"]["dropout"] = 0.1; }},
      {"tokenizer.json: model.end_of_word_suffix: expected none, found '</w>'",
       [](Json &json) { json["model"]["end_of_word_suffix"] = "</w>"; }},
      {"tokenizer.json: model.vocab: expected an object with tokens",
       [](Json &json) { json["model"]["vocab"] = Json::array(); }},
      {"tokenizer.json: model.vocab: 'a': expected an id",
       [](Json &json) { json["model"]["vocab"]["a"] = -4; }},
      {"tokenizer.json: model.vocab: expected each id once, found 5 twice",
       [](Json &json) { json["model"]["vocab"]["newcomer"] = 5; }},
      {"tokenizer.json: model.merges: expected a list",
       [](Json &json) { json["model"]["merges"] = 3; }},
      {"tokenizer.json: model.merges[0]: expected a pair of tokens",
       [](Json &json) { json["model"]["merges"][0] = 3; }},
      {"tokenizer.json: model.merges[0]: expected two tokens with a space between them, found "
       "'a b c'",
       [](Json &json) { json["model"]["merges"][0] = "a b c"; }},
      {"tokenizer.json: model.merges[0]: expected tokens of the vocabulary, found 'zq'",
       [](Json &json) { json["model"]["merges"][0] = "z q"; }},
      {"tokenizer.json: normalizer: expected 'NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', "
       "'StripAccents', 'Strip', 'Prepend', 'Replace', 'BertNormalizer' or 'Precompiled', found "
       "'Nmt'",
       [](Json &json) { json["normalizer"] = {{"type", "Nmt"}}; }},
      {"tokenizer.json: normalizer.pattern: expected {\"String\": ..} or {\"Regex\": ..}",
       [](Json &json) { json["normalizer"] = {{"type", "Replace"}, {"content", ""}}; }},
      {"tokenizer.json: normalizer.pattern: expected no match of an empty text, found one",
       [](Json &json) {
         json["normalizer"] = {
             {"type", "Replace"}, {"content", "-"}, {"pattern", {{"String", ""}}}};
       }},
      {"tokenizer.json: normalizer.precompiled_charsmap: expected base64 of a character map, found "
       "something else",
       [](Json &json) {
         json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "?"}};
       }},
      {"tokenizer.json: normalizer.precompiled_charsmap: expected a trie of as many bytes as it "
       "says, found 0",
       [](Json &json) {
         json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AAEAAA=="}};
       }},
      {"tokenizer.json: pre_tokenizer: expected 'ByteLevel', 'Metaspace', 'Split', 'Digits', "
       "'Punctuation', 'Whitespace', 'WhitespaceSplit' or 'BertPreTokenizer', found "
       "'UnicodeScripts'",
       [](Json &json) { json["pre_tokenizer"] = {{"type", "UnicodeScripts"}}; }},
      {"tokenizer.json: pretokenizers: expected a list",
       [](Json &json) { json["pre_tokenizer"] = {{"type", "Sequence"}}; }},
      {"tokenizer.json: pre_tokenizer: expected 'ByteLevel' once, found 'it twice'",
       [](Json &json) {
         json["pre_tokenizer"] = {
             {"type", "Sequence"},
             {"pretokenizers", {{{"type", "ByteLevel"}}, {{"type", "ByteLevel"}}}}};
       }},
      {"tokenizer.json: pre_tokenizer.pattern: '\\bx': at character 1: expected an escape that "
       "bluec "
       "knows, found '\\bx'",
       [](Json &json) { json["pre_tokenizer"] = split({{"Regex", "\\bx"}}, "Isolated"); }},
      {"tokenizer.json: pre_tokenizer.pattern: 'a*': expected no match of an empty text, found one",
       [](Json &json) { json["pre_tokenizer"] = split({{"Regex", "a*"}}, "Isolated"); }},
      {"tokenizer.json: pre_tokenizer.behavior: expected one of 'Split', found 'Other'",
       [](Json &json) { json["pre_tokenizer"] = split({{"Regex", "a"}}, "Other"); }},
      {"tokenizer.json: pre_tokenizer.behavior: expected 'Isolated' or 'Removed' with invert, "
       "found "
       "'MergedWithNext'",
       [](Json &json) {
         json["pre_tokenizer"] = split({{"Regex", "a"}}, "MergedWithNext");
         json["pre_tokenizer"]["pretokenizers"][0]["invert"] = true;
       }},
      {"tokenizer.json: pre_tokenizer.replacement: expected one character, found 'ab'",
       [](Json &json) { json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "ab"}}; }},
      {"tokenizer.json: pre_tokenizer.prepend_scheme: expected 'first', 'always' or 'never', found "
       "'last'",
       [](Json &json) {
         json["pre_tokenizer"] = {
             {"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "last"}};
       }},
      {"tokenizer.json: pre_tokenizer.prepend_scheme: expected 'never' with add_prefix_space "
       "false, "
       "found 'first'",
       [](Json &json) {
         json["pre_tokenizer"] = {{"type", "Metaspace"},
                                  {"replacement", "_"},
                                  {"prepend_scheme", "first"},
                                  {"add_prefix_space", false}};
       }},
      {"tokenizer.json: pre_tokenizer.prepend_scheme: expected 'always' or 'never' after a "
       "normalizer that may take the beginning of a text away, found 'first'",
       [](Json &json) {
         json["normalizer"] = {{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}};
         json["pre_tokenizer"] = {
             {"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}};
       }},
      {"tokenizer.json: decoder: expected 'ByteLevel' as the pre-tokenizer's, found 'Metaspace'",
       [](Json &json) { json["decoder"] = {{"type", "Metaspace"}}; }},
      {"tokenizer.json: added_tokens: '<|end|>': expected normalized false for a special token "
       "that "
       "the normalizer changes, found true",
       [](Json &json) {
         json["normalizer"] = {{"type", "Prepend"}, {"prepend", "_"}};
         json["added_tokens"][0]["normalized"] = true;
       }},
      {"tokenizer.json: added_tokens: expected each text once, found 'w??RD' twice",
       [](Json &json) {
         json["normalizer"] = {{"type", "Lowercase"}};
         json["added_tokens"].push_back({{"id", 380}, {"content", "w\u00d6RD"}});
       }},
      {"tokenizer.json: added_tokens: '<|end|>': expected single_word false, found 'true'",
       [](Json &json) { json["added_tokens"][0]["single_word"] = true; }},
      {"tokenizer.json: added_tokens: expected a text for token 0, found none",
       [](Json &json) { json["added_tokens"][0]["content"] = ""; }},
      {"tokenizer.json: added_tokens: '<|end|>': expected id 0 as in model.vocab, found 9",
       [](Json &json) { json["added_tokens"][0]["id"] = 9; }},
      {"tokenizer.json: added_tokens: expected each id once, found 0 twice",
       [](Json &json) { json["added_tokens"][0]["content"] = "<|stop|>"; }},
  };
  for (const auto &[expected, change] : cases) {
    Json json = load("gpt2.json");
    change(json);
    EXPECT_EQ(withoutPlace(convertTokenizerText(json.dump(), "", 400).status().message()),
              expected);
  }
}

// Of models that are no byte-level BPE.
TEST(ConvertTokenizer, RefusalsOfOtherModels) {
  const auto message = [](const char *name, const std::function<void(Json &)> &change) {
    Json json = load(std::string(name) + ".json");
    change(json);
    return withoutPlace(convertTokenizerText(json.dump(), "", 800).status().message());
  };
  const auto decoder = [&](const Json &value) {
    return message("llama2", [&](Json &json) { json["decoder"] = value; });
  };
  const auto decoders = [&](const Json &parts) {
    return decoder({{"type", "Sequence"}, {"decoders", parts}});
  };
  const std::string kinds = "tokenizer.json: decoder: expected 'Replace', 'ByteFallback', 'Fuse', "
                            "'Strip', 'Metaspace' or 'WordPiece', found ";
  EXPECT_EQ(decoder(nullptr), kinds + "''");
  EXPECT_EQ(decoder({{"type", "CTC"}}), kinds + "'CTC'");
  const Json fuse = {{"type", "Fuse"}}, bytes = {{"type", "ByteFallback"}};
  const Json replace = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "b"}};
  const auto strip = [](int stop) {
    return Json{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", stop}};
  };
  EXPECT_EQ(decoders({fuse, replace}), "tokenizer.json: decoder: expected 'Fuse' or 'Strip' behind "
                                       "'ByteFallback' or 'Fuse', found 'Replace'");
  EXPECT_EQ(decoders({bytes, {{"type", "Metaspace"}}}),
            "tokenizer.json: decoder: expected 'Replace', 'ByteFallback', 'Fuse' and 'Strip' "
            "together, found 'Metaspace'");
  const std::string behind =
      "tokenizer.json: decoder: expected one 'Strip' behind 'Fuse', of beginnings only, found ";
  EXPECT_EQ(decoders({bytes, strip(0), fuse}), behind + "it before 'Fuse'");
  EXPECT_EQ(decoders({fuse, strip(1)}), behind + "one of ends");
  EXPECT_EQ(decoders({fuse, strip(0), strip(0)}), behind + "two");
  EXPECT_EQ(decoders({fuse, {{"type", "Strip"}}}),
            "tokenizer.json: decoder: expected 'Strip' with one character, start and stop");
  EXPECT_EQ(decoders({fuse, {{"type", "Replace"}, {"content", ""}}}).substr(0, 40),
            "tokenizer.json: decoder: expected 'Fuse'");
  EXPECT_EQ(decoder({{"type", "Replace"}, {"content", ""}}),
            "tokenizer.json: decoder.pattern: expected a text: {\"String\": ..}");
  EXPECT_EQ(decoder({{"type", "Metaspace"}, {"replacement", "ab"}}),
            "tokenizer.json: decoder.replacement: expected one character, found 'ab'");

  const std::string notThere = "tokenizer.json: model.unk_token: expected a token of the "
                               "vocabulary, found ";
  EXPECT_EQ(message("llama2", [](Json &json) { json["model"]["unk_token"] = "no"; }),
            notThere + "'no'");
  EXPECT_EQ(message("bert", [](Json &json) { json["model"]["unk_token"] = "no"; }),
            notThere + "'no'");
  EXPECT_EQ(
      message("bert", [](Json &json) { json["model"]["max_input_chars_per_word"] = -1; }),
      "tokenizer.json: model.max_input_chars_per_word: expected a number of characters, found "
      "-1");
  EXPECT_EQ(message("bert",
                    [](Json &json) {
                      json["added_tokens"][0]["content"] = "a .";
                      json["added_tokens"][0]["id"] = 390;
                    }),
            "tokenizer.json: decoder: expected no text for the decoder's cleanup in token 'a .'");
  EXPECT_EQ(message("t5", [](Json &json) { json["model"]["unk_id"] = nullptr; }),
            "tokenizer.json: model.unk_id: expected the id of a token, found null");
  EXPECT_EQ(message("t5", [](Json &json) { json["model"]["vocab"] = Json::object(); }),
            "tokenizer.json: model.vocab: expected a list with tokens");
  EXPECT_EQ(message("t5", [](Json &json) { json["model"]["vocab"][3] = "a"; }),
            "tokenizer.json: model.vocab: expected a token and its score for id 3");
}

TEST(ConvertTokenizer, NotJson) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "1:1: expected a JSON value, found the end"},
      {"{", "1:2: expected a name in quotes, found the end"},
      {"[]", "1:1: expected an object, found []"},
      {std::string(500000, '['), "1:65: expected at most 64 levels of nesting"},
      {"{\n\"model\":", "2:9: expected a JSON value, found the end"}};
  for (const auto &[text, expected] : cases)
    EXPECT_EQ(convertTokenizerText(text, "", 10).status().message(), "tokenizer.json:" + expected);
}

// As in transformers, the config's word on an added token counts.
TEST(ConvertTokenizer, TheConfigChangesAddedTokens) {
  const Json json = load("gpt2.json");
  const std::string text = json.dump(), content = json["added_tokens"][0]["content"];
  const std::int64_t id = json["added_tokens"][0]["id"];
  const auto configOf = [&](const std::string &of, bool strips) {
    Json config;
    config["added_tokens_decoder"][std::to_string(id)] = {
        {"content", of}, {"special", true}, {"rstrip", strips}};
    return config.dump();
  };
  for (const bool strips : {false, true}) {
    const auto table = convertTokenizerText(text, configOf(content, strips), 400);
    ASSERT_TRUE(table.ok()) << table.status().message();
    const auto ids = Tokenizer::fromTable(table->table)->encode(content + " a", Trust::Template);
    EXPECT_EQ(Tokenizer::fromTable(table->table)->decode(*ids), strips ? "a" : " a");
  }
  const Status status = convertTokenizerText(text, configOf("<other>", false), 400).status();
  EXPECT_EQ(status.message().substr(status.message().find(": added")),
            ": added_tokens_decoder: expected " + inQuotes(content) + " for token " +
                std::to_string(id) + " as in tokenizer.json, found '<other>'");
}

// What a post-processor adds to a text that is no rendered template.
TEST(ConvertTokenizer, PostProcessors) {
  Json json = load("gpt2.json");
  const std::string token = json["added_tokens"][0]["content"];
  const auto around = [&](const std::string &processor) {
    json["post_processor"] = Json::parse(processor);
    const auto converted = convertTokenizerText(json.dump(), "", 400);
    return converted.ok() ? converted->before + "|" + converted->after
                          : converted.status().message();
  };
  const std::string id = json["added_tokens"][0]["id"].dump();
  const std::string special = R"({"SpecialToken": {"id": ")" + token + R"(", "type_id": 0}})";
  const std::string text = R"({"Sequence": {"id": "A", "type_id": 0}})";
  const auto templateOf = [&](const std::string &single, const std::string &ids) {
    return R"({"type": "TemplateProcessing", "single": [)" + single + R"(], "special_tokens": {")" +
           token + R"(": {"ids": [)" + ids + "]}}}";
  };
  EXPECT_EQ(around("null"), "|");
  EXPECT_EQ(around(R"({"type": "ByteLevel"})"), "|");
  EXPECT_EQ(around(templateOf(special + ", " + text, id)), token + "|");
  const std::string behind = templateOf(text + ", " + special, id);
  EXPECT_EQ(
      around(R"({"type": "Sequence", "processors": [{"type": "ByteLevel"}, )" + behind + "]}"),
      "|" + token);
  const std::string pair = "[\"" + token + "\", " + id + "]";
  EXPECT_EQ(around(R"({"type": "RobertaProcessing", "cls": )" + pair + R"(, "sep": )" + pair + "}"),
            token + "|" + token);
  const auto refuses = [&](const std::string &processor, const std::string &why) {
    EXPECT_NE(around(processor).find(why), std::string::npos) << around(processor);
  };
  const std::string unknown = "post_processor: expected an added token with its id, found '";
  refuses(templateOf(R"({"SpecialToken": {"id": "no"}}, )" + text, id), unknown + "no'");
  refuses(templateOf(special + ", " + text, "1, 2"), unknown + token + "'");
  refuses(R"({"type": "BertProcessing", "cls": [")" + token + R"(", 300]})", unknown + token + "'");
  refuses(templateOf(text + ", " + text, id), "single: expected the text once, found '2 times'");
  refuses(templateOf(special, id), "single: expected the text once, found '0 times'");
  refuses(R"({"type": "Sequence", "processors": [)" + behind + ", " + behind + "]}",
          "post_processor: expected one that adds tokens, found two");
  refuses(R"({"type": "Other"})", "post_processor: expected 'ByteLevel'");
}

// Merges may come as pairs, as newer releases write them, or as one string.
TEST(ConvertTokenizer, BothFormsOfMerges) {
  Json json = load("gpt2.json");
  for (Json &merge : json["model"]["merges"])
    if (merge.is_array())
      merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const auto strings = convertTokenizerText(json.dump(), "", 400);
  const auto pairs = convertTokenizer(folder + "gpt2.json", "", 400);
  ASSERT_TRUE(strings.ok()) << strings.status().message();
  EXPECT_EQ(strings->table, pairs->table);
}

} // namespace
