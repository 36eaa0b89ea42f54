// The text of tokens that come one by one, as a model writes them.
#ifndef BLUEC_RUNTIME_TEXT_TOKENTEXT_H
#define BLUEC_RUNTIME_TEXT_TOKENTEXT_H

#include "text/Tokenizer.h"
#include "text/Unicode.h"

#include <string>

namespace bluec::runtime {

// All that it gives, joined, is what the `tokenizers` package makes of all tokens together: a text
// may begin otherwise than it goes on, and a token may be a part of a character. What is not
// certain yet is held back.
class TokenText {
public:
  // Borrows the tokenizer.
  explicit TokenText(const Tokenizer &tokenizer)
      : tokenizer(tokenizer), leads(tokenizer.header ? tokenizer.header->leads : 0) {}

  // The text that is certain now, in UTF-8; it may be empty. Ids that no token has are left out.
  std::string push(std::int32_t id);
  // What is left.
  std::string finish();

private:
  std::string first(std::int32_t id) const;
  std::string endRun();
  std::string strip(std::string text);

  const Tokenizer &tokenizer;
  std::uint32_t leads;   // that may still be stripped
  bool isFirst = true;   // no token has come
  std::string run;       // of tokens that are bytes
  Utf8Stream characters; // makes UTF-8 of whatever a table holds
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_TOKENTEXT_H
