// What memory of any device is: aligned, zero at first and again after release().
#ifndef BLUEC_TESTS_RUNTIME_SUPPORT_DEVICEMEMORY_H
#define BLUEC_TESTS_RUNTIME_SUPPORT_DEVICEMEMORY_H

#include "device/Device.h"

#include <gtest/gtest.h>

namespace bluec::test {

inline void expectDeviceMemory(const runtime::Device &device) {
  using runtime::PageBuffer;
  const auto memory = device.allocate(5000, "test", PageBuffer::Pages::Large);
  ASSERT_TRUE(memory.ok()) << memory.status().message();
  std::uint8_t *bytes = (*memory)->get();
  EXPECT_EQ(std::uintptr_t(bytes) % BLUEC_ALIGNMENT, 0u);
  EXPECT_EQ(bytes[4999], 0);
  bytes[4999] = 1;
  (*memory)->release();
  EXPECT_EQ(bytes[4999], 0);
  EXPECT_EQ((*device.allocate(0, "test", PageBuffer::Pages::Small))->get(), nullptr);
  EXPECT_EQ(
      device.allocate(std::size_t(1) << 60, "arena", PageBuffer::Pages::Small).status().getCode(),
      runtime::Code::OutOfMemory);
}

} // namespace bluec::test

#endif // BLUEC_TESTS_RUNTIME_SUPPORT_DEVICEMEMORY_H
