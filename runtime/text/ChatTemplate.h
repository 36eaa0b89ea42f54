// Turns a chat turn with pictures into the sequence that the model reads.
#ifndef BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H
#define BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H

#include "text/Tokenizer.h"

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

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_CHATTEMPLATE_H
