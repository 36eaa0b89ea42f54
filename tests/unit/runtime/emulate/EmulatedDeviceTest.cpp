#include "emulate/EmulatedDevice.h"

#include "core/Session.h"
#include "platform/ThreadPool.h"
#include "support/DeviceMemory.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <csignal>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

// The fake model is this machine's, so its server needs no emulator.
Result<std::shared_ptr<EmulatedProcess>> startServer() {
  return EmulatedProcess::start({BLUEC_SERVE}, 2);
}

// All devices are in one process.
struct Emulators : DeviceSource {
  Result<std::unique_ptr<Device>> open(const CodeTarget &, const std::string &) override {
    if (!process) {
      auto started = startServer();
      if (!started.ok())
        return started.status();
      process = *started;
    }
    return std::unique_ptr<Device>(std::make_unique<EmulatedDevice>(process));
  }

  std::shared_ptr<EmulatedProcess> process;
};

// Of the processes that this thread has started.
std::vector<pid_t> children() {
  std::ifstream file("/proc/thread-self/children");
  std::vector<pid_t> found;
  for (pid_t child = 0; file >> child;)
    found.push_back(child);
  return found;
}

class EmulatedDeviceTest : public ::testing::Test {
protected:
  Result<std::unique_ptr<Bundle>> open(const TestBundle &bundle) {
    OpenOptions how;
    how.threads = 2;
    how.devices = &emulators;
    return Bundle::open(bundle.path(), how);
  }

  // Of a session that has a picture and a question, and then another question.
  static std::string converse(const Bundle &bundle) {
    auto created = Session::create(bundle);
    if (!created.ok())
      return created.status().message();
    Session &session = **created;
    std::string answers;
    const auto ask = [&](const std::string &text) {
      Status status = session.addTurn(text);
      if (status.ok())
        status = session.generate({}, [&](std::string_view piece) {
          answers += piece;
          return true;
        });
      answers += status.ok() ? "; " : status.message() + "; ";
    };
    if (!findInput(bundle.decode(), BLUEC_POSITIONS)) { // such models number no pictures' rows
      const int side = 4 * FAKE_TILE;
      const Status added = session.addPicture(
          {side, side, std::vector<std::uint8_t>(std::size_t(side * side * 3), 77)});
      if (!added.ok() || !session.wait(Until::Encoded).ok())
        return "not encoded: " + added.message();
      for (const float value : session.picture(0).features->rows)
        answers += std::to_string(value) + " ";
    }
    ask("longer than a chunk");
    ask("and another one");
    return answers;
  }

  void expectRefused(const TestBundle &bundle) {
    const Status here = Bundle::open(bundle.path(), {2}).status();
    const Status there = open(bundle).status();
    EXPECT_FALSE(here.ok());
    EXPECT_EQ(there.getCode(), here.getCode());
    EXPECT_EQ(there.message(), here.message());
  }

  Emulators emulators;
};

TEST_F(EmulatedDeviceTest, AnswersAsThisProcessDoes) {
  const TestBundle whole, stages(BLUEC_FAKE_MODEL_IN_STAGES),
      positions(BLUEC_FAKE_MODEL_WITH_POSITIONS),
      two(BLUEC_FAKE_MODEL_FIRST, BLUEC_FAKE_MODEL_REST);
  for (const TestBundle *bundle : {&whole, &stages, &positions, &two}) {
    const auto here = Bundle::open(bundle->path(), {2});
    ASSERT_TRUE(here.ok()) << here.status().message();
    const auto there = open(*bundle);
    ASSERT_TRUE(there.ok()) << there.status().message();
    for (const BundleDevice &device : (*there)->devices())
      EXPECT_EQ(device.device->kind(), "emulated");
    const std::string expected = converse(**here);
    EXPECT_NE(expected.find("longer than a chunk; and another one; "), expected.npos) << expected;
    EXPECT_EQ(converse(**there), expected);
  }
}

// Not one function of the code is this process's.
TEST_F(EmulatedDeviceTest, NoCodeIsLoadedHere) {
  const TestBundle bundle;
  ::unsetenv(FAKE_LOADED_VARIABLE);
  ASSERT_TRUE(open(bundle).ok());
  EXPECT_EQ(::getenv(FAKE_LOADED_VARIABLE), nullptr);
}

TEST_F(EmulatedDeviceTest, RefusesWhatThisProcessRefuses) {
  TestBundle features;
  features.manifest["target"]["features"] = {"warp-drive"};
  features.write();
  expectRefused(features);
  TestBundle machine;
  machine.manifest["target"]["triple"] = "hexagon-unknown-linux-musl";
  machine.write();
  expectRefused(machine);
  expectRefused(TestBundle(BLUEC_FAKE_MODEL_WITHOUT_SYMBOL));
  TestBundle text;
  writeWhole(text.file("model.so"), "no code");
  text.hashFiles();
  text.write();
  expectRefused(text);
  TestBundle geometry;
  geometry.manifest["geometry"]["hidden"] = 5;
  geometry.write();
  expectRefused(geometry);
  // The process is as it was.
  EXPECT_TRUE(open(TestBundle()).ok());
}

TEST_F(EmulatedDeviceTest, MemoryIsZeroAtFirstAndWhenItIsBack) {
  const EmulatedDevice device(*startServer());
  expectDeviceMemory(device);
}

TEST_F(EmulatedDeviceTest, StepsAreToldAndEndTheCall) {
  const TestBundle bundle;
  const auto opened = open(bundle);
  ASSERT_TRUE(opened.ok());
  auto session = Session::create(**opened);
  ASSERT_TRUE(session.ok());
  const bluec_entry &decode = (*opened)->decode();
  const std::int32_t token = 65;
  std::string steps;
  void *none = nullptr;
  const auto run = [&](bool goOn) {
    steps.clear();
    return (*session)->runEntry(decode, 1, 0, EntryInputs(decode, 1, 0, &token), {&none, 1},
                                [&](std::int64_t index, const bluec_step &step, const void *) {
                                  steps += std::to_string(index) + " " + step.name + ", ";
                                  return goOn;
                                });
  };
  EXPECT_TRUE(run(true).ok());
  EXPECT_EQ(steps, "0 decoder/cache, 1 decoder/head, ");
  EXPECT_EQ(run(false).getCode(), Code::Cancelled);
  EXPECT_EQ(steps, "0 decoder/cache, ");
  EXPECT_TRUE(run(true).ok());
}

// A call then says so, and all others do; what is left can be closed.
TEST_F(EmulatedDeviceTest, AProcessThatIsKilled) {
  const std::vector<pid_t> before = children();
  const TestBundle bundle;
  const auto opened = open(bundle);
  ASSERT_TRUE(opened.ok());
  auto session = Session::create(**opened);
  ASSERT_TRUE(session.ok());
  const std::vector<pid_t> after = children();
  ASSERT_EQ(after.size(), before.size() + 1);
  const bluec_entry &decode = (*opened)->decode();
  const std::int32_t token = 65;
  void *none = nullptr;
  bool killed = false;
  for (int i = 0; i < 2; ++i) {
    const Status status =
        (*session)->runEntry(decode, 1, 0, EntryInputs(decode, 1, 0, &token), {&none, 1},
                             [&](std::int64_t, const bluec_step &, const void *) {
                               EXPECT_FALSE(killed);
                               killed = true;
                               ::kill(after.back(), SIGKILL);
                               return true;
                             });
    EXPECT_EQ(status.getCode(), Code::Internal);
    EXPECT_EQ(status.message(), std::string("entry 'decode': ") + BLUEC_SERVE +
                                    ": expected an answer, found that it was ended by signal 9");
  }
  EXPECT_EQ(children().size(), before.size()) << "nobody waits for it";
}

// Code that touches what it must not takes its process with it, not this one.
TEST_F(EmulatedDeviceTest, CodeThatCrashes) {
  const TestBundle bundle;
  const auto opened = open(bundle);
  ASSERT_TRUE(opened.ok());
  const Device &device = *(*opened)->devices().front().device;
  const auto arena = device.allocate(16384, "arena", PageBuffer::Pages::Small);
  ASSERT_TRUE(arena.ok());
  bluec_call call{};
  call.arena = (*arena)->get();
  call.count = 1;
  const Status status = device.run((*opened)->decode(), call).status(); // without its cache
  EXPECT_EQ(status.getCode(), Code::Internal);
  EXPECT_NE(status.message().find("expected an answer, found that it"), std::string::npos)
      << status.message();
}

// Memory and code that it has not been given are not touched.
TEST_F(EmulatedDeviceTest, WhatTheProcessDoesNotKnow) {
  const TestBundle bundle;
  const auto opened = open(bundle);
  ASSERT_TRUE(opened.ok());
  const Device &device = *(*opened)->devices().front().device;
  std::vector<std::uint8_t> own(16384);
  bluec_call call{};
  call.arena = own.data();
  call.count = 1;
  EXPECT_NE(device.run((*opened)->decode(), call)
                .status()
                .message()
                .find("expected memory that it shares, found other memory"),
            std::string::npos);
  bluec_entry other = (*opened)->decode();
  other.run = [](const bluec_call *) { return std::int32_t(0); };
  call.arena = nullptr;
  const Status status = device.run(other, call).status();
  EXPECT_EQ(status.getCode(), Code::Internal);
  EXPECT_EQ(status.message(), "expected an entry point of code that is loaded");
}

TEST(EmulatedProcess, ProgramsThatAreNoServer) {
  const auto start = [](std::vector<std::string> command) {
    return EmulatedProcess::start(command, 1).status();
  };
  Status status = start({"/nowhere/emulator"});
  EXPECT_EQ(status.getCode(), Code::NotFound);
  EXPECT_EQ(status.message(), "/nowhere/emulator: cannot be started: no such file or directory");
  status = start({"/bin/sh", "-c", "exit 3"});
  EXPECT_EQ(status.message(), "/bin/sh: expected an answer, found that it ended with code 3");
  status = start({"/bin/sh", "-c", "echo one >&2; echo two >&2; kill -TERM $$"});
  EXPECT_EQ(status.message(), "/bin/sh: expected an answer, found that it was ended by signal 15, "
                              "and said 'two'");
  // Another version's.
  status = start({"/bin/sh", "-c", "printf '\\001\\0\\0\\0\\004\\0\\0\\0\\143\\0\\0\\0' >&3"});
  EXPECT_EQ(status.getCode(), Code::Incompatible);
  EXPECT_TRUE(status.message().ends_with(": expected protocol version 1, found 99"))
      << status.message();
}

// A program that answers as a server does, but for what is in the answer.
std::string answering(const std::string &frame) {
  return "printf '\\001\\0\\0\\0\\004\\0\\0\\0\\001\\0\\0\\0' >&3; printf '" + frame +
         "' >&3; exec sleep 100";
}

TEST(EmulatedProcess, AnswersThatAreNone) {
  // Of no bytes, and of a step that nobody asked for.
  for (const char *frame : {"\\013\\0\\0\\0\\0\\0\\0\\0", "\\011\\0\\0\\0\\0\\0\\0\\0"}) {
    const auto started = EmulatedProcess::start({"/bin/sh", "-c", answering(frame)}, 1);
    ASSERT_TRUE(started.ok()) << started.status().message();
    const Status status = (*started)->accepts({"x", "y", "z", {}}, "here");
    EXPECT_EQ(status.getCode(), Code::Internal);
    EXPECT_EQ(status.message(), "/bin/sh: expected an answer, found no answer");
  }
}

// It does not outlive the object that stands for it.
TEST(EmulatedProcess, EndsWithTheObject) {
  const std::size_t before = children().size();
  {
    const auto started = startServer();
    ASSERT_TRUE(started.ok()) << started.status().message();
    EXPECT_EQ(children().size(), before + 1);
  }
  EXPECT_EQ(children().size(), before);
}

} // namespace
