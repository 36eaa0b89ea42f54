// What whole expressions of published tokenizers find is checked by the goldens of
// ConvertTokenizerTest.
#include "compiler/import/tokenizer/Regex.h"

#include "runtime/text/TextProgram.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::tokenizer;

namespace {

using Texts = std::vector<std::string>;

// The matches of a pattern, each in brackets, and what is between them.
Texts find(const Pattern &pattern, std::string_view text) {
  Machines machines;
  const Result<std::uint32_t> machine = machines.add(pattern);
  EXPECT_TRUE(machine.ok()) << machine.status().message();
  const Result<Machines::Tables> tables = machines.build();
  if (!machine.ok() || !tables.ok())
    return {};
  const TextOperation split{
      TextAction::Split, std::uint32_t(SplitRule::Isolated), *machine, {}, 0, 0};
  TextProgram program;
  program.splitters = std::span(&split, 1);
  program.machines = tables->machines;
  program.transitions = tables->transitions;
  program.asciiClasses = tables->asciiClasses;
  program.classStarts = tables->classStarts;
  program.classes = tables->classes;
  EXPECT_TRUE(program.check().ok());
  Texts words;
  const Words cut = program.cut(text, TextBegin::Text);
  for (std::size_t i = 0; i < cut.size(); ++i)
    words.emplace_back(cut[i]);
  return words;
}

Texts find(std::string_view expression, std::string_view text) {
  const Result<Pattern> pattern = parsePattern(expression);
  EXPECT_TRUE(pattern.ok()) << pattern.status().message();
  return pattern.ok() ? find(*pattern, text) : Texts();
}

std::string fault(std::string_view expression) {
  const Result<Pattern> pattern = parsePattern(expression);
  return pattern.ok() ? Machines().add(*pattern).status().message() : pattern.status().message();
}

TEST(Regex, TheFirstAlternativeThatMatches) {
  EXPECT_EQ(find("a|ab", "abab"), (Texts{"a", "b", "a", "b"}));
  EXPECT_EQ(find("ab|a", "abaab"), (Texts{"ab", "a", "ab"}));
  EXPECT_EQ(find("(a|ab)(c|bcd)", "abcd"), (Texts{"abcd"}));
  EXPECT_EQ(find("(a|ab)(c|bcd)?", "abcd"), (Texts{"abcd"}));
}

TEST(Regex, Quantifiers) {
  EXPECT_EQ(find("a+", "aabaa"), (Texts{"aa", "b", "aa"}));
  EXPECT_EQ(find("a+?", "aa"), (Texts{"a", "a"}));
  EXPECT_EQ(find("a{2}", "aaaaa"), (Texts{"aa", "aa", "a"}));
  EXPECT_EQ(find("a{2,}", "aaaba"), (Texts{"aaa", "ba"}));
  EXPECT_EQ(find("ba{,2}", "baaab"), (Texts{"baa", "a", "b"}));
  EXPECT_EQ(find("a{1,3}", "aaaaa"), (Texts{"aaa", "aa"}));
  EXPECT_EQ(find("(a{1,2})+", "aaaaa"), (Texts{"aaaaa"}));
  EXPECT_EQ(find("a{x}", "a{x}"), (Texts{"a{x}"})); // no interval
}

TEST(Regex, Classes) {
  EXPECT_EQ(find(R"([a-c\-x]+)", "ab-xd"), (Texts{"ab-x", "d"}));
  EXPECT_EQ(find("[^a-c]+", "abxyc"), (Texts{"ab", "xy", "c"}));
  EXPECT_EQ(find("[-a]+", "a-b"), (Texts{"a-", "b"}));
  EXPECT_EQ(find("[a[bc]]+", "abcd"), (Texts{"abc", "d"}));
  EXPECT_EQ(find(R"(\p{Lu}\p{Ll}+)", "\u00c9t\u00e9A"), (Texts{"\u00c9t\u00e9", "A"}));
  EXPECT_EQ(find(R"(\P{L}+|\p{^N})", "a1"), (Texts{"a", "1"}));
  EXPECT_EQ(find(R"(\x41\x{e9}\u00E9)", "A\u00e9\u00e9"), (Texts{"A\u00e9\u00e9"}));
  EXPECT_EQ(find(R"(\d+|\w+)", "12a_"), (Texts{"12", "a_"}));
  EXPECT_EQ(find(".+", "a\nb"), (Texts{"a", "\n", "b"}));
}

TEST(Regex, AnyCase) {
  EXPECT_EQ(find("(?i:'s)t", "'St'\u017ft"), (Texts{"'St", "'\u017ft"}));
  EXPECT_EQ(find("(?i:k)k", "\u212akKk"), (Texts{"\u212ak", "Kk"}));
}

TEST(Regex, Lookaheads) {
  EXPECT_EQ(find(R"(\s+(?!\S)|\s+)", "a   b"), (Texts{"a", "  ", " ", "b"}));
  EXPECT_EQ(find(R"(\s+(?!\S)|\s+)", "a  "), (Texts{"a", "  "}));
  EXPECT_EQ(find("a(?=b)", "aab"), (Texts{"a", "a", "b"}));
}

TEST(Regex, GraphemeClusters) {
  const auto cut = [](std::string_view text) { return find(graphemeCluster(), text); };
  EXPECT_EQ(cut("e\u0301x"), (Texts{"e\u0301", "x"}));
  EXPECT_EQ(cut("\r\n\n"), (Texts{"\r\n", "\n"}));
  EXPECT_EQ(cut("\u1100\u1161\u11a8\uac00\u11a8"), (Texts{"\u1100\u1161\u11a8", "\uac00\u11a8"}));
  EXPECT_EQ(cut("\U0001f1e9\U0001f1ea\U0001f1eb"), (Texts{"\U0001f1e9\U0001f1ea", "\U0001f1eb"}));
  EXPECT_EQ(cut("\u00a9\u200d\u00a9a\u200d"), (Texts{"\u00a9\u200d\u00a9", "a\u200d"}));
  EXPECT_EQ(cut("\u0600a"), (Texts{"\u0600a"}));
}

TEST(Regex, Refusals) {
  EXPECT_EQ(fault("a("), "at character 3: expected ')', found the end");
  EXPECT_EQ(fault("a)"), "at character 2: expected an expression, found ')'");
  EXPECT_EQ(fault("*a"), "at character 1: expected a character, class or group, found '*a'");
  EXPECT_EQ(fault("^a"), "at character 1: expected a character, class or group, found '^a'");
  EXPECT_EQ(fault("a++"),
            "at character 3: expected a quantifier that is not possessive, found '+'");
  EXPECT_EQ(fault("a{2}?"), "at character 5: expected a greedy quantifier, found '?'");
  EXPECT_EQ(fault("a{3,2}"), "at character 7: expected an interval that ascends, found the end");
  EXPECT_EQ(fault("a{2000}"), "at character 6: expected at most 1000 repetitions, found '0}'");
  EXPECT_EQ(fault("(?<=a)b"), "at character 1: expected (..), (?:..), (?i:..), (?=..) or (?!..), "
                              "found '(?<='");
  EXPECT_EQ(fault("(?!ab)c"),
            "at character 7: expected one character in a lookahead, found more or "
            "less");
  EXPECT_EQ(fault("a(?!b)+"),
            "at character 8: expected no quantifier of a lookahead, found the end");
  EXPECT_EQ(fault("[a"), "at character 3: expected ']', found the end");
  EXPECT_EQ(fault("[]a]"), "at character 2: expected a class with characters, found ']a]'");
  EXPECT_EQ(fault("[a&&b]"), "at character 3: expected a class without '&&', found '&&b]'");
  EXPECT_EQ(fault("[[:alpha:]]"), "at character 2: expected a class without [:..:], found '[:al'");
  EXPECT_EQ(fault("[b-a]"), "at character 5: expected a range that ascends, found another");
  EXPECT_EQ(fault(R"(\p{Han})"),
            "at character 1: expected a general category in \\p{..}, found 'Han'");
  EXPECT_EQ(fault(R"(a\b)"), "at character 2: expected an escape that bluec knows, found '\\b'");
  EXPECT_EQ(fault(R"(\)"), "at character 1: expected an escape that bluec knows, found '\\'");
  EXPECT_EQ(fault("(?i:\u00e9)"), "at character 6: expected only characters of ASCII in (?i:..), "
                                  "found others");
  EXPECT_EQ(fault("(?i:ss)"), "at character 7: expected no letters in (?i:..) that fold to one "
                              "character, found ')'");
  EXPECT_EQ(fault(std::string(4001, 'a')), "expected at most 4000 characters, found 4001");
  EXPECT_EQ(fault("a|b*"), "expected no match of an empty text, found one");
  EXPECT_EQ(fault("(a{900}){900}"), "expected at most 1000 parts, found more");
  EXPECT_EQ(fault("(a|b)*a(a|b){12}"), "expected at most 1000 states, found more");
  EXPECT_EQ(fault(std::string(100, '(')), "at character 66: expected at most 64 levels of groups, "
                                          "found more");
}

} // namespace
