// Any bytes as an .onnx file: imported, put through the passes at the onnx level, and, when that
// went well, evaluated with small inputs. All of it may fail, with diagnostics; none of it may
// crash, hang or take absurd memory.
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/import/onnx/GraphImport.h"
#include "compiler/reference/Rounding.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"
#include "compiler/support/WeightReader.h"
#include "passes/model/fold_constants/FoldConstants.h"
#include "passes/model/inline_cached_branch/InlineCachedBranch.h"
#include "passes/model/specialize_batch/SpecializeBatch.h"
#include "passes/model/unpack_attention/UnpackAttention.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <cstdlib>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

// Types and attributes live as long as their context; a fresh one now and then bounds memory.
static MLIRContext &freshContext() {
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

static LogicalResult evaluate(func::FuncOp function, WeightReader &weights) {
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

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
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
  function->setAttr(blue::kRoleAttr, StringAttr::get(&context, "decoder"));
  WeightReader weights("/nonexistent");
  weights.modelFiles().provide(kName, bytes);
  (void)evaluate(function, weights);
  PassManager passes(&context);
  passes.enableVerifier(false); // done below, where a failure is ours
  passes.addNestedPass<func::FuncOp>(createInlineCachedBranch());
  passes.addNestedPass<func::FuncOp>(createSpecializeBatch());
  passes.addNestedPass<func::FuncOp>(createUnpackAttention());
  passes.addNestedPass<func::FuncOp>(createFoldConstants());
  if (failed(passes.run(*module)))
    return 0;
  if (failed(verify(*module)))
    std::abort();
  (void)evaluate(function, weights);
  return 0;
}
