// Conversations, and what a chat template makes of them.
#ifndef BLUEC_COMPILER_IMPORT_CHAT_CHATRENDERER_H
#define BLUEC_COMPILER_IMPORT_CHAT_CHATRENDERER_H

#include "compiler/import/jinja/Template.h"
#include "runtime/text/ChatTemplate.h"

#include <array>
#include <ctime>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bluec::chat {

enum class Role { System, User, Assistant };
constexpr size_t kRoles = 3;

struct Item {
  bool isPicture = false;
  std::string text; // none of a picture
};

struct Message {
  Role role;
  std::vector<Item> items;
};

/// The last message is the user's; its answer is due.
using Conversation = std::vector<Message>;

inline Message system(std::string text) { return {Role::System, {{false, std::move(text)}}}; }
inline Message user(std::string text) { return {Role::User, {{false, std::move(text)}}}; }
inline Message answer(std::string text) { return {Role::Assistant, {{false, std::move(text)}}}; }
inline Item text(std::string text) { return {false, std::move(text)}; }
inline Item picture() { return {true, {}}; }

/// For messages: "user 'a', assistant 'b', user <picture> 'c'".
std::string describe(const Conversation &conversation);

/// How a message's content is handed to a template: as a string, or as a list of items
/// ({"type": "text", "text": ...}, {"type": "image"}). Published templates take one or both.
enum class Form { String, List };

/// Texts that a template gets and does not have, as variables: "bos_token".
using Tokens = std::vector<std::pair<std::string, std::string>>;

class Renderer {
public:
  /// Template and tokens are borrowed. `budget`: steps of evaluation, and one for each render.
  Renderer(const jinja::Template &source, const Tokens &tokens, size_t budget)
      : source(source), tokens(tokens), budget(budget) {}

  std::array<Form, kRoles> forms{};
  /// What strftime_now gives: dates of that time; nothing: marks.
  std::optional<std::time_t> now;

  /// As transformers' apply_chat_template() with add_generation_prompt, with dates as marks
  /// (runtime::kDateMark). Nothing when the template raises; fault() then says why.
  std::optional<std::string> render(const Conversation &conversation);
  const std::string &fault() const { return why; }
  /// Whether the budget is spent; nothing is rendered then.
  bool isExhausted() const { return spent > budget; }
  /// The formats for which the template asked.
  const std::set<std::string> &formats() const { return asked; }

private:
  const jinja::Template &source;
  const Tokens &tokens;
  size_t budget, spent = 0;
  std::set<std::string> asked;
  std::string why;
};

/// The same by pieces, as the runtime writes it; a picture is the image token. Nothing when the
/// runtime refuses it.
std::optional<std::string> write(const runtime::ChatTemplate &chat,
                                 const Conversation &conversation);

} // namespace bluec::chat

#endif // BLUEC_COMPILER_IMPORT_CHAT_CHATRENDERER_H
