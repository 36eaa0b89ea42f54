#include "base/Status.h"

namespace bluec::runtime {

std::string inQuotes(std::string_view text) {
  constexpr std::size_t kLimit = 80;
  std::string out = "'";
  for (char c : text.substr(0, kLimit))
    out += (c >= 0x20 && c < 0x7f) ? c : '?';
  if (text.size() > kLimit)
    out += "...";
  out += "'";
  return out;
}

} // namespace bluec::runtime
