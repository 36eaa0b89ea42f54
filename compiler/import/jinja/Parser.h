#ifndef BLUEC_COMPILER_IMPORT_JINJA_PARSER_H
#define BLUEC_COMPILER_IMPORT_JINJA_PARSER_H

#include "compiler/import/jinja/Syntax.h"

namespace bluec::jinja {

/// Throws a Fault and sets `line` to where.
Syntax parseTemplate(std::string_view text, const Limits &limits, int &line);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_PARSER_H
