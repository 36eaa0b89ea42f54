#include "core/Encoder.h"

#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

// Tiles whose pixels are their number, from 1.
TileSet tilesOf(int count) {
  TileSet tiles;
  tiles.count = count;
  tiles.grid = {count, 1};
  for (int tile = 1; tile <= count; ++tile)
    tiles.pixels.insert(tiles.pixels.end(), 3 * FAKE_TILE * FAKE_TILE, float(tile));
  return tiles;
}

class EncoderTest : public ::testing::Test {
protected:
  explicit EncoderTest(const char *model = BLUEC_FAKE_MODEL) : bundle(model) {}
  EncoderTest(const char *cpuModel, const char *npuModel) : bundle(cpuModel, npuModel) {}

  void open() {
    bundle.write();
    encoder.reset();
    auto opened = Bundle::open(bundle.path(), {2});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    loaded = std::move(*opened);
    auto made = Encoder::create(*loaded);
    ASSERT_TRUE(made.ok()) << made.status().message();
    encoder = std::move(*made);
  }

  // For each tile "number:index in its call/capacity"; or the reason why there are no features.
  std::string encode(const TileSet &tiles, const OnEntryStep &observer = {}) {
    Result<Features> features = encoder->encode(tiles, cancelled, observer);
    if (!features.ok())
      return features.status().message();
    std::string text;
    for (std::int64_t tile = 0; tile < features->tiles; ++tile) {
      const float *row = features->rows.data() + tile * FAKE_TOKENS_PER_TILE * FAKE_HIDDEN;
      text += (tile ? " " : "") + std::to_string(int(row[1])) + ":" + std::to_string(int(row[2])) +
              "/" + std::to_string(int(row[3]));
    }
    return text;
  }

  TestBundle bundle;
  std::unique_ptr<Bundle> loaded;
  std::unique_ptr<Encoder> encoder;
  std::atomic<bool> cancelled{false};
};

struct StagedEncoderTest : EncoderTest {
  StagedEncoderTest() : EncoderTest(BLUEC_FAKE_MODEL_IN_STAGES) {}
};

// The stages are code files of their own.
struct TwoFilesEncoderTest : EncoderTest {
  TwoFilesEncoderTest() : EncoderTest(BLUEC_FAKE_MODEL_FIRST, BLUEC_FAKE_MODEL_REST) {}
};

TEST_F(EncoderTest, WithoutAWordFromTheManifestLargeCallsFirst) {
  open();
  EXPECT_EQ(encode(tilesOf(3)), "1:0/1 2:0/1 3:0/1");
  EXPECT_EQ(encode(tilesOf(9)), "1:0/4 2:1/4 3:2/4 4:3/4 5:0/4 6:1/4 7:2/4 8:3/4 9:0/1");
}

TEST_F(EncoderTest, TheManifestSaysHowTheRestIsEncoded) {
  bundle.manifest["geometry"]["encode_calls"] = {{1}, {1, 4}, {4}};
  open();
  EXPECT_EQ(encode(tilesOf(1)), "1:0/1");
  EXPECT_EQ(encode(tilesOf(6)), "1:0/4 2:1/4 3:2/4 4:3/4 5:0/1 6:0/4");
  EXPECT_EQ(encode(tilesOf(7)), "1:0/4 2:1/4 3:2/4 4:3/4 5:0/4 6:1/4 7:2/4");
  const auto &times = encoder->callTimes();
  ASSERT_EQ(times.size(), 2u);
  EXPECT_STREQ(times[1].entry->name, "encode_batch");
  EXPECT_EQ(times[1].count, 3);
  EXPECT_LE(times[0].end, times[1].start);
}

TEST_F(StagedEncoderTest, StagesGiveTheSameInOrderAndOverlapped) {
  bundle.manifest["geometry"]["encode_calls"] = {{1}, {1, 1}, {4}};
  open();
  const std::string ten = "1:0/4 2:1/4 3:2/4 4:3/4 5:0/4 6:1/4 7:2/4 8:3/4 9:0/1 10:0/1";
  EXPECT_EQ(encode(tilesOf(10)), ten);
  encoder->overlapStages(true);
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(encode(tilesOf(10)), ten);
  EXPECT_EQ(encode(tilesOf(1)), "1:0/1");
}

TEST_F(TwoFilesEncoderTest, EachStageRunsOnItsDevice) {
  bundle.manifest["geometry"]["encode_calls"] = {{1}, {1, 1}, {4}};
  open();
  const std::string ten = "1:0/4 2:1/4 3:2/4 4:3/4 5:0/4 6:1/4 7:2/4 8:3/4 9:0/1 10:0/1";
  for (const bool overlap : {false, true}) {
    encoder->overlapStages(overlap);
    EXPECT_EQ(encode(tilesOf(10)), ten);
    std::string places;
    for (const CallTime &time : encoder->callTimes())
      places += loaded->deviceOf(*time.entry).name + " ";
    EXPECT_EQ(places, "cpu npu cpu npu cpu npu cpu npu ");
    EXPECT_TRUE(encoder->release().ok());
  }
}

// Call by call: a second stage never starts before its first one has ended, and a buffer is not
// written before what was in it has been read.
TEST_F(StagedEncoderTest, OverlappedStagesKeepTheirOrder) {
  open();
  encoder->overlapStages(true);
  ASSERT_EQ(encode(tilesOf(20)).substr(0, 5), "1:0/4");
  const auto &times = encoder->callTimes();
  ASSERT_EQ(times.size(), 10u);
  for (std::size_t call = 0; call < 5; ++call) {
    EXPECT_STREQ(times[2 * call].entry->name, "encode_patches");
    EXPECT_STREQ(times[2 * call + 1].entry->name, "encode_blocks");
    EXPECT_LE(times[2 * call].end, times[2 * call + 1].start);
    if (call >= 2) {
      EXPECT_GE(times[2 * call].start, times[2 * call - 3].end);
    }
  }
}

TEST_F(StagedEncoderTest, AFaultOfEitherStageEndsBoth) {
  open();
  for (const bool overlap : {false, true})
    for (const auto &[pixel, entry] : {std::pair(FAKE_BAD_PATCHES, "encode_patches"),
                                       std::pair(FAKE_BAD_BLOCKS, "encode_blocks")})
      for (int bad = 0; bad < 20; ++bad) {
        encoder->overlapStages(overlap);
        TileSet tiles = tilesOf(20);
        const int tileSize = 3 * FAKE_TILE * FAKE_TILE;
        std::fill_n(tiles.pixels.begin() + bad * tileSize, tileSize, float(pixel));
        EXPECT_EQ(encode(tiles), "entry '" + std::string(entry) +
                                     "': expected 0 from compiled code, found " +
                                     std::to_string(pixel));
      }
  EXPECT_EQ(encode(tilesOf(1)), "1:0/1") << "a fault must not stay";
}

// At each step of either stage in turn, from the observer's thread and by the observer itself.
TEST_F(StagedEncoderTest, CanBeCancelledAtAnyStep) {
  open();
  for (const bool overlap : {false, true})
    for (const bool byFlag : {false, true})
      for (int last = 0; last < 20; ++last) {
        encoder->overlapStages(overlap);
        int steps = 0;
        const std::string answer = encode(
            tilesOf(20), [&](const bluec_entry &, std::int64_t, const bluec_step &, const void *) {
              const bool stops = steps++ == last;
              if (stops && byFlag)
                cancelled.store(true);
              return !stops || byFlag;
            });
        // The flag is looked at before each step is shown, so that after the last one it is late.
        const bool late = byFlag && last == 19;
        EXPECT_EQ(answer.ends_with("': cancelled"), !late) << overlap << byFlag << last << answer;
        EXPECT_EQ(cancelled.exchange(false), late);
      }
  EXPECT_EQ(encode(tilesOf(1)), "1:0/1");
}

// Whenever it comes, there is an end, and features are whole or not there.
TEST_F(StagedEncoderTest, CanBeCancelledByAnotherThread) {
  open();
  encoder->overlapStages(true);
  const std::string all = encode(tilesOf(40));
  for (int i = 0; i < 100; ++i) {
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(3 * i));
      cancelled.store(true);
    });
    const std::string answer = encode(tilesOf(40));
    other.join();
    cancelled.store(false);
    EXPECT_TRUE(answer == all || answer.ends_with("': cancelled")) << answer;
  }
  EXPECT_EQ(encode(tilesOf(40)), all);
}

TEST_F(StagedEncoderTest, ReleasedMemoryComesBack) {
  open();
  const std::string five = encode(tilesOf(5));
  EXPECT_TRUE(encoder->release().ok());
  EXPECT_EQ(encode(tilesOf(5)), five);
}

} // namespace
