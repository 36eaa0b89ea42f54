#include "compiler/import/onnx/DimExpression.h"

#include "compiler/dialect/onnx/inference/Rules.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace bluec;

namespace {

// sum := product (('+' | '-') product)*;  product := atom (('*' | '//' | '/') atom)*;
// atom := name | number | '(' sum ')'. Null when the text is not of this form.
class Parser {
public:
  Parser(StringRef text, onnx::ShapeInference &inference) : rest(text), inference(inference) {}

  AffineExpr parse() {
    AffineExpr result = sum(0);
    return rest.ltrim().empty() ? result : AffineExpr();
  }

private:
  bool accept(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }
  AffineExpr sum(int depth) {
    AffineExpr left = product(depth);
    while (left) {
      if (accept("+"))
        left = onnx::add(left, product(depth));
      else if (accept("-"))
        left = onnx::subtract(left, product(depth));
      else
        break;
    }
    return left;
  }
  AffineExpr product(int depth) {
    AffineExpr left = atom(depth);
    while (left) {
      if (accept("*"))
        left = onnx::multiply(left, atom(depth));
      else if (accept("//") || accept("/"))
        left = onnx::divide(left, atom(depth));
      else
        break;
    }
    return left;
  }
  AffineExpr atom(int depth) {
    constexpr int kMaxDepth = 16;
    if (depth > kMaxDepth)
      return {};
    if (accept("(")) {
      AffineExpr inner = sum(depth + 1);
      return accept(")") ? inner : AffineExpr();
    }
    StringRef word = rest.take_while(
        [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.' || c == ':'; });
    if (word.empty())
      return {};
    rest = rest.drop_front(word.size());
    int64_t number;
    if (llvm::to_integer(word, number, 10))
      return getAffineConstantExpr(number, inference.getContext());
    return llvm::isDigit(word.front()) ? AffineExpr() : inference.symbol(word);
  }

  StringRef rest;
  onnx::ShapeInference &inference;
};

} // namespace

AffineExpr bluec::parseDimExpression(StringRef text, onnx::ShapeInference &inference) {
  constexpr size_t kMaxLength = 200;
  text = text.take_front(kMaxLength);
  // A text of another form must not leave symbols behind, so it is tried on the side first.
  onnx::ShapeInference trial(inference.getContext());
  if (!Parser(text, trial).parse())
    return inference.symbol(text);
  return Parser(text, inference).parse();
}
