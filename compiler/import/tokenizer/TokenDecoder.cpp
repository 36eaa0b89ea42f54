#include "compiler/import/tokenizer/TokenDecoder.h"

#include "runtime/text/Unicode.h"

namespace bluec::tokenizer {

using namespace bluec::runtime;

namespace {

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// What WordPiece's cleanup does, in its order.
std::string cleanedUp(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kChanges[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto &[from, to] : kChanges)
    text = replaced(std::move(text), from, to);
  return text;
}

// At most `start` and `stop` times `content` off the ends.
std::string stripped(std::string_view text, std::string_view content, std::uint32_t start,
                     std::uint32_t stop) {
  for (; start > 0 && text.starts_with(content); --start)
    text.remove_prefix(content.size());
  for (; stop > 0 && text.ends_with(content); --stop)
    text.remove_suffix(content.size());
  return std::string(text);
}

// The byte of <0x41>.
std::optional<std::uint8_t> byteOf(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || !name.ends_with('>'))
    return std::nullopt;
  unsigned value = 0;
  for (char c : name.substr(3, 2)) {
    const char low = char(c | 0x20);
    if (c >= '0' && c <= '9')
      value = value * 16 + unsigned(c - '0');
    else if (low >= 'a' && low <= 'f')
      value = value * 16 + unsigned(low - 'a' + 10);
    else
      return std::nullopt;
  }
  return std::uint8_t(value);
}

std::string oneCharacter(const JsonValue &json, const char *key) {
  const std::string text = textOf(json, key);
  return decodeUtf8(text).bytes == text.size() ? text : std::string();
}

} // namespace

Status TokenDecoder::read(const JsonValue &json, bool isByteLevel) {
  const std::string type = textOf(json, "type");
  const JsonValue::Array &parts = valuesOf(member(json, "decoders"));
  if (isByteLevel) {
    const bool isAlone =
        json.isNull() || type == "ByteLevel" ||
        (type == "Sequence" && parts.size() == 1 && textOf(parts[0], "type") == "ByteLevel");
    return isAlone ? Status()
                   : unsupported(json, "decoder", "'ByteLevel' as the pre-tokenizer's", type);
  }
  kind = TokenizerDecoder::Runs;
  if (type != "Sequence")
    return readPart(json);
  if (parts.size() == 1)
    return readPart(parts[0]);
  for (const JsonValue &part : parts) {
    const std::string name = textOf(part, "type");
    if (name == "Metaspace" || name == "WordPiece")
      return unsupported(part, "decoder", "'Replace', 'ByteFallback', 'Fuse' and 'Strip' together",
                         name);
    BLUEC_RETURN_IF_ERROR(readPart(part));
  }
  return {};
}

Status TokenDecoder::readPart(const JsonValue &json) {
  const std::string type = textOf(json, "type");
  if (type == "Metaspace")
    return readMetaspace(json);
  if (type == "Strip")
    return readStrip(json);
  if (type == "WordPiece") {
    kind = TokenizerDecoder::WordPiece;
    prefix = member(json, "prefix").isNull() ? "##" : textOf(json, "prefix");
    cleansUp = isTrue(json, "cleanup", true);
    return {};
  }
  if (type == "Fuse") {
    isFused = true;
    return {};
  }
  const bool isReplace = type == "Replace", isBytes = type == "ByteFallback";
  if (!isReplace && !isBytes)
    return unsupported(json, "decoder",
                       "'Replace', 'ByteFallback', 'Fuse', 'Strip', 'Metaspace' or 'WordPiece'",
                       type);
  if (hasBytes || isFused)
    return unsupported(json, "decoder", "'Fuse' or 'Strip' behind 'ByteFallback' or 'Fuse'", type);
  if (isBytes) {
    hasBytes = true;
    return {};
  }
  const std::string *from = member(member(json, "pattern"), "String").string();
  if (!from || from->empty())
    return bad(json, "decoder.pattern: expected a text: {\"String\": ..}");
  steps.push_back([from = *from, to = textOf(json, "content")](const std::string &text) {
    return replaced(text, from, to);
  });
  return {};
}

Status TokenDecoder::readStrip(const JsonValue &json) {
  const std::string content = oneCharacter(json, "content");
  const std::optional<std::uint32_t> start = idOf(member(json, "start").integer()),
                                     stop = idOf(member(json, "stop").integer());
  if (content.empty() || !start || !stop)
    return bad(json, "decoder: expected 'Strip' with one character, start and stop");
  if (!hasBytes && !isFused) {
    steps.push_back([content, start = *start, stop = *stop](const std::string &text) {
      return stripped(text, content, start, stop);
    });
    return {};
  }
  // The end of a text is not known while it is written.
  if (!isFused || *stop != 0 || leads != 0)
    return bad(json, "decoder: expected one 'Strip' behind 'Fuse', of beginnings only, found " +
                         std::string(!isFused     ? "it before 'Fuse'"
                                     : *stop != 0 ? "one of ends"
                                                  : "two"));
  lead = content;
  leads = *start;
  return {};
}

Status TokenDecoder::readMetaspace(const JsonValue &json) {
  const std::string mark = oneCharacter(json, "replacement");
  if (mark.empty())
    return unsupported(json, "decoder.replacement", "one character", textOf(json, "replacement"));
  steps.push_back([mark](const std::string &text) { return replaced(text, mark, " "); });
  const bool never =
      textOf(json, "prepend_scheme") == "never" || !isTrue(json, "add_prefix_space", true);
  if (never)
    return {};
  kind = TokenizerDecoder::Metaspace;
  lead = mark;
  return {};
}

std::optional<TokenDecoder::Text> TokenDecoder::decode(const std::string &name) const {
  if (kind == TokenizerDecoder::WordPiece) {
    if (cleansUp && cleanedUp(name) != name)
      return std::nullopt;
    std::string text = name.starts_with(prefix) ? name.substr(prefix.size()) : " " + name;
    return Text{cleansUp ? cleanedUp(std::move(text)) : std::move(text)};
  }
  std::string text = name;
  for (const auto &step : steps)
    text = step(text);
  if (const std::optional<std::uint8_t> byte = hasBytes ? byteOf(text) : std::nullopt)
    return Text{std::string(1, char(*byte)), true};
  return Text{std::move(text)};
}

} // namespace bluec::tokenizer
