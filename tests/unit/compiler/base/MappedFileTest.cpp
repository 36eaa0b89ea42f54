#include "compiler/base/MappedFile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace bluec;
namespace fs = std::filesystem;

namespace {

class MappedFileTest : public testing::Test {
protected:
  void SetUp() override {
    root = fs::path(testing::TempDir()) / "bluec_mapped_file";
    fs::remove_all(root);
    fs::create_directories(root / "model" / "sub");
    std::ofstream(root / "secret") << "secret";
    std::ofstream(root / "model" / "data") << "data";
    fs::create_symlink("../secret", root / "model" / "out");
    fs::create_symlink("data", root / "model" / "in");
    fs::create_symlink("..", root / "model" / "sub" / "up");
  }
  void TearDown() override { fs::remove_all(root); }

  std::string resolve(const std::string &name) {
    llvm::Expected<std::string> path = resolveInside((root / "model").string(), name);
    return path ? fs::path(*path).filename().string() : "error: " + toString(path.takeError());
  }

  fs::path root;
};

TEST_F(MappedFileTest, MapsAllBytes) {
  auto file = MappedFile::open((root / "model" / "data").string());
  ASSERT_TRUE(static_cast<bool>(file));
  EXPECT_EQ(std::string((*file)->bytes().begin(), (*file)->bytes().end()), "data");
}

TEST_F(MappedFileTest, SaysWhetherSomebodyHasWrittenToIt) {
  const std::string path = (root / "model" / "data").string();
  auto file = MappedFile::open(path);
  ASSERT_TRUE(static_cast<bool>(file));
  EXPECT_FALSE(static_cast<bool>((*file)->checkUnchanged()));
  // Another file in its place: what is mapped is the old one.
  std::ofstream(root / "new") << "other";
  fs::rename(root / "new", path);
  EXPECT_FALSE(static_cast<bool>((*file)->checkUnchanged()));

  auto other = MappedFile::open(path);
  ASSERT_TRUE(static_cast<bool>(other));
  std::ofstream(path) << "of another size";
  EXPECT_NE(toString((*other)->checkUnchanged()).find("written to while it was read"),
            std::string::npos);
  auto third = MappedFile::open(path);
  ASSERT_TRUE(static_cast<bool>(third));
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::milliseconds(1));
  EXPECT_NE(toString((*third)->checkUnchanged()), "");
}

TEST_F(MappedFileTest, EmptyFileHasNoBytes) {
  std::ofstream(root / "model" / "empty").flush();
  auto file = MappedFile::open((root / "model" / "empty").string());
  ASSERT_TRUE(static_cast<bool>(file));
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST_F(MappedFileTest, RefusesWhatIsNoFile) {
  for (auto [name, message] : {std::pair("none", "not found"), {"sub", "not a regular file"}}) {
    auto file = MappedFile::open((root / "model" / name).string());
    ASSERT_FALSE(static_cast<bool>(file));
    EXPECT_EQ(toString(file.takeError()), message);
  }
}

TEST_F(MappedFileTest, ResolvesInside) {
  EXPECT_EQ(resolve("data"), "data");
  EXPECT_EQ(resolve("./data"), "data");
  EXPECT_EQ(resolve("in"), "data");
}

TEST_F(MappedFileTest, RefusesOutside) {
  EXPECT_EQ(resolve("../secret").substr(0, 6), "error:");
  EXPECT_EQ(resolve("sub/../data").substr(0, 6), "error:");
  EXPECT_EQ(resolve((root / "model" / "data").string()).substr(0, 6), "error:");
  EXPECT_EQ(resolve("out"),
            "error: expected a file inside the model directory, found a symbolic link out of it");
  EXPECT_EQ(resolve("sub/up/out").substr(0, 6), "error:");
  EXPECT_EQ(resolve("").substr(0, 6), "error:");
  EXPECT_EQ(resolve(std::string("data\0x", 6)).substr(0, 6), "error:");
  EXPECT_EQ(resolve("..\\secret").substr(0, 6), "error:");
}

} // namespace
