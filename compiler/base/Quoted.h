// Strings of a model in messages.
#ifndef BLUEC_COMPILER_BASE_QUOTED_H
#define BLUEC_COMPILER_BASE_QUOTED_H

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace bluec {

/// `text` in quotes, on one line whatever is in it, cut where it is longer than any real name.
inline std::string inQuotes(llvm::StringRef text) {
  constexpr size_t kMaxLength = 200;
  std::string result;
  llvm::raw_string_ostream stream(result);
  stream << '"';
  llvm::printEscapedString(text.take_front(kMaxLength), stream);
  stream << (text.size() > kMaxLength ? "...\"" : "\"");
  return result;
}

} // namespace bluec

#endif // BLUEC_COMPILER_BASE_QUOTED_H
