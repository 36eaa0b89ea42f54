#include "cli/ChatSink.h"
#include "cli/Report.h"

#include <array>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

namespace bluec::runtime {
namespace {

using Json = nlohmann::ordered_json;

class JsonChatSink : public ChatSink {
public:
  explicit JsonChatSink(std::ostream &out) : out(out) {}

  void ready(const ChatReady &facts) override {
    write({{"event", "ready"},
           {"context", facts.context},
           {"threads", facts.threads},
           {"seconds", facts.seconds}});
  }

  void pictureGiven(std::size_t number, const std::string &file) override {
    write({{"event", "picture"}, {"number", number}, {"file", file}});
  }

  void pictureState(std::size_t number, const std::string &file, const PictureInfo &info) override {
    write({{"event", "picture"},
           {"number", number},
           {"file", file},
           {"state", pictureStateName(info.state)},
           {"grid", {info.grid.columns, info.grid.rows}},
           {"tiles", info.tiles},
           {"tiles_done", info.tilesDone},
           {"tokens", info.tokens}});
  }

  void pictureTakenBack(const std::string &file) override {
    write({{"event", "dropped"}, {"file", file}});
  }

  bool text(std::string_view piece) override {
    write({{"event", "text"}, {"text", piece}});
    return bool(out);
  }

  void answer(const ChatAnswer &facts) override {
    Json seconds = {{"question_to_first_token", facts.secondsToFirstToken}};
    if (facts.secondsFromPictureToFirst)
      seconds["picture_to_first_token"] = *facts.secondsFromPictureToFirst;
    seconds["generate"] = facts.generateSeconds;
    write({{"event", "answer"},
           {"text", facts.text},
           {"tokens", std::vector<std::int32_t>(facts.tokens.begin(), facts.tokens.end())},
           {"stop", stopName(facts.stop)},
           {"position", facts.position},
           {"seconds", seconds}});
  }

  void error(const std::string &line) override { write({{"event", "error"}, {"message", line}}); }
  void cancelled() override { write({{"event", "cancelled"}}); }
  void interruptedAtPrompt() override { write({{"event", "interrupted"}}); }

  void contextFull(const ChatOverflow &facts) override {
    write({{"event", "context_full"},
           {"message", facts.message},
           {"needed", facts.needed},
           {"context", facts.context},
           {"turns", facts.turns},
           {"turns_to_drop", facts.turnsToDrop}});
  }

  void forgotten(std::int64_t turns, std::int64_t left) override {
    write({{"event", "forgotten"}, {"turns", turns}, {"left", left}});
  }

  void wasReset() override { write({{"event", "reset"}}); }

  void totals(const ChatTotals &facts) override {
    const Statistics &of = facts.statistics;
    write(
        {{"event", "stats"},
         {"turns", facts.turns},
         {"position", facts.position},
         {"context", facts.context},
         {"pictures", of.pictures},
         {"tiles", of.tiles},
         {"tokens",
          {{"prefill", of.prefillTokens}, {"ahead", of.aheadTokens}, {"decode", of.decodedTokens}}},
         {"seconds",
          {{"decode_picture", of.decodePictureSeconds},
           {"tile", of.tileSeconds},
           {"encode", of.encodeSeconds},
           {"tokenize", of.tokenizeSeconds},
           {"prefill", of.prefillSeconds},
           {"ahead", of.aheadSeconds},
           {"wait", of.waitSeconds},
           {"generate", of.generateSeconds}}}});
  }

  void help(std::span<const ChatHelp> commands) override {
    Json list = Json::array();
    for (const ChatHelp &command : commands)
      list.push_back({{"command", command.command}, {"help", command.help}});
    write({{"event", "help"}, {"commands", list}});
  }

private:
  void write(const Json &event) {
    out << event.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  }

  std::ostream &out;
};

} // namespace

std::unique_ptr<ChatSink> makeJsonChatSink(std::ostream &out) {
  return std::make_unique<JsonChatSink>(out);
}

} // namespace bluec::runtime
