#include "device/CodeLoader.h"

#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

TEST(CodeLoader, FindsLoadersByName) {
  EXPECT_TRUE(findLoader("shared-library", "here").ok());
  const Status status = findLoader("linked-in", "here").status();
  EXPECT_EQ(status.getCode(), Code::Incompatible);
  EXPECT_EQ(status.message(), "here: expected 'shared-library', 'linked', found 'linked-in'");
}

// Looking at a file runs none of it.
TEST(CodeLoader, SharedLibrary) {
  ::unsetenv(FAKE_LOADED_VARIABLE);
  const std::string bytes = readWhole(BLUEC_FAKE_MODEL);
  const CodeFile file{"m.so",
                      BLUEC_FAKE_MODEL,
                      {reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size()},
                      ""};
  const CodeLoader &loader = **findLoader("shared-library", "here");
  EXPECT_TRUE(loader.check(file).ok());
  EXPECT_EQ(::getenv(FAKE_LOADED_VARIABLE), nullptr);
  Result<std::unique_ptr<LoadedCode>> code = loader.load(file);
  ASSERT_TRUE(code.ok()) << code.status().message();
  EXPECT_NE(::getenv(FAKE_LOADED_VARIABLE), nullptr);
  EXPECT_EQ((*code)->model().context, FAKE_CONTEXT);
}

TEST(CodeLoader, FilesThatAreNoSharedLibrary) {
  const CodeLoader &loader = **findLoader("shared-library", "here");
  EXPECT_EQ(loader.check({"m.so", "", {}, ""}).message(),
            "m.so: expected an elf shared object, found something else");
  EXPECT_EQ(loader.load({"m.so", BLUEC_FAKE_MODEL_WITHOUT_SYMBOL, {}, ""}).status().message(),
            "m.so: expected a symbol 'bluec_model', found none");
}

// By the weights that it is for.
TEST(CodeLoader, LinkedCode) {
  const CodeLoader &loader = **findLoader("linked", "here");
  static bluec_model first = {}, second = {};
  first.context = 1;
  second.context = 2;
  second.weights_sha256[0] = 0x2a;
  CodeFile file{"linked code", "", {}, "2a" + std::string(62, '0')};
  EXPECT_EQ(loader.check(file).message(), "linked code: expected code for weights.bin of sha-256 " +
                                              file.weightsSha256 + ", found none in this program");
  linkCode(first);
  EXPECT_EQ(loader.load(file).status().message(),
            "linked code: expected code for weights.bin of sha-256 " + file.weightsSha256 +
                ", found code for sha-256 " + std::string(64, '0'));
  linkCode(second);
  EXPECT_TRUE(loader.check(file).ok());
  Result<std::unique_ptr<LoadedCode>> code = loader.load(file);
  ASSERT_TRUE(code.ok()) << code.status().message();
  EXPECT_EQ((*code)->model().context, 2);
}

} // namespace
