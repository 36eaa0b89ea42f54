#include "text/TokenText.h"

namespace bluec::runtime {

// How a text begins that begins with this token.
std::string TokenText::first(std::int32_t id) const {
  std::string text(tokenizer.name(id));
  // Of some added tokens normalisation changes what they read.
  for (const TokenizerText &each : tokenizer.addedLater)
    if (each.token == std::uint32_t(id))
      text = tokenizer.program.string(each.text);
  if (tokenizer.header->decoder == TokenizerDecoder::WordPiece)
    return text;
  const std::string_view mark = tokenizer.program.string(tokenizer.header->lead);
  for (std::size_t at = 0; !mark.empty() && (at = text.find(mark, at)) != text.npos;)
    text.erase(at, mark.size());
  return text;
}

std::string TokenText::endRun() {
  std::string text;
  if (findInvalidUtf8(run) == run.size())
    text = run;
  else
    for (std::size_t i = 0; i < run.size(); ++i)
      appendUtf8(text, 0xfffd);
  run.clear();
  return text;
}

std::string TokenText::push(std::int32_t id) {
  std::string_view bytes = tokenizer.bytes(id);
  if (bytes.empty() && tokenizer.name(id).empty())
    return {};
  const bool begins = isFirst;
  isFirst = false;
  std::string text;
  switch (tokenizer.header->decoder) {
  case TokenizerDecoder::Bytes:
    return characters.push(bytes);
  case TokenizerDecoder::Runs:
    if (tokenizer.kindOf(id) & TokenByte) {
      run += bytes;
      return {};
    }
    text = endRun().append(bytes);
    break;
  case TokenizerDecoder::Metaspace:
  case TokenizerDecoder::WordPiece:
    return characters.push(begins ? first(id) : bytes);
  }
  return characters.push(strip(std::move(text)));
}

std::string TokenText::strip(std::string text) {
  const std::string_view lead = tokenizer.program.string(tokenizer.header->lead);
  for (; leads > 0 && !text.empty(); --leads) {
    if (lead.empty() || !text.starts_with(lead)) {
      leads = 0;
      break;
    }
    text.erase(0, lead.size());
  }
  return text;
}

std::string TokenText::finish() {
  std::string text = characters.push(strip(endRun()));
  return text + characters.finish();
}

} // namespace bluec::runtime
