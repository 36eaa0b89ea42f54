// The splitters' goldens are those of whole tokenizers (tests/unit/tokenizer); here are the rules.
#include "text/Splitter.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text, std::vector<SplitStage> stages) {
  Words words;
  for (std::string_view word : splitWords(text, stages))
    words.emplace_back(word);
  return words;
}

TEST(Splitter, Gpt2) {
  const auto cut = [](std::string_view text) { return split(text, {SplitStage::Gpt2}); };
  EXPECT_EQ(cut("it's a test, isn't it?"),
            (Words{"it", "'s", " a", " test", ",", " isn", "'t", " it", "?"}));
  EXPECT_EQ(cut("a  b"), (Words{"a", " ", " b"}));
  EXPECT_EQ(cut("a \n "), (Words{"a", " \n "}));
  EXPECT_EQ(cut("IT'S 12345"), (Words{"IT", "'", "S", " 12345"}));
  EXPECT_EQ(cut(""), Words{});
}

TEST(Splitter, Llama3) {
  const auto cut = [](std::string_view text) { return split(text, {SplitStage::Llama3}); };
  EXPECT_EQ(cut("IT'S 12345"), (Words{"IT", "'S", " ", "123", "45"}));
  EXPECT_EQ(cut("(word) x\n\n  y"), (Words{"(word", ")", " x", "\n\n", " ", " y"}));
  EXPECT_EQ(cut("end.\r\nnext"), (Words{"end", ".\r\n", "next"}));
  EXPECT_EQ(cut("a'\u017f"), (Words{"a", "'\u017f"})); // the long s is an s
}

TEST(Splitter, Qwen2) {
  EXPECT_EQ(split("a 123", {SplitStage::Qwen2}), (Words{"a", " ", "1", "2", "3"}));
}

TEST(Splitter, Digits) {
  EXPECT_EQ(split("ab12c", {SplitStage::DigitsTogether}), (Words{"ab", "12", "c"}));
  EXPECT_EQ(split("ab12c", {SplitStage::DigitsIndividual}), (Words{"ab", "1", "2", "c"}));
  EXPECT_EQ(split("a 12", {SplitStage::DigitsIndividual, SplitStage::Gpt2}),
            (Words{"a", " ", "1", "2"}));
}

TEST(Splitter, NoStages) { EXPECT_EQ(split("a b", {}), Words{"a b"}); }

} // namespace
