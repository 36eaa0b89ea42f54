// A template's text as tokens, with Jinja's rules for white space around tags: trim_blocks and
// lstrip_blocks are on, a single newline at the end is dropped.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_LEXER_H
#define BLUEC_COMPILER_IMPORT_JINJA_LEXER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::jinja {

struct Token {
  enum class Kind {
    Data,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End
  };
  Kind kind = Kind::End;
  int line = 1;
  std::string text; // of strings, without quotes and escapes
  int64_t whole = 0;
  double real = 0;

  bool isOperator(std::string_view symbol) const {
    return kind == Kind::Operator && text == symbol;
  }
  bool isName(std::string_view name) const { return kind == Kind::Name && text == name; }
};

/// The last token is an End. Throws a Fault and sets `line` to where.
std::vector<Token> tokenize(std::string_view text, int &line);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_LEXER_H
