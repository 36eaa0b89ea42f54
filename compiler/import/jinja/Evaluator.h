#ifndef BLUEC_COMPILER_IMPORT_JINJA_EVALUATOR_H
#define BLUEC_COMPILER_IMPORT_JINJA_EVALUATOR_H

#include "compiler/import/jinja/Scope.h"
#include "compiler/import/jinja/Syntax.h"
#include "compiler/import/jinja/Template.h"

namespace bluec::jinja {

/// Walks a template's tree, once.
class Evaluator {
public:
  /// `line`: where a Fault comes from that run() throws.
  Evaluator(const Dictionary &variables, const RenderOptions &options, Budget &budget, int &line)
      : variables(variables), options(options), budget(budget), line(line) {}

  /// What the template prints.
  std::string run(const Block &body);

private:
  enum class Flow { Next, Break, Continue };

  /// Keeps the recursion of the evaluator within what its stack holds.
  class Level {
  public:
    explicit Level(Evaluator &evaluator) : evaluator(evaluator) {
      // A template's own nesting is limited by the parser: these are levels through macros.
      constexpr int kTimes = 5;
      if (++evaluator.levels > kTimes * evaluator.budget.limit().depth)
        fail("expected fewer calls of macros within each other, found more");
    }
    ~Level() { --evaluator.levels; }
    Level(const Level &) = delete;
    Level &operator=(const Level &) = delete;

  private:
    Evaluator &evaluator;
  };

  // Statements.
  Flow execute(const Block &block, const ScopePtr &scope, std::string &out);
  Flow execute(const Statement &statement, const ScopePtr &scope, std::string &out);
  Flow executeIf(const Statement &statement, const ScopePtr &scope, std::string &out);
  Flow executeFor(const Statement &statement, const ScopePtr &scope, std::string &out);
  Flow executeSetBlock(const Statement &statement, const ScopePtr &scope);
  Flow executeWith(const Statement &statement, const ScopePtr &scope, std::string &out);
  Flow executeFilter(const Statement &statement, const ScopePtr &scope, std::string &out);
  void executeCallBlock(const Statement &statement, const ScopePtr &scope, std::string &out);
  void executeGeneration(const Statement &statement, const ScopePtr &scope, std::string &out);
  std::shared_ptr<Iterator> filtered(const Statement &statement, const ScopePtr &scope,
                                     std::shared_ptr<Iterator> source);
  void assign(const Target &target, const Value &value, const ScopePtr &scope);
  void write(std::string_view text, std::string &out);

  // Macros.
  Value macroValue(const MacroSyntax &macro, const ScopePtr &scope);
  Value callMacro(const MacroSyntax &macro, const ScopePtr &definedIn, Arguments &arguments);
  void bindMacro(const MacroSyntax &macro, const ScopePtr &inside, Arguments &arguments);

  // Expressions.
  Value evaluate(const Expression &expression, const ScopePtr &scope);
  Value evaluateUnary(const Expression &expression, const ScopePtr &scope);
  Value evaluateContainer(const Expression &expression, const ScopePtr &scope);
  Value evaluateLookup(const Expression &expression, const ScopePtr &scope);
  Value evaluateChoice(const Expression &expression, const ScopePtr &scope);
  Value evaluateConcat(const Expression &expression, const ScopePtr &scope);
  Value evaluateComparison(const Expression &expression, const ScopePtr &scope);
  Value evaluateCall(const Expression &expression, const ScopePtr &scope, const Value *caller);
  Value evaluateFilter(const Expression &expression, const ScopePtr &scope, const Value *operand);
  Value evaluateTest(const Expression &expression, const ScopePtr &scope);
  Arguments evaluateArguments(const Expression &expression, const ScopePtr &scope);
  Value lookUp(const std::string &name, const ScopePtr &scope);
  Value evaluateOr(const ExpressionPtr &expression, const ScopePtr &scope, Value absent) {
    return expression ? evaluate(*expression, scope) : std::move(absent);
  }

  const Dictionary &variables;
  const RenderOptions &options;
  Budget &budget;
  int &line;
  Keeper keeper;
  int levels = 0, calls = 0;
};

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_EVALUATOR_H
