#include "compiler/import/jinja/Parser.h"

#include "compiler/import/jinja/ExpressionParser.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_set>

using namespace bluec::jinja;

namespace {

using Kind = Statement::Kind;
using TokenKind = Token::Kind;

class Parser : public ExpressionParser {
public:
  using ExpressionParser::ExpressionParser;

  Syntax parse(int &line) {
    Syntax result;
    result.body = parseBlock({});
    if (!unknown.empty()) {
      line = unknown[0].line;
      fail(unknown[0].what);
    }
    std::unordered_set<std::string> seen;
    for (std::string &literal : literals)
      if (seen.insert(literal).second)
        result.literals.push_back(std::move(literal));
    return result;
  }

private:
  using Names = std::initializer_list<std::string_view>;

  Block parseBlock(Names ends);
  Block parseBody(Names ends);
  /// The body up to a tag that is taken as well.
  Block parseBodyThrough(std::string_view end);
  Statement parseStatement();
  Statement parseFor(int line);
  Statement parseIf(int line);
  Statement parseSet(int line);
  Statement parseWith(int line);
  Statement parseMacro(int line);
  Statement parseCall(int line);
  Statement parsePrint(int line);
  Target parseTarget(std::string_view end, bool withAttributes, bool isInParentheses = false);
  Target parseSimpleTarget(bool withAttributes);
  void parseSignature(MacroSyntax &macro);
  void parseMacroBody(MacroSyntax &macro, std::string_view end);

  /// A variable that has another value until the end of its scope.
  template <typename T> class Restore {
  public:
    Restore(T &variable, T value) : variable(variable), old(std::exchange(variable, value)) {}
    ~Restore() { variable = old; }
    Restore(const Restore &) = delete;
    Restore &operator=(const Restore &) = delete;

  private:
    T &variable;
    T old;
  };

  int loops = 0;     // around, within the same macro
  int loopsEver = 0; // around, through macros
};

Statement statement(Kind kind, int line) {
  Statement result;
  result.kind = kind;
  result.line = line;
  return result;
}

//===------------------------------------------------------------------------------------------===//
// Bodies
//===------------------------------------------------------------------------------------------===//

/// Up to a tag of one of the names, or the template's end without any.
Block Parser::parseBlock(Names ends) {
  Block block;
  while (true) {
    const Token &token = current();
    if (token.kind == TokenKind::End) {
      if (ends.size() > 0)
        failExpected("{% " + std::string(*(ends.end() - 1)) + " %}");
      return block;
    }
    advance();
    if (token.kind == TokenKind::Data) {
      block.push_back(statement(Kind::Data, token.line));
      block.back().text = Value(token.text);
    } else if (token.kind == TokenKind::VariableBegin) {
      block.push_back(statement(Kind::Print, token.line));
      block.back().expressions.push_back(parseTuple());
      if (current().kind != TokenKind::VariableEnd)
        failExpected("'}}'");
      advance();
    } else {
      if (std::any_of(ends.begin(), ends.end(),
                      [&](std::string_view end) { return current().isName(end); }))
        return block;
      block.push_back(parseStatement());
      if (current().kind != TokenKind::BlockEnd)
        failExpected("'%}'");
      advance();
    }
  }
}

Block Parser::parseBody(Names ends) {
  takeOperator(":");
  if (current().kind != TokenKind::BlockEnd)
    failExpected("'%}'");
  advance();
  return parseBlock(ends);
}

Block Parser::parseBodyThrough(std::string_view end) {
  const Restore<bool> hard(isSoft, false);
  Block body = parseBody({end});
  advance();
  return body;
}

Statement Parser::parseStatement() {
  const Level level(*this);
  const int line = current().line;
  const std::string tag = current().text;
  if (current().kind != TokenKind::Name)
    failExpected("the name of a tag");
  constexpr std::string_view kTags[] = {"for",   "if",     "set",        "with",  "macro",   "call",
                                        "print", "filter", "generation", "break", "continue"};
  if (std::find(std::begin(kTags), std::end(kTags), tag) == std::end(kTags))
    failExpected("a tag that bluec evaluates");
  advance();
  if (tag == "for")
    return parseFor(line);
  if (tag == "if")
    return parseIf(line);
  if (tag == "set")
    return parseSet(line);
  if (tag == "with")
    return parseWith(line);
  if (tag == "macro")
    return parseMacro(line);
  if (tag == "call")
    return parseCall(line);
  if (tag == "print")
    return parsePrint(line);
  if (tag == "filter") {
    Statement result = statement(Kind::Filter, line);
    const Restore<bool> hard(isSoft, false);
    result.expressions.push_back(parseFilters(nullptr, true));
    result.blocks.push_back(parseBodyThrough("endfilter"));
    return result;
  }
  if (tag == "generation") {
    Statement result = statement(Kind::Generation, line);
    result.macro = std::make_unique<MacroSyntax>();
    parseMacroBody(*result.macro, "endgeneration");
    return result;
  }
  if (loops == 0)
    fail("expected {% " + tag + " %} in a loop, found it outside");
  return statement(tag == "break" ? Kind::Break : Kind::Continue, line);
}

Statement Parser::parseFor(int line) {
  Statement result = statement(Kind::For, line);
  const Restore<int> ever(loopsEver, loopsEver + 1);
  result.targets.push_back(parseTarget("in", false));
  if (!takeName("in"))
    failExpected("'in'");
  result.expressions.push_back(parseTuple(false, "recursive"));
  const Restore<bool> hard(isSoft, false);
  result.expressions.push_back(takeName("if") ? parseExpression() : nullptr);
  if (current().isName("recursive"))
    failExpected("a loop that bluec evaluates");
  {
    const Restore<int> inside(loops, loops + 1);
    result.blocks.push_back(parseBody({"else", "endfor"}));
  }
  const bool hasElse = advance().text == "else";
  result.blocks.push_back(hasElse ? parseBodyThrough("endfor") : Block());
  return result;
}

Statement Parser::parseIf(int line) {
  Statement result = statement(Kind::If, line);
  const Restore<bool> soft(isSoft, true);
  while (true) {
    result.expressions.push_back(parseTuple(false));
    result.blocks.push_back(parseBody({"elif", "else", "endif"}));
    if (takeName("elif"))
      continue;
    if (takeName("else"))
      result.blocks.push_back(parseBody({"endif"}));
    advance(); // endif
    return result;
  }
}

Statement Parser::parseSet(int line) {
  Statement result = statement(Kind::Set, line);
  result.targets.push_back(parseTarget({}, true));
  if (takeOperator("=")) {
    result.expressions.push_back(parseTuple());
    return result;
  }
  result.kind = Kind::SetBlock;
  const Restore<bool> hard(isSoft, false);
  result.expressions.push_back(current().isOperator("|") ? parseFilters(nullptr, false) : nullptr);
  result.blocks.push_back(parseBodyThrough("endset"));
  return result;
}

Statement Parser::parseWith(int line) {
  Statement result = statement(Kind::With, line);
  while (current().kind != TokenKind::BlockEnd) {
    if (!result.targets.empty())
      expectOperator(",");
    result.targets.push_back(parseTarget({}, false));
    expectOperator("=");
    result.expressions.push_back(parseExpression());
  }
  result.blocks.push_back(parseBodyThrough("endwith"));
  return result;
}

Statement Parser::parsePrint(int line) {
  Statement result = statement(Kind::Print, line);
  while (current().kind != TokenKind::BlockEnd) {
    if (!result.expressions.empty())
      expectOperator(",");
    result.expressions.push_back(parseExpression());
  }
  return result;
}

//===------------------------------------------------------------------------------------------===//
// Targets
//===------------------------------------------------------------------------------------------===//

Target Parser::parseSimpleTarget(bool withAttributes) {
  const Level level(*this);
  if (takeOperator("(")) {
    Target inside = parseTarget({}, false, true);
    expectOperator(")");
    return inside;
  }
  Target result;
  const std::string_view kConstants[] = {"true", "True", "false", "False", "none", "None"};
  if (std::find(std::begin(kConstants), std::end(kConstants), current().text) !=
      std::end(kConstants))
    failExpected("a name to assign to");
  result.name = expectName("a name to assign to");
  if (withAttributes && takeOperator(".")) {
    result.kind = Target::Kind::Attribute;
    result.attribute = expectName("the name of an attribute");
    noteRead(result.name);
    return result;
  }
  if (result.name == "loop" && loopsEver > 0)
    fail("expected a name to assign to in a loop, found 'loop'");
  noteSet(result.name);
  return result;
}

Target Parser::parseTarget(std::string_view end, bool withAttributes, bool isInParentheses) {
  Target result;
  result.kind = Target::Kind::Tuple;
  bool isTuple = false;
  while (!isTupleEnd(end)) {
    result.parts.push_back(parseSimpleTarget(withAttributes));
    if (!takeOperator(","))
      break;
    isTuple = true;
  }
  if (isTuple || (result.parts.empty() && isInParentheses))
    return result;
  if (result.parts.empty())
    failExpected("a name to assign to");
  Target single = std::move(result.parts[0]);
  return single;
}

//===------------------------------------------------------------------------------------------===//
// Macros
//===------------------------------------------------------------------------------------------===//

void Parser::parseSignature(MacroSyntax &macro) {
  expectOperator("(");
  while (!current().isOperator(")")) {
    if (!macro.parameters.empty())
      expectOperator(",");
    const std::string name = expectName("the name of a parameter");
    if (std::find(macro.parameters.begin(), macro.parameters.end(), name) != macro.parameters.end())
      fail("expected each parameter once, found '" + name + "' twice");
    macro.parameters.push_back(name);
    if (macro.parameters.size() > kMostArguments)
      fail("expected at most " + std::to_string(kMostArguments) + " parameters, found more");
    noteSet(name);
    if (takeOperator("="))
      macro.defaults.push_back(parseExpression());
    else if (!macro.defaults.empty())
      failExpected("a default for '" + name + "'");
  }
  expectOperator(")");
}

/// Up to the tag `end`, which is taken; `break` does not reach out of it.
void Parser::parseMacroBody(MacroSyntax &macro, std::string_view end) {
  const Restore<int> outside(loops, 0);
  uses.emplace_back();
  macro.body = parseBodyThrough(end);
  const Uses found = uses.back();
  uses.pop_back();
  const auto isParameter = [&](std::string_view name) {
    return std::find(macro.parameters.begin(), macro.parameters.end(), name) !=
           macro.parameters.end();
  };
  macro.usesCaller = found.isRead[0] && !isParameter("caller");
  macro.usesKwargs = found.isRead[1] && !isParameter("kwargs");
  macro.usesVarargs = found.isRead[2] && !isParameter("varargs");
  const size_t required = macro.parameters.size() - macro.defaults.size();
  if (found.isRead[0] &&
      std::find(macro.parameters.begin(),
                macro.parameters.begin() + static_cast<std::ptrdiff_t>(required),
                "caller") != macro.parameters.begin() + static_cast<std::ptrdiff_t>(required))
    fail("expected a default for the parameter 'caller', found none");
}

Statement Parser::parseMacro(int line) {
  Statement result = statement(Kind::Macro, line);
  result.macro = std::make_unique<MacroSyntax>();
  result.macro->name = expectName("the name of a macro");
  if (result.macro->name == "loop" && loopsEver > 0)
    fail("expected the name of a macro in a loop, found 'loop'");
  const Restore<bool> hard(isSoft, false);
  parseSignature(*result.macro);
  parseMacroBody(*result.macro, "endmacro");
  return result;
}

Statement Parser::parseCall(int line) {
  Statement result = statement(Kind::CallBlock, line);
  result.macro = std::make_unique<MacroSyntax>();
  if (current().isOperator("("))
    parseSignature(*result.macro);
  result.expressions.push_back(parseExpression());
  if (result.expressions[0]->kind != Expression::Kind::Call)
    fail("expected a call after {% call %}, found another expression");
  parseMacroBody(*result.macro, "endcall");
  return result;
}

} // namespace

Syntax bluec::jinja::parseTemplate(std::string_view text, const Limits &limits, int &line) {
  line = 1;
  if (text.size() > limits.templateBytes)
    fail("expected at most " + std::to_string(limits.templateBytes) + " bytes of template, found " +
         std::to_string(text.size()));
  if (const size_t invalid = runtime::findInvalidUtf8(text); invalid < text.size()) {
    line += static_cast<int>(
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(invalid), '\n'));
    fail("expected UTF-8, found other bytes");
  }
  std::vector<Token> tokens = tokenize(text, line);
  line = 1;
  return Parser(std::move(tokens), limits, line).parse(line);
}
