// What it gives for whole texts is checked against goldens in tests/unit/compiler/import/tokenizer.
#include "text/TokenText.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace bluec::runtime;
using Json = nlohmann::json;

namespace {

// A model of three tokens of bytes, a word with its mark, and a mark.
std::vector<std::uint8_t> makeTable(const Json &decoder) {
  const Json json = {
      {"model",
       {{"type", "BPE"},
        {"byte_fallback", true},
        {"vocab", {{"<0xC3>", 0}, {"<0xA9>", 1}, {"<0x41>", 2}, {"\u2581the", 3}, {"\u2581", 4}}},
        {"merges", Json::array()}}},
      {"decoder", decoder}};
  auto table = bluec::tokenizer::convertTokenizerText(json.dump(), "", 8);
  EXPECT_TRUE(table.ok()) << table.status().message();
  return table.ok() ? table->table : std::vector<std::uint8_t>();
}

Json replaceMark() {
  return {{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}};
}

std::vector<std::string> push(const std::vector<std::uint8_t> &table,
                              const std::vector<std::int32_t> &ids) {
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
  EXPECT_TRUE(tokenizer.ok());
  TokenText stream(*tokenizer);
  std::vector<std::string> texts;
  for (std::int32_t id : ids)
    texts.push_back(stream.push(id));
  texts.push_back(stream.finish());
  return texts;
}

using Texts = std::vector<std::string>;

// A run of bytes is held back to its end: it is a text as a whole, or not at all.
TEST(TokenText, RunsOfBytes) {
  const auto table =
      makeTable({{"type", "Sequence"},
                 {"decoders",
                  {replaceMark(),
                   {{"type", "ByteFallback"}},
                   {{"type", "Fuse"}},
                   {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}});
  EXPECT_EQ(push(table, {3, 0, 1, 3}), (Texts{"the", "", "", "\u00e9 the", ""}));
  EXPECT_EQ(push(table, {3, 2, 0}), (Texts{"the", "", "", "\ufffd\ufffd"}));
  // One space at the beginning is none of the text, wherever it comes from.
  EXPECT_EQ(push(table, {4, 4, 3}), (Texts{"", " ", " the", ""}));
  EXPECT_EQ(push(table, {2, 3}), (Texts{"", "A the", ""}));
  // Ids that no token has are left out.
  EXPECT_EQ(push(table, {7, -1, 3}), (Texts{"", "", "the", ""}));
}

TEST(TokenText, Metaspace) {
  const auto table = makeTable({{"type", "Metaspace"}, {"replacement", "\u2581"}});
  EXPECT_EQ(push(table, {3, 3, 2}), (Texts{"the", " the", "<0x41>", ""}));
  EXPECT_EQ(push(table, {4, 4}), (Texts{"", " ", ""}));
}

TEST(TokenText, WordPiece) {
  const auto table = makeTable({{"type", "WordPiece"}, {"prefix", "<0x"}, {"cleanup", true}});
  EXPECT_EQ(push(table, {2, 2, 3}), (Texts{"<0x41>", "41>", " \u2581the", ""}));
}

} // namespace
