#include "text/TextProgram.h"

#include "text/Unicode.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace bluec::runtime {
namespace {

Status bad(const std::string &message) { return {Code::BadBundle, "tokenizer.bin: " + message}; }

constexpr std::uint32_t kStripLeft = 1, kStripRight = 2;
// Longer grapheme clusters are looked up character by character, as in the reference.
constexpr std::size_t kLongestCluster = 5;

std::uint32_t lastOption(TextAction action) {
  switch (action) {
  case TextAction::Prepend:
    return std::uint32_t(PrependRule::FirstUnless);
  case TextAction::Replace:
    return 1;
  case TextAction::Strip:
    return kStripLeft | kStripRight;
  case TextAction::Split:
    return std::uint32_t(SplitRule::RemovedBetween);
  default:
    return 0;
  }
}

bool usesMachine(TextAction action) {
  return action == TextAction::Replace || action == TextAction::MapClusters ||
         action == TextAction::Split;
}

bool usesPairs(TextAction action) {
  return action == TextAction::Map || action == TextAction::MapClusters;
}

// The byte-level alphabet.
std::string spell(std::string_view text) {
  std::uint32_t characters[256], next = 0x100;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    characters[byte] = isPrintable ? byte : next++;
  }
  std::string spelled;
  for (char c : text)
    appendUtf8(spelled, characters[std::uint8_t(c)]);
  return spelled;
}

std::string strip(std::string_view text, std::uint32_t sides) {
  if (sides & kStripLeft)
    text.remove_prefix(leadingSpace(text));
  return std::string(sides & kStripRight ? trimRight(text) : text);
}

} // namespace

Status TextProgram::checkOperation(const TextOperation &operation) const {
  if (operation.action < TextAction::Nfc || operation.action > TextAction::Spell ||
      operation.option > lastOption(operation.action))
    return {Code::Incompatible,
            "tokenizer.bin: it changes text in a way that this runtime does not know"};
  if (operation.text.begin > strings.size() ||
      operation.text.bytes > strings.size() - operation.text.begin)
    return bad("section operations leaves section strings");
  if (usesMachine(operation.action) && operation.machine >= machines.size())
    return bad("section operations leaves section machines");
  if (usesPairs(operation.action) &&
      (operation.firstPair > pairs.size() || operation.pairs > pairs.size() - operation.firstPair))
    return bad("section operations leaves section pairs");
  return {};
}

Status TextProgram::check() const {
  for (std::span<const TextOperation> part : {normalizers, splitters})
    for (const TextOperation &operation : part)
      BLUEC_RETURN_IF_ERROR(checkOperation(operation));
  for (const TextOperation &operation : normalizers)
    if (operation.action == TextAction::Split)
      return bad("section operations cuts words too early");
  for (const TextPair &pair : pairs)
    if (pair.value.begin > strings.size() || pair.value.bytes > strings.size() - pair.value.begin)
      return bad("section pairs leaves section strings");
  if (machines.empty())
    return {};
  constexpr std::uint32_t kMostClasses = 256;
  if (classes < 2 || classes > kMostClasses || asciiClasses.size() != 128 || classStarts.empty() ||
      classStarts[0] > 0xff)
    return bad("it has no classes of characters");
  // The last class is no character's.
  const auto isClass = [&](std::uint32_t value) { return value < classes - 1; };
  if (!std::all_of(asciiClasses.begin(), asciiClasses.end(), isClass) ||
      !std::all_of(classStarts.begin(), classStarts.end(),
                   [&](std::uint32_t start) { return isClass(start & 0xff); }) ||
      !std::is_sorted(classStarts.begin(), classStarts.end()))
    return bad("its classes of characters are out of range");
  for (const TextMachine &machine : machines) {
    const std::uint64_t count = std::uint64_t(machine.states) * classes;
    if (machine.states < 2 || machine.firstTransition > transitions.size() ||
        count > transitions.size() - machine.firstTransition)
      return bad("section machines leaves section transitions");
    for (std::uint16_t each : transitions.subspan(machine.firstTransition, std::size_t(count)))
      if (each >> 1 >= machine.states)
        return bad("section transitions holds a state out of range");
  }
  return {};
}

std::uint32_t TextProgram::classOf(std::uint32_t codePoint) const {
  // The last run that begins at or before it; its class fills the lowest byte.
  const auto after =
      std::upper_bound(classStarts.begin(), classStarts.end(), codePoint << 8 | 0xff);
  return *(after - 1) & 0xff;
}

// Where a machine has read on without another match. A text in which every match reads far beyond
// its end would cost the square of its length, if later ones read there once more.
struct TextProgram::DeadEnds {
  // What is read in vain before it is noted down: most machines never come so far.
  static constexpr std::size_t kShort = 32;

  static std::uint64_t keyOf(std::uint32_t state, std::size_t at) {
    return std::uint64_t(at) << 16 | state; // a state has 15 bits
  }

  std::unordered_set<std::uint64_t> known;
  std::vector<std::uint64_t> trail; // since the last match
};

// The end of the match that begins at `at`; `at` when there is none.
std::size_t TextProgram::matchEnd(const TextMachine &machine, std::string_view text, std::size_t at,
                                  DeadEnds &deadEnds) const {
  const std::uint16_t *const rows = transitions.data() + machine.firstTransition;
  deadEnds.trail.clear();
  std::size_t end = at, inVain = 0;
  std::uint32_t state = 1;
  for (std::size_t next = at;;) {
    const bool isEnd = next == text.size();
    std::uint32_t ofNext = classes - 1;
    std::size_t bytes = 1;
    if (!isEnd) {
      if (const std::uint8_t byte = std::uint8_t(text[next]); byte < 0x80) {
        ofNext = asciiClasses[byte];
      } else {
        const Decoded decoded = decodeUtf8(text.substr(next));
        ofNext = classOf(decoded.valid ? decoded.codePoint : 0xfffd);
        bytes = decoded.bytes;
      }
    }
    const std::uint16_t transition = rows[std::size_t(state) * classes + ofNext];
    if (transition & 1) {
      end = next;
      inVain = 0;
      deadEnds.trail.clear();
    } else if (++inVain > DeadEnds::kShort) {
      deadEnds.trail.push_back(DeadEnds::keyOf(state, next));
    }
    state = transition >> 1;
    next += bytes;
    if (state == 0 || isEnd ||
        (!deadEnds.known.empty() && deadEnds.known.contains(DeadEnds::keyOf(state, next))))
      break;
  }
  deadEnds.known.insert(deadEnds.trail.begin(), deadEnds.trail.end());
  return end;
}

// Visits what is between matches, and matches, in order: (begin, end, whether it is a match).
template <typename Visit>
void TextProgram::visitMatches(const TextMachine &machine, std::string_view text,
                               Visit visit) const {
  DeadEnds deadEnds;
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = matchEnd(machine, text, at, deadEnds);
    if (end == at) {
      at += decodeUtf8(text.substr(at)).bytes;
      continue;
    }
    if (plain != at)
      visit(plain, at, false);
    visit(at, end, true);
    plain = at = end;
  }
  if (plain != text.size())
    visit(plain, text.size(), false);
}

// The pair whose key is the shortest prefix of `text` that is one, or null.
const TextPair *TextProgram::findPair(const TextOperation &operation, std::string_view text) const {
  const auto keys = pairs.subspan(operation.firstPair, operation.pairs);
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(text.size(), kLongestCluster); ++i) {
    key |= std::uint64_t(std::uint8_t(text[i])) << (56 - 8 * i);
    const std::uint64_t whole = key | (i + 1);
    const auto found = std::lower_bound(
        keys.begin(), keys.end(), whole,
        [](const TextPair &pair, std::uint64_t value) { return pair.key < value; });
    if (found != keys.end() && found->key == whole)
      return &*found;
  }
  return nullptr;
}

void TextProgram::appendMapped(const TextOperation &operation, std::string_view text,
                               std::string &out) const {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = text.substr(at, decodeUtf8(text.substr(at)).bytes);
    const TextPair *pair = findPair(operation, character);
    out += pair ? string(pair->value) : character;
    at += character.size();
  }
}

std::string TextProgram::apply(const TextOperation &operation, std::string_view text,
                               TextBegin after) const {
  const std::string_view content = string(operation.text);
  std::string out;
  switch (operation.action) {
  case TextAction::Nfc:
    return composeCanonically(text);
  case TextAction::Nfd:
    return decomposeCanonically(text);
  case TextAction::Prepend: {
    const auto rule = PrependRule(operation.option);
    const bool prepends = !text.empty() && after != TextBegin::Continued &&
                          (rule == PrependRule::Always || !text.starts_with(content)) &&
                          (rule != PrependRule::FirstUnless || after == TextBegin::Text);
    if (prepends)
      out = content;
    return out.append(text);
  }
  case TextAction::Replace:
    visitMatches(machines[operation.machine], text,
                 [&](std::size_t begin, std::size_t end, bool isMatch) {
                   if (isMatch)
                     out += content;
                   if (!isMatch || operation.option != 0)
                     out += text.substr(begin, end - begin);
                   if (isMatch && operation.option != 0)
                     out += content;
                 });
    return out;
  case TextAction::Map:
    appendMapped(operation, text, out);
    return out;
  case TextAction::MapClusters:
    visitMatches(machines[operation.machine], text, [&](std::size_t begin, std::size_t end, bool) {
      const std::string_view cluster = text.substr(begin, end - begin);
      const TextPair *pair =
          cluster.size() <= kLongestCluster ? findPair(operation, cluster) : nullptr;
      if (pair)
        out += string(pair->value);
      else
        appendMapped(operation, cluster, out);
    });
    return out;
  case TextAction::Strip:
    return strip(text, operation.option);
  case TextAction::Spell:
    return spell(text);
  case TextAction::Split:
    break;
  }
  return std::string(text);
}

std::string TextProgram::normalize(std::string_view text, TextBegin after) const {
  std::string result(text);
  for (const TextOperation &operation : normalizers)
    result = apply(operation, result, after);
  return result;
}

void TextProgram::split(const TextOperation &operation, Words &words) const {
  const auto rule = SplitRule(operation.option);
  std::vector<Words::Word> parts;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Words::Word word = words.words[i];
    const std::size_t firstPart = parts.size();
    bool wasMatch = false;
    const auto visit = [&](std::size_t begin, std::size_t end, bool isMatch) {
      const bool isFirst = parts.size() == firstPart;
      bool joins = false;
      if (!isFirst) {
        joins = (rule == SplitRule::MergedWithPrevious && isMatch && !wasMatch) ||
                (rule == SplitRule::MergedWithNext && !isMatch && wasMatch) ||
                (rule == SplitRule::Contiguous && isMatch == wasMatch);
      }
      wasMatch = isMatch;
      if ((rule == SplitRule::Removed && isMatch) ||
          (rule == SplitRule::RemovedBetween && !isMatch))
        return;
      if (joins)
        parts.back().end = word.begin + end;
      else
        parts.push_back(
            {word.begin + begin, word.begin + end, begin == 0 ? word.after : TextBegin::Token});
    };
    visitMatches(machines[operation.machine], words[i], visit);
  }
  words.words = std::move(parts);
}

Words TextProgram::cut(std::string_view normalized, TextBegin after) const {
  Words words;
  words.text = normalized;
  if (!normalized.empty())
    words.words.push_back({0, normalized.size(), after});
  for (const TextOperation &operation : splitters) {
    if (operation.action == TextAction::Split) {
      split(operation, words);
      continue;
    }
    Words changed;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::size_t begin = changed.text.size();
      changed.text += apply(operation, words[i], words.words[i].after);
      if (changed.text.size() != begin)
        changed.words.push_back({begin, changed.text.size(), words.words[i].after});
    }
    words = std::move(changed);
  }
  return words;
}

} // namespace bluec::runtime
