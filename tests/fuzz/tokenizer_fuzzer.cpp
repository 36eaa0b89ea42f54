// Four ways in: a tokenizer.json (starts with '{'), changes to a good tokenizer.bin (starts with
// 'P' or, for a model of scores, 'U'; then an offset of two bytes and a value of one, repeated), a
// regular expression (starts with 'R'), and text for a good tokenizer.
#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "compiler/import/tokenizer/Regex.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unicode.h"

#include <cstdlib>
#include <string>

using namespace bluec::runtime;

namespace {

constexpr std::int64_t kVocabulary = 400;

// All bytes, some merges, and an added token of each kind.
std::string goodJson() {
  std::string text = R"({"model":{"type":"BPE","ignore_merges":true,"vocab":{)";
  std::uint32_t next = 256;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte < 0xad) || byte > 0xad;
    std::string name;
    if (byte == '"' || byte == '\\')
      name = "\\";
    appendUtf8(name, printable ? byte : next++);
    text += "\"" + name + "\":" + std::to_string(byte) + ",";
  }
  text += R"("th":256,"the":257,"he":258,"\u0120the":259},"merges":["t h","th e","h e",)"
          R"(["\u0120","the"]]},"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence",)"
          R"("pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel"}]},)"
          R"("added_tokens":[{"id":300,"content":"<|end|>","special":true},)"
          R"({"id":301,"content":"<x>","lstrip":true,"rstrip":true},{"id":302,"content":"<xy>"}]})";
  return text;
}

// Scores, marks, classes of all kinds, and a decoder that holds back.
std::string scoresJson() {
  return R"({"model":{"type":"Unigram","unk_id":0,"byte_fallback":true,"vocab":[["<unk>",0],)"
         R"(["\u2581the",-1],["\u2581",-2],["he",-3],["e",-4],["<0xC3>",-5],["<0xA9>",-6]]},)"
         R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFKD"},{"type":"Lowercase"},)"
         R"({"type":"BertNormalizer"},{"type":"Strip","strip_left":true,"strip_right":true}]},)"
         R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Whitespace"},)"
         R"({"type":"Punctuation"},{"type":"Metaspace","replacement":"\u2581"}]},)"
         R"("decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":)"
         R"({"String":"\u2581"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},)"
         R"({"type":"Strip","content":" ","start":1,"stop":0}]},)"
         R"("added_tokens":[{"id":7,"content":"<X>","lstrip":true}]})";
}

std::vector<std::uint8_t> tableOf(const std::string &json) {
  auto made = bluec::tokenizer::convertTokenizerText(json, "", kVocabulary);
  if (!made.ok())
    std::abort();
  return made->table;
}

const std::vector<std::uint8_t> &goodTable() {
  static const std::vector<std::uint8_t> table = tableOf(goodJson());
  return table;
}

const std::vector<std::uint8_t> &scoresTable() {
  static const std::vector<std::uint8_t> table = tableOf(scoresJson());
  return table;
}

void use(const Tokenizer &tokenizer, std::string_view text) {
  for (Trust trust : {Trust::User, Trust::Template}) {
    const auto ids = tokenizer.encode(text, trust);
    if (!ids.ok())
      continue;
    for (std::int32_t id : *ids)
      if (id < 0 || std::uint32_t(id) >= tokenizer.size())
        std::abort();
    tokenizer.decode(*ids, true);
  }
}

void convert(std::string_view json) {
  const auto table = bluec::tokenizer::convertTokenizerText(json, "", kVocabulary);
  if (!table.ok()) {
    if (table.status().message().empty())
      std::abort();
    return;
  }
  // What the converter makes, the runtime accepts.
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table->table);
  if (!tokenizer.ok() || tokenizer->size() > kVocabulary)
    std::abort();
  use(*tokenizer, "Hello the world, 123 <|end|> \u00e9!");
}

void changeTable(std::vector<std::uint8_t> table, const std::uint8_t *data, std::size_t size) {
  for (std::size_t i = 0; i + 2 < size; i += 3)
    table[(std::size_t(data[i]) << 8 | data[i + 1]) % table.size()] = data[i + 2];
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(table);
  if (tokenizer.ok())
    use(*tokenizer, "Hello the world, 123 <|end|><x> \u00e9!");
}

// Anything is an expression, or is none with a reason.
void compile(std::string_view expression) {
  const auto pattern = bluec::tokenizer::parsePattern(expression);
  bluec::tokenizer::Machines machines;
  const Status status = pattern.ok() ? machines.add(*pattern).status() : pattern.status();
  if (!status.ok() && status.message().empty())
    std::abort();
  if (status.ok() && !machines.build().ok())
    std::abort();
}

void encode(std::string_view text) {
  use(*Tokenizer::fromTable(scoresTable()), text);
  const Result<Tokenizer> tokenizer = Tokenizer::fromTable(goodTable());
  if (!tokenizer.ok())
    std::abort();
  use(*tokenizer, text);
  ChatTemplate chat;
  chat.imageToken = "<image>";
  chat.begin.text = "<|end|>";
  chat.userTrims = {Trim::Spaces, Trim::Newlines};
  chat.picture = {
      .beforeOne = "<", .before = "", .tile = "", .rowEnd = "", .overview = "", .after = "x>"};
  const std::vector<PictureShape> shapes(1);
  const auto parts = makeTurn(*tokenizer, chat, {}, text, shapes, "<|end|>");
  if (findInvalidUtf8(text) != text.size()) {
    if (parts.ok())
      std::abort();
    return;
  }
  // Without white space to strip, text in normal form comes back as it was.
  const auto ids = tokenizer->encode(text, Trust::User);
  if (text.find("<x>") == text.npos && tokenizer->decode(*ids) != composeCanonically(text) &&
      text.find("<xy>") == text.npos)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  if (text.starts_with('{'))
    convert(text);
  else if (text.starts_with('P'))
    changeTable(goodTable(), data + 1, size - 1);
  else if (text.starts_with('U'))
    changeTable(scoresTable(), data + 1, size - 1);
  else if (text.starts_with('R'))
    compile(text.substr(1));
  else
    encode(text);
  return 0;
}
