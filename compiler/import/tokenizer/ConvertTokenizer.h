// From the tokenizer.json of the `tokenizers` package to the runtime's tokenizer.bin.
//
// The result gives what the `tokenizers` package gives, ids and texts, or the file is refused by
// name: a tokenizer that is nearly right makes a model that is subtly wrong. Accepted are
// clang-format off
//   models          BPE (ignore_merges, unk_token, fuse_unk, byte_fallback; merges as pairs or texts), Unigram, WordPiece
//   normalizers     NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, BertNormalizer, Precompiled
//   pre-tokenizers  ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer
//   decoders        ByteLevel; Replace, ByteFallback, Fuse and Strip in this order; Metaspace; WordPiece
//   added tokens    all but those that match whole words only, and special ones that a normalizer changes
// clang-format on
// with each kind's options, alone or in sequence, and no dropout or affixes of BPE. Regular
// expressions are those of Regex.h; Replace of a decoder takes a text.
//
// The post-processor is not looked at but for what it adds around a text (the chat template says
// what stands around a prompt). A byte-level alphabet needs no decoder to be named: what a token
// stands for follows from the alphabet.
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
