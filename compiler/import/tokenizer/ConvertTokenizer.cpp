#include "compiler/import/tokenizer/ConvertTokenizer.h"

#include "compiler/import/tokenizer/TextOperations.h"
#include "compiler/import/tokenizer/TokenDecoder.h"
#include "compiler/import/tokenizer/TokenizerJson.h"
#include "runtime/abi/TokenizerFormat.h"
#include "runtime/platform/MappedFile.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

namespace bluec::tokenizer {
namespace {

using namespace bluec::runtime;

constexpr JsonLimits kFileLimits = {std::size_t(256) << 20, /*depth=*/64, /*values=*/8'000'000};

// Nothing, and a line in `fault`, for what is no object.
std::optional<JsonValue> parseObject(std::string_view text, const char *name, std::string &fault) {
  std::optional<JsonValue> json = parseJson(text, name, kFileLimits, fault);
  if (!json || json->isObject())
    return json;
  fault = jsonPlaceText(name, json->place()) + ": expected an object, found " +
          JsonReader::shown(*json);
  return std::nullopt;
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
  std::string name;     // as it stands in words; of an added token, what it reads
  std::string bytes;    // what it stands for in a text
  std::string searched; // of an added token that is found in normalised text
  std::uint8_t kind = 0;
  bool known = false;   // some token has this id
  bool inModel = false; // it is one of the model's, and of the alphabet
  bool isNormalized = false;
};

class Converter {
public:
  explicit Converter(std::int64_t vocabularySize) : vocabularySize(vocabularySize) {}

  Status read(const JsonValue &root, const JsonValue &config) {
    const JsonValue &model = member(root, "model");
    if (!model.isObject())
      return bad(model, "model: expected an object");
    BLUEC_RETURN_IF_ERROR(readModelType(model));
    BLUEC_RETURN_IF_ERROR(text.readNormalizer(member(root, "normalizer")));
    BLUEC_RETURN_IF_ERROR(text.readPreTokenizer(member(root, "pre_tokenizer")));
    BLUEC_RETURN_IF_ERROR(text.finish());
    BLUEC_RETURN_IF_ERROR(readModel(model));
    BLUEC_RETURN_IF_ERROR(
        decoder.read(member(root, "decoder"), text.isByteLevel() || text.isInAlphabet()));
    BLUEC_RETURN_IF_ERROR(
        readAddedTokens(member(root, "added_tokens"), member(config, "added_tokens_decoder")));
    BLUEC_RETURN_IF_ERROR(findTexts(member(root, "added_tokens")));
    return readPostProcessor(member(root, "post_processor"));
  }

  std::vector<std::uint8_t> write();

  std::string before, after; // what the post-processor adds

private:
  Status readModelType(const JsonValue &json) {
    const std::string type = textOf(json, "type");
    if (type == "Unigram")
      model = TokenizerModel::Unigram;
    else if (type == "WordPiece")
      model = TokenizerModel::WordPiece;
    else if (type.empty() || type == "BPE")
      model = TokenizerModel::CharacterBpe;
    else
      return unsupported(member(json, "type"), "model.type", "'BPE', 'Unigram' or 'WordPiece'",
                         type);
    return {};
  }

  Status readModel(const JsonValue &json) {
    byteTokens.fill(-1);
    if (text.isByteLevel() && model == TokenizerModel::CharacterBpe)
      model = TokenizerModel::ByteBpe;
    else if (text.isByteLevel())
      return unsupported(member(json, "type"), "model.type", "'BPE' after 'ByteLevel'",
                         textOf(json, "type"));
    if (model == TokenizerModel::Unigram)
      return readUnigram(json);
    BLUEC_RETURN_IF_ERROR(readVocabulary(member(json, "vocab")));
    if (model == TokenizerModel::WordPiece)
      return readWordPiece(json);
    BLUEC_RETURN_IF_ERROR(readMergeOptions(json));
    return readMerges(member(json, "merges"));
  }

  Status readMergeOptions(const JsonValue &json) {
    const JsonValue &dropout = member(json, "dropout");
    if (!dropout.isNull() && dropout.number() != 0)
      return unsupported(dropout, "model.dropout", "null", dropout.text());
    for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!textOf(json, key).empty())
        return unsupported(member(json, key), std::string("model.") + key, "none",
                           textOf(json, key));
    if (isTrue(json, "ignore_merges"))
      flags |= TokenizerIgnoresMerges;
    if (isTrue(json, "fuse_unk"))
      flags |= TokenizerFusesUnknown;
    if (const std::string name = textOf(json, "unk_token"); !name.empty()) {
      // The reference fails only where it needs the token; a byte-level alphabet may never do so.
      if (auto found = ids.find(name); found != ids.end())
        unknown = std::int32_t(found->second);
      else if (!text.isByteLevel())
        return unsupported(member(json, "unk_token"), "model.unk_token",
                           "a token of the vocabulary", name);
    }
    return text.isByteLevel() ? readAlphabet(json) : readByteFallback(json);
  }

  Status readAlphabet(const JsonValue &json) {
    std::size_t missing = 0;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      if (auto found = ids.find(alphabet.name(byte)); found != ids.end())
        byteTokens[byte] = std::int32_t(found->second);
      else
        ++missing;
    }
    if (missing == 256)
      return bad(member(json, "vocab"),
                 "model.vocab: expected tokens of a byte-level alphabet, found none");
    if (missing == 0)
      return {};
    if (isTrue(json, "byte_fallback"))
      return unsupported(member(json, "byte_fallback"), "model.byte_fallback",
                         "false for an alphabet without some bytes", "true");
    if (const std::string name = textOf(json, "unk_token"); unknown < 0 && !name.empty())
      return unsupported(member(json, "unk_token"), "model.unk_token", "a token of the vocabulary",
                         name);
    return {};
  }

  // Tokens of bytes: <0x00> to <0xFF>.
  Status readByteFallback(const JsonValue &json) {
    if (!isTrue(json, "byte_fallback"))
      return {};
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::string name = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
      if (auto found = ids.find(name); found != ids.end())
        byteTokens[byte] = std::int32_t(found->second);
    }
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
      const std::optional<std::string> bytes =
          text.isByteLevel() ? alphabet.decode(name) : std::optional(name);
      token.known = true;
      token.inModel = bytes.has_value();
      token.name = bytes ? *bytes : name;
      ids.emplace(name, *id);
    }
    return {};
  }

  // [["<unk>", 0.0], ["a", -3.5]]
  Status readUnigram(const JsonValue &json) {
    const JsonValue &list = member(json, "vocab");
    if (valuesOf(list).empty())
      return bad(list, "model.vocab: expected a list with tokens");
    double least = std::numeric_limits<double>::infinity();
    for (const JsonValue &value : valuesOf(list)) {
      const JsonValue::Array &pair = valuesOf(value);
      const std::uint32_t id = std::uint32_t(scores.size());
      if (pair.size() != 2 || !pair[0].string() || !pair[1].number())
        return bad(value,
                   "model.vocab: expected a token and its score for id " + std::to_string(id));
      const std::string &name = *pair[0].string();
      BLUEC_RETURN_IF_ERROR(fits(value, id, name));
      Token &token = tokenAt(id);
      token.known = token.inModel = true;
      token.name = name;
      ids[name] = id; // of equal ones the last counts
      scores.push_back(*pair[1].number());
      least = std::min(least, scores.back());
    }
    const JsonValue &unknownId = member(json, "unk_id");
    const std::optional<std::uint32_t> id = idOf(unknownId.integer());
    if (!id || *id >= scores.size())
      return bad(unknownId,
                 "model.unk_id: expected the id of a token, found " + JsonReader::shown(unknownId));
    unknown = std::int32_t(*id);
    constexpr double kPenalty = 10; // as in the reference
    unknownScore = least - kPenalty;
    return readByteFallback(json);
  }

  Status readWordPiece(const JsonValue &json) {
    const auto textOr = [&](const char *key, const char *absent) {
      return member(json, key).isNull() ? std::string(absent) : textOf(json, key);
    };
    const std::string name = textOr("unk_token", "[UNK]");
    auto found = ids.find(name);
    if (found == ids.end())
      return unsupported(member(json, "unk_token"), "model.unk_token", "a token of the vocabulary",
                         name);
    unknown = std::int32_t(found->second);
    prefix = text.addString(textOr("continuing_subword_prefix", "##"));
    const JsonValue &limit = member(json, "max_input_chars_per_word");
    constexpr std::uint32_t kDefaultLimit = 100;
    const std::optional<std::uint32_t> value =
        limit.isNull() ? std::optional(kDefaultLimit) : idOf(limit.integer());
    if (!value)
      return bad(limit, "model.max_input_chars_per_word: expected a number of characters, found " +
                            JsonReader::shown(limit));
    wordLimit = *value;
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
    return {};
  }

  // What tokens stand for, and by what added ones are found.
  Status findTexts(const JsonValue &at) {
    for (Token &token : tokens) {
      if (!token.known)
        continue;
      const bool isAdded = token.kind & TokenAdded, isSpecial = token.kind & TokenSpecial;
      std::string shown = token.name;
      if (isAdded && token.isNormalized) {
        shown = text.normalize(token.name);
        // Who wrote a special token has to be known: it is looked for in the text as it stands.
        if (isSpecial && shown != token.name)
          return bad(at, "added_tokens: " + inQuotes(token.name) +
                             ": expected normalized false for a special token that the normalizer "
                             "changes, found true");
        if (!isSpecial)
          token.searched = shown;
      }
      // Names of a byte-level alphabet have been decoded, but for added ones.
      if (text.isByteLevel())
        token.bytes = isAdded ? alphabet.decode(shown).value_or(shown) : token.name;
      else if (text.isInAlphabet())
        token.bytes = alphabet.decode(shown).value_or(shown);
      else
        BLUEC_RETURN_IF_ERROR(decodeToken(at, shown, token));
    }
    std::set<std::string_view> early, late;
    for (std::uint32_t id : added) {
      const Token &token = tokens[id];
      const bool isLate = !token.searched.empty();
      if (!(isLate ? late : early).insert(isLate ? token.searched : token.name).second)
        return bad(at, "added_tokens: expected each text once, found " + inQuotes(token.name) +
                           " twice");
    }
    return {};
  }

  Status decodeToken(const JsonValue &at, const std::string &name, Token &token) const {
    const std::optional<TokenDecoder::Text> made = decoder.decode(name);
    if (!made)
      return bad(at,
                 "decoder: expected no text for the decoder's cleanup in token " + inQuotes(name));
    token.bytes = made->bytes;
    if (made->isByte)
      token.kind |= TokenByte;
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
          return tokens[each].name == name && id == std::int64_t(each);
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
    token.name = content; // found in text as it stands
    added.push_back(id);
    return readKind(token, value, file);
  }

  // What tokenizer_config.json says of a token that tokenizer.json has.
  Status changeToken(std::uint32_t id, const JsonValue &value) {
    Token &token = tokenAt(id);
    if (textOf(value, "content") != token.name)
      return bad(value,
                 "added_tokens_decoder: expected " + inQuotes(token.name) + " for token " +
                     std::to_string(id) + " as in tokenizer.json, found " +
                     inQuotes(textOf(value, "content")),
                 kConfigName);
    return readKind(token, value, kConfigName);
  }

  Status readKind(Token &token, const JsonValue &value, const char *file) {
    if (isTrue(value, "single_word"))
      return bad(value,
                 "added_tokens: " + inQuotes(token.name) +
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
    token.isNormalized = isTrue(value, "normalized", /*absent=*/!isSpecial);
    return {};
  }

  const ByteAlphabet alphabet;
  std::int64_t vocabularySize;
  TokenizerModel model = TokenizerModel::ByteBpe;
  TextOperations text;
  TokenDecoder decoder;
  std::uint32_t flags = 0;
  std::int32_t unknown = -1;
  double unknownScore = 0;
  std::uint32_t wordLimit = 0;
  TextRange prefix{};
  std::vector<Token> tokens;                          // by id
  std::unordered_map<std::string, std::uint32_t> ids; // the model's tokens by name
  std::array<std::int32_t, 256> byteTokens{};
  std::vector<TokenizerMerge> merges;
  std::vector<double> scores; // by id
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

// One bit for each beginning of the names; few others have theirs set.
std::vector<std::uint64_t> makePrefixBits(std::span<const std::string_view> names) {
  std::size_t bytes = 0;
  for (std::string_view name : names)
    bytes += name.size();
  constexpr std::size_t kBitsOfPrefix = 4;
  std::vector<std::uint64_t> words(std::bit_ceil(bytes * kBitsOfPrefix / 64 + 1));
  for (std::string_view name : names) {
    ByteHash hash;
    for (char c : name) {
      hash.add(std::uint8_t(c));
      const std::uint64_t bit = hash.value() & (std::uint64_t(words.size()) * 64 - 1);
      words[std::size_t(bit / 64)] |= std::uint64_t(1) << bit % 64;
    }
  }
  return words;
}

// Strings, one after the other, and where each begins.
struct Strings {
  std::vector<std::uint32_t> offsets;
  std::string bytes;
  void add(std::string_view text) {
    offsets.push_back(std::uint32_t(bytes.size()));
    bytes += text;
  }
  void finish() { offsets.push_back(std::uint32_t(bytes.size())); }
};

std::vector<std::uint8_t> Converter::write() {
  Strings texts, names;
  std::vector<std::uint8_t> kinds;
  bool isNamed = false; // some name is not what its token stands for
  for (const Token &token : tokens) {
    texts.add(token.bytes);
    names.add(token.name);
    kinds.push_back(token.kind);
    isNamed |= token.name != token.bytes;
  }
  texts.finish();
  names.finish();
  if (!isNamed)
    names = {};

  std::vector<std::uint32_t> mergeSlots = makeSlots(merges.size());
  for (std::uint32_t rank = 0; rank < merges.size(); ++rank) {
    const TokenizerMerge &merge = merges[rank];
    // Of two merges of the same pair the reference keeps the last.
    findSlot(mergeSlots, hashPair(merge.left, merge.right), [&](std::uint32_t other) {
      return merges[other].left == merge.left && merges[other].right == merge.right;
    }) = rank;
  }

  // Special tokens are left out: no word of a user's text may turn into one.
  const bool looksUp = model != TokenizerModel::ByteBpe || (flags & TokenizerIgnoresMerges) != 0;
  const bool isByPrefix = model == TokenizerModel::Unigram || model == TokenizerModel::WordPiece;
  std::vector<std::uint32_t> wordSlots = makeSlots(looksUp ? tokens.size() : 0);
  std::vector<std::string_view> words;
  for (std::uint32_t id = 0; looksUp && id < tokens.size(); ++id) {
    if (!tokens[id].inModel || (tokens[id].kind & TokenSpecial))
      continue;
    words.push_back(tokens[id].name);
    findSlot(wordSlots, hashBytes(tokens[id].name),
             [&](std::uint32_t other) { return tokens[other].name == tokens[id].name; }) = id;
  }
  const std::vector<std::uint64_t> prefixBits =
      isByPrefix ? makePrefixBits(words) : std::vector<std::uint64_t>();

  std::vector<TokenizerText> early, late;
  for (std::uint32_t id : added) {
    const Token &token = tokens[id];
    if (token.searched.empty())
      early.push_back({id, text.appendString(token.name)});
    else
      late.push_back({id, text.appendString(token.searched)});
  }
  const auto textOfRange = [&](const TextRange &range) {
    return std::string_view(text.strings()).substr(range.begin, range.bytes);
  };
  TokenizerHeader header{};
  header.lead = text.addString(decoder.lead);
  for (std::vector<TokenizerText> *list : {&early, &late})
    std::sort(list->begin(), list->end(), [&](const TokenizerText &a, const TokenizerText &b) {
      return textOfRange(a.text) < textOfRange(b.text);
    });

  scores.resize(scores.empty() ? 0 : tokens.size());
  header.magic = kTokenizerMagic;
  header.version = kTokenizerVersion;
  header.tokens = std::uint32_t(tokens.size());
  header.flags = flags;
  header.model = model;
  header.decoder = decoder.kind;
  header.unknown = unknown;
  header.wordLimit = wordLimit;
  header.unknownScore = unknownScore;
  header.prefix = prefix;
  header.leads = decoder.leads;
  header.normalizers = text.countNormalizers();
  header.classes = text.tables().classes;
  TableWriter writer;
  const auto append = [&](const auto &values) {
    return writer.append(values.data(), values.size());
  };
  const Machines::Tables &tables = text.tables();
  header.tokenOffsets = append(texts.offsets);
  header.tokenBytes = append(texts.bytes);
  header.nameOffsets = append(names.offsets);
  header.nameBytes = append(names.bytes);
  header.tokenKinds = append(kinds);
  header.byteTokens = append(byteTokens);
  header.merges = append(merges);
  header.mergeSlots = append(mergeSlots);
  header.wordSlots = append(wordSlots);
  header.prefixBits = append(prefixBits);
  header.scores = append(scores);
  header.added = append(early);
  header.addedLater = append(late);
  header.operations = append(text.all());
  header.strings = append(text.strings());
  header.pairs = append(text.pairs());
  header.machines = append(tables.machines);
  header.transitions = append(tables.transitions);
  header.asciiClasses = append(tables.asciiClasses);
  header.classStarts = append(tables.classStarts);
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
