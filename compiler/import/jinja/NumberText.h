// Numbers from text, as Python's int() and float() read them.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_NUMBERTEXT_H
#define BLUEC_COMPILER_IMPORT_JINJA_NUMBERTEXT_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace bluec::jinja {

/// Nothing for what is no number; fails for one that is too large.
std::optional<int64_t> parseWhole(std::string_view text);
std::optional<double> parseReal(std::string_view text);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_NUMBERTEXT_H
