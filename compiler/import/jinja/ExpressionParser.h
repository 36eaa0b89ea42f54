// Expressions, and the tokens that the parser of statements shares.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_EXPRESSIONPARSER_H
#define BLUEC_COMPILER_IMPORT_JINJA_EXPRESSIONPARSER_H

#include "compiler/import/jinja/Lexer.h"
#include "compiler/import/jinja/Syntax.h"

#include <array>

namespace bluec::jinja {

/// The operands one by one, as pointers that own cannot be copied into a list.
template <typename... Operands> std::vector<ExpressionPtr> listed(Operands... operands) {
  std::vector<ExpressionPtr> result;
  (result.push_back(std::move(operands)), ...);
  return result;
}

/// Recursive descent with the precedence of Jinja's own parser.
class ExpressionParser {
public:
  ExpressionParser(std::vector<Token> tokens, const Limits &limits, int &line)
      : tokens(std::move(tokens)), limits(limits), faultLine(line) {}

protected:
  // Tokens.
  const Token &current() const { return tokens[at]; }
  const Token &following() const { return tokens[std::min(at + 1, tokens.size() - 1)]; }
  const Token &advance();
  bool takeName(std::string_view name);
  bool takeOperator(std::string_view symbol);
  void expectOperator(std::string_view symbol);
  std::string expectName(std::string_view what);
  [[noreturn]] void failExpected(std::string_view what);

  // Expressions.
  ExpressionPtr parseExpression(bool withConditional = true);
  /// One expression, or a tuple of those with commas behind them; `end`: a name that ends it.
  ExpressionPtr parseTuple(bool withConditional = true, std::string_view end = {},
                           bool isInParentheses = false);
  /// Filters, the first of which stands behind '|', or, at a block, behind the tag's name.
  ExpressionPtr parseFilters(ExpressionPtr operand, bool isBlock);
  ExpressionPtr make(Expression::Kind kind, int line, std::vector<ExpressionPtr> operands = {});
  bool isTupleEnd(std::string_view end) const;

  /// Keeps nesting within the limit.
  class Level {
  public:
    explicit Level(ExpressionParser &parser);
    ~Level() { --parser.depth; }
    Level(const Level &) = delete;
    Level &operator=(const Level &) = delete;

  private:
    ExpressionParser &parser;
  };

  // Names.
  /// Which of caller, kwargs and varargs the body of a macro reads before it sets them.
  struct Uses {
    std::array<bool, 3> isRead = {}, isSet = {};
  };
  void noteRead(std::string_view name);
  void noteSet(std::string_view name);
  std::vector<Uses> uses; // of the macros around

  /// A filter or a test that nobody knows is an error, where Jinja finds it at once.
  struct Unknown {
    std::string what;
    int line;
  };
  std::vector<Unknown> unknown;
  bool isSoft = false; // behind an {% if %}, where it is found when it is evaluated

  std::vector<std::string> literals;

private:
  ExpressionPtr parseConditional();
  ExpressionPtr parseOr();
  ExpressionPtr parseAnd();
  ExpressionPtr parseNot();
  ExpressionPtr parseComparison();
  ExpressionPtr parseSum();
  ExpressionPtr parseConcat();
  ExpressionPtr parseProduct();
  ExpressionPtr parsePower();
  ExpressionPtr parseUnary(bool withFilters = true);
  ExpressionPtr parsePrimary();
  ExpressionPtr parseString();
  ExpressionPtr parseList();
  ExpressionPtr parseDict();
  ExpressionPtr parsePostfix(ExpressionPtr operand);
  ExpressionPtr parseSubscript(ExpressionPtr operand);
  ExpressionPtr parseTest(ExpressionPtr operand);
  void parseArguments(Expression &call);
  std::string parseDottedName(std::string_view what);
  ExpressionPtr binary(Operator operation, ExpressionPtr left, ExpressionPtr right, int line);

  std::vector<Token> tokens;
  const Limits &limits;
  int &faultLine; // of the token that was taken last
  size_t at = 0;
  int depth = 0;
};

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_EXPRESSIONPARSER_H
