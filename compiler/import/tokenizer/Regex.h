// Regular expressions of tokenizers, as machines for the runtime.
//
// The syntax is Oniguruma's, as far as published tokenizers use it: characters, escapes, classes
// (negated, nested, \p{..} of general categories, \s, \d, \w), alternation, groups, (?i:..),
// greedy and lazy quantifiers, and (?=x) and (?!x) of one character. Everything else is refused,
// and so is what may match nothing.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_REGEX_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_REGEX_H

#include "compiler/import/tokenizer/CodePointSet.h"
#include "runtime/abi/TokenizerFormat.h"
#include "runtime/base/Status.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::tokenizer {

// A regular expression, taken apart.
struct Pattern {
  enum class Kind {
    Nothing,  // matches the empty text
    One,      // a character of `set`
    Row,      // `parts`, one after the other
    Either,   // the first of `parts` that lets the rest match
    Repeat,   // part 0, `least` to `most` times
    Ahead,    // matches the empty text before a character of `set`
    NotAhead, // and where there is no such character, or the end
  };
  static constexpr std::uint32_t kUnbounded = 0xffffffff;

  Kind kind = Kind::Nothing;
  CodePointSet set;
  std::vector<Pattern> parts;
  std::uint32_t least = 0, most = 0;
  bool isLazy = false;

  static Pattern one(CodePointSet set);
  static Pattern row(std::vector<Pattern> parts);
  static Pattern either(std::vector<Pattern> parts);
  static Pattern repeat(Pattern part, std::uint32_t least, std::uint32_t most = kUnbounded);
  // A text as it stands.
  static Pattern literal(std::string_view text);
};

// InvalidArgument with what is not taken and where: "at character 3: expected .., found ..".
runtime::Result<Pattern> parsePattern(std::string_view expression);

// Extended grapheme clusters.
Pattern graphemeCluster();

// Machines that share their classes of characters.
class Machines {
public:
  // The number of the machine that finds `pattern`, the same one for equal sources; errors as
  // above.
  runtime::Result<std::uint32_t> add(const Pattern &pattern);

  // Their tables; the classes stay the same for equal calls of add().
  struct Tables {
    std::vector<runtime::TextMachine> machines;
    std::vector<std::uint16_t> transitions;
    std::vector<std::uint8_t> asciiClasses;
    std::vector<std::uint32_t> classStarts;
    std::uint32_t classes = 0;
  };
  runtime::Result<Tables> build() const;

private:
  std::vector<Pattern> patterns;
};

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_REGEX_H
