#include "compiler/import/jinja/ExpressionParser.h"

#include <algorithm>

using namespace bluec::jinja;

using TokenKind = Token::Kind;
using Node = Expression::Kind;

//===------------------------------------------------------------------------------------------===//
// Tokens and names
//===------------------------------------------------------------------------------------------===//

const Token &ExpressionParser::advance() {
  const Token &taken = tokens[at];
  faultLine = taken.line;
  if (taken.kind != TokenKind::End)
    ++at;
  return taken;
}

bool ExpressionParser::takeName(std::string_view name) {
  const bool isThere = current().isName(name);
  if (isThere)
    advance();
  return isThere;
}

bool ExpressionParser::takeOperator(std::string_view symbol) {
  const bool isThere = current().isOperator(symbol);
  if (isThere)
    advance();
  return isThere;
}

void ExpressionParser::expectOperator(std::string_view symbol) {
  if (!takeOperator(symbol))
    failExpected("'" + std::string(symbol) + "'");
}

std::string ExpressionParser::expectName(std::string_view what) {
  if (current().kind != TokenKind::Name)
    failExpected(what);
  return advance().text;
}

void ExpressionParser::failExpected(std::string_view what) {
  constexpr size_t kMost = 30;
  const Token &token = current();
  faultLine = token.line;
  std::string found = "the end";
  switch (token.kind) {
  case TokenKind::Data:
    found = "text";
    break;
  case TokenKind::VariableBegin:
  case TokenKind::VariableEnd:
    found = token.kind == TokenKind::VariableEnd ? "'}}'" : "'{{'";
    break;
  case TokenKind::BlockBegin:
  case TokenKind::BlockEnd:
    found = token.kind == TokenKind::BlockEnd ? "'%}'" : "'{%'";
    break;
  case TokenKind::String:
    found = "a str";
    break;
  case TokenKind::Name:
  case TokenKind::Integer:
  case TokenKind::Float:
  case TokenKind::Operator:
    found = "'" + token.text.substr(0, kMost) + "'";
    break;
  case TokenKind::End:
    break;
  }
  fail("expected " + std::string(what) + ", found " + found);
}

static constexpr std::string_view kGivenNames[] = {"caller", "kwargs", "varargs"};

void ExpressionParser::noteRead(std::string_view name) {
  for (size_t i = 0; i < std::size(kGivenNames); ++i)
    if (name == kGivenNames[i])
      for (Uses &macro : uses)
        macro.isRead[i] |= !macro.isSet[i];
}

void ExpressionParser::noteSet(std::string_view name) {
  for (size_t i = 0; i < std::size(kGivenNames); ++i)
    if (name == kGivenNames[i])
      for (Uses &macro : uses)
        macro.isSet[i] = true;
}

ExpressionParser::Level::Level(ExpressionParser &parser) : parser(parser) {
  Budget(parser.limits).checkDepth(++parser.depth);
}

ExpressionPtr ExpressionParser::make(Node kind, int line, std::vector<ExpressionPtr> operands) {
  auto result = std::make_unique<Expression>();
  result->kind = kind;
  result->line = line;
  for (const ExpressionPtr &operand : operands)
    if (operand)
      result->height = std::max(result->height, operand->height + 1);
  result->operands = std::move(operands);
  Budget(limits).checkDepth(result->height);
  return result;
}

//===------------------------------------------------------------------------------------------===//
// From the weakest to the strongest
//===------------------------------------------------------------------------------------------===//

ExpressionPtr ExpressionParser::parseExpression(bool withConditional) {
  const Level level(*this);
  return withConditional ? parseConditional() : parseOr();
}

ExpressionPtr ExpressionParser::parseConditional() {
  int line = current().line;
  const size_t known = unknown.size();
  ExpressionPtr value = parseOr();
  while (takeName("if")) {
    ExpressionPtr test = parseOr();
    ExpressionPtr otherwise;
    if (takeName("else"))
      otherwise = parseExpression();
    value = make(Node::Conditional, line,
                 listed(std::move(test), std::move(value), std::move(otherwise)));
    // Jinja finds these when it evaluates them.
    unknown.resize(known);
    line = current().line;
  }
  return value;
}

ExpressionPtr ExpressionParser::parseOr() {
  const int line = current().line;
  ExpressionPtr left = parseAnd();
  while (takeName("or"))
    left = make(Node::Or, line, listed(std::move(left), parseAnd()));
  return left;
}

ExpressionPtr ExpressionParser::parseAnd() {
  const int line = current().line;
  ExpressionPtr left = parseNot();
  while (takeName("and"))
    left = make(Node::And, line, listed(std::move(left), parseNot()));
  return left;
}

ExpressionPtr ExpressionParser::parseNot() {
  const Level level(*this);
  const int line = current().line;
  if (takeName("not"))
    return make(Node::Not, line, listed(parseNot()));
  return parseComparison();
}

ExpressionPtr ExpressionParser::parseComparison() {
  constexpr std::pair<std::string_view, Comparison> kSymbols[] = {
      {"==", Comparison::Eq}, {"!=", Comparison::Ne}, {"<", Comparison::Lt},
      {"<=", Comparison::Le}, {">", Comparison::Gt},  {">=", Comparison::Ge}};
  const int line = current().line;
  std::vector<ExpressionPtr> operands = listed(parseSum());
  std::vector<Comparison> comparisons;
  while (true) {
    const auto *symbol = std::find_if(std::begin(kSymbols), std::end(kSymbols),
                                      [&](auto &one) { return current().isOperator(one.first); });
    if (symbol != std::end(kSymbols)) {
      advance();
      comparisons.push_back(symbol->second);
    } else if (takeName("in")) {
      comparisons.push_back(Comparison::In);
    } else if (current().isName("not") && following().isName("in")) {
      advance();
      advance();
      comparisons.push_back(Comparison::NotIn);
    } else {
      break;
    }
    operands.push_back(parseSum());
  }
  if (comparisons.empty())
    return std::move(operands[0]);
  ExpressionPtr result = make(Node::Comparison, line, std::move(operands));
  result->comparisons = std::move(comparisons);
  return result;
}

ExpressionPtr ExpressionParser::binary(Operator operation, ExpressionPtr left, ExpressionPtr right,
                                       int line) {
  ExpressionPtr result = make(Node::Binary, line, listed(std::move(left), std::move(right)));
  result->operation = operation;
  return result;
}

ExpressionPtr ExpressionParser::parseSum() {
  const int line = current().line;
  ExpressionPtr left = parseConcat();
  while (current().isOperator("+") || current().isOperator("-")) {
    const Operator operation = advance().text == "+" ? Operator::Add : Operator::Sub;
    left = binary(operation, std::move(left), parseConcat(), line);
  }
  return left;
}

ExpressionPtr ExpressionParser::parseConcat() {
  const int line = current().line;
  std::vector<ExpressionPtr> operands = listed(parseProduct());
  while (takeOperator("~"))
    operands.push_back(parseProduct());
  return operands.size() == 1 ? std::move(operands[0])
                              : make(Node::Concat, line, std::move(operands));
}

ExpressionPtr ExpressionParser::parseProduct() {
  constexpr std::pair<std::string_view, Operator> kSymbols[] = {
      {"*", Operator::Mul}, {"/", Operator::Div}, {"//", Operator::FloorDiv}, {"%", Operator::Mod}};
  const int line = current().line;
  ExpressionPtr left = parsePower();
  while (true) {
    const auto *symbol = std::find_if(std::begin(kSymbols), std::end(kSymbols),
                                      [&](auto &one) { return current().isOperator(one.first); });
    if (symbol == std::end(kSymbols))
      return left;
    advance();
    left = binary(symbol->second, std::move(left), parsePower(), line);
  }
}

ExpressionPtr ExpressionParser::parsePower() {
  const int line = current().line;
  ExpressionPtr left = parseUnary();
  while (takeOperator("**"))
    left = binary(Operator::Pow, std::move(left), parseUnary(), line);
  return left;
}

ExpressionPtr ExpressionParser::parseUnary(bool withFilters) {
  const Level level(*this);
  const int line = current().line;
  ExpressionPtr operand;
  if (takeOperator("-"))
    operand = make(Node::Negate, line, listed(parseUnary(false)));
  else if (takeOperator("+"))
    operand = make(Node::Plus, line, listed(parseUnary(false)));
  else
    operand = parsePrimary();
  operand = parsePostfix(std::move(operand));
  while (withFilters) {
    if (current().isOperator("|"))
      operand = parseFilters(std::move(operand), false);
    else if (current().isName("is"))
      operand = parseTest(std::move(operand));
    else if (current().isOperator("("))
      operand = parsePostfix(std::move(operand));
    else
      break;
  }
  return operand;
}
