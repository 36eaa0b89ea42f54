#include "compiler/import/jinja/Template.h"

#include "compiler/import/jinja/Evaluator.h"
#include "compiler/import/jinja/Parser.h"

#include <exception>
#include <new>

using namespace bluec::jinja;

/// What `work` returns; nothing, and a line in `fault`, when it throws. `line` is where.
template <typename Work>
static auto guarded(Work work, const int &line, std::string &fault)
    -> std::optional<decltype(work())> {
  const auto report = [&](std::string_view message) {
    fault = "line " + std::to_string(line) + ": ";
    // Names and messages are the template's own: the line stays one.
    for (const char c : message)
      fault += c == '\n' || c == '\r' ? ' ' : c;
  };
  try {
    return work();
  } catch (const Fault &found) {
    report(found.message);
  } catch (const std::bad_alloc &) {
    report("expected memory for the template, found too little");
  } catch (const std::exception &error) {
    report(std::string("expected no failure of the C++ library, found ") + error.what());
  }
  return std::nullopt;
}

std::optional<Template> Template::parse(std::string_view text, std::string &fault,
                                        const Limits &limits) {
  int line = 1;
  std::optional<Syntax> syntax =
      guarded([&] { return parseTemplate(text, limits, line); }, line, fault);
  if (!syntax)
    return std::nullopt;
  return Template(std::make_shared<const Syntax>(std::move(*syntax)), limits);
}

std::optional<std::string> Template::render(const Value &variables, std::string &fault,
                                            const RenderOptions &options) const {
  int line = 1;
  Budget budget(limits);
  const auto evaluate = [&] {
    if (!variables.dictionary())
      failExpected("a dict of variables", variables);
    budget.checkDepth(variables.depth());
    return Evaluator(*variables.dictionary(), options, budget, line).run(syntax->body);
  };
  std::optional<std::string> text = guarded(evaluate, line, fault);
  if (options.stepsSpent)
    *options.stepsSpent += budget.spent();
  return text;
}

const std::vector<std::string> &Template::literals() const { return syntax->literals; }
