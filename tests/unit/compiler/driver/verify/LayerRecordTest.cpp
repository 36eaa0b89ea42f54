// What of a step's output is kept, under which name, and in which rows.
#include "compiler/driver/verify/LayerRecord.h"

#include "compiler/dialect/plan/Layouts.h"
#include "compiler/dialect/plan/Plan.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace bluec;

namespace {

bluec_entry entryOf(int64_t capacity) {
  bluec_entry entry{};
  entry.name = "prefill";
  entry.capacity = capacity;
  return entry;
}

bluec_step stepOf(const char *value, int64_t rows, int64_t columns) {
  bluec_step step{};
  step.name = "root";
  step.output.name = value;
  step.output.dtype = BLUEC_F32;
  step.output.rank = 2;
  step.output.dims[0] = rows;
  step.output.dims[1] = columns;
  return step;
}

struct LayerRecordTest : testing::Test {
  LayerRecordTest() {
    context.loadDialect<blue::BlueDialect, plan::PlanDialect, func::FuncDialect>();
    names.insert("a");
    names.insert("a/quantized");
  }
  MLIRContext context;
  llvm::StringSet<> names;
  LayerRecord record{3, names};
  std::string why;
};

TEST_F(LayerRecordTest, KeepsValidRowsOnly) {
  const float first[] = {1, 2, 3, 4}, second[] = {5, 6, NAN, NAN};
  ASSERT_TRUE(record.add(entryOf(2), stepOf("a", 2, 2), nullptr, first, 2, 0, why)) << why;
  EXPECT_EQ(record.find("a")->entries, (std::vector<int>{0, 0, -1}));
  ASSERT_TRUE(record.add(entryOf(2), stepOf("a", 2, 2), nullptr, second, 1, 2, why)) << why;
  EXPECT_EQ(record.find("a")->values.f32, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(record.find("a")->entries, (std::vector<int>{0, 0, 0}));
  ASSERT_EQ(record.sources().size(), 1u);
  EXPECT_EQ(record.sources()[0].step, "root");
}

TEST_F(LayerRecordTest, ALastRowIsThatOfTheCall) {
  const float row[] = {5, 8};
  ASSERT_TRUE(record.add(entryOf(4), stepOf("a/last_row", 1, 2), nullptr, row, 2, 0, why)) << why;
  ASSERT_TRUE(record.add(entryOf(4), stepOf("a", 1, 2), nullptr, row, 1, 2, why)) << why;
  EXPECT_EQ(record.find("a")->entries, (std::vector<int>{-1, 0, 0}));
  EXPECT_EQ(record.find("a")->values.f32, (std::vector<float>{0, 0, 5, 8, 5, 8}));
}

TEST_F(LayerRecordTest, ValuesThatTheReferenceLacksArePassedOver) {
  const float row[] = {1, 2};
  EXPECT_TRUE(record.add(entryOf(1), stepOf("a/im2col", 1, 2), nullptr, row, 1, 0, why));
  bluec_step unknown = stepOf("a/quantized", 1, 2);
  unknown.output.dtype = BLUEC_I8;
  EXPECT_TRUE(record.add(entryOf(1), unknown, nullptr, row, 1, 0, why));
  EXPECT_TRUE(record.add(entryOf(1), stepOf("a", 1, 2), nullptr, nullptr, 1, 0, why));
  EXPECT_TRUE(record.layers().empty());
}

TEST_F(LayerRecordTest, WhatDoesNotFitIsAFault) {
  const float row[] = {1, 2, 3};
  ASSERT_TRUE(record.add(entryOf(1), stepOf("a", 1, 2), nullptr, row, 1, 0, why));
  EXPECT_FALSE(record.add(entryOf(1), stepOf("a", 1, 3), nullptr, row, 1, 0, why));
  EXPECT_EQ(why, "prefill: a: expected 2 elements a row, found 3");
  EXPECT_FALSE(record.add(entryOf(1), stepOf("a", 1, 2), nullptr, row, 1, 3, why));
  EXPECT_EQ(why, "prefill: a: expected 3 rows at most, found 4");
}

// Three rows of two groups, alone and two by two.
TEST_F(LayerRecordTest, QuantizedRowsAreKeptAsNumbers) {
  for (const char *text :
       {"tensor<3x8x!blue.quantized<i16 group 4 scale f32>, #plan.rows<sums 4>>",
        "tensor<3x8x!blue.quantized<i8 group 4 scale f32>, #plan.rows<sums 4 pairs 4>>"}) {
    auto type = cast<RankedTensorType>(parseType(text, &context));
    plan::RowLayout layout = *plan::RowLayout::of(type);
    std::vector<uint8_t> bytes(static_cast<size_t>(layout.bytes()));
    std::vector<float> expected;
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t i = 0; i < 8; ++i) {
        auto q = static_cast<int16_t>((i % 2 == 0 ? 1 : -1) * (10 * row + i));
        float scale = i < 4 ? 0.5f : 0.25f;
        uint8_t *at = bytes.data() + layout.elementsAt(row) + layout.elementOffset(i);
        if (layout.elementBytes == 2)
          std::memcpy(at, &q, sizeof q);
        else
          *at = static_cast<uint8_t>(q);
        std::memcpy(bytes.data() + layout.scalesAt(row) + layout.numberOffset(i / 4), &scale,
                    sizeof scale);
        expected.push_back(scale * static_cast<float>(q));
      }
    bluec_step step = stepOf("a/quantized", 4, layout.rowBytes());
    step.output.dtype = BLUEC_I8;
    step.output.bytes = layout.bytes();
    LayerRecord kept(3, names);
    ASSERT_TRUE(kept.add(entryOf(3), step, type, bytes.data(), 3, 0, why)) << why;
    EXPECT_EQ(kept.find("a/quantized")->values.f32, expected) << text;
    EXPECT_EQ(kept.find("a/quantized")->values.shape, (std::vector<int64_t>{3, 8}));
    step.output.bytes += 1;
    EXPECT_FALSE(kept.add(entryOf(3), step, type, bytes.data(), 3, 0, why));
  }
}

// A value that is quantized to two types has two values of one name: neither is kept.
TEST_F(LayerRecordTest, NamesAreThoseOfTheSteps) {
  auto module = parseSourceString<ModuleOp>(
      R"(func.func @f(%x: tensor<2x8xf32>) {
        %n = blue.silu %x : tensor<2x8xf32>
        %q = blue.quantize %n : (tensor<2x8xf32>) -> tensor<2x8x!blue.quantized<i16 group row scale f32>>
        %s = blue.relu %x : tensor<2x8xf32>
        %a = blue.quantize %s : (tensor<2x8xf32>) -> tensor<2x8x!blue.quantized<i16 group row scale f32>>
        %b = blue.quantize %s : (tensor<2x8xf32>) -> tensor<2x8x!blue.quantized<i8 group row scale f32>>
        return
      })",
      ParserConfig(&context));
  ASSERT_TRUE(module);
  llvm::StringSet<> found;
  LayerRecord::addNames(module->lookupSymbol<func::FuncOp>("f"), found);
  EXPECT_EQ(found.size(), 3u);
  for (const char *name : {"silu", "silu/quantized", "relu"})
    EXPECT_TRUE(found.contains(name)) << name;
}

} // namespace
