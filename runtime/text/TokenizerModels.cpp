// How a word becomes tokens: by merges, by scores, or by the longest names.
#include "text/TokenizerScratch.h"
#include "text/Unicode.h"

#include <algorithm>
#include <functional>

namespace bluec::runtime {

std::uint32_t Tokenizer::findMerge(std::uint32_t left, std::uint32_t right) const {
  const std::size_t mask = mergeSlots.size() - 1;
  for (std::size_t slot = hashPair(left, right) & mask;; slot = (slot + 1) & mask) {
    const std::uint32_t rank = mergeSlots[slot];
    if (rank == kEmptySlot || (merges[rank].left == left && merges[rank].right == right))
      return rank;
  }
}

std::int32_t Tokenizer::findWord(std::uint64_t hash, std::string_view head,
                                 std::string_view tail) const {
  const std::size_t mask = wordSlots.size() - 1;
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const std::uint32_t id = wordSlots[slot];
    if (id == kEmptySlot)
      return -1;
    const std::string_view found = name(std::int32_t(id));
    if (found.size() == head.size() + tail.size() && found.starts_with(head) &&
        found.ends_with(tail))
      return std::int32_t(id);
  }
}

// Visits the tokens whose names are `head` and then what `text` begins with, the shortest first:
// (bytes of `text`, token).
template <typename Visit>
void Tokenizer::visitPrefixes(std::string_view head, std::string_view text, Visit visit) const {
  const std::uint64_t mask = std::uint64_t(prefixBits.size()) * 64 - 1;
  ByteHash hash;
  for (char c : head)
    hash.add(std::uint8_t(c));
  for (std::size_t i = 0; i < text.size(); ++i) {
    hash.add(std::uint8_t(text[i]));
    const std::uint64_t bit = hash.value() & mask;
    if (!(prefixBits[std::size_t(bit / 64)] >> (bit % 64) & 1))
      return;
    const bool isInside = i + 1 < text.size() && (std::uint8_t(text[i + 1]) & 0xc0) == 0x80;
    if (isInside)
      continue;
    if (const std::int32_t id = findWord(hash.value(), head, text.substr(0, i + 1)); id >= 0)
      visit(i + 1, id);
  }
}

// Appends the tokens of all bytes, or nothing when one has none.
bool Tokenizer::appendBytes(std::string_view text, std::vector<std::int32_t> &ids) const {
  if (std::any_of(text.begin(), text.end(),
                  [&](char c) { return byteTokens[std::uint8_t(c)] < 0; }))
    return false;
  for (char c : text)
    ids.push_back(byteTokens[std::uint8_t(c)]);
  return true;
}

void Tokenizer::encodeWord(std::string_view word, Scratch &scratch,
                           std::vector<std::int32_t> &ids) const {
  if (word.empty())
    return;
  switch (header->model) {
  case TokenizerModel::ByteBpe:
  case TokenizerModel::CharacterBpe:
    return encodeByMerges(word, scratch, ids);
  case TokenizerModel::Unigram:
    return encodeByScores(word, scratch, ids);
  case TokenizerModel::WordPiece:
    return encodeByLongest(word, ids);
  }
}

void Tokenizer::startSymbols(std::string_view word, Scratch &scratch) const {
  std::vector<Scratch::Symbol> &symbols = scratch.symbols;
  const auto add = [&](std::int32_t id) {
    symbols.push_back({std::uint32_t(id), int(symbols.size()) - 1, int(symbols.size()) + 1});
  };
  // As in the reference, something unknown is put down when something known or unknown follows it,
  // but not before tokens of bytes.
  bool isUnknown = false;
  const auto endUnknown = [&] {
    if (isUnknown)
      add(header->unknown);
    isUnknown = false;
  };
  const auto addUnknown = [&] {
    if (header->unknown < 0)
      return;
    if (!(header->flags & TokenizerFusesUnknown))
      endUnknown();
    isUnknown = true;
  };
  const auto addKnown = [&](std::int32_t id) {
    endUnknown();
    add(id);
  };
  if (header->model == TokenizerModel::ByteBpe) {
    for (char c : word) {
      const std::int32_t id = byteTokens[std::uint8_t(c)];
      if (id >= 0)
        addKnown(id);
      else
        addUnknown();
    }
    return endUnknown();
  }
  std::vector<std::int32_t> bytes;
  for (std::size_t at = 0; at < word.size();) {
    const std::string_view character = word.substr(at, decodeUtf8(word.substr(at)).bytes);
    at += character.size();
    if (const std::int32_t id = findWord(character); id >= 0) {
      addKnown(id);
      continue;
    }
    bytes.clear();
    if (!appendBytes(character, bytes))
      addUnknown();
    for (std::int32_t id : bytes)
      add(id);
  }
  endUnknown();
}

void Tokenizer::encodeByMerges(std::string_view word, Scratch &scratch,
                               std::vector<std::int32_t> &ids) const {
  if (header->flags & TokenizerIgnoresMerges) {
    if (const std::int32_t id = findWord(word); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<Scratch::Symbol> &symbols = scratch.symbols;
  std::vector<Scratch::Candidate> &heap = scratch.heap;
  symbols.clear();
  heap.clear();
  startSymbols(word, scratch);
  if (symbols.empty())
    return;
  symbols.back().after = -1;

  const auto rankAt = [&](int at) {
    const Scratch::Symbol &symbol = symbols[std::size_t(at)];
    return symbol.after < 0 ? kEmptySlot
                            : findMerge(symbol.token, symbols[std::size_t(symbol.after)].token);
  };
  const auto consider = [&](int at) {
    if (const std::uint32_t rank = rankAt(at); rank != kEmptySlot) {
      heap.push_back({rank, at});
      std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
  };
  for (int at = 0; at < int(symbols.size()); ++at)
    consider(at);

  constexpr int kGone = -2; // `before` of a symbol that was merged into the one before it
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const Scratch::Candidate best = heap.back();
    heap.pop_back();
    Scratch::Symbol &symbol = symbols[std::size_t(best.at)];
    // What the heap says may be out of date: one of the two has since been merged.
    if (symbol.before == kGone || rankAt(best.at) != best.rank)
      continue;
    Scratch::Symbol &next = symbols[std::size_t(symbol.after)];
    symbol.token = merges[best.rank].result;
    symbol.after = next.after;
    next.before = kGone;
    if (symbol.after >= 0) {
      symbols[std::size_t(symbol.after)].before = best.at;
      consider(best.at);
    }
    if (symbol.before >= 0)
      consider(symbol.before);
  }
  for (int at = 0; at >= 0; at = symbols[std::size_t(at)].after)
    ids.push_back(std::int32_t(symbols[std::size_t(at)].token));
}

// The tokens with the greatest sum of scores; of equal ones, those whose last token begins first.
void Tokenizer::encodeByScores(std::string_view word, Scratch &scratch,
                               std::vector<std::int32_t> &ids) const {
  std::vector<Scratch::Way> &ways = scratch.ways; // to each place in the word
  ways.assign(word.size() + 1, {});
  const auto consider = [&](std::size_t begin, std::size_t end, double score, std::int32_t token) {
    Scratch::Way &way = ways[end];
    const double whole = score + ways[begin].score;
    if (way.begin == std::string_view::npos || whole > way.score)
      way = {whole, begin, token};
  };
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t bytes = decodeUtf8(word.substr(at)).bytes;
    bool isKnown = false; // the character alone
    visitPrefixes({}, word.substr(at), [&](std::size_t length, std::int32_t token) {
      consider(at, at + length, scores[std::size_t(token)], token);
      isKnown |= length == bytes;
    });
    if (!isKnown)
      consider(at, at + bytes, header->unknownScore, header->unknown);
    at += bytes;
  }
  // Backwards; what is unknown beside unknown is one.
  struct Part {
    std::size_t begin, end;
    std::int32_t token;
  };
  std::vector<Part> parts;
  for (std::size_t end = word.size(); end > 0;) {
    const Scratch::Way &way = ways[end];
    if (way.token == header->unknown && !parts.empty() && parts.back().token == header->unknown)
      parts.back().begin = way.begin;
    else
      parts.push_back({way.begin, end, way.token});
    end = way.begin;
  }
  std::reverse(parts.begin(), parts.end());
  for (const Part &part : parts) {
    const std::string_view text = word.substr(part.begin, part.end - part.begin);
    std::int32_t token = part.token;
    if (token == header->unknown)
      token = findWord(text);
    if (token >= 0)
      ids.push_back(token);
    else if (!appendBytes(text, ids) && header->unknown >= 0)
      ids.push_back(header->unknown);
  }
}

void Tokenizer::encodeByLongest(std::string_view word, std::vector<std::int32_t> &ids) const {
  const std::size_t before = ids.size();
  std::size_t characters = 0;
  for (char c : word)
    characters += (std::uint8_t(c) & 0xc0) != 0x80;
  const std::string_view prefix = program.string(header->prefix);
  bool isKnown = characters <= header->wordLimit;
  for (std::size_t at = 0; isKnown && at < word.size();) {
    std::size_t longest = 0;
    std::int32_t token = -1;
    visitPrefixes(at == 0 ? std::string_view() : prefix, word.substr(at),
                  [&](std::size_t length, std::int32_t found) {
                    longest = length;
                    token = found;
                  });
    isKnown = token >= 0;
    if (isKnown)
      ids.push_back(token);
    at += longest;
  }
  if (isKnown)
    return;
  ids.resize(before);
  if (header->unknown >= 0)
    ids.push_back(header->unknown);
}

} // namespace bluec::runtime
