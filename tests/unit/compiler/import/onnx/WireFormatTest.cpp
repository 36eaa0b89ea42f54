#include "compiler/import/onnx/WireFormat.h"

#include <gtest/gtest.h>

using namespace bluec;

static std::string field(int number, const std::string &content) {
  EXPECT_LT(number, 16);
  EXPECT_LT(content.size(), 128u);
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} +
         content;
}
static llvm::Expected<std::string> strip(const std::string &file) {
  return stripTensorData({file.data(), file.size()});
}

TEST(WireFormat, ReplacesRawDataByItsPlace) {
  std::string tensor = field(8, "w") + field(9, "abcd");
  std::string file = field(7, field(5, tensor));
  llvm::Expected<std::string> stripped = strip(file);
  ASSERT_TRUE(static_cast<bool>(stripped));
  // Tags of fields 20001 and 20002 (varints), with the offset of "abcd" and its length.
  std::string place = {'\x88', '\xe2', '\x09', static_cast<char>(file.find("abcd")),
                       '\x90', '\xe2', '\x09', 4};
  EXPECT_EQ(*stripped, field(7, field(5, field(8, "w") + place)));
}

TEST(WireFormat, DropsPlacesThatAFileClaims) {
  std::string place = {'\x88', '\xe2', '\x09', 1};
  llvm::Expected<std::string> stripped = strip(field(7, field(5, place)));
  ASSERT_TRUE(static_cast<bool>(stripped));
  EXPECT_EQ(*stripped, field(7, field(5, "")));
}

TEST(WireFormat, LeavesOtherMessagesAlone) {
  std::string file = field(2, "producer") + field(7, field(2, "graph"));
  llvm::Expected<std::string> stripped = strip(file);
  ASSERT_TRUE(static_cast<bool>(stripped));
  EXPECT_EQ(*stripped, file);
}

TEST(WireFormat, RefusesBrokenMessages) {
  std::string good = field(7, field(5, field(9, "abcd")));
  for (size_t length = 1; length < good.size(); ++length) {
    llvm::Expected<std::string> stripped = strip(good.substr(0, length));
    EXPECT_FALSE(static_cast<bool>(stripped)) << length;
    if (!stripped) {
      EXPECT_EQ(toString(stripped.takeError()).substr(0, 28), "expected an ONNX model, foun");
    }
  }
  for (const std::string &bad :
       {std::string("\x3b"), std::string("\x0f\x01"), std::string(12, '\xff')}) {
    llvm::Expected<std::string> stripped = strip(bad);
    EXPECT_FALSE(static_cast<bool>(stripped));
    consumeError(stripped.takeError());
  }
}

// A reader of 32-bit tags drops the upper bits, and would take the field for the place of a
// tensor's data.
TEST(WireFormat, RefusesTagsBeyond32Bits) {
  for (uint64_t tag : {(uint64_t{1} << 32) + (7 << 3 | 2), (uint64_t{1} << 32) + (20001 << 3)}) {
    std::string varint;
    for (uint64_t rest = tag; rest > 0; rest >>= 7)
      varint += static_cast<char>((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
    llvm::Expected<std::string> stripped = strip(field(7, field(5, varint + '\0')));
    ASSERT_FALSE(static_cast<bool>(stripped));
    EXPECT_EQ(toString(stripped.takeError()),
              "expected an ONNX model, found a field tag beyond 32 bits at byte 4");
  }
}

TEST(WireFormat, RefusesDataInPieces) {
  llvm::Expected<std::string> stripped =
      strip(field(7, field(5, field(9, "abcd") + field(4, "abcd"))));
  ASSERT_FALSE(static_cast<bool>(stripped));
  EXPECT_EQ(toString(stripped.takeError()),
            "expected an ONNX model, found a tensor whose data is in several pieces at byte 10");
}
