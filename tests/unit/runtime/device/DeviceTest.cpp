#include "device/Device.h"

#include "device/CpuDevice.h"
#include "platform/CpuFeatures.h"
#include "platform/ThreadPool.h"
#include "support/DeviceMemory.h"

#include <atomic>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

struct DeviceTest : ::testing::Test {
  ThreadPool pool{2};
  CpuDevice device{pool};
  CodeTarget target{"fake", std::string(hostArchitecture()) + "-unknown-linux-gnu", "any", {}};
};

TEST_F(DeviceTest, OpensTheCpu) {
  Result<std::unique_ptr<Device>> opened = openDevice("cpu", pool, "here");
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ((*opened)->kind(), "cpu");
}

TEST_F(DeviceTest, RefusesOtherKinds) {
  for (const char *kind : {"", "CPU", "abacus"}) {
    const Status status = openDevice(kind, pool, "here").status();
    EXPECT_EQ(status.getCode(), Code::Incompatible);
    EXPECT_EQ(status.message(), std::string("here: expected 'cpu', found '") + kind + "'");
  }
}

TEST_F(DeviceTest, AcceptsCodeForThisMachine) { EXPECT_TRUE(device.accepts(target, "here").ok()); }

TEST_F(DeviceTest, RefusesAnotherArchitecture) {
  target.triple = "hexagon-unknown-linux-musl";
  const Status status = device.accepts(target, "here");
  EXPECT_EQ(status.getCode(), Code::Incompatible);
  EXPECT_EQ(status.message(),
            "here: made for 'hexagon', this machine is '" + std::string(hostArchitecture()) + "'");
}

TEST_F(DeviceTest, RefusesFeaturesThatTheCpuLacks) {
  target.features = {"warp-drive", "hyperdrive"};
  const Status status = device.accepts(target, "here");
  EXPECT_EQ(status.getCode(), Code::Incompatible);
  EXPECT_EQ(status.message(), "here: made for a cpu with features that this one lacks: "
                              "'warp-drive, hyperdrive'");
}

TEST_F(DeviceTest, GivesMemoryOfZeros) { expectDeviceMemory(device); }

// An entry point that says by its answer which pool it was handed.
std::int32_t whichPool(const bluec_call *call) {
  const auto kernel = [](const bluec_call *of, std::int64_t begin, std::int64_t end) {
    *static_cast<std::atomic<std::int64_t> *>(of->observer) += end - begin;
  };
  call->parallel_for(call->pool, kernel, call, 100);
  return static_cast<ThreadPool *>(call->pool)->threads();
}

TEST_F(DeviceTest, RunsAnEntryPointOnItsThreadsOrTheCallers) {
  bluec_entry entry{};
  entry.run = whichPool;
  std::atomic<std::int64_t> tasks{0};
  bluec_call call{};
  call.observer = &tasks;
  EXPECT_EQ(*device.run(entry, call), 2);
  EXPECT_EQ(tasks, 100);
  EXPECT_EQ(call.parallel_for, nullptr) << "the caller's struct stays as it is";
  ThreadPool three(3);
  call.pool = &three;
  call.parallel_for = ThreadPool::run;
  EXPECT_EQ(*device.run(entry, call), 3);
  EXPECT_EQ(tasks, 200);
}

} // namespace
