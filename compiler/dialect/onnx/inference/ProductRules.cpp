// Inference for matrix products and convolutions.
#include "compiler/base/Quoted.h"
#include "compiler/dialect/onnx/inference/Rules.h"

#include <map>

using namespace mlir;

namespace bluec::onnx {
namespace {

LogicalResult checkSameType(NodeFacts &node, const ValueFacts &a, const ValueFacts &b) {
  if (a.elementType == b.elementType)
    return success();
  return node.error() << "expected operands of one element type, found " << a.elementType << " and "
                      << b.elementType;
}

LogicalResult checkContraction(NodeFacts &node, AffineExpr a, AffineExpr b) {
  if (constantOf(a) && constantOf(b) && *constantOf(a) != *constantOf(b))
    return node.error() << "expected equal inner dims, found " << *constantOf(a) << " and "
                        << *constantOf(b);
  return success();
}

LogicalResult matMulOf(NodeFacts &node, const ValueFacts &a, const ValueFacts &b) {
  if (failed(checkSameType(node, a, b)))
    return failure();
  if (!a.dims || !b.dims)
    return node.set(0, a.elementType, std::nullopt);
  if (a.dims->empty() || b.dims->empty())
    return node.error() << "expected operands of rank 1 or more, found a scalar";
  // Vectors become matrices, whose extra dim is dropped again.
  Exprs left = *a.dims, right = *b.dims;
  if (left.size() == 1)
    left.insert(left.begin(), node.constant(1));
  if (right.size() == 1)
    right.push_back(node.constant(1));
  if (failed(checkContraction(node, left.back(), right[right.size() - 2])))
    return failure();
  FailureOr<std::optional<Exprs>> batch =
      broadcast(node, Exprs(left.begin(), left.end() - 2), Exprs(right.begin(), right.end() - 2));
  if (failed(batch))
    return failure();
  Exprs dims = **batch;
  if (a.dims->size() > 1)
    dims.push_back(left[left.size() - 2]);
  if (b.dims->size() > 1)
    dims.push_back(right.back());
  return node.set(0, a.elementType, dims);
}

LogicalResult matMul(NodeFacts &node) { return matMulOf(node, node.input(0), node.input(1)); }

LogicalResult matMulInteger(NodeFacts &node) {
  ValueFacts a = node.input(0), b = node.input(1);
  for (auto [i, facts] : {std::pair(2u, &a), std::pair(3u, &b)}) {
    auto integer = dyn_cast_or_null<IntegerType>(facts->elementType);
    if (!integer || integer.getWidth() != 8)
      return node.error() << "expected operands of 8-bit integers, found " << facts->elementType;
    if (node.has(i) && node.input(i).elementType != facts->elementType)
      return node.error() << "expected zero points of their operand's type " << facts->elementType
                          << ", found " << node.input(i).elementType;
    // Signed bytes may meet unsigned ones; the product has 32 bits.
    facts->elementType = IntegerType::get(node.inference.getContext(), 32);
  }
  return matMulOf(node, a, b);
}

LogicalResult fusedMatMul(NodeFacts &node) {
  auto op = cast<MsFusedMatMulOp>(node.op);
  if (op.getTransBatchA() || op.getTransBatchB())
    return node.error() << "expected transBatchA and transBatchB 0";
  ValueFacts a = node.input(0), b = node.input(1);
  for (auto [facts, isTransposed] : {std::pair(&a, op.getTransA()), std::pair(&b, op.getTransB())})
    if (isTransposed && facts->dims && facts->dims->size() >= 2)
      std::swap((*facts->dims)[facts->dims->size() - 1], (*facts->dims)[facts->dims->size() - 2]);
  return matMulOf(node, a, b);
}

LogicalResult gemm(NodeFacts &node) {
  auto op = cast<GemmOp>(node.op);
  ValueFacts a = node.input(0), b = node.input(1);
  if (failed(checkSameType(node, a, b)))
    return failure();
  if (!a.dims || !b.dims)
    return node.set(0, a.elementType, std::nullopt);
  if (a.dims->size() != 2 || b.dims->size() != 2)
    return node.error() << "expected matrices, found ranks " << a.dims->size() << " and "
                        << b.dims->size();
  bool transA = op.getTransA() != 0, transB = op.getTransB() != 0;
  if (failed(checkContraction(node, (*a.dims)[transA ? 0 : 1], (*b.dims)[transB ? 1 : 0])))
    return failure();
  Exprs dims = {(*a.dims)[transA ? 1 : 0], (*b.dims)[transB ? 0 : 1]};
  if (node.has(2) && failed(broadcast(node, dims, node.input(2).dims)))
    return failure();
  return node.set(0, a.elementType, dims);
}

// One spatial dim of a convolution or pooling.
struct Window {
  int64_t kernel, stride = 1, dilation = 1, padBegin = 0, padEnd = 0;
};

// Null inside when it cannot be told.
FailureOr<AffineExpr> windowedDim(NodeFacts &node, AffineExpr dim, const Window &window,
                                  StringRef autoPad, bool ceil) {
  AffineExpr stride = node.constant(window.stride);
  if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER")
    return divide(add(dim, node.constant(window.stride - 1)), stride);
  int64_t reach = window.dilation * (window.kernel - 1) + 1;
  AffineExpr room = add(dim, node.constant(window.padBegin + window.padEnd - reach));
  if (!room)
    return AffineExpr();
  if (constantOf(room).value_or(0) < 0)
    return node.error() << "expected a kernel that fits into the padded input, found a reach of "
                        << reach;
  // (dim - reach) / stride + 1. Written so that the division sees a non-negative sum: a symbolic
  // dim is at least as large as the kernel where the node is valid at all.
  if (!constantOf(room))
    return ceil ? AffineExpr() : room.floorDiv(window.stride) + 1;
  int64_t outputs = (*constantOf(room) + (ceil ? window.stride - 1 : 0)) / window.stride + 1;
  // A window that would start in the padding after the end is not there.
  if (ceil && (outputs - 1) * window.stride >= *constantOf(dim) + window.padBegin)
    --outputs;
  return node.constant(outputs);
}

template <typename Op>
LogicalResult windows(NodeFacts &node, Op op, ArrayRef<int64_t> kernel, Exprs &dims, bool ceil) {
  size_t spatial = kernel.size();
  auto attribute = [&](std::optional<ArrayRef<int64_t>> values, size_t expected, int64_t fallback,
                       StringRef name, int64_t least) -> FailureOr<SmallVector<int64_t>> {
    if (!values)
      return SmallVector<int64_t>(expected, fallback);
    if (values->size() != expected)
      return node.error() << "expected " << expected << " values of " << name << ", found "
                          << values->size();
    for (int64_t value : *values)
      if (value < least || value > (int64_t{1} << 20))
        return node.error() << "expected " << name << " from " << least << " to 1048576, found "
                            << value;
    return SmallVector<int64_t>(*values);
  };
  auto strides = attribute(op.getStrides(), spatial, 1, "strides", 1);
  auto dilations = attribute(op.getDilations(), spatial, 1, "dilations", 1);
  auto pads = attribute(op.getPads(), 2 * spatial, 0, "pads", 0);
  if (failed(strides) || failed(dilations) || failed(pads))
    return failure();
  StringRef autoPad = op.getAutoPad();
  if (autoPad != "NOTSET" && autoPad != "VALID" && autoPad != "SAME_UPPER" &&
      autoPad != "SAME_LOWER")
    return node.error() << "expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, found "
                        << inQuotes(autoPad);
  for (size_t i = 0; i < spatial; ++i) {
    if (kernel[i] < 1 || kernel[i] > (int64_t{1} << 20))
      return node.error() << "expected a kernel_shape from 1 to 1048576, found " << kernel[i];
    Window window{kernel[i], (*strides)[i], (*dilations)[i], 0, 0};
    if (autoPad == "NOTSET") {
      window.padBegin = (*pads)[i];
      window.padEnd = (*pads)[spatial + i];
    }
    FailureOr<AffineExpr> dim = windowedDim(node, dims[2 + i], window, autoPad, ceil);
    if (failed(dim))
      return failure();
    dims[2 + i] = *dim;
  }
  return success();
}

LogicalResult conv(NodeFacts &node) {
  auto op = cast<ConvOp>(node.op);
  ValueFacts x = node.input(0), w = node.input(1);
  if (failed(checkSameType(node, x, w)))
    return failure();
  if (!x.dims || !w.dims)
    return node.set(0, x.elementType, std::nullopt);
  if (x.dims->size() < 3 || w.dims->size() != x.dims->size())
    return node.error() << "expected input and weight of one rank of at least 3, found "
                        << x.dims->size() << " and " << w.dims->size();
  int64_t group = static_cast<int64_t>(op.getGroup());
  if (group < 1)
    return node.error() << "expected a group of at least 1, found " << group;
  std::optional<int64_t> channels = constantOf((*x.dims)[1]), perGroup = constantOf((*w.dims)[1]);
  if (channels && perGroup && (*channels % group != 0 || *channels / group != *perGroup))
    return node.error() << "expected a weight of " << *channels << " / " << group
                        << " channels, found " << *perGroup;
  SmallVector<int64_t> kernel;
  for (AffineExpr dim : ArrayRef(*w.dims).drop_front(2)) {
    if (!constantOf(dim))
      return node.error() << "expected a weight of static shape";
    kernel.push_back(*constantOf(dim));
  }
  if (op.getKernelShape() && *op.getKernelShape() != ArrayRef(kernel))
    return node.error() << "expected kernel_shape to be the weight's";
  Exprs dims = *x.dims;
  dims[1] = (*w.dims)[0];
  if (failed(windows(node, op, kernel, dims, false)))
    return failure();
  return node.set(0, x.elementType, dims);
}

LogicalResult averagePool(NodeFacts &node) {
  auto op = cast<AveragePoolOp>(node.op);
  ValueFacts x = node.input(0);
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  ArrayRef<int64_t> kernel = op.getKernelShape();
  if (x.dims->size() < 3 || kernel.size() + 2 != x.dims->size())
    return node.error() << "expected a kernel_shape of " << x.dims->size() << " - 2 dims, found "
                        << kernel.size();
  Exprs dims = *x.dims;
  if (failed(windows(node, op, kernel, dims, op.getCeilMode() != 0)))
    return failure();
  return node.set(0, x.elementType, dims);
}

// Letters only; the ellipsis of numpy is not in use among exporters of this family.
LogicalResult einsum(NodeFacts &node) {
  auto op = cast<EinsumOp>(node.op);
  std::string equation;
  for (char c : op.getEquation())
    if (c != ' ')
      equation += c;
  auto [inputs, output] = StringRef(equation).split("->");
  if (!StringRef(equation).contains("->") || equation.size() > 256)
    return node.error() << "expected an equation with an output, found "
                        << inQuotes(op.getEquation());
  SmallVector<StringRef> terms;
  inputs.split(terms, ',');
  if (terms.size() != node.op->getNumOperands())
    return node.error() << "expected an equation of " << node.op->getNumOperands()
                        << " terms, found " << terms.size();
  std::map<char, AffineExpr> extents;
  Type elementType = node.op->getNumOperands() ? node.input(0).elementType : Type();
  for (unsigned i = 0; i < terms.size(); ++i) {
    ValueFacts x = node.input(i);
    if (!x.dims)
      return node.set(0, elementType, std::nullopt);
    if (x.elementType != elementType)
      return node.error() << "expected operands of one element type";
    if (x.dims->size() != terms[i].size())
      return node.error() << "expected operand " << i << " of rank " << terms[i].size()
                          << ", found " << x.dims->size();
    for (auto [letter, dim] : llvm::zip_equal(terms[i], *x.dims)) {
      if (!llvm::isAlpha(letter))
        return node.error() << "expected letters in the equation, found "
                            << inQuotes(op.getEquation());
      auto [entry, isNew] = extents.try_emplace(letter, dim);
      if (!isNew && constantOf(entry->second) && constantOf(dim) &&
          *constantOf(entry->second) != *constantOf(dim))
        return node.error() << "expected one extent for '" << StringRef(&letter, 1) << "', found "
                            << *constantOf(entry->second) << " and " << *constantOf(dim);
      if (constantOf(dim))
        entry->second = dim;
    }
  }
  Exprs dims;
  for (char letter : output) {
    auto entry = extents.find(letter);
    if (entry == extents.end())
      return node.error() << "expected the output's letters in an input, found "
                          << inQuotes(op.getEquation());
    dims.push_back(entry->second);
  }
  return node.set(0, elementType, dims);
}

} // namespace

void addProductRules(InferenceRules &rules) {
  rules["onnx.MatMul"] = matMul;
  rules["onnx.MatMulInteger"] = matMulInteger;
  rules["onnx.Gemm"] = gemm;
  rules["onnx.Einsum"] = einsum;
  rules["onnx.Conv"] = conv;
  rules["onnx.AveragePool"] = averagePool;
  rules["onnx.ms.FusedMatMul"] = fusedMatMul;
}

} // namespace bluec::onnx
