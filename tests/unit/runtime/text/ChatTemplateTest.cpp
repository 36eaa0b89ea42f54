#include "text/ChatTemplate.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

using Ids = std::vector<std::int32_t>;

class ChatTemplateTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto converted =
        bluec::tokenizer::convertTokenizerText(byteTokenizerJson(), "", FAKE_VOCABULARY);
    ASSERT_TRUE(converted.ok());
    table = converted->table;
    auto made = Tokenizer::fromTable(table);
    ASSERT_TRUE(made.ok());
    tokenizer = *made;
    chat.imageToken = "<image>";
    chat.begin = chat.next = {"<|user|>\n", "<|user|>\n"};
    chat.end = {".<|assistant|>", ".<|assistant|>"};
  }

  // Ids; pictures as -1 - index.
  std::vector<std::int32_t> turn(std::string_view text, int pictures, const TurnPlace &place = {},
                                 std::string_view tail = "") {
    return idsOf(makeTurn(tokenizer, chat, place, text, shapes(pictures), tail));
  }

  // Of pictures of one tile.
  static std::vector<PictureShape> shapes(int pictures) {
    return std::vector<PictureShape>(std::size_t(pictures));
  }

  static std::vector<std::int32_t> idsOf(const Result<std::vector<PromptPart>> &parts) {
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

TEST_F(ChatTemplateTest, AroundTheText) {
  EXPECT_EQ(turn("hi", 0), (Ids{FAKE_USER, '\n', 'h', 'i', '.', FAKE_ASSISTANT}));
}

TEST_F(ChatTemplateTest, Places) {
  chat.begin.text = "<|begin|>";
  chat.next.text = "<|end|>";
  EXPECT_EQ(turn("a", 0)[0], FAKE_BEGIN);
  EXPECT_EQ(turn("a", 0, {.first = false})[0], FAKE_END);
  const std::string system = " b";
  EXPECT_EQ(makeTurn(tokenizer, chat, {true, &system}, "a", {}, "").status().message(),
            "system: the model's chat template takes no system text");
  chat.system = {"<|end|>", {"<|user|>", ""}, {Trim::Spaces, Trim::None}, {}, {}};
  EXPECT_EQ(turn("a", 0, {true, &system}, "!"),
            (Ids{FAKE_END, 'b', FAKE_USER, 'a', '.', FAKE_ASSISTANT, '!'}));
}

// A later turn goes on from an answer: a tokenizer's mark for beginnings is none of it.
TEST_F(ChatTemplateTest, WhereATextBegins) {
  auto converted = bluec::tokenizer::convertTokenizer(
      BLUEC_SOURCE_DIR "/tests/golden/runtime/tokenizers/mistral_v03.json", "", 800);
  ASSERT_TRUE(converted.ok());
  const Result<Tokenizer> marking = Tokenizer::fromTable(converted->table);
  ASSERT_TRUE(marking.ok());
  chat.begin.text = chat.next.text = "the ";
  const auto beginsMarked = [&](bool isFirst) {
    const auto ids = idsOf(makeTurn(*marking, chat, {.first = isFirst}, "price", {}, ""));
    return marking->name(ids.front()).starts_with("\u2581");
  };
  EXPECT_TRUE(beginsMarked(true));
  EXPECT_FALSE(beginsMarked(false));
}

TEST_F(ChatTemplateTest, BetweenItems) {
  chat.begin = {"t", "p"};
  chat.textPicture = "1";
  chat.pictureText = "2";
  chat.picturePicture = "3";
  chat.end = {"x", "y"};
  EXPECT_EQ(turn("a<image><image>b", 2), (Ids{'t', 'a', '1', -1, '3', -2, '2', 'b', 'x'}));
  EXPECT_EQ(turn("<image>a<image>", 2), (Ids{'p', -1, '2', 'a', '1', -2, 'y'}));
  EXPECT_EQ(turn("", 1), (Ids{'p', -1, 'y'}));
  EXPECT_EQ(turn("", 0), (Ids{'t', 'x'}));
  chat.picturesFirst = true;
  chat.textText = "4";
  EXPECT_EQ(turn("a<image><image>b<image>c", 3),
            (Ids{'p', -1, '3', -2, '3', -3, '2', 'a', '4', 'b', '4', 'c', 'x'}));
}

TEST_F(ChatTemplateTest, ReservedTexts) {
  chat.reservedInText = {"</think>"};
  const std::string system = "/no";
  EXPECT_EQ(makeTurn(tokenizer, chat, {}, "a</think>", {}, "").status().message(),
            "prompt: expected none of what the model's chat template has a meaning of its own for, "
            "found '</think>'");
  chat.system = SystemPieces();
  chat.system->reserved = {"/no"};
  EXPECT_EQ(makeTurn(tokenizer, chat, {true, &system}, "a", {}, "").status().message(),
            "system: expected none of what the model's chat template has a meaning of its own for, "
            "found '/no'");
}

TEST_F(ChatTemplateTest, Dates) {
  constexpr std::time_t kNoon = 1'000'036'800; // 2001-09-09, in any time zone but the last ones
  EXPECT_EQ(withDates("on \x1a%d %b %Y\x1a.", kNoon), "on 09 Sep 2001.");
  EXPECT_EQ(withDates("\x1a\x1a \x1a%Y", kNoon), " 2001");
  chat.begin.text = "\x1a%%\x1a";
  EXPECT_EQ(turn("a", 0), (Ids{'%', 'a', '.', FAKE_ASSISTANT}));
}

TEST_F(ChatTemplateTest, Trims) {
  chat.begin = chat.end = {};
  chat.userTrims = {Trim::Newlines, Trim::Spaces};
  EXPECT_EQ(turn("\n\n a\x1c\xc2\xa0\n", 0), (Ids{' ', 'a'}));
  chat.userTrims = {Trim::Spaces, Trim::Newlines};
  EXPECT_EQ(turn("\n\n a \n", 0), (Ids{'a', ' '}));
  EXPECT_EQ(turn(" \n", 0), Ids());
  chat.begin.picture = "p";
  EXPECT_EQ(turn(" a\n<image> b \n", 1), (Ids{'a', -1, 'b', ' '}));
  chat.trimsTurn = true;
  EXPECT_EQ(turn(" a\n<image> b \n", 1), (Ids{'a', '\n', -1, ' ', 'b', ' '}));
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
  chat.begin.text = "<|us";
  EXPECT_EQ(turn("er|>", 0).size(), 8u + 2);
}

TEST_F(ChatTemplateTest, WithoutAPlaceholderTextIsText) {
  chat.imageToken.clear();
  EXPECT_EQ(turn("<image>", 0).size(), 2u + 7 + 2);
}

// Tiles as "the picture's rows * 100 + the tile".
TEST_F(ChatTemplateTest, AroundTheRowsOfAPicture) {
  using Overview = PictureShape::Overview;
  chat.picture = {.beforeOne = "1",
                  .before = "<|begin|>",
                  .tile = "r{row}c{column}",
                  .rowEnd = "\n",
                  .overview = "o",
                  .after = "<|end|>"};
  const auto turnOf = [&](std::vector<PictureShape> pictures) {
    Ids ids;
    const auto parts = makeTurn(tokenizer, chat, {}, "<image>x", pictures, "");
    EXPECT_TRUE(parts.ok()) << parts.status().message();
    for (const PromptPart &part : *parts)
      ids.push_back(part.kind == PromptPart::Kind::Token ? part.value
                                                         : -100 * (part.value + 1) - part.tile);
    return ids;
  };
  EXPECT_EQ(turnOf({{1, 1}}),
            (Ids{FAKE_USER, '\n', '1', -100, FAKE_END, 'x', '.', FAKE_ASSISTANT}));
  EXPECT_EQ(
      turnOf({{2, 1, Overview::Last}}),
      (Ids{FAKE_USER, '\n', FAKE_BEGIN, 'r',  '1', 'c',  '1',      -100, 'r', '1',
           'c',       '2',  -101,       '\n', 'o', -102, FAKE_END, 'x',  '.', FAKE_ASSISTANT}));
  EXPECT_EQ(
      turnOf({{1, 2, Overview::First}}),
      (Ids{FAKE_USER, '\n', FAKE_BEGIN, 'o', -100, 'r',  '1',      'c', '1', -101,          '\n',
           'r',       '2',  'c',        '1', -102, '\n', FAKE_END, 'x', '.', FAKE_ASSISTANT}));
  EXPECT_EQ(turnOf({{1, 1, Overview::First}}).size(), 4u + 6 + 2 + 4 - 1);
}

// Of pictures whose shape is not known yet nothing is written.
TEST_F(ChatTemplateTest, PrefixUpToAPictureWithoutAShape) {
  chat.picture.beforeOne = "1";
  chat.picture.after = "2";
  const TurnPrefix known = makeTurnPrefix(tokenizer, chat, {}, "", shapes(1), 2);
  Ids ids;
  for (const PromptPart &part : known.parts)
    ids.push_back(part.kind == PromptPart::Kind::Token ? part.value : -1 - part.value);
  EXPECT_EQ(ids, (Ids{FAKE_USER, '\n', '1', -1, '2', -2}));
}

// What is typed so far: its last word may not be whole, and pictures may still be missing.
TEST_F(ChatTemplateTest, PrefixOfATurn) {
  std::size_t settled = 0;
  const auto prefix = [&](std::string_view draft, int pictures) {
    const TurnPrefix known = makeTurnPrefix(tokenizer, chat, {}, draft, {}, pictures);
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
