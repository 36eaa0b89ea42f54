// Functions that every template finds.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_GLOBALS_H
#define BLUEC_COMPILER_IMPORT_JINJA_GLOBALS_H

#include "compiler/import/jinja/Scope.h"
#include "compiler/import/jinja/Template.h"

namespace bluec::jinja {

/// Nothing without one of that name.
std::optional<Value> globalOf(std::string_view name, const RenderOptions &options, Keeper &keeper,
                              Budget &budget);

/// Fails for a name that namespaces do not take.
void checkAttributeName(std::string_view name);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_GLOBALS_H
