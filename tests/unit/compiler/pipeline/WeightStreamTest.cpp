// Weights as kernels read them: panels, dense tables, transforms of the compiler's own constants.
#include "compiler/pipeline/WeightStream.h"

#include "compiler/pipeline/WeightsFile.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

using namespace mlir;
using namespace bluec;

namespace {

struct WeightStreamTest : testing::Test {
  WeightStreamTest() : reader(".") { context.loadDialect<blue::BlueDialect, plan::PlanDialect>(); }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }

  std::vector<float> stream(plan::WeightOp weight) {
    std::string bytes;
    EXPECT_TRUE(succeeded(streamWeight(weight, reader, [&](ArrayRef<char> piece) {
      bytes.append(piece.data(), piece.size());
      return true;
    })));
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

  MLIRContext context;
  WeightReader reader;
};

TEST(PackPanels, PutsRowsSideBySideAndPadsWithZeros) {
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6}; // [3, 2]
  std::vector<float> panels;
  packPanels(rows, 3, 2, 2, panels);
  EXPECT_EQ(panels, (std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0}));
}

TEST(PackPanels, EveryElementIsWhereTheFormulaSays) {
  for (int64_t n : {1, 7, 8, 9, 31})
    for (int64_t k : {1, 5, 16})
      for (int64_t r : {1, 8, 16}) {
        std::vector<float> rows(static_cast<size_t>(n * k)), panels;
        for (size_t i = 0; i < rows.size(); ++i)
          rows[i] = static_cast<float>(i + 1);
        packPanels(rows, n, k, r, panels);
        ASSERT_EQ(static_cast<int64_t>(panels.size()), (n + r - 1) / r * k * r);
        for (int64_t row = 0; row < (n + r - 1) / r * r; ++row)
          for (int64_t column = 0; column < k; ++column)
            EXPECT_EQ(panels[static_cast<size_t>((row / r * k + column) * r + row % r)],
                      row < n ? rows[static_cast<size_t>(row * k + column)] : 0.0f);
      }
}

TEST_F(WeightStreamTest, TransformsConstants) {
  auto module = parse(R"(
    plan.weight @w dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
      [#blue.transpose<[1, 0]>, #blue.slice<0 : 1 to 3>, #blue.scale<2.0 : f32>]
      packed tensor<2x2xf32> segment "s"
  )");
  ASSERT_TRUE(module);
  auto weight = *module->getOps<plan::WeightOp>().begin();
  EXPECT_EQ(stream(weight), (std::vector<float>{4, 10, 6, 12}));
}

TEST_F(WeightStreamTest, PacksConstants) {
  auto module = parse(R"(
    plan.weight @w dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
      packed tensor<2x2x2xf32> segment "s"
  )");
  ASSERT_TRUE(module);
  auto weight = *module->getOps<plan::WeightOp>().begin();
  EXPECT_EQ(stream(weight), (std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0}));
}

TEST_F(WeightStreamTest, DigestsOnlyWhatCouldBeEqual) {
  auto module = parse(R"(
    plan.weight @a dense<1.0> : tensor<4xf32> packed tensor<4xf32> segment "s"
    plan.weight @b dense<[1.0, 1.0, 1.0, 1.0]> : tensor<4xf32> packed tensor<4xf32> segment "s"
    plan.weight @c dense<2.0> : tensor<4xf32> packed tensor<4xf32> segment "s"
    plan.weight @d dense<1.0> : tensor<4xf32> packed tensor<4xf32> segment "other"
  )");
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(digestWeights(*module, reader)));
  auto digest = [&](StringRef name) {
    return SymbolTable(*module).lookup<plan::WeightOp>(name).getDigest();
  };
  ASSERT_TRUE(digest("a") && digest("b"));
  EXPECT_EQ(*digest("a"), *digest("b"));
  EXPECT_FALSE(digest("c"));
  EXPECT_FALSE(digest("d"));
}

TEST_F(WeightStreamTest, WritesEveryRangeOnce) {
  auto module = parse(R"(
    module attributes {plan.weights_bytes = 192 : i64} {
      plan.weight @b dense<2.0> : tensor<2xf32> packed tensor<2xf32> segment "s" offset 128
      plan.weight @a dense<1.0> : tensor<2xf32> packed tensor<2xf32> segment "s" offset 0
      plan.weight @same dense<1.0> : tensor<2xf32> packed tensor<2xf32> segment "s" offset 0
    }
  )");
  ASSERT_TRUE(module);
  std::string bytes;
  llvm::raw_string_ostream out(bytes);
  FailureOr<std::array<uint8_t, 32>> hash = writeWeights(*module, reader, out);
  ASSERT_TRUE(succeeded(hash));
  ASSERT_EQ(bytes.size(), 192u);
  std::vector<float> values(48);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], i < 2 ? 1.0f : i == 32 || i == 33 ? 2.0f : 0.0f) << i;
  llvm::SHA256 expected;
  expected.update(bytes);
  EXPECT_EQ(*hash, expected.final());
}

/// Bytes of memory that this process has held at most.
int64_t peakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0)
      return std::stoll(line.substr(6)) * 1024;
  return 0;
}

TEST_F(WeightStreamTest, TakesFarLessMemoryThanTheWeights) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "AddressSanitizer's own memory would be counted";
#endif
#endif
  namespace fs = std::filesystem;
  fs::path root = fs::path(testing::TempDir()) / "bluec-large-weight";
  fs::create_directories(root);
  constexpr int64_t rows = 12288, columns = 4096; // 192 MiB of f32
  std::ofstream(root / "w").close();
  fs::resize_file(root / "w", rows * columns * sizeof(float));
  auto module = parse(R"(
    module attributes {plan.weights_bytes = 201326592 : i64} {
      plan.weight @w #blue.source<"w" at 0 : tensor<12288x4096xf32>>
        packed tensor<768x4096x16xf32> segment "s" offset 0
    }
  )");
  ASSERT_TRUE(module);
  WeightReader large(root.string());
  int64_t before = peakMemory();
  llvm::raw_null_ostream nowhere;
  EXPECT_TRUE(succeeded(writeWeights(*module, large, nowhere)));
  EXPECT_LT(peakMemory() - before, int64_t{120} << 20);
  fs::remove_all(root);
}

} // namespace
