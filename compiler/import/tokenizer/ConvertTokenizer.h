// From the tokenizer.json of the `tokenizers` package to the runtime's tokenizer.bin.
//
// Accepted:
// - a BPE model without byte fallback, dropout or affixes, over a byte-level alphabet;
// - the pre-tokenizers ByteLevel, Digits, and Split with one of the regular expressions of GPT-2,
//   Llama 3 or Qwen 2, alone or in sequence;
// - no normalizer, or NFC (which the runtime carries out);
// - any added tokens except those that match whole words only.
// Everything else is refused by name: a tokenizer that is nearly right makes a model that is subtly
// wrong.
//
// The post-processor is not looked at (the chat template says what stands around a prompt), nor is
// the decoder's name: what a token stands for follows from the byte-level alphabet.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_CONVERTTOKENIZER_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_CONVERTTOKENIZER_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::tokenizer {

struct ConvertedTokenizer {
  std::vector<std::uint8_t> table; // tokenizer.bin (runtime/abi/TokenizerFormat.h)
  // Added tokens that the tokenizer's post-processor writes around a text; a rendered chat template
  // gets none.
  std::string before, after;
};

// Reads the two files. The same input gives the same bytes. `configPath` (tokenizer_config.json)
// may be empty or name a file that is not there. Its `added_tokens_decoder` adds added tokens, and
// what it says of those that tokenizer.json has counts.
//
// Errors are of the input, one line that begins with the file's name. A tokenizer with an id of
// `vocabularySize` or above does not fit the model and is refused.
runtime::Result<ConvertedTokenizer> convertTokenizer(const std::string &tokenizerPath,
                                                     const std::string &configPath,
                                                     std::int64_t vocabularySize);

// The same for the files' contents; `config` may be empty.
runtime::Result<ConvertedTokenizer> convertTokenizerText(std::string_view tokenizer,
                                                         std::string_view config,
                                                         std::int64_t vocabularySize);

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_CONVERTTOKENIZER_H
