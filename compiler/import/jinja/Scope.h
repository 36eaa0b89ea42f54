// Variables of a template while it is evaluated, and what may refer back to them.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_SCOPE_H
#define BLUEC_COMPILER_IMPORT_JINJA_SCOPE_H

#include "compiler/import/jinja/Value.h"

namespace bluec::jinja {

struct Scope {
  std::shared_ptr<Scope> parent;
  std::unordered_map<std::string, Value> names;
};
using ScopePtr = std::shared_ptr<Scope>;

/// Keeps what can be part of a cycle or of a long chain, a namespace or a scope that a macro sees,
/// and empties it at the end: nothing leaks, and nothing is destroyed by deep recursion.
class Keeper {
public:
  Keeper() = default;
  Keeper(const Keeper &) = delete;
  Keeper &operator=(const Keeper &) = delete;
  ~Keeper() {
    for (const ScopePtr &scope : scopes) {
      scope->names.clear();
      scope->parent.reset();
    }
    for (const std::shared_ptr<Namespace> &space : spaces)
      space->members.clear();
  }

  void keep(ScopePtr scope) {
    if (scopes.empty() || scopes.back() != scope)
      scopes.push_back(std::move(scope));
  }
  void keep(std::shared_ptr<Namespace> space) { spaces.push_back(std::move(space)); }

private:
  std::vector<ScopePtr> scopes;
  std::vector<std::shared_ptr<Namespace>> spaces;
};

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_SCOPE_H
