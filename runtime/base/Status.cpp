#include "base/Status.h"

#include <cstring>

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

std::string reasonOf(int error) {
  std::string reason = std::strerror(error);
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z')
    reason[0] = char(reason[0] - 'A' + 'a');
  return reason;
}

} // namespace bluec::runtime
