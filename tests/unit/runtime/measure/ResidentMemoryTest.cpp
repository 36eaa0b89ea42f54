#include "measure/ResidentMemory.h"

#include "platform/MappedFile.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

TEST(ResidentMemoryTest, GrowsAndShrinks) {
  const std::size_t bytes = std::size_t(64) << 20;
  const ResidentMemory before = residentMemory();
  ASSERT_GT(before.now, 0u);
  EXPECT_GE(before.peak, before.now);
  Result<PageBuffer> buffer = PageBuffer::allocate(bytes, "test");
  ASSERT_TRUE(buffer.ok());
  std::fill_n(buffer->get(), bytes, std::uint8_t(1));
  const ResidentMemory full = residentMemory();
  EXPECT_GE(full.anonymous, before.anonymous + bytes / 2);
  buffer->release();
  const ResidentMemory after = residentMemory();
  EXPECT_LE(after.anonymous + bytes / 2, full.anonymous);
  // The system counts pages by thread and adds them up now and then: a little late.
  EXPECT_GE(after.peak + (std::size_t(4) << 20), full.now);
  EXPECT_EQ(buffer->get()[bytes - 1], 0);
}

} // namespace
