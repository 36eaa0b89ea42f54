// The table is hostile input; what it computes is checked against goldens in tests/unit/tokenizer.
#include "text/Tokenizer.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "support/TestBundle.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

std::vector<std::uint8_t> makeTable() {
  auto table = bluec::tokenizer::convertTokenizer(
      BLUEC_SOURCE_DIR "/tests/golden/runtime/tokenizers/llama3.json", "", 400);
  return table.ok() ? table->table : std::vector<std::uint8_t>();
}

TEST(Tokenizer, RefusesEveryTruncation) {
  const std::vector<std::uint8_t> table = makeTable();
  ASSERT_TRUE(Tokenizer::fromTable(table).ok());
  for (std::size_t size = 0; size < table.size(); size += 61)
    EXPECT_FALSE(Tokenizer::fromTable({table.data(), size}).ok()) << size;
}

// Whatever stands in the table, it is refused or works within its bounds (run under sanitizers).
TEST(Tokenizer, SurvivesAnyByte) {
  const std::vector<std::uint8_t> table = makeTable();
  const std::string text = "What does <image> say? 1234 \u00e9\U0001f600";
  for (std::size_t i = 0; i < table.size(); i += i < 200 ? 1 : 97) {
    std::vector<std::uint8_t> changed = table;
    changed[i] ^= 0xff;
    const Result<Tokenizer> tokenizer = Tokenizer::fromTable(changed);
    if (!tokenizer.ok())
      continue;
    const auto ids = tokenizer->encode(text, Trust::Template);
    ASSERT_TRUE(ids.ok());
    tokenizer->decode(*ids, true);
  }
}

TEST(Tokenizer, RefusesSectionsOutOfBounds) {
  const std::vector<std::uint8_t> table = makeTable();
  TokenizerHeader header;
  const auto message = [&] {
    std::vector<std::uint8_t> changed = table;
    std::memcpy(changed.data(), &header, sizeof header);
    return Tokenizer::fromTable(changed).status().message();
  };
  const auto restore = [&] { std::memcpy(&header, table.data(), sizeof header); };
  restore();
  header.merges.offset = ~std::uint64_t(7);
  EXPECT_EQ(message(), "tokenizer.bin: section merges does not lie within the file");
  restore();
  header.tokenBytes.bytes = 4;
  EXPECT_EQ(message(), "tokenizer.bin: section tokenOffsets leaves section tokenBytes");
  restore();
  header.tokens += 1;
  EXPECT_EQ(message(),
            "tokenizer.bin: the sections do not hold " + std::to_string(header.tokens) + " tokens");
  restore();
  header.mergeSlots.bytes -= 4;
  EXPECT_EQ(message().substr(0, 54), "tokenizer.bin: section mergeSlots: expected a power of");
  restore();
  header.mergeSlots.bytes = 0;
  EXPECT_EQ(message().substr(0, 54), "tokenizer.bin: section mergeSlots: expected a power of");
  restore();
  header.version = 9;
  EXPECT_EQ(message(), "tokenizer.bin: expected version 2, found 9");
  restore();
  header.flags = 0x80;
  EXPECT_EQ(message(), "tokenizer.bin: it has flags that this runtime does not know");
  restore();
  header.stages[0] = SplitStage(77);
  EXPECT_EQ(message(), "tokenizer.bin: it splits text in a way that this runtime does not know");
}

// A table without an empty slot would make probes run for ever.
TEST(Tokenizer, RefusesFullSlots) {
  std::vector<std::uint8_t> table = makeTable();
  TokenizerHeader header;
  std::memcpy(&header, table.data(), sizeof header);
  std::memset(table.data() + header.mergeSlots.offset, 0, header.mergeSlots.bytes);
  EXPECT_EQ(Tokenizer::fromTable(table).status().message(),
            "tokenizer.bin: section mergeSlots has no empty entry");
}

TEST(Tokenizer, TrustDecidesAboutSpecialTokens) {
  const std::vector<std::uint8_t> table = makeTable();
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
  ASSERT_TRUE(tokenizer.ok());
  const std::int32_t end = tokenizer->findAdded("<|end|>");
  ASSERT_GE(end, 0);
  EXPECT_EQ(*tokenizer->encode("<|end|>", Trust::Template), std::vector<std::int32_t>{end});
  const auto asText = *tokenizer->encode("<|end|>", Trust::User);
  EXPECT_GT(asText.size(), 1u);
  EXPECT_EQ(std::count(asText.begin(), asText.end(), end), 0);
  EXPECT_EQ(tokenizer->decode(asText), "<|end|>");
  // Added tokens that are not special are words like others.
  EXPECT_EQ(*tokenizer->encode("<tool>", Trust::User),
            std::vector<std::int32_t>{tokenizer->findAdded("<tool>")});
}

TEST(Tokenizer, IdsOutOfRange) {
  const std::vector<std::uint8_t> table = makeTable();
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->bytes(-1), "");
  EXPECT_EQ(tokenizer->bytes(1 << 30), "");
  EXPECT_FALSE(tokenizer->isSpecial(-1));
  EXPECT_FALSE(tokenizer->encode("\xff", Trust::User).ok());
}

// A long word: merging must not be quadratic.
TEST(Tokenizer, LongWords) {
  const std::vector<std::uint8_t> table = makeTable();
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
  ASSERT_TRUE(tokenizer.ok());
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += "thetotal"[i % 8];
  const auto ids = tokenizer->encode(text, Trust::User);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(tokenizer->decode(*ids), text);
}

} // namespace
