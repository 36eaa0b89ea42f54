#include "text/Unicode.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

TEST(Unicode, WhiteSpace) {
  EXPECT_TRUE(isSpace(' ') && isSpace('\n') && isSpace(0xa0) && isSpace(0x3000));
  EXPECT_FALSE(isSpace(0x200b) || isSpace('x') || isSpace(0x180e));
}

TEST(Unicode, DecodesEveryCodePoint) {
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    std::string text;
    appendUtf8(text, point);
    const Decoded decoded = decodeUtf8(text);
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    ASSERT_EQ(decoded.valid, !surrogate) << point;
    if (decoded.valid) {
      ASSERT_EQ(decoded.codePoint, point);
      ASSERT_EQ(decoded.bytes, text.size());
    }
  }
}

TEST(Unicode, InvalidSequences) {
  EXPECT_EQ(findInvalidUtf8("abc\xe2\x82\xac"), 6u);
  for (const char *text : {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\x80", "\xff", "\xc3", "\xe2\x82"})
    EXPECT_EQ(findInvalidUtf8(text), 0u);
}

TEST(Unicode, WhiteSpaceAtTheEnds) {
  EXPECT_EQ(leadingSpace(" \u00a0a "), 3u);
  EXPECT_EQ(trimRight(" a\u3000\n"), " a");
  EXPECT_EQ(trimRight(" "), "");
}

TEST(Unicode, Decomposition) {
  EXPECT_EQ(decomposeCanonically("plain"), "plain");
  EXPECT_EQ(decomposeCanonically("\u1e9b\u0323 \uac01"), "\u017f\u0323\u0307 \u1100\u1161\u11a8");
}

TEST(Unicode, Composition) {
  EXPECT_EQ(composeCanonically("plain"), "plain");
  EXPECT_EQ(composeCanonically("e\u0301"), "\u00e9");
  EXPECT_EQ(composeCanonically("\u212b"), "\u00c5");
  EXPECT_EQ(composeCanonically("\u1100\u1161\u11a8"), "\uac01"); // Hangul
  EXPECT_EQ(composeCanonically("\uac00\u11a8"), "\uac01");
  EXPECT_EQ(composeCanonically("a\u0300\u0316"), "\u00e0\u0316"); // marks go by their class
  EXPECT_EQ(composeCanonically("\u1e9b\u0323"), "\u1e9b\u0323");
  EXPECT_EQ(composeCanonically("\ufb2c"), "\u05e9\u05bc\u05c1"); // excluded from composition
  EXPECT_EQ(composeCanonically("\u0301"), "\u0301");
}

// Many marks on one letter: a quadratic sort would be felt.
TEST(Unicode, ManyMarks) {
  std::string text = "a";
  for (int i = 0; i < 200000; ++i)
    text += i % 2 ? "\u0301" : "\u0316";
  EXPECT_EQ(composeCanonically(text).size(), text.size() - 1);
}

TEST(Utf8Stream, HoldsBackWhatIsIncomplete) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xe2"), "a");
  EXPECT_EQ(stream.push("\x82"), "");
  EXPECT_EQ(stream.push("\xac"
                        "b"),
            "\u20ac"
            "b");
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.push("\xf0\x9f\x98"), "");
  EXPECT_EQ(stream.finish(), "\ufffd");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, ReplacesWhatCannotBeText) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\xff"
                        "a\x80"),
            "\ufffd"
            "a\ufffd");
  EXPECT_EQ(stream.push("\xe2\x82"), "");
  EXPECT_EQ(stream.push("x"), "\ufffdx"); // one for the longest beginning of a character
}

// However the bytes are cut, the text is the same.
TEST(Utf8Stream, AnySplit) {
  const std::string bytes = "h\u00e9\u20ac\U0001f600\xff\xe2\x82!\xc3";
  std::string whole;
  {
    Utf8Stream stream;
    whole = stream.push(bytes);
    whole += stream.finish();
  }
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Utf8Stream stream;
    std::string text = stream.push(bytes.substr(0, cut));
    text += stream.push(bytes.substr(cut));
    text += stream.finish();
    EXPECT_EQ(text, whole) << cut;
  }
}

} // namespace
