// A bundle appears whole or not at all.
#include "compiler/driver/bundle/BundleWriter.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace bluec;
namespace fs = std::filesystem;

namespace {

struct BundleWriterTest : testing::Test {
  BundleWriterTest() {
    root = fs::path(testing::TempDir()) /
           (std::string("bluec-writer-") +
            testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~BundleWriterTest() override { fs::remove_all(root); }

  std::string place(const char *name) const { return (root / name).string(); }
  static void put(const std::string &path, const std::string &text) { std::ofstream(path) << text; }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(root), {}));
  }

  fs::path root;
};

std::string message(llvm::Error error) { return llvm::toString(std::move(error)); }

TEST_F(BundleWriterTest, LeavesNothingWithoutCommit) {
  {
    auto writer = BundleWriter::create(place("out"));
    ASSERT_TRUE(bool(writer)) << message(writer.takeError());
    ASSERT_FALSE(bool((*writer)->write("a", "text")));
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(BundleWriterTest, CommitsAndReplacesABundle) {
  for (const char *text : {"one", "two"}) {
    auto writer = BundleWriter::create(place("out") + "/");
    ASSERT_TRUE(bool(writer)) << message(writer.takeError());
    ASSERT_FALSE(bool((*writer)->write(
        "manifest.json",
        std::string("{\"format\": \"bluec-bundle\", \"files\": {\"") + text + "\": {}}}")));
    ASSERT_FALSE(bool((*writer)->write(text, text)));
    ASSERT_FALSE(bool((*writer)->commit()));
  }
  EXPECT_EQ(entries(), 1u);
  EXPECT_TRUE(fs::exists(place("out/two")));
  EXPECT_FALSE(fs::exists(place("out/one")));
}

TEST_F(BundleWriterTest, ADirectoryOfBundlesIsOneOutput) {
  auto manifest = [](const std::string &target) {
    return "{\"format\": \"bluec-bundle\", \"target\": {\"name\": \"" + target + "\"}}";
  };
  auto write = [&](std::initializer_list<const char *> folders) {
    auto writer = BundleWriter::create(place("out"), BundleWriter::Output::Bundles);
    ASSERT_TRUE(bool(writer)) << message(writer.takeError());
    for (const char *folder : folders) {
      ASSERT_FALSE(bool((*writer)->enter(folder)));
      ASSERT_FALSE(bool((*writer)->write("manifest.json", manifest(folder))));
    }
    ASSERT_FALSE(bool((*writer)->commit()));
  };
  write({"a", "b"});
  EXPECT_TRUE(fs::exists(place("out/a/manifest.json")));
  EXPECT_TRUE(fs::exists(place("out/b/manifest.json")));
  EXPECT_NE(fs::status(place("out/a")).permissions() & fs::perms::others_read, fs::perms::none);
  write({"c"});
  EXPECT_FALSE(fs::exists(place("out/a")));
  EXPECT_TRUE(fs::exists(place("out/c/manifest.json")));
  // Neither is the other, and a file beside bundles is somebody's.
  auto refusal = [&](const char *name, BundleWriter::Output kind) {
    return message(BundleWriter::create(place(name), kind).takeError());
  };
  EXPECT_NE(refusal("out/c", BundleWriter::Output::Bundles).find("a bundle for each target"),
            std::string::npos);
  EXPECT_NE(refusal("out", BundleWriter::Output::Bundle).find("a bundle"), std::string::npos);
  // Nor is what somebody has collected.
  fs::create_directories(place("models/mine"));
  put(place("models/mine/manifest.json"), manifest("a"));
  EXPECT_NE(refusal("models", BundleWriter::Output::Bundles).find("a bundle for each target"),
            std::string::npos);
  put(place("out/thesis.txt"), "do not lose me");
  EXPECT_NE(refusal("out", BundleWriter::Output::Bundles).find("a bundle for each target"),
            std::string::npos);
}

TEST_F(BundleWriterTest, RefusesWhatIsNoBundle) {
  fs::create_directories(place("full"));
  put(place("full/thesis.txt"), "do not lose me");
  auto writer = BundleWriter::create(place("full"));
  ASSERT_FALSE(bool(writer));
  EXPECT_NE(message(writer.takeError()).find("expected a new or empty directory or a bundle"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(place("full/thesis.txt")));
}

TEST_F(BundleWriterTest, RefusesAFileAndAMissingParent) {
  put(place("file"), "x");
  auto file = BundleWriter::create(place("file"));
  ASSERT_FALSE(bool(file));
  EXPECT_NE(message(file.takeError()).find("expected a directory, found a file"),
            std::string::npos);
  auto missing = BundleWriter::create(place("no/out"));
  ASSERT_FALSE(bool(missing));
  EXPECT_NE(message(missing.takeError()).find("expected its parent to be a directory"),
            std::string::npos);
}

TEST_F(BundleWriterTest, AFileThatNoManifestNamesIsSomebodys) {
  auto write = [&](bool lists) {
    auto writer = BundleWriter::create(place("out"));
    if (!writer)
      return message(writer.takeError());
    EXPECT_FALSE(bool((*writer)->write("sub/main.cpp", "")));
    EXPECT_FALSE(bool((*writer)->write("weights.bin", "")));
    auto files = (*writer)->files();
    EXPECT_TRUE(bool(files));
    EXPECT_EQ(*files, (std::vector<std::string>{"sub/main.cpp", "weights.bin"}));
    EXPECT_FALSE(bool((*writer)->write(
        "manifest.json", std::string("{\"format\": \"bluec-bundle\", \"files\": {\"weights.bin\": "
                                     "{}}, \"other_files\": [") +
                             (lists ? "\"sub/main.cpp\"" : "") + "]}")));
    return message((*writer)->commit());
  };
  EXPECT_EQ(write(true), "");
  EXPECT_EQ(write(false), "");
  EXPECT_NE(write(true).find("found one with a file of somebody else's: \"sub/main.cpp\""),
            std::string::npos);
  fs::remove_all(place("out/sub"));
  EXPECT_EQ(write(true), "");
  // Also one that comes while the new one is made.
  auto writer = BundleWriter::create(place("out"));
  ASSERT_TRUE(bool(writer)) << message(writer.takeError());
  put(place("out/notes.txt"), "mine");
  EXPECT_NE(message((*writer)->commit()).find("notes.txt"), std::string::npos);
  EXPECT_TRUE(fs::exists(place("out/notes.txt")));
}

TEST_F(BundleWriterTest, TheUmaskHolds) {
  for (mode_t mask : {mode_t{077}, mode_t{027}, mode_t{022}}) {
    const mode_t before = umask(mask);
    {
      auto writer = BundleWriter::create(place("out"));
      ASSERT_TRUE(bool(writer)) << message(writer.takeError());
      ASSERT_FALSE(bool((*writer)->write("manifest.json", "{\"format\": \"bluec-bundle\"}")));
      ASSERT_FALSE(bool((*writer)->write("sub/file", "")));
      ASSERT_FALSE(bool((*writer)->commit()));
    }
    umask(before);
    for (const char *name : {"out", "out/sub"})
      EXPECT_EQ(static_cast<mode_t>(fs::status(place(name)).permissions()), 0777 & ~mask) << name;
    fs::remove_all(place("out"));
  }
}

// As when a signal has come: what is there stays.
TEST_F(BundleWriterTest, CommitWithoutItsStagingLeavesTheOutput) {
  fs::create_directories(place("out"));
  auto writer = BundleWriter::create(place("out"));
  ASSERT_TRUE(bool(writer)) << message(writer.takeError());
  fs::remove_all(fs::path((*writer)->pathOf("x")).parent_path());
  EXPECT_NE(message((*writer)->commit()), "");
  EXPECT_TRUE(fs::is_directory(place("out")));
  EXPECT_EQ(entries(), 1u);
}

TEST_F(BundleWriterTest, NamesAreAsLongAsTheFileSystemTakes) {
  const std::string name(255, 'x');
  auto writer = BundleWriter::create(place(name.c_str()));
  ASSERT_TRUE(bool(writer)) << message(writer.takeError());
  ASSERT_FALSE(bool((*writer)->commit()));
  EXPECT_TRUE(fs::is_directory(place(name.c_str())));
}

// What a killed process has left goes with the next compilation; what a living one works on stays.
TEST_F(BundleWriterTest, LeftoversAreSwept) {
  const char *old = ".bluec-staging-0123abcd", *young = ".bluec-staging-0123abce",
             *other = ".bluec-staging-notes";
  for (const char *name : {old, young, other})
    fs::create_directories(place(name) + "/x");
  auto live = BundleWriter::create(place("live"));
  ASSERT_TRUE(bool(live)) << message(live.takeError());
  const auto longAgo = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const fs::directory_entry &entry : fs::directory_iterator(root))
    if (entry.path().filename() != young)
      fs::last_write_time(entry.path(), longAgo);
  auto writer = BundleWriter::create(place("out"));
  ASSERT_TRUE(bool(writer)) << message(writer.takeError());
  EXPECT_FALSE(fs::exists(place(old)));
  EXPECT_TRUE(fs::exists(place(young)));
  EXPECT_TRUE(fs::exists(place(other)));
  ASSERT_FALSE(bool((*live)->commit()));
  EXPECT_TRUE(fs::exists(place("live")));
}

TEST_F(BundleWriterTest, DescribesAFile) {
  put(place("abc"), "abc");
  auto file = describeFile(place("abc"));
  ASSERT_TRUE(bool(file)) << message(file.takeError());
  EXPECT_EQ(file->bytes, 3u);
  EXPECT_EQ(file->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

} // namespace
