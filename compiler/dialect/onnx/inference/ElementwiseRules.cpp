// Inference for ops that work element by element, with numpy broadcasting.
#include "compiler/dialect/onnx/inference/Rules.h"

#include "compiler/dialect/onnx/DataTypes.h"

using namespace mlir;

namespace bluec::onnx {
namespace {

using ElementRule = AffineExpr (*)(AffineExpr a, AffineExpr b);

// Applies `rule` to two small tensors as broadcasting pairs them up.
std::optional<Exprs> combine(const ValueFacts &a, const ValueFacts &b,
                             const std::optional<Exprs> &dims, ElementRule rule) {
  std::optional<int64_t> count = staticCount(dims);
  if (!a.elements || !b.elements || !count || *count > ShapeInference::kMaxElements)
    return std::nullopt;
  // The flat index of `facts` that belongs to flat index `at` of the result.
  auto source = [&](const ValueFacts &facts, int64_t at) {
    int64_t index = 0, stride = 1;
    for (size_t back = 1; back <= dims->size(); ++back) {
      int64_t extent = *constantOf((*dims)[dims->size() - back]);
      int64_t position = at % extent;
      at /= extent;
      if (back > facts.dims->size())
        continue;
      int64_t own = *constantOf((*facts.dims)[facts.dims->size() - back]);
      index += own == 1 ? 0 : position * stride;
      stride *= own;
    }
    return static_cast<size_t>(index);
  };
  Exprs elements;
  for (int64_t i = 0; i < *count; ++i)
    elements.push_back(rule((*a.elements)[source(a, i)], (*b.elements)[source(b, i)]));
  return elements;
}

AffineExpr unknownRule(AffineExpr, AffineExpr) { return {}; }
AffineExpr truth(bool value, AffineExpr like) {
  return getAffineConstantExpr(value ? 1 : 0, like.getContext());
}
AffineExpr equalRule(AffineExpr a, AffineExpr b) {
  if (!a || !b)
    return {};
  if (isEqual(a, b))
    return truth(true, a);
  if (constantOf(a) && constantOf(b))
    return truth(false, a);
  // A dim is never the -1 that exporters compare it with.
  if ((constantOf(a).value_or(0) < 0 && isNonNegative(b)) ||
      (constantOf(b).value_or(0) < 0 && isNonNegative(a)))
    return truth(false, a);
  return {};
}
AffineExpr lessRule(AffineExpr a, AffineExpr b) {
  if (!a || !b)
    return {};
  if (constantOf(a) && constantOf(b))
    return truth(*constantOf(a) < *constantOf(b), a);
  if (std::optional<int64_t> difference = constantOf(subtract(a, b)))
    return truth(*difference < 0, a);
  if (constantOf(a).value_or(0) < 0 && isNonNegative(b))
    return truth(true, a);
  if (constantOf(b).value_or(1) <= 0 && isNonNegative(a))
    return truth(false, a);
  return {};
}
AffineExpr notRule(AffineExpr a) {
  std::optional<int64_t> value = constantOf(a);
  return value ? truth(*value == 0, a) : AffineExpr();
}
AffineExpr lessOrEqualRule(AffineExpr a, AffineExpr b) { return notRule(lessRule(b, a)); }
AffineExpr greaterRule(AffineExpr a, AffineExpr b) { return lessRule(b, a); }
AffineExpr greaterOrEqualRule(AffineExpr a, AffineExpr b) { return notRule(lessRule(a, b)); }
AffineExpr andRule(AffineExpr a, AffineExpr b) {
  if (constantOf(a) == 0 || constantOf(b) == 0)
    return truth(false, constantOf(a) == 0 ? a : b);
  return constantOf(a) && constantOf(b) ? truth(true, a) : AffineExpr();
}
AffineExpr orRule(AffineExpr a, AffineExpr b) {
  if (constantOf(a).value_or(0) != 0 || constantOf(b).value_or(0) != 0)
    return truth(true, constantOf(a).value_or(0) != 0 ? a : b);
  return constantOf(a) && constantOf(b) ? truth(false, a) : AffineExpr();
}
AffineExpr modRule(AffineExpr a, AffineExpr b) {
  std::optional<int64_t> divisor = constantOf(b);
  if (!a || !divisor || *divisor <= 0 || !isNonNegative(a))
    return {};
  return subtract(a, multiply(divide(a, b), b));
}
// max(a, b), as far as the sign of the difference is known.
AffineExpr maxRule(AffineExpr a, AffineExpr b) {
  AffineExpr isLess = lessRule(a, b);
  if (!isLess)
    return {};
  return constantOf(isLess) == 1 ? b : a;
}
AffineExpr minRule(AffineExpr a, AffineExpr b) {
  AffineExpr isLess = lessRule(a, b);
  if (!isLess)
    return {};
  return constantOf(isLess) == 1 ? a : b;
}

LogicalResult sameAsInput(NodeFacts &node) {
  ValueFacts x = node.input(0);
  return node.set(0, x.elementType, x.dims);
}
LogicalResult identity(NodeFacts &node) {
  ValueFacts x = node.input(0);
  return node.set(0, x.elementType, x.dims, x.elements);
}
LogicalResult dropout(NodeFacts &node) {
  if (failed(identity(node)))
    return failure();
  Type boolean = IntegerType::get(node.inference.getContext(), 1);
  return node.hasResult(1) ? node.set(1, boolean, node.input(0).dims) : success();
}
template <AffineExpr (*rule)(AffineExpr)> LogicalResult unary(NodeFacts &node) {
  ValueFacts x = node.input(0);
  if (x.elements)
    for (AffineExpr &element : *x.elements)
      element = rule(element);
  return node.set(0, x.elementType, x.dims, x.elements);
}
AffineExpr negateRule(AffineExpr a) {
  return a ? multiply(a, getAffineConstantExpr(-1, a.getContext())) : a;
}
AffineExpr absRule(AffineExpr a) {
  if (constantOf(a).value_or(0) < 0)
    return negateRule(a);
  return isNonNegative(a) ? a : AffineExpr();
}
LogicalResult predicate(NodeFacts &node) {
  return node.set(0, IntegerType::get(node.inference.getContext(), 1), node.input(0).dims);
}

LogicalResult binaryResult(NodeFacts &node, ElementRule rule, bool isPredicate) {
  ValueFacts a = node.input(0), b = node.input(1);
  if (a.elementType != b.elementType)
    return node.error() << "expected operands of one element type, found " << a.elementType
                        << " and " << b.elementType;
  FailureOr<std::optional<Exprs>> dims = broadcast(node, a.dims, b.dims);
  if (failed(dims))
    return failure();
  Type type = isPredicate ? IntegerType::get(node.inference.getContext(), 1) : a.elementType;
  return node.set(0, type, *dims, combine(a, b, *dims, rule));
}
template <ElementRule rule> LogicalResult arithmetic(NodeFacts &node) {
  return binaryResult(node, rule, false);
}
template <ElementRule rule> LogicalResult compare(NodeFacts &node) {
  return binaryResult(node, rule, true);
}
// The exponent may be of another type than the base.
LogicalResult power(NodeFacts &node) {
  ValueFacts a = node.input(0), b = node.input(1);
  FailureOr<std::optional<Exprs>> dims = broadcast(node, a.dims, b.dims);
  return failed(dims) ? failure() : node.set(0, a.elementType, *dims);
}

// Max, Min, Sum and Mean fold their inputs from the left.
template <ElementRule rule> LogicalResult nary(NodeFacts &node) {
  if (node.op->getNumOperands() == 0)
    return node.error() << "expected at least one input, found none";
  ValueFacts result = node.input(0);
  for (unsigned i = 1; i < node.op->getNumOperands(); ++i) {
    ValueFacts next = node.input(i);
    if (next.elementType != result.elementType)
      return node.error() << "expected inputs of one element type, found " << result.elementType
                          << " and " << next.elementType;
    FailureOr<std::optional<Exprs>> dims = broadcast(node, result.dims, next.dims);
    if (failed(dims))
      return failure();
    result.elements = combine(result, next, *dims, rule);
    result.dims = *dims;
  }
  return node.set(0, result.elementType, result.dims, result.elements);
}

LogicalResult cast(NodeFacts &node) {
  auto op = llvm::cast<CastOp>(node.op);
  Type type = elementTypeOf(node.inference.getContext(), static_cast<int64_t>(op.getTo()));
  if (!type)
    return node.error() << "expected an element type that bluec has, found "
                        << dataTypeName(static_cast<int64_t>(op.getTo()));
  ValueFacts x = node.input(0);
  if (x.elements && type.isInteger(1))
    for (AffineExpr &element : *x.elements)
      element =
          element && constantOf(element) ? truth(*constantOf(element) != 0, element) : AffineExpr();
  return node.set(0, type, x.dims, x.elements);
}
LogicalResult castLike(NodeFacts &node) {
  ValueFacts x = node.input(0);
  return node.set(0, node.input(1).elementType, x.dims);
}

LogicalResult where(NodeFacts &node) {
  ValueFacts condition = node.input(0), x = node.input(1), y = node.input(2);
  if (x.elementType != y.elementType)
    return node.error() << "expected operands of one element type, found " << x.elementType
                        << " and " << y.elementType;
  FailureOr<std::optional<Exprs>> values = broadcast(node, x.dims, y.dims);
  if (failed(values))
    return failure();
  FailureOr<std::optional<Exprs>> dims = broadcast(node, *values, condition.dims);
  if (failed(dims))
    return failure();
  std::optional<Exprs> elements;
  // Shapes that exporters choose between are all of one length, or one element.
  std::optional<int64_t> count = staticCount(*dims);
  if (condition.elements && x.elements && y.elements && count && (*dims)->size() <= 1) {
    elements.emplace();
    auto at = [](const Exprs &from, int64_t i) {
      return from[from.size() == 1 ? 0 : static_cast<size_t>(i)];
    };
    for (int64_t i = 0; i < *count; ++i) {
      std::optional<int64_t> chosen = constantOf(at(*condition.elements, i));
      AffineExpr yes = at(*x.elements, i), no = at(*y.elements, i);
      elements->push_back(chosen ? (*chosen ? yes : no) : (isEqual(yes, no) ? yes : AffineExpr()));
    }
  }
  return node.set(0, x.elementType, *dims, elements);
}

LogicalResult clip(NodeFacts &node) { return sameAsInput(node); }

} // namespace

void addElementwiseRules(InferenceRules &rules) {
  for (StringRef name :
       {"Ceil",    "Cos",         "Elu",          "Erf",        "Exp",        "Floor",
        "Gelu",    "HardSigmoid", "HardSwish",    "LeakyRelu",  "Log",        "Reciprocal",
        "Relu",    "Round",       "Sigmoid",      "Sign",       "Sin",        "Softplus",
        "Sqrt",    "Tanh",        "CumSum",       "Softmax",    "LogSoftmax", "Trilu",
        "ms.Gelu", "ms.FastGelu", "ms.QuickGelu", "ms.BiasGelu"})
    rules[("onnx." + name).str()] = sameAsInput;
  rules["onnx.Identity"] = identity;
  rules["onnx.Dropout"] = dropout;
  rules["onnx.Abs"] = unary<absRule>;
  rules["onnx.Neg"] = unary<negateRule>;
  rules["onnx.Not"] = unary<notRule>;
  rules["onnx.IsInf"] = predicate;
  rules["onnx.IsNaN"] = predicate;
  rules["onnx.Clip"] = clip;
  rules["onnx.Add"] = arithmetic<add>;
  rules["onnx.Sub"] = arithmetic<subtract>;
  rules["onnx.Mul"] = arithmetic<multiply>;
  rules["onnx.Div"] = arithmetic<divide>;
  rules["onnx.Mod"] = arithmetic<modRule>;
  rules["onnx.And"] = arithmetic<andRule>;
  rules["onnx.Or"] = arithmetic<orRule>;
  rules["onnx.Xor"] = arithmetic<unknownRule>;
  rules["onnx.Pow"] = power;
  rules["onnx.Equal"] = compare<equalRule>;
  rules["onnx.Less"] = compare<lessRule>;
  rules["onnx.LessOrEqual"] = compare<lessOrEqualRule>;
  rules["onnx.Greater"] = compare<greaterRule>;
  rules["onnx.GreaterOrEqual"] = compare<greaterOrEqualRule>;
  rules["onnx.Max"] = nary<maxRule>;
  rules["onnx.Min"] = nary<minRule>;
  rules["onnx.Sum"] = nary<add>;
  rules["onnx.Mean"] = nary<unknownRule>;
  rules["onnx.Cast"] = cast;
  rules["onnx.CastLike"] = castLike;
  rules["onnx.Where"] = where;
}

} // namespace bluec::onnx
