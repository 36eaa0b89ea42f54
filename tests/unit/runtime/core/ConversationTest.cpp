#include "core/Conversation.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class ConversationTest : public ::testing::Test {
protected:
  ConversationTest() {
    auto converted =
        bluec::tokenizer::convertTokenizerText(byteTokenizerJson(), "", FAKE_VOCABULARY);
    EXPECT_TRUE(converted.ok());
    table.assign(converted->begin(), converted->end());
    tokenizer = *Tokenizer::fromTable(table);
    chat = {"<image>", FAKE_IMAGE, FAKE_BEGIN, true, "<|user|>", "", "<|assistant|>", "<|end|>"};
  }

  Conversation make() const { return {tokenizer, chat, FAKE_TOKENS_PER_TILE, FAKE_HIDDEN}; }

  static EncodedPicture picture(std::int64_t number) {
    auto features = std::make_shared<Features>();
    features->tiles = 1;
    features->rows.resize(FAKE_TOKENS_PER_TILE * FAKE_HIDDEN);
    return {number, std::move(features)};
  }

  static void say(Conversation &conversation, const std::string &text,
                  const std::vector<EncodedPicture> &pictures, const std::string &answer) {
    auto parts = conversation.nextTurn(text, int(pictures.size()));
    ASSERT_TRUE(parts.ok()) << parts.status().message();
    conversation.addTurn(text, *parts, pictures);
    conversation.beginAnswer();
    for (const char c : answer)
      conversation.addAnswerToken(c);
  }

  static std::vector<std::int64_t> ids(const Conversation &conversation) {
    std::vector<std::int64_t> result;
    for (const Row &row : conversation.rows())
      result.push_back(row.id);
    return result;
  }

  std::vector<std::uint8_t> table;
  Tokenizer tokenizer;
  ChatTemplate chat;
};

TEST_F(ConversationTest, Rows) {
  Conversation conversation = make();
  say(conversation, "a", {}, "b");
  say(conversation, "c", {}, "");
  EXPECT_EQ(conversation.turns(), 2);
  EXPECT_EQ(ids(conversation),
            (std::vector<std::int64_t>{FAKE_BEGIN, FAKE_USER, 'a', FAKE_ASSISTANT, 'b', FAKE_END,
                                       FAKE_USER, 'c', FAKE_ASSISTANT}));
}

// Two pictures are two things, also when they look the same; one is itself.
TEST_F(ConversationTest, PicturesAreToldApart) {
  Conversation one = make(), other = make();
  say(one, "x", {picture(0)}, "");
  say(other, "x", {picture(1)}, "");
  const std::vector<std::int64_t> known = ids(one);
  EXPECT_EQ(commonPrefix(known, one.rows()), known.size());
  EXPECT_EQ(commonPrefix(known, other.rows()), 2u);
  EXPECT_EQ(commonPrefix(known, {}), 0u);
  EXPECT_EQ(one.rows()[2].feature + FAKE_HIDDEN, one.rows()[3].feature);
  EXPECT_FALSE(one.rows()[2].isToken());
}

// What stays is a conversation of its own, whichever turns have gone.
TEST_F(ConversationTest, WithoutOldest) {
  const EncodedPicture second = picture(7), third = picture(8);
  const auto build = [&](int from) {
    Conversation conversation = make();
    if (from < 1)
      say(conversation, "first", {picture(6)}, "one");
    if (from < 2)
      say(conversation, "sec<image>ond", {second}, "two");
    if (from < 3)
      say(conversation, "third", {third}, "");
    return conversation;
  };
  const Conversation whole = build(0);
  for (int count = 0; count <= 3; ++count) {
    const Result<Conversation> left = whole.withoutOldest(count);
    ASSERT_TRUE(left.ok());
    EXPECT_EQ(ids(*left), ids(build(count))) << count;
    EXPECT_EQ(left->turns(), 3 - count);
    // Also when it goes on, and loses more.
    Conversation further = *left, expected = build(count);
    say(further, "more", {}, "four");
    say(expected, "more", {}, "four");
    EXPECT_EQ(ids(further), ids(expected)) << count;
    EXPECT_EQ(ids(*further.withoutOldest(further.turns() - 1)),
              ids(*expected.withoutOldest(expected.turns() - 1)));
  }
}

TEST_F(ConversationTest, IdsForListings) {
  const Conversation conversation = make();
  const std::vector<EncodedPicture> pictures = {picture(3)};
  auto parts = conversation.nextTurn("a<image>", 1);
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(conversation.idsOf(*parts, pictures),
            (std::vector<std::int32_t>{FAKE_BEGIN, FAKE_USER, 'a', FAKE_IMAGE, FAKE_IMAGE,
                                       FAKE_ASSISTANT}));
}

} // namespace
