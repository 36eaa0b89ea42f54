#include "compiler/tools/bluec/CommandParser.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <sstream>

using namespace bluec;
using namespace bluec::tools;

static void read(const runtime::Option &option, const std::string &value) {
  runtime::Status status = runtime::readOption(option, value);
  if (!status.ok())
    throw CLI::ValidationError(option.name, status.message());
}

static CLI::Option *addOption(CLI::App *command, const runtime::Option &option) {
  const std::string names =
      (option.shortName ? std::string(option.shortName) + "," : "") + option.name;
  if (option.isFlag())
    return command
        ->add_flag_function(
            names, [option](std::int64_t) { read(option, ""); }, option.help)
        ->disable_flag_override();
  CLI::Option *added =
      option.isMany()
          ? command
                ->add_option_function<std::vector<std::string>>(
                    names,
                    [option](const std::vector<std::string> &values) {
                      for (const std::string &value : values)
                        read(option, value);
                    },
                    option.help)
                ->allow_extra_args(option.isPlace())
          : command->add_option_function<std::string>(
                names, [option](const std::string &value) { read(option, value); }, option.help);
  return added->type_name(option.valueHelp())->required(option.required);
}

/// The command that was asked for is `chosen` after parsing.
static void addCommand(CLI::App &app, const Command &command, const Command *&chosen) {
  const runtime::OptionTable &table = command.table;
  CLI::App *added = app.add_subcommand(table.command, table.help);
  for (const runtime::Option &option : table.options)
    addOption(added, option);
  for (const runtime::Option &option : table.options) {
    CLI::Option *asked = added->get_option(option.name);
    if (option.needs)
      asked->needs(added->get_option(option.needs));
    for (const char *other : option.excludes)
      asked->excludes(added->get_option(other));
  }
  added->footer(command.footer);
  added->allow_extras(command.rest != nullptr);
  added->callback([&command, added, &chosen] {
    if (command.rest)
      *command.rest = added->remaining();
    chosen = &command;
  });
}

Asked bluec::tools::readCommandLine(const std::vector<std::string> &words,
                                    std::span<const Command> commands, const std::string &version) {
  CLI::App app("Compiles a multimodal LLM of the BlueLM-V family into a bundle for one device.",
               "bluec");
  app.set_version_flag("--version", version);
  app.require_subcommand(0, 1);
  const Command *chosen = nullptr;
  std::string names;
  for (const Command &command : commands) {
    addCommand(app, command, chosen);
    names += (names.empty() ? "" : ", ") + std::string(command.table.command);
  }
  // To say more about a command that is not there. Commands inherit this, so it comes after them.
  app.allow_extras();
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::Success &asked) { // --help, --version
    std::ostringstream text;
    const int code = app.exit(asked, text, text);
    return {[code, text = text.str()] {
              std::cout << text;
              return code;
            },
            {}};
  } catch (const CLI::ParseError &error) {
    return {nullptr, error.what()};
  }
  if (chosen)
    return {chosen->run, {}};
  const std::vector<std::string> rest = app.remaining();
  return {nullptr, "expected one of the commands " + names + ", found " +
                       (rest.empty() ? "none" : runtime::inQuotes(rest.front()))};
}
