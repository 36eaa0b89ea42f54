// onnx-evaluate MODEL.onnx VALUES.onnx: runs a model through the plain evaluators and compares.
// VALUES.onnx is a model whose initializers are the inputs and the expected outputs, by name.
// Prints the largest relative error; fails when it is above 1e-4 or a shape differs.
#include "compiler/driver/session/Registration.h"
#include "compiler/import/onnx/GraphImport.h"
#include "compiler/import/onnx/TensorImport.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"
#include "compiler/weights/WeightReader.h"

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

static bool isSame(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// max|ours - expected| / max|expected|, infinite when shapes or special values differ.
static double relativeError(const Tensor &ours, const Tensor &expected) {
  if (ours.shape != expected.shape)
    return INFINITY;
  double worst = 0, largest = 1e-30;
  for (int64_t i = 0; i < expected.numElements(); ++i) {
    double a = ours.number(i), b = expected.number(i);
    if (isSame(a, b))
      continue;
    if (!std::isfinite(a) || !std::isfinite(b))
      return INFINITY;
    worst = std::max(worst, std::abs(a - b));
    largest = std::max(largest, std::abs(b));
  }
  return worst / largest;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    llvm::errs() << "usage: onnx-evaluate MODEL.onnx VALUES.onnx\n";
    return 2;
  }
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false);
  StringRef path = argv[1];
  std::string directory = llvm::sys::path::parent_path(path).str();
  directory = directory.empty() ? "." : directory;
  ModelFiles files(directory);
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  if (failed(importOnnxFile(files, llvm::sys::path::filename(path), "main", *module)))
    return 1;
  auto function = *module->getOps<func::FuncOp>().begin();

  llvm::Expected<std::unique_ptr<OnnxFile>> values =
      OnnxFile::open(files, llvm::sys::path::filename(argv[2]));
  if (!values) {
    llvm::errs() << llvm::toString(values.takeError()) << "\n";
    return 1;
  }
  std::map<std::string, Tensor> tensors;
  for (const ::onnx::TensorProto &proto : (*values)->model().graph().initializer()) {
    llvm::Expected<TensorData> data = (*values)->data(proto, &context);
    if (!data) {
      llvm::errs() << llvm::toString(data.takeError()) << "\n";
      return 1;
    }
    FailureOr<Tensor> tensor =
        reference::tensorFromElements(UnknownLoc::get(&context), denseElements(*data));
    if (failed(tensor))
      return 1;
    tensors[proto.name()] = std::move(*tensor);
  }
  SmallVector<std::shared_ptr<const Tensor>> inputs;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    inputs.push_back(std::make_shared<const Tensor>(
        tensors[function.getArgAttrOfType<StringAttr>(i, bluec::onnx::kNameAttr).str()]));
  WeightReader weights(directory);
  reference::GraphEvaluation options;
  options.evaluators = &reference::onnxEvaluators();
  options.weights = &weights;
  auto outputs = reference::evaluateFunction(function, inputs, options);
  if (failed(outputs))
    return 1;
  double worst = 0;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    worst = std::max(
        worst,
        relativeError(
            *(*outputs)[i],
            tensors[function.getResultAttrOfType<StringAttr>(i, bluec::onnx::kNameAttr).str()]));
  llvm::outs() << worst << "\n";
  return worst <= 1e-4 ? 0 : 1;
}
