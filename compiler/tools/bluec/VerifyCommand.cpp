#include "compiler/tools/bluec/Commands.h"

void bluec::tools::addVerifyCommand(CLI::App &app, Chosen &chosen) {}
