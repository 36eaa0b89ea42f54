#include "passes/model/verify_model/VerifyModel.h"

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;

namespace bluec {
#define GEN_PASS_DEF_VERIFYMODEL
#include "passes/model/verify_model/VerifyModel.h.inc"
} // namespace bluec

/// The ONNX node type of an op, for messages; its name is the location.
static StringRef nodeType(Operation *op) {
  if (auto node = dyn_cast<onnx::NodeOpInterface>(op))
    return node.getSchema().type;
  return op->getName().stripDialect();
}

/// Whether an op is marked with a reason of its own.
static bool saysWhy(Operation *op) {
  auto reason = op->getAttrOfType<StringAttr>(blue::kUnraisedAttr);
  return reason && reason.getValue() != blue::kUnknownLayer;
}

/// Reports the nodes of a function that were not raised; success when there are none.
static LogicalResult verifyNodes(func::FuncOp function) {
  SmallVector<Operation *> nodes, marked;
  function.walk([&](Operation *op) {
    if (!isa_and_present<onnx::OnnxDialect>(op->getDialect()))
      return;
    nodes.push_back(op);
    if (op->hasAttr(blue::kUnraisedAttr))
      marked.push_back(op);
  });
  if (nodes.empty())
    return success();
  // What says why comes first: the nodes around it may only be there because of it.
  std::stable_partition(marked.begin(), marked.end(), saysWhy);
  // A function is raised as a whole: nodes without a mark would have been raised.
  for (Operation *op : marked.empty() ? nodes : marked) {
    InFlightDiagnostic error = emitError(op->getLoc()) << nodeType(op) << ": ";
    if (auto reason = op->getAttrOfType<StringAttr>(blue::kUnraisedAttr))
      error << reason.getValue();
    else
      error << "expected to be raised";
  }
  size_t count = marked.empty() ? nodes.size() : marked.size();
  return function.emitError() << count << (count == 1 ? " node" : " nodes") << " of "
                              << nodes.size() << " could not be raised";
}

//===----------------------------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------------------------===//

/// Where a decoder's rows stand, as blue.rope takes it.
static bool isPosition(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return type.isIndex();
  return tensor.getElementType().isInteger() && (tensor.getRank() == 1 || tensor.getRank() == 2) &&
         tensor.isDynamicDim(0);
}

/// Whether `type` is a float tensor of `rank` with a dynamic first dim and the others static.
static bool isRows(Type type, int64_t rank) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() != rank || !isa<FloatType>(tensor.getElementType()) ||
      !tensor.isDynamicDim(0))
    return false;
  for (int64_t dim = 1; dim < rank; ++dim)
    if (tensor.isDynamicDim(dim))
      return false;
  return true;
}

static bool isDecoder(FunctionType type) {
  unsigned first = 2; // of the pasts
  if (type.getNumInputs() > 2 && type.getInput(1).isIndex() && isPosition(type.getInput(2)))
    ++first;
  if (type.getNumInputs() < first || (type.getNumInputs() - first) % 2 != 0 ||
      type.getNumResults() != type.getNumInputs() - first + 1 || !isRows(type.getInput(0), 2) ||
      !isPosition(type.getInput(1)) || !isRows(type.getResult(0), 2))
    return false;
  for (unsigned i = first; i < type.getNumInputs(); ++i)
    if (!isRows(type.getInput(i), 2) || type.getResult(i - first + 1) != type.getInput(i))
      return false;
  return true;
}

static LogicalResult verifySignature(func::FuncOp function) {
  std::optional<blue::Role> role = blue::roleOf(function);
  FunctionType type = function.getFunctionType();
  if (!role)
    return function.emitError("expected a function with a blue.role, found none");
  auto expect = [&](bool holds, StringRef signature) -> LogicalResult {
    if (holds)
      return success();
    return function.emitError("expected a ")
           << blue::stringifyRole(*role) << " of type " << signature << ", found " << type;
  };
  bool isUnary = type.getNumInputs() == 1 && type.getNumResults() == 1;
  switch (*role) {
  case blue::Role::Vision:
    return expect(isUnary && isRows(type.getInput(0), 4) && isRows(type.getResult(0), 3),
                  "pixels [?, C, H, W] to features [?, tokens, hidden]");
  case blue::Role::Embed: {
    auto ids = isUnary ? dyn_cast<RankedTensorType>(type.getInput(0)) : RankedTensorType();
    return expect(ids && ids.getRank() == 1 && ids.isDynamicDim(0) &&
                      ids.getElementType().isInteger() && isRows(type.getResult(0), 2),
                  "ids [?] to embeddings [?, hidden]");
  }
  case blue::Role::Decoder:
    return expect(isDecoder(type),
                  "embeddings [?, hidden], index, positions [?] or [?, axes], or both, past "
                  "keys and values [?, W] to logits [?, vocabulary], present keys and "
                  "values");
  }
  llvm_unreachable("unknown role");
}

namespace {

struct VerifyModelPass : public bluec::impl::VerifyModelBase<VerifyModelPass> {
  using VerifyModelBase::VerifyModelBase;

  void runOnOperation() override {
    bool ok = true;
    for (Operation &op : getOperation().getOps()) {
      auto function = dyn_cast<func::FuncOp>(op);
      if (!function) {
        op.emitError("expected functions only in a model, found ") << op.getName();
        ok = false;
        continue;
      }
      if (failed(verifyNodes(function))) {
        ok = false;
        continue;
      }
      if (failed(verifySignature(function)))
        ok = false;
      function.walk([&](Operation *inner) {
        if (inner == function || isa<func::ReturnOp>(inner) ||
            isa_and_present<blue::BlueDialect>(inner->getDialect()))
          return;
        inner->emitError("expected layers only in a model, found ") << inner->getName();
        ok = false;
      });
    }
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
