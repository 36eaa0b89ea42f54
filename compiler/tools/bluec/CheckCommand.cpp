// `bluec check`: what a model directory is taken for.
#include "compiler/driver/check/PackageCheck.h"
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include <memory>

using namespace bluec;
using namespace bluec::tools;

Command bluec::tools::checkCommand() {
  auto options = std::make_shared<CheckOptions>();
  runtime::OptionTable table{
      "check",
      "Say what a model directory is taken for: layers, pictures, chat, what is ignored.",
      {}};
  table.options = {
      {.name = "model", .target = &options->model, .help = "The model directory", .required = true},
      variantOption(options->variant),
      imageSizeOption(options->imageSize),
      {.name = "--strict",
       .target = &options->strict,
       .help = "Fail where a warning would be: what the model asks for and does not get"},
      {.name = "--json", .target = &options->json, .help = "Print it as JSON"}};
  return {table, [options] { return checkPackage(*options, llvm::outs(), llvm::errs()); }};
}
