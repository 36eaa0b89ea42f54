#include "cli/ChatSink.h"
#include "cli/Report.h"

#include <algorithm>
#include <ostream>

namespace bluec::runtime {
namespace {

// Of a terminal: to the line's begin, and the line is empty.
constexpr const char *kClearLine = "\r\x1b[K";

std::string tenths(double seconds) {
  const auto value = std::int64_t(seconds * 10 + 0.5);
  return std::to_string(value / 10) + "." + std::to_string(value % 10) + " s";
}

class TextChatSink : public ChatSink {
public:
  TextChatSink(std::ostream &out, std::ostream &err, bool terminal)
      : out(out), err(err), terminal(terminal) {}

  void ready(const ChatReady & /*facts*/) override {
    if (terminal)
      say("a question, or /help");
  }

  void prompt() override {
    if (terminal)
      err << "> " << std::flush;
  }

  bool wantsProgress() const override { return terminal; }

  void progress(const Progress &now) override {
    const bool encoding = (int(now.activity) & int(Activity::Encoding)) != 0;
    err << kClearLine
        << (encoding ? "encoding, " + std::to_string(now.tilesDone) + " of " +
                           std::to_string(now.tiles) + " tiles"
                     : "reading, " + std::to_string(now.cachedTokens) + " tokens")
        << std::flush;
    progressShown = true;
  }

  void progressEnds() override {
    if (progressShown)
      err << kClearLine << std::flush;
    progressShown = false;
  }

  void pictureGiven(std::size_t /*number*/, const std::string & /*file*/) override {}

  void pictureState(std::size_t number, const std::string &file, const PictureInfo &info) override {
    std::string line =
        "picture " + std::to_string(number) + ": " + file + ": " + pictureStateName(info.state);
    if (info.state == PictureState::Failed)
      line += ": " + info.status.message();
    else if (info.tiles != 0)
      line += ", " + std::to_string(info.grid.columns) + "x" + std::to_string(info.grid.rows) +
              ", " + std::to_string(info.tilesDone) + " of " + std::to_string(info.tiles) +
              " tiles, " + std::to_string(info.tokens) + " tokens";
    say(line);
  }

  void pictureNews(std::size_t number, const std::string &file, const PictureInfo &info) override {
    err << '\n';
    pictureState(number, file, info);
    prompt();
  }

  void pictureTakenBack(const std::string &file) override { say("\n" + file + ": taken back"); }

  bool text(std::string_view piece) override {
    out << piece << std::flush;
    return bool(out);
  }
  void textEnds() override { out << std::endl; }

  void answer(const ChatAnswer &facts) override {
    if (facts.stop == Stop::Context)
      say("the context of " + std::to_string(facts.context) +
          " tokens is full, and the answer is cut short: /forget drops the oldest turns, "
          "/continue goes on then, /reset begins anew");
  }

  void error(const std::string &line) override { say("error: " + line); }
  void cancelled() override { say("cancelled: nothing was asked"); }
  void interruptedAtPrompt() override {
    say("\n/quit, or another interrupt within a second, ends");
  }

  void contextFull(const ChatOverflow &facts) override {
    std::string choice = "; it cannot fit: ask less, or take pictures back with /drop";
    if (facts.turnsToDrop >= 0)
      choice = ": /forget drops the oldest turns (at least " + std::to_string(facts.turnsToDrop) +
               " of " + std::to_string(facts.turns) +
               ") and asks again, /reset begins anew, /quit ends";
    say("error: " + facts.message + choice);
  }

  void forgotten(std::int64_t turns, std::int64_t left) override {
    say("forgot " + std::to_string(turns) + " of " + std::to_string(turns + left) + " turns");
  }

  void wasReset() override {}

  void totals(const ChatTotals &facts) override {
    const Statistics &of = facts.statistics;
    say(std::to_string(facts.turns) + " turns, " + std::to_string(facts.position) + " of " +
        std::to_string(facts.context) + " tokens; " + std::to_string(of.tiles) +
        " tiles encoded in " + tenths(of.encodeSeconds) + "; " + std::to_string(of.prefillTokens) +
        " tokens read in " + tenths(of.prefillSeconds) + ", " + std::to_string(of.aheadTokens) +
        " of them before the question; " + std::to_string(of.decodedTokens) + " written in " +
        tenths(of.generateSeconds) + "; waited " + tenths(of.waitSeconds));
  }

  void help(std::span<const ChatHelp> commands) override {
    constexpr std::size_t kColumn = 18;
    std::string lines = "a line is a question; <image> in it says where a picture stands";
    for (const ChatHelp &command : commands) {
      std::string usage = std::string(command.command) + " " + command.argument;
      usage.resize(std::max(usage.size(), kColumn), ' ');
      lines += "\n" + usage + command.help;
    }
    say(lines);
  }

private:
  void say(const std::string &line) { err << line << std::endl; }

  std::ostream &out, &err;
  const bool terminal;
  bool progressShown = false;
};

} // namespace

std::unique_ptr<ChatSink> makeTextChatSink(std::ostream &out, std::ostream &err, bool terminal) {
  return std::make_unique<TextChatSink>(out, err, terminal);
}

} // namespace bluec::runtime
