// The character map of SentencePiece's normalizers: precompiled_charsmap of 'Precompiled'.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_CHARSMAP_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_CHARSMAP_H

#include "runtime/base/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace bluec::tokenizer {

struct Charsmap {
  struct Entry {
    std::string key;          // at most 5 bytes; no other key begins it
    std::size_t value, bytes; // in `values`
  };
  std::vector<Entry> entries;
  std::string values;
};

// From base64: u32 bytes of a double-array trie, the trie, and values that end with a zero byte.
// Keys that a shorter one begins are left out, because the shorter one is found first; so are
// longer ones than the reference ever looks up. InvalidArgument with what is wrong.
runtime::Result<Charsmap> readCharsmap(std::string_view base64);

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_CHARSMAP_H
