#include "core/Sequence.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class SequenceTest : public ::testing::Test {
protected:
  SequenceTest() {
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

  Sequence make() const {
    return Sequence(Conversation(tokenizer, chat, FAKE_TOKENS_PER_TILE, FAKE_HIDDEN));
  }

  static void ask(Sequence &sequence, const std::string &text) {
    auto parts = sequence.conversation().nextTurn(text, {});
    ASSERT_TRUE(parts.ok()) << parts.status().message();
    sequence.addTurn(text, *parts, {});
  }

  static std::vector<Row> tokens(std::initializer_list<std::int64_t> ids) {
    std::vector<Row> rows;
    for (const std::int64_t id : ids)
      rows.push_back({id, nullptr});
    return rows;
  }

  std::vector<std::uint8_t> table;
  Tokenizer tokenizer;
  ChatTemplate chat;
};

// What is in the cache beyond the common prefix is for nobody, and cut when others come.
TEST_F(SequenceTest, CacheKeepsTheCommonPrefix) {
  Sequence sequence = make();
  sequence.append(tokens({1, 2, 3}));
  EXPECT_EQ(sequence.cachedRows(), 3);
  EXPECT_EQ(sequence.common(tokens({1, 2, 4, 5})), 2);
  EXPECT_EQ(sequence.common(tokens({})), 0);
  sequence.cut(5);
  EXPECT_EQ(sequence.cachedRows(), 3);
  sequence.cut(2);
  sequence.append(std::int32_t(4));
  EXPECT_EQ(sequence.common(tokens({1, 2, 4, 5})), 3);
  sequence.cut(-1);
  EXPECT_EQ(sequence.cachedRows(), 0);
}

TEST_F(SequenceTest, PositionIsOfTheConversation) {
  Sequence sequence = make();
  ask(sequence, "hi");
  EXPECT_EQ(sequence.position(), 0);
  sequence.append(std::span(sequence.rows()).first(2));
  EXPECT_EQ(sequence.position(), 2);
  sequence.append(std::int32_t(250)); // a guess that was wrong
  EXPECT_EQ(sequence.position(), 2);
  EXPECT_EQ(sequence.cachedRows(), 3);
}

TEST_F(SequenceTest, ATurnWaitsForItsAnswer) {
  Sequence sequence = make();
  EXPECT_FALSE(sequence.mayAnswer());
  ask(sequence, "hi");
  EXPECT_TRUE(sequence.answerDue());
  EXPECT_TRUE(sequence.mayAnswer());
  sequence.beginAnswer();
  EXPECT_FALSE(sequence.answerDue());
  sequence.addAnswerToken('x');
  EXPECT_EQ(sequence.rows().back().id, 'x');
  sequence.endAnswer(/*whole=*/false);
  EXPECT_TRUE(sequence.mayAnswer()) << "it may go on";
  sequence.beginAnswer();
  sequence.endAnswer(/*whole=*/true);
  EXPECT_FALSE(sequence.mayAnswer());
}

TEST_F(SequenceTest, WithoutTurnsNothingIsDue) {
  Sequence sequence = make();
  ask(sequence, "one");
  ask(sequence, "two");
  sequence.append(sequence.rows());
  sequence.replace(*sequence.conversation().withoutOldest(1));
  EXPECT_TRUE(sequence.answerDue());
  EXPECT_LT(sequence.position(), sequence.length());
  sequence.reset();
  EXPECT_FALSE(sequence.mayAnswer());
  EXPECT_EQ(sequence.length(), 0);
  EXPECT_EQ(sequence.cachedRows(), 0);
}

} // namespace
