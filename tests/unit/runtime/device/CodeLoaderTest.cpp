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
  EXPECT_EQ(status.message(), "here: expected 'shared-library', found 'linked-in'");
}

// Looking at a file runs none of it.
TEST(CodeLoader, SharedLibrary) {
  ::unsetenv(FAKE_LOADED_VARIABLE);
  const std::string bytes = readWhole(BLUEC_FAKE_MODEL);
  const CodeFile file{"m.so",
                      BLUEC_FAKE_MODEL,
                      {reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size()}};
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
  EXPECT_EQ(loader.check({"m.so", "", {}}).message(),
            "m.so: expected an elf shared object, found something else");
  EXPECT_EQ(loader.load({"m.so", BLUEC_FAKE_MODEL_WITHOUT_SYMBOL, {}}).status().message(),
            "m.so: expected a symbol 'bluec_model', found none");
}

} // namespace
