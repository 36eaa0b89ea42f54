// Evaluators of matrix products. Sums accumulate in double, in index order, and are rounded once.
#include "compiler/base/Quoted.h"
#include "compiler/reference/onnx/Support.h"

#include <map>

using namespace mlir;

namespace bluec::reference {
namespace {

struct MatMulForm {
  double alpha = 1.0;
  bool transA = false, transB = false;
};

// The last two dims multiply, those before them broadcast.
FailureOr<Tensor> matMul(Operation *op, const Tensor &a, const Tensor &b, const MatMulForm &form,
                         const EvaluationLimits &limits) {
  if (!a.isFloat() && !b.isFloat() && a.type == ElementType::I64 && b.type == ElementType::I64)
    return fault(op) << "expected floats, found integers";
  if (a.type != b.type || !a.isFloat())
    return fault(op) << "expected floats of one element type";
  if (a.rank() == 0 || b.rank() == 0)
    return fault(op) << "expected operands of rank 1 or more, found a scalar";
  Shape left = a.shape, right = b.shape;
  if (a.rank() == 1)
    left.insert(left.begin(), 1);
  if (b.rank() == 1)
    right.push_back(1);
  size_t l = left.size(), r = right.size();
  Shape leftStrides = stridesOf(left), rightStrides = stridesOf(right);
  if (form.transA) {
    std::swap(left[l - 1], left[l - 2]);
    std::swap(leftStrides[l - 1], leftStrides[l - 2]);
  }
  if (form.transB) {
    std::swap(right[r - 1], right[r - 2]);
    std::swap(rightStrides[r - 1], rightStrides[r - 2]);
  }
  int64_t rows = left[l - 2], inner = left[l - 1], columns = right[r - 1];
  if (inner != right[r - 2])
    return fault(op) << "expected equal inner dims, found " << inner << " and " << right[r - 2];
  Shape leftBatch(left.begin(), left.end() - 2), rightBatch(right.begin(), right.end() - 2);
  FailureOr<Shape> batch = broadcastShapes(op, leftBatch, rightBatch);
  if (failed(batch))
    return failure();
  Shape shape = *batch;
  if (a.rank() > 1)
    shape.push_back(rows);
  if (b.rank() > 1)
    shape.push_back(columns);
  FailureOr<Tensor> out = make(op, a.type, shape, limits);
  if (failed(out) || failed(spendProducts(op, {out->numElements(), inner}, limits)))
    return failure();
  // Strides of whole matrices, in elements.
  auto batchStrides = [&](const Shape &own, const Shape &strides) {
    Shape result(batch->size(), 0);
    size_t shift = batch->size() - own.size();
    for (size_t i = 0; i < own.size(); ++i)
      result[i + shift] = own[i] == 1 ? 0 : strides[i];
    return result;
  };
  std::vector<double> sums(static_cast<size_t>(columns));
  forEachIndex<2>(
      *batch, {batchStrides(leftBatch, leftStrides), batchStrides(rightBatch, rightStrides)},
      [&](int64_t matrix, const std::array<int64_t, 2> &at) {
        withElements(*out, a, [&](auto &to, const auto &x) {
          using Element = std::decay_t<decltype(to[0])>;
          const Element *y;
          if constexpr (std::is_same_v<Element, float>)
            y = b.f32.data();
          else if constexpr (std::is_same_v<Element, double>)
            y = b.f64.data();
          else
            y = b.i64.data();
          for (int64_t i = 0; i < rows; ++i) {
            std::fill(sums.begin(), sums.end(), 0.0);
            for (int64_t k = 0; k < inner; ++k) {
              auto factor = static_cast<double>(
                  x[static_cast<size_t>(at[0] + i * leftStrides[l - 2] + k * leftStrides[l - 1])]);
              const Element *row = y + at[1] + k * rightStrides[r - 2];
              for (int64_t j = 0; j < columns; ++j)
                sums[static_cast<size_t>(j)] +=
                    factor * static_cast<double>(row[j * rightStrides[r - 1]]);
            }
            for (int64_t j = 0; j < columns; ++j)
              to[static_cast<size_t>((matrix * rows + i) * columns + j)] =
                  static_cast<Element>(form.alpha * sums[static_cast<size_t>(j)]);
          }
        });
      });
  return out;
}

Results matMulOp(Operation *op, Operands operands, const EvaluationLimits &limits) {
  FailureOr<Tensor> out = matMul(op, *operands[0], *operands[1], {}, limits);
  return failed(out) ? Results(failure()) : one(std::move(*out));
}

/// The integers without their zero point: one, or one for each place of `axis` (from the end).
FailureOr<Tensor> withoutZero(Operation *op, const Tensor &from, const Tensor *zero, int64_t axis,
                              const EvaluationLimits &limits) {
  if (from.isFloat() || (zero && zero->isFloat()))
    return fault(op) << "expected integers";
  FailureOr<Tensor> out = make(op, ElementType::F64, from.shape, limits);
  if (failed(out))
    return failure();
  int64_t count = zero ? zero->numElements() : 0, inner = 1, extent = 1;
  if (count > 1) {
    if (from.rank() < axis || zero->rank() != 1 ||
        count != from.shape[static_cast<size_t>(from.rank() - axis)])
      return fault(op) << "expected one zero point, or one for each row of a or column of b";
    extent = count;
    for (int64_t dim = from.rank() - axis + 1; dim < from.rank(); ++dim)
      inner *= from.shape[static_cast<size_t>(dim)];
  }
  if (zero && count == 0)
    return fault(op) << "expected a zero point, found none";
  for (int64_t i = 0; i < from.numElements(); ++i) {
    auto at = static_cast<size_t>(inner == 0 ? 0 : i / inner % extent);
    out->f64[static_cast<size_t>(i)] =
        static_cast<double>(from.i64[static_cast<size_t>(i)] - (zero ? zero->i64[at] : 0));
  }
  return out;
}

/// Sums of products of 9 bits are exact in a double.
Results matMulInteger(Operation *op, Operands operands, const EvaluationLimits &limits) {
  FailureOr<Tensor> a =
      withoutZero(op, *operands[0], has(operands, 2) ? operands[2] : nullptr, 2, limits);
  FailureOr<Tensor> b =
      withoutZero(op, *operands[1], has(operands, 3) ? operands[3] : nullptr, 1, limits);
  if (failed(a) || failed(b))
    return failure();
  FailureOr<Tensor> product = matMul(op, *a, *b, {}, limits);
  if (failed(product))
    return failure();
  FailureOr<Tensor> out = make(op, ElementType::I64, product->shape, limits);
  if (failed(out))
    return failure();
  for (int64_t i = 0; i < out->numElements(); ++i)
    out->i64[static_cast<size_t>(i)] = static_cast<int64_t>(product->number(i));
  return one(std::move(*out));
}

Results fusedMatMul(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::MsFusedMatMulOp>(op);
  if (node.getTransBatchA() || node.getTransBatchB())
    return fault(op) << "expected transBatchA and transBatchB 0";
  if ((node.getTransA() && operands[0]->rank() < 2) ||
      (node.getTransB() && operands[1]->rank() < 2))
    return fault(op) << "expected a transposed operand of rank 2 or more";
  MatMulForm form{node.getAlpha().convertToDouble(), node.getTransA() != 0, node.getTransB() != 0};
  FailureOr<Tensor> out = matMul(op, *operands[0], *operands[1], form, limits);
  return failed(out) ? Results(failure()) : one(std::move(*out));
}

Results gemm(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::GemmOp>(op);
  if (operands[0]->rank() != 2 || operands[1]->rank() != 2)
    return fault(op) << "expected matrices, found ranks " << operands[0]->rank() << " and "
                     << operands[1]->rank();
  MatMulForm form{node.getAlpha().convertToDouble(), node.getTransA() != 0, node.getTransB() != 0};
  FailureOr<Tensor> out = matMul(op, *operands[0], *operands[1], form, limits);
  if (failed(out))
    return failure();
  if (has(operands, 2)) {
    const Tensor &c = *operands[2];
    FailureOr<Shape> shape = broadcastShapes(op, out->shape, c.shape);
    if (failed(shape))
      return failure();
    if (*shape != out->shape || c.type != out->type)
      return fault(op) << "expected a C that broadcasts to the result";
    double beta = node.getBeta().convertToDouble();
    forEachIndex<1>(*shape, {broadcastStrides(c.shape, *shape)},
                    [&](int64_t i, const std::array<int64_t, 1> &at) {
                      setFloat(*out, i, out->number(i) + beta * c.number(at[0]));
                    });
  }
  return one(std::move(*out));
}

// Any equation over letters: the product of all operands, summed over letters that the output
// lacks.
Results einsum(Operation *op, Operands operands, const EvaluationLimits &limits) {
  std::string equation;
  for (char c : cast<onnx::EinsumOp>(op).getEquation())
    if (c != ' ')
      equation += c;
  auto [inputs, output] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  inputs.split(terms, ',');
  if (!StringRef(equation).contains("->") || terms.size() != operands.size() || operands.size() > 4)
    return fault(op) << "expected an equation of " << operands.size()
                     << " terms with an output, found " << inQuotes(equation);
  std::map<char, int64_t> extents;
  for (auto [term, x] : llvm::zip_equal(terms, operands)) {
    if (!x->isFloat() || x->type != operands[0]->type)
      return fault(op) << "expected floats of one element type";
    if (x->rank() != static_cast<int64_t>(term.size()))
      return fault(op) << "expected an operand of rank " << term.size() << ", found " << x->rank();
    for (auto [letter, dim] : llvm::zip_equal(term, x->shape))
      if (auto [entry, isNew] = extents.try_emplace(letter, dim); !isNew && entry->second != dim)
        return fault(op) << "expected one extent for '" << StringRef(&letter, 1) << "', found "
                         << entry->second << " and " << dim;
  }
  // Output letters first, then the summed ones.
  std::string letters = output.str();
  Shape shape, all;
  for (char letter : output) {
    auto entry = extents.find(letter);
    if (entry == extents.end() || StringRef(output).count(letter) != 1)
      return fault(op) << "expected the output's letters in an input, once each, found "
                       << inQuotes(equation);
    shape.push_back(entry->second);
  }
  all = shape;
  for (auto [letter, extent] : extents)
    if (!output.contains(letter)) {
      letters += letter;
      all.push_back(extent);
    }
  FailureOr<Tensor> out = make(op, operands[0]->type, shape, limits);
  // The sum has as many terms as all letters together; they are bounded as one tensor's are.
  if (failed(out) || failed(countElements(op, all, limits)))
    return failure();
  std::array<Shape, 4> strides;
  for (Shape &own : strides)
    own.assign(all.size(), 0);
  for (size_t k = 0; k < operands.size(); ++k) {
    Shape own = stridesOf(operands[k]->shape);
    for (size_t i = 0; i < own.size(); ++i)
      strides[k][letters.find(terms[k][i])] += own[i];
  }
  int64_t summed = 1;
  for (size_t i = shape.size(); i < all.size(); ++i)
    summed *= all[i];
  double sum = 0;
  forEachIndex<4>(all, strides, [&](int64_t i, const std::array<int64_t, 4> &at) {
    double product = 1;
    for (size_t k = 0; k < operands.size(); ++k)
      product *= operands[k]->number(at[k]);
    sum += product;
    if ((i + 1) % summed == 0) {
      setFloat(*out, i / summed, sum);
      sum = 0;
    }
  });
  return one(std::move(*out));
}

} // namespace

void addProductEvaluators(EvaluatorTable &table) {
  table["onnx.MatMul"] = matMulOp;
  table["onnx.MatMulInteger"] = matMulInteger;
  table["onnx.Gemm"] = gemm;
  table["onnx.Einsum"] = einsum;
  table["onnx.ms.FusedMatMul"] = fusedMatMul;
}

} // namespace bluec::reference
