// A chat template as data: the strings between what is said, found by evaluating it.
#ifndef BLUEC_COMPILER_IMPORT_CHAT_CHATPIECES_H
#define BLUEC_COMPILER_IMPORT_CHAT_CHATPIECES_H

#include "compiler/import/chat/ChatRenderer.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::chat {

struct TemplateSource {
  std::string text;           // Jinja
  Tokens tokens;              // "bos_token" and the like, as the template may use them
  std::string imageToken;     // what it writes for a picture; empty: there are no pictures
  size_t budget = 25'000'000; // steps of evaluation, over all probes; published ones need a third
};

/// The pieces that explain what the template makes of probe conversations: with and without a
/// system text, of one turn and several, with pictures before, between and behind texts, and with
/// white space and the template's own string constants in what is said. The image token's id is for
/// the caller to fill in. Lines for people go to `warnings`. Nothing, and one line in `fault`, when
/// no pieces explain a probe.
std::optional<runtime::ChatTemplate>
findPieces(const TemplateSource &source, std::vector<std::string> &warnings, std::string &fault);

} // namespace bluec::chat

#endif // BLUEC_COMPILER_IMPORT_CHAT_CHATPIECES_H
