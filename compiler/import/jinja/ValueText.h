// Values as text: Python's str() and repr(), and JSON as json.dumps writes it.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_VALUETEXT_H
#define BLUEC_COMPILER_IMPORT_JINJA_VALUETEXT_H

#include "compiler/import/jinja/Value.h"

namespace bluec::jinja {

std::string strOf(const Value &value, Budget &budget);
std::string reprOf(const Value &value, Budget &budget);
std::string reprOf(std::string_view text);

/// The shortest digits that give the number back, as Python writes them.
std::string floatText(double value);

struct JsonStyle {
  bool ensuresAscii = false;
  std::optional<std::string> indent; // of one level; nothing: all on one line
  std::string itemSeparator = ", ", keySeparator = ": ";
  bool sortsKeys = false;
};
std::string jsonOf(const Value &value, const JsonStyle &style, Budget &budget);

/// With &, <, >, ' and " as entities.
std::string escapeHtml(std::string_view text);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_VALUETEXT_H
