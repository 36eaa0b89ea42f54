// Every graph of the family goldens is imported, raised and run by the plain evaluators of the blue
// dialect, and gives what onnxruntime gave: vision, embeddings, and decoders for a first call, one
// more token after it, and a chunk after a past.
#include "compiler/import/onnx/GraphImport.h"
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/support/WeightReader.h"
#include "passes/conversions/onnx_to_blue/OnnxToBlue.h"
#include "passes/model/fold_constants/FoldConstants.h"
#include "passes/model/infer_shapes/InferShapes.h"
#include "passes/model/inline_cached_branch/InlineCachedBranch.h"
#include "passes/model/specialize_batch/SpecializeBatch.h"
#include "passes/model/verify_model/VerifyModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/Path.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <iostream>
#include <map>

using namespace mlir;
using namespace bluec;
using nlohmann::json;
using reference::Tensor;

namespace {

const std::string kFolder = std::string(BLUEC_SOURCE_DIR) + "/tests/golden/family/";

/// What stands between import and the blue level, as `bluec compile` runs it.
std::string pipeline(const std::string &directory) {
  return "func.func(inline-cached-branch,specialize-batch,infer-shapes,fold-constants),cse,"
         "onnx-to-blue{context=64 model-directory=" +
         directory + "},verify-model";
}

float widen(uint16_t bits, bool isBfloat) {
  llvm::APFloat value(isBfloat ? llvm::APFloat::BFloat() : llvm::APFloat::IEEEhalf(),
                      llvm::APInt(16, bits));
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToFloat();
}

class Goldens {
public:
  Goldens() {
    std::ifstream index(kFolder + "goldens.json");
    cases = json::parse(index)["cases"];
    std::ifstream file(kFolder + "goldens.bin", std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }

  /// The numbers of an input or output, floats widened, integers as they are.
  Tensor tensor(const json &entry) const {
    if (entry.contains("from"))
      for (const json &other : cases)
        if (other["name"] == entry["from"]["case"])
          return rounded(tensor(other["outputs"][entry["from"]["output"].get<std::string>()]),
                         entry["dtype"]);
    auto shape = entry["shape"].get<std::vector<int64_t>>();
    const std::string dtype = entry["dtype"];
    const char *from = bytes.data() + entry["offset"].get<size_t>();
    bool isFloat = dtype.find("float") != std::string::npos;
    Tensor result =
        Tensor::zeros(isFloat ? reference::ElementType::F32 : reference::ElementType::I64, shape);
    for (int64_t i = 0; i < result.numElements(); ++i) {
      if (dtype == "float32")
        std::memcpy(&result.f32[i], from + 4 * i, 4);
      else if (dtype == "int64")
        std::memcpy(&result.i64[i], from + 8 * i, 8);
      else if (dtype == "int32") {
        int32_t value;
        std::memcpy(&value, from + 4 * i, 4);
        result.i64[i] = value;
      } else if (dtype == "bool")
        result.i64[i] = from[i];
      else {
        uint16_t bits;
        std::memcpy(&bits, from + 2 * i, 2);
        result.f32[i] = widen(bits, dtype == "bfloat16");
      }
    }
    return result;
  }

  json cases;

private:
  static Tensor rounded(Tensor tensor, const std::string &dtype) {
    if (dtype == "float32")
      return tensor;
    bool isBfloat = dtype == "bfloat16";
    for (float &element : tensor.f32) {
      llvm::APFloat value(element);
      bool losesInfo;
      value.convert(isBfloat ? llvm::APFloat::BFloat() : llvm::APFloat::IEEEhalf(),
                    llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      element = widen(static_cast<uint16_t>(value.bitcastToAPInt().getZExtValue()), isBfloat);
    }
    return tensor;
  }

  std::vector<char> bytes;
};

const Goldens &goldens() {
  static const Goldens all;
  return all;
}

/// [1, heads, P, D] as [P, heads * D].
Tensor rowsOfHeads(const Tensor &heads) {
  int64_t count = heads.shape[1], rows = heads.shape[2], dim = heads.shape[3];
  Tensor result = Tensor::zeros(reference::ElementType::F32, {rows, count * dim});
  for (int64_t head = 0; head < count; ++head)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t d = 0; d < dim; ++d)
        result.f32[(row * count + head) * dim + d] = heads.f32[(head * rows + row) * dim + d];
  return result;
}

/// Without the leading dim of one.
Tensor withoutBatch(Tensor tensor) {
  tensor.shape.erase(tensor.shape.begin());
  return tensor;
}

class FamilyGoldens : public testing::TestWithParam<std::string> {
protected:
  static void SetUpTestSuite() {
    registerCSEPass();
    registerFoldConstants();
    registerInferShapes();
    registerInlineCachedBranch();
    registerOnnxToBlue();
    registerSpecializeBatch();
    registerVerifyModel();
  }
};

std::string roleOf(const std::string &graph) {
  if (graph.find("vision") != std::string::npos)
    return "vision";
  return graph.find("embed") != std::string::npos ? "embed" : "decoder";
}

TEST_P(FamilyGoldens, MatchOnnxruntime) {
  std::string graph = GetParam(), role = roleOf(graph);
  DialectRegistry registry;
  registry.insert<blue::BlueDialect, func::FuncDialect, onnx::OnnxDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string path = kFolder + graph;
  std::string directory = llvm::sys::path::parent_path(path).str();
  ModelFiles files(directory);
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  ASSERT_TRUE(succeeded(importOnnxFile(files, llvm::sys::path::filename(path), role, *module)));
  auto function = module->lookupSymbol<func::FuncOp>(role);
  ASSERT_TRUE(function);
  function->setAttr(blue::kRoleAttr, StringAttr::get(&context, role));

  PassManager passes(&context, ModuleOp::getOperationName(), OpPassManager::Nesting::Explicit);
  ASSERT_TRUE(succeeded(parsePassPipeline(pipeline(directory), passes)));
  ASSERT_TRUE(succeeded(passes.run(*module)));
  function = module->lookupSymbol<func::FuncOp>(role);
  ASSERT_TRUE(function);
  if (std::getenv("BLUEC_TEST_DUMP"))
    module->print(llvm::errs(), OpPrintingFlags()
                                    .elideLargeElementsAttrs(16)
                                    .elideLargeResourceString(16)
                                    .enableDebugInfo());

  WeightReader reader(directory);
  reference::GraphEvaluation evaluation;
  evaluation.evaluators = &reference::blueEvaluators();
  evaluation.weights = &reader;
  int runs = 0;
  for (const json &golden : goldens().cases) {
    if (golden["graph"] != graph)
      continue;
    ++runs;
    SCOPED_TRACE(golden["name"].get<std::string>());
    const json &given = golden["inputs"];
    SmallVector<std::shared_ptr<const Tensor>> inputs;
    auto add = [&](Tensor tensor) {
      inputs.push_back(std::make_shared<Tensor>(std::move(tensor)));
    };
    std::vector<std::string> names;
    if (role == "vision") {
      add(goldens().tensor(given["pixel_values"]));
      names = {"image_features"};
    } else if (role == "embed") {
      add(withoutBatch(goldens().tensor(given["input_ids"])));
      names = {"inputs_embeds"};
    } else {
      add(withoutBatch(goldens().tensor(given["inputs_embeds"])));
      int64_t past = 0;
      names = {"logits"};
      SmallVector<Tensor> pasts;
      for (int layer = 0;; ++layer) {
        std::string prefix = std::to_string(layer) + ".";
        if (!given.contains("past_key_values." + prefix + "key"))
          break;
        for (const char *which : {"key", "value"}) {
          pasts.push_back(
              rowsOfHeads(goldens().tensor(given["past_key_values." + prefix + which])));
          past = pasts.back().shape[0];
          names.push_back("present." + prefix + which);
        }
      }
      add(Tensor::ints({}, {past}));
      for (Tensor &tensor : pasts)
        add(std::move(tensor));
    }
    auto results = reference::evaluateFunction(function, inputs, evaluation);
    ASSERT_TRUE(succeeded(results));
    ASSERT_EQ(results->size(), names.size());
    for (auto [i, name] : llvm::enumerate(names)) {
      SCOPED_TRACE(name);
      Tensor expected = goldens().tensor(golden["outputs"][name]);
      if (i > 0)
        expected = rowsOfHeads(expected);
      else if (role != "vision")
        expected = withoutBatch(expected);
      const Tensor &found = *(*results)[i];
      ASSERT_EQ(found.shape, expected.shape);
      double largest = 0, worst = 0;
      for (size_t j = 0; j < expected.f32.size(); ++j) {
        largest = std::max(largest, std::abs(double(expected.f32[j])));
        worst = std::max(worst, std::abs(double(found.f32[j]) - expected.f32[j]));
      }
      EXPECT_LE(worst, golden["rtol"].get<double>() * largest);
    }
  }
  EXPECT_GT(runs, 0);
}

std::vector<std::string> graphs() {
  std::vector<std::string> names;
  for (const json &golden : goldens().cases) {
    std::string graph = golden["graph"];
    if (graph.rfind("operators/", 0) != 0 &&
        std::find(names.begin(), names.end(), graph) == names.end())
      names.push_back(graph);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Graphs, FamilyGoldens, testing::ValuesIn(graphs()), [](const auto &info) {
  std::string name = info.param;
  for (char &letter : name)
    if (!std::isalnum(static_cast<unsigned char>(letter)))
      letter = '_';
  return name;
});

} // namespace
