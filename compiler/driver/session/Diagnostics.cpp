#include "compiler/driver/session/Diagnostics.h"

#include "compiler/base/Quoted.h"
#include "runtime/base/Status.h"

#include "mlir/IR/Location.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;

/// A name of a model file, in quotes where it could be taken for a part of a message.
static std::string asPlace(StringRef name) {
  auto isPlain = [](char c) { return llvm::isPrint(c) && c != ' ' && c != '"'; };
  return llvm::all_of(name, isPlain) ? name.str() : inQuotes(name);
}

std::string bluec::describe(Location location) {
  if (auto named = dyn_cast<NameLoc>(location))
    return asPlace(named.getName());
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

LogicalResult Diagnostics::error(Fault fault, const Twine &message) {
  std::lock_guard<std::mutex> lock(mutex);
  printPending();
  record(fault);
  err << "error: " << subject << oneLine(message.str()) << '\n';
  return failure();
}

LogicalResult Diagnostics::report(llvm::Error error) {
  return error ? inputError(llvm::toString(std::move(error))) : success();
}

LogicalResult Diagnostics::report(const runtime::Status &status) {
  if (status.ok())
    return success();
  bool isOurs = status.getCode() == runtime::Code::Internal;
  return error(isOurs ? Fault::Internal : Fault::Input, status.message());
}

void Diagnostics::record(Fault fault) {
  ++count;
  if (!first)
    first = fault;
}

void Diagnostics::note(const Twine &message) {
  std::lock_guard<std::mutex> lock(mutex);
  printPending();
  err << oneLine(message.str()) << '\n';
}

LogicalResult Diagnostics::warning(const Twine &message) {
  if (warningsAreErrors)
    return inputError(message + " (--strict)");
  std::string line = oneLine(message.str());
  std::lock_guard<std::mutex> lock(mutex);
  if (llvm::is_contained(warned, line)) // a model may be read several times
    return success();
  printPending();
  err << "warning: " << line << '\n';
  warned.push_back(std::move(line));
  return success();
}

void Diagnostics::flush() {
  std::lock_guard<std::mutex> lock(mutex);
  printPending();
}

LogicalResult Diagnostics::explained(LogicalResult result, StringRef what) {
  flush();
  return failed(result) && count == 0 ? error(blamed, what + ": failed without saying why")
                                      : result;
}

int Diagnostics::exitCode(LogicalResult result, StringRef what) {
  if (succeeded(explained(result, what)))
    return exitDone;
  switch (*first) {
  case Fault::Input:
    return exitInput;
  case Fault::Usage:
    return exitUsage;
  case Fault::Internal:
    break;
  }
  return exitInternal;
}

void Diagnostics::printPending() {
  constexpr size_t kShown = 4;
  if (pending.empty())
    return;
  err << "error: " << subject;
  for (size_t i = 0; i < std::min(pending.size(), kShown); ++i)
    err << (i == 0 ? "" : "; ") << oneLine(pending[i]);
  if (pending.size() > kShown)
    err << "; and " << pending.size() - kShown << " more";
  err << '\n';
  pending.clear();
}

void Diagnostics::print(Diagnostic &diagnostic) {
  std::string where = describe(diagnostic.getLocation());
  std::string text = (where.empty() ? "" : where + ": ") + diagnostic.str();
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    if (verbose) {
      (void)error(blamed, text);
    } else {
      std::lock_guard<std::mutex> lock(mutex);
      record(blamed);
      pending.push_back(std::move(text));
    }
    break;
  case DiagnosticSeverity::Warning:
    (void)warning(text); // whoever ran the pass asks whether there are errors
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
    : diagnostics(diagnostics), handler(&context, [&diagnostics](Diagnostic &diagnostic) {
        diagnostics.print(diagnostic);
        return success();
      }) {}
