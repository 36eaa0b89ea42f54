// The sizes of a plan, and plans whose parts do not fit together.
#include "compiler/driver/bundle/Geometry.h"

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

/// What an entry computes and the names of its input and output, as plan.entry writes them.
struct Signature {
  std::string role, takes, gives;
};
const Signature encoder{"encode", "pixels", "features"};
const Signature patches{"encode stage 0 of 2", "pixels", "patches"};
const Signature blocks{"encode stage 1 of 2", "patches", "features"};
const Signature embedding{"embed", "ids", "embeddings"};
const Signature prefilling{"decode", "embeddings", "logits"};
const Signature decoding{"decode", "ids", "logits"};

/// An entry of one step from `input` to `output`, types without the "tensor<>" around them.
std::string entry(const std::string &name, const Signature &signature, int capacity,
                  const std::string &input, const std::string &output) {
  std::string in = "tensor<" + input + ">", out = "tensor<" + output + ">";
  return "plan.entry @" + name + " role " + signature.role + " capacity " +
         std::to_string(capacity) + " segment \"s\" takes [\"" + signature.takes + "\"] gives [\"" +
         signature.gives + "\"] {\n^bb0(%x: " + in + "):\n" +
         "%0 = plan.launch @kernel(%x) tasks affine_map<(n) -> (n)> layer \"l\" value \"v\" on "
         "\"cpu\" : (" +
         in + ") -> " + out + "\nplan.return %0 : " + out + "\n}\n";
}

struct GeometryTest : testing::Test {
  GeometryTest() { context.loadDialect<blue::BlueDialect, plan::PlanDialect, func::FuncDialect>(); }

  FailureOr<Geometry> read(const std::string &entries) {
    module = parseSourceString<ModuleOp>("module attributes {plan.context = 64 : i64} {\n"
                                         "func.func private @kernel()\n" +
                                             entries + "}",
                                         ParserConfig(&context));
    if (!module) {
      ADD_FAILURE() << "the test's own module does not parse";
      return failure();
    }
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      message = diagnostic.str();
      return success();
    });
    return geometryOf(*module);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string message;
};

const std::string embed = entry("embed", embedding, 8, "8xi32", "8x16xf32");
const std::string prefill = entry("prefill", prefilling, 8, "8x16xf32", "1x100xf32");

TEST_F(GeometryTest, ReadsAllEntries) {
  FailureOr<Geometry> geometry =
      read(entry("encode", encoder, 2, "2x3x28x42xf32", "2x6x16xf32") + embed + prefill +
           entry("decode", decoding, 1, "1xi32", "1x100xf32"));
  ASSERT_TRUE(succeeded(geometry)) << message;
  EXPECT_EQ(geometry->context, 64);
  EXPECT_EQ(geometry->chunk, 8);
  EXPECT_EQ(geometry->imageBatch, 2);
  EXPECT_EQ(geometry->tileHeight, 28);
  EXPECT_EQ(geometry->tileWidth, 42);
  EXPECT_EQ(geometry->tokensPerTile, 6);
  EXPECT_EQ(geometry->hidden, 16);
  EXPECT_EQ(geometry->vocabulary, 100);
}

TEST_F(GeometryTest, TheLargestEncoderIsTheBatch) {
  FailureOr<Geometry> geometry = read(entry("encode", encoder, 4, "4x3x28x42xf32", "4x6x16xf32") +
                                      entry("encode_1", encoder, 1, "1x3x28x42xf32", "1x6x16xf32"));
  ASSERT_TRUE(succeeded(geometry)) << message;
  EXPECT_EQ(geometry->imageBatch, 4);
  EXPECT_TRUE(failed(read(entry("encode", encoder, 4, "4x3x28x42xf32", "4x6x16xf32") +
                          entry("encode_1", encoder, 1, "1x3x28x42xf32", "1x7x16xf32"))));
  EXPECT_NE(message.find("expected image features of tokens 6 as in the other parts"),
            std::string::npos)
      << message;
  EXPECT_TRUE(failed(read(entry("encode", encoder, 4, "4x3x28x42xf32", "4x6x16xf32") +
                          entry("encode_1", encoder, 1, "1x3x14x42xf32", "1x6x16xf32"))));
  EXPECT_NE(message.find("expected tiles of height 28"), std::string::npos) << message;
}

TEST_F(GeometryTest, StagesAreAnEncoder) {
  FailureOr<Geometry> geometry =
      read(entry("encode_patches", patches, 2, "2x3x28x42xf32", "2x24x8xf32") +
           entry("encode_blocks", blocks, 2, "2x24x8xf32", "2x6x16xf32") + embed);
  ASSERT_TRUE(succeeded(geometry)) << message;
  EXPECT_EQ(geometry->imageBatch, 2);
  EXPECT_EQ(geometry->tileHeight, 28);
  EXPECT_EQ(geometry->tokensPerTile, 6);
  EXPECT_EQ(geometry->hidden, 16);
}

TEST_F(GeometryTest, FeaturesHaveToBeAsWideAsEmbeddings) {
  EXPECT_TRUE(failed(read(entry("encode", encoder, 1, "1x3x28x28xf32", "1x4x24xf32") + embed)));
  EXPECT_NE(message.find("expected embeddings of width 24 as in the other parts of the model, "
                         "found 16"),
            std::string::npos)
      << message;
}

TEST_F(GeometryTest, DecodeHasToHaveTheLogitsOfPrefill) {
  EXPECT_TRUE(failed(read(embed + prefill + entry("decode", decoding, 1, "1xi32", "1x99xf32"))));
  EXPECT_NE(message.find("expected a vocabulary of 100"), std::string::npos) << message;
}

TEST_F(GeometryTest, EveryTokenOfTheAnswerHasToHaveARow) {
  auto lookUp = [](int rows) {
    std::string table = "tensor<" + std::to_string(rows) + "x16xf32>";
    return "plan.entry @embed role embed capacity 8 segment \"s\" takes [\"ids\"] gives "
           "[\"embeddings\"] {\n^bb0(%x: tensor<8xi32>):\n"
           "%t = plan.get_weight @table : " +
           table + "\n%0 = plan.step \"l\" value \"v\" on \"cpu\" (%x, %t) : (tensor<8xi32>, " +
           table + ") -> tensor<8x16xf32> {\n^bb0(%a: tensor<8xi32>, %b: " + table +
           "):\n%1 = blue.embedding %a, %b : (tensor<8xi32>, " + table +
           ") -> tensor<8x16xf32>\nplan.yield %1 : tensor<8x16xf32>\n}\n"
           "plan.return %0 : tensor<8x16xf32>\n}\n"
           "plan.weight @table #blue.source<\"m\" at 0 : " +
           table + "> packed " + table + " segment \"s\"\n";
  };
  FailureOr<Geometry> geometry = read(lookUp(100) + prefill);
  ASSERT_TRUE(succeeded(geometry)) << message;
  EXPECT_EQ(geometry->embeddings, 100);
  EXPECT_TRUE(failed(read(lookUp(99) + prefill)));
  EXPECT_NE(message.find("expected a table of at least 100 rows, the decoder's logits, found 99"),
            std::string::npos)
      << message;
}

TEST_F(GeometryTest, RanksAreChecked) {
  EXPECT_TRUE(failed(read(entry("encode", encoder, 1, "1x28x28xf32", "1x4x16xf32"))));
  EXPECT_NE(message.find("expected pixels of rank 4"), std::string::npos) << message;
  EXPECT_TRUE(failed(read(entry("encode", encoder, 1, "1x3x28x28xf32", "1x16xf32"))));
  EXPECT_NE(message.find("expected features of rank 3"), std::string::npos) << message;
}

TEST_F(GeometryTest, WhatARoleTakesAndGivesIsAskedForByName) {
  EXPECT_TRUE(failed(read(entry("decode", {"decode", "ids", "scores"}, 1, "1xi32", "1x100xf32"))));
  EXPECT_NE(message.find("expected a tensor 'logits', found none"), std::string::npos) << message;
  EXPECT_TRUE(failed(read(entry("decode", {"decode", "x", "logits"}, 1, "1xi32", "1x100xf32"))));
  EXPECT_NE(message.find("expected a tensor 'embeddings', found none"), std::string::npos)
      << message;
}

} // namespace
