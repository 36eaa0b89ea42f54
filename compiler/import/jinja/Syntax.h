// A template as a tree.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_SYNTAX_H
#define BLUEC_COMPILER_IMPORT_JINJA_SYNTAX_H

#include "compiler/import/jinja/Operators.h"

namespace bluec::jinja {

constexpr size_t kMostArguments = 256; // of a call, and parameters of a macro

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  enum class Kind {
    Constant,
    Name,      // name
    List,      // operands
    Tuple,     // operands
    Dict,      // operands: keys and values by turns
    Attribute, // operand.name
    Item,      // operands[0][operands[1]]
    Slice,     // operands[0][operands[1]:operands[2]:operands[3]], all but the first may be null
    Call,      // operands[0](the others)
    Filter,    // operands[0] | name(the others); the first is null for a block's filter
    Test,      // operands[0] is name(the others)
    Not,
    Negate,
    Plus,
    Binary,     // operation
    Concat,     // operands
    Comparison, // a chain of comparisons
    And,
    Or,
    Conditional, // operands: test, then, else, which may be null
  };
  Kind kind;
  int line;
  int height = 1; // levels of expressions
  std::string name;
  Value constant;
  std::vector<ExpressionPtr> operands;
  std::vector<std::string> keywords; // of the last operands of a call, a filter or a test
  Operator operation = Operator::Add;
  std::vector<Comparison> comparisons;
};

struct Target {
  enum class Kind { Name, Attribute, Tuple };
  Kind kind = Kind::Name;
  std::string name, attribute;
  std::vector<Target> parts;
};

struct Statement;
using Block = std::vector<Statement>;

struct MacroSyntax {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults; // of the last parameters
  Block body;
  // Names that Jinja gives to a body that reads them.
  bool usesCaller = false, usesKwargs = false, usesVarargs = false;
};

struct Statement {
  enum class Kind {
    Data,       // text
    Print,      // expressions
    If,         // expressions[i] decides about blocks[i]; one block more: else
    For,        // target in expressions[0] if expressions[1]: blocks[0], else blocks[1]
    Set,        // target = expressions[0]
    SetBlock,   // target = blocks[0] | expressions[0], which may be null
    Macro,      // macro
    CallBlock,  // expressions[0], whose caller is macro
    Filter,     // expressions[0] of blocks[0]
    With,       // targets = expressions: blocks[0]
    Generation, // macro, called once
    Break,
    Continue,
  };
  Kind kind;
  int line;
  Value text;
  std::vector<ExpressionPtr> expressions;
  std::vector<Target> targets;
  std::vector<Block> blocks;
  std::unique_ptr<MacroSyntax> macro;
};

struct Syntax {
  Block body;
  std::vector<std::string> literals; // string constants, each once, in order
};

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_SYNTAX_H
