#include "compiler/import/tokenizer/TextOperations.h"

#include "compiler/import/tokenizer/Charsmap.h"
#include "runtime/text/Unicode.h"

#include <utility>

namespace bluec::tokenizer {

using namespace bluec::runtime;

namespace {

constexpr std::size_t kMostOperations = 32;
constexpr int kMostLevels = 16;
constexpr std::uint32_t kSurrounds = 1; // of Replace

CodePointSet whiteSpace() {
  CodePointSet set = CodePointSet::ofCategory("Z");
  set.add(CodePointSet::of('\t', '\r'));
  set.add(CodePointSet::of(0x85, 0x85));
  return set;
}

// What BertNormalizer puts spaces around.
CodePointSet chineseCharacters() {
  static constexpr CodePointRange kRanges[] = {
      {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
      {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f}};
  return CodePointSet(kRanges);
}

TextPair pairOf(std::string_view key, TextRange value) {
  TextPair pair{key.size(), value};
  for (std::size_t i = 0; i < key.size(); ++i)
    pair.key |= std::uint64_t(std::uint8_t(key[i])) << (56 - 8 * i);
  return pair;
}

// The parts of a 'Sequence' in `list`, those of sequences in it as well.
Status flatten(const JsonValue &json, const char *list, int level,
               std::vector<const JsonValue *> &parts) {
  if (textOf(json, "type") != "Sequence") {
    parts.push_back(&json);
    return {};
  }
  if (!member(json, list).array())
    return bad(json, std::string(list) + ": expected a list");
  if (level > kMostLevels)
    return bad(json, std::string(list) + ": expected at most " + std::to_string(kMostLevels) +
                         " levels, found more");
  for (const JsonValue &part : valuesOf(member(json, list)))
    BLUEC_RETURN_IF_ERROR(flatten(part, list, level + 1, parts));
  return {};
}

std::optional<SplitRule> ruleOf(const std::string &behavior, bool isInverted) {
  if (isInverted && behavior == "Removed")
    return SplitRule::RemovedBetween;
  if (behavior == "Isolated")
    return SplitRule::Isolated;
  if (isInverted)
    return std::nullopt;
  static const std::pair<const char *, SplitRule> kRules[] = {
      {"Removed", SplitRule::Removed},
      {"MergedWithPrevious", SplitRule::MergedWithPrevious},
      {"MergedWithNext", SplitRule::MergedWithNext},
      {"Contiguous", SplitRule::Contiguous}};
  for (const auto &[name, rule] : kRules)
    if (behavior == name)
      return rule;
  return std::nullopt;
}

} // namespace

TextRange TextOperations::addString(std::string_view text) {
  const std::size_t found = texts.find(text);
  return found == texts.npos ? appendString(text)
                             : TextRange{std::uint32_t(found), std::uint32_t(text.size())};
}

TextRange TextOperations::appendString(std::string_view text) {
  const TextRange range{std::uint32_t(texts.size()), std::uint32_t(text.size())};
  texts += text;
  return range;
}

void TextOperations::add(Action action, std::uint32_t option, std::string_view text) {
  operations.push_back({action, option, 0, addString(text), 0, 0});
}

Status TextOperations::addWithMachine(const JsonValue &at, const std::string &place, Action action,
                                      std::uint32_t option, const Pattern &pattern,
                                      std::string_view text) {
  const Result<std::uint32_t> machine = machines.add(pattern);
  if (!machine.ok())
    return bad(at, place + ": " + machine.status().message());
  add(action, option, text);
  operations.back().machine = *machine;
  return {};
}

void TextOperations::addMap(std::span<const CodePointText> map) {
  add(Action::Map);
  operations.back().firstPair = std::uint32_t(replacements.size());
  operations.back().pairs = std::uint32_t(map.size());
  for (const CodePointText &each : map) {
    std::string key;
    appendUtf8(key, each.codePoint);
    replacements.push_back(pairOf(key, appendString(each.text)));
  }
  std::sort(replacements.begin() + std::ptrdiff_t(operations.back().firstPair), replacements.end(),
            [](const TextPair &a, const TextPair &b) { return a.key < b.key; });
}

Status TextOperations::readPattern(const JsonValue &json, const std::string &place,
                                   Pattern &pattern) {
  const JsonValue &value = member(json, "pattern");
  if (const std::string *text = member(value, "String").string()) {
    pattern = Pattern::literal(*text);
    return {};
  }
  const std::string *expression = member(value, "Regex").string();
  if (!expression)
    return bad(json, place + ".pattern: expected {\"String\": ..} or {\"Regex\": ..}");
  Result<Pattern> parsed = parsePattern(*expression);
  if (!parsed.ok())
    return bad(value,
               place + ".pattern: " + inQuotes(*expression) + ": " + parsed.status().message());
  pattern = std::move(*parsed);
  return {};
}

Status TextOperations::readNormalizer(const JsonValue &json) {
  std::vector<const JsonValue *> parts;
  if (!json.isNull())
    BLUEC_RETURN_IF_ERROR(flatten(json, "normalizers", 0, parts));
  for (const JsonValue *part : parts) {
    const std::string type = textOf(*part, "type");
    if (operations.size() > kMostOperations)
      return bad(json, "normalizer: expected at most " + std::to_string(kMostOperations) +
                           " parts, found more");
    if (type == "NFC" || type == "NFD") {
      add(type == "NFC" ? Action::Nfc : Action::Nfd);
    } else if (type == "NFKC" || type == "NFKD") {
      addMap(unicodeMaps.compatible);
      add(type == "NFKC" ? Action::Nfc : Action::Nfd);
    } else if (type == "Lowercase") {
      addMap(unicodeMaps.lowercase);
    } else if (type == "StripAccents") {
      mayShorten = true;
      BLUEC_RETURN_IF_ERROR(addWithMachine(*part, "normalizer", Action::Replace, 0,
                                           Pattern::one(CodePointSet(unicodeSets.accents))));
    } else if (type == "Strip") {
      const bool left = isTrue(*part, "strip_left"), right = isTrue(*part, "strip_right");
      mayShorten |= left;
      add(Action::Strip, std::uint32_t(left) | std::uint32_t(right) << 1);
    } else if (type == "Prepend") {
      if (const std::string text = textOf(*part, "prepend"); !text.empty())
        add(Action::Prepend, std::uint32_t(PrependRule::Always), text);
    } else if (type == "Replace") {
      BLUEC_RETURN_IF_ERROR(readReplace(*part));
    } else if (type == "BertNormalizer") {
      BLUEC_RETURN_IF_ERROR(readBert(*part));
    } else if (type == "Precompiled") {
      BLUEC_RETURN_IF_ERROR(readPrecompiled(*part));
    } else {
      return unsupported(*part, "normalizer",
                         "'NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Strip', "
                         "'Prepend', 'Replace', 'BertNormalizer' or 'Precompiled'",
                         type);
    }
  }
  normalizers = std::uint32_t(operations.size());
  return {};
}

Status TextOperations::readReplace(const JsonValue &json) {
  Pattern pattern;
  BLUEC_RETURN_IF_ERROR(readPattern(json, "normalizer", pattern));
  const std::string content = textOf(json, "content");
  mayShorten |= content.empty();
  return addWithMachine(member(json, "pattern"), "normalizer.pattern", Action::Replace, 0, pattern,
                        content);
}

Status TextOperations::readBert(const JsonValue &json) {
  const auto replace = [&](const CodePointSet &set, std::string_view by, std::uint32_t option = 0) {
    return addWithMachine(json, "normalizer", Action::Replace, option, Pattern::one(set), by);
  };
  mayShorten = true;
  if (isTrue(json, "clean_text", true)) {
    BLUEC_RETURN_IF_ERROR(replace(CodePointSet(unicodeSets.bertRemoved), ""));
    BLUEC_RETURN_IF_ERROR(replace(whiteSpace(), " "));
  }
  if (isTrue(json, "handle_chinese_chars", true))
    BLUEC_RETURN_IF_ERROR(replace(chineseCharacters(), " ", kSurrounds));
  const bool lowercase = isTrue(json, "lowercase", true);
  if (isTrue(json, "strip_accents", lowercase)) {
    add(Action::Nfd);
    BLUEC_RETURN_IF_ERROR(replace(CodePointSet(unicodeSets.bertMarks), ""));
  }
  if (lowercase)
    addMap(unicodeMaps.lowercase);
  return {};
}

Status TextOperations::readPrecompiled(const JsonValue &json) {
  const JsonValue &map = member(json, "precompiled_charsmap");
  const Result<Charsmap> read = readCharsmap(textOf(json, "precompiled_charsmap"));
  if (!read.ok())
    return bad(map, "normalizer.precompiled_charsmap: " + read.status().message());
  mayShorten = true;
  BLUEC_RETURN_IF_ERROR(
      addWithMachine(json, "normalizer", Action::MapClusters, 0, graphemeCluster()));
  const std::uint32_t begin = std::uint32_t(texts.size());
  texts += read->values;
  operations.back().firstPair = std::uint32_t(replacements.size());
  operations.back().pairs = std::uint32_t(read->entries.size());
  for (const Charsmap::Entry &entry : read->entries)
    replacements.push_back(
        pairOf(entry.key, {begin + std::uint32_t(entry.value), std::uint32_t(entry.bytes)}));
  std::sort(replacements.begin() + std::ptrdiff_t(operations.back().firstPair), replacements.end(),
            [](const TextPair &a, const TextPair &b) { return a.key < b.key; });
  return {};
}

Status TextOperations::readPreTokenizer(const JsonValue &json) {
  std::vector<const JsonValue *> parts;
  if (!json.isNull())
    BLUEC_RETURN_IF_ERROR(flatten(json, "pretokenizers", 0, parts));
  for (const JsonValue *part : parts) {
    // What follows sees characters of the alphabet and not the text's.
    if (hasBytes && !isSpelled) {
      add(Action::Spell);
      isSpelled = true;
    }
    if (operations.size() - normalizers > kMostOperations)
      return bad(json, "pre_tokenizer: expected at most " + std::to_string(kMostOperations) +
                           " parts, found more");
    BLUEC_RETURN_IF_ERROR(readStage(*part));
  }
  return {};
}

Status TextOperations::addSplit(const JsonValue &at, SplitRule rule, const Pattern &pattern) {
  return addWithMachine(at, "pre_tokenizer", Action::Split, std::uint32_t(rule), pattern);
}

Status TextOperations::readStage(const JsonValue &json) {
  const std::string type = textOf(json, "type");
  const auto oneOf = [](std::span<const CodePointRange> set) {
    return Pattern::one(CodePointSet(set));
  };
  if (type == "ByteLevel")
    return readByteLevel(json);
  if (type == "Metaspace")
    return readMetaspace(json);
  if (type == "Split")
    return readSplit(json);
  if (type == "Digits")
    return addSplit(json,
                    isTrue(json, "individual_digits") ? SplitRule::Isolated : SplitRule::Contiguous,
                    oneOf(unicodeSets.digits));
  if (type == "Punctuation") {
    const std::string behavior =
        member(json, "behavior").isNull() ? "Isolated" : textOf(json, "behavior");
    const std::optional<SplitRule> rule = ruleOf(behavior, false);
    if (!rule)
      return unsupported(json, "pre_tokenizer.behavior", "one of 'Punctuation'", behavior);
    return addSplit(json, *rule, oneOf(unicodeSets.punctuation));
  }
  if (type == "Whitespace") {
    CodePointSet others(unicodeSets.rustWords);
    others.add(whiteSpace());
    return addSplit(json, SplitRule::RemovedBetween,
                    Pattern::either({Pattern::repeat(oneOf(unicodeSets.rustWords), 1),
                                     Pattern::repeat(Pattern::one(others.complement()), 1)}));
  }
  if (type == "WhitespaceSplit")
    return addSplit(json, SplitRule::Removed, Pattern::one(whiteSpace()));
  if (type == "BertPreTokenizer") {
    BLUEC_RETURN_IF_ERROR(addSplit(json, SplitRule::Removed, Pattern::one(whiteSpace())));
    return addSplit(json, SplitRule::Isolated, oneOf(unicodeSets.punctuation));
  }
  return unsupported(json, "pre_tokenizer",
                     "'ByteLevel', 'Metaspace', 'Split', 'Digits', 'Punctuation', 'Whitespace', "
                     "'WhitespaceSplit' or 'BertPreTokenizer'",
                     type);
}

Status TextOperations::readByteLevel(const JsonValue &json) {
  if (hasBytes)
    return unsupported(json, "pre_tokenizer", "'ByteLevel' once", "it twice");
  hasBytes = true;
  if (isTrue(json, "add_prefix_space"))
    add(Action::Prepend, std::uint32_t(PrependRule::Unless), " ");
  if (!isTrue(json, "use_regex", true))
    return {};
  Result<Pattern> words =
      parsePattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
  if (!words.ok())
    return words.status();
  return addSplit(json, SplitRule::Isolated, *words);
}

Status TextOperations::readMetaspace(const JsonValue &json) {
  const std::string mark = textOf(json, "replacement");
  if (mark.empty() || decodeUtf8(mark).bytes != mark.size())
    return unsupported(json, "pre_tokenizer.replacement", "one character", mark);
  std::string scheme =
      member(json, "prepend_scheme").isNull() ? "always" : textOf(json, "prepend_scheme");
  if (!isTrue(json, "add_prefix_space", true)) {
    if (!member(json, "prepend_scheme").isNull() && scheme != "never")
      return bad(json, "pre_tokenizer.prepend_scheme: expected 'never' with add_prefix_space "
                       "false, found " +
                           inQuotes(scheme));
    scheme = "never";
  }
  BLUEC_RETURN_IF_ERROR(
      addWithMachine(json, "pre_tokenizer", Action::Replace, 0, Pattern::literal(" "), mark));
  if (scheme == "first" && mayShorten)
    return bad(json, "pre_tokenizer.prepend_scheme: expected 'always' or 'never' after a "
                     "normalizer that may take the beginning of a text away, found 'first'");
  if (scheme == "first" || scheme == "always")
    add(Action::Prepend,
        std::uint32_t(scheme == "first" ? PrependRule::FirstUnless : PrependRule::Unless), mark);
  else if (scheme != "never")
    return unsupported(json, "pre_tokenizer.prepend_scheme", "'first', 'always' or 'never'",
                       scheme);
  if (!isTrue(json, "split", true))
    return {};
  return addSplit(json, SplitRule::MergedWithNext, Pattern::literal(mark));
}

Status TextOperations::readSplit(const JsonValue &json) {
  const std::string behavior = textOf(json, "behavior");
  const std::optional<SplitRule> rule = ruleOf(behavior, isTrue(json, "invert"));
  if (!rule)
    return unsupported(json, "pre_tokenizer.behavior",
                       isTrue(json, "invert") ? "'Isolated' or 'Removed' with invert"
                                              : "one of 'Split'",
                       behavior);
  Pattern pattern;
  BLUEC_RETURN_IF_ERROR(readPattern(json, "pre_tokenizer", pattern));
  const JsonValue &value = member(json, "pattern");
  const std::string place = "pre_tokenizer.pattern: " + inQuotes(textOf(value, "Regex"));
  return addWithMachine(value, place, Action::Split, std::uint32_t(*rule), pattern);
}

Status TextOperations::finish() {
  Result<Machines::Tables> tables = machines.build();
  if (!tables.ok())
    return bad(JsonValue(), "normalizer and pre_tokenizer: " + tables.status().message());
  built = std::move(*tables);
  return {};
}

std::string TextOperations::normalize(std::string_view text) const {
  TextProgram program;
  program.normalizers = std::span(operations).first(normalizers);
  program.strings = texts;
  program.pairs = replacements;
  program.machines = built.machines;
  program.transitions = built.transitions;
  program.asciiClasses = built.asciiClasses;
  program.classStarts = built.classStarts;
  program.classes = built.classes;
  return program.normalize(text, TextBegin::Text);
}

} // namespace bluec::tokenizer
