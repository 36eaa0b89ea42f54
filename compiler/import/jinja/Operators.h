// Python's operators and look-ups on values.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_OPERATORS_H
#define BLUEC_COMPILER_IMPORT_JINJA_OPERATORS_H

#include "compiler/import/jinja/Value.h"

namespace bluec::jinja {

enum class Operator { Add, Sub, Mul, Div, FloorDiv, Mod, Pow };
Value applyOperator(Operator op, const Value &a, const Value &b, Budget &budget);
Value negate(const Value &value);
Value plus(const Value &value);
Value absolute(const Value &value);

enum class Comparison { Eq, Ne, Lt, Le, Gt, Ge, In, NotIn };
bool applyComparison(Comparison op, const Value &a, const Value &b, Budget &budget);
bool contains(const Value &container, const Value &value, Budget &budget);

/// `a.name`: a method or an attribute, then an item.
Value attributeOf(const Value &value, std::string_view name, Budget &budget);
/// `a[key]`: an item, then an attribute.
Value itemOf(const Value &value, const Value &key, Budget &budget);
/// Bounds that are None are left out.
Value sliceOf(const Value &value, const Value &start, const Value &stop, const Value &step,
              Budget &budget);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_OPERATORS_H
