#include "compiler/import/chat/ChatPieces.h"

#include "runtime/base/Status.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <initializer_list>

using namespace bluec;
using namespace bluec::chat;
using runtime::inQuotes;
using runtime::Trim;
using runtime::Trims;

namespace {

// What is said in probes: words that no template has, with letters of both cases.
const std::string kFirst = "Xq1Zy", kSecond = "Xq2Zy", kThird = "Xq3Zy", kReply = "Xq4Zy",
                  kNextReply = "Xq5Zy", kSystem = "Xq6Zy";

/// The strings before, between and behind `marks`, each of which is there once and in order.
std::optional<std::vector<std::string>> between(std::string_view text,
                                                std::initializer_list<std::string_view> marks) {
  std::vector<std::string> pieces;
  for (std::string_view mark : marks) {
    const size_t at = text.find(mark);
    if (at == text.npos)
      return std::nullopt;
    pieces.emplace_back(text.substr(0, at));
    text.remove_prefix(at + mark.size());
  }
  for (std::string_view mark : marks)
    if (text.find(mark) != text.npos)
      return std::nullopt;
  pieces.emplace_back(text);
  return pieces;
}

/// The longest common prefix, in whole characters.
std::string commonPrefix(const std::string &a, const std::string &b) {
  size_t size = size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  while (size > 0 && size < a.size() && (uint8_t(a[size]) & 0xc0) == 0x80)
    --size;
  return a.substr(0, size);
}

bool isBlank(std::string_view text) { return text.find_first_not_of(" \n\t") == text.npos; }

/// A turn whose answer is over.
Conversation answered(std::string said) {
  return {user(kFirst), answer(std::move(said)), user(kSecond)};
}

Conversation opened(std::string said) { return {system(std::move(said)), user(kFirst)}; }

class PieceFinder {
public:
  PieceFinder(const jinja::Template &source, const TemplateSource &from,
              std::vector<std::string> &warnings)
      : renderer(source, from.tokens, from.budget), literals(source.literals()),
        warnings(warnings) {
    chat.imageToken = from.imageToken;
  }

  bool find() {
    return findAll() ||
           (renderer.isExhausted() &&
            fail(
                "expected a template that is soon evaluated, found one that takes too many steps"));
  }

  runtime::ChatTemplate chat;
  std::string fault;

private:
  bool findAll() {
    if (!findForm() || !findTurns() || !findSystem() || !findPictures() || !findTrims())
      return false;
    findOddTexts();
    return checkDates() && checkConversations();
  }
  bool fail(std::string line) {
    fault = std::move(line);
    return false;
  }
  bool differs(const Conversation &probe) {
    const std::optional<std::string> found = renderer.render(probe);
    if (!found)
      return fail(renderer.fault() + " (of " + describe(probe) + ")");
    // Messages show the beginning of a text, so what both have in common goes, but for a little.
    constexpr size_t kShown = 16;
    const std::string expected = write(chat, probe).value_or("");
    const size_t same = commonPrefix(expected, *found).size();
    const size_t from = same - std::min(same, kShown);
    const std::string left = from == 0 ? "" : "..";
    return fail("no pieces explain " + describe(probe) + ": expected " +
                inQuotes(left + expected.substr(from)) + ", found " +
                inQuotes(left + found->substr(from)));
  }
  std::optional<std::vector<std::string>> piecesOf(const Conversation &probe,
                                                   std::initializer_list<std::string_view> marks) {
    const std::optional<std::string> text = renderer.render(probe);
    return text ? between(*text, marks) : std::nullopt;
  }
  /// Whether the pieces so far write what the template does.
  bool explains(const Conversation &probe) {
    const std::optional<std::string> text = renderer.render(probe);
    return text && write(chat, probe) == text;
  }
  /// The same, or the runtime refuses it by name.
  bool explainsOrRefuses(const Conversation &probe) {
    return !write(chat, probe) || explains(probe);
  }
  bool hasPictures() const { return !chat.imageToken.empty(); }
  /// Whether the template has pictures between texts.
  bool takesPictures() const {
    return hasPictures() && renderer.forms[size_t(Role::User)] == Form::List;
  }

  bool findForm();
  bool findTurns();
  bool findSystem();
  void refuseSystem();
  bool findPictures();
  bool findTrims();
  bool findTrims(Trims &trims, auto probeOf);
  void findNoAnswer();
  void findOddTexts();
  void findAnswerMark();
  void forgetAnswerMark();
  template <typename ProbesOf> std::vector<std::string> findReserved(ProbesOf probesOf);
  bool checkDates();
  bool checkLongOnes(const std::string &odd);
  bool checkConversations();

  Renderer renderer;
  std::vector<std::string> literals;
  std::vector<std::string> &warnings;
};

/// Which form of contents the template takes; a list is the only one that has pictures.
bool PieceFinder::findForm() {
  const std::array<Form, 2> order =
      hasPictures() ? std::array{Form::List, Form::String} : std::array{Form::String, Form::List};
  // A list that is printed has its texts with the newline escaped.
  const std::string first = "Xq1\nZy", system = "Xq6\nZy", reply = "Xq4\nZy";
  std::string why;
  for (Form form : order) {
    renderer.forms.fill(form);
    const std::optional<std::string> text = renderer.render({user(first)});
    if (text && between(*text, {first})) {
      // Some take lists of a user only.
      for (Role role : {Role::System, Role::Assistant}) {
        const Conversation probe = role == Role::System
                                       ? Conversation{chat::system(system), user(kFirst)}
                                       : Conversation{user(kFirst), answer(reply), user(kSecond)};
        const std::string &mark = role == Role::System ? system : reply;
        Form &own = renderer.forms[size_t(role)];
        const auto takes = [&] {
          const std::optional<std::string> found = renderer.render(probe);
          return found && between(*found, {mark});
        };
        if (!takes()) {
          own = form == Form::List ? Form::String : Form::List;
          if (!takes())
            own = form;
        }
      }
      return true;
    }
    if (why.empty())
      why = text ? "expected the user's text once, found " + inQuotes(*text) : renderer.fault();
  }
  return fail(why);
}

bool PieceFinder::findTurns() {
  const Conversation one = {user(kFirst)};
  const Conversation three = {user(kFirst), answer(kReply), user(kSecond), answer(kNextReply),
                              user(kThird)};
  const auto alone = piecesOf(one, {kFirst});
  const auto whole = piecesOf(three, {kFirst, kReply, kSecond, kNextReply, kThird});
  if (!alone)
    return differs(one);
  chat.begin.text = alone->front();
  chat.end.text = alone->back();
  if (!whole)
    return differs(three);
  const std::string &asks = alone->back(), &given = (*whole)[1];
  chat.end.text = commonPrefix(asks, given);
  chat.ask = asks.substr(chat.end.text.size());
  chat.answer = given.substr(chat.end.text.size());
  chat.next.text = (*whole)[2];
  chat.noAnswer = chat.answer; // the same for now
  // Until it is known better.
  chat.begin.picture = chat.begin.text;
  chat.next.picture = chat.next.text;
  chat.end.picture = chat.end.text;
  return explains(one) && explains(three) ? true : differs(three);
}

bool PieceFinder::findSystem() {
  const Conversation one = {system(kSystem), user(kFirst)};
  const Conversation two = {system(kSystem), user(kFirst), answer(kReply), user(kSecond)};
  const auto pieces = piecesOf(one, {kSystem, kFirst});
  if (!pieces)
    return true; // it takes none
  chat.system.emplace();
  chat.system->before = (*pieces)[0];
  chat.system->after = {(*pieces)[1], (*pieces)[1]};
  if (!explains(one) || !explains(two))
    refuseSystem();
  return true;
}

/// Without a system text the template is explained all the same.
void PieceFinder::refuseSystem() {
  chat.system.reset();
  warnings.push_back("it writes a system text in a way that bluec does not: --system is refused");
}

bool PieceFinder::findPictures() {
  if (!hasPictures())
    return true;
  if (!takesPictures()) {
    warnings.push_back("it takes no pictures: they stand where a question has " +
                       inQuotes(chat.imageToken) + ", or before it");
    return true;
  }
  const std::string &image = chat.imageToken;
  const Message front = {Role::User, {picture(), text(kFirst)}};
  const Message behind = {Role::User, {text(kFirst), picture()}};
  const auto one = piecesOf({front}, {image, kFirst});
  if (!one) {
    const std::optional<std::string> found = renderer.render({front});
    return fail("expected a picture as " + inQuotes(image) + ", found " +
                inQuotes(found ? *found : renderer.fault()));
  }
  chat.begin.picture = (*one)[0];
  chat.pictureText = (*one)[1];
  chat.picturesFirst = renderer.render({behind}) == renderer.render({front});

  const Conversation many = {{Role::User, {picture(), picture(), text(kFirst)}}};
  const std::optional<std::string> text = renderer.render(many);
  const size_t first = text ? text->find(image) : std::string::npos;
  const size_t second = first == std::string::npos ? first : text->find(image, first + 1);
  if (second == std::string::npos)
    return differs(many);
  chat.picturePicture = text->substr(first + image.size(), second - first - image.size());

  if (chat.picturesFirst) {
    const auto texts =
        piecesOf({{Role::User, {chat::text(kFirst), picture(), chat::text(kSecond)}}},
                 {image, kFirst, kSecond});
    if (texts)
      chat.textText = (*texts)[2];
  } else if (const auto pieces = piecesOf({behind}, {kFirst, image})) {
    chat.textPicture = (*pieces)[1];
  }
  // A turn of pictures only ends like one in which the last item is a picture.
  const Conversation alone = {{Role::User, {picture()}}};
  const auto ends = piecesOf(alone, {image});
  if (!ends || !ends->back().ends_with(chat.ask))
    return differs(alone);
  chat.end.picture = ends->back().substr(0, ends->back().size() - chat.ask.size());
  const Conversation later = {
      user(kFirst), answer(kReply), {Role::User, {picture(), chat::text(kSecond)}}};
  const auto next = piecesOf(later, {kFirst, kReply, image, kSecond});
  if (!next)
    return differs(later);
  chat.next.picture = (*next)[2];
  if (chat.system) {
    const auto pieces = piecesOf({system(kSystem), front}, {kSystem, image, kFirst});
    if (!pieces)
      return differs({system(kSystem), front});
    chat.system->after.picture = (*pieces)[1];
  }
  return true;
}

/// `probeOf`: the conversation in which somebody says what it is given.
bool PieceFinder::findTrims(Trims &trims, auto probeOf) {
  const std::vector<std::string> spaces = {" ", "\n", "\n ", " \n", "\u00a0\t\n"};
  for (Trim left : {Trim::None, Trim::Newlines, Trim::Spaces})
    for (Trim right : {Trim::None, Trim::Newlines, Trim::Spaces}) {
      trims = {left, right};
      if (std::all_of(spaces.begin(), spaces.end(), [&](const std::string &space) {
            return explains(probeOf(space + "Xq7" + space + "Zy" + space));
          }))
        return true;
    }
  trims = {};
  return differs(probeOf(" Xq7 Zy "));
}

bool PieceFinder::findTrims() {
  // A template trims each text, or what it has made of all of them.
  const auto probeOf = [&](std::string said) {
    if (!takesPictures())
      return Conversation{user(said)};
    return Conversation{{Role::User, {text(said), picture(), text(said), picture(), text(said)}}};
  };
  for (bool ofTurn : {false, true}) {
    chat.trimsTurn = ofTurn;
    if (findTrims(chat.userTrims, probeOf))
      break;
    if (ofTurn || !takesPictures())
      return false;
  }
  const auto behindSystem = [](std::string said) {
    return Conversation{system(kSystem), user(said)};
  };
  if (chat.system &&
      (!findTrims(chat.system->trims, opened) || !findTrims(chat.system->textTrims, behindSystem)))
    refuseSystem();
  return findTrims(chat.answerTrims, answered);
}

/// What stands for an answer of which nothing stays. Without it such an answer is refused.
void PieceFinder::findNoAnswer() {
  const std::optional<std::string> text = renderer.render(answered(""));
  const std::string before = chat.begin.text + kFirst + chat.end.text;
  const std::string behind = chat.next.text + kSecond + chat.end.text + chat.ask;
  chat.noAnswer.reset();
  const std::string &mark = chat.answerMark;
  if (text && text->size() >= before.size() + behind.size() && text->starts_with(before) &&
      text->ends_with(behind))
    chat.noAnswer = text->substr(before.size(), text->size() - before.size() - behind.size());
  for (const std::string &said : {std::string(" "), std::string("\n"), mark, "Xq8" + mark + "\n"})
    if (chat.noAnswer && !explains(answered(said)))
      chat.noAnswer.reset();
}

/// Reasoning goes from answers that are over, and the white space behind it. The shortest constant
/// that parts an answer is the mark: longer ones may hold it.
void PieceFinder::findAnswerMark() {
  std::vector<std::string> candidates = literals;
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto &a, const auto &b) { return a.size() < b.size(); });
  for (const std::string &literal : candidates) {
    if (isBlank(literal) || explains(answered("Xq7" + literal + "Zy")))
      continue;
    chat.answerMark = literal;
    const auto probeOf = [&](const std::string &said) { return answered("Xq8" + literal + said); };
    for (runtime::Part part :
         {runtime::Part::Last, runtime::Part::BehindFirst, runtime::Part::Second}) {
      chat.answerPart = part;
      if (findTrims(chat.markedTrims, probeOf) &&
          explains(answered("a" + literal + "b" + literal + "c")))
        return;
    }
    forgetAnswerMark();
  }
}

void PieceFinder::forgetAnswerMark() {
  chat.answerMark.clear();
  chat.answerPart = runtime::Part::Last;
  chat.markedTrims = {};
}

/// Those of the template's string constants to which it gives a meaning where they are said.
template <typename ProbesOf> std::vector<std::string> PieceFinder::findReserved(ProbesOf probesOf) {
  const auto isPlain = [&](const std::string &said) {
    const std::vector<Conversation> probes = probesOf(said);
    return std::all_of(probes.begin(), probes.end(),
                       [&](const Conversation &probe) { return explains(probe); });
  };
  std::vector<std::string> words, reserved;
  for (const std::string &literal : literals)
    if (!isBlank(literal) && !(hasPictures() && literal.find(chat.imageToken) != literal.npos))
      words.push_back(literal);
  const auto isReserved = [&](const std::string &word) {
    return std::find(reserved.begin(), reserved.end(), word) != reserved.end();
  };
  for (const std::string &word : words)
    for (const std::string &said :
         {word, word + kReply, kReply + word, kReply + word + kNextReply,
          kReply + " " + word + " " + kNextReply, kReply + "\n" + word + "\n" + kNextReply})
      if (!isReserved(word) && !isPlain(said))
        reserved.push_back(word);
  // What begins with one and ends with another, as results of tools do.
  constexpr size_t kMostPaired = 48;
  words.resize(std::min(words.size(), kMostPaired));
  for (const std::string &front : words)
    for (const std::string &back : words)
      if (!isReserved(front) && !isReserved(back) && !isPlain(front + kReply + back))
        reserved.push_back(front);
  return reserved;
}

void PieceFinder::findOddTexts() {
  using Probes = std::vector<Conversation>;
  findAnswerMark();
  findNoAnswer();
  chat.reservedInAnswer = findReserved([&](const std::string &said) {
    // What is refused at once needs no explanation.
    return runtime::keptAnswer(chat, said).ok() ? Probes{answered(said)} : Probes();
  });
  // Answers with a mark that has a reserved text in it are refused anyway.
  if (std::any_of(chat.reservedInAnswer.begin(), chat.reservedInAnswer.end(),
                  [&](const std::string &word) { return chat.answerMark.find(word) != word.npos; }))
    forgetAnswerMark();
  // Whether reasoning goes may depend on what the question behind it is taken for.
  const std::string reasoned = "Xq8" + chat.answerMark + kReply;
  chat.reservedInText = findReserved([&](const std::string &said) {
    return Probes{{user(said)}, {user(kFirst), answer(reasoned), user(said)}};
  });
  chat.needsText = !explains({user("")}) || !explains({user(" \n")});
  if (!chat.system)
    return;
  chat.system->reserved =
      findReserved([](const std::string &said) { return Probes{opened(said)}; });
  chat.system->needsText = !explains(opened(" \n"));
}

/// Today's date is one of the conversation's beginning, as strftime() of C writes it too, and
/// nothing is computed from it.
bool PieceFinder::checkDates() {
  for (const std::string *piece :
       {&chat.next.text, &chat.next.picture, &chat.end.text, &chat.end.picture, &chat.ask,
        &chat.answer, &chat.textText, &chat.textPicture, &chat.pictureText, &chat.picturePicture})
    if (piece->find(runtime::kDateMark) != std::string::npos)
      return fail("expected a date in the conversation's beginning only, found one in " +
                  inQuotes(*piece));
  for (const std::string &format : renderer.formats())
    for (size_t at = format.find('%'); at < format.size(); at = format.find('%', at + 2))
      if (at + 1 == format.size() ||
          std::string_view("aAbBcdDeFHIjmMpSTuUwWxXyY%-").find(format[at + 1]) ==
              std::string_view::npos)
        return fail("expected a date that C's strftime() writes as Python's, found " +
                    inQuotes(format));
  if (renderer.formats().empty())
    return true;
  constexpr std::time_t kOneDay = 1'000'000'000, kAnother = 1'721'995'200;
  for (std::time_t now : {kOneDay, kAnother})
    for (const Conversation &probe : {Conversation{user(kFirst)}, opened(kSystem)}) {
      if (probe.front().role == Role::System && !chat.system)
        continue;
      renderer.now = now;
      const std::optional<std::string> dated = renderer.render(probe);
      renderer.now.reset();
      const std::optional<std::string> written = write(chat, probe);
      if (!dated || !written || *dated != runtime::withDates(*written, now))
        return fail("expected a date that is only written, found one that is computed with");
    }
  return true;
}

/// A long text, many turns, and many pictures in one.
bool PieceFinder::checkLongOnes(const std::string &odd) {
  constexpr int kMany = 60;
  std::string text;
  Conversation turns;
  Message items = {Role::User, {}};
  for (int i = 0; i < kMany; ++i) {
    text += "Word " + std::to_string(i) + ". " + odd;
    if (i > 0)
      turns.push_back(answer("Xq4"));
    turns.push_back(user("Xq1"));
    items.items.push_back(i % 2 == 0 ? chat::text("Xq1") : picture());
  }
  std::vector<Conversation> probes = {{user(text)}, answered(text), turns};
  if (takesPictures())
    probes.push_back({items});
  for (const Conversation &probe : probes)
    if (!explainsOrRefuses(probe))
      return differs(probe);
  if (chat.system && !explainsOrRefuses(opened(text)))
    refuseSystem();
  return true;
}

/// A last look, at conversations that nothing was derived from.
bool PieceFinder::checkConversations() {
  uint64_t state = 1;
  const auto random = [&](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  const bool withPictures = takesPictures();
  constexpr int kProbes = 64, kMostTurns = 5, kMostItems = 4;
  const std::string odd = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ a  b\n\nc\td\r\ne";
  const std::vector<std::string> texts = {"Xq7",           " Zy\n",    "Two\nlines.",
                                          "\u00e9 \u4e2d", "1. a\n\n", odd};
  if (!checkLongOnes(odd))
    return false;
  for (int i = 0; i < kProbes; ++i) {
    Conversation probe;
    if (chat.system && random(2))
      probe.push_back(system(texts[random(texts.size())]));
    for (uint64_t turns = 1 + random(kMostTurns); turns > 0; --turns) {
      Message message = {Role::User, {}};
      for (uint64_t items = 1 + random(withPictures ? kMostItems : 1); items > 0; --items) {
        const bool afterText = !message.items.empty() && !message.items.back().isPicture;
        if (withPictures && (afterText || random(2)))
          message.items.push_back(picture());
        else
          message.items.push_back(text(texts[random(texts.size())]));
      }
      probe.push_back(std::move(message));
      if (turns > 1)
        probe.push_back(answer(texts[random(texts.size())]));
    }
    if (explainsOrRefuses(probe))
      continue;
    if (probe.front().role != Role::System || !chat.system)
      return differs(probe);
    refuseSystem();
  }
  return true;
}

} // namespace

std::optional<runtime::ChatTemplate> bluec::chat::findPieces(const TemplateSource &source,
                                                             std::vector<std::string> &warnings,
                                                             std::string &fault) {
  if (source.text.find(runtime::kDateMark) != std::string::npos) {
    fault = "expected no character of code 26, found one";
    return std::nullopt;
  }
  const std::optional<jinja::Template> parsed = jinja::Template::parse(source.text, fault);
  if (!parsed)
    return std::nullopt;
  PieceFinder finder(*parsed, source, warnings);
  if (finder.find())
    return std::move(finder.chat);
  fault = std::move(finder.fault);
  return std::nullopt;
}
