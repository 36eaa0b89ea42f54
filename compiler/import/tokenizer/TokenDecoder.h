// The decoder of a tokenizer.json, token by token.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_TOKENDECODER_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_TOKENDECODER_H

#include "compiler/import/tokenizer/TokenizerJson.h"
#include "runtime/abi/TokenizerFormat.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bluec::tokenizer {

class TokenDecoder {
public:
  // Errors name the part that is not taken. A byte-level alphabet needs no decoder to be named.
  runtime::Status read(const JsonValue &json, bool isByteLevel);

  struct Text {
    std::string bytes;
    bool isByte = false; // one of a run
  };
  // What a token stands for in the middle of a text; nothing where the decoder would change it in
  // a way that depends on its place. Not for a byte-level alphabet.
  std::optional<Text> decode(const std::string &name) const;

  runtime::TokenizerDecoder kind = runtime::TokenizerDecoder::Bytes;
  std::string lead; // TokenizerHeader
  std::uint32_t leads = 0;

private:
  runtime::Status readPart(const JsonValue &json);
  runtime::Status readStrip(const JsonValue &json);
  runtime::Status readMetaspace(const JsonValue &json);

  std::vector<std::function<std::string(const std::string &)>> steps; // on each token
  bool hasBytes = false, isFused = false;
  std::string prefix; // WordPiece
  bool cleansUp = false;
};

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_TOKENDECODER_H
