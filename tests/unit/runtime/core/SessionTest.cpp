#include "core/Session.h"

#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class SessionTest : public ::testing::Test {
protected:
  void SetUp() override { open(); }

  void open(int threads = 1) {
    session.reset();
    files().write();
    auto opened = Bundle::open(files().path(), {threads});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    loaded = std::move(*opened);
    auto created = Session::create(*loaded);
    ASSERT_TRUE(created.ok());
    session = std::move(*created);
  }

  virtual TestBundle &files() { return bundle; }

  // The answer to a turn, or the reason why there is none.
  std::string ask(const std::string &text, std::int64_t maxNewTokens = 0) {
    if (const Status status = session->addTurn(text); !status.ok())
      return status.message();
    return generate(maxNewTokens);
  }
  std::string generate(std::int64_t maxNewTokens = 0) {
    std::string answer;
    const Status status = session->generate({maxNewTokens, {}}, [&](std::string_view piece) {
      answer += piece;
      return true;
    });
    return status.ok() ? answer : status.message();
  }

  // Of a picture that waits for the next turn, once all are encoded.
  const Features &features(std::int64_t index) {
    EXPECT_TRUE(session->wait(Until::Encoded).ok());
    return *session->picture(index).features;
  }

  static Picture picture(int width, int height, std::uint8_t value = 100) {
    return {width, height, std::vector<std::uint8_t>(std::size_t(width * height * 3), value)};
  }

  TestBundle bundle;
  std::unique_ptr<Bundle> loaded;
  std::unique_ptr<Session> session;
};

// The fake model answers with the question, so this goes through template, chunks and cache.
TEST_F(SessionTest, Echoes) {
  EXPECT_EQ(ask("hello"), "hello");
  EXPECT_EQ(session->stopReason(), Stop::End);
  const auto tokens = session->answerTokens();
  EXPECT_EQ(std::vector<std::int32_t>(tokens.begin(), tokens.end()),
            (std::vector<std::int32_t>{'h', 'e', 'l', 'l', 'o', FAKE_END}));
  const auto turn = session->turnTokens();
  EXPECT_EQ(
      std::vector<std::int32_t>(turn.begin(), turn.end()),
      (std::vector<std::int32_t>{FAKE_BEGIN, FAKE_USER, 'h', 'e', 'l', 'l', 'o', FAKE_ASSISTANT}));
}

TEST_F(SessionTest, LongerThanAChunk) {
  const std::string text = "this is longer than three chunks of eight";
  EXPECT_EQ(ask(text), text);
  EXPECT_EQ(session->statistics().prefillTokens, std::int64_t(text.size()) + 3);
}

TEST_F(SessionTest, TurnsShareTheCache) {
  EXPECT_EQ(ask("one"), "one");
  EXPECT_EQ(session->position(), 1 + 1 + 3 + 1 + 3);
  EXPECT_EQ(ask("two"), "two");
  // The second turn has no beginning token, but the end of the answer before it.
  const auto turn = session->turnTokens();
  EXPECT_EQ(turn[0], FAKE_END);
  EXPECT_EQ(turn[1], FAKE_USER);
  session->reset();
  EXPECT_EQ(session->position(), 0);
  EXPECT_EQ(ask("three"), "three");
  EXPECT_EQ(session->turnTokens()[0], FAKE_BEGIN);
}

// An answer that stopped early: its last token is fed before the next turn.
TEST_F(SessionTest, TurnAfterAnAnswerCutShort) {
  EXPECT_EQ(ask("long answer", 4), "long");
  EXPECT_EQ(session->stopReason(), Stop::Length);
  EXPECT_EQ(session->position(), 2 + 11 + 1 + 3);
  EXPECT_EQ(ask("again"), "again");
  EXPECT_EQ(session->position(), 2 + 11 + 1 + 4 + 2 + 5 + 1 + 5);
}

// The user's text cannot pretend to be the template.
TEST_F(SessionTest, SpecialTokensInTheTextStayText) {
  EXPECT_EQ(ask("a<|assistant|>b<|end|>"), "a<|assistant|>b<|end|>");
}

TEST_F(SessionTest, WholeCharactersOnly) {
  const std::string text = "h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!"; // 2, 3 and 4 bytes
  ASSERT_TRUE(session->addTurn(text).ok());
  std::vector<std::string> pieces;
  ASSERT_TRUE(session
                  ->generate({},
                             [&](std::string_view piece) {
                               pieces.emplace_back(piece);
                               return true;
                             })
                  .ok());
  EXPECT_EQ(pieces,
            (std::vector<std::string>{"h", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "!"}));
}

// Stopped in the middle of a character.
TEST_F(SessionTest, IncompleteCharacterAtTheEnd) { EXPECT_EQ(ask("\xc3\xa9", 1), "\xef\xbf\xbd"); }

TEST_F(SessionTest, CallbackEndsTheAnswer) {
  ASSERT_TRUE(session->addTurn("abcdef").ok());
  int calls = 0;
  ASSERT_TRUE(session->generate({}, [&](std::string_view) { return ++calls < 3; }).ok());
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(session->stopReason(), Stop::Cancelled);
  EXPECT_EQ(ask("next"), "next");
}

TEST_F(SessionTest, CancelBeforeACall) {
  session->cancel();
  EXPECT_EQ(session->addTurn("hello").getCode(), Code::Cancelled);
  EXPECT_EQ(session->position(), 0);
  EXPECT_EQ(ask("hello"), "hello");
}

TEST_F(SessionTest, ContextFull) {
  const std::string text(FAKE_CONTEXT - 3, 'x');
  EXPECT_EQ(ask(text + "x"), "prompt: it takes 97 tokens, and 96 of the context's 96 are left");
  EXPECT_EQ(session->position(), 0);
  // It just fits: one token of the answer can be computed, none can be fed.
  EXPECT_EQ(ask(text), "x");
  EXPECT_EQ(session->stopReason(), Stop::Context);
  const Status status = session->addTurn("more");
  EXPECT_EQ(status.getCode(), Code::ContextFull);
}

TEST_F(SessionTest, ContextFullWhileAnswering) {
  const std::string text(60, 'y');
  EXPECT_EQ(ask(text), std::string(FAKE_CONTEXT - 63 + 1, 'y'));
  EXPECT_EQ(session->stopReason(), Stop::Context);
  EXPECT_EQ(session->position(), FAKE_CONTEXT);
}

TEST_F(SessionTest, GenerateWithoutATurn) {
  EXPECT_EQ(generate(), "generate: expected a turn to answer, found none");
  EXPECT_EQ(ask("a"), "a");
  EXPECT_EQ(generate(), "generate: expected a turn to answer, found none");
}

TEST_F(SessionTest, SenselessOptions) {
  ASSERT_TRUE(session->addTurn("a").ok());
  EXPECT_EQ(session->generate({-1, {}}, {}).getCode(), Code::InvalidArgument);
  EXPECT_EQ(session->generate({0, {-1, 1, 0}}, {}).getCode(), Code::InvalidArgument);
  EXPECT_EQ(session->generate({0, {1, 0, 0}}, {}).getCode(), Code::InvalidArgument);
  EXPECT_EQ(generate(), "a"); // the turn still waits
}

TEST_F(SessionTest, NotUtf8) {
  EXPECT_EQ(ask("ab\xff"), "prompt: expected utf-8, found something else at byte 2");
}

TEST_F(SessionTest, LogitsAreTheLastOnes) {
  EXPECT_TRUE(session->logits().empty());
  ASSERT_TRUE(session->addTurn("q").ok());
  ASSERT_EQ(session->logits().size(), std::size_t(FAKE_VOCABULARY));
  EXPECT_EQ(session->logits()['q'], 8.0f);
}

// 4:2 tiles and the thumbnail: 4 + 4 + 1, as the entries' capacities allow.
TEST_F(SessionTest, TilesGoInBatches) {
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  ASSERT_EQ(session->pictureCount(), 1);
  const Features &found = features(0);
  EXPECT_EQ(found.tiles, 9);
  EXPECT_EQ(found.grid, (Grid{4, 2}));
  ASSERT_EQ(found.rows.size(), std::size_t(9 * FAKE_TOKENS_PER_TILE * FAKE_HIDDEN));
  for (int tile = 0; tile < 9; ++tile) {
    const float *row = &found.rows[std::size_t(tile * FAKE_TOKENS_PER_TILE * FAKE_HIDDEN)];
    EXPECT_EQ(row[0], 2);
    EXPECT_NEAR(row[1], 100 / 255.0, 1e-6);
    EXPECT_EQ(row[2], tile == 8 ? 0 : tile % 4);
    EXPECT_EQ(row[3], tile == 8 ? 1 : 4);
  }
}

// Buffers are reused from call to call; a picture's features are not among them.
TEST_F(SessionTest, PicturesSurviveTheNext) {
  ASSERT_TRUE(session->addPicture(picture(4, 4, 50)).ok());
  const std::vector<float> before = features(0).rows;
  const float *place = features(0).rows.data();
  ASSERT_TRUE(session->addPicture(picture(16, 8, 200)).ok());
  EXPECT_EQ(features(0).rows, before);
  EXPECT_EQ(features(0).rows.data(), place);
  EXPECT_NE(features(1).rows[1], before[1]);
  EXPECT_NEAR(before[1], 50 / 255.0, 1e-6);
}

// A page each of vision and language; the fake model itself reads none.
TEST_F(SessionTest, OneSideIsInMemoryAtATime) {
  const auto touch = [&](std::size_t offset) {
    *static_cast<volatile const std::uint8_t *>(&loaded->weights()[offset]);
  };
  const auto inMemory = [] { return mappedInMemory("weights.bin"); };
  ASSERT_EQ(inMemory(), 0u);
  touch(0);
  touch(4096);
  ASSERT_EQ(inMemory(), 8192u);
  std::atomic<std::size_t> whileEncoding{0};
  session->observe([&](const bluec_entry &entry, auto...) {
    if (entry.role == BLUEC_ROLE_ENCODE)
      whileEncoding = inMemory();
    return true;
  });
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  ASSERT_TRUE(session->wait(Until::Encoded).ok());
  EXPECT_EQ(whileEncoding, 4096u) << "the language side has left";
  EXPECT_EQ(inMemory(), 0u) << "the vision side has left, before anybody asks";
  ASSERT_TRUE(session->addTurn("hi").ok());
  touch(0);
  touch(4096);
  ASSERT_EQ(ask("again"), "again");
  EXPECT_EQ(inMemory(), 8192u) << "a turn without pictures leaves all where it is";
}

TEST_F(SessionTest, PicturesStandWhereThePromptSays) {
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  EXPECT_EQ(ask("a<image>b<image>c"), "abc");
  const auto turn = session->turnTokens();
  EXPECT_EQ(std::vector<std::int32_t>(turn.begin(), turn.end()),
            (std::vector<std::int32_t>{FAKE_BEGIN, FAKE_USER, 'a', FAKE_IMAGE, FAKE_IMAGE, 'b',
                                       FAKE_IMAGE, FAKE_IMAGE, 'c', FAKE_ASSISTANT}));
  EXPECT_EQ(session->pictureCount(), 0);
}

TEST_F(SessionTest, PicturesComeFirstWithoutPlaceholders) {
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  EXPECT_EQ(ask("ab"), "ab");
  const auto turn = session->turnTokens();
  EXPECT_EQ(std::vector<std::int32_t>(turn.begin(), turn.end()),
            (std::vector<std::int32_t>{FAKE_BEGIN, FAKE_USER, FAKE_IMAGE, FAKE_IMAGE, 'a', 'b',
                                       FAKE_ASSISTANT}));
}

TEST_F(SessionTest, PlaceholdersAndPicturesMustGoTogether) {
  EXPECT_EQ(ask("<image>"), "prompt: expected as many '<image>' as pictures (0), found 1");
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  EXPECT_EQ(ask("<image><image>"), "prompt: expected as many '<image>' as pictures (1), found 2");
  EXPECT_EQ(session->pictureCount(), 1); // it still waits
  EXPECT_EQ(ask("<image>x"), "x");
}

// Said by whoever waits for it, and gone when it is dropped.
TEST_F(SessionTest, BadPictureFile) {
  const std::uint8_t bytes[] = {1, 2, 3};
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  ASSERT_TRUE(session->addPictureFile(bytes).ok());
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  const Status status = session->addTurn("a");
  EXPECT_EQ(status.getCode(), Code::BadPicture);
  EXPECT_EQ(status.message(), "picture 2: expected a png or jpeg file, found something else");
  EXPECT_EQ(session->wait(Until::Encoded).message(), status.message());
  EXPECT_EQ(session->picture(1).state, PictureState::Failed);
  EXPECT_EQ(session->picture(2).state, PictureState::Encoded);
  EXPECT_EQ(session->pictureCount(), 3);
  EXPECT_EQ(session->position(), 0);
  ASSERT_TRUE(session->dropPicture(1).ok());
  EXPECT_EQ(ask("<image>a<image>"), "a");
}

TEST_F(SessionTest, ThreadsChangeNothing) {
  ASSERT_TRUE(session->addPicture(picture(16, 8, 77)).ok());
  const std::vector<float> rows = features(0).rows;
  ASSERT_EQ(ask("same"), "same");
  const std::vector<float> logits(session->logits().begin(), session->logits().end());
  for (int threads : {2, 5}) {
    open(threads);
    ASSERT_TRUE(session->addPicture(picture(16, 8, 77)).ok());
    EXPECT_EQ(features(0).rows, rows);
    ASSERT_EQ(ask("same"), "same");
    EXPECT_EQ(std::memcmp(session->logits().data(), logits.data(), logits.size() * 4), 0);
  }
}

TEST_F(SessionTest, SessionsRunSideBySide) {
  open(3);
  std::vector<std::thread> threads;
  std::vector<std::string> answers(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      auto own = Session::create(*loaded);
      if (!own.ok() || !(*own)->addTurn("session " + std::to_string(i)).ok())
        return;
      const Status status = (*own)->generate({}, [&](std::string_view piece) {
        answers[std::size_t(i)] += piece;
        return true;
      });
      if (!status.ok())
        answers[std::size_t(i)] = status.message();
    });
  for (std::thread &thread : threads)
    thread.join();
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(answers[std::size_t(i)], "session " + std::to_string(i));
}

TEST_F(SessionTest, SampledAnswersRepeatWithTheirSeed) {
  const auto sample = [&](std::uint64_t seed) {
    session->reset();
    EXPECT_TRUE(session->addTurn("abc").ok());
    EXPECT_TRUE(session->generate({12, {50.0f, 1.0f, seed}}, {}).ok());
    return std::vector<std::int32_t>(session->answerTokens().begin(),
                                     session->answerTokens().end());
  };
  EXPECT_EQ(sample(1), sample(1));
  EXPECT_NE(sample(1), sample(2));
}

TEST_F(SessionTest, RunEntryShowsEveryStep) {
  const bluec_entry &entry = *loaded->findEntry("prefill");
  const float rows[2 * FAKE_HIDDEN] = {1, FAKE_USER, 0, 0, 1, FAKE_ASSISTANT, 0, 0};
  float logits[FAKE_VOCABULARY];
  const void *input = rows;
  void *output = logits;
  std::vector<std::string> seen;
  const auto onStep = [&](std::int64_t index, const bluec_step &step, const void *data) {
    seen.push_back(std::to_string(index) + " " + step.name + (data ? " with output" : ""));
    if (data) {
      EXPECT_EQ(static_cast<const float *>(data)[FAKE_END], 8.0f);
    }
    return true;
  };
  ASSERT_TRUE(session->runEntry(entry, 2, 0, {&input, 1}, {&output, 1}, onStep).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"0 decoder/cache", "1 decoder/head with output"}));
  EXPECT_EQ(logits[FAKE_END], 8.0f);

  seen.clear();
  const Status ended = session->runEntry(entry, 2, 0, {&input, 1}, {&output, 1},
                                         [&](std::int64_t, const bluec_step &, const void *) {
                                           seen.emplace_back("once");
                                           return false;
                                         });
  EXPECT_EQ(ended.getCode(), Code::Cancelled);
  EXPECT_EQ(seen.size(), 1u);
}

TEST_F(SessionTest, RunEntryChecksItsArguments) {
  const bluec_entry &entry = *loaded->findEntry("prefill");
  const float rows[FAKE_CHUNK * FAKE_HIDDEN] = {};
  const void *input = rows;
  void *output = nullptr;
  const auto run = [&](std::int64_t count, std::int64_t position) {
    return session->runEntry(entry, count, position, {&input, 1}, {&output, 1}).message();
  };
  EXPECT_EQ(run(0, 0), "entry 'prefill': rows (at least 1): expected at most 8, found 0");
  EXPECT_EQ(run(9, 0), "entry 'prefill': rows (at least 1): expected at most 8, found 9");
  EXPECT_EQ(run(8, 89), "entry 'prefill': position: expected at most 88, found 89");
  EXPECT_EQ(run(8, -1), "entry 'prefill': position: expected at most 88, found -1");
  EXPECT_EQ(run(8, 88), "");
  EXPECT_EQ(session->runEntry(entry, 1, 0, {}, {&output, 1}).getCode(), Code::InvalidArgument);
}

TEST_F(SessionTest, TextModel) {
  files().manifest.erase("chat");
  open();
  EXPECT_EQ(ask("a"), "prompt: this bundle has no tokenizer or no chat template");
}

// A model that asks where its rows stand is told; of the logits of each row the last one's count.
TEST(RowPositionsTest, ConsecutiveRowsAreSaidToBe) {
  TestBundle bundle(BLUEC_FAKE_MODEL_WITH_POSITIONS);
  auto opened = Bundle::open(bundle.path(), {1});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  auto session = Session::create(**opened);
  ASSERT_TRUE(session.ok());
  const std::string asked = "longer than a chunk";
  for (int turn = 0; turn < 2; ++turn) {
    ASSERT_TRUE((*session)->addTurn(asked).ok());
    std::string answer;
    ASSERT_TRUE((*session)
                    ->generate({0, {}},
                               [&](std::string_view piece) {
                                 answer += piece;
                                 return true;
                               })
                    .ok());
    EXPECT_EQ(answer, asked);
  }
  // Nobody has said where a picture's rows stand on two axes.
  ASSERT_TRUE((*session)->addPicture({4, 4, std::vector<std::uint8_t>(48, 100)}).ok());
  Status status = (*session)->addTurn("b");
  if (status.ok())
    status = (*session)->generate({0, {}}, [](std::string_view) { return true; });
  EXPECT_EQ(status.message(),
            "picture: this model places rows on 2 axes, and its bundle does not say where a "
            "picture's stand");
}

// A model whose cache keeps the last positions only: wherever a conversation goes back to, it is
// read where it still is, or from its beginning.
class RingTest : public SessionTest {
protected:
  TestBundle &files() override { return withRing; }

  TestBundle withRing{BLUEC_FAKE_MODEL_WITH_RING};
};

TEST_F(RingTest, ATurnGoesOnFromTheRing) {
  const std::string text = "a question";
  for (int turn = 0; turn < 3; ++turn) {
    ASSERT_EQ(ask(text), text) << turn;
    // Each turn is computed once, and so is its answer.
    EXPECT_EQ(session->statistics().prefillTokens, (turn + 1) * (2 + std::ssize(text) + 1));
  }
}

TEST_F(RingTest, AnswersAreRightWhereverItGoesBackTo) {
  const std::string first = "the first one", second = "the second", third = "3rd";
  ASSERT_EQ(ask(first), first);
  ASSERT_EQ(ask(second), second);
  const std::int64_t before = session->statistics().prefillTokens;
  // What is left stands elsewhere: nothing but the first token is as it was.
  ASSERT_TRUE(session->dropOldestTurns(1).ok());
  ASSERT_EQ(ask(third), third);
  EXPECT_GE(session->statistics().prefillTokens - before, session->position() - 10);
  // A caller's own call in the middle of the conversation, which leaves the ring as it is.
  const std::int32_t token = 'x';
  const void *input = &token;
  void *output = nullptr;
  for (std::int64_t position : {3, 20, 0, 30}) {
    ASSERT_TRUE(
        session->runEntry(*loaded->findEntry("decode"), 1, position, {&input, 1}, {&output, 1})
            .ok());
    ASSERT_TRUE(session->dropOldestTurns(1).ok());
    ASSERT_EQ(ask(second), second) << position;
    ASSERT_EQ(ask(third), third) << position;
  }
}

TEST_F(RingTest, DraftsThatComeOtherwise) {
  const std::string text = "0123456789";
  ASSERT_EQ(ask(text), text);
  for (int turn = 0; turn < 6; ++turn) {
    session->setDraft(std::string(30, 'd'));
    ASSERT_TRUE(session->wait(Until::Prefilled).ok());
    if (session->turnsToDrop(40) > 0) {
      ASSERT_TRUE(session->dropOldestTurns(session->turnsToDrop(40)).ok());
    }
    ASSERT_EQ(ask(text), text) << turn;
  }
}

// -- In the background ----------------------------------------------------------------------------

// Holds the session's threads at a step of some kind until it is opened.
class Gate {
public:
  explicit Gate(bluec_role role) : role(role) {}
  ~Gate() { open(); }

  OnEntryStep observer() {
    return [this](const bluec_entry &entry, auto...) {
      std::unique_lock<std::mutex> lock(guard);
      if (entry.role != std::uint32_t(role) || opened)
        return true;
      reached = true;
      changed.notify_all();
      changed.wait(lock, [&] { return opened; });
      return true;
    };
  }
  void await() {
    std::unique_lock<std::mutex> lock(guard);
    changed.wait(lock, [&] { return reached; });
  }
  void open() {
    const std::lock_guard<std::mutex> lock(guard);
    opened = true;
    changed.notify_all();
  }

private:
  const bluec_role role;
  std::mutex guard;
  std::condition_variable changed;
  bool reached = false, opened = false;
};

// Handing a picture over returns while it is being encoded; what the caller can do then works.
TEST_F(SessionTest, PicturesAreEncodedInTheBackground) {
  Gate gate(BLUEC_ROLE_ENCODE);
  session->observe(gate.observer());
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  gate.await();
  EXPECT_EQ(session->picture(0).state, PictureState::Encoding);
  EXPECT_EQ(session->picture(0).features, nullptr);
  const Progress before = session->progress();
  EXPECT_EQ(before.activity, Activity::Encoding);
  EXPECT_EQ(before.pictures, 1);
  EXPECT_EQ(before.encoded, 0);
  EXPECT_EQ(before.tiles, 9);
  EXPECT_EQ(session->picture(0).tokens, 9 * FAKE_TOKENS_PER_TILE);
  // What is wrong with a turn is said without waiting.
  EXPECT_EQ(ask("<image><image>"), "prompt: expected as many '<image>' as pictures (1), found 2");
  EXPECT_EQ(ask(std::string(90, 'x')),
            "prompt: it takes 111 tokens, and 96 of the context's 96 are left");
  gate.open();
  EXPECT_EQ(ask("now"), "now");
  EXPECT_EQ(session->progress().activity, Activity::Idle);
  EXPECT_EQ(session->progress().pictures, 0);
  EXPECT_EQ(session->statistics().tiles, 9);
}

TEST_F(SessionTest, DroppedWhileEncoding) {
  Gate gate(BLUEC_ROLE_ENCODE);
  session->observe(gate.observer());
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  gate.await();
  ASSERT_TRUE(session->dropPicture(0).ok());
  EXPECT_EQ(session->pictureCount(), 1);
  EXPECT_EQ(session->dropPicture(1).message(), "picture: expected an index below 1, found 1");
  gate.open();
  EXPECT_EQ(ask("<image>one"), "one");
  EXPECT_EQ(session->statistics().pictures, 1);
  session->dropPictures();
}

// Waiting can be cancelled; the picture goes on.
TEST_F(SessionTest, CancelWhileWaiting) {
  Gate gate(BLUEC_ROLE_ENCODE);
  session->observe(gate.observer());
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  gate.await();
  std::thread other([&] { session->cancel(); });
  EXPECT_EQ(session->addTurn("a").getCode(), Code::Cancelled);
  other.join();
  session->cancel(); // also when it comes before the call
  EXPECT_EQ(session->wait(Until::Encoded).getCode(), Code::Cancelled);
  EXPECT_EQ(session->pictureCount(), 1);
  gate.open();
  EXPECT_EQ(ask("<image>a"), "a");
}

// Also with a draft, which there is something to prefill of when the encoding has ended.
TEST_F(SessionTest, EndsInTheMiddleOfEncoding) {
  for (const PrefillAhead ahead : {PrefillAhead::AfterEncoding, PrefillAhead::WhileEncoding})
    for (const char *draft : {"", "some text that is long enough to be prefilled"}) {
      open();
      Gate gate(BLUEC_ROLE_ENCODE);
      session->setPrefillAhead(ahead);
      session->observe(gate.observer());
      ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
      gate.await();
      if (*draft)
        session->setDraft(draft);
      std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20)); // in the destructor by then
        gate.open();
      });
      session.reset();
      other.join();
    }
}

TEST_F(SessionTest, ResetInTheMiddleOfEncoding) {
  Gate gate(BLUEC_ROLE_ENCODE);
  session->observe(gate.observer());
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  gate.await();
  std::thread other([&] { gate.open(); });
  session->reset();
  other.join();
  EXPECT_EQ(session->pictureCount(), 0);
  EXPECT_EQ(session->statistics().pictures, 0);
  EXPECT_EQ(ask("fresh"), "fresh");
}

// Everything but the text is in the cache before the question comes, and the bits are the same.
TEST_F(SessionTest, PrefillsAhead) {
  const std::string question = "a question of some chunks";
  std::vector<float> expected;
  for (const PrefillAhead ahead :
       {PrefillAhead::Off, PrefillAhead::AfterEncoding, PrefillAhead::WhileEncoding}) {
    session->reset();
    session->setPrefillAhead(ahead);
    ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
    ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
    ASSERT_TRUE(session->wait(Until::Prefilled).ok());
    const std::int64_t known = 2 + 10 * FAKE_TOKENS_PER_TILE;
    const std::int64_t done = ahead == PrefillAhead::Off ? 0 : known;
    EXPECT_EQ(session->progress().cachedTokens, done);
    EXPECT_EQ(session->statistics().aheadTokens, done);
    EXPECT_EQ(session->position(), 0) << "the conversation has not begun";
    ASSERT_EQ(ask(question), question);
    EXPECT_EQ(session->statistics().prefillTokens, known + std::ssize(question) + 1);
    const std::vector<float> logits(session->logits().begin(), session->logits().end());
    if (expected.empty())
      expected = logits;
    EXPECT_EQ(logits, expected);
    ASSERT_EQ(ask("more"), "more");
  }
}

// What was guessed wrong is thrown away: the fake model's answers show what is in the cache.
TEST_F(SessionTest, PicturesElsewhereThanGuessed) {
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  ASSERT_TRUE(session->wait(Until::Prefilled).ok());
  EXPECT_EQ(session->progress().cachedTokens, 2 + 9 * FAKE_TOKENS_PER_TILE);
  EXPECT_EQ(ask("before<image>after"), "beforeafter");
  EXPECT_EQ(session->position(), 2 + 11 + 18 + 1 + 11);
  EXPECT_EQ(ask("and on"), "and on");
}

TEST_F(SessionTest, PictureDroppedAfterItWasPrefilled) {
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  ASSERT_TRUE(session->wait(Until::Prefilled).ok());
  session->dropPictures();
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  ASSERT_TRUE(session->wait(Until::Prefilled).ok());
  EXPECT_EQ(ask("x"), "x");
  EXPECT_EQ(session->position(), 2 + 2 + 1 + 1 + 1);
}

// Text before a picture is settled as soon as its placeholder is there; text after it when it has
// grown.
TEST_F(SessionTest, DraftIsPrefilledAhead) {
  const auto cachedFor = [&](const std::string &draft) {
    session->setDraft(draft);
    EXPECT_TRUE(session->wait(Until::Prefilled).ok());
    return session->progress().cachedTokens;
  };
  EXPECT_EQ(cachedFor("short text"), 0);
  EXPECT_EQ(cachedFor("this is a longer text by now"), 16) << "two chunks; the rest is too little";
  EXPECT_EQ(cachedFor("this is a longer text by now, with a bit"), 24);
  EXPECT_EQ(cachedFor("other"), 24) << "nothing is undone before it has to be";
  EXPECT_EQ(cachedFor("Look at <image>"), 2 + 8);
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  EXPECT_EQ(cachedFor("Look at <image> and <image>!"), 2 + 8 + 2 + 5);
  EXPECT_EQ(cachedFor("Look at <image> \xc3"), 2 + 8 + 2 + 5);
  EXPECT_EQ(ask("Look at <image>"), "Look at ");
  EXPECT_EQ(session->statistics().aheadTokens, 24 + 8 + 2 + 5);
}

// A picture that comes while the one before is being prefilled is encoded at once.
TEST_F(SessionTest, PictureInterruptsPrefillingAhead) {
  Gate gate(BLUEC_ROLE_DECODE);
  session->observe(gate.observer());
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  gate.await();
  EXPECT_EQ(session->progress().activity, Activity::Prefilling);
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  gate.open();
  ASSERT_TRUE(session->wait(Until::Prefilled).ok());
  EXPECT_EQ(session->progress().cachedTokens, 2 + 10 * FAKE_TOKENS_PER_TILE);
  EXPECT_EQ(ask("both"), "both");
}

// Text before a picture, while it is being encoded.
TEST_F(SessionTest, BothSidesAtOnce) {
  open(2);
  session->setPrefillAhead(PrefillAhead::WhileEncoding);
  Gate gate(BLUEC_ROLE_ENCODE);
  session->observe(gate.observer());
  ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
  gate.await();
  session->setDraft("In this picture: <image>");
  while (session->progress().cachedTokens != 2 + 17)
    std::this_thread::yield();
  EXPECT_EQ(int(session->progress().activity) & int(Activity::Encoding), int(Activity::Encoding));
  gate.open();
  EXPECT_EQ(ask("In this picture: <image>ok?"), "In this picture: ok?");
}

// After k steps of each call in turn, for every k: what comes next is as if nothing had happened.
TEST_F(SessionTest, CancelledAnywhere) {
  const std::string question = "first question, in chunks";
  std::atomic<int> left{0};
  const auto countDown = [&](const bluec_entry &entry, auto...) {
    // Not the encoder's and what runs ahead: those the caller waits for.
    if (entry.role != BLUEC_ROLE_ENCODE && --left == 0)
      session->cancel();
    return true;
  };
  for (const PrefillAhead ahead : {PrefillAhead::Off, PrefillAhead::AfterEncoding})
    for (int steps = 1; steps < 80; ++steps) {
      open();
      session->observe(countDown);
      session->setPrefillAhead(ahead);
      left = steps;
      ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
      Status status = session->addTurn(question);
      const bool fed = status.ok();
      if (!fed) {
        ASSERT_EQ(status.getCode(), Code::Cancelled) << steps;
        ASSERT_EQ(session->pictureCount(), 1);
        ASSERT_EQ(session->turns(), 0);
        ASSERT_TRUE(session->addTurn(question).ok());
      }
      std::string answer;
      const auto collect = [&](std::string_view piece) {
        answer += piece;
        return true;
      };
      ASSERT_TRUE(session->generate({}, collect).ok()) << steps;
      if (session->stopReason() == Stop::Cancelled)
        ASSERT_TRUE(session->generate({}, collect).ok()) << steps;
      ASSERT_EQ(session->stopReason(), Stop::End) << steps;
      ASSERT_EQ(answer, question) << steps;
      left = 0;
      session->reset();
      ASSERT_EQ(ask("second"), "second");
    }
}

// Hit by a clock, wherever it finds the session.
TEST_F(SessionTest, CancelledAtAnyTime) {
  open(2);
  for (int round = 0; round < 200; ++round) {
    session->reset();
    session->setPrefillAhead(PrefillAhead(round % 3));
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(7 * round));
      session->cancel();
    });
    ASSERT_TRUE(session->addPicture(picture(16, 8)).ok());
    const Status status = session->addTurn("question");
    ASSERT_TRUE(status.ok() || status.getCode() == Code::Cancelled) << status.message();
    other.join();
    if (!status.ok()) {
      ASSERT_TRUE(session->addTurn("question").ok());
    }
    std::string answer = generate();
    if (session->stopReason() == Stop::Cancelled)
      answer += generate();
    ASSERT_EQ(answer, "question") << round;
  }
}

// -- A full context -------------------------------------------------------------------------------

TEST_F(SessionTest, DropsOldestTurns) {
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  const std::string first(20, 'a'), second(14, 'b'), third(30, 'c');
  ASSERT_EQ(ask(first), first);
  ASSERT_EQ(ask(second), second);
  EXPECT_EQ(session->turns(), 2);
  EXPECT_EQ(ask(third), "prompt: it takes 33 tokens, and 20 of the context's 96 are left");
  EXPECT_EQ(session->statistics().neededTokens, 33);
  EXPECT_EQ(session->turnsToDrop(20), 0);
  EXPECT_EQ(session->turnsToDrop(33), 1);
  EXPECT_EQ(session->turnsToDrop(90), 2);
  EXPECT_EQ(session->turnsToDrop(97), -1);
  EXPECT_EQ(session->dropOldestTurns(3).message(), "turns: expected 0 to 2, found 3");
  ASSERT_TRUE(session->dropOldestTurns(1).ok());
  EXPECT_EQ(session->turns(), 1);
  // The rest is prefilled again in the background, and opens the conversation now.
  ASSERT_TRUE(session->wait(Until::Prefilled).ok());
  EXPECT_GE(session->position(), 2 + 14 + 1 + 14);
  ASSERT_EQ(ask(third), third);
  EXPECT_EQ(session->position(), 2 + 14 + 1 + 14 + 2 + 30 + 1 + 30);
  EXPECT_EQ(session->statistics().neededTokens, 0);
}

// What stays is what a new conversation would be in which only that was said, bit for bit.
TEST_F(SessionTest, WhatStaysIsAConversationOfItsOwn) {
  const auto tell = [&](std::uint8_t value, const std::string &text) {
    ASSERT_TRUE(session->addPicture(picture(4, 4, value)).ok());
    ASSERT_EQ(ask(text), text.substr(0, text.find('<')));
  };
  tell(10, "one");
  tell(20, "two<image>");
  tell(30, "three");
  ASSERT_TRUE(session->dropOldestTurns(1).ok());
  ASSERT_EQ(ask("four"), "four");
  const std::int64_t position = session->position();
  const std::vector<float> logits(session->logits().begin(), session->logits().end());
  session->reset();
  tell(20, "two<image>");
  tell(30, "three");
  ASSERT_EQ(ask("four"), "four");
  EXPECT_EQ(session->position(), position);
  EXPECT_EQ(std::vector<float>(session->logits().begin(), session->logits().end()), logits);
}

TEST_F(SessionTest, AnswerGoesOnWithoutTheOldestTurns) {
  ASSERT_EQ(ask("some talk"), "some talk");
  const std::string text(40, 'z');
  std::string answer = ask(text);
  EXPECT_LT(answer.size(), text.size());
  EXPECT_EQ(session->stopReason(), Stop::Context);
  EXPECT_EQ(generate(), "answer: the context of 96 tokens is full");
  ASSERT_TRUE(session->dropOldestTurns(1).ok());
  answer += generate();
  EXPECT_EQ(session->stopReason(), Stop::End);
  EXPECT_EQ(answer, text);
}

TEST_F(SessionTest, AllTurnsDropped) {
  ASSERT_TRUE(session->addTurn("unanswered").ok());
  ASSERT_TRUE(session->addPicture(picture(4, 4)).ok());
  ASSERT_TRUE(session->dropOldestTurns(1).ok());
  EXPECT_EQ(generate(), "generate: expected a turn to answer, found none");
  EXPECT_EQ(ask("new<image>"), "new");
  EXPECT_EQ(session->turnTokens()[0], FAKE_BEGIN);
}

// What runEntry() overwrites in the cache is computed again.
TEST_F(SessionTest, RunEntryLeavesTheConversationRight) {
  ASSERT_EQ(ask("hello"), "hello");
  const std::int32_t token = 'x';
  const void *input = &token;
  void *output = nullptr;
  ASSERT_TRUE(
      session->runEntry(*loaded->findEntry("decode"), 1, 3, {&input, 1}, {&output, 1}).ok());
  EXPECT_EQ(session->position(), 3);
  EXPECT_EQ(ask("again"), "again");
  EXPECT_EQ(session->position(), 2 + 5 + 1 + 5 + 2 + 5 + 1 + 5);
}

} // namespace
