#include "text/ChatTemplate.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class ChatTemplateTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto converted =
        bluec::tokenizer::convertTokenizerText(byteTokenizerJson(), "", FAKE_VOCABULARY);
    ASSERT_TRUE(converted.ok());
    table = *converted;
    auto made = Tokenizer::fromTable(table);
    ASSERT_TRUE(made.ok());
    tokenizer = *made;
    chat.imageToken = "<image>";
    chat.userPrefix = "<|user|>\n";
    chat.userSuffix = ".";
    chat.assistantPrefix = "<|assistant|>";
  }

  // Ids; pictures as -1 - index.
  std::vector<std::int32_t> turn(std::string_view text, int pictures, std::string_view opening = "",
                                 bool first = true) {
    const auto parts = makeTurn(tokenizer, chat, opening, first, text, pictures);
    EXPECT_TRUE(parts.ok()) << parts.status().message();
    std::vector<std::int32_t> ids;
    if (parts.ok())
      for (const PromptPart &part : *parts)
        ids.push_back(part.kind == PromptPart::Kind::Token ? part.value : -1 - part.value);
    return ids;
  }

  std::vector<std::uint8_t> table;
  Tokenizer tokenizer;
  ChatTemplate chat;
};

using Ids = std::vector<std::int32_t>;

TEST_F(ChatTemplateTest, AroundTheText) {
  EXPECT_EQ(turn("hi", 0), (Ids{FAKE_USER, '\n', 'h', 'i', '.', FAKE_ASSISTANT}));
}

TEST_F(ChatTemplateTest, Beginning) {
  chat.bosTokenId = FAKE_BEGIN;
  EXPECT_EQ(turn("", 0)[0], FAKE_USER); // not asked for
  chat.addBos = true;
  EXPECT_EQ(turn("", 0)[0], FAKE_BEGIN);
  EXPECT_EQ(turn("", 0, "<|end|>", false)[0], FAKE_END);
}

TEST_F(ChatTemplateTest, Pictures) {
  EXPECT_EQ(turn("a<image>b<image>", 2),
            (Ids{FAKE_USER, '\n', 'a', -1, 'b', -2, '.', FAKE_ASSISTANT}));
  EXPECT_EQ(turn("ab", 2), (Ids{FAKE_USER, '\n', -1, -2, 'a', 'b', '.', FAKE_ASSISTANT}));
}

// Text of the template and of the user meet before words are formed.
TEST_F(ChatTemplateTest, SpecialTokensOfTheUserAreText) {
  const Ids ids = turn("<|user|>", 0);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), FAKE_USER), 1);
  EXPECT_EQ(ids.size(), 2u + 8 + 2);
  // Half from the template, half from the user: still not a token.
  chat.userPrefix = "<|us";
  EXPECT_EQ(turn("er|>", 0).size(), 8u + 2);
}

TEST_F(ChatTemplateTest, WithoutAPlaceholderTextIsText) {
  chat.imageToken.clear();
  EXPECT_EQ(turn("<image>", 0).size(), 2u + 7 + 2);
}

// What is typed so far: its last word may not be whole, and pictures may still be missing.
TEST_F(ChatTemplateTest, PrefixOfATurn) {
  std::size_t settled = 0;
  const auto prefix = [&](std::string_view draft, int pictures) {
    const TurnPrefix known = makeTurnPrefix(tokenizer, chat, "", true, draft, pictures);
    Ids ids;
    for (const PromptPart &part : known.parts)
      ids.push_back(part.kind == PromptPart::Kind::Token ? part.value : -1 - part.value);
    settled = known.settled;
    return ids;
  };
  EXPECT_EQ(prefix("", 0), (Ids{FAKE_USER, '\n'}));
  EXPECT_EQ(settled, 0u);
  EXPECT_EQ(prefix("hi the", 0), (Ids{FAKE_USER, '\n', 'h', 'i'}));
  EXPECT_EQ(settled, 0u);
  EXPECT_EQ(prefix("hi \xe2\x82", 2), (Ids{FAKE_USER, '\n', -1, -2, 'h', 'i'}));
  EXPECT_EQ(settled, 4u);
  EXPECT_EQ(prefix("a<image>b c", 2), (Ids{FAKE_USER, '\n', 'a', -1, 'b'}));
  EXPECT_EQ(settled, 4u);
  EXPECT_EQ(prefix("a<image>b<image>c d", 1), (Ids{FAKE_USER, '\n', 'a', -1, 'b'}));
  EXPECT_EQ(settled, 5u);
  EXPECT_EQ(prefix("a<ima", 0), (Ids{FAKE_USER, '\n'}));
}

} // namespace
