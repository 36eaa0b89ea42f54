// The table is hostile input; what it computes is checked against goldens in tests/unit/tokenizer.
#include "text/Tokenizer.h"

#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "support/TestBundle.h"

#include <cstddef>
#include <cstring>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

std::vector<std::uint8_t> makeTable(const std::string &name = "llama3") {
  auto table = bluec::tokenizer::convertTokenizer(
      BLUEC_SOURCE_DIR "/tests/golden/runtime/tokenizers/" + name + ".json", "", 800);
  return table.ok() ? table->table : std::vector<std::uint8_t>();
}

// One of each model and decoder, with all kinds of operations between them.
const char *const kKinds[] = {"llama3", "llama2", "t5", "bert", "nfkd_lowercase", "falcon"};

TEST(Tokenizer, RefusesEveryTruncation) {
  const std::vector<std::uint8_t> table = makeTable();
  ASSERT_TRUE(Tokenizer::fromTable(table).ok());
  for (std::size_t size = 0; size < table.size(); size += 61)
    EXPECT_FALSE(Tokenizer::fromTable({table.data(), size}).ok()) << size;
}

// Whatever stands in the table, it is refused or works within its bounds (run under sanitizers).
TEST(Tokenizer, SurvivesAnyByte) {
  const std::string text = "What does <image> say? 1234 \u00e9\U0001f600 e\u0301\u2460";
  for (const char *name : kKinds) {
    const std::vector<std::uint8_t> table = makeTable(name);
    ASSERT_TRUE(Tokenizer::fromTable(table).ok()) << name;
    for (std::size_t i = 0; i < table.size(); i += i < sizeof(TokenizerHeader) ? 1 : 97) {
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
  EXPECT_EQ(message(), "tokenizer.bin: expected version 3, found 9");
  restore();
  header.flags = 0x80;
  EXPECT_EQ(message(), "tokenizer.bin: it has flags that this runtime does not know");
  restore();
  header.model = TokenizerModel(4);
  EXPECT_EQ(message(), "tokenizer.bin: it has flags that this runtime does not know");
  restore();
  header.unknown = 1 << 20;
  EXPECT_EQ(message(), "tokenizer.bin: its unknown token is out of range");
  restore();
  header.normalizers = 9;
  EXPECT_EQ(message(), "tokenizer.bin: section operations does not hold the normalizers");
  restore();
  header.normalizers = 1;
  EXPECT_EQ(message(), "tokenizer.bin: section operations cuts words too early");
  restore();
  header.lead = {~0u, 1};
  EXPECT_EQ(message(), "tokenizer.bin: its header leaves section strings");
  restore();
  header.classes = 1;
  EXPECT_EQ(message(), "tokenizer.bin: it has no classes of characters");
  restore();
  header.classes += 1;
  EXPECT_EQ(message(), "tokenizer.bin: section machines leaves section transitions");
  restore();
  header.model = TokenizerModel::Unigram;
  EXPECT_EQ(message().substr(0, 40), "tokenizer.bin: section scores: expected ");
  restore();
  header.model = TokenizerModel::WordPiece;
  EXPECT_EQ(message().substr(0, 54), "tokenizer.bin: section prefixBits: expected a power of");
}

// What the parts of a table say of each other is checked, too.
TEST(Tokenizer, RefusesPartsOutOfRange) {
  const std::vector<std::uint8_t> table = makeTable("t5");
  TokenizerHeader header;
  std::memcpy(&header, table.data(), sizeof header);
  const auto message = [&](const TokenizerSection &section, std::size_t offset,
                           std::uint32_t value) {
    std::vector<std::uint8_t> changed = table;
    std::memcpy(changed.data() + section.offset + offset, &value, sizeof value);
    return Tokenizer::fromTable(changed).status().message();
  };
  const std::string unknownAction =
      "tokenizer.bin: it changes text in a way that this runtime does not know";
  EXPECT_EQ(message(header.operations, 0, 77), unknownAction);
  EXPECT_EQ(message(header.operations, offsetof(TextOperation, option), 77), unknownAction);
  EXPECT_EQ(message(header.operations, offsetof(TextOperation, machine), 77),
            "tokenizer.bin: section operations leaves section machines");
  EXPECT_EQ(message(header.operations, offsetof(TextOperation, pairs), ~0u),
            "tokenizer.bin: section operations leaves section pairs");
  EXPECT_EQ(message(header.pairs, offsetof(TextPair, value), ~0u),
            "tokenizer.bin: section pairs leaves section strings");
  EXPECT_EQ(message(header.added, 0, ~0u), "tokenizer.bin: section added holds an id out of range");
  EXPECT_EQ(message(header.transitions, 0, ~0u),
            "tokenizer.bin: section transitions holds a state out of range");
  EXPECT_EQ(message(header.asciiClasses, 0, ~0u),
            "tokenizer.bin: its classes of characters are out of range");
}

// However far a machine reads, and however little of that matches, the cost is linear.
TEST(Tokenizer, TextsThatReadAhead) {
  const std::vector<std::uint8_t> table = makeTable();
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
  ASSERT_TRUE(tokenizer.ok());
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "\n" + std::string(200, ' ');
  const auto ids = tokenizer->encode(text, Trust::User);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(tokenizer->decode(*ids), text);
}

// A mark before words is for where a text begins, not for where one goes on.
TEST(Tokenizer, WhereATextBegins) {
  for (const char *name : {"llama2", "mistral_v03", "metaspace_always"}) {
    const std::vector<std::uint8_t> table = makeTable(name);
    const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
    ASSERT_TRUE(tokenizer.ok());
    const auto first = *tokenizer->encode("the", Trust::User);
    const auto later = *tokenizer->encode("the", Trust::User, TextBegin::Continued);
    EXPECT_EQ(tokenizer->bytes(first.front()).front(), ' ') << name;
    EXPECT_EQ(tokenizer->bytes(later.front()).front(), 't') << name;
    const auto after = *tokenizer->encode("<s>the", Trust::Template);
    const bool isMarked = tokenizer->bytes(after[1]).front() == ' ';
    EXPECT_EQ(isMarked, std::string_view(name) != "mistral_v03") << name;
  }
}

// The text of a user never becomes a special token, in models that look words up as well.
TEST(Tokenizer, NoModelMakesSpecialTokens) {
  for (const char *name : kKinds) {
    const std::vector<std::uint8_t> table = makeTable(name);
    const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
    ASSERT_TRUE(tokenizer.ok());
    for (const char *text : {"</s>", "<s>", "[SEP]", "<|end|>", "\uff1c/s\uff1e"}) {
      const std::vector<std::int32_t> ids = *tokenizer->encode(text, Trust::User);
      for (std::int32_t id : ids)
        EXPECT_TRUE(!tokenizer->isSpecial(id) || tokenizer->name(id) == "<unk>" ||
                    tokenizer->name(id) == "[UNK]")
            << name << " " << text;
    }
  }
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
