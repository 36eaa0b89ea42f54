#include "compiler/import/jinja/Evaluator.h"

#include "compiler/import/jinja/Globals.h"
#include "compiler/import/jinja/LoopState.h"
#include "compiler/import/jinja/ValueText.h"

#include <algorithm>

using namespace bluec::jinja;

using Tag = Statement::Kind;

static ScopePtr within(const ScopePtr &parent) {
  auto scope = std::make_shared<Scope>();
  scope->parent = parent;
  return scope;
}

//===------------------------------------------------------------------------------------------===//
// Statements
//===------------------------------------------------------------------------------------------===//

std::string Evaluator::run(const Block &body) {
  std::string out;
  execute(body, std::make_shared<Scope>(), out);
  return out;
}

void Evaluator::write(std::string_view text, std::string &out) {
  budget.spendText(text.size());
  out += text;
  if (out.size() > budget.limit().outputBytes)
    budget.spendText(out.size()); // fails
}

Evaluator::Flow Evaluator::execute(const Block &block, const ScopePtr &scope, std::string &out) {
  const Level level(*this);
  for (const Statement &statement : block) {
    budget.spend();
    line = statement.line;
    const Flow flow = execute(statement, scope, out);
    if (flow != Flow::Next)
      return flow;
  }
  return Flow::Next;
}

Evaluator::Flow Evaluator::execute(const Statement &statement, const ScopePtr &scope,
                                   std::string &out) {
  switch (statement.kind) {
  case Tag::Data:
    write(statement.text.text()->bytes, out);
    break;
  case Tag::Print:
    for (const ExpressionPtr &expression : statement.expressions)
      write(strOf(evaluate(*expression, scope), budget), out);
    break;
  case Tag::If:
    return executeIf(statement, scope, out);
  case Tag::For:
    return executeFor(statement, scope, out);
  case Tag::Set:
    assign(statement.targets[0], evaluate(*statement.expressions[0], scope), scope);
    break;
  case Tag::SetBlock:
    return executeSetBlock(statement, scope);
  case Tag::Macro:
    scope->names[statement.macro->name] = macroValue(*statement.macro, scope);
    break;
  case Tag::CallBlock:
    executeCallBlock(statement, scope, out);
    break;
  case Tag::Filter:
    return executeFilter(statement, scope, out);
  case Tag::With:
    return executeWith(statement, scope, out);
  case Tag::Generation:
    executeGeneration(statement, scope, out);
    break;
  case Tag::Break:
    return Flow::Break;
  case Tag::Continue:
    return Flow::Continue;
  }
  return Flow::Next;
}

Evaluator::Flow Evaluator::executeIf(const Statement &statement, const ScopePtr &scope,
                                     std::string &out) {
  const size_t tests = statement.expressions.size();
  for (size_t i = 0; i < tests; ++i)
    if (evaluate(*statement.expressions[i], scope).isTrue())
      return execute(statement.blocks[i], scope, out);
  return statement.blocks.size() > tests ? execute(statement.blocks[tests], scope, out)
                                         : Flow::Next;
}

/// Those for which the loop's own `if` holds, asked one by one while the loop runs.
std::shared_ptr<Iterator> Evaluator::filtered(const Statement &statement, const ScopePtr &scope,
                                              std::shared_ptr<Iterator> source) {
  const int depth = source->depth;
  return makeIterator(
      depth,
      [this, &statement, scope, source = std::move(source)]() -> std::optional<Value> {
        while (std::optional<Value> value = source->next()) {
          const ScopePtr inside = within(scope);
          assign(statement.targets[0], *value, inside);
          if (evaluate(*statement.expressions[1], inside).isTrue())
            return value;
        }
        return std::nullopt;
      },
      budget);
}

Evaluator::Flow Evaluator::executeFor(const Statement &statement, const ScopePtr &scope,
                                      std::string &out) {
  const Value values = evaluate(*statement.expressions[0], scope);
  std::shared_ptr<Iterator> source = iterate(values, budget);
  std::optional<size_t> known = values.length();
  if (statement.expressions[1]) {
    source = filtered(statement, scope, std::move(source));
    known = std::nullopt;
  }
  const auto loop = std::make_shared<LoopState>(std::move(source), known, 0, budget);
  // As Jinja has it: what leaves its body early does not count.
  bool isComplete = false;
  while (const std::optional<Value> value = loop->next()) {
    const ScopePtr inside = within(scope);
    inside->names["loop"] = Value(std::shared_ptr<Loop>(loop));
    assign(statement.targets[0], *value, inside);
    const Flow flow = execute(statement.blocks[0], inside, out);
    isComplete |= flow == Flow::Next;
    if (flow == Flow::Break)
      break;
  }
  return isComplete ? Flow::Next : execute(statement.blocks[1], within(scope), out);
}

Evaluator::Flow Evaluator::executeSetBlock(const Statement &statement, const ScopePtr &scope) {
  const ScopePtr inside = within(scope);
  std::string text;
  const Flow flow = execute(statement.blocks[0], inside, text);
  if (flow != Flow::Next)
    return flow;
  Value value = makeText(std::move(text), budget);
  if (statement.expressions[0])
    value = evaluateFilter(*statement.expressions[0], inside, &value);
  assign(statement.targets[0], value, scope);
  return Flow::Next;
}

Evaluator::Flow Evaluator::executeWith(const Statement &statement, const ScopePtr &scope,
                                       std::string &out) {
  const ScopePtr inside = within(scope);
  for (size_t i = 0; i < statement.targets.size(); ++i)
    assign(statement.targets[i], evaluate(*statement.expressions[i], scope), inside);
  return execute(statement.blocks[0], inside, out);
}

Evaluator::Flow Evaluator::executeFilter(const Statement &statement, const ScopePtr &scope,
                                         std::string &out) {
  const ScopePtr inside = within(scope);
  std::string text;
  const Flow flow = execute(statement.blocks[0], inside, text);
  if (flow != Flow::Next)
    return flow;
  const Value value = makeText(std::move(text), budget);
  write(strOf(evaluateFilter(*statement.expressions[0], inside, &value), budget), out);
  return Flow::Next;
}

void Evaluator::executeCallBlock(const Statement &statement, const ScopePtr &scope,
                                 std::string &out) {
  const Value caller = macroValue(*statement.macro, scope);
  write(strOf(evaluateCall(*statement.expressions[0], scope, &caller), budget), out);
}

/// Jinja makes it a macro that is called once.
void Evaluator::executeGeneration(const Statement &statement, const ScopePtr &scope,
                                  std::string &out) {
  Arguments none;
  write(callMacro(*statement.macro, scope, none).text()->bytes, out);
}

void Evaluator::assign(const Target &target, const Value &value, const ScopePtr &scope) {
  budget.spend();
  switch (target.kind) {
  case Target::Kind::Name:
    scope->names[target.name] = value;
    break;
  case Target::Kind::Attribute: {
    const Value of = lookUp(target.name, scope);
    Namespace *space = of.space();
    if (!space)
      failExpected("a namespace to set '" + target.attribute + "' of", of);
    checkAttributeName(target.attribute);
    budget.spend(space->members.size() / 16);
    space->set(target.attribute, value);
    break;
  }
  case Target::Kind::Tuple: {
    const std::vector<Value> values = valuesOf(value, budget);
    if (values.size() != target.parts.size())
      fail("expected " + std::to_string(target.parts.size()) + " values to assign, found " +
           std::to_string(values.size()));
    for (size_t i = 0; i < values.size(); ++i)
      assign(target.parts[i], values[i], scope);
    break;
  }
  }
}

//===------------------------------------------------------------------------------------------===//
// Macros
//===------------------------------------------------------------------------------------------===//

Value Evaluator::macroValue(const MacroSyntax &macro, const ScopePtr &scope) {
  keeper.keep(scope);
  return Callable{macro.name, [this, &macro, scope](Arguments &arguments) {
                    return callMacro(macro, scope, arguments);
                  }};
}

/// What a call gives for `name`, which it takes out of the arguments with names.
static std::optional<Value> takeNamed(Arguments &arguments, std::string_view name) {
  const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                  [&](const auto &one) { return one.first == name; });
  if (found == arguments.named.end())
    return std::nullopt;
  Value value = std::move(found->second);
  arguments.named.erase(found);
  return value;
}

void Evaluator::bindMacro(const MacroSyntax &macro, const ScopePtr &inside, Arguments &arguments) {
  const size_t count = macro.parameters.size(), given = arguments.positional.size();
  std::vector<bool> isGiven(count);
  for (size_t i = 0; i < count; ++i) {
    std::optional<Value> value;
    if (i < given)
      value = arguments.positional[i];
    else
      value = takeNamed(arguments, macro.parameters[i]);
    isGiven[i] = value.has_value();
    inside->names[macro.parameters[i]] =
        value ? *value : Value::undefined("parameter '" + macro.parameters[i] + "'");
  }
  if (macro.usesCaller)
    inside->names["caller"] = takeNamed(arguments, "caller").value_or(Value::undefined("'caller'"));
  if (macro.usesKwargs) {
    Dictionary rest;
    for (const auto &[name, value] : arguments.named)
      rest.set(Value(name), value, budget);
    inside->names["kwargs"] = makeDict(std::move(rest), budget);
  } else if (!arguments.named.empty()) {
    fail("expected no argument '" + arguments.named[0].first + "' for macro '" + macro.name +
         "', found one");
  }
  if (macro.usesVarargs) {
    const auto first = static_cast<std::ptrdiff_t>(std::min(given, count));
    inside->names["varargs"] = makeTuple(
        std::vector<Value>(arguments.positional.begin() + first, arguments.positional.end()),
        budget);
  } else if (given > count) {
    fail("expected at most " + std::to_string(count) + " arguments for macro '" + macro.name +
         "', found " + std::to_string(given));
  }
  const size_t required = count - macro.defaults.size();
  for (size_t i = required; i < count; ++i)
    if (!isGiven[i])
      inside->names[macro.parameters[i]] = evaluate(*macro.defaults[i - required], inside);
}

Value Evaluator::callMacro(const MacroSyntax &macro, const ScopePtr &definedIn,
                           Arguments &arguments) {
  budget.checkDepth(++calls);
  const ScopePtr inside = within(definedIn);
  bindMacro(macro, inside, arguments);
  std::string out;
  execute(macro.body, inside, out);
  --calls;
  return makeText(std::move(out), budget);
}
