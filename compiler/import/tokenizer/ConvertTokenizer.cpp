#include "compiler/import/tokenizer/ConvertTokenizer.h"

#include "compiler/base/JsonReader.h"
#include "runtime/abi/TokenizerFormat.h"
#include "runtime/platform/MappedFile.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

namespace bluec::tokenizer {
namespace {

using namespace bluec::runtime;

constexpr JsonLimits kFileLimits = {std::size_t(256) << 20, /*depth=*/64, /*values=*/8'000'000};
constexpr const char *kFileName = "tokenizer.json", *kConfigName = "tokenizer_config.json";

// `at` is the value of `file` that is at fault, or null.
Status bad(const JsonValue &at, const std::string &message, const char *file = kFileName) {
  return {Code::InvalidArgument, jsonPlaceText(file, at.place()) + ": " + message};
}

Status unsupported(const JsonValue &at, const std::string &place, const std::string &expected,
                   const std::string &found) {
  return bad(at, place + ": expected " + expected + ", found " + inQuotes(found));
}

// Nothing, and a line in `fault`, for what is no object.
std::optional<JsonValue> parseObject(std::string_view text, const char *name, std::string &fault) {
  std::optional<JsonValue> json = parseJson(text, name, kFileLimits, fault);
  if (!json || json->isObject())
    return json;
  fault = jsonPlaceText(name, json->place()) + ": expected an object, found " +
          JsonReader::shown(*json);
  return std::nullopt;
}

// Member `key` of an object; null when it is absent or `json` is no object.
const JsonValue &member(const JsonValue &json, const char *key) {
  static const JsonValue none;
  const JsonValue *found = json.find(key);
  return found ? *found : none;
}

// Values of a list; none of what is no list.
const JsonValue::Array &valuesOf(const JsonValue &json) {
  static const JsonValue::Array none;
  return json.array() ? *json.array() : none;
}

bool isTrue(const JsonValue &json, const char *key, bool absent = false) {
  const bool *value = member(json, key).boolean();
  return value ? *value : absent;
}

std::string textOf(const JsonValue &json, const char *key) {
  const std::string *value = member(json, key).string();
  return value ? *value : std::string();
}

// An id, or nothing.
std::optional<std::uint32_t> idOf(std::optional<std::int64_t> value) {
  if (!value || *value < 0 || *value > 0x7ffffffe)
    return std::nullopt;
  return std::uint32_t(*value);
}

// The byte-level alphabet: each byte as one printable character. Printable Latin-1 stands for
// itself, the 68 others are counted up from U+0100.
class ByteAlphabet {
public:
  ByteAlphabet() {
    std::uint32_t next = 0x100;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
      const std::uint32_t codePoint = printable ? byte : next++;
      bytes[codePoint] = std::uint8_t(byte);
      appendUtf8(names[byte], codePoint);
    }
  }

  const std::string &name(std::uint32_t byte) const { return names[byte]; }

  // The bytes that a token's name stands for; nothing when a character is not of the alphabet.
  std::optional<std::string> decode(std::string_view name) const {
    std::string text;
    for (std::size_t at = 0; at < name.size();) {
      const Decoded next = decodeUtf8(name.substr(at));
      auto found = next.valid ? bytes.find(next.codePoint) : bytes.end();
      if (found == bytes.end())
        return std::nullopt;
      text += char(found->second);
      at += next.bytes;
    }
    return text;
  }

private:
  std::array<std::string, 256> names;
  std::map<std::uint32_t, std::uint8_t> bytes;
};

struct Token {
  std::string bytes;
  std::uint8_t kind = 0;
  bool known = false;   // some token has this id
  bool inModel = false; // it is one of the model's, and of the alphabet
};

class Converter {
public:
  explicit Converter(std::int64_t vocabularySize) : vocabularySize(vocabularySize) {}

  Status read(const JsonValue &root, const JsonValue &config) {
    const JsonValue &model = member(root, "model");
    BLUEC_RETURN_IF_ERROR(readModelOptions(model));
    BLUEC_RETURN_IF_ERROR(readVocabulary(member(model, "vocab")));
    BLUEC_RETURN_IF_ERROR(readBytes(model));
    BLUEC_RETURN_IF_ERROR(readMerges(member(model, "merges")));
    BLUEC_RETURN_IF_ERROR(readNormalizer(member(root, "normalizer")));
    BLUEC_RETURN_IF_ERROR(readPreTokenizer(member(root, "pre_tokenizer")));
    BLUEC_RETURN_IF_ERROR(
        readAddedTokens(member(root, "added_tokens"), member(config, "added_tokens_decoder")));
    return readPostProcessor(member(root, "post_processor"));
  }

  std::vector<std::uint8_t> write() const;

  std::string before, after; // what the post-processor adds

private:
  Status readModelOptions(const JsonValue &model) {
    if (!model.isObject())
      return bad(model, "model: expected an object");
    const std::string type = textOf(model, "type");
    if (!type.empty() && type != "BPE")
      return unsupported(member(model, "type"), "model.type", "'BPE'", type);
    if (isTrue(model, "byte_fallback"))
      return unsupported(member(model, "byte_fallback"), "model.byte_fallback",
                         "false: a byte-level alphabet", "true");
    const JsonValue &dropout = member(model, "dropout");
    if (!dropout.isNull() && dropout.number() != 0)
      return unsupported(dropout, "model.dropout", "null", dropout.text());
    for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!textOf(model, key).empty())
        return unsupported(member(model, key), std::string("model.") + key, "none",
                           textOf(model, key));
    if (isTrue(model, "ignore_merges"))
      flags |= TokenizerIgnoresMerges;
    return {};
  }

  Status fits(const JsonValue &at, std::uint32_t id, const std::string &name,
              const char *file = kFileName) const {
    if (id < vocabularySize)
      return {};
    return bad(at,
               "token " + inQuotes(name) + " does not fit the model: expected an id below " +
                   "config.json's vocab_size of " + std::to_string(vocabularySize) + ", found " +
                   std::to_string(id),
               file);
  }

  Token &tokenAt(std::uint32_t id) {
    if (id >= tokens.size())
      tokens.resize(std::size_t(id) + 1);
    return tokens[id];
  }

  Status readVocabulary(const JsonValue &vocabulary) {
    if (!vocabulary.isObject() || vocabulary.object()->empty())
      return bad(vocabulary, "model.vocab: expected an object with tokens");
    for (const auto &[name, value] : *vocabulary.object()) {
      const std::optional<std::uint32_t> id = idOf(value.integer());
      if (!id)
        return bad(value, "model.vocab: " + inQuotes(name) + ": expected an id");
      BLUEC_RETURN_IF_ERROR(fits(value, *id, name));
      Token &token = tokenAt(*id);
      if (token.known)
        return bad(value,
                   "model.vocab: expected each id once, found " + std::to_string(*id) + " twice");
      const std::optional<std::string> bytes = alphabet.decode(name);
      token.known = true;
      token.inModel = bytes.has_value();
      token.bytes = bytes ? *bytes : name;
      ids.emplace(name, *id);
    }
    return {};
  }

  Status readBytes(const JsonValue &model) {
    const std::string unknown = textOf(model, "unk_token");
    const auto unknownId = ids.find(unknown);
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      if (auto found = ids.find(alphabet.name(byte)); found != ids.end()) {
        byteTokens[byte] = std::int32_t(found->second);
        continue;
      }
      // The reference leaves such bytes out, or writes the unknown token for them.
      byteTokens[byte] = unknownId == ids.end() ? -1 : std::int32_t(unknownId->second);
      if (unknownId != ids.end() && isTrue(model, "fuse_unk"))
        return bad(member(model, "fuse_unk"),
                   "model.fuse_unk: expected false for a vocabulary without byte " +
                       std::to_string(byte) + ", found true");
    }
    if (std::all_of(byteTokens.begin(), byteTokens.end(), [](std::int32_t id) { return id < 0; }))
      return bad(member(model, "vocab"),
                 "model.vocab: expected tokens of a byte-level alphabet, found none");
    return {};
  }

  Status readMerges(const JsonValue &list) {
    if (!list.array())
      return bad(list, "model.merges: expected a list");
    for (const JsonValue &value : *list.array()) {
      std::string left, right;
      const std::string place = "model.merges[" + std::to_string(merges.size()) + "]";
      const JsonValue::Array &pair = valuesOf(value);
      if (const std::string *text = value.string()) {
        const std::size_t space = text->find(' ');
        if (space == text->npos || text->find(' ', space + 1) != text->npos)
          return unsupported(value, place, "two tokens with a space between them", *text);
        left = text->substr(0, space);
        right = text->substr(space + 1);
      } else if (pair.size() == 2 && pair[0].string() && pair[1].string()) {
        left = *pair[0].string();
        right = *pair[1].string();
      } else {
        return bad(value, place + ": expected a pair of tokens");
      }
      TokenizerMerge merge{};
      const std::pair<const std::string, std::uint32_t *> parts[] = {
          {left, &merge.left}, {right, &merge.right}, {left + right, &merge.result}};
      for (const auto &[name, id] : parts) {
        auto found = ids.find(name);
        if (found == ids.end())
          return unsupported(value, place, "tokens of the vocabulary", name);
        *id = found->second;
      }
      merges.push_back(merge);
    }
    return {};
  }

  Status readNormalizer(const JsonValue &normalizer) {
    if (normalizer.isNull())
      return {};
    const std::string type = textOf(normalizer, "type");
    if (type == "NFC") {
      flags |= TokenizerNfc;
      return {};
    }
    const JsonValue &parts = member(normalizer, "normalizers");
    if (type != "Sequence" || !parts.array())
      return unsupported(normalizer, "normalizer", "none or 'NFC'", type);
    for (const JsonValue &part : *parts.array()) {
      if (textOf(part, "type") != "NFC")
        return unsupported(part, "normalizer", "none or 'NFC'", textOf(part, "type"));
      flags |= TokenizerNfc;
    }
    return {};
  }

  Status readPreTokenizer(const JsonValue &preTokenizer) {
    std::vector<const JsonValue *> parts;
    if (textOf(preTokenizer, "type") == "Sequence") {
      for (const JsonValue &part : valuesOf(member(preTokenizer, "pretokenizers")))
        parts.push_back(&part);
    } else {
      parts.push_back(&preTokenizer);
    }
    // The alphabet has to come last: what follows would see its characters and not the text's.
    if (parts.empty() || textOf(*parts.back(), "type") != "ByteLevel")
      return unsupported(preTokenizer, "pre_tokenizer", "'ByteLevel' at its end",
                         parts.empty() ? "" : textOf(*parts.back(), "type"));
    for (const JsonValue *part : parts)
      BLUEC_RETURN_IF_ERROR(readStage(*part, part == parts.back()));
    return {};
  }

  Status readStage(const JsonValue &part, bool last) {
    const std::string type = textOf(part, "type");
    if (type == "ByteLevel" && last) {
      if (isTrue(part, "add_prefix_space")) {
        if (!stages.empty())
          return bad(part, "pre_tokenizer.add_prefix_space: expected false after another "
                           "pre-tokenizer, found true");
        flags |= TokenizerPrefixSpace;
      }
      return isTrue(part, "use_regex", true) ? addStage(part, SplitStage::Gpt2) : Status();
    }
    if (type == "Digits")
      return addStage(part, isTrue(part, "individual_digits") ? SplitStage::DigitsIndividual
                                                              : SplitStage::DigitsTogether);
    if (type == "Split")
      return readSplit(part);
    return unsupported(part, "pre_tokenizer", "'Split', 'Digits' or a last 'ByteLevel'", type);
  }

  Status readSplit(const JsonValue &part) {
    const std::string behavior = textOf(part, "behavior");
    const bool inverted = isTrue(part, "invert");
    // Every character belongs to some match of the expressions below, so cutting matches out and
    // keeping nothing but matches are the same.
    if (!(behavior == "Isolated" && !inverted) && !(behavior == "Removed" && inverted))
      return unsupported(part, "pre_tokenizer.behavior", "'Isolated'", behavior);
    const std::string expression = textOf(member(part, "pattern"), "Regex");
    static const std::pair<const char *, SplitStage> known[] = {
        {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
         SplitStage::Gpt2},
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
         R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
         SplitStage::Llama3},
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
         R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
         SplitStage::Qwen2},
    };
    for (const auto &[text, stage] : known)
      if (expression == text)
        return addStage(part, stage);
    return unsupported(part, "pre_tokenizer.pattern",
                       "the regular expression of GPT-2, Llama 3 or Qwen 2", expression);
  }

  Status addStage(const JsonValue &part, SplitStage stage) {
    if (stages.size() == kMaxSplitStages)
      return bad(part,
                 "pre_tokenizer: expected at most " + std::to_string(kMaxSplitStages) + " stages");
    stages.push_back(stage);
    return {};
  }

  Status readAddedTokens(const JsonValue &list, const JsonValue &byId) {
    if (!list.isNull() && !list.array())
      return bad(list, "added_tokens: expected a list");
    std::set<std::uint32_t> listed;
    for (const JsonValue &value : valuesOf(list)) {
      const std::optional<std::uint32_t> id = idOf(member(value, "id").integer());
      if (!id)
        return bad(value, "added_tokens: expected an id for " + inQuotes(textOf(value, "content")));
      listed.insert(*id);
      BLUEC_RETURN_IF_ERROR(addToken(*id, value, kFileName));
    }
    // The config repeats them, and sometimes has more. What it says of one counts, as in
    // transformers.
    if (byId.isObject()) {
      for (const auto &[key, value] : *byId.object()) {
        std::int64_t number = -1;
        const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), number);
        const bool isNumber = code == std::errc() && end == key.data() + key.size();
        const std::optional<std::uint32_t> id = idOf(isNumber ? number : -1);
        if (!id)
          return bad(value, "added_tokens_decoder: expected an id, found " + inQuotes(key),
                     kConfigName);
        if (listed.contains(*id))
          BLUEC_RETURN_IF_ERROR(changeToken(*id, value));
        else
          BLUEC_RETURN_IF_ERROR(addToken(*id, value, kConfigName));
      }
    }
    std::sort(added.begin(), added.end(), [&](std::uint32_t a, std::uint32_t b) {
      const std::string &left = tokens[a].bytes, &right = tokens[b].bytes;
      return left.size() != right.size() ? left.size() > right.size() : left < right;
    });
    return {};
  }

  Status readPostProcessor(const JsonValue &json) {
    const std::string type = textOf(json, "type");
    if (json.isNull() || type == "ByteLevel") // which trims offsets
      return {};
    if (type == "Sequence") {
      for (const JsonValue &part : valuesOf(member(json, "processors")))
        BLUEC_RETURN_IF_ERROR(readPostProcessor(part));
      return {};
    }
    if (!before.empty() || !after.empty())
      return bad(json, "post_processor: expected one that adds tokens, found two");
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      BLUEC_RETURN_IF_ERROR(addPair(member(json, "cls"), before));
      return addPair(member(json, "sep"), after);
    }
    if (type != "TemplateProcessing")
      return unsupported(json, "post_processor",
                         "'ByteLevel', 'TemplateProcessing', 'BertProcessing', "
                         "'RobertaProcessing' or a 'Sequence' of them",
                         type);
    int texts = 0;
    for (const JsonValue &piece : valuesOf(member(json, "single"))) {
      if (piece.find("Sequence")) {
        ++texts;
        continue;
      }
      const std::string name = textOf(member(piece, "SpecialToken"), "id");
      const JsonValue &ids = member(member(member(json, "special_tokens"), name.c_str()), "ids");
      const JsonValue::Array &values = valuesOf(ids);
      BLUEC_RETURN_IF_ERROR(addAround(piece, name,
                                      values.size() == 1 ? values[0].integer() : std::nullopt,
                                      texts == 0 ? before : after));
    }
    if (texts != 1)
      return unsupported(json, "post_processor.single", "the text once",
                         std::to_string(texts) + " times");
    return {};
  }

  // ["<s>", 0]
  Status addPair(const JsonValue &pair, std::string &to) {
    const JsonValue::Array &values = valuesOf(pair);
    const bool isPair = values.size() == 2 && values[0].string();
    return addAround(pair, isPair ? *values[0].string() : std::string(),
                     isPair ? values[1].integer() : std::nullopt, to);
  }

  Status addAround(const JsonValue &at, const std::string &name, std::optional<std::int64_t> id,
                   std::string &to) {
    if (std::none_of(added.begin(), added.end(), [&](std::uint32_t each) {
          return tokens[each].bytes == name && id == std::int64_t(each);
        }))
      return unsupported(at, "post_processor", "an added token with its id", name);
    to += name;
    return {};
  }

  Status addToken(std::uint32_t id, const JsonValue &value, const char *file) {
    const std::string content = textOf(value, "content");
    BLUEC_RETURN_IF_ERROR(fits(value, id, content, file));
    const auto wrong = [&](const std::string &what) {
      return bad(value, "added_tokens: " + what, file);
    };
    if (content.empty())
      return wrong("expected a text for token " + std::to_string(id) + ", found none");
    if (auto found = ids.find(content); found != ids.end() && found->second != id)
      return wrong(inQuotes(content) + ": expected id " + std::to_string(found->second) +
                   " as in model.vocab, found " + std::to_string(id));
    Token &token = tokenAt(id);
    if (token.known && !ids.contains(content))
      return wrong("expected each id once, found " + std::to_string(id) + " twice");
    token.known = true;
    token.bytes = content; // found in text as it stands
    added.push_back(id);
    return readKind(token, value, file);
  }

  // What tokenizer_config.json says of a token that tokenizer.json has.
  Status changeToken(std::uint32_t id, const JsonValue &value) {
    Token &token = tokenAt(id);
    if (textOf(value, "content") != token.bytes)
      return bad(value,
                 "added_tokens_decoder: expected " + inQuotes(token.bytes) + " for token " +
                     std::to_string(id) + " as in tokenizer.json, found " +
                     inQuotes(textOf(value, "content")),
                 kConfigName);
    return readKind(token, value, kConfigName);
  }

  Status readKind(Token &token, const JsonValue &value, const char *file) {
    if (isTrue(value, "single_word"))
      return bad(value,
                 "added_tokens: " + inQuotes(token.bytes) +
                     ": expected single_word false, found 'true'",
                 file);
    const bool isSpecial = isTrue(value, "special");
    token.kind = TokenAdded;
    if (isSpecial)
      token.kind |= TokenSpecial;
    if (isTrue(value, "lstrip"))
      token.kind |= TokenStripsLeft;
    if (isTrue(value, "rstrip"))
      token.kind |= TokenStripsRight;
    if (isTrue(value, "normalized", /*absent=*/!isSpecial))
      token.kind |= TokenNormalized;
    return {};
  }

  const ByteAlphabet alphabet;
  std::int64_t vocabularySize;
  std::uint32_t flags = 0;
  std::vector<Token> tokens;                          // by id
  std::unordered_map<std::string, std::uint32_t> ids; // the model's tokens by name
  std::array<std::int32_t, 256> byteTokens{};
  std::vector<TokenizerMerge> merges;
  std::vector<SplitStage> stages;
  std::vector<std::uint32_t> added;
};

// Appends sections at multiples of 8 bytes.
class TableWriter {
public:
  TableWriter() : table(sizeof(TokenizerHeader)) {}

  template <typename T> TokenizerSection append(const T *values, std::size_t count) {
    table.resize((table.size() + 7) / 8 * 8);
    const TokenizerSection section{table.size(), count * sizeof(T)};
    const auto *from = reinterpret_cast<const std::uint8_t *>(values);
    table.insert(table.end(), from, from + section.bytes);
    return section;
  }

  std::vector<std::uint8_t> finish(TokenizerHeader header) {
    table.resize((table.size() + 7) / 8 * 8);
    header.fileBytes = table.size();
    std::memcpy(table.data(), &header, sizeof header);
    return std::move(table);
  }

private:
  std::vector<std::uint8_t> table;
};

// Half of the slots at most are used, so that probes stay short and one is always empty.
std::vector<std::uint32_t> makeSlots(std::size_t entries) {
  return std::vector<std::uint32_t>(std::bit_ceil(entries * 2 + 1), kEmptySlot);
}

// The slot that holds what `same` recognises, or the empty one where it belongs.
template <typename Same>
std::uint32_t &findSlot(std::vector<std::uint32_t> &slots, std::uint64_t hash, Same same) {
  const std::size_t mask = slots.size() - 1;
  std::size_t slot = hash & mask;
  while (slots[slot] != kEmptySlot && !same(slots[slot]))
    slot = (slot + 1) & mask;
  return slots[slot];
}

std::vector<std::uint8_t> Converter::write() const {
  std::vector<std::uint32_t> offsets;
  std::string bytes;
  std::vector<std::uint8_t> kinds;
  for (const Token &token : tokens) {
    offsets.push_back(std::uint32_t(bytes.size()));
    bytes += token.bytes;
    kinds.push_back(token.kind);
  }
  offsets.push_back(std::uint32_t(bytes.size()));

  std::vector<std::uint32_t> mergeSlots = makeSlots(merges.size());
  for (std::uint32_t rank = 0; rank < merges.size(); ++rank) {
    const TokenizerMerge &merge = merges[rank];
    // Of two merges of the same pair the reference keeps the last.
    findSlot(mergeSlots, hashPair(merge.left, merge.right), [&](std::uint32_t other) {
      return merges[other].left == merge.left && merges[other].right == merge.right;
    }) = rank;
  }

  // Special tokens are left out: no word of a user's text may turn into one.
  const bool wholeWords = flags & TokenizerIgnoresMerges;
  std::vector<std::uint32_t> wordSlots = makeSlots(wholeWords ? tokens.size() : 0);
  for (std::uint32_t id = 0; wholeWords && id < tokens.size(); ++id)
    if (tokens[id].inModel && !(tokens[id].kind & TokenSpecial))
      findSlot(wordSlots, hashBytes(tokens[id].bytes),
               [&](std::uint32_t other) { return tokens[other].bytes == tokens[id].bytes; }) = id;

  TokenizerHeader header{};
  header.magic = kTokenizerMagic;
  header.version = kTokenizerVersion;
  header.tokens = std::uint32_t(tokens.size());
  header.flags = flags;
  std::copy(stages.begin(), stages.end(), header.stages);
  TableWriter writer;
  header.tokenOffsets = writer.append(offsets.data(), offsets.size());
  header.tokenBytes = writer.append(bytes.data(), bytes.size());
  header.tokenKinds = writer.append(kinds.data(), kinds.size());
  header.byteTokens = writer.append(byteTokens.data(), byteTokens.size());
  header.merges = writer.append(merges.data(), merges.size());
  header.mergeSlots = writer.append(mergeSlots.data(), mergeSlots.size());
  header.wordSlots = writer.append(wordSlots.data(), wordSlots.size());
  header.addedTokens = writer.append(added.data(), added.size());
  return writer.finish(header);
}

} // namespace

Result<ConvertedTokenizer> convertTokenizerText(std::string_view tokenizer, std::string_view config,
                                                std::int64_t vocabularySize) {
  try {
    std::string fault;
    const std::optional<JsonValue> root = parseObject(tokenizer, kFileName, fault);
    std::optional<JsonValue> options = JsonValue(JsonValue::Object());
    if (root && !config.empty())
      options = parseObject(config, kConfigName, fault);
    if (!root || !options)
      return Status(Code::InvalidArgument, fault);
    Converter converter(vocabularySize);
    BLUEC_RETURN_IF_ERROR(converter.read(*root, *options));
    return ConvertedTokenizer{converter.write(), converter.before, converter.after};
  } catch (const std::exception &error) {
    return bad(JsonValue(), std::string("cannot be converted: ") + error.what());
  }
}

Result<ConvertedTokenizer> convertTokenizer(const std::string &tokenizerPath,
                                            const std::string &configPath,
                                            std::int64_t vocabularySize) {
  Result<std::string> tokenizer = readFile(tokenizerPath, kFileLimits.bytes);
  if (!tokenizer.ok())
    return tokenizer.status();
  std::string config;
  if (!configPath.empty()) {
    Result<std::string> read = readFile(configPath, kFileLimits.bytes);
    if (read.ok())
      config = std::move(*read);
    else if (read.status().getCode() != Code::NotFound)
      return read.status();
  }
  return convertTokenizerText(*tokenizer, config, vocabularySize);
}

} // namespace bluec::tokenizer
