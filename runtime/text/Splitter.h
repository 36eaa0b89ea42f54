// Cuts text into the words that BPE works on, like the regular expressions of published tokenizers.
#ifndef BLUEC_RUNTIME_TEXT_SPLITTER_H
#define BLUEC_RUNTIME_TEXT_SPLITTER_H

#include "abi/TokenizerFormat.h"

#include <span>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// The words of `text` (valid UTF-8), in order; together they are the text. Views into `text`.
std::vector<std::string_view> splitWords(std::string_view text, std::span<const SplitStage> stages);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_SPLITTER_H
