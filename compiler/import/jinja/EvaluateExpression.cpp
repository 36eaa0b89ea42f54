// What the evaluator does with expressions.
#include "compiler/import/jinja/Builtins.h"
#include "compiler/import/jinja/Evaluator.h"
#include "compiler/import/jinja/Globals.h"
#include "compiler/import/jinja/ValueText.h"

using namespace bluec::jinja;

using Node = Expression::Kind;

Value Evaluator::lookUp(const std::string &name, const ScopePtr &scope) {
  for (const Scope *one = scope.get(); one; one = one->parent.get()) {
    budget.spend();
    const auto found = one->names.find(name);
    if (found != one->names.end())
      return found->second;
  }
  if (const Value *found = variables.find(name))
    return *found;
  if (std::optional<Value> found = globalOf(name, options, keeper, budget))
    return *found;
  return Value::undefined("'" + name + "'");
}

Value Evaluator::evaluate(const Expression &expression, const ScopePtr &scope) {
  const Level level(*this);
  budget.spend();
  line = expression.line;
  switch (expression.kind) {
  case Node::Constant:
    return expression.constant;
  case Node::Name:
    return lookUp(expression.name, scope);
  case Node::List:
  case Node::Tuple:
  case Node::Dict:
    return evaluateContainer(expression, scope);
  case Node::Attribute:
  case Node::Item:
  case Node::Slice:
    return evaluateLookup(expression, scope);
  case Node::Call:
    return evaluateCall(expression, scope, nullptr);
  case Node::Filter:
    return evaluateFilter(expression, scope, nullptr);
  case Node::Test:
    return evaluateTest(expression, scope);
  case Node::Not:
  case Node::Negate:
  case Node::Plus:
    return evaluateUnary(expression, scope);
  case Node::Binary: {
    const Value left = evaluate(*expression.operands[0], scope);
    const Value right = evaluate(*expression.operands[1], scope);
    line = expression.line;
    return applyOperator(expression.operation, left, right, budget);
  }
  case Node::Concat:
    return evaluateConcat(expression, scope);
  case Node::Comparison:
    return evaluateComparison(expression, scope);
  case Node::And:
  case Node::Or:
  case Node::Conditional:
    return evaluateChoice(expression, scope);
  }
  return {};
}

Value Evaluator::evaluateUnary(const Expression &expression, const ScopePtr &scope) {
  const Value operand = evaluate(*expression.operands[0], scope);
  line = expression.line;
  if (expression.kind == Node::Not)
    return !operand.isTrue();
  return expression.kind == Node::Negate ? negate(operand) : plus(operand);
}

Value Evaluator::evaluateContainer(const Expression &expression, const ScopePtr &scope) {
  std::vector<Value> values;
  for (const ExpressionPtr &operand : expression.operands)
    values.push_back(evaluate(*operand, scope));
  line = expression.line;
  if (expression.kind == Node::List)
    return makeList(std::move(values), budget);
  if (expression.kind == Node::Tuple)
    return makeTuple(std::move(values), budget);
  Dictionary dictionary;
  for (size_t i = 0; i < values.size(); i += 2)
    dictionary.set(values[i], values[i + 1], budget);
  return makeDict(std::move(dictionary), budget);
}

Value Evaluator::evaluateLookup(const Expression &expression, const ScopePtr &scope) {
  const Value of = evaluate(*expression.operands[0], scope);
  if (expression.kind == Node::Attribute) {
    line = expression.line;
    return attributeOf(of, expression.name, budget);
  }
  if (expression.kind == Node::Item) {
    const Value key = evaluate(*expression.operands[1], scope);
    line = expression.line;
    return itemOf(of, key, budget);
  }
  const Value start = evaluateOr(expression.operands[1], scope, Value::none());
  const Value stop = evaluateOr(expression.operands[2], scope, Value::none());
  const Value step = evaluateOr(expression.operands[3], scope, Value::none());
  line = expression.line;
  return sliceOf(of, start, stop, step, budget);
}

Value Evaluator::evaluateChoice(const Expression &expression, const ScopePtr &scope) {
  Value first = evaluate(*expression.operands[0], scope);
  const bool isTrue = first.isTrue();
  if (expression.kind == Node::And)
    return isTrue ? evaluate(*expression.operands[1], scope) : first;
  if (expression.kind == Node::Or)
    return isTrue ? first : evaluate(*expression.operands[1], scope);
  return evaluateOr(expression.operands[isTrue ? 1 : 2], scope,
                    Value::undefined("else of an inline if"));
}

Value Evaluator::evaluateConcat(const Expression &expression, const ScopePtr &scope) {
  std::string text;
  for (const ExpressionPtr &operand : expression.operands)
    write(strOf(evaluate(*operand, scope), budget), text);
  return makeText(std::move(text), budget);
}

Value Evaluator::evaluateComparison(const Expression &expression, const ScopePtr &scope) {
  Value left = evaluate(*expression.operands[0], scope);
  for (size_t i = 0; i < expression.comparisons.size(); ++i) {
    Value right = evaluate(*expression.operands[i + 1], scope);
    line = expression.line;
    if (!applyComparison(expression.comparisons[i], left, right, budget))
      return false;
    left = std::move(right);
  }
  return true;
}

/// All operands but the first.
Arguments Evaluator::evaluateArguments(const Expression &expression, const ScopePtr &scope) {
  Arguments arguments;
  const size_t count = expression.operands.size();
  const size_t firstNamed = count - expression.keywords.size();
  for (size_t i = 1; i < count; ++i) {
    Value value = evaluate(*expression.operands[i], scope);
    if (i < firstNamed)
      arguments.positional.push_back(std::move(value));
    else
      arguments.named.emplace_back(expression.keywords[i - firstNamed], std::move(value));
  }
  line = expression.line;
  return arguments;
}

Value Evaluator::evaluateCall(const Expression &expression, const ScopePtr &scope,
                              const Value *caller) {
  const Value function = evaluate(*expression.operands[0], scope);
  Arguments arguments = evaluateArguments(expression, scope);
  if (caller)
    arguments.named.emplace_back("caller", *caller);
  if (!function.callable())
    failExpected("a function to call", function);
  return function.callable()->call(arguments);
}

/// `operand`: what a block's first filter is applied to.
Value Evaluator::evaluateFilter(const Expression &expression, const ScopePtr &scope,
                                const Value *operand) {
  Value value;
  if (!expression.operands[0])
    value = operand ? *operand : Value();
  else if (operand)
    value = evaluateFilter(*expression.operands[0], scope, operand);
  else
    value = evaluate(*expression.operands[0], scope);
  Arguments arguments = evaluateArguments(expression, scope);
  const Builtin *filter = findFilter(expression.name);
  if (!filter)
    fail("expected a filter that bluec evaluates, found '" + expression.name + "'");
  return callFilter(*filter, value, std::move(arguments), budget);
}

Value Evaluator::evaluateTest(const Expression &expression, const ScopePtr &scope) {
  const Value value = evaluate(*expression.operands[0], scope);
  Arguments arguments = evaluateArguments(expression, scope);
  const Builtin *test = findTest(expression.name);
  if (!test)
    fail("expected a test that bluec evaluates, found '" + expression.name + "'");
  return callTest(*test, value, std::move(arguments), budget);
}
