// The parts of expressions that bind strongest: constants, names, brackets, and what follows these.
#include "compiler/import/jinja/Builtins.h"
#include "compiler/import/jinja/ExpressionParser.h"

#include <algorithm>

using namespace bluec::jinja;

using TokenKind = Token::Kind;
using Node = Expression::Kind;

ExpressionPtr ExpressionParser::parsePrimary() {
  const Token &token = current();
  const auto constant = [&](Value value) {
    advance();
    ExpressionPtr result = make(Node::Constant, token.line);
    result->constant = std::move(value);
    return result;
  };
  if (token.kind == TokenKind::Integer)
    return constant(token.whole);
  if (token.kind == TokenKind::Float)
    return constant(token.real);
  if (token.kind == TokenKind::String)
    return parseString();
  if (token.isOperator("[")) {
    return parseList();
  }
  if (token.isOperator("{"))
    return parseDict();
  if (takeOperator("(")) {
    ExpressionPtr inside = parseTuple(true, {}, true);
    expectOperator(")");
    return inside;
  }
  if (token.kind != TokenKind::Name)
    failExpected("an expression");
  if (token.text == "true" || token.text == "True")
    return constant(true);
  if (token.text == "false" || token.text == "False")
    return constant(false);
  if (token.text == "none" || token.text == "None")
    return constant(Value::none());
  if (token.text == "self")
    failExpected("a name that bluec evaluates");
  advance();
  noteRead(token.text);
  ExpressionPtr name = make(Node::Name, token.line);
  name->name = token.text;
  return name;
}

ExpressionPtr ExpressionParser::parseString() {
  ExpressionPtr result = make(Node::Constant, current().line);
  std::string text;
  while (current().kind == TokenKind::String)
    text += advance().text;
  literals.push_back(text);
  result->constant = Value(std::move(text));
  return result;
}

ExpressionPtr ExpressionParser::parseList() {
  const int line = advance().line;
  std::vector<ExpressionPtr> values;
  while (!current().isOperator("]")) {
    if (!values.empty())
      expectOperator(",");
    if (current().isOperator("]"))
      break;
    values.push_back(parseExpression());
  }
  expectOperator("]");
  return make(Node::List, line, std::move(values));
}

ExpressionPtr ExpressionParser::parseDict() {
  const int line = advance().line;
  std::vector<ExpressionPtr> members;
  while (!current().isOperator("}")) {
    if (!members.empty())
      expectOperator(",");
    if (current().isOperator("}"))
      break;
    members.push_back(parseExpression());
    expectOperator(":");
    members.push_back(parseExpression());
  }
  expectOperator("}");
  return make(Node::Dict, line, std::move(members));
}

bool ExpressionParser::isTupleEnd(std::string_view end) const {
  return current().kind == TokenKind::VariableEnd || current().kind == TokenKind::BlockEnd ||
         current().isOperator(")") || (!end.empty() && current().isName(end));
}

ExpressionPtr ExpressionParser::parseTuple(bool withConditional, std::string_view end,
                                           bool isInParentheses) {
  const int line = current().line;
  std::vector<ExpressionPtr> values;
  bool isTuple = false;
  while (!isTupleEnd(end)) {
    values.push_back(parseExpression(withConditional));
    if (!takeOperator(","))
      break;
    isTuple = true;
  }
  if (!isTuple && !values.empty())
    return std::move(values[0]);
  if (!isTuple && !isInParentheses)
    failExpected("an expression");
  return make(Node::Tuple, line, std::move(values));
}

//===------------------------------------------------------------------------------------------===//
// What follows a primary
//===------------------------------------------------------------------------------------------===//

ExpressionPtr ExpressionParser::parsePostfix(ExpressionPtr operand) {
  while (true) {
    const int line = current().line;
    if (takeOperator(".")) {
      const Token &token = advance();
      if (token.kind == TokenKind::Name) {
        operand = make(Node::Attribute, line, listed(std::move(operand)));
        operand->name = token.text;
      } else if (token.kind == TokenKind::Integer) {
        ExpressionPtr index = make(Node::Constant, line);
        index->constant = Value(token.whole);
        operand = make(Node::Item, line, listed(std::move(operand), std::move(index)));
      } else {
        fail("expected a name or a number after '.', found another");
      }
    } else if (current().isOperator("[")) {
      operand = parseSubscript(std::move(operand));
    } else if (current().isOperator("(")) {
      auto call = std::make_unique<Expression>();
      call->operands.push_back(std::move(operand));
      parseArguments(*call);
      std::vector<std::string> keywords = std::move(call->keywords);
      operand = make(Node::Call, line, std::move(call->operands));
      operand->keywords = std::move(keywords);
    } else {
      return operand;
    }
  }
}

ExpressionPtr ExpressionParser::parseSubscript(ExpressionPtr operand) {
  const int line = advance().line;
  const auto isEnd = [&] { return current().isOperator("]") || current().isOperator(","); };
  std::vector<ExpressionPtr> keys, slice;
  bool isSlice = false;
  while (!current().isOperator("]")) {
    if (!keys.empty())
      expectOperator(",");
    ExpressionPtr first;
    if (!current().isOperator(":"))
      first = parseExpression();
    if (!takeOperator(":")) {
      keys.push_back(std::move(first));
      continue;
    }
    isSlice = true;
    ExpressionPtr stop, step;
    if (!isEnd() && !current().isOperator(":"))
      stop = parseExpression();
    if (takeOperator(":") && !isEnd())
      step = parseExpression();
    slice = listed(std::move(operand), std::move(first), std::move(stop), std::move(step));
    break;
  }
  if (isSlice && (!keys.empty() || !current().isOperator("]")))
    failExpected("a single slice, as bluec evaluates it");
  expectOperator("]");
  if (isSlice)
    return make(Node::Slice, line, std::move(slice));
  ExpressionPtr key =
      keys.size() == 1 ? std::move(keys[0]) : make(Node::Tuple, line, std::move(keys));
  return make(Node::Item, line, listed(std::move(operand), std::move(key)));
}

/// Behind the operands that are there, with keywords.
void ExpressionParser::parseArguments(Expression &call) {
  expectOperator("(");
  bool isFirst = true;
  while (!current().isOperator(")")) {
    if (!isFirst)
      expectOperator(",");
    if (current().isOperator(")"))
      break;
    isFirst = false;
    if (current().isOperator("*") || current().isOperator("**"))
      failExpected("arguments without '*', as bluec evaluates them");
    if (current().kind == TokenKind::Name && following().isOperator("=")) {
      call.keywords.push_back(advance().text);
      advance();
      // Python takes a name once.
      if (std::count(call.keywords.begin(), call.keywords.end(), call.keywords.back()) > 1)
        fail("expected each argument once, found '" + call.keywords.back() + "' twice");
    } else if (!call.keywords.empty()) {
      failExpected("an argument with a name");
    }
    call.operands.push_back(parseExpression());
    if (call.operands.size() > kMostArguments)
      fail("expected at most " + std::to_string(kMostArguments) + " arguments, found more");
  }
  expectOperator(")");
}

std::string ExpressionParser::parseDottedName(std::string_view what) {
  std::string name = expectName(what);
  while (takeOperator("."))
    name += "." + expectName(what);
  return name;
}

ExpressionPtr ExpressionParser::parseFilters(ExpressionPtr operand, bool isBlock) {
  while (isBlock || takeOperator("|")) {
    isBlock = false;
    const int line = current().line;
    Expression call;
    call.operands.push_back(std::move(operand));
    const std::string name = parseDottedName("the name of a filter");
    if (!findFilter(name) && !isSoft)
      unknown.push_back({"expected a filter that bluec evaluates, found '" + name + "'", line});
    if (current().isOperator("("))
      parseArguments(call);
    operand = make(Node::Filter, line, std::move(call.operands));
    operand->name = name;
    operand->keywords = std::move(call.keywords);
  }
  return operand;
}

ExpressionPtr ExpressionParser::parseTest(ExpressionPtr operand) {
  const int line = advance().line;
  const bool isNegated = takeName("not");
  Expression call;
  call.operands.push_back(std::move(operand));
  const std::string name = parseDottedName("the name of a test");
  if (!findTest(name) && !isSoft)
    unknown.push_back({"expected a test that bluec evaluates, found '" + name + "'", line});
  const Token &next = current();
  const bool isName = next.kind == TokenKind::Name && next.text != "else" && next.text != "or" &&
                      next.text != "and";
  if (next.isOperator("(")) {
    parseArguments(call);
  } else if (isName || next.kind == TokenKind::String || next.kind == TokenKind::Integer ||
             next.kind == TokenKind::Float || next.isOperator("[") || next.isOperator("{")) {
    if (next.isName("is"))
      failExpected("no second test");
    call.operands.push_back(parsePostfix(parsePrimary()));
  }
  ExpressionPtr test = make(Node::Test, line, std::move(call.operands));
  test->name = name;
  test->keywords = std::move(call.keywords);
  return isNegated ? make(Node::Not, line, listed(std::move(test))) : std::move(test);
}
