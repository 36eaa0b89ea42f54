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
    table = converted->table;
    tokenizer = *Tokenizer::fromTable(table);
    chat.imageToken = "<image>";
    chat.imageTokenId = FAKE_IMAGE;
    chat.begin = {"<|begin|><|user|>", "<|begin|><|user|>"};
    chat.next = {"<|end|><|user|>", "<|end|><|user|>"};
    chat.end = {"<|assistant|>", "<|assistant|>"};
    chat.noAnswer = "";
  }

  Conversation make() const { return {tokenizer, chat, FAKE_TOKENS_PER_TILE, FAKE_HIDDEN}; }

  static EncodedPicture picture(std::int64_t number, PictureShape shape = {}) {
    auto features = std::make_shared<Features>();
    const bool hasOverview = shape.overview != PictureShape::Overview::None;
    features->tiles = shape.columns * shape.rows + hasOverview;
    features->rows.resize(std::size_t(features->tiles * FAKE_TOKENS_PER_TILE * FAKE_HIDDEN));
    return {number, std::move(features), shape};
  }

  // The next turn, behind the turns before it as they are once they are over.
  static void say(Conversation &conversation, const std::string &text,
                  const std::vector<EncodedPicture> &pictures, const std::string &answer) {
    conversation = *conversation.asHistory();
    std::vector<PictureShape> shapes;
    for (const EncodedPicture &each : pictures)
      shapes.push_back(each.shape);
    auto parts = conversation.nextTurn(text, shapes);
    ASSERT_TRUE(parts.ok()) << parts.status().message();
    conversation.addTurn(text, *parts, pictures);
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

// A picture's rows stand where its tiles do, with what the template has between them; also when its
// turn is made anew.
TEST_F(ConversationTest, TilesOfAPicture) {
  chat.picture = {"", "", "{row}{column}", ";", "o", "e"};
  Conversation conversation = make();
  const EncodedPicture tiled = picture(0, {2, 1, PictureShape::Overview::Last});
  say(conversation, "x", {tiled}, "");
  const std::vector<Row> &rows = conversation.rows();
  const float *feature = tiled.features->rows.data();
  const auto expected =
      std::vector<std::int64_t>{FAKE_BEGIN, FAKE_USER, '1', '1', -1, -2,  '1', '2',           -3,
                                -4,         ';',       'o', -5,  -6, 'e', 'x', FAKE_ASSISTANT};
  EXPECT_EQ(ids(conversation), expected);
  EXPECT_EQ(rows[13].feature, feature + 5 * FAKE_HIDDEN);
  say(conversation, "y", {}, "");
  const Conversation shorter = *conversation.withoutOldest(1);
  EXPECT_EQ(shorter.turns(), 1);
  Conversation again = make();
  say(again, "x", {tiled}, "");
  EXPECT_EQ(ids(*again.withoutOldest(0)), expected);
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

TEST_F(ConversationTest, SystemText) {
  Conversation conversation = make();
  EXPECT_EQ(conversation.setSystem("Be kind.").message(),
            "system: the model's chat template takes no system text");
  chat.system = {"<|begin|>", {"\n<|user|>", "<|user|>"}, {Trim::Spaces, Trim::Spaces}, {}, {}};
  EXPECT_EQ(conversation.setSystem("\xff").message(),
            "system: expected utf-8, found something else at byte 0");
  ASSERT_TRUE(conversation.setSystem(" ok ").ok());
  say(conversation, "a", {}, "b");
  say(conversation, "c", {picture(0)}, "");
  const std::vector<std::int64_t> first = {FAKE_BEGIN,     'o', 'k',     '\n', FAKE_USER, 'a',
                                           FAKE_ASSISTANT, 'b', FAKE_END};
  std::vector<std::int64_t> whole = ids(conversation);
  whole.resize(first.size());
  EXPECT_EQ(whole, first);
  EXPECT_EQ(conversation.setSystem("late").message(),
            "system: expected a conversation without turns, found 2");
  // It opens what is left of the conversation, too.
  Conversation left = *conversation.withoutOldest(1);
  EXPECT_EQ(ids(left)[3], FAKE_USER);
  EXPECT_EQ(ids(*left.withoutOldest(1)), std::vector<std::int64_t>());
  left = *left.withoutOldest(1);
  EXPECT_TRUE(left.setSystem(std::nullopt).ok());
  say(left, "a", {}, "");
  EXPECT_EQ(ids(left), (std::vector<std::int64_t>{FAKE_BEGIN, FAKE_USER, 'a', FAKE_ASSISTANT}));
}

// Templates write answers that are over otherwise than they are given: without reasoning, without
// white space, behind another opening.
TEST_F(ConversationTest, AnswersThatAreOver) {
  const auto history = [&](const std::string &answer) {
    Conversation conversation = make();
    say(conversation, "q<image>", {picture(0)}, answer);
    std::vector<std::int64_t> row = ids(*conversation.asHistory());
    EXPECT_EQ(row.size() > 4 ? row[3] : 0, ids(conversation)[3]) << "the picture's rows";
    return std::vector<std::int64_t>(row.begin() + 5, row.end());
  };
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(history(" a "), (Ids{FAKE_ASSISTANT, ' ', 'a', ' '}));
  chat.answerTrims = {Trim::Spaces, Trim::Newlines};
  EXPECT_EQ(history("\n a \n"), (Ids{FAKE_ASSISTANT, 'a', ' '}));
  chat.answerMark = "/>";
  chat.markedTrims = {Trim::Newlines, Trim::None};
  EXPECT_EQ(history("x/>y/>\n a\n"), (Ids{FAKE_ASSISTANT, ' ', 'a', '\n'}));
  chat.answerPart = Part::BehindFirst;
  EXPECT_EQ(history("x/>y/>a"), (Ids{FAKE_ASSISTANT, 'y', '/', '>', 'a'}));
  chat.answerPart = Part::Second;
  EXPECT_EQ(history("x/>\ny/>a"), (Ids{FAKE_ASSISTANT, 'y'}));
  EXPECT_EQ(history("x/>y"), (Ids{FAKE_ASSISTANT, 'y'}));
  chat.ask = "<";
  EXPECT_EQ(history("a"), (Ids{FAKE_ASSISTANT, 'a'})) << "without what asks";
  EXPECT_EQ(history(""), (Ids{FAKE_ASSISTANT}));
  chat.answer = "=";
  chat.noAnswer = "-";
  EXPECT_EQ(history(" a"), (Ids{FAKE_ASSISTANT, '=', 'a'}));
  EXPECT_EQ(history(" \n"), (Ids{FAKE_ASSISTANT, '-'}));
  chat.ask = "";
  chat.answer = " ";
  EXPECT_EQ(history(" a"), (Ids{FAKE_ASSISTANT, ' ', 'a'})) << "which the model writes itself";
  EXPECT_EQ(history("a"), (Ids{FAKE_ASSISTANT, ' ', 'a'}));
  chat.noAnswer.reset();
  Conversation silent = make();
  say(silent, "q", {}, "\n");
  EXPECT_EQ(silent.asHistory().status().message(),
            "answer: expected some text, which the model's chat template needs, found none");
  chat.reservedInAnswer = {"<x>"};
  Conversation conversation = make();
  say(conversation, "q", {}, "a<x>");
  EXPECT_EQ(conversation.asHistory().status().message(),
            "answer: expected none of what the model's chat template has a meaning of its own for, "
            "found '<x>'");
}

TEST_F(ConversationTest, IdsForListings) {
  const Conversation conversation = make();
  const std::vector<EncodedPicture> pictures = {picture(3)};
  auto parts = conversation.nextTurn("a<image>", std::vector<PictureShape>(1));
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(conversation.idsOf(*parts, pictures),
            (std::vector<std::int32_t>{FAKE_BEGIN, FAKE_USER, 'a', FAKE_IMAGE, FAKE_IMAGE,
                                       FAKE_ASSISTANT}));
}

} // namespace
