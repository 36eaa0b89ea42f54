#include "text/Tokenizer.h"

#include "text/Splitter.h"
#include "text/Unicode.h"

#include <algorithm>
#include <bit>
#include <queue>

namespace bluec::runtime {
namespace {

Status bad(const std::string &message) { return {Code::BadBundle, "tokenizer.bin: " + message}; }

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

std::string_view trimRight(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decodeUtf8(text.substr(at));
    at += next.bytes;
    if (!next.valid || !isSpace(next.codePoint))
      end = at;
  }
  return text.substr(0, end);
}

std::size_t leadingSpace(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Decoded next = decodeUtf8(text.substr(at));
    if (!next.valid || !isSpace(next.codePoint))
      break;
    at += next.bytes;
  }
  return at;
}

// An added token, and what is looked for in a text.
struct Needle {
  std::int32_t id;
  std::uint8_t kind; // bits of TokenKind
  std::string text;
};

// A place in a text where something stands that is none.
struct TextBreak {
  std::size_t at;
  std::uint8_t kind; // bits of TokenKind: of the white space beside it
};

// Cuts `text` at the `needles` that are `allowed`, the longest first, and at `breaks`, as the
// tokenizers library does: each takes the white space beside it along as its kind says, and what it
// took may still begin another one. `emit`s parts that are not empty, and tokens.
template <typename Allowed, typename Emit>
void cutText(std::string_view text, std::span<const Needle> needles,
             std::span<const TextBreak> breaks, Allowed allowed, Emit emit) {
  bool begins[256] = {}; // most characters begin no added token
  for (const Needle &needle : needles)
    begins[std::uint8_t(needle.text.front())] = true;
  std::size_t plain = 0; // where the text begins that is not emitted
  const auto emitText = [&](std::size_t end, bool strips) {
    if (end <= plain)
      return;
    const std::string_view part = text.substr(plain, end - plain);
    if (const std::string_view left = strips ? trimRight(part) : part; !left.empty())
      emit(left, Tokenizer::kText);
  };
  const auto emitToken = [&](std::int32_t token, std::uint8_t kind, std::size_t begin,
                             std::size_t end, std::size_t limit) {
    emitText(begin, kind & TokenStripsLeft);
    emit({}, token);
    plain = end + (kind & TokenStripsRight ? leadingSpace(text.substr(end, limit - end)) : 0);
  };
  const auto nextBreak = [&] { return breaks.empty() ? text.size() : breaks.front().at; };
  for (std::size_t at = 0;;) {
    const std::size_t limit = nextBreak();
    if (at == limit) {
      if (breaks.empty())
        break;
      const std::uint8_t kind = breaks.front().kind;
      breaks = breaks.subspan(1);
      emitToken(Tokenizer::kBreak, kind, at, at, nextBreak());
      continue;
    }
    const std::string_view rest = text.substr(at, limit - at);
    const Needle *found = nullptr;
    if (begins[std::uint8_t(rest.front())])
      for (const Needle &needle : needles)
        if (rest.starts_with(needle.text) && allowed(needle, at)) {
          found = &needle;
          break;
        }
    if (found)
      emitToken(found->id, found->kind, at, at + found->text.size(), limit);
    at += found ? found->text.size() : 1;
  }
  emitText(text.size(), false);
}

} // namespace

template <typename T>
Status Tokenizer::bindSection(std::span<const std::uint8_t> table, const TokenizerSection &section,
                              const char *name, std::span<const T> &out) {
  if (section.offset % 8 != 0 || section.offset > table.size() ||
      section.bytes > table.size() - section.offset || section.bytes % sizeof(T) != 0)
    return bad(std::string("section ") + name + " does not lie within the file");
  out = {reinterpret_cast<const T *>(table.data() + section.offset), section.bytes / sizeof(T)};
  return {};
}

Result<Tokenizer> Tokenizer::fromTable(std::span<const std::uint8_t> table) {
  if (reinterpret_cast<std::uintptr_t>(table.data()) % alignof(TokenizerHeader) != 0)
    return Status(Code::Internal, "tokenizer.bin: the table is not aligned");
  if (table.size() < sizeof(TokenizerHeader))
    return bad("expected at least " + std::to_string(sizeof(TokenizerHeader)) + " bytes, found " +
               std::to_string(table.size()));
  const auto *header = reinterpret_cast<const TokenizerHeader *>(table.data());
  if (header->magic != kTokenizerMagic)
    return bad("expected a tokenizer table, found something else");
  if (header->version != kTokenizerVersion)
    return Status(Code::Incompatible, "tokenizer.bin: expected version " +
                                          std::to_string(kTokenizerVersion) + ", found " +
                                          std::to_string(header->version));
  if (header->fileBytes != table.size())
    return bad("expected " + std::to_string(header->fileBytes) + " bytes, found " +
               std::to_string(table.size()));

  Tokenizer result;
  result.header = header;
  const auto bind = [&](const TokenizerSection &section, const char *name, auto &out) {
    return result.bindSection(table, section, name, out);
  };
  BLUEC_RETURN_IF_ERROR(bind(header->tokenOffsets, "tokenOffsets", result.tokenOffsets));
  BLUEC_RETURN_IF_ERROR(bind(header->tokenBytes, "tokenBytes", result.tokenBytes));
  BLUEC_RETURN_IF_ERROR(bind(header->tokenKinds, "tokenKinds", result.tokenKinds));
  BLUEC_RETURN_IF_ERROR(bind(header->byteTokens, "byteTokens", result.byteTokens));
  BLUEC_RETURN_IF_ERROR(bind(header->merges, "merges", result.merges));
  BLUEC_RETURN_IF_ERROR(bind(header->mergeSlots, "mergeSlots", result.mergeSlots));
  BLUEC_RETURN_IF_ERROR(bind(header->wordSlots, "wordSlots", result.wordSlots));
  BLUEC_RETURN_IF_ERROR(bind(header->addedTokens, "addedTokens", result.addedTokens));
  BLUEC_RETURN_IF_ERROR(result.check());
  return result;
}

// After this, every index that the table holds can be used as it is, and every probe ends.
Status Tokenizer::check() const {
  const std::uint32_t tokens = header->tokens;
  if (tokens == 0 || tokens > 0x7fffffff || tokenKinds.size() != tokens ||
      tokenOffsets.size() != std::size_t(tokens) + 1)
    return bad("the sections do not hold " + std::to_string(tokens) + " tokens");
  if (byteTokens.size() != 256)
    return bad("section byteTokens: expected 256 entries, found " +
               std::to_string(byteTokens.size()));
  constexpr std::uint32_t kKnownFlags =
      TokenizerNfc | TokenizerPrefixSpace | TokenizerIgnoresMerges;
  if ((header->flags & ~kKnownFlags) != 0)
    return Status(Code::Incompatible,
                  "tokenizer.bin: it has flags that this runtime does not know");
  for (SplitStage stage : header->stages)
    if (stage > SplitStage::DigitsIndividual)
      return Status(Code::Incompatible,
                    "tokenizer.bin: it splits text in a way that this runtime does not know");

  if (!std::is_sorted(tokenOffsets.begin(), tokenOffsets.end()) ||
      tokenOffsets.back() > tokenBytes.size())
    return bad("section tokenOffsets leaves section tokenBytes");
  const auto isToken = [&](std::uint32_t id) { return id < tokens; };
  for (std::int32_t id : byteTokens)
    if (id != -1 && !isToken(std::uint32_t(id)))
      return bad("section byteTokens holds an id out of range");
  for (const TokenizerMerge &merge : merges)
    if (!isToken(merge.left) || !isToken(merge.right) || !isToken(merge.result))
      return bad("section merges holds an id out of range");
  if (!std::all_of(addedTokens.begin(), addedTokens.end(), isToken))
    return bad("section addedTokens holds an id out of range");

  const auto checkSlots = [&](std::span<const std::uint32_t> slots, std::size_t limit,
                              const char *name) -> Status {
    if (!std::has_single_bit(slots.size()))
      return bad(std::string("section ") + name + ": expected a power of two of entries, found " +
                 std::to_string(slots.size()));
    bool empty = false;
    for (std::uint32_t slot : slots) {
      empty |= slot == kEmptySlot;
      if (slot != kEmptySlot && slot >= limit)
        return bad(std::string("section ") + name + " holds an index out of range");
    }
    if (!empty)
      return bad(std::string("section ") + name + " has no empty entry");
    return {};
  };
  BLUEC_RETURN_IF_ERROR(checkSlots(mergeSlots, merges.size(), "mergeSlots"));
  return checkSlots(wordSlots, tokens, "wordSlots");
}

std::string_view Tokenizer::bytes(std::int32_t id) const {
  if (id < 0 || std::uint32_t(id) >= size())
    return {};
  const std::uint32_t begin = tokenOffsets[std::size_t(id)];
  return {tokenBytes.data() + begin, tokenOffsets[std::size_t(id) + 1] - begin};
}

bool Tokenizer::isSpecial(std::int32_t id) const {
  return id >= 0 && std::uint32_t(id) < size() && (tokenKinds[std::size_t(id)] & TokenSpecial);
}

std::int32_t Tokenizer::findAdded(std::string_view text) const {
  for (std::uint32_t id : addedTokens)
    if (bytes(std::int32_t(id)) == text)
      return std::int32_t(id);
  return -1;
}

std::uint8_t Tokenizer::kindOf(std::int32_t id) const {
  return id >= 0 && std::uint32_t(id) < size() ? tokenKinds[std::size_t(id)] : 0;
}

bool Tokenizer::isFoundInNormalized(std::uint32_t id) const {
  // Of special ones it has to be known who wrote them.
  return (tokenKinds[id] & TokenNormalized) && !(tokenKinds[id] & TokenSpecial);
}

std::vector<Tokenizer::Piece> Tokenizer::cut(std::span<const Span> spans) const {
  std::string text;
  std::string writers; // of each byte: who wrote it
  constexpr char kUser = 'u', kTemplate = 't';
  std::vector<TextBreak> breaks;
  for (const Span &span : spans) {
    if (span.isBreak)
      breaks.push_back({text.size(), kindOf(span.like)});
    text += span.text;
    writers.resize(text.size(), span.trust == Trust::User ? kUser : kTemplate);
  }
  std::vector<Needle> needles;
  for (std::uint32_t id : addedTokens)
    if (const std::string_view token = bytes(std::int32_t(id));
        !token.empty() && !isFoundInNormalized(id))
      needles.push_back({std::int32_t(id), tokenKinds[id], std::string(token)});
  const auto allowed = [&](const Needle &needle, std::size_t at) {
    const std::string_view wrote = std::string_view(writers).substr(at, needle.text.size());
    return !(needle.kind & TokenSpecial) || wrote.find(kUser) == wrote.npos;
  };
  std::vector<Piece> pieces;
  cutText(text, needles, breaks, allowed, [&](std::string_view part, std::int32_t token) {
    pieces.push_back({std::string(part), token});
  });
  return pieces;
}

void Tokenizer::encode(const Piece &piece, std::vector<std::int32_t> &ids) const {
  if (piece.token >= 0)
    ids.push_back(piece.token);
  if (piece.token != kText || !header || piece.text.empty())
    return;
  const bool composes = header->flags & TokenizerNfc;
  const auto normalize = [&](std::string_view text) {
    return composes ? composeCanonically(text) : std::string(text);
  };
  std::vector<Needle> needles;
  for (std::uint32_t id : addedTokens)
    if (isFoundInNormalized(id) && !bytes(std::int32_t(id)).empty())
      needles.push_back({std::int32_t(id), tokenKinds[id], normalize(bytes(std::int32_t(id)))});
  std::stable_sort(needles.begin(), needles.end(),
                   [](const Needle &a, const Needle &b) { return a.text.size() > b.text.size(); });
  const auto allowed = [](const Needle &, std::size_t) { return true; };
  const std::string text = normalize(piece.text);
  cutText(text, needles, {}, allowed, [&](std::string_view part, std::int32_t token) {
    if (token == kText)
      encodeText(part, ids);
    else
      ids.push_back(token);
  });
}

void Tokenizer::encodeText(std::string_view part, std::vector<std::int32_t> &ids) const {
  std::string text(part);
  if ((header->flags & TokenizerPrefixSpace) && text.front() != ' ')
    text.insert(text.begin(), ' ');
  for (std::string_view word : splitWords(text, header->stages))
    encodeWord(word, ids);
}

Result<std::vector<std::int32_t>> Tokenizer::encode(std::string_view text, Trust trust) const {
  if (const std::size_t at = findInvalidUtf8(text); at != text.size())
    return Status(Code::InvalidArgument,
                  "text: expected utf-8, found something else at byte " + std::to_string(at));
  std::vector<std::int32_t> ids;
  const Span span{text, trust};
  for (const Piece &piece : cut({&span, 1}))
    encode(piece, ids);
  return ids;
}

std::uint32_t Tokenizer::findMerge(std::uint32_t left, std::uint32_t right) const {
  const std::size_t mask = mergeSlots.size() - 1;
  for (std::size_t slot = hashPair(left, right) & mask;; slot = (slot + 1) & mask) {
    const std::uint32_t rank = mergeSlots[slot];
    if (rank == kEmptySlot || (merges[rank].left == left && merges[rank].right == right))
      return rank;
  }
}

std::int32_t Tokenizer::findWord(std::string_view word) const {
  const std::size_t mask = wordSlots.size() - 1;
  for (std::size_t slot = hashBytes(word) & mask;; slot = (slot + 1) & mask) {
    const std::uint32_t id = wordSlots[slot];
    if (id == kEmptySlot)
      return -1;
    if (bytes(std::int32_t(id)) == word)
      return std::int32_t(id);
  }
}

void Tokenizer::encodeWord(std::string_view word, std::vector<std::int32_t> &ids) const {
  if (header->flags & TokenizerIgnoresMerges) {
    if (const std::int32_t id = findWord(word); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (char c : word)
    if (const std::int32_t id = byteTokens[std::uint8_t(c)]; id >= 0)
      symbols.push_back({std::uint32_t(id), int(symbols.size()) - 1, int(symbols.size()) + 1});
  if (symbols.empty())
    return;
  symbols.back().after = -1;

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto rankAt = [&](int at) {
    const Symbol &symbol = symbols[std::size_t(at)];
    return symbol.after < 0 ? kEmptySlot
                            : findMerge(symbol.token, symbols[std::size_t(symbol.after)].token);
  };
  const auto consider = [&](int at) {
    if (const std::uint32_t rank = rankAt(at); rank != kEmptySlot)
      queue.push({rank, at});
  };
  for (int at = 0; at < int(symbols.size()); ++at)
    consider(at);

  constexpr int kGone = -2; // `before` of a symbol that was merged into the one before it
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol &symbol = symbols[std::size_t(best.at)];
    // What the queue says may be out of date: one of the two has since been merged.
    if (symbol.before == kGone || rankAt(best.at) != best.rank)
      continue;
    Symbol &next = symbols[std::size_t(symbol.after)];
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

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool withSpecial) const {
  Utf8Stream stream;
  std::string text;
  for (std::int32_t id : ids)
    if (withSpecial || !isSpecial(id))
      text += stream.push(bytes(id));
  return text + stream.finish();
}

} // namespace bluec::runtime
