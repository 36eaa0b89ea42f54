#include "compiler/import/onnx/DimExpression.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace bluec;

/// The expression and the symbols behind it: "s0 + s1 [past, new]".
static std::string parse(llvm::StringRef text) {
  mlir::MLIRContext context;
  onnx::ShapeInference inference(&context);
  std::string out;
  llvm::raw_string_ostream stream(out);
  stream << parseDimExpression(text, inference) << " [";
  llvm::interleaveComma(inference.symbols(), stream);
  stream << "]";
  return out;
}

TEST(DimExpression, ReadsWhatExportersWrite) {
  EXPECT_EQ(parse("batch_size"), "s0 [batch_size]");
  EXPECT_EQ(parse("past_sequence_length + sequence_length"),
            "s0 + s1 [past_sequence_length, sequence_length]");
  EXPECT_EQ(parse("2*s + 1"), "s0 * 2 + 1 [s]");
  EXPECT_EQ(parse("(a + b)//2"), "(s0 + s1) floordiv 2 [a, b]");
  EXPECT_EQ(parse("n - n"), "0 [n]");
}

TEST(DimExpression, TakesOtherTextsForNames) {
  EXPECT_EQ(parse("sequence length"), "s0 [sequence length]");
  EXPECT_EQ(parse("a +"), "s0 [a +]");
  EXPECT_EQ(parse("((((((((((((((((((((((((((((((a"), "s0 [((((((((((((((((((((((((((((((a]");
  EXPECT_EQ(parse("a / 0"), "s0 [a / 0]");
  EXPECT_EQ(parse("99999999999999999999"), "s0 [99999999999999999999]");
}
