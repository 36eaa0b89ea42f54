// Whole graphs, raised and run by the plain evaluators of the blue dialect.
//
// Every graph of the family goldens gives what onnxruntime gave: vision, embeddings, and decoders
// for a first call, one more token after it, and a chunk after a past. The example model gives what
// the plain evaluators make of its nodes.
#include "tests/unit/compiler/import/FamilyGoldens.h"

#include "compiler/import/onnx/GraphImport.h"
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"
#include "compiler/weights/WeightReader.h"
#include "passes/conversions/onnx_to_blue/OnnxToBlue.h"
#include "passes/model/verify_model/VerifyModel.h"
#include "passes/onnx/bind_inputs/BindInputs.h"
#include "passes/onnx/float_activations/FloatActivations.h"
#include "passes/onnx/fold_constants/FoldConstants.h"
#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h"
#include "passes/onnx/specialize_batch/SpecializeBatch.h"
#include "passes/onnx/split_embedding/SplitEmbedding.h"
#include "passes/onnx/unpack_attention/UnpackAttention.h"
#include "passes/onnx/unpack_quantized/UnpackQuantized.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/Path.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

using Results = SmallVector<std::shared_ptr<const Tensor>>;

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

/// [axes, 1, rows] as [rows, axes].
Tensor rowsOfAxes(const Tensor &positions) {
  int64_t axes = positions.shape[0], rows = positions.shape[2];
  Tensor result = Tensor::zeros(reference::ElementType::I64, {rows, axes});
  for (int64_t i = 0; i < axes * rows; ++i)
    result.i64[i % rows * axes + i / rows] = positions.i64[i];
  return result;
}

/// Without the leading dim of one.
Tensor withoutBatch(Tensor tensor) {
  tensor.shape.erase(tensor.shape.begin());
  return tensor;
}

/// Rows of pictures, [rows, B / rows, C, H, W], as pictures, [B, C, H, W].
Tensor picturesOf(Tensor pixels) {
  if (pixels.rank() == 5) {
    pixels.shape[1] *= pixels.shape[0];
    pixels.shape.erase(pixels.shape.begin());
  }
  return pixels;
}

blue::Role roleOf(const std::string &graph) {
  if (graph.find("vision") != std::string::npos)
    return blue::Role::Vision;
  return graph.find("embed") != std::string::npos ? blue::Role::Embed : blue::Role::Decoder;
}

/// One graph, imported and raised.
class Graph {
public:
  /// `path` is that of the .onnx file.
  Graph(const std::string &path, int64_t context)
      : role(roleOf(path)), directory(llvm::sys::path::parent_path(path)), files(directory),
        reader(directory), positions(context) {
    DialectRegistry registry;
    registry.insert<blue::BlueDialect, func::FuncDialect, onnx::OnnxDialect>();
    mlirContext.appendDialectRegistry(registry);
    module = ModuleOp::create(UnknownLoc::get(&mlirContext));
    if (succeeded(importOnnxFile(files, llvm::sys::path::filename(path), "main", *module)))
      blue::setRole(function(), role);
  }

  func::FuncOp function() { return module->lookupSymbol<func::FuncOp>("main"); }

  LogicalResult raise() {
    PassManager passes(&mlirContext, ModuleOp::getOperationName());
    OpPassManager &functions = passes.nest<func::FuncOp>();
    functions.addPass(createInlineCachedBranch());
    functions.addPass(createBindInputs());
    functions.addPass(createSpecializeBatch());
    functions.addPass(createFloatActivations());
    functions.addPass(createUnpackAttention());
    functions.addPass(createFoldConstants());
    functions.addPass(createUnpackQuantized());
    passes.addPass(createSplitEmbedding());
    OpPassManager &parts = passes.nest<func::FuncOp>();
    parts.addPass(createFoldConstants());
    parts.addPass(createCSEPass());
    OnnxToBlueOptions options;
    options.context = positions;
    options.modelDirectory = directory;
    passes.addPass(createOnnxToBlue(options));
    passes.addPass(createVerifyModel());
    return passes.run(*module);
  }

  FailureOr<Results> run(Results inputs, const reference::EvaluatorTable &evaluators) {
    reference::GraphEvaluation evaluation;
    evaluation.evaluators = &evaluators;
    evaluation.weights = &reader;
    // What a decoder of token ids was cut into.
    if (auto embed = module->lookupSymbol<func::FuncOp>(blue::stringifyRole(blue::Role::Embed))) {
      FailureOr<Results> rows = reference::evaluateFunction(embed, {inputs.front()}, evaluation);
      if (failed(rows))
        return failure();
      inputs.front() = rows->front();
    }
    return reference::evaluateFunction(function(), inputs, evaluation);
  }

  blue::Role role;

private:
  std::string directory;
  ModelFiles files;
  WeightReader reader;
  int64_t positions;
  MLIRContext mlirContext{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
};

/// What the graph takes and gives, as the raised function does: without batch, heads side by side,
/// the number of past rows behind the embeddings, layer by layer.
struct Call {
  Results inputs;
  std::vector<std::string> outputNames;

  Call(blue::Role role, const std::map<std::string, Tensor> &given) {
    auto add = [&](Tensor tensor) {
      inputs.push_back(std::make_shared<Tensor>(std::move(tensor)));
    };
    if (role == blue::Role::Vision) {
      add(picturesOf(given.at("pixel_values")));
      outputNames = {"image_features"};
      return;
    }
    if (role == blue::Role::Embed) {
      add(withoutBatch(given.at("input_ids")));
      outputNames = {"inputs_embeds"};
      return;
    }
    bool takesIds = given.count("inputs_embeds") == 0;
    add(withoutBatch(given.at(takesIds ? "input_ids" : "inputs_embeds")));
    outputNames = {"logits"};
    std::vector<Tensor> pasts;
    for (int layer = 0; given.count("past_key_values." + std::to_string(layer) + ".key"); ++layer)
      for (const char *which : {".key", ".value"}) {
        pasts.push_back(rowsOfHeads(given.at("past_key_values." + std::to_string(layer) + which)));
        outputNames.push_back("present." + std::to_string(layer) + which);
      }
    add(Tensor::ints({}, {pasts.empty() ? 0 : pasts.front().shape[0]}));
    if (auto places = given.find("position_ids");
        places != given.end() && places->second.rank() == 3)
      add(rowsOfAxes(places->second));
    for (Tensor &past : pasts)
      add(std::move(past));
  }

  /// An output of the graph as the raised function gives it.
  static Tensor output(blue::Role role, const std::string &name, const Tensor &tensor) {
    if (name.rfind("present.", 0) == 0)
      return rowsOfHeads(tensor);
    return role == blue::Role::Vision ? tensor : withoutBatch(tensor);
  }
};

void expectNear(const Tensor &found, const Tensor &expected, double tolerance) {
  ASSERT_EQ(found.shape, expected.shape);
  double largest = 0, worst = 0;
  for (size_t i = 0; i < expected.f32.size(); ++i) {
    largest = std::max(largest, std::abs(double(expected.f32[i])));
    worst = std::max(worst, std::abs(double(found.f32[i]) - expected.f32[i]));
  }
  EXPECT_LE(worst, tolerance * largest);
}

std::string testName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  for (char &letter : name)
    if (!std::isalnum(static_cast<unsigned char>(letter)))
      letter = '_';
  return name;
}

//===----------------------------------------------------------------------------------------===//
// The family
//===----------------------------------------------------------------------------------------===//

const Goldens &goldens() {
  static const Goldens all = readGoldens(BLUEC_SOURCE_DIR "/tests/golden/family");
  return all;
}

class Family : public testing::TestWithParam<std::string> {};

TEST_P(Family, MatchesOnnxruntime) {
  Graph graph(goldens().directory + "/" + GetParam(), /*context=*/64);
  ASSERT_TRUE(graph.function());
  ASSERT_TRUE(succeeded(graph.raise()));
  for (const GoldenCase &golden : goldens().cases) {
    if (golden.graph != GetParam())
      continue;
    SCOPED_TRACE(golden.name);
    Call call(graph.role, golden.inputs);
    FailureOr<Results> results = graph.run(call.inputs, reference::blueEvaluators());
    ASSERT_TRUE(succeeded(results));
    ASSERT_EQ(results->size(), call.outputNames.size());
    for (auto [name, found] : llvm::zip_equal(call.outputNames, *results)) {
      SCOPED_TRACE(name);
      expectNear(*found, Call::output(graph.role, name, golden.outputs.at(name)), golden.tolerance);
    }
  }
}

std::vector<std::string> familyGraphs() {
  std::vector<std::string> graphs;
  for (const GoldenCase &golden : goldens().cases)
    // Single operators are no part of a model.
    if (golden.graph.rfind("operators/", 0) != 0 && !llvm::is_contained(graphs, golden.graph))
      graphs.push_back(golden.graph);
  return graphs;
}

INSTANTIATE_TEST_SUITE_P(Graphs, Family, testing::ValuesIn(familyGraphs()), testName);

//===----------------------------------------------------------------------------------------===//
// The example model
//===----------------------------------------------------------------------------------------===//

class Example : public testing::TestWithParam<std::string> {};

/// Numbers without regularity in -1 to 1.
Tensor anyNumbers(std::vector<int64_t> shape, double seed) {
  Tensor tensor = Tensor::zeros(reference::ElementType::F32, std::move(shape));
  for (size_t i = 0; i < tensor.f32.size(); ++i)
    tensor.f32[i] = static_cast<float>(2 * std::fmod((i + seed) * 0.6180339887498949, 1.0) - 1);
  return tensor;
}

TEST_P(Example, MatchesItsNodes) {
  Graph graph(BLUEC_SOURCE_DIR "/examples/tiny-bluelm-v/" + GetParam(), /*context=*/512);
  ASSERT_TRUE(graph.function());
  constexpr int64_t kRows = 3, kPast = 5;
  std::map<std::string, Tensor> given;
  Results inputs;
  std::vector<std::string> outputs;
  for (BlockArgument argument : graph.function().getArguments()) {
    auto name = graph.function()
                    .getArgAttrOfType<StringAttr>(argument.getArgNumber(), onnx::kNameAttr)
                    .getValue()
                    .str();
    auto type = cast<RankedTensorType>(argument.getType());
    Tensor tensor;
    if (name == "pixel_values")
      tensor = anyNumbers({2, type.getDimSize(1), type.getDimSize(2), type.getDimSize(3)}, 1);
    else if (name == "input_ids")
      tensor = Tensor::ints({1, kRows}, {5, 0, 7});
    else if (name == "inputs_embeds")
      tensor = anyNumbers({1, kRows, type.getDimSize(2)}, 2);
    else if (name == "attention_mask")
      tensor = Tensor::ints({1, kPast + kRows}, std::vector<int64_t>(kPast + kRows, 1));
    else if (name == "position_ids")
      tensor = Tensor::ints({1, kRows}, {kPast, kPast + 1, kPast + 2});
    else
      tensor =
          anyNumbers({1, type.getDimSize(1), kPast, type.getDimSize(3)}, argument.getArgNumber());
    given[name] = tensor;
    inputs.push_back(std::make_shared<Tensor>(std::move(tensor)));
  }
  for (unsigned i = 0; i < graph.function().getNumResults(); ++i)
    outputs.push_back(
        graph.function().getResultAttrOfType<StringAttr>(i, onnx::kNameAttr).getValue().str());
  FailureOr<Results> nodes = graph.run(inputs, reference::onnxEvaluators());
  ASSERT_TRUE(succeeded(nodes));
  ASSERT_TRUE(succeeded(graph.raise()));

  Call call(graph.role, given);
  FailureOr<Results> layers = graph.run(call.inputs, reference::blueEvaluators());
  ASSERT_TRUE(succeeded(layers));
  ASSERT_EQ(layers->size(), call.outputNames.size());
  for (auto [name, found] : llvm::zip_equal(call.outputNames, *layers)) {
    SCOPED_TRACE(name);
    size_t at = llvm::find(outputs, name) - outputs.begin();
    ASSERT_LT(at, outputs.size());
    expectNear(*found, Call::output(graph.role, name, *(*nodes)[at]), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, Example,
                         testing::Values("vision_encoder.onnx", "embed_tokens.onnx",
                                         "decoder_model_merged.onnx"),
                         testName);

//===----------------------------------------------------------------------------------------===//
// Graphs with an operand exchanged
//===----------------------------------------------------------------------------------------===//

class Exchanged : public testing::TestWithParam<std::string> {};

/// Lets a random operand be another value of its type that is there before. False when there is
/// none.
bool exchangeOperand(func::FuncOp function, std::mt19937 &random) {
  SmallVector<OpOperand *> operands;
  for (Operation &op : function.getBody().front().without_terminator())
    for (OpOperand &operand : op.getOpOperands())
      if (isa<RankedTensorType>(operand.get().getType()))
        operands.push_back(&operand);
  OpOperand *operand = operands[random() % operands.size()];
  SmallVector<Value> others;
  // What stands for minus infinity in a mask overflows elsewhere, which says nothing about raising.
  auto isHuge = [](Value value) {
    auto constant = value.getDefiningOp<onnx::ConstantOp>();
    auto number = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
    return number && isa<FloatType>(number.getElementType()) &&
           std::abs(number.getSplatValue<APFloat>().convertToDouble()) > 1e30;
  };
  auto consider = [&](Value value) {
    if (value.getType() == operand->get().getType() && value != operand->get() && !isHuge(value))
      others.push_back(value);
  };
  llvm::for_each(function.getArguments(), consider);
  for (Operation &op : function.getBody().front()) {
    if (&op == operand->getOwner())
      break;
    llvm::for_each(op.getResults(), consider);
  }
  if (others.empty())
    return false;
  operand->set(others[random() % others.size()]);
  return true;
}

/// The largest difference beside the largest number, where the nodes gave a number at all.
double difference(const Tensor &found, const Tensor &expected) {
  double largest = 1e-30, worst = 0;
  for (size_t i = 0; i < expected.f32.size(); ++i) {
    if (std::isnan(expected.f32[i]) || expected.f32[i] == found.f32[i])
      continue;
    largest = std::max(largest, std::abs(double(expected.f32[i])));
    double error = std::abs(double(found.f32[i]) - expected.f32[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst / largest;
}

TEST_P(Exchanged, IsRefusedOrRaisedToWhatItSays) {
  // Of a decoder the case with rows and a past, of a tower two pictures.
  const GoldenCase *golden = nullptr;
  for (const GoldenCase &other : goldens().cases)
    if (other.graph == GetParam() && (other.name.find("chunk3") != std::string::npos ||
                                      other.name.find("images2") != std::string::npos))
      golden = &other;
  ASSERT_TRUE(golden);
  int raised = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Graph graph(goldens().directory + "/" + GetParam(), /*context=*/64);
    ASSERT_TRUE(graph.function());
    ScopedDiagnosticHandler silence(graph.function().getContext(),
                                    [](Diagnostic &) { return success(); });
    if (!exchangeOperand(graph.function(), random))
      continue;
    Results inputs;
    std::vector<std::string> outputs;
    for (unsigned i = 0; i < graph.function().getNumArguments(); ++i)
      inputs.push_back(std::make_shared<Tensor>(golden->inputs.at(
          graph.function().getArgAttrOfType<StringAttr>(i, onnx::kNameAttr).getValue().str())));
    for (unsigned i = 0; i < graph.function().getNumResults(); ++i)
      outputs.push_back(
          graph.function().getResultAttrOfType<StringAttr>(i, onnx::kNameAttr).getValue().str());
    FailureOr<Results> nodes = graph.run(inputs, reference::onnxEvaluators());
    // Nodes that cannot run say nothing to compare with.
    if (failed(graph.raise()) || failed(nodes))
      continue;
    ++raised;
    Call call(graph.role, golden->inputs);
    FailureOr<Results> layers = graph.run(call.inputs, reference::blueEvaluators());
    ASSERT_TRUE(succeeded(layers));
    for (auto [name, found] : llvm::zip_equal(call.outputNames, *layers)) {
      size_t at = llvm::find(outputs, name) - outputs.begin();
      ASSERT_LT(at, outputs.size());
      Tensor expected = Call::output(graph.role, name, *(*nodes)[at]);
      ASSERT_EQ(found->shape, expected.shape);
      EXPECT_LE(difference(*found, expected), 1e-4) << name;
    }
  }
  // Many exchanges change a layer's input and leave it one.
  EXPECT_GT(raised, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Graphs, Exchanged,
    testing::Values("siglip-ts14/vision_encoder.onnx", "siglip-dynamo18/vision_encoder.onnx",
                    "llava-ts17/vision_encoder.onnx", "internvl-dynamo20/vision_encoder.onnx",
                    "idefics3-ts17/vision_encoder.onnx", "gemma3-dynamo20/vision_encoder.onnx",
                    "llama-ts14/decoder_model_merged.onnx",
                    "llama-dynamo18/decoder_model_merged.onnx",
                    "llama-dynamo23/decoder_model_merged.onnx",
                    "minicpm-ts13/decoder_model_merged.onnx",
                    "minicpm-ort/decoder_model_merged.onnx", "qwen2-ts17/decoder_model_merged.onnx",
                    "mixtral-moe/decoder_model_merged.onnx"),
    testName);

} // namespace
