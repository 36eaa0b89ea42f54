#include "compiler/pipeline/Diagnostics.h"

#include "mlir/IR/Location.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;

std::string bluec::describe(Location location) {
  if (auto named = dyn_cast<NameLoc>(location))
    return named.getName().str();
  if (auto file = dyn_cast<FileLineColLoc>(location))
    return (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" +
            Twine(file.getColumn()))
        .str();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : llvm::reverse(fused.getLocations()))
      if (std::string text = describe(part); !text.empty())
        return text;
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return describe(call.getCallee());
  return "";
}

/// A message is one line, whatever a name in a model file or a nested printer puts into it.
static std::string oneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

LogicalResult Diagnostics::error(const Twine &message) {
  std::lock_guard<std::mutex> lock(mutex);
  ++count;
  err << "error: " << oneLine(message.str()) << '\n';
  return failure();
}

void Diagnostics::note(const Twine &message) {
  std::lock_guard<std::mutex> lock(mutex);
  err << oneLine(message.str()) << '\n';
}

void Diagnostics::print(Diagnostic &diagnostic) {
  std::string where = describe(diagnostic.getLocation());
  std::string text = (where.empty() ? "" : where + ": ") + diagnostic.str();
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    (void)error(text);
    break;
  case DiagnosticSeverity::Warning:
    note("warning: " + text);
    break;
  default:
    if (!verbose)
      return;
    note("note: " + text);
  }
  if (verbose)
    for (Diagnostic &part : diagnostic.getNotes())
      print(part);
}

Diagnostics::Scope::Scope(MLIRContext &context, Diagnostics &diagnostics)
    : handler(&context, [&diagnostics](Diagnostic &diagnostic) {
        diagnostics.print(diagnostic);
        return success();
      }) {}
