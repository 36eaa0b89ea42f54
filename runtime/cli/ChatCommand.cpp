#include "cli/ChatCommand.h"

#include "base/Stopwatch.h"
#include "cli/ChatSink.h"
#include "cli/LineReader.h"
#include "cli/MemoryLog.h"
#include "cli/Report.h"
#include "cli/RunCommand.h"
#include "core/Bundle.h"
#include "core/Session.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>
#include <unistd.h>
#include <vector>

namespace bluec::runtime {
namespace {

constexpr std::chrono::milliseconds lookPeriod(100);
constexpr std::chrono::seconds secondInterrupt(1);
constexpr std::size_t kLargestFile = std::size_t(256) << 20;
// Of the context, kept free for an answer when turns are dropped.
constexpr std::int64_t kAnswerShare = 8;

// What the caller's thread is at, for the memory log and for interrupts.
enum class Doing { Waiting, Typing, Asking, Answering };
constexpr std::array<const char *, 4> kDoingNames = {"", "typing", "asking", "answering"};

class Chat {
public:
  Chat(const ChatOptions &options, int in, std::ostream &out, std::ostream &err)
      : options(options), lines(in), terminal(::isatty(in) != 0),
        sink(options.json ? makeJsonChatSink(out) : makeTextChatSink(out, err, terminal)) {}

  Status run(bool &failed);

private:
  struct Command : ChatHelp {
    void (Chat::*run)(const std::string &argument);
  };
  static const std::array<Command, 9> commands;

  // A picture of the next turn: where it came from.
  struct Picture {
    std::string path;
    Clock::time_point given;
    std::string file; // its bytes, as long as nothing may begin before the question
    bool said = false;
  };

  void fault(const Status &status);

  bool nextLine(std::string &line);
  void handle(const std::string &line);
  void onInterrupt();
  void interruptedAtPrompt();
  void sayPictures();

  void image(const std::string &argument);
  void drop(const std::string &argument);
  void forget(const std::string &argument);
  void goOn(const std::string &argument);
  void reset(const std::string &argument);
  void stats(const std::string &argument);
  void help(const std::string &argument);
  void pictures(const std::string &argument);
  void quit(const std::string & /*argument*/) { ended = true; }

  void type(const std::string &text);
  void ask(const std::string &text);
  Status handOver();
  Status feed(const std::string &text);
  void dropFailed();
  void contextFull(const std::string &text, const Status &status);
  void answer(Clock::time_point asked, std::optional<Clock::time_point> given);
  std::string phase();

  const ChatOptions &options;
  std::unique_ptr<Bundle> bundle;
  std::unique_ptr<Session> session;
  LineReader lines;
  const bool terminal;
  const std::unique_ptr<ChatSink> sink;
  std::vector<Picture> waiting;
  std::string refused; // a question that did not fit into the context
  bool failed = false, ended = false;
  std::atomic<Doing> doing{Doing::Waiting};
  std::atomic<bool> ending{false};
  std::atomic<Session *> talking{nullptr}; // the session, once it is there
  Clock::time_point lastInterrupt;         // of the interrupts' thread
};

const std::array<Chat::Command, 9> Chat::commands = {{
    {{"/image", "FILE", "hand a picture over (PNG or JPEG); it is encoded while you type"},
     &Chat::image},
    {{"/pictures", "", "what has become of the pictures of the next question"}, &Chat::pictures},
    {{"/drop", "[N]", "take picture N of the next question back, or all"}, &Chat::drop},
    {{"/forget", "[N]|all",
      "forget the N oldest turns (as many as it takes); asks again what did not fit"},
     &Chat::forget},
    {{"/continue", "", "go on with an answer that was cut short"}, &Chat::goOn},
    {{"/reset", "", "forget everything"}, &Chat::reset},
    {{"/stats", "", "tokens and times so far"}, &Chat::stats},
    {{"/help", "", "this list"}, &Chat::help},
    {{"/quit", "", "end"}, &Chat::quit},
}};

void Chat::fault(const Status &status) {
  failed = true;
  sink->error(oneLine(status.message()));
}

// From the interrupts' thread.
void Chat::onInterrupt() {
  const Clock::time_point now = Clock::now();
  Session *const live = talking.load();
  if (!live || now - lastInterrupt < secondInterrupt)
    ending = true;
  lastInterrupt = now;
  if (live && doing != Doing::Waiting)
    live->cancel();
  if (ending || doing == Doing::Waiting || doing == Doing::Typing)
    lines.interrupt();
}

void Chat::interruptedAtPrompt() {
  if (ending)
    return;
  const Progress progress = session->progress();
  if (progress.encoded + progress.failed == progress.pictures) {
    sink->interruptedAtPrompt();
    return;
  }
  for (std::int64_t i = progress.pictures; i-- > 0;) {
    if (session->picture(i).state == PictureState::Encoded)
      continue;
    sink->pictureTakenBack(waiting[std::size_t(i)].path);
    (void)session->dropPicture(i);
    waiting.erase(waiting.begin() + i);
  }
}

// On a terminal only: what became of pictures, as soon as it is known.
void Chat::sayPictures() {
  if (!terminal || !options.decoupled)
    return;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const PictureInfo info = session->picture(std::int64_t(i));
    if (waiting[i].said ||
        (info.state != PictureState::Encoded && info.state != PictureState::Failed))
      continue;
    waiting[i].said = true;
    sink->pictureNews(i + 1, waiting[i].path, info);
  }
}

bool Chat::nextLine(std::string &line) {
  sink->prompt();
  while (!ending) {
    switch (lines.next(line, lookPeriod)) {
    case LineReader::Event::Line:
      return true;
    case LineReader::Event::End:
      return false;
    case LineReader::Event::Interrupted:
      interruptedAtPrompt();
      if (!ending)
        sink->prompt();
      break;
    case LineReader::Event::Timeout:
      sayPictures();
      break;
    }
  }
  return false;
}

void Chat::handle(const std::string &line) {
  if (line.empty())
    return;
  if (!line.starts_with('/') || line.starts_with("//")) {
    const std::string text = line.substr(line.starts_with("//") ? 1 : 0);
    type(text);
    return ask(text);
  }
  const std::size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::size_t begin = space == line.npos ? line.npos : line.find_first_not_of(' ', space);
  const std::string argument = begin == line.npos ? "" : line.substr(begin);
  for (const Command &command : commands)
    if (name == command.command)
      return (this->*command.run)(argument);
  fault({Code::InvalidArgument, "there is no command " + inQuotes(name) + "; see /help"});
}

// -- Pictures -------------------------------------------------------------------------------------

void Chat::image(const std::string &argument) {
  if (argument.empty())
    return fault({Code::InvalidArgument, "/image: expected a file, found none"});
  Result<std::string> file = readFile(argument, kLargestFile);
  if (!file.ok())
    return fault(file.status());
  Picture picture{argument, Clock::now(), std::move(*file), false};
  if (options.decoupled) {
    const Status status = session->addPictureFile(
        {reinterpret_cast<const std::uint8_t *>(picture.file.data()), picture.file.size()});
    if (!status.ok())
      return fault(status);
    picture.file.clear();
  }
  waiting.push_back(std::move(picture));
  sink->pictureGiven(waiting.size(), argument);
}

// Hands over what had to wait for the question.
Status Chat::handOver() {
  if (options.decoupled)
    return {};
  for (Picture &picture : waiting) {
    if (picture.file.empty())
      continue;
    BLUEC_RETURN_IF_ERROR(session->addPictureFile(
        {reinterpret_cast<const std::uint8_t *>(picture.file.data()), picture.file.size()}));
    picture.file.clear();
  }
  return {};
}

void Chat::pictures(const std::string &argument) {
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (!argument.empty() && argument != std::to_string(i + 1))
      continue;
    const bool given = std::int64_t(i) < session->pictureCount();
    sink->pictureState(i + 1, waiting[i].path,
                       given ? session->picture(std::int64_t(i)) : PictureInfo());
  }
}

void Chat::drop(const std::string &argument) {
  std::size_t number = 0;
  if (!argument.empty()) {
    const char *end = argument.data() + argument.size();
    if (std::from_chars(argument.data(), end, number).ptr != end || number < 1 ||
        number > waiting.size())
      return fault({Code::InvalidArgument, "/drop: expected a picture from 1 to " +
                                               std::to_string(waiting.size()) + ", found " +
                                               inQuotes(argument)});
    if (std::int64_t(number) <= session->pictureCount())
      (void)session->dropPicture(std::int64_t(number) - 1);
    waiting.erase(waiting.begin() + std::ptrdiff_t(number) - 1);
    return;
  }
  session->dropPictures();
  waiting.clear();
}

// Pictures that cannot be read would stand in the way of every question.
void Chat::dropFailed() {
  for (std::int64_t i = session->pictureCount(); i-- > 0;) {
    const PictureInfo info = session->picture(i);
    if (info.state != PictureState::Failed)
      continue;
    fault({info.status.getCode(), waiting[std::size_t(i)].path + ": " + info.status.message() +
                                      "; it was taken back, and nothing was asked"});
    (void)session->dropPicture(i);
    waiting.erase(waiting.begin() + i);
  }
}

// -- Questions ------------------------------------------------------------------------------------

// Lets the session see the question grow, as fast as somebody types it.
void Chat::type(const std::string &text) {
  if (options.typingRate <= 0)
    return;
  doing = Doing::Typing;
  const Clock::time_point start = Clock::now();
  for (std::size_t typed = 1; typed <= text.size() && !ending; ++typed) {
    std::this_thread::sleep_until(
        start + std::chrono::duration_cast<Clock::duration>(
                    std::chrono::duration<double>(double(typed) / options.typingRate)));
    if (options.decoupled && (typed == text.size() || text[typed - 1] == ' '))
      session->setDraft(std::string_view(text).substr(0, typed));
  }
  doing = Doing::Waiting;
}

Status Chat::feed(const std::string &text) {
  BLUEC_RETURN_IF_ERROR(handOver());
  if (!sink->wantsProgress())
    return session->addTurn(text);
  // Progress on one line, while there is something to wait for.
  std::atomic<bool> done{false};
  std::thread progress([&] {
    while (!done) {
      std::this_thread::sleep_for(lookPeriod);
      const Progress now = session->progress();
      if (!done)
        sink->progress(now);
    }
    sink->progressEnds();
  });
  const Status status = session->addTurn(text);
  done = true;
  progress.join();
  return status;
}

void Chat::ask(const std::string &text) {
  const Clock::time_point asked = Clock::now();
  std::optional<Clock::time_point> given;
  if (!waiting.empty())
    given = waiting.front().given;
  session->forgetCancel();
  doing = Doing::Asking;
  const Status status = feed(text);
  doing = Doing::Waiting;
  if (status.ok()) {
    waiting.clear();
    refused.clear();
    return answer(asked, given);
  }
  switch (status.getCode()) {
  case Code::Cancelled:
    return sink->cancelled();
  case Code::ContextFull:
    return contextFull(text, status);
  default:
    if (session->wait(Until::Sized).ok())
      return fault(status);
    (void)session->wait(Until::Encoded);
    return dropFailed();
  }
}

void Chat::contextFull(const std::string &text, const Status &status) {
  refused = text;
  failed = true;
  const std::int64_t needed = session->statistics().neededTokens;
  sink->contextFull({status.message(), needed, bundle->model().context, session->turns(),
                     session->turnsToDrop(needed)});
}

void Chat::answer(Clock::time_point asked, std::optional<Clock::time_point> given) {
  const GenerateOptions generate = options.over(bundle->manifest().generate);
  std::string text;
  std::optional<Clock::time_point> first;
  const Statistics before = session->statistics();
  doing = Doing::Answering;
  const Status status = session->generate(generate, [&](std::string_view piece) {
    if (!first)
      first = Clock::now();
    text += piece;
    return sink->text(piece);
  });
  doing = Doing::Waiting;
  if (status.ok() || !text.empty())
    sink->textEnds();
  if (!status.ok())
    return fault(status);
  const Clock::time_point end = Clock::now();
  ChatAnswer facts;
  facts.text = std::move(text);
  facts.tokens = session->answerTokens();
  facts.stop = session->stopReason();
  facts.position = session->position();
  facts.context = bundle->model().context;
  facts.secondsToFirstToken = secondsBetween(asked, first.value_or(end));
  if (given)
    facts.secondsFromPictureToFirst = secondsBetween(*given, first.value_or(end));
  facts.generateSeconds = session->statistics().generateSeconds - before.generateSeconds;
  sink->answer(facts);
}

void Chat::goOn(const std::string & /*argument*/) {
  session->forgetCancel();
  answer(Clock::now(), {});
}

// -- The conversation -----------------------------------------------------------------------------

void Chat::forget(const std::string &argument) {
  const std::int64_t turns = session->turns();
  std::int64_t count = 0;
  if (argument == "all") {
    count = turns;
  } else if (argument.empty()) {
    // Room for the question and for an answer, else for the question alone.
    const std::int64_t context = bundle->model().context;
    const std::int64_t needed = session->statistics().neededTokens;
    const GenerateOptions answers = options.over(bundle->manifest().generate);
    const std::int64_t reply =
        answers.maxNewTokens != 0 ? answers.maxNewTokens : context / kAnswerShare;
    count = session->turnsToDrop(needed + reply);
    if (count < 0)
      count = session->turnsToDrop(needed);
    if (count < 0)
      return fault({Code::ContextFull, "/forget: the question takes " + std::to_string(needed) +
                                           " tokens, and the context holds " +
                                           std::to_string(context)});
    if (refused.empty())
      count = std::min(count, std::max<std::int64_t>(turns - 1, 0)); // the one that goes on stays
  } else {
    const char *end = argument.data() + argument.size();
    if (std::from_chars(argument.data(), end, count).ptr != end)
      count = -1;
  }
  const Status status = session->dropOldestTurns(count);
  if (!status.ok())
    return fault(status);
  sink->forgotten(count, session->turns());
  if (!refused.empty())
    ask(std::string(refused));
}

void Chat::reset(const std::string & /*argument*/) {
  session->reset();
  waiting.clear();
  refused.clear();
  sink->wasReset();
}

void Chat::stats(const std::string & /*argument*/) {
  sink->totals(
      {session->statistics(), session->turns(), session->position(), bundle->model().context});
}

void Chat::help(const std::string & /*argument*/) {
  sink->help(std::vector<ChatHelp>(commands.begin(), commands.end()));
}

// From the memory log's thread.
std::string Chat::phase() {
  static constexpr std::array<const char *, 4> kBackground = {"", "encoding", "prefilling",
                                                              "encoding + prefilling"};
  std::string text = kDoingNames[std::size_t(doing.load())];
  const std::string behind = kBackground[std::size_t(session->progress().activity)];
  if (!behind.empty())
    text += (text.empty() ? "" : " + ") + behind;
  return text.empty() ? "idle" : text;
}

Status Chat::run(bool &anyFailed) {
  BLUEC_RETURN_IF_ERROR(checkSampling(options.over({}).sampling));
  const Interrupts interrupts([this] { onInterrupt(); }); // before any other thread is made
  const Clock::time_point start = Clock::now();
  Result<std::unique_ptr<Bundle>> opened =
      Bundle::open(options.bundle, {options.threads, WeightsCheck::Blocks});
  if (!opened.ok())
    return opened.status();
  bundle = std::move(*opened);
  Result<std::unique_ptr<Session>> created = Session::create(*bundle);
  if (!created.ok())
    return created.status();
  session = std::move(*created);
  talking = session.get();
  session->setPrefillAhead(!options.prefillAhead || !options.decoupled ? PrefillAhead::Off
                           : options.prefillWhileEncoding ? PrefillAhead::WhileEncoding
                                                          : PrefillAhead::AfterEncoding);
  if (!options.system.empty())
    BLUEC_RETURN_IF_ERROR(session->setSystem(options.system));
  std::unique_ptr<MemoryLog> log;
  if (!options.memoryLog.empty()) {
    Result<std::unique_ptr<MemoryLog>> begun =
        MemoryLog::begin(options.memoryLog, [this] { return phase(); });
    if (!begun.ok())
      return begun.status();
    log = std::move(*begun);
  }
  sink->ready({bundle->model().context, bundle->threads().threads(), secondsSince(start)});

  std::string line;
  while (!ended && nextLine(line))
    handle(line);
  anyFailed = failed && !terminal;
  return {};
}

} // namespace

OptionTable optionTable(ChatOptions &options) {
  OptionTable table{
      "chat",
      "Talk to a bundle line by line; pictures are encoded while you type (see /help).",
      {bundleOption(options.bundle)}};
  addAnswerOptions(options, table);
  table.options.insert(
      table.options.end(),
      {{.name = "--json", .target = &options.json, .help = "Print events as JSON, one a line"},
       {.name = "--no-prefill-ahead",
        .target = &options.prefillAhead,
        .help = "Prefill nothing before the question is there"},
       {.name = "--prefill-while-encoding",
        .target = &options.prefillWhileEncoding,
        .help = "Prefill text before a picture while it is encoded; takes the memory of both"},
       {.name = "--no-decoupling",
        .target = &options.decoupled,
        .help = "Begin nothing before the question is there, to measure what that costs"},
       {.name = "--typing-rate",
        .target = &options.typingRate,
        .help = "Type questions at so many characters a second (as fast as they can be read)",
        .real = {0, 1e6}},
       {.name = "--memory-log",
        .target = &options.memoryLog,
        .help = "Write what is in memory over time to a file (CSV)"}});
  return table;
}

int chatCommand(const ChatOptions &options, int in, std::ostream &out, std::ostream &err) {
  bool failed = false;
  const int code = reportStatus(err, [&] { return Chat(options, in, out, err).run(failed); });
  return code == ExitDone && failed ? ExitInputAtFault : code;
}

} // namespace bluec::runtime
