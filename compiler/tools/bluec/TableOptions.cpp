#include "compiler/tools/bluec/TableOptions.h"

#include <string>
#include <vector>

using namespace bluec;
using namespace bluec::tools;

static void read(const runtime::Option &option, const std::string &value) {
  runtime::Status status = runtime::readOption(option, value);
  if (!status.ok())
    throw CLI::ValidationError(option.name, status.message());
}

static CLI::Option *addOption(CLI::App *command, const runtime::Option &option) {
  if (option.isFlag())
    return command
        ->add_flag_function(
            option.name, [option](std::int64_t) { read(option, ""); }, option.help)
        ->disable_flag_override();
  CLI::Option *added =
      option.isMany()
          ? command
                ->add_option_function<std::vector<std::string>>(
                    option.name,
                    [option](const std::vector<std::string> &values) {
                      for (const std::string &value : values)
                        read(option, value);
                    },
                    option.help)
                ->allow_extra_args(option.isPlace())
          : command->add_option_function<std::string>(
                option.name, [option](const std::string &value) { read(option, value); },
                option.help);
  return added->type_name(option.valueHelp())->required(option.required);
}

CLI::App *bluec::tools::addTableCommand(CLI::App &app, const runtime::OptionTable &table) {
  CLI::App *command = app.add_subcommand(table.command, table.help);
  for (const runtime::Option &option : table.options)
    addOption(command, option);
  for (const runtime::Option &option : table.options) {
    CLI::Option *added = command->get_option(option.name);
    if (option.needs)
      added->needs(command->get_option(option.needs));
    for (const char *other : option.excludes)
      added->excludes(command->get_option(other));
  }
  return command;
}
