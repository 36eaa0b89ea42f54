#include "base/Sha256.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

using namespace bluec::runtime;

namespace {

std::string hexOf(const std::string &text) {
  Sha256 hash(Sha256::compressPortable);
  hash.update(text.data(), text.size());
  return toHex(hash.finish());
}

// The examples of FIPS 180-4.
TEST(Sha256, StandardExamples) {
  EXPECT_EQ(hexOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hexOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hexOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hexOf(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Handing the bytes over in pieces changes nothing.
TEST(Sha256, Pieces) {
  std::string text;
  for (int i = 0; i < 500; ++i)
    text += char(i * 91);
  for (std::size_t piece : {1, 7, 63, 64, 65, 200}) {
    Sha256 hash(Sha256::compressPortable);
    for (std::size_t at = 0; at < text.size(); at += piece)
      hash.update(text.data() + at, std::min(piece, text.size() - at));
    EXPECT_EQ(toHex(hash.finish()), hexOf(text)) << piece;
  }
}

} // namespace
