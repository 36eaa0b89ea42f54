#include "core/Caller.h"

#include <gtest/gtest.h>
#include <thread>

using namespace bluec::runtime;

namespace {

TEST(CallerTest, WaitsUntilReady) {
  Monitor monitor;
  Caller caller(monitor);
  bool done = false;
  std::thread other([&] {
    const Monitor::Lock lock(monitor);
    done = true;
    monitor.notifyAll();
  });
  {
    const Monitor::Lock lock(monitor);
    EXPECT_TRUE(caller.await([&] { return done; }).ok());
    EXPECT_GE(caller.waitSeconds(), 0.0);
  }
  other.join();
}

// A cancel() ends one wait: the one that is under way, or the next one.
TEST(CallerTest, CancelEndsOneWait) {
  Monitor monitor;
  Caller caller(monitor);
  const Monitor::Lock lock(monitor);
  caller.cancel();
  EXPECT_EQ(caller.await([] { return true; }).getCode(), Code::Cancelled);
  EXPECT_TRUE(caller.await([] { return true; }).ok());
  caller.cancel();
  caller.forgetCancel();
  EXPECT_TRUE(caller.await([] { return true; }).ok());
}

TEST(CallerTest, CancelFromAnotherThread) {
  Monitor monitor;
  Caller caller(monitor);
  std::thread other([&] { caller.cancel(); });
  {
    const Monitor::Lock lock(monitor);
    EXPECT_EQ(caller.await([] { return false; }).getCode(), Code::Cancelled);
  }
  other.join();
}

TEST(CallerTest, ResetForgetsTimeAndCancel) {
  Monitor monitor;
  Caller caller(monitor);
  const Monitor::Lock lock(monitor);
  EXPECT_TRUE(caller.await([] { return true; }).ok());
  caller.cancel();
  caller.reset();
  EXPECT_EQ(caller.waitSeconds(), 0.0);
  EXPECT_TRUE(caller.await([] { return true; }).ok());
}

} // namespace
