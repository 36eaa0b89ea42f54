// What methods of str and filters share.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_TEXTMETHODS_H
#define BLUEC_COMPILER_IMPORT_JINJA_TEXTMETHODS_H

#include "compiler/import/jinja/Builtins.h"

namespace bluec::jinja {

/// str.replace; a negative `count` is no limit.
std::string replaceAll(std::string_view text, std::string_view old, std::string_view with,
                       int64_t count, Budget &budget);
/// To `width` code points; `align` is '<', '>' or '^'.
std::string justify(std::string_view text, int64_t width, std::string_view fill, char align,
                    Budget &budget);

std::span<const Builtin> textMethods();

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_TEXTMETHODS_H
