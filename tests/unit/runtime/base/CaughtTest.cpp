// Each allocation of a whole conversation fails in turn, on whatever thread it is made. The call at
// hand says OUT_OF_MEMORY or does without; the process goes on, and nothing leaks.
#include <bluec/bluec_runtime.h>

#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <new>

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
std::atomic<std::int64_t> allocationsLeft{kNever}; // before the one that fails
std::atomic<bool> lasting{false};                  // all behind it fail as well

bool fails() {
  const std::int64_t left = allocationsLeft.fetch_sub(1, std::memory_order_relaxed);
  return lasting ? left <= 0 : left == 0;
}

void *take(std::size_t bytes, std::size_t alignment) {
  void *block =
      fails() ? nullptr
      : alignment <= sizeof(double) * 2
          ? std::malloc(bytes == 0 ? 1 : bytes)
          : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!block)
    throw std::bad_alloc();
  return block;
}

} // namespace

// These count for the whole program; arrays and variants without exceptions come here as well.
void *operator new(std::size_t bytes) { return take(bytes, 1); }
void *operator new(std::size_t bytes, std::align_val_t alignment) {
  return take(bytes, std::size_t(alignment));
}
void operator delete(void *block) noexcept { std::free(block); }
void operator delete(void *block, std::size_t) noexcept { std::free(block); }
void operator delete(void *block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void *block, std::size_t, std::align_val_t) noexcept { std::free(block); }

using namespace bluec::test;

namespace {

// A conversation of two turns, the first with two pictures. The first status that is not OK.
bluec_status ask(bluec_session *session, const std::string &png) {
  bluec_session_options options;
  bluec_session_options_defaults(&options);
  options.prefill_ahead = BLUEC_AHEAD_WHILE_ENCODING;
  bluec_status status = bluec_session_set_options(session, &options);
  for (int picture = 0; picture < 2 && status == BLUEC_OK; ++picture)
    status = bluec_session_add_picture_file(session, png.data(), png.size());
  for (const char *text : {"what is in there?", "and there?"}) {
    if (status == BLUEC_OK)
      status = bluec_session_set_draft(session, text, SIZE_MAX);
    if (status == BLUEC_OK)
      status = bluec_session_wait(session, BLUEC_WAIT_PREFILLED);
    if (status == BLUEC_OK)
      status = bluec_session_add_turn(session, text, SIZE_MAX);
    if (status == BLUEC_OK)
      status = bluec_session_generate(
          session, nullptr, [](void *, const char *, size_t) { return 0; }, nullptr);
  }
  return status;
}

bluec_status converse(bluec_bundle *bundle, const std::string &png) {
  bluec_session *session = nullptr;
  bluec_status status = bluec_session_create(bundle, &session, nullptr, 0);
  if (status == BLUEC_OK)
    status = ask(session, png);
  bluec_session_free(session);
  return status;
}

// Opening is left out: the JSON library's destructors allocate.
TEST(OutOfMemory, EachAllocationOfAConversation) {
  const std::string png =
      readWhole(std::string(BLUEC_SOURCE_DIR) + "/tests/golden/runtime/pictures/rgb.png");
  for (const int run : {0, 1, 2, 3}) {
    const char *model = run % 2 == 0 ? BLUEC_FAKE_MODEL : BLUEC_FAKE_MODEL_IN_STAGES;
    const bool forGood = run / 2 != 0;
    const TestBundle files(model);
    bluec_open_options options;
    bluec_open_options_defaults(&options);
    options.threads = 2;
    bluec_bundle *bundle = nullptr;
    ASSERT_EQ(bluec_bundle_open(files.path().c_str(), &options, &bundle, nullptr, 0), BLUEC_OK);
    ASSERT_EQ(converse(bundle, png), BLUEC_OK);
    std::int64_t failed = 0, total = 0;
    for (;; ++total) {
      lasting = forGood;
      allocationsLeft = total;
      const bluec_status status = converse(bundle, png);
      const bool reached = allocationsLeft < 0;
      lasting = false;
      allocationsLeft = kNever;
      ASSERT_TRUE(status == BLUEC_OK || status == BLUEC_OUT_OF_MEMORY)
          << "allocation " << total << ": " << bluec_status_name(status);
      failed += status == BLUEC_OUT_OF_MEMORY;
      if (!reached)
        break;
    }
    EXPECT_GT(failed, 100) << "of " << total;
    EXPECT_EQ(converse(bundle, png), BLUEC_OK);
    bluec_bundle_close(bundle);
  }
}

} // namespace
