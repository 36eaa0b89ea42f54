// Python's two ways to format: "%s" % value and "{}".format(value), in their plain forms.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_FORMAT_H
#define BLUEC_COMPILER_IMPORT_JINJA_FORMAT_H

#include "compiler/import/jinja/Value.h"

namespace bluec::jinja {

/// Conversions s, r, d, i, f, x and %, with flags, width and precision.
Value formatPercent(const Value &format, const Value &values, Budget &budget);
/// {}, {0}, {name}, with !s and !r and [[fill]align][0][width][.precision][s|d|f|x].
std::string formatBraces(std::string_view format, const Arguments &arguments, Budget &budget);
/// Correctly rounded, as Python does it.
std::string fixedText(double value, int digits);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_FORMAT_H
