#include <bluec/bluec_runtime.h>

#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using namespace bluec::test;

namespace {

class CApiTest : public ::testing::Test {
protected:
  void SetUp() override {
    bluec_open_options options;
    bluec_open_options_defaults(&options);
    options.threads = 2;
    ASSERT_EQ(bluec_bundle_open(files.path().c_str(), &options, &bundle, message, sizeof message),
              BLUEC_OK)
        << message;
    ASSERT_EQ(bluec_session_create(bundle, &session, message, sizeof message), BLUEC_OK);
  }
  void TearDown() override {
    bluec_session_free(session);
    bluec_bundle_close(bundle);
  }

  static int32_t collect(void *user, const char *text, size_t bytes) {
    static_cast<std::string *>(user)->append(text, bytes);
    return 0;
  }

  TestBundle files;
  char message[BLUEC_MESSAGE_BYTES] = "";
  bluec_bundle *bundle = nullptr;
  bluec_session *session = nullptr;
};

TEST_F(CApiTest, WholeConversation) {
  EXPECT_EQ(bluec_bundle_threads(bundle), 2);
  EXPECT_EQ(bluec_bundle_model(bundle)->context, FAKE_CONTEXT);
  size_t size = 0;
  EXPECT_EQ(std::strlen(bluec_bundle_manifest(bundle, &size)), size);
  EXPECT_EQ(bluec_bundle_release_segment(bundle, "vision"), BLUEC_OK);
  EXPECT_EQ(bluec_bundle_release_segment(bundle, "smell"), BLUEC_INVALID_ARGUMENT);

  const std::uint8_t pixels[4 * 16] = {};
  ASSERT_EQ(bluec_session_add_picture_rgb(session, pixels, 4, 4, 16), BLUEC_OK);
  EXPECT_EQ(bluec_session_picture_count(session), 1);
  ASSERT_EQ(bluec_session_wait(session, BLUEC_WAIT_PREFILLED), BLUEC_OK);
  bluec_progress progress;
  progress.struct_bytes = sizeof progress;
  ASSERT_EQ(bluec_session_progress(session, &progress), BLUEC_OK);
  EXPECT_EQ(progress.activity, BLUEC_IDLE);
  EXPECT_EQ(progress.encoded, 1);
  EXPECT_EQ(progress.tiles_done, 1);
  EXPECT_EQ(progress.cached_tokens, 2 + FAKE_TOKENS_PER_TILE);
  bluec_picture_info info;
  info.struct_bytes = sizeof info;
  ASSERT_EQ(bluec_session_picture_info(session, 0, &info), BLUEC_OK);
  EXPECT_EQ(info.state, BLUEC_PICTURE_ENCODED);
  EXPECT_EQ(info.columns, 1);
  EXPECT_EQ(info.tokens, FAKE_TOKENS_PER_TILE);
  EXPECT_EQ(bluec_session_picture_info(session, 1, &info), BLUEC_INVALID_ARGUMENT);
  int64_t tiles = 0;
  ASSERT_NE(bluec_session_picture_features(session, 0, &tiles), nullptr);
  EXPECT_EQ(tiles, 1);
  EXPECT_EQ(bluec_session_picture_features(session, 1, nullptr), nullptr);
  const std::string png =
      readWhole(std::string(BLUEC_SOURCE_DIR) + "/tests/golden/runtime/pictures/rgb.png");
  ASSERT_EQ(bluec_session_add_picture_file(session, png.data(), png.size()), BLUEC_OK)
      << bluec_session_error(session);

  ASSERT_EQ(bluec_session_add_turn(session, "hi", SIZE_MAX), BLUEC_OK);
  int64_t count = 0;
  ASSERT_NE(bluec_session_logits(session, &count), nullptr);
  EXPECT_EQ(count, FAKE_VOCABULARY);
  std::string answer;
  ASSERT_EQ(bluec_session_generate(session, nullptr, collect, &answer), BLUEC_OK);
  EXPECT_EQ(answer, "hi");
  EXPECT_EQ(bluec_session_stop_reason(session), BLUEC_STOP_END);
  bluec_session_answer_tokens(session, &count);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(bluec_session_turn_tokens(session, &count)[0], FAKE_BEGIN);

  bluec_statistics statistics;
  statistics.struct_bytes = sizeof statistics;
  ASSERT_EQ(bluec_session_statistics(session, &statistics), BLUEC_OK);
  EXPECT_EQ(statistics.pictures, 2);
  EXPECT_EQ(statistics.context, FAKE_CONTEXT);
  EXPECT_EQ(statistics.position, statistics.prefill_tokens + statistics.decoded_tokens);
  bluec_session_reset(session);
  ASSERT_EQ(bluec_session_statistics(session, &statistics), BLUEC_OK);
  EXPECT_EQ(statistics.position, 0);
}

// They end an answer wherever tokens part them, and are a part of it.
TEST_F(CApiTest, StopStrings) {
  files.manifest["generation"]["stop_strings"] = {"never", "bc"};
  files.write();
  TearDown();
  SetUp();
  ASSERT_EQ(bluec_session_add_turn(session, "abcd", SIZE_MAX), BLUEC_OK);
  std::string answer;
  ASSERT_EQ(bluec_session_generate(session, nullptr, collect, &answer), BLUEC_OK);
  EXPECT_EQ(answer, "abc");
  EXPECT_EQ(bluec_session_stop_reason(session), BLUEC_STOP_END);
  EXPECT_EQ(bluec_session_generate(session, nullptr, collect, &answer), BLUEC_INVALID_ARGUMENT);
}

TEST_F(CApiTest, SystemText) {
  EXPECT_EQ(bluec_session_set_system(session, "Be kind.", SIZE_MAX), BLUEC_INVALID_ARGUMENT);
  EXPECT_STREQ(bluec_session_error(session),
               "system: the model's chat template takes no system text");
  EXPECT_EQ(bluec_session_set_system(session, nullptr, 0), BLUEC_OK);
  EXPECT_EQ(bluec_session_set_system(session, "", SIZE_MAX), BLUEC_OK);

  const nlohmann::json none = {{"left", "none"}, {"right", "none"}};
  files.manifest["chat"]["system"] = {
      {"before", "<|begin|>"}, {"after", {{"text", "<|user|>"}, {"picture", "<|user|>"}}},
      {"trim", none},          {"trim_text", none},
      {"reserved", {"/no"}},   {"needs_text", true}};
  files.write();
  TearDown();
  SetUp();
  const auto firstIds = [&] {
    int64_t count = 0;
    const int32_t *ids = bluec_session_turn_tokens(session, &count);
    return std::vector<std::int32_t>(ids, ids + count);
  };
  EXPECT_EQ(bluec_session_set_system(session, " ", 1), BLUEC_INVALID_ARGUMENT);
  EXPECT_STREQ(bluec_session_error(session),
               "system: expected some text, which the model's chat template needs, found none");
  ASSERT_EQ(bluec_session_set_system(session, "be", SIZE_MAX), BLUEC_OK);
  ASSERT_EQ(bluec_session_add_turn(session, "a", SIZE_MAX), BLUEC_OK);
  EXPECT_EQ(firstIds(),
            (std::vector<std::int32_t>{FAKE_BEGIN, 'b', 'e', FAKE_USER, 'a', FAKE_ASSISTANT}));
  EXPECT_EQ(bluec_session_set_system(session, "late", SIZE_MAX), BLUEC_INVALID_ARGUMENT);
  bluec_session_reset(session); // which the system text survives
  ASSERT_EQ(bluec_session_add_turn(session, "a", SIZE_MAX), BLUEC_OK);
  EXPECT_EQ(firstIds().size(), 6u);
}

TEST_F(CApiTest, PicturesInTheBackground) {
  const std::uint8_t pixels[4 * 16] = {};
  ASSERT_EQ(bluec_session_add_picture_file(session, "nonsense", 8), BLUEC_OK);
  ASSERT_EQ(bluec_session_add_picture_rgb(session, pixels, 4, 4, 16), BLUEC_OK);
  EXPECT_EQ(bluec_session_add_turn(session, "hi", SIZE_MAX), BLUEC_BAD_PICTURE);
  EXPECT_STREQ(bluec_session_error(session),
               "picture 1: expected a png or jpeg file, found something else");
  bluec_picture_info info;
  info.struct_bytes = sizeof info;
  ASSERT_EQ(bluec_session_picture_info(session, 0, &info), BLUEC_OK);
  EXPECT_EQ(info.state, BLUEC_PICTURE_FAILED);
  EXPECT_EQ(info.status, BLUEC_BAD_PICTURE);
  EXPECT_EQ(bluec_session_picture_features(session, 0, nullptr), nullptr);
  EXPECT_EQ(bluec_session_drop_picture(session, 2), BLUEC_INVALID_ARGUMENT);
  EXPECT_EQ(bluec_session_drop_picture(session, 0), BLUEC_OK);
  EXPECT_EQ(bluec_session_set_draft(session, "h", SIZE_MAX), BLUEC_OK);
  EXPECT_EQ(bluec_session_set_draft(session, nullptr, 1), BLUEC_INVALID_ARGUMENT);
  EXPECT_EQ(bluec_session_add_turn(session, "hi<image>", SIZE_MAX), BLUEC_OK);
  ASSERT_EQ(bluec_session_add_picture_rgb(session, pixels, 4, 4, 16), BLUEC_OK);
  EXPECT_EQ(bluec_session_drop_pictures(session), BLUEC_OK);
  EXPECT_EQ(bluec_session_picture_count(session), 0);
  EXPECT_EQ(bluec_session_wait(session, 3), BLUEC_INVALID_ARGUMENT);
  bluec_session_options options;
  bluec_session_options_defaults(&options);
  EXPECT_EQ(options.prefill_ahead, BLUEC_AHEAD_AFTER_ENCODING);
  options.prefill_ahead = 7;
  EXPECT_EQ(bluec_session_set_options(session, &options), BLUEC_INVALID_ARGUMENT);
  EXPECT_STREQ(bluec_session_error(session), "prefill ahead: expected 0 to 2, found 7");
  EXPECT_EQ(bluec_session_set_options(session, nullptr), BLUEC_OK);
}

TEST_F(CApiTest, FullContext) {
  const std::string text(40, 'x');
  std::string answer;
  ASSERT_EQ(bluec_session_add_turn(session, text.c_str(), SIZE_MAX), BLUEC_OK);
  ASSERT_EQ(bluec_session_generate(session, nullptr, collect, &answer), BLUEC_OK);
  EXPECT_EQ(bluec_session_add_turn(session, text.c_str(), SIZE_MAX), BLUEC_CONTEXT_FULL);
  bluec_statistics statistics;
  statistics.struct_bytes = sizeof statistics;
  ASSERT_EQ(bluec_session_statistics(session, &statistics), BLUEC_OK);
  EXPECT_EQ(statistics.needed_tokens, 43);
  EXPECT_EQ(bluec_session_turn_count(session), 1);
  EXPECT_EQ(bluec_session_turns_to_drop(session, statistics.needed_tokens), 1);
  EXPECT_EQ(bluec_session_turns_to_drop(session, 1000), -1);
  EXPECT_EQ(bluec_session_drop_oldest_turns(session, 2), BLUEC_INVALID_ARGUMENT);
  EXPECT_EQ(bluec_session_drop_oldest_turns(session, 1), BLUEC_OK);
  EXPECT_EQ(bluec_session_add_turn(session, text.c_str(), SIZE_MAX), BLUEC_OK);
}

// NULL is the bundle's.
TEST_F(CApiTest, TheBundlesGenerateOptions) {
  TearDown();
  files.manifest["generation"].update({{"max_new_tokens", 1}, {"top_k", 7}});
  files.write();
  SetUp();
  bluec_generate_options options;
  bluec_bundle_generate_options(bundle, &options);
  EXPECT_EQ(options.struct_bytes, sizeof options);
  EXPECT_EQ(options.max_new_tokens, 1);
  EXPECT_EQ(options.top_k, 7);
  EXPECT_EQ(options.repetition_penalty, 1);
  std::string answer;
  ASSERT_EQ(bluec_session_add_turn(session, "xyz", 3), BLUEC_OK);
  ASSERT_EQ(bluec_session_generate(session, nullptr, collect, &answer), BLUEC_OK);
  EXPECT_EQ(answer, "x");
  bluec_generate_options_defaults(&options);
  answer.clear();
  ASSERT_EQ(bluec_session_generate(session, &options, collect, &answer), BLUEC_OK);
  EXPECT_EQ(answer, "yz");
}

// A caller built against an older header has shorter structs.
TEST_F(CApiTest, ShorterStructs) {
  bluec_statistics statistics;
  std::memset(&statistics, 0x55, sizeof statistics);
  statistics.struct_bytes = offsetof(bluec_statistics, pictures);
  ASSERT_EQ(bluec_session_statistics(session, &statistics), BLUEC_OK);
  EXPECT_EQ(statistics.pictures, 0x5555555555555555);
  EXPECT_EQ(statistics.struct_bytes, offsetof(bluec_statistics, pictures));

  bluec_generate_options options = {
      offsetof(bluec_generate_options, temperature), 1, -5, -5, 0, -5, -5, -5};
  ASSERT_EQ(bluec_session_add_turn(session, "xyz", 2), BLUEC_OK);
  std::string answer;
  ASSERT_EQ(bluec_session_generate(session, &options, collect, &answer), BLUEC_OK);
  EXPECT_EQ(answer, "x");
}

// Nothing of the fake model reads weights; whoever does finds zeros, and the call says so.
TEST_F(CApiTest, WeightsThatAreCutWhileTheyAreInUse) {
  ASSERT_EQ(bluec_session_add_turn(session, "a", SIZE_MAX), BLUEC_OK);
  std::filesystem::resize_file(files.file("weights.bin"), 0);
  ASSERT_EQ(bluec_session_generate(session, nullptr, nullptr, nullptr), BLUEC_OK);
  bluec_session_reset(session);
  const bluec_observe_fn readWeights = [](void *bytes, int64_t, const bluec_step *, const void *) {
    return int32_t(*static_cast<const volatile std::uint8_t *>(bytes));
  };
  // The weights as the code of the process sees them.
  const std::uint8_t *weights = nullptr;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("weights.bin") != line.npos)
      weights = reinterpret_cast<const std::uint8_t *>(std::stoull(line, nullptr, 16));
  ASSERT_NE(weights, nullptr);
  const std::int32_t id = 'a';
  const void *inputs[] = {&id};
  void *outputs[] = {nullptr};
  EXPECT_EQ(bluec_session_run_entry(session, "decode", 1, 0, inputs, outputs, readWeights,
                                    const_cast<std::uint8_t *>(weights)),
            BLUEC_NOT_FOUND);
  EXPECT_NE(std::string(bluec_session_error(session))
                .find("weights.bin: expected a file that stays as it is, found one that was cut "
                      "while it was in use"),
            std::string::npos)
      << bluec_session_error(session);
  EXPECT_EQ(bluec_session_add_turn(session, "a", SIZE_MAX), BLUEC_NOT_FOUND);
}

TEST_F(CApiTest, ErrorsSayWhy) {
  EXPECT_EQ(bluec_session_add_picture_file(session, nullptr, 8), BLUEC_INVALID_ARGUMENT);
  EXPECT_EQ(bluec_session_add_picture_rgb(session, nullptr, 4, 4, 12), BLUEC_INVALID_ARGUMENT);
  const std::uint8_t pixel[3] = {};
  EXPECT_EQ(bluec_session_add_picture_rgb(session, pixel, 30000, 1, 90000), BLUEC_INVALID_ARGUMENT);
  EXPECT_EQ(bluec_session_add_turn(session, nullptr, 4), BLUEC_INVALID_ARGUMENT);
  bluec_generate_options options = {};
  EXPECT_EQ(bluec_session_generate(session, &options, nullptr, nullptr), BLUEC_INVALID_ARGUMENT);
  EXPECT_STREQ(bluec_session_error(session), "options: expected struct_bytes to be set, found 0");
  EXPECT_EQ(bluec_session_run_entry(session, "nothing", 1, 0, nullptr, nullptr, nullptr, nullptr),
            BLUEC_INVALID_ARGUMENT);
  EXPECT_STREQ(bluec_session_error(session), "there is no entry 'nothing'");
  EXPECT_EQ(bluec_session_add_turn(session, "ok", SIZE_MAX), BLUEC_OK);
  EXPECT_STREQ(bluec_session_error(session), "");
  EXPECT_STREQ(bluec_status_name(BLUEC_CONTEXT_FULL), "context_full");
  EXPECT_STREQ(bluec_status_name(bluec_status(15)), "unknown");
}

TEST(CApi, OpenFailures) {
  bluec_bundle *bundle = reinterpret_cast<bluec_bundle *>(1);
  char message[16];
  EXPECT_EQ(bluec_bundle_open("/nowhere/at/all", nullptr, &bundle, message, sizeof message),
            BLUEC_NOT_FOUND);
  EXPECT_EQ(bundle, nullptr);
  EXPECT_STREQ(message, "/nowhere/at/all"); // cut to its buffer
  EXPECT_EQ(bluec_bundle_open("/nowhere", nullptr, &bundle, nullptr, 0), BLUEC_NOT_FOUND);
  EXPECT_EQ(bluec_bundle_open(nullptr, nullptr, &bundle, nullptr, 0), BLUEC_INVALID_ARGUMENT);
  EXPECT_EQ(bluec_session_create(nullptr, nullptr, nullptr, 0), BLUEC_INVALID_ARGUMENT);
  bluec_bundle_close(nullptr);
  bluec_session_free(nullptr);
}

} // namespace
