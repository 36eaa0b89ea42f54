// What the models of a Tokenizer work in, kept from word to word.
#ifndef BLUEC_RUNTIME_TEXT_TOKENIZERSCRATCH_H
#define BLUEC_RUNTIME_TEXT_TOKENIZERSCRATCH_H

#include "text/Tokenizer.h"

#include <vector>

namespace bluec::runtime {

struct Tokenizer::Scratch {
  // A symbol of the word being merged, in a doubly linked list over an array.
  struct Symbol {
    std::uint32_t token;
    int before; // -1 at the ends
    int after;
  };

  // A possible merge of the symbol at `at` with the one after it. The best rank goes first, the
  // leftmost of equals.
  struct Candidate {
    std::uint32_t rank;
    int at;
    bool operator>(const Candidate &other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };

  // The best way to a place in a word: its last token, and where that begins.
  struct Way {
    double score = 0;
    std::size_t begin = std::string_view::npos; // no way
    std::int32_t token = -1;
  };

  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  std::vector<Way> ways;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_TOKENIZERSCRATCH_H
