#include "compiler/driver/bundle/PrecisionText.h"

#include "compiler/dialect/blue/Blue.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace bluec;

std::string bluec::precisionText(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    type = tensor.getElementType();
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << type;
  if (!isa<blue::QuantizedType>(type))
    return text;
  // Without the dialect's name and the brackets.
  return StringRef(text).drop_until([](char c) { return c == '<'; }).drop_front().drop_back().str();
}

std::string bluec::modulePattern(llvm::StringRef layer) {
  std::string pattern;
  while (!layer.empty()) {
    StringRef digits = layer.take_while(llvm::isDigit);
    StringRef behind = layer.drop_front(digits.size());
    bool isNumber = !digits.empty() && !pattern.empty() && pattern.back() == '.' &&
                    (behind.empty() || behind.front() == '/');
    pattern += isNumber ? "*" : layer.take_front(std::max<size_t>(digits.size(), 1)).str();
    layer = layer.drop_front(std::max<size_t>(digits.size(), 1));
  }
  return pattern;
}
