// The normalizer and the pre-tokenizer of a tokenizer.json, as operations of the runtime.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_TEXTOPERATIONS_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_TEXTOPERATIONS_H

#include "compiler/import/tokenizer/Regex.h"
#include "compiler/import/tokenizer/TokenizerJson.h"
#include "runtime/text/TextProgram.h"

#include <span>
#include <string>
#include <vector>

namespace bluec::tokenizer {

class TextOperations {
public:
  // In this order. Errors name the value that is not taken.
  runtime::Status readNormalizer(const JsonValue &json);
  runtime::Status readPreTokenizer(const JsonValue &json);
  // Makes the machines of all; nothing is read after it.
  runtime::Status finish();

  // Whether words are bytes for the model, and not characters.
  bool isByteLevel() const { return hasBytes && !isSpelled; }
  // Whether they are characters of the byte-level alphabet.
  bool isInAlphabet() const { return isSpelled; }
  // What the runtime makes of a text; after finish().
  std::string normalize(std::string_view text) const;

  // A range of strings() that holds `text`; appendString() does not look for one.
  runtime::TextRange addString(std::string_view text);
  runtime::TextRange appendString(std::string_view text);

  std::span<const runtime::TextOperation> all() const { return operations; }
  std::uint32_t countNormalizers() const { return normalizers; }
  const std::string &strings() const { return texts; }
  std::span<const runtime::TextPair> pairs() const { return replacements; }
  const Machines::Tables &tables() const { return built; }

private:
  using Action = runtime::TextAction;

  void add(Action action, std::uint32_t option = 0, std::string_view text = {});
  runtime::Status addWithMachine(const JsonValue &at, const std::string &place, Action action,
                                 std::uint32_t option, const Pattern &pattern,
                                 std::string_view text = {});
  void addMap(std::span<const CodePointText> map);
  // The pattern of a Split or Replace.
  runtime::Status readPattern(const JsonValue &json, const std::string &place, Pattern &pattern);
  runtime::Status readReplace(const JsonValue &json);
  runtime::Status readBert(const JsonValue &json);
  runtime::Status readPrecompiled(const JsonValue &json);
  runtime::Status readStage(const JsonValue &json);
  runtime::Status readByteLevel(const JsonValue &json);
  runtime::Status readMetaspace(const JsonValue &json);
  runtime::Status readSplit(const JsonValue &json);
  runtime::Status addSplit(const JsonValue &at, runtime::SplitRule rule, const Pattern &pattern);

  std::vector<runtime::TextOperation> operations;
  std::uint32_t normalizers = 0;
  std::string texts;
  std::vector<runtime::TextPair> replacements;
  Machines machines;
  Machines::Tables built;
  bool hasBytes = false;   // 'ByteLevel' has been read
  bool isSpelled = false;  // and something behind it
  bool mayShorten = false; // a normalizer can take away what a text begins with
};

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_TEXTOPERATIONS_H
