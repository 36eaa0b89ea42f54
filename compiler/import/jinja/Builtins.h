// Filters, tests, methods and functions that templates find without defining them.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_BUILTINS_H
#define BLUEC_COMPILER_IMPORT_JINJA_BUILTINS_H

#include "compiler/import/jinja/Value.h"

#include <span>

namespace bluec::jinja {

struct Builtin;

/// One call of a built-in: its arguments by the place of their parameters.
class Call {
public:
  Call(const Builtin &builtin, const char *sort, const Value &self, Arguments arguments,
       Budget &budget);

  Budget &budget;
  const Value self; // what is filtered, tested, or whose method is called

  size_t count() const { return places.size(); }
  /// Undefined when it was not given.
  const Value &at(size_t place) const;
  bool has(size_t place) const { return places[place] != nullptr; }
  /// Fails for another kind of value; `absent` when it was not given or, for whole(), is None.
  int64_t whole(size_t place, int64_t absent) const;
  bool truth(size_t place, bool absent) const;
  /// A truth that Python takes as a number only.
  bool flag(size_t place) const;
  const std::string &text(size_t place) const;
  const Text &selfText() const;
  /// str() of what is filtered.
  std::string selfStr() const;
  bool selfIsSafe() const { return self.text() && self.text()->isSafe; }
  /// All arguments, of a built-in that takes any.
  Arguments &all() { return arguments; }
  std::string who() const { return name; }
  /// Of all that an iterator over the result may hold.
  int depth() const;

private:
  void bind(const Builtin &builtin);

  std::string name;
  Arguments arguments;
  std::vector<const Value *> places;
};

struct Builtin {
  std::string_view name;
  /// Names of the parameters; "*": any, which are not bound; a leading "/": by place only.
  std::string_view parameters;
  size_t required;
  Value (*function)(Call &call);
};

/// Null without one of that name.
const Builtin *findFilter(std::string_view name);
const Builtin *findTest(std::string_view name);
Value callFilter(const Builtin &filter, const Value &value, Arguments arguments, Budget &budget);
bool callTest(const Builtin &test, const Value &value, Arguments arguments, Budget &budget);

/// The method, bound to `value`; what is no method of that type in Python is nothing. One that
/// changes its object is undefined; one that bluec does not evaluate fails when it is called.
std::optional<Value> methodOf(const Value &value, std::string_view name, Budget &budget);

// Parts of the tables, each in its own file.
std::span<const Builtin> textFilters();
std::span<const Builtin> numberFilters();
std::span<const Builtin> sequenceFilters();

/// The value at a path such as "function.name" or "0", as filters name it.
Value valueAtPath(const Value &value, const Value &path, Budget &budget);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_BUILTINS_H
