// Chat templates as Hugging Face publishes them: Jinja 3.1, set up as transformers does it.
//
//   std::string fault;
//   std::optional<Template> chat = Template::parse(text, fault);
//   std::optional<std::string> prompt = chat->render(Value::dict({{"messages", messages}}), fault);
//
// Template and variables come from a stranger: whatever they are, the answer is a text or one line
// that says why there is none.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_TEMPLATE_H
#define BLUEC_COMPILER_IMPORT_JINJA_TEMPLATE_H

#include "compiler/import/jinja/Value.h"

namespace bluec::jinja {

struct Syntax;

/// The time as a template's strftime_now(format) is to see it.
using StrftimeNow = std::function<std::string(std::string_view format)>;

struct RenderOptions {
  StrftimeNow strftimeNow;      // empty: the template finds no strftime_now
  size_t *stepsSpent = nullptr; // the steps that it took are added here
};

class Template {
public:
  /// Nothing, and one line in `fault` ("line 3: expected ..., found ..."), for what is no template
  /// and for what bluec does not evaluate.
  static std::optional<Template> parse(std::string_view text, std::string &fault,
                                       const Limits &limits = {});

  /// `variables`: a dict. Nothing, and one line in `fault`, when the template raises an exception
  /// or a limit is hit.
  std::optional<std::string> render(const Value &variables, std::string &fault,
                                    const RenderOptions &options = {}) const;

  /// String constants of the expressions, each once, in order.
  const std::vector<std::string> &literals() const;

private:
  Template(std::shared_ptr<const Syntax> syntax, const Limits &limits)
      : syntax(std::move(syntax)), limits(limits) {}

  std::shared_ptr<const Syntax> syntax;
  Limits limits;
};

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_TEMPLATE_H
