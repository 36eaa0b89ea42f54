#include "base/Status.h"

namespace bluec::runtime {

std::string inQuotes(std::string_view text) {
  constexpr std::size_t limit = 80;
  std::string out = "'";
  for (char c : text.substr(0, limit))
    out += (c >= 0x20 && c < 0x7f) ? c : '?';
  if (text.size() > limit)
    out += "...";
  out += "'";
  return out;
}

} // namespace bluec::runtime
