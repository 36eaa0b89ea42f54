#include "compiler/import/chat/ChatRenderer.h"

#include "runtime/base/Status.h"

using namespace bluec::chat;

namespace {

constexpr std::array<const char *, kRoles> kRoleNames = {"system", "user", "assistant"};

const char *nameOf(Role role) { return kRoleNames[size_t(role)]; }

bluec::jinja::Value contentOf(const Message &message, Form form) {
  using bluec::jinja::Value;
  if (form == Form::String) {
    std::string text;
    for (const Item &item : message.items)
      text += item.text;
    return Value(text);
  }
  std::vector<Value> items;
  for (const Item &item : message.items)
    if (item.isPicture)
      items.push_back(Value::dict({{"type", Value(std::string("image"))}}));
    else
      items.push_back(
          Value::dict({{"type", Value(std::string("text"))}, {"text", Value(item.text)}}));
  return Value::list(std::move(items));
}

} // namespace

std::string bluec::chat::describe(const Conversation &conversation) {
  std::string result;
  for (const Message &message : conversation) {
    result += (result.empty() ? "" : ", ") + std::string(nameOf(message.role));
    for (const Item &item : message.items)
      result += " " + (item.isPicture ? "<picture>" : runtime::inQuotes(item.text));
  }
  return result;
}

std::optional<std::string> Renderer::render(const Conversation &conversation) {
  using jinja::Value;
  ++spent;
  if (isExhausted())
    return std::nullopt;
  std::vector<Value> messages;
  for (const Message &message : conversation)
    messages.push_back(Value::dict({{"role", Value(std::string(nameOf(message.role)))},
                                    {"content", contentOf(message, forms[size_t(message.role)])}}));
  std::vector<std::pair<std::string, Value>> variables = {
      {"messages", Value::list(std::move(messages))},
      {"tools", Value::none()},
      {"documents", Value::none()},
      {"add_generation_prompt", Value(true)}};
  for (const auto &[name, text] : tokens)
    variables.emplace_back(name, Value(text));
  jinja::RenderOptions options;
  options.stepsSpent = &spent;
  options.strftimeNow = [&](std::string_view format) {
    asked.emplace(format);
    const std::string marked = runtime::kDateMark + std::string(format) + runtime::kDateMark;
    return now ? runtime::withDates(marked, *now) : marked;
  };
  why.clear();
  return source.render(Value::dict(std::move(variables)), why, options);
}

std::optional<std::string> bluec::chat::write(const runtime::ChatTemplate &chat,
                                              const Conversation &conversation) {
  std::string result;
  const std::string *system = nullptr;
  bool first = true;
  for (const Message &message : conversation) {
    std::string said;
    int pictures = 0;
    for (const Item &item : message.items) {
      said += item.isPicture ? chat.imageToken : item.text;
      pictures += item.isPicture;
    }
    if (message.role == Role::System) {
      system = &message.items.front().text;
      continue;
    }
    if (message.role == Role::Assistant) {
      const auto kept = runtime::keptAnswer(chat, said);
      if (!kept.ok())
        return std::nullopt;
      const auto [from, to] = *kept;
      result += (from == to ? *chat.noAnswer : chat.answer) + said.substr(from, to - from);
      continue;
    }
    const auto turn = runtime::writeTurn(chat, {first, first ? system : nullptr}, said, pictures);
    if (!turn.ok())
      return std::nullopt;
    for (const runtime::TurnText &part : *turn)
      result += part.kind == runtime::TurnText::Kind::Picture ? chat.imageToken : part.text;
    first = false;
  }
  return result + chat.ask;
}
