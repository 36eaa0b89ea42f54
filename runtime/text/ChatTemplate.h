// Turns a chat turn with pictures into the sequence that the model reads.
#ifndef BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H
#define BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H

#include "text/Tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// The "chat" object of the manifest: what stands around a user's text and a model's answer.
struct ChatTemplate {
  std::string imageToken;         // the placeholder in a prompt; empty: no pictures
  std::int32_t imageTokenId = -1; // what a picture's positions are called in listings of ids
  std::int32_t bosTokenId = -1;
  bool addBos = false; // bosTokenId opens the conversation
  std::string userPrefix, userSuffix;
  std::string assistantPrefix, assistantSuffix;
};

// One turn, in order.
struct PromptPart {
  enum class Kind { Token, Picture };
  Kind kind;
  std::int32_t value; // the token's id, or the picture's index in the turn
};

// Parts of the turn in which the user says `text` with `pictures` pictures.
//
// Each placeholder in `text` stands for the next picture; when there is none, the pictures come
// before the text. `opening` parts (the end of the answer before) come first. The template's own
// strings may contain special tokens; the user's text may not: whatever it spells stays text, so
// that a prompt cannot pretend to be the template. InvalidArgument when placeholders and pictures
// do not go together or the text is not valid UTF-8.
Result<std::vector<PromptPart>> makeTurn(const Tokenizer &tokenizer, const ChatTemplate &chat,
                                         std::string_view opening, bool first,
                                         std::string_view text, int pictures);

// What is known of a turn while its text is being typed.
struct TurnPrefix {
  std::vector<PromptPart> parts;
  // So many of them stay as they are whatever is typed after `draft`, unless what is typed moves
  // the pictures; the others may change with the next word.
  std::size_t settled = 0;
};

// Leading parts of the turn that `draft` will become, for `pictures` pictures. Without a
// placeholder in the draft the pictures come before the text. The draft's last word, which may not
// be whole, and what is not UTF-8 yet are left out; so is everything from a placeholder on that has
// no picture yet.
TurnPrefix makeTurnPrefix(const Tokenizer &tokenizer, const ChatTemplate &chat,
                          std::string_view opening, bool first, std::string_view draft,
                          int pictures);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H
