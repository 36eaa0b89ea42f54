#include "compiler/base/Interruption.h"

#include "compiler/base/MappedFile.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace bluec;
namespace fs = std::filesystem;

namespace {

class InterruptionTest : public testing::Test {
protected:
  void SetUp() override {
    root = fs::path(testing::TempDir()) / "bluec_interruption";
    fs::remove_all(root);
    fs::create_directories(root / "staging");
    std::ofstream(root / "staging" / "part") << "of a bundle";
  }
  void TearDown() override { fs::remove_all(root); }

  /// Runs `body` in a process of its own, whose standard error is the file "said", and returns what
  /// its end was: the exit code, or -signal.
  int endOf(const std::function<void()> &body) const {
    const pid_t child = fork();
    if (child == 0) {
      (void)!freopen((root / "said").c_str(), "w", stderr);
      body();
      _exit(99);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string said() const {
    std::ostringstream text;
    text << std::ifstream(root / "said").rdbuf();
    return text.str();
  }
  [[noreturn]] static void waitForEver() {
    while (true)
      pause();
  }

  fs::path root;
};

TEST_F(InterruptionTest, ASignalRemovesTheDirectory) {
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    fs::create_directories(root / "staging");
    EXPECT_EQ(endOf([&] {
                RemovedOnSignal removed((root / "staging").string());
                kill(getpid(), number);
                waitForEver();
              }),
              128 + number);
    EXPECT_FALSE(fs::exists(root / "staging")) << number;
  }
}

TEST_F(InterruptionTest, ADirectoryIsMadeOnceASignalWouldRemoveIt) {
  EXPECT_EQ(endOf([&] {
              std::error_code code, there;
              RemovedOnSignal made((root / "made").string(), code);
              RemovedOnSignal notMade((root / "staging").string(), there);
              if (code || there != std::errc::file_exists || !fs::is_directory(root / "made"))
                _exit(98);
              kill(getpid(), SIGTERM);
              waitForEver();
            }),
            128 + SIGTERM);
  EXPECT_FALSE(fs::exists(root / "made"));
  EXPECT_TRUE(fs::exists(root / "staging" / "part")) << "it was there before";
}

TEST_F(InterruptionTest, WhatIsOverIsNotRemoved) {
  EXPECT_EQ(endOf([&] {
              {
                RemovedOnSignal removed((root / "staging").string());
              }
              kill(getpid(), SIGTERM);
              waitForEver();
            }),
            128 + SIGTERM);
  EXPECT_TRUE(fs::exists(root / "staging" / "part"));
}

// LLVM's handlers give a thread memory that AddressSanitizer takes for its own when it ends.
TEST_F(InterruptionTest, TheFirstThreadThatIsGuardedMayEnd) {
  EXPECT_EQ(endOf([&] {
              std::thread([&] { RemovedOnSignal removed((root / "staging").string()); }).join();
              kill(getpid(), SIGTERM);
              waitForEver();
            }),
            128 + SIGTERM);
  EXPECT_EQ(said(), "");
}

TEST_F(InterruptionTest, AnIgnoredSignalStaysIgnored) {
  EXPECT_EQ(endOf([&] {
              std::signal(SIGHUP, SIG_IGN);
              RemovedOnSignal removed((root / "staging").string());
              kill(getpid(), SIGHUP);
              _exit(7);
            }),
            7);
  EXPECT_TRUE(fs::exists(root / "staging" / "part"));
}

TEST_F(InterruptionTest, AFileThatIsCutIsNamed) {
  std::ofstream(root / "model.onnx") << std::string(1 << 16, 'x');
  EXPECT_EQ(endOf([&] {
              RemovedOnSignal removed((root / "staging").string());
              auto file = MappedFile::open((root / "model.onnx").string());
              fs::resize_file(root / "model.onnx", 0);
              volatile char last = file ? (*file)->bytes().back() : '?';
              (void)last;
            }),
            1);
  EXPECT_NE(said().find("model.onnx: expected a file that stays as it is, found one that was cut "
                        "while it was read\n"),
            std::string::npos)
      << said();
  EXPECT_FALSE(fs::exists(root / "staging"));
}

} // namespace
