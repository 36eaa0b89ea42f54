// Any bytes as an .onnx file: imported, put through the passes at the onnx level, and, when that
// went well, evaluated with small inputs. All of it may fail, with diagnostics; none of it may
// crash, hang or take absurd memory.
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/import/onnx/GraphImport.h"
#include "compiler/reference/Rounding.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"
#include "compiler/weights/WeightReader.h"
#include "passes/onnx/fold_constants/FoldConstants.h"
#include "passes/onnx/inline_cached_branch/InlineCachedBranch.h"
#include "passes/onnx/specialize_batch/SpecializeBatch.h"
#include "passes/onnx/unpack_attention/UnpackAttention.h"
#include "passes/onnx/unpack_quantized/UnpackQuantized.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>

using namespace mlir;

// MLIR's allocators are in headers that are instrumented here and in libraries that are not: what
// one side poisons the other would trip over.
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_container_overflow=0:detect_leaks=0";
}

namespace bluec {
namespace {

using reference::Tensor;

// Types and attributes live as long as their context; a fresh one now and then bounds memory.
MLIRContext &freshContext() {
  constexpr int kUses = 500;
  static std::unique_ptr<MLIRContext> context;
  static int uses = 0;
  if (!context || ++uses > kUses) {
    uses = 0;
    context = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
    context->loadDialect<func::FuncDialect, onnx::OnnxDialect>();
    context->getDiagEngine().registerHandler([](Diagnostic &) { return success(); });
  }
  return *context;
}

LogicalResult evaluate(func::FuncOp function, WeightReader &weights) {
  reference::GraphEvaluation options;
  options.evaluators = &reference::onnxEvaluators();
  options.weights = &weights;
  options.limits.maxElements = 1 << 14;
  SmallVector<std::shared_ptr<const Tensor>> inputs;
  for (Type type : function.getArgumentTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return failure();
    std::vector<int64_t> shape;
    int64_t count = 1;
    for (int64_t dim : tensor.getShape()) {
      shape.push_back(ShapedType::isDynamic(dim) ? 2 : dim);
      if (__builtin_mul_overflow(count, shape.back(), &count) || count > options.limits.maxElements)
        return failure();
    }
    auto kind = reference::elementTypeFor(tensor.getElementType());
    if (!kind)
      return failure();
    Tensor input = Tensor::zeros(*kind, shape);
    for (size_t i = 0; i < input.i64.size(); ++i)
      input.i64[i] = static_cast<int64_t>(i % 2);
    inputs.push_back(std::make_shared<const Tensor>(std::move(input)));
  }
  return success(succeeded(reference::evaluateFunction(function, inputs, options)));
}

int runOne(const uint8_t *data, size_t size) {
  MLIRContext &context = freshContext();
  constexpr llvm::StringLiteral kName = "model.onnx";
  // A directory that is not there: a model cannot reach files through the fuzzer.
  ModelFiles files("/nonexistent");
  ArrayRef<char> bytes(reinterpret_cast<const char *>(data), size);
  files.provide(kName, bytes);
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  if (failed(importOnnxFile(files, kName, "decoder", *module)))
    return 0;
  // What the importer lets through is valid.
  if (failed(verify(*module)))
    std::abort();
  func::FuncOp function = *module->getOps<func::FuncOp>().begin();
  blue::setRole(function, blue::Role::Decoder);
  WeightReader weights("/nonexistent");
  weights.modelFiles().provide(kName, bytes);
  (void)evaluate(function, weights);
  PassManager passes(&context);
  passes.enableVerifier(false); // done below, where a failure is ours
  passes.addNestedPass<func::FuncOp>(createInlineCachedBranch());
  passes.addNestedPass<func::FuncOp>(createSpecializeBatch());
  passes.addNestedPass<func::FuncOp>(createUnpackAttention());
  passes.addNestedPass<func::FuncOp>(createUnpackQuantized());
  passes.addNestedPass<func::FuncOp>(createFoldConstants());
  if (failed(passes.run(*module)))
    return 0;
  if (failed(verify(*module)))
    std::abort();
  (void)evaluate(function, weights);
  return 0;
}

// Mutations that keep the file well-formed: bits flipped at random mostly break a length, and reach
// inference and evaluators too rarely.
class Mutator {
public:
  explicit Mutator(unsigned seed) : random(seed) {}

  void mutate(::onnx::ModelProto &model) {
    ::onnx::GraphProto &graph = *model.mutable_graph();
    for (int edits = 1 + pick(3); edits > 0; --edits)
      edit(graph);
  }

private:
  int pick(int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); }
  int64_t number() {
    constexpr int64_t kInteresting[] = {0,
                                        1,
                                        -1,
                                        2,
                                        3,
                                        7,
                                        -2,
                                        64,
                                        4096,
                                        1 << 20,
                                        INT32_MAX,
                                        INT32_MIN,
                                        INT64_MAX,
                                        INT64_MIN,
                                        int64_t{1} << 32,
                                        -7,
                                        int64_t{1} << 62};
    return kInteresting[pick(static_cast<int>(std::size(kInteresting)))];
  }
  std::string anyValue(::onnx::GraphProto &graph) {
    int kind = pick(3);
    if (kind == 0 && graph.input_size())
      return graph.input(pick(graph.input_size())).name();
    if (kind == 1 && graph.initializer_size())
      return graph.initializer(pick(graph.initializer_size())).name();
    if (graph.node_size()) {
      const ::onnx::NodeProto &node = graph.node(pick(graph.node_size()));
      if (node.output_size())
        return node.output(pick(node.output_size()));
    }
    return "";
  }
  void edit(::onnx::GraphProto &graph) {
    switch (pick(7)) {
    case 0:
      if (graph.node_size())
        editAttribute(*graph.mutable_node(pick(graph.node_size())));
      break;
    case 1: // another operand
      if (graph.node_size()) {
        ::onnx::NodeProto &node = *graph.mutable_node(pick(graph.node_size()));
        if (node.input_size())
          *node.mutable_input(pick(node.input_size())) = anyValue(graph);
      }
      break;
    case 2: // another operation on the same operands
      if (graph.node_size()) {
        static const std::vector<onnx::NodeSchema> schemas = [] {
          static MLIRContext context;
          return onnx::listNodeSchemas(context);
        }();
        const onnx::NodeSchema &schema = schemas[random() % schemas.size()];
        ::onnx::NodeProto &node = *graph.mutable_node(pick(graph.node_size()));
        node.set_op_type(schema.type.str());
        node.set_domain(schema.domain.str());
      }
      break;
    case 3: // another input shape
      if (graph.input_size()) {
        auto &shape = *graph.mutable_input(pick(graph.input_size()))
                           ->mutable_type()
                           ->mutable_tensor_type()
                           ->mutable_shape();
        if (pick(4) == 0 || shape.dim_size() == 0)
          shape.add_dim()->set_dim_value(1 + pick(4));
        else
          shape.mutable_dim(pick(shape.dim_size()))->set_dim_value(pick(2) ? pick(9) : number());
      }
      break;
    case 4: // other elements of a constant
      if (graph.initializer_size()) {
        std::string &raw =
            *graph.mutable_initializer(pick(graph.initializer_size()))->mutable_raw_data();
        if (raw.size() >= sizeof(int64_t)) {
          int64_t value = pick(2) ? number() : pick(9) - 4;
          size_t at = random() % (raw.size() / sizeof(int64_t)) * sizeof(int64_t);
          raw.replace(at, sizeof(value), reinterpret_cast<const char *>(&value), sizeof(value));
        }
      }
      break;
    case 5: // another element type
      if (graph.input_size())
        graph.mutable_input(pick(graph.input_size()))
            ->mutable_type()
            ->mutable_tensor_type()
            ->set_elem_type(pick(17));
      break;
    default: // one node more
      if (graph.node_size() && graph.node_size() < 40) {
        ::onnx::NodeProto copy = graph.node(pick(graph.node_size()));
        for (std::string &output : *copy.mutable_output())
          output += "'";
        if (copy.input_size())
          *copy.mutable_input(pick(copy.input_size())) = anyValue(graph);
        *graph.add_node() = copy;
        if (copy.output_size())
          graph.add_output()->set_name(copy.output(0));
      }
    }
  }
  void editAttribute(::onnx::NodeProto &node) {
    if (node.attribute_size() == 0)
      return;
    ::onnx::AttributeProto &attribute = *node.mutable_attribute(pick(node.attribute_size()));
    if (attribute.has_i())
      attribute.set_i(pick(2) ? number() : pick(9) - 4);
    else if (attribute.ints_size())
      attribute.set_ints(pick(attribute.ints_size()), pick(2) ? number() : pick(9) - 4);
    else if (attribute.has_g())
      edit(*attribute.mutable_g());
    else
      node.mutable_attribute()->RemoveLast();
  }

  std::minstd_rand random;
};

} // namespace
} // namespace bluec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  return bluec::runOne(data, size);
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  ::onnx::ModelProto model;
  if (seed % 4 == 0 || !model.ParseFromArray(data, static_cast<int>(size)) || !model.has_graph())
    return LLVMFuzzerMutate(data, size, maxSize);
  bluec::Mutator(seed).mutate(model);
  std::string out = model.SerializeAsString();
  if (out.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::copy(out.begin(), out.end(), data);
  return out.size();
}
