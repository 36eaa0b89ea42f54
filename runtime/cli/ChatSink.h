// Where a chat says what happens: events as JSON, or words on a terminal or in a pipe. README.md
// lists the events.
#ifndef BLUEC_RUNTIME_CLI_CHATSINK_H
#define BLUEC_RUNTIME_CLI_CHATSINK_H

#include "core/Session.h"

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bluec::runtime {

struct ChatReady {
  std::int64_t context = 0;
  int threads = 0;
  double seconds = 0; // to open the bundle and to make the session
};

// A question that did not fit into the context.
struct ChatOverflow {
  std::string message;
  std::int64_t needed = 0, context = 0, turns = 0;
  std::int64_t turnsToDrop = 0; // -1: dropping all turns is not enough
};

struct ChatAnswer {
  std::string text;
  std::span<const std::int32_t> tokens;
  Stop stop = Stop::None;
  std::int64_t position = 0, context = 0;
  double secondsToFirstToken = 0;                  // from the question
  std::optional<double> secondsFromPictureToFirst; // from the first picture, if there is one
  double generateSeconds = 0;
};

struct ChatTotals {
  Statistics statistics;
  std::int64_t turns = 0, position = 0, context = 0;
};

struct ChatHelp {
  const char *command, *argument, *help;
};

class ChatSink {
public:
  virtual ~ChatSink() = default;

  virtual void ready(const ChatReady &facts) = 0;
  // Before a line is read.
  virtual void prompt() {}
  // While addTurn() waits or computes, now and then, from another thread; then once the last.
  virtual bool wantsProgress() const { return false; }
  virtual void progress(const Progress & /*now*/) {}
  virtual void progressEnds() {}

  // Pictures are numbered from 1.
  virtual void pictureGiven(std::size_t number, const std::string &file) = 0;
  virtual void pictureState(std::size_t number, const std::string &file,
                            const PictureInfo &info) = 0;
  // The same without having been asked, in the middle of a prompt.
  virtual void pictureNews(std::size_t number, const std::string &file, const PictureInfo &info) {
    pictureState(number, file, info);
  }
  virtual void pictureTakenBack(const std::string &file) = 0;

  // A part of the answer. False when nobody can read it any more.
  virtual bool text(std::string_view piece) = 0;
  // After the last part, if there was any, or when an answer without text has ended well.
  virtual void textEnds() {}
  virtual void answer(const ChatAnswer &facts) = 0;

  virtual void error(const std::string &line) = 0;
  virtual void cancelled() = 0;
  virtual void interruptedAtPrompt() = 0;
  virtual void contextFull(const ChatOverflow &facts) = 0;
  virtual void forgotten(std::int64_t turns, std::int64_t left) = 0;
  virtual void wasReset() = 0;
  virtual void totals(const ChatTotals &facts) = 0;
  virtual void help(std::span<const ChatHelp> commands) = 0;
};

// One object a line on `out`, each with an "event".
std::unique_ptr<ChatSink> makeJsonChatSink(std::ostream &out);
// Answers on `out`, all else on `err`. `terminal`: somebody types, so there are prompts.
std::unique_ptr<ChatSink> makeTextChatSink(std::ostream &out, std::ostream &err, bool terminal);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_CHATSINK_H
