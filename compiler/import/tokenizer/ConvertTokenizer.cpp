#include "compiler/import/tokenizer/ConvertTokenizer.h"

#include "runtime/abi/TokenizerFormat.h"
#include "runtime/platform/MappedFile.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

namespace bluec::tokenizer {
namespace {

using Json = nlohmann::json;
using namespace bluec::runtime;

constexpr std::size_t largestFile = std::size_t(256) << 20;
constexpr int deepest = 64; // levels of nesting

Status bad(const std::string &message) {
  return {Code::InvalidArgument, "tokenizer.json: " + message};
}

Status unsupported(const std::string &place, const std::string &expected,
                   const std::string &found) {
  return bad(place + ": expected " + expected + ", found " + inQuotes(found));
}

std::optional<Json> parseObject(std::string_view text) {
  bool tooDeep = false;
  const auto watchDepth = [&](int depth, Json::parse_event_t, Json &) {
    tooDeep |= depth > deepest;
    return !tooDeep;
  };
  Json json = Json::parse(text, watchDepth, /*allow_exceptions=*/false);
  if (json.is_discarded() || tooDeep || !json.is_object())
    return std::nullopt;
  return json;
}

// Member `key` of an object; null when it is absent or `json` is no object.
const Json &member(const Json &json, const char *key) {
  static const Json none;
  if (!json.is_object())
    return none;
  auto found = json.find(key);
  return found == json.end() ? none : *found;
}

bool isTrue(const Json &json, const char *key, bool absent = false) {
  const Json &value = member(json, key);
  return value.is_boolean() ? value.get<bool>() : absent;
}

std::string textOf(const Json &json, const char *key) {
  const Json &value = member(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// An id, or nothing.
std::optional<std::uint32_t> idOf(const Json &value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 0x7ffffffe)
    return std::nullopt;
  return std::uint32_t(value.get<std::uint64_t>());
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

  Status read(const Json &root, const Json &config) {
    const Json &model = member(root, "model");
    BLUEC_RETURN_IF_ERROR(readModelOptions(model));
    BLUEC_RETURN_IF_ERROR(readVocabulary(member(model, "vocab")));
    BLUEC_RETURN_IF_ERROR(readBytes(model));
    BLUEC_RETURN_IF_ERROR(readMerges(member(model, "merges")));
    BLUEC_RETURN_IF_ERROR(readNormalizer(member(root, "normalizer")));
    BLUEC_RETURN_IF_ERROR(readPreTokenizer(member(root, "pre_tokenizer")));
    return readAddedTokens(member(root, "added_tokens"), member(config, "added_tokens_decoder"));
  }

  std::vector<std::uint8_t> write() const;

private:
  Status readModelOptions(const Json &model) {
    if (!model.is_object())
      return bad("model: expected an object");
    const std::string type = textOf(model, "type");
    if (!type.empty() && type != "BPE")
      return unsupported("model.type", "'BPE'", type);
    if (isTrue(model, "byte_fallback"))
      return unsupported("model.byte_fallback", "false: a byte-level alphabet", "true");
    const Json &dropout = member(model, "dropout");
    if (!dropout.is_null() && !(dropout.is_number() && dropout.get<double>() == 0))
      return unsupported("model.dropout", "null", dropout.dump());
    for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!textOf(model, key).empty())
        return unsupported(std::string("model.") + key, "none", textOf(model, key));
    if (isTrue(model, "ignore_merges"))
      flags |= TokenizerIgnoresMerges;
    return {};
  }

  Status fits(std::uint32_t id, const std::string &name) const {
    if (id < vocabularySize)
      return {};
    return bad("token " + inQuotes(name) + " does not fit the model: expected an id below " +
               std::to_string(vocabularySize) + ", found " + std::to_string(id));
  }

  Token &tokenAt(std::uint32_t id) {
    if (id >= tokens.size())
      tokens.resize(std::size_t(id) + 1);
    return tokens[id];
  }

  Status readVocabulary(const Json &vocabulary) {
    if (!vocabulary.is_object() || vocabulary.empty())
      return bad("model.vocab: expected an object with tokens");
    for (const auto &[name, value] : vocabulary.items()) {
      const std::optional<std::uint32_t> id = idOf(value);
      if (!id)
        return bad("model.vocab: " + inQuotes(name) + ": expected an id");
      BLUEC_RETURN_IF_ERROR(fits(*id, name));
      Token &token = tokenAt(*id);
      if (token.known)
        return bad("model.vocab: expected each id once, found " + std::to_string(*id) + " twice");
      const std::optional<std::string> bytes = alphabet.decode(name);
      token.known = true;
      token.inModel = bytes.has_value();
      token.bytes = bytes ? *bytes : name;
      ids.emplace(name, *id);
    }
    return {};
  }

  Status readBytes(const Json &model) {
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
        return bad("model.fuse_unk: expected false for a vocabulary without byte " +
                   std::to_string(byte) + ", found true");
    }
    if (std::all_of(byteTokens.begin(), byteTokens.end(), [](std::int32_t id) { return id < 0; }))
      return bad("model.vocab: expected tokens of a byte-level alphabet, found none");
    return {};
  }

  Status readMerges(const Json &list) {
    if (!list.is_array())
      return bad("model.merges: expected a list");
    for (const Json &value : list) {
      std::string left, right;
      const std::string place = "model.merges[" + std::to_string(merges.size()) + "]";
      if (value.is_string()) {
        const std::string text = value.get<std::string>();
        const std::size_t space = text.find(' ');
        if (space == text.npos || text.find(' ', space + 1) != text.npos)
          return unsupported(place, "two tokens with a space between them", text);
        left = text.substr(0, space);
        right = text.substr(space + 1);
      } else if (value.is_array() && value.size() == 2 && value[0].is_string() &&
                 value[1].is_string()) {
        left = value[0].get<std::string>();
        right = value[1].get<std::string>();
      } else {
        return bad(place + ": expected a pair of tokens");
      }
      TokenizerMerge merge{};
      const std::pair<const std::string, std::uint32_t *> parts[] = {
          {left, &merge.left}, {right, &merge.right}, {left + right, &merge.result}};
      for (const auto &[name, id] : parts) {
        auto found = ids.find(name);
        if (found == ids.end())
          return unsupported(place, "tokens of the vocabulary", name);
        *id = found->second;
      }
      merges.push_back(merge);
    }
    return {};
  }

  Status readNormalizer(const Json &normalizer) {
    if (normalizer.is_null())
      return {};
    const std::string type = textOf(normalizer, "type");
    if (type == "NFC") {
      flags |= TokenizerNfc;
      return {};
    }
    const Json &parts = member(normalizer, "normalizers");
    if (type != "Sequence" || !parts.is_array())
      return unsupported("normalizer", "none or 'NFC'", type);
    for (const Json &part : parts) {
      if (textOf(part, "type") != "NFC")
        return unsupported("normalizer", "none or 'NFC'", textOf(part, "type"));
      flags |= TokenizerNfc;
    }
    return {};
  }

  Status readPreTokenizer(const Json &preTokenizer) {
    std::vector<const Json *> parts;
    if (textOf(preTokenizer, "type") == "Sequence") {
      const Json &list = member(preTokenizer, "pretokenizers");
      if (list.is_array())
        for (const Json &part : list)
          parts.push_back(&part);
    } else {
      parts.push_back(&preTokenizer);
    }
    // The alphabet has to come last: what follows would see its characters and not the text's.
    if (parts.empty() || textOf(*parts.back(), "type") != "ByteLevel")
      return unsupported("pre_tokenizer", "'ByteLevel' at its end",
                         parts.empty() ? "" : textOf(*parts.back(), "type"));
    for (const Json *part : parts)
      BLUEC_RETURN_IF_ERROR(readStage(*part, part == parts.back()));
    return {};
  }

  Status readStage(const Json &part, bool last) {
    const std::string type = textOf(part, "type");
    if (type == "ByteLevel" && last) {
      if (isTrue(part, "add_prefix_space")) {
        if (!stages.empty())
          return bad("pre_tokenizer.add_prefix_space: expected false after another "
                     "pre-tokenizer, found true");
        flags |= TokenizerPrefixSpace;
      }
      return isTrue(part, "use_regex", true) ? addStage(SplitStage::Gpt2) : Status();
    }
    if (type == "Digits")
      return addStage(isTrue(part, "individual_digits") ? SplitStage::DigitsIndividual
                                                        : SplitStage::DigitsTogether);
    if (type == "Split")
      return readSplit(part);
    return unsupported("pre_tokenizer", "'Split', 'Digits' or a last 'ByteLevel'", type);
  }

  Status readSplit(const Json &part) {
    const std::string behavior = textOf(part, "behavior");
    const bool inverted = isTrue(part, "invert");
    // Every character belongs to some match of the expressions below, so cutting matches out and
    // keeping nothing but matches are the same.
    if (!(behavior == "Isolated" && !inverted) && !(behavior == "Removed" && inverted))
      return unsupported("pre_tokenizer.behavior", "'Isolated'", behavior);
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
        return addStage(stage);
    return unsupported("pre_tokenizer.pattern",
                       "the regular expression of GPT-2, Llama 3 or Qwen 2", expression);
  }

  Status addStage(SplitStage stage) {
    if (stages.size() == maxSplitStages)
      return bad("pre_tokenizer: expected at most " + std::to_string(maxSplitStages) + " stages");
    stages.push_back(stage);
    return {};
  }

  Status readAddedTokens(const Json &list, const Json &byId) {
    if (!list.is_null() && !list.is_array())
      return bad("added_tokens: expected a list");
    std::set<std::uint32_t> listed;
    for (const Json &value : list) {
      const std::optional<std::uint32_t> id = idOf(member(value, "id"));
      if (!id)
        return bad("added_tokens: expected an id for " + inQuotes(textOf(value, "content")));
      listed.insert(*id);
      BLUEC_RETURN_IF_ERROR(addToken(*id, value));
    }
    // The config repeats them, and sometimes has more.
    if (byId.is_object()) {
      for (const auto &[key, value] : byId.items()) {
        const Json number = Json::parse(key, nullptr, /*allow_exceptions=*/false);
        const std::optional<std::uint32_t> id = idOf(number);
        if (!id)
          return bad("tokenizer_config.json: added_tokens_decoder: expected an id, found " +
                     inQuotes(key));
        if (!listed.contains(*id))
          BLUEC_RETURN_IF_ERROR(addToken(*id, value));
      }
    }
    std::sort(added.begin(), added.end(), [&](std::uint32_t a, std::uint32_t b) {
      const std::string &left = tokens[a].bytes, &right = tokens[b].bytes;
      return left.size() != right.size() ? left.size() > right.size() : left < right;
    });
    return {};
  }

  Status addToken(std::uint32_t id, const Json &value) {
    const std::string content = textOf(value, "content");
    BLUEC_RETURN_IF_ERROR(fits(id, content));
    if (content.empty())
      return bad("added_tokens: expected a text for token " + std::to_string(id) + ", found none");
    if (isTrue(value, "single_word"))
      return unsupported("added_tokens: " + inQuotes(content), "single_word false", "true");
    if (auto found = ids.find(content); found != ids.end() && found->second != id)
      return bad("added_tokens: " + inQuotes(content) + ": expected id " +
                 std::to_string(found->second) + " as in model.vocab, found " + std::to_string(id));
    Token &token = tokenAt(id);
    if (token.known && !ids.contains(content))
      return bad("added_tokens: expected each id once, found " + std::to_string(id) + " twice");
    token.known = true;
    token.bytes = content; // found in text as it stands
    token.kind = TokenAdded;
    if (isTrue(value, "special"))
      token.kind |= TokenSpecial;
    if (isTrue(value, "lstrip"))
      token.kind |= TokenStripsLeft;
    if (isTrue(value, "rstrip"))
      token.kind |= TokenStripsRight;
    added.push_back(id);
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
  return std::vector<std::uint32_t>(std::bit_ceil(entries * 2 + 1), emptySlot);
}

// The slot that holds what `same` recognises, or the empty one where it belongs.
template <typename Same>
std::uint32_t &findSlot(std::vector<std::uint32_t> &slots, std::uint64_t hash, Same same) {
  const std::size_t mask = slots.size() - 1;
  std::size_t slot = hash & mask;
  while (slots[slot] != emptySlot && !same(slots[slot]))
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
  header.magic = tokenizerMagic;
  header.version = tokenizerVersion;
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

Result<std::vector<std::uint8_t>> convertTokenizerText(std::string_view tokenizer,
                                                       std::string_view config,
                                                       std::int64_t vocabularySize) {
  try {
    const std::optional<Json> root = parseObject(tokenizer);
    if (!root)
      return bad("expected a json object, found something else");
    std::optional<Json> options = Json::object();
    if (!config.empty())
      options = parseObject(config);
    if (!options)
      return Status(Code::InvalidArgument,
                    "tokenizer_config.json: expected a json object, found something else");
    Converter converter(vocabularySize);
    BLUEC_RETURN_IF_ERROR(converter.read(*root, *options));
    return converter.write();
  } catch (const std::exception &error) {
    return bad(std::string("cannot be converted: ") + error.what());
  }
}

Result<std::vector<std::uint8_t>> convertTokenizer(const std::string &tokenizerPath,
                                                   const std::string &configPath,
                                                   std::int64_t vocabularySize) {
  Result<std::string> tokenizer = readFile(tokenizerPath, largestFile);
  if (!tokenizer.ok())
    return tokenizer.status();
  std::string config;
  if (!configPath.empty()) {
    Result<std::string> read = readFile(configPath, largestFile);
    if (read.ok())
      config = std::move(*read);
    else if (read.status().getCode() != Code::NotFound)
      return read.status();
  }
  return convertTokenizerText(*tokenizer, config, vocabularySize);
}

} // namespace bluec::tokenizer
