#include "compiler/import/tokenizer/Regex.h"

#include "runtime/text/Unicode.h"

#include <array>
#include <map>
#include <optional>

namespace bluec::tokenizer {
namespace {

using runtime::Code;
using runtime::Result;
using runtime::Status;

constexpr int kMostLevels = 64;
constexpr std::size_t kMostInstructions = 1000, kMostStates = 1000, kMostSets = 64;
// Expressions of published tokenizers have some 400 characters, and need some 100,000 steps.
constexpr std::size_t kMostCharacters = 4000, kMostSteps = 10'000'000;
constexpr std::uint32_t kLongS = 0x17f, kKelvin = 0x212a;

bool isAsciiLetter(std::uint32_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool isAsciiDigit(std::uint32_t c) { return c >= '0' && c <= '9'; }

CodePointSet spaces() { return CodePointSet::ofCategory("Z"); }

// \s: White_Space.
CodePointSet whiteSpace() {
  CodePointSet set = spaces();
  set.add(CodePointSet::of('\t', '\r'));
  set.add(CodePointSet::of(0x85, 0x85));
  return set;
}

// Whether the characters of two sets in a row could match one character that is not in ASCII, such
// as "ss" and the German sharp s.
bool foldTogether(const CodePointSet &first, const CodePointSet &second) {
  constexpr std::array<std::string_view, 5> kPairs = {"ss", "st", "ff", "fi", "fl"};
  return std::any_of(kPairs.begin(), kPairs.end(), [&](std::string_view pair) {
    return first.contains(std::uint32_t(pair[0])) && second.contains(std::uint32_t(pair[1]));
  });
}

class PatternParser {
public:
  explicit PatternParser(std::string_view text) {
    while (!text.empty()) {
      const runtime::Decoded next = runtime::decodeUtf8(text);
      characters.push_back(next.valid ? next.codePoint : 0xfffd);
      text.remove_prefix(next.bytes);
    }
  }

  Result<Pattern> parse() {
    if (characters.size() > kMostCharacters)
      return Status(Code::InvalidArgument, "expected at most " + std::to_string(kMostCharacters) +
                                               " characters, found " +
                                               std::to_string(characters.size()));
    Pattern pattern = alternatives(0);
    if (fault.empty() && at < characters.size())
      fail("an expression", shown());
    if (!fault.empty())
      return Status(Code::InvalidArgument, fault);
    return pattern;
  }

private:
  bool atEnd() const { return at >= characters.size(); }
  std::uint32_t peek(std::size_t ahead = 0) const {
    return at + ahead < characters.size() ? characters[at + ahead] : 0;
  }
  bool take(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (at + i >= characters.size() || characters[at + i] != std::uint8_t(text[i]))
        return false;
    at += text.size();
    return true;
  }
  std::string shown() const {
    std::string text;
    for (std::size_t i = at; i < std::min(at + 4, characters.size()); ++i)
      runtime::appendUtf8(text, characters[i]);
    return atEnd() ? "the end" : runtime::inQuotes(text);
  }
  void fail(const std::string &expected, const std::string &found) {
    if (fault.empty())
      fault =
          "at character " + std::to_string(at + 1) + ": expected " + expected + ", found " + found;
  }
  bool failed() const { return !fault.empty(); }

  Pattern alternatives(int level) {
    if (level > kMostLevels)
      fail("at most " + std::to_string(kMostLevels) + " levels of groups", "more");
    std::vector<Pattern> parts;
    do
      parts.push_back(row(level));
    while (!failed() && take("|"));
    return parts.size() == 1 ? std::move(parts.front()) : Pattern::either(std::move(parts));
  }

  Pattern row(int level) {
    std::vector<Pattern> parts;
    while (!failed() && !atEnd() && peek() != '|' && peek() != ')') {
      Pattern part = quantified(level);
      if (anyCase && !parts.empty() && parts.back().kind == Pattern::Kind::One &&
          part.kind == Pattern::Kind::One && foldTogether(parts.back().set, part.set))
        fail("no letters in (?i:..) that fold to one character", shown());
      parts.push_back(std::move(part));
    }
    return Pattern::row(std::move(parts));
  }

  Pattern quantified(int level) {
    Pattern part = atom(level);
    while (!failed() && !atEnd()) {
      std::uint32_t least = 0, most = Pattern::kUnbounded;
      const std::size_t before = at;
      const bool isInterval = peek() == '{';
      if (take("*")) {
      } else if (take("+")) {
        least = 1;
      } else if (take("?")) {
        most = 1;
      } else if (!isInterval || !interval(least, most)) {
        at = before;
        break;
      }
      if (part.kind == Pattern::Kind::Ahead || part.kind == Pattern::Kind::NotAhead)
        fail("no quantifier of a lookahead", shown());
      part = Pattern::repeat(std::move(part), least, most);
      if (isInterval && peek() == '?')
        fail("a greedy quantifier", shown());
      else if (!isInterval && peek() == '+')
        fail("a quantifier that is not possessive", shown());
      else if (take("?"))
        part.isLazy = true;
    }
    return part;
  }

  // {3} {3,} {,3} {1,3}; false when it is none and stands for itself.
  bool interval(std::uint32_t &least, std::uint32_t &most) {
    take("{");
    const std::optional<std::uint32_t> low = number();
    if (take("}")) {
      least = most = low.value_or(0);
      return low.has_value();
    }
    if (!take(","))
      return false;
    const std::optional<std::uint32_t> high = number();
    if (!take("}") || (!low && !high))
      return false;
    least = low.value_or(0);
    most = high.value_or(Pattern::kUnbounded);
    if (most < least)
      fail("an interval that ascends", shown());
    return true;
  }

  std::optional<std::uint32_t> number() {
    std::optional<std::uint32_t> value;
    for (; isAsciiDigit(peek()); ++at) {
      value = value.value_or(0) * 10 + (peek() - '0');
      if (*value > kMostInstructions) {
        fail("at most " + std::to_string(kMostInstructions) + " repetitions", shown());
        break;
      }
    }
    return value;
  }

  Pattern atom(int level) {
    if (peek() == '(')
      return group(level);
    if (peek() == '[')
      return Pattern::one(folded(characterClass(level)));
    if (take("."))
      return Pattern::one(CodePointSet::of('\n', '\n').complement());
    if (peek() == '\\')
      return Pattern::one(folded(escape()));
    constexpr std::string_view kRefused = "^$*+?";
    if (peek() < 0x80 && kRefused.find(char(peek())) != kRefused.npos)
      fail("a character, class or group", shown());
    const std::uint32_t c = peek();
    ++at;
    return Pattern::one(folded(CodePointSet::of(c, c)));
  }

  Pattern group(int level) {
    const bool outer = anyCase;
    std::optional<Pattern::Kind> lookahead;
    if (take("(?i:"))
      anyCase = true;
    else if (take("(?="))
      lookahead = Pattern::Kind::Ahead;
    else if (take("(?!"))
      lookahead = Pattern::Kind::NotAhead;
    else if (!take("(?:") && peek(1) == '?')
      fail("(..), (?:..), (?i:..), (?=..) or (?!..)", shown());
    else if (peek() == '(')
      ++at;
    Pattern inner;
    if (!failed())
      inner = alternatives(level + 1);
    if (!failed() && !take(")"))
      fail("')'", shown());
    anyCase = outer;
    if (!lookahead || failed())
      return inner;
    if (inner.kind != Pattern::Kind::One)
      fail("one character in a lookahead", "more or less");
    inner.kind = *lookahead;
    return inner;
  }

  CodePointSet folded(CodePointSet set) {
    if (!anyCase || failed())
      return set;
    CodePointSet result = set;
    for (const CodePointRange &range : set.all()) {
      if (range.last >= 0x80) {
        fail("only characters of ASCII in (?i:..)", "others");
        break;
      }
      for (std::uint32_t c = range.first; c <= range.last; ++c) {
        if (!isAsciiLetter(c))
          continue;
        result.add(CodePointSet::of(c ^ 0x20, c ^ 0x20));
        if ((c | 0x20) == 's')
          result.add(CodePointSet::of(kLongS, kLongS));
        if ((c | 0x20) == 'k')
          result.add(CodePointSet::of(kKelvin, kKelvin));
      }
    }
    return result;
  }

  CodePointSet characterClass(int level) {
    if (level > kMostLevels)
      fail("at most " + std::to_string(kMostLevels) + " levels of classes", "more");
    take("[");
    const bool isNegated = take("^");
    CodePointSet set;
    if (peek() == ']')
      fail("a class with characters", shown());
    while (!failed() && !take("]")) {
      if (atEnd()) {
        fail("']'", "the end");
        break;
      }
      if (peek() == '&' && peek(1) == '&') {
        fail("a class without '&&'", shown());
        break;
      }
      if (peek() == '[') {
        if (peek(1) == ':')
          fail("a class without [:..:]", shown());
        else
          set.add(characterClass(level + 1));
        continue;
      }
      const std::size_t from = at;
      const CodePointSet first = member();
      const bool isOne = first.all().size() == 1 && first.all()[0].first == first.all()[0].last;
      // A '-' between two characters makes a range; elsewhere it stands for itself.
      if (!failed() && isOne && peek() == '-' && peek(1) != ']' && at + 1 < characters.size() &&
          characters[from] != '-') {
        ++at;
        const CodePointSet last = member();
        const bool ascends = last.all().size() == 1 && last.all()[0].first == last.all()[0].last &&
                             last.all()[0].first >= first.all()[0].first;
        if (!failed() && !ascends)
          fail("a range that ascends", "another");
        if (!failed())
          set.add(CodePointSet::of(first.all()[0].first, last.all()[0].first));
        continue;
      }
      set.add(first);
    }
    return isNegated ? set.complement() : set;
  }

  CodePointSet member() {
    if (peek() == '\\')
      return escape();
    const std::uint32_t c = peek();
    ++at;
    return CodePointSet::of(c, c);
  }

  CodePointSet escape() {
    const std::size_t from = at;
    take("\\");
    const std::uint32_t c = peek();
    ++at;
    const auto character = [](std::uint32_t value) { return CodePointSet::of(value, value); };
    switch (c) {
    case 'n':
      return character('\n');
    case 'r':
      return character('\r');
    case 't':
      return character('\t');
    case 'f':
      return character('\f');
    case 'v':
      return character('\v');
    case 's':
      return whiteSpace();
    case 'S':
      return whiteSpace().complement();
    case 'd':
      return CodePointSet::ofCategory("Nd");
    case 'D':
      return CodePointSet::ofCategory("Nd").complement();
    case 'w':
      return CodePointSet(unicodeSets.words);
    case 'W':
      return CodePointSet(unicodeSets.words).complement();
    case 'p':
    case 'P':
      return property(c == 'P', from);
    case 'u':
      if (const std::optional<std::uint32_t> value = hexadecimal(4, 4))
        return character(*value);
      break;
    case 'x':
      if (take("{")) {
        const std::optional<std::uint32_t> value = hexadecimal(1, 6);
        if (value && take("}"))
          return character(*value);
      } else if (const std::optional<std::uint32_t> value = hexadecimal(2, 2); value < 0x80) {
        if (value)
          return character(*value);
      }
      break;
    default:
      if (at <= characters.size() && !isAsciiLetter(c) && !isAsciiDigit(c))
        return character(c);
    }
    at = from;
    fail("an escape that bluec knows", shown());
    return {};
  }

  std::optional<std::uint32_t> hexadecimal(int least, int most) {
    std::uint32_t value = 0;
    int digits = 0;
    for (; digits < most; ++digits, ++at) {
      const std::uint32_t c = peek();
      if (isAsciiDigit(c))
        value = value * 16 + (c - '0');
      else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        value = value * 16 + ((c | 0x20) - 'a' + 10);
      else
        break;
    }
    if (digits < least || value > kLastCodePoint)
      return std::nullopt;
    return value;
  }

  CodePointSet property(bool isNegated, std::size_t from) {
    std::string name;
    bool isWhole = take("{");
    isNegated ^= take("^");
    while (isWhole && !atEnd() && peek() != '}' && name.size() < 32)
      runtime::appendUtf8(name, characters[at++]);
    isWhole = isWhole && take("}");
    const CodePointSet set = name.size() <= 2 ? CodePointSet::ofCategory(name) : CodePointSet();
    if (!isWhole || set.empty()) {
      at = from;
      fail("a general category in \\p{..}", runtime::inQuotes(name));
    }
    return isNegated ? set.complement() : set;
  }

  std::vector<std::uint32_t> characters;
  std::size_t at = 0;
  bool anyCase = false;
  std::string fault;
};

// Sets of a pattern, each once.
void collectSets(const Pattern &pattern, std::vector<CodePointSet> &sets) {
  if (!pattern.set.empty() || pattern.kind == Pattern::Kind::One)
    if (std::find(sets.begin(), sets.end(), pattern.set) == sets.end())
      sets.push_back(pattern.set);
  for (const Pattern &part : pattern.parts)
    collectSets(part, sets);
}

// Classes of code points that no set tells apart.
struct Classes {
  std::vector<CodePointSet> sets;
  std::vector<std::uint32_t> starts;     // code point << 8 | class
  std::vector<std::uint64_t> membership; // of each class: bits of the sets that it is in

  // False when there are too many.
  bool make() {
    if (sets.size() > kMostSets)
      return false;
    // Where a set begins or ends.
    std::map<std::uint32_t, std::uint64_t> changes;
    changes[0];
    for (std::size_t i = 0; i < sets.size(); ++i)
      for (const CodePointRange &range : sets[i].all()) {
        changes[range.first] ^= std::uint64_t(1) << i;
        if (range.last < kLastCodePoint)
          changes[range.last + 1] ^= std::uint64_t(1) << i;
      }
    std::uint64_t bits = 0;
    for (const auto &[codePoint, change] : changes) {
      if (change == 0 && codePoint != 0)
        continue;
      bits ^= change;
      const auto found = std::find(membership.begin(), membership.end(), bits);
      const std::size_t index = std::size_t(found - membership.begin());
      if (found == membership.end())
        membership.push_back(bits);
      if (membership.size() > 255)
        return false;
      starts.push_back(codePoint << 8 | std::uint32_t(index));
    }
    return true;
  }

  std::size_t indexOf(const CodePointSet &set) const {
    return std::size_t(std::find(sets.begin(), sets.end(), set) - sets.begin());
  }
  std::uint32_t count() const { return std::uint32_t(membership.size()) + 1; } // with the end's
};

// A pattern as instructions that are followed in parallel, the first one first.
class Instructions {
public:
  struct Instruction {
    enum class Kind { One, Fork, Ahead, NotAhead, Match } kind;
    std::size_t set = 0;               // of the classes
    std::size_t first = 0, second = 0; // Fork: where it goes on; the others go on behind them
  };

  Instructions(const Pattern &pattern, const Classes &classes) : classes(classes) {
    emit(pattern);
    add(Instruction::Kind::Match);
  }

  bool isTooLong() const { return all.size() > kMostInstructions; }
  const Instruction &operator[](std::size_t i) const { return all[i]; }
  std::size_t size() const { return all.size(); }

private:
  std::size_t add(Instruction::Kind kind) {
    all.push_back({kind});
    return all.size() - 1;
  }

  void emit(const Pattern &pattern) {
    if (isTooLong())
      return;
    switch (pattern.kind) {
    case Pattern::Kind::Nothing:
      return;
    case Pattern::Kind::One:
      all[add(Instruction::Kind::One)].set = classes.indexOf(pattern.set);
      return;
    case Pattern::Kind::Ahead:
    case Pattern::Kind::NotAhead: {
      const bool isNot = pattern.kind == Pattern::Kind::NotAhead;
      all[add(isNot ? Instruction::Kind::NotAhead : Instruction::Kind::Ahead)].set =
          classes.indexOf(pattern.set);
      return;
    }
    case Pattern::Kind::Row:
      for (const Pattern &part : pattern.parts)
        emit(part);
      return;
    case Pattern::Kind::Either:
      emitEither(pattern);
      return;
    case Pattern::Kind::Repeat:
      emitRepeat(pattern);
      return;
    }
  }

  void emitEither(const Pattern &pattern) {
    std::vector<std::size_t> jumps;
    for (std::size_t i = 0; i + 1 < pattern.parts.size(); ++i) {
      const std::size_t fork = add(Instruction::Kind::Fork);
      emit(pattern.parts[i]);
      jumps.push_back(add(Instruction::Kind::Fork));
      all[fork].first = fork + 1;
      all[fork].second = all.size();
    }
    emit(pattern.parts.back());
    for (std::size_t jump : jumps)
      all[jump].first = all[jump].second = all.size();
  }

  void emitRepeat(const Pattern &pattern) {
    const auto aim = [&](std::size_t fork, std::size_t inside, std::size_t behind) {
      all[fork].first = pattern.isLazy ? behind : inside;
      all[fork].second = pattern.isLazy ? inside : behind;
    };
    for (std::uint32_t i = 0; i < pattern.least && !isTooLong(); ++i)
      emit(pattern.parts[0]);
    if (pattern.most == Pattern::kUnbounded) {
      const std::size_t fork = add(Instruction::Kind::Fork);
      emit(pattern.parts[0]);
      const std::size_t jump = add(Instruction::Kind::Fork);
      all[jump].first = all[jump].second = fork;
      aim(fork, fork + 1, all.size());
      return;
    }
    std::vector<std::size_t> forks;
    for (std::uint32_t i = pattern.least; i < pattern.most && !isTooLong(); ++i) {
      forks.push_back(add(Instruction::Kind::Fork));
      emit(pattern.parts[0]);
    }
    for (std::size_t fork : forks)
      aim(fork, fork + 1, all.size());
  }

  const Classes &classes;
  std::vector<Instruction> all;
};

// Follows all instructions at once: a state is where they are, in the order of their priority.
class MachineBuilder {
public:
  MachineBuilder(const Instructions &instructions, const Classes &classes)
      : instructions(instructions), classes(classes) {}

  Status build(std::vector<std::uint16_t> &transitions, std::uint32_t &count) {
    stateOf({}); // which never matches
    stateOf({0});
    std::vector<std::uint16_t> rows;
    for (std::size_t state = 0; state < states.size(); ++state) {
      if (states.size() > kMostStates)
        return {Code::InvalidArgument,
                "expected at most " + std::to_string(kMostStates) + " states, found more"};
      if (steps > kMostSteps)
        return {Code::InvalidArgument, "expected a simpler expression, found one that takes more "
                                       "than " +
                                           std::to_string(kMostSteps) + " steps"};
      for (std::uint32_t ofNext = 0; ofNext < classes.count(); ++ofNext) {
        const auto [next, isMatch] = follow(*states[state], ofNext);
        if (state == 1 && isMatch)
          return {Code::InvalidArgument, "expected no match of an empty text, found one"};
        rows.push_back(std::uint16_t(stateOf(next) << 1 | std::size_t(isMatch)));
      }
    }
    count = std::uint32_t(states.size());
    transitions.insert(transitions.end(), rows.begin(), rows.end());
    return {};
  }

private:
  using Places = std::vector<std::size_t>;

  std::size_t stateOf(const Places &places) {
    const auto [found, isNew] = numbers.emplace(places, states.size());
    if (isNew)
      states.push_back(&found->first);
    return found->second;
  }

  // Where `places` go with a character of a class, and whether they match before it.
  std::pair<Places, bool> follow(const Places &places, std::uint32_t ofNext) {
    const bool isEnd = ofNext == classes.count() - 1;
    const auto isIn = [&](std::size_t set) {
      return !isEnd && (classes.membership[ofNext] >> set & 1);
    };
    Places next;
    std::vector<char> seen(instructions.size()), taken(instructions.size() + 1);
    for (std::size_t place : places) {
      Places stack = {place};
      while (!stack.empty()) {
        const std::size_t at = stack.back();
        stack.pop_back();
        ++steps;
        if (std::exchange(seen[at], 1))
          continue;
        const Instructions::Instruction &each = instructions[at];
        switch (each.kind) {
        case Instructions::Instruction::Kind::One:
          if (isIn(each.set) && !std::exchange(taken[at + 1], 1))
            next.push_back(at + 1);
          break;
        case Instructions::Instruction::Kind::Fork:
          stack.push_back(each.second);
          stack.push_back(each.first);
          break;
        case Instructions::Instruction::Kind::Ahead:
          if (isIn(each.set))
            stack.push_back(at + 1);
          break;
        case Instructions::Instruction::Kind::NotAhead:
          if (!isIn(each.set))
            stack.push_back(at + 1);
          break;
        case Instructions::Instruction::Kind::Match:
          return {next, true}; // what comes after has less priority
        }
      }
    }
    return {next, false};
  }

  const Instructions &instructions;
  const Classes &classes;
  std::size_t steps = 0;
  std::map<Places, std::size_t> numbers;
  std::vector<const Places *> states;
};

Status addMachine(const Pattern &pattern, const Classes &classes, Machines::Tables &tables) {
  const Instructions instructions(pattern, classes);
  if (instructions.isTooLong())
    return {Code::InvalidArgument,
            "expected at most " + std::to_string(kMostInstructions) + " parts, found more"};
  MachineBuilder builder(instructions, classes);
  runtime::TextMachine machine{std::uint32_t(tables.transitions.size()), 0};
  BLUEC_RETURN_IF_ERROR(builder.build(tables.transitions, machine.states));
  tables.machines.push_back(machine);
  return {};
}

Result<Machines::Tables> buildAll(std::span<const Pattern> patterns) {
  Classes classes;
  for (const Pattern &pattern : patterns)
    collectSets(pattern, classes.sets);
  if (!classes.make())
    return Status(Code::InvalidArgument,
                  "expected at most " + std::to_string(kMostSets) + " classes, found more");
  Machines::Tables tables;
  for (const Pattern &pattern : patterns)
    BLUEC_RETURN_IF_ERROR(addMachine(pattern, classes, tables));
  tables.classes = classes.count();
  tables.classStarts = classes.starts;
  for (std::uint32_t c = 0, run = 0; c < 128; ++c) {
    while (run + 1 < classes.starts.size() && classes.starts[run + 1] >> 8 <= c)
      ++run;
    tables.asciiClasses.push_back(std::uint8_t(classes.starts[run] & 0xff));
  }
  return tables;
}

bool areEqual(const Pattern &a, const Pattern &b) {
  return a.kind == b.kind && a.set == b.set && a.least == b.least && a.most == b.most &&
         a.isLazy == b.isLazy &&
         std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(), areEqual);
}

} // namespace

Pattern Pattern::one(CodePointSet set) {
  Pattern result;
  result.kind = Kind::One;
  result.set = std::move(set);
  return result;
}

Pattern Pattern::row(std::vector<Pattern> parts) {
  if (parts.size() == 1)
    return std::move(parts.front());
  Pattern result;
  result.kind = Kind::Row;
  result.parts = std::move(parts);
  return result;
}

Pattern Pattern::either(std::vector<Pattern> parts) {
  Pattern result;
  result.kind = Kind::Either;
  result.parts = std::move(parts);
  return result;
}

Pattern Pattern::repeat(Pattern part, std::uint32_t least, std::uint32_t most) {
  Pattern result;
  result.kind = Kind::Repeat;
  result.parts.push_back(std::move(part));
  result.least = least;
  result.most = most;
  return result;
}

Pattern Pattern::literal(std::string_view text) {
  std::vector<Pattern> parts;
  for (std::size_t at = 0; at < text.size();) {
    const runtime::Decoded next = runtime::decodeUtf8(text.substr(at));
    parts.push_back(one(CodePointSet::of(next.codePoint, next.codePoint)));
    at += next.bytes;
  }
  return row(std::move(parts));
}

Result<Pattern> parsePattern(std::string_view expression) {
  return PatternParser(expression).parse();
}

// Unicode's rules GB3 to GB13, but for GB9c, which no cluster of less than six bytes needs.
Pattern graphemeCluster() {
  const auto of = [](Cluster cluster) { return Pattern::one(CodePointSet::ofCluster(cluster)); };
  const auto some = [](Pattern part) { return Pattern::repeat(std::move(part), 1); };
  const auto any = [](Pattern part) { return Pattern::repeat(std::move(part), 0); };
  constexpr std::uint32_t kJoiner = 0x200d;
  const CodePointSet joiner = CodePointSet::of(kJoiner, kJoiner);
  CodePointSet controls = CodePointSet::ofCluster(Cluster::Control);
  controls.add(CodePointSet::of('\r', '\r'));
  controls.add(CodePointSet::of('\n', '\n'));
  CodePointSet after = CodePointSet::ofCluster(Cluster::Extend);
  after.add(CodePointSet::ofCluster(Cluster::SpacingMark));
  after.add(joiner);

  const Pattern pictograph = Pattern::one(CodePointSet(unicodeSets.pictographs));
  const Pattern syllable = Pattern::row(
      {any(of(Cluster::L)),
       Pattern::either({some(of(Cluster::V)), Pattern::row({of(Cluster::LV), any(of(Cluster::V))}),
                        of(Cluster::LVT)}),
       any(of(Cluster::T))});
  const Pattern core = Pattern::either(
      {syllable, some(of(Cluster::L)), some(of(Cluster::T)),
       Pattern::row(
           {of(Cluster::RegionalIndicator), Pattern::repeat(of(Cluster::RegionalIndicator), 0, 1)}),
       Pattern::row({pictograph, any(Pattern::row({any(of(Cluster::Extend)), Pattern::one(joiner),
                                                   pictograph}))}),
       Pattern::one(controls.complement())});
  const Pattern rest = any(Pattern::one(after));
  return Pattern::either({Pattern::literal("\r\n"), Pattern::one(controls),
                          Pattern::row({any(of(Cluster::Prepend)), core, rest})});
}

Result<std::uint32_t> Machines::add(const Pattern &pattern) {
  for (std::size_t i = 0; i < patterns.size(); ++i)
    if (areEqual(patterns[i], pattern))
      return std::uint32_t(i);
  // Alone first: what is wrong with it is its own fault.
  if (Result<Tables> alone = buildAll(std::span(&pattern, 1)); !alone.ok())
    return alone.status();
  patterns.push_back(pattern);
  return std::uint32_t(patterns.size() - 1);
}

Result<Machines::Tables> Machines::build() const {
  if (patterns.empty())
    return Tables();
  return buildAll(patterns);
}

} // namespace bluec::tokenizer
