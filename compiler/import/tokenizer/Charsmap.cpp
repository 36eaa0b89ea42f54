#include "compiler/import/tokenizer/Charsmap.h"

#include "runtime/text/Unicode.h"

#include <optional>

namespace bluec::tokenizer {

using namespace bluec::runtime;

namespace {

constexpr std::size_t kLongestKey = 5;
constexpr std::size_t kMostNodes = 1'000'000;

Status bad(const std::string &message) { return {Code::InvalidArgument, message}; }

std::optional<std::string> decodeBase64(std::string_view text) {
  while (text.ends_with('='))
    text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = kDigits.find(c);
    if (digit == kDigits.npos)
      return std::nullopt;
    bits = bits << 6 | std::uint32_t(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += char(bits >> count & 0xff);
    }
  }
  return bytes;
}

// The double array of Darts: a node's children are at its offset, exclusive-or their byte.
class CharsmapTrie {
public:
  CharsmapTrie(std::string_view units, Charsmap &map) : units(units), map(map) {}

  Status visit(std::size_t node, std::string &key) {
    if (++visited > kMostNodes)
      return bad("expected at most " + std::to_string(kMostNodes) + " nodes, found more");
    for (std::uint32_t byte = 1; byte < 256; ++byte) {
      const std::size_t at = node ^ byte;
      if (at >= count() || (unit(at) & 0x800000ff) != byte)
        continue;
      key.push_back(char(byte));
      const std::size_t child = at ^ offset(unit(at));
      if (unit(at) >> 8 & 1)
        BLUEC_RETURN_IF_ERROR(addLeaf(child, key));
      else if (key.size() < kLongestKey)
        BLUEC_RETURN_IF_ERROR(visit(child, key));
      key.pop_back();
    }
    return {};
  }

  std::size_t root() const { return offset(unit(0)); }

private:
  std::size_t count() const { return units.size() / 4; }
  std::uint32_t unit(std::size_t i) const {
    std::uint32_t value = 0;
    for (int byte = 3; byte >= 0; --byte)
      value = value << 8 | std::uint8_t(units[i * 4 + std::size_t(byte)]);
    return value;
  }
  static std::size_t offset(std::uint32_t unit) {
    return std::size_t(unit >> 10) << ((unit & 0x200) >> 6);
  }

  Status addLeaf(std::size_t at, const std::string &key) {
    const std::size_t value = at < count() ? unit(at) & 0x7fffffff : map.values.size();
    if (value >= map.values.size())
      return bad("expected values behind the trie, found one out of range");
    const std::size_t end = std::min(map.values.find('\0', value), map.values.size());
    if (findInvalidUtf8(std::string_view(map.values).substr(value, end - value)) != end - value)
      return bad("expected values of utf-8, found another");
    map.entries.push_back({key, value, end - value});
    return {};
  }

  std::string_view units;
  Charsmap &map;
  std::size_t visited = 0;
};

} // namespace

Result<Charsmap> readCharsmap(std::string_view base64) {
  const std::optional<std::string> bytes = decodeBase64(base64);
  if (!bytes || bytes->size() < 4)
    return bad("expected base64 of a character map, found something else");
  std::size_t trieBytes = 0;
  for (int byte = 3; byte >= 0; --byte)
    trieBytes = trieBytes << 8 | std::uint8_t((*bytes)[std::size_t(byte)]);
  if (trieBytes < 4 || trieBytes % 4 != 0 || trieBytes > bytes->size() - 4)
    return bad("expected a trie of as many bytes as it says, found " +
               std::to_string(bytes->size() - 4));
  Charsmap map;
  map.values = bytes->substr(4 + trieBytes);
  CharsmapTrie trie(std::string_view(*bytes).substr(4, trieBytes), map);
  std::string key;
  BLUEC_RETURN_IF_ERROR(trie.visit(trie.root(), key));
  return map;
}

} // namespace bluec::tokenizer
