#include "base/Mutex.h"

#include <gtest/gtest.h>
#include <thread>

using namespace bluec::runtime;

namespace {

TEST(MutexTest, OneAtATime) {
  Mutex mutex;
  int count = 0;
  const auto work = [&] {
    for (int i = 0; i < 10000; ++i) {
      const MutexLock lock(mutex);
      ++count;
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(count, 20000);
}

// The mutex is free while a thread waits, and its own again afterwards.
TEST(MutexTest, ConditionGivesTheMutexBack) {
  Mutex mutex;
  Condition changed;
  int step = 0;
  std::thread other([&] {
    const MutexLock lock(mutex);
    changed.wait(mutex, [&] { return step == 1; });
    step = 2;
    changed.notifyAll();
  });
  {
    const MutexLock lock(mutex);
    step = 1;
    changed.notifyAll();
    changed.wait(mutex, [&] { return step == 2; });
    EXPECT_EQ(step, 2);
  }
  other.join();
}

TEST(MutexTest, ConditionAnswersWhenTheTimeHasPassed) {
  Mutex mutex;
  Condition changed;
  const MutexLock lock(mutex);
  EXPECT_FALSE(changed.waitFor(mutex, std::chrono::milliseconds(1), [] { return false; }));
  EXPECT_TRUE(changed.waitFor(mutex, std::chrono::milliseconds(1), [] { return true; }));
}

} // namespace
