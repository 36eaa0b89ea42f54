// weights.bin: equal weights are found, every range is written once, damage is found again.
#include "compiler/driver/bundle/WeightsFile.h"

#include "compiler/driver/bundle/BundleWriter.h"
#include "runtime/base/Crc32c.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SHA256.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>

using namespace mlir;
using namespace bluec;
namespace fs = std::filesystem;

namespace {

struct WeightsFileTest : testing::Test {
  WeightsFileTest()
      : root(fs::path(testing::TempDir()) /
             ("bluec-weights-" + std::to_string(getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name())),
        reader(root.string()) {
    context.loadDialect<blue::BlueDialect, plan::PlanDialect>();
    fs::create_directories(root);
  }
  ~WeightsFileTest() override { fs::remove_all(root); }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }
  void writeFloats(const std::string &name, const std::vector<float> &values) {
    std::ofstream(root / name, std::ios::binary)
        .write(reinterpret_cast<const char *>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
  }
  std::string readBack() {
    std::ifstream file(root / "weights.bin", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  /// Writes weights.bin; fails the test on any error.
  WeightsDigest write(ModuleOp module, const WeightsProgress &progress = {}) {
    auto written = writeWeights(module, reader, (root / "weights.bin").string(), progress);
    EXPECT_TRUE(static_cast<bool>(written));
    EXPECT_TRUE(succeeded(*written));
    return std::move(**written);
  }
  plan::WeightOp find(ModuleOp module, StringRef name) {
    return SymbolTable(module).lookup<plan::WeightOp>(name);
  }

  MLIRContext context;
  fs::path root;
  WeightReader reader;
};

TEST_F(WeightsFileTest, DigestsOnlyWhatCouldBeEqual) {
  auto module = parse(R"(
    plan.weight @a dense<1.0> : tensor<4xf32> packed tensor<4xf32> segment "s"
    plan.weight @b dense<0.5> : tensor<4xf32> [#blue.scale<2.0 : f32>]
      packed tensor<4xf32> segment "s"
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

// Equal bytes in two files, as exporters write a tied embedding and head: they are compared as they
// stand there, before any transform.
TEST_F(WeightsFileTest, GivesEqualSourcesOneName) {
  std::vector<float> values(2000, 1.5f); // more than what a first look takes
  writeFloats("a", values);
  writeFloats("b", values);
  values.back() = 2;
  writeFloats("c", values);
  auto module = parse(R"(
    plan.weight @a #blue.source<"a" at 0 : tensor<2000x1xf32>> packed tensor<2000x1xf32> segment "s"
    plan.weight @b #blue.source<"b" at 0 : tensor<2000x1xf32>> packed tensor<2000x1xf32> segment "s"
    plan.weight @c #blue.source<"c" at 0 : tensor<2000x1xf32>> packed tensor<2000x1xf32> segment "s"
  )");
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(digestWeights(*module, reader)));
  EXPECT_EQ(find(*module, "a").getValue(), find(*module, "b").getValue());
  EXPECT_NE(find(*module, "a").getValue(), find(*module, "c").getValue());
  // They begin alike, so what is left is told apart by digests.
  EXPECT_EQ(find(*module, "a").getDigest(), find(*module, "b").getDigest());
  EXPECT_NE(find(*module, "a").getDigest(), find(*module, "c").getDigest());
}

// The same elements in another order in the file: only the packed bytes are equal.
TEST_F(WeightsFileTest, FindsEqualBytesBehindOtherTransforms) {
  writeFloats("a", {1, 2, 3, 4});
  writeFloats("b", {1, 3, 2, 4});
  auto module = parse(R"(
    plan.weight @a #blue.source<"a" at 0 : tensor<2x2xf32>> packed tensor<2x2xf32> segment "s"
    plan.weight @b #blue.source<"b" at 0 : tensor<2x2xf32>> [#blue.transpose<[1, 0]>]
      packed tensor<2x2xf32> segment "s"
  )");
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(digestWeights(*module, reader)));
  ASSERT_TRUE(find(*module, "a").getDigest());
  EXPECT_EQ(find(*module, "a").getDigest(), find(*module, "b").getDigest());
}

constexpr const char *kThreeRanges = R"(
  module attributes {plan.weights_bytes = 192 : i64} {
    plan.weight @b dense<2.0> : tensor<2xf32> packed tensor<2xf32> segment "s" offset 128
    plan.weight @a dense<1.0> : tensor<2xf32> packed tensor<2xf32> segment "s" offset 0
    plan.weight @same dense<1.0> : tensor<2xf32> packed tensor<2xf32> segment "s" offset 0
  }
)";

TEST_F(WeightsFileTest, WritesEveryRangeOnce) {
  auto module = parse(kThreeRanges);
  ASSERT_TRUE(module);
  int64_t last = 0;
  WeightsDigest digest = write(*module, [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, 192);
    last = done;
  });
  EXPECT_EQ(last, 16); // of two weights
  std::string bytes = readBack();
  ASSERT_EQ(bytes.size(), 192u);
  std::vector<float> values(48);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], i < 2 ? 1.0f : i == 32 || i == 33 ? 2.0f : 0.0f) << i;
  llvm::SHA256 expected;
  expected.update(bytes);
  EXPECT_EQ(digest.sha256, expected.final());
  EXPECT_EQ(digest.blocks,
            (std::vector<uint32_t>{runtime::crc32cPortable(bytes.data(), bytes.size())}));
}

/// Several weights of several pieces, the last block short.
std::string manyWeights(int64_t rows) {
  std::ostringstream text;
  int64_t bytes = rows * 1024 * 4;
  text << "module attributes {plan.weights_bytes = " << 5 * bytes << " : i64} {\n";
  for (int64_t i = 0; i < 5; ++i)
    text << "plan.weight @w" << i << " #blue.source<\"w\" at " << 4 * i << " : tensor<" << rows
         << "x1024xf32>> packed tensor<" << rows / 16 << "x1024x16xf32> segment \"s\" offset "
         << i * bytes << "\n";
  text << "}\n";
  return text.str();
}

TEST_F(WeightsFileTest, TheSameBytesWhateverTheThreads) {
  constexpr int64_t kRows = 1040;
  std::vector<float> source(kRows * 1024 + 8);
  for (size_t i = 0; i < source.size(); ++i)
    source[i] = static_cast<float>(i % 8191);
  writeFloats("w", source);
  auto module = parse(manyWeights(kRows));
  ASSERT_TRUE(module);
  WeightsDigest parallel = write(*module);
  std::string bytes = readBack();
  context.disableMultithreading();
  WeightsDigest serial = write(*module);
  EXPECT_EQ(bytes, readBack());
  EXPECT_EQ(parallel.sha256, serial.sha256);
  EXPECT_EQ(parallel.blocks, serial.blocks);
  ASSERT_EQ(serial.blocks.size(), (bytes.size() + kBlockBytes - 1) / kBlockBytes);
  ASSERT_GT(serial.blocks.size(), 4u);
  size_t lastBlock = (serial.blocks.size() - 1) * kBlockBytes;
  EXPECT_EQ(serial.blocks.back(),
            runtime::crc32cPortable(bytes.data() + lastBlock, bytes.size() - lastBlock));
  // Element [17, 3] of the weight w2: panel 1, column 3, row 1 in it.
  float element = 0;
  std::memcpy(&element, bytes.data() + 2 * kRows * 4096 + ((1024 + 3) * 16 + 1) * 4, sizeof(float));
  EXPECT_EQ(element, source[2 + 17 * 1024 + 3]);
}

TEST_F(WeightsFileTest, ErrorsOfTheFile) {
  auto module = parse(kThreeRanges);
  ASSERT_TRUE(module);
  auto written = writeWeights(*module, reader, (root / "nowhere" / "weights.bin").string());
  ASSERT_FALSE(static_cast<bool>(written));
  EXPECT_EQ(llvm::toString(written.takeError()), "weights.bin: No such file or directory");
}

/// Files may not grow while it lives, as on a disk that is full.
class NoSpace {
public:
  NoSpace() : handler(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit none{0, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoSpace() {
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }

private:
  rlimit before{};
  void (*handler)(int);
};

TEST_F(WeightsFileTest, SaysThatThereIsNoSpace) {
  auto module = parse(kThreeRanges);
  ASSERT_TRUE(module);
  llvm::Expected<FailureOr<WeightsDigest>> written = [&] {
    NoSpace isLeft;
    return writeWeights(*module, reader, (root / "weights.bin").string());
  }();
  ASSERT_FALSE(static_cast<bool>(written));
  EXPECT_EQ(llvm::toString(written.takeError()), "weights.bin: File too large");
}

TEST_F(WeightsFileTest, ErrorsOfWeights) {
  std::string said;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    said = diagnostic.str();
    return success();
  });
  auto check = [&](const std::string &text, const std::string &expected) {
    auto module = parse(text);
    ASSERT_TRUE(module);
    auto written = writeWeights(*module, reader, (root / "weights.bin").string());
    ASSERT_TRUE(static_cast<bool>(written));
    EXPECT_TRUE(failed(*written));
    EXPECT_NE(said.find(expected), std::string::npos) << said;
  };
  check(R"(plan.weight @a dense<1.0> : tensor<2xf32> packed tensor<2xf32> segment "s" offset 0)",
        "expected plan.weights_bytes (assign-weights)");
  check(R"(module attributes {plan.weights_bytes = 64 : i64} {
    plan.weight @a dense<1.0> : tensor<2xf32> packed tensor<2xf32> segment "s"
  })",
        "expected an offset (assign-weights)");
  check(R"(module attributes {plan.weights_bytes = 64 : i64} {
    plan.weight @a #blue.source<"none" at 0 : tensor<2xf32>> packed tensor<2xf32> segment "s"
      offset 0
  })",
        "none");
}

TEST_F(WeightsFileTest, ComparesWithAFile) {
  auto module = parse(kThreeRanges);
  ASSERT_TRUE(module);
  write(*module);
  std::string bytes = readBack();
  auto compare = [&] {
    return compareWeights(*module, reader,
                          {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
  };
  EXPECT_TRUE(succeeded(compare()));
  std::string said;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    said = diagnostic.str();
    return success();
  });
  bytes[130] ^= 1;
  EXPECT_TRUE(failed(compare()));
  EXPECT_EQ(said, "weights.bin: expected weight b as the reference has it, found another");
  bytes.resize(100);
  EXPECT_TRUE(failed(compare()));
  EXPECT_EQ(said, "weights.bin: expected 192 bytes, found 100");
}

/// Bytes of memory that this process has held at most.
int64_t peakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0)
      return std::stoll(line.substr(6)) * 1024;
  return 0;
}

TEST_F(WeightsFileTest, TakesFarLessMemoryThanTheWeights) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "AddressSanitizer's own memory would be counted";
#endif
#endif
  constexpr int64_t kRows = 12288, kColumns = 4096; // 192 MiB of f32
  std::ofstream(root / "w").close();
  fs::resize_file(root / "w", kRows * kColumns * sizeof(float));
  auto module = parse(R"(
    module attributes {plan.weights_bytes = 201326592 : i64} {
      plan.weight @w #blue.source<"w" at 0 : tensor<12288x4096xf32>>
        packed tensor<768x4096x16xf32> segment "s" offset 0
    }
  )");
  ASSERT_TRUE(module);
  int64_t before = peakMemory();
  write(*module);
  EXPECT_LT(peakMemory() - before, int64_t{120} << 20);
}

/// A tied table and head: equal rows, in different files and one of them transposed.
TEST_F(WeightsFileTest, DigestsTellEqualRowsWhereverTheyAre) {
  std::vector<float> columns, rows;
  for (size_t k = 0; k < 300; ++k)
    for (size_t n = 0; n < 77; ++n)
      columns.push_back(static_cast<float>((k * 31 + n * 17) % 64) / 32 - 1);
  for (size_t n = 0; n < 77; ++n)
    for (size_t k = 0; k < 300; ++k)
      rows.push_back(columns[k * 77 + n]);
  writeFloats("w", columns);
  writeFloats("e", rows);
  auto module = parse(R"(
    plan.weight @head #blue.source<"w" at 0 : tensor<300x77xf32>> [#blue.transpose<[1, 0]>,
      #blue.quantize<<i4 group 64 scale f16>, search>]
      packed tensor<77x300x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 16, dot <si16 x si16, k 2>>> segment "s"
    plan.weight @table #blue.source<"e" at 0 : tensor<77x300xf32>> [#blue.quantize<<i4 group 64 scale f16>, search>]
      packed tensor<77x300x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 16, dot <si16 x si16, k 2>>> segment "s"
    plan.weight @other #blue.source<"e" at 0 : tensor<77x300xf32>> [#blue.quantize<<i4 group 64 scale f16>, nearest>]
      packed tensor<77x300x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 16, dot <si16 x si16, k 2>>> segment "s"
  )");
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(digestWeights(*module, reader)));
  auto digest = [&](StringRef name) {
    return SymbolTable(*module).lookup<plan::WeightOp>(name).getDigest();
  };
  ASSERT_TRUE(digest("head") && digest("table"));
  EXPECT_EQ(*digest("head"), *digest("table"));
  EXPECT_FALSE(digest("other"));
}

} // namespace
