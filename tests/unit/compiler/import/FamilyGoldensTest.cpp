// Importer and plain evaluators together: every graph of tests/golden/family gives, node by node,
// what onnxruntime gave; as imported, and after the passes at the onnx level.
#include "tests/unit/compiler/import/FamilyGoldens.h"

#include "compiler/driver/session/Registration.h"
#include "compiler/import/onnx/GraphImport.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"
#include "compiler/weights/WeightReader.h"
#include "passes/onnx/float_activations/FloatActivations.h"
#include "passes/onnx/fold_constants/FoldConstants.h"
#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h"
#include "passes/onnx/specialize_batch/SpecializeBatch.h"
#include "passes/onnx/unpack_attention/UnpackAttention.h"
#include "passes/onnx/unpack_quantized/UnpackQuantized.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

static const Goldens &goldens() {
  static const Goldens all = readGoldens(BLUEC_SOURCE_DIR "/tests/golden/family");
  return all;
}

/// max|ours - golden| / max|golden|, infinite when shapes differ.
static double relativeError(const Tensor &ours, const Tensor &golden) {
  if (ours.shape != golden.shape)
    return INFINITY;
  double worst = 0, largest = 1e-30;
  for (int64_t i = 0; i < golden.numElements(); ++i) {
    worst = std::max(worst, std::abs(ours.number(i) - golden.number(i)));
    largest = std::max(largest, std::abs(golden.number(i)));
  }
  return worst / largest;
}

/// Shapes and statically known dims that a type claims.
static void expectTypeHolds(Type type, const Tensor &tensor) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked)
    return;
  ASSERT_EQ(ranked.getRank(), tensor.rank());
  for (int64_t i = 0; i < ranked.getRank(); ++i)
    if (!ranked.isDynamicDim(static_cast<unsigned>(i))) {
      EXPECT_EQ(ranked.getDimSize(static_cast<unsigned>(i)), tensor.shape[static_cast<size_t>(i)]);
    }
}

static blue::Role roleOf(StringRef graph) {
  return graph.contains("vision")  ? blue::Role::Vision
         : graph.contains("embed") ? blue::Role::Embed
                                   : blue::Role::Decoder;
}

static void check(const GoldenCase &golden, bool runPasses) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  // The package's directory is the first folder of the path; weights are relative to it.
  auto [package, file] = StringRef(golden.graph).split('/');
  std::string directory = goldens().directory + "/" + package.str();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  ModelFiles files(directory);
  ASSERT_TRUE(succeeded(importOnnxFile(files, file, "main", *module)));
  auto function = *module->getOps<func::FuncOp>().begin();
  if (runPasses) {
    if (package != "operators")
      blue::setRole(function, roleOf(golden.graph));
    PassManager passes(&context);
    passes.addNestedPass<func::FuncOp>(createInlineCachedBranch());
    passes.addNestedPass<func::FuncOp>(createSpecializeBatch());
    passes.addNestedPass<func::FuncOp>(createFloatActivations());
    passes.addNestedPass<func::FuncOp>(createUnpackAttention());
    passes.addNestedPass<func::FuncOp>(createUnpackQuantized());
    passes.addNestedPass<func::FuncOp>(createFoldConstants());
    ASSERT_TRUE(succeeded(passes.run(*module)));
  }
  ASSERT_TRUE(succeeded(verify(*module)));
  SmallVector<std::shared_ptr<const Tensor>> inputs;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto name = function.getArgAttrOfType<StringAttr>(i, onnx::kNameAttr);
    auto input = golden.inputs.find(name.str());
    ASSERT_NE(input, golden.inputs.end()) << name.str();
    inputs.push_back(std::make_shared<const Tensor>(input->second));
  }
  WeightReader weights(directory);
  reference::GraphEvaluation options;
  options.evaluators = &reference::onnxEvaluators();
  options.weights = &weights;
  options.roundResults = false; // the goldens of half-precision graphs were computed in fp32
  options.onResults = [](Operation *op, ArrayRef<std::shared_ptr<const Tensor>> results) {
    for (auto [type, tensor] : llvm::zip_equal(op->getResultTypes(), results))
      expectTypeHolds(type, *tensor);
  };
  auto outputs = reference::evaluateFunction(function, inputs, options);
  ASSERT_TRUE(succeeded(outputs));
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<StringAttr>(i, onnx::kNameAttr);
    auto output = golden.outputs.find(name.str());
    ASSERT_NE(output, golden.outputs.end()) << name.str();
    EXPECT_LE(relativeError(*(*outputs)[i], output->second),
              runPasses ? golden.tolerance : golden.asWritten)
        << name.str();
  }
}

class FamilyGoldens : public testing::TestWithParam<size_t> {};

TEST_P(FamilyGoldens, AsImported) { check(goldens().cases[GetParam()], /*runPasses=*/false); }
TEST_P(FamilyGoldens, AfterPasses) { check(goldens().cases[GetParam()], /*runPasses=*/true); }

static std::string nameOf(const testing::TestParamInfo<size_t> &info) {
  std::string name = goldens().cases[info.param].name;
  for (char &c : name)
    c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Cases, FamilyGoldens, testing::Range(size_t{0}, goldens().cases.size()),
                         nameOf);

TEST(FamilyGoldensFile, HasCases) { EXPECT_GT(goldens().cases.size(), 100u); }
