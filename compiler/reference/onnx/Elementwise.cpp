// Evaluators of ops that work element by element, with numpy broadcasting. Float functions are
// computed in double and rounded once.
#include "compiler/base/Quoted.h"
#include "compiler/reference/Rounding.h"
#include "compiler/reference/onnx/Support.h"

#include "compiler/dialect/onnx/DataTypes.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace bluec::reference {
namespace {

template <typename Function> Results mapFloats(Operation *op, const Tensor &x, Function function) {
  if (!x.isFloat())
    return fault(op) << "expected floats, found integers";
  Tensor out = x;
  for (float &value : out.f32)
    value = static_cast<float>(function(static_cast<double>(value)));
  for (double &value : out.f64)
    value = function(value);
  return one(std::move(out));
}

template <double (*function)(double)>
Results unaryFloat(Operation *op, Operands operands, const EvaluationLimits &) {
  return mapFloats(op, *operands[0], function);
}

double reciprocal(double x) { return 1.0 / x; }
double relu(double x) { return x != x ? x : std::max(x, 0.0); }
double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }
double hardSwish(double x) { return x * std::clamp(x / 6.0 + 0.5, 0.0, 1.0); }
double geluErf(double x) { return 0.5 * x * (1.0 + std::erf(x * std::sqrt(0.5))); }
double geluTanh(double x) {
  constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
  return 0.5 * x * (1.0 + std::tanh(kSqrtTwoOverPi * (x + 0.044715 * x * x * x)));
}

int64_t wrappingNegate(int64_t x) {
  return static_cast<int64_t>(uint64_t{0} - static_cast<uint64_t>(x));
}

// Ops that also work on integers.
Results negate(Operation *, Operands operands, const EvaluationLimits &) {
  Tensor out = *operands[0];
  std::ranges::for_each(out.f32, [](float &x) { x = -x; });
  std::ranges::for_each(out.f64, [](double &x) { x = -x; });
  std::ranges::for_each(out.i64, [](int64_t &x) { x = wrappingNegate(x); });
  return one(std::move(out));
}
Results absolute(Operation *, Operands operands, const EvaluationLimits &) {
  Tensor out = *operands[0];
  std::ranges::for_each(out.f32, [](float &x) { x = std::fabs(x); });
  std::ranges::for_each(out.f64, [](double &x) { x = std::fabs(x); });
  std::ranges::for_each(out.i64, [](int64_t &x) { x = x < 0 ? wrappingNegate(x) : x; });
  return one(std::move(out));
}
Results sign(Operation *, Operands operands, const EvaluationLimits &) {
  Tensor out = *operands[0];
  auto signOf = [](auto &x) { x = static_cast<std::decay_t<decltype(x)>>((x > 0) - (x < 0)); };
  std::ranges::for_each(out.f32, signOf);
  std::ranges::for_each(out.f64, signOf);
  std::ranges::for_each(out.i64, signOf);
  return one(std::move(out));
}
Results identity(Operation *, Operands operands, const EvaluationLimits &) {
  return one(*operands[0]);
}
Results dropout(Operation *op, Operands operands, const EvaluationLimits &) {
  if (has(operands, 2) && operands[2]->numElements() == 1 && operands[2]->number(0) != 0)
    return fault(op) << "expected inference, found training_mode";
  SmallVector<Tensor> results = {*operands[0], noTensor()};
  if (!isa<NoneType>(op->getResult(1).getType())) {
    results[1] = Tensor::zeros(ElementType::Bool, operands[0]->shape);
    std::ranges::fill(results[1].i64, 1);
  }
  return results;
}
Results logicalNot(Operation *op, Operands operands, const EvaluationLimits &) {
  if (operands[0]->isFloat())
    return fault(op) << "expected booleans, found floats";
  Tensor out = *operands[0];
  std::ranges::for_each(out.i64, [](int64_t &x) { x = x == 0; });
  return one(std::move(out));
}

template <typename Predicate> Results test(const Tensor &x, Predicate predicate) {
  Tensor out = Tensor::zeros(ElementType::Bool, x.shape);
  for (int64_t i = 0; i < x.numElements(); ++i)
    out.i64[static_cast<size_t>(i)] = predicate(x.number(i));
  return one(std::move(out));
}
Results isNaN(Operation *, Operands operands, const EvaluationLimits &) {
  return test(*operands[0], [](double x) { return std::isnan(x); });
}
Results isInf(Operation *op, Operands operands, const EvaluationLimits &) {
  auto node = cast<onnx::IsInfOp>(op);
  return test(*operands[0], [&](double x) {
    return std::isinf(x) && (x < 0 ? node.getDetectNegative() != 0 : node.getDetectPositive() != 0);
  });
}

double attributeOf(Operation *op, StringRef name, double fallback) {
  auto value = op->getAttrOfType<FloatAttr>(name);
  return value ? value.getValueAsDouble() : fallback;
}
Results elu(Operation *op, Operands operands, const EvaluationLimits &) {
  double alpha = attributeOf(op, "alpha", 1.0);
  return mapFloats(op, *operands[0], [=](double x) { return x < 0 ? alpha * std::expm1(x) : x; });
}
Results leakyRelu(Operation *op, Operands operands, const EvaluationLimits &) {
  double alpha = attributeOf(op, "alpha", 0.01);
  return mapFloats(op, *operands[0], [=](double x) { return x < 0 ? alpha * x : x; });
}
Results hardSigmoid(Operation *op, Operands operands, const EvaluationLimits &) {
  double alpha = attributeOf(op, "alpha", 0.2), beta = attributeOf(op, "beta", 0.5);
  return mapFloats(op, *operands[0],
                   [=](double x) { return std::clamp(alpha * x + beta, 0.0, 1.0); });
}
Results gelu(Operation *op, Operands operands, const EvaluationLimits &) {
  StringRef approximate = cast<onnx::GeluOp>(op).getApproximate();
  if (approximate != "none" && approximate != "tanh")
    return fault(op) << "expected approximate \"none\" or \"tanh\", found "
                     << inQuotes(approximate);
  return approximate == "tanh" ? mapFloats(op, *operands[0], geluTanh)
                               : mapFloats(op, *operands[0], geluErf);
}
Results quickGelu(Operation *op, Operands operands, const EvaluationLimits &) {
  double alpha = attributeOf(op, "alpha", 1.702);
  return mapFloats(op, *operands[0], [=](double x) { return x * sigmoid(alpha * x); });
}

Results clip(Operation *op, Operands operands, const EvaluationLimits &) {
  Tensor out = *operands[0];
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (!has(operands, i))
      continue;
    const Tensor &bound = *operands[i];
    if (bound.numElements() != 1 || bound.type != out.type)
      return fault(op) << "expected a bound of one element of the input's type";
    withElements(out, bound, [&](auto &elements, const auto &limit) {
      for (auto &x : elements)
        if (i == 1 ? x < limit[0] : x > limit[0])
          x = limit[0];
    });
  }
  return one(std::move(out));
}

// Two operands of one type, broadcast. The result has `type`.
template <typename Function>
FailureOr<Tensor> zip(Operation *op, const Tensor &a, const Tensor &b, ElementType type,
                      const EvaluationLimits &limits, Function function) {
  FailureOr<Shape> shape = broadcastShapes(op, a.shape, b.shape);
  if (failed(shape))
    return failure();
  FailureOr<Tensor> out = make(op, type, *shape, limits);
  if (failed(out))
    return failure();
  std::array<Shape, 2> strides = {broadcastStrides(a.shape, *shape),
                                  broadcastStrides(b.shape, *shape)};
  forEachIndex<2>(*shape, strides, [&](int64_t i, const std::array<int64_t, 2> &at) {
    function(*out, i, static_cast<size_t>(at[0]), static_cast<size_t>(at[1]));
  });
  return out;
}

using FloatFunction = double (*)(double, double);
using IntegerFunction = int64_t (*)(int64_t, int64_t);

template <FloatFunction floats, IntegerFunction integers>
FailureOr<Tensor> arithmetic(Operation *op, const Tensor &a, const Tensor &b,
                             const EvaluationLimits &limits) {
  if (a.type != b.type)
    return fault(op) << "expected operands of one element type";
  if (a.isFloat())
    return zip(op, a, b, a.type, limits, [&](Tensor &out, int64_t i, size_t x, size_t y) {
      setFloat(out, i,
               floats(a.number(static_cast<int64_t>(x)), b.number(static_cast<int64_t>(y))));
    });
  return zip(op, a, b, a.type, limits, [&](Tensor &out, int64_t i, size_t x, size_t y) {
    out.i64[static_cast<size_t>(i)] = integers(a.i64[x], b.i64[y]);
  });
}
template <FloatFunction floats, IntegerFunction integers>
Results binary(Operation *op, Operands operands, const EvaluationLimits &limits) {
  FailureOr<Tensor> out = arithmetic<floats, integers>(op, *operands[0], *operands[1], limits);
  return failed(out) ? Results(failure()) : one(std::move(*out));
}

// Integer arithmetic wraps, as in ONNX's reference.
int64_t wrap(uint64_t x) { return static_cast<int64_t>(x); }
double addFloats(double a, double b) { return a + b; }
int64_t addIntegers(int64_t a, int64_t b) {
  return wrap(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
double subFloats(double a, double b) { return a - b; }
int64_t subIntegers(int64_t a, int64_t b) {
  return wrap(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
double mulFloats(double a, double b) { return a * b; }
int64_t mulIntegers(int64_t a, int64_t b) {
  return wrap(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
double divFloats(double a, double b) { return a / b; }
int64_t divIntegers(int64_t a, int64_t b) { return b == -1 ? wrappingNegate(a) : a / b; }
double maxFloats(double a, double b) { return a != a || a > b ? a : b; }
int64_t maxIntegers(int64_t a, int64_t b) { return std::max(a, b); }
double minFloats(double a, double b) { return a != a || a < b ? a : b; }
int64_t minIntegers(int64_t a, int64_t b) { return std::min(a, b); }

bool hasZero(const Tensor &tensor) {
  return !tensor.isFloat() && std::ranges::find(tensor.i64, 0) != tensor.i64.end();
}

Results divide(Operation *op, Operands operands, const EvaluationLimits &limits) {
  if (hasZero(*operands[1]))
    return fault(op) << "expected integer divisors other than 0";
  return binary<divFloats, divIntegers>(op, operands, limits);
}

// The sign of the divisor with fmod 0, of the dividend with fmod 1.
double flooredMod(double a, double b) {
  double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
int64_t flooredIntegerMod(int64_t a, int64_t b) {
  int64_t rest = b == -1 ? 0 : a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
double truncatedMod(double a, double b) { return std::fmod(a, b); }
int64_t truncatedIntegerMod(int64_t a, int64_t b) { return b == -1 ? 0 : a % b; }
Results modulo(Operation *op, Operands operands, const EvaluationLimits &limits) {
  if (hasZero(*operands[1]))
    return fault(op) << "expected integer divisors other than 0";
  return cast<onnx::ModOp>(op).getFmod()
             ? binary<truncatedMod, truncatedIntegerMod>(op, operands, limits)
             : binary<flooredMod, flooredIntegerMod>(op, operands, limits);
}

int64_t toInteger(double x) {
  return x != x ? 0 : static_cast<int64_t>(std::clamp(x, -9.2e18, 9.2e18));
}

Results power(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &a = *operands[0], &b = *operands[1];
  FailureOr<Tensor> out =
      zip(op, a, b, a.type, limits, [&](Tensor &result, int64_t i, size_t x, size_t y) {
        double value =
            std::pow(a.number(static_cast<int64_t>(x)), b.number(static_cast<int64_t>(y)));
        if (result.isFloat())
          setFloat(result, i, value);
        else
          result.i64[static_cast<size_t>(i)] = toInteger(value);
      });
  return failed(out) ? Results(failure()) : one(std::move(*out));
}

template <typename Compare>
Results compareWith(Operation *op, Operands operands, const EvaluationLimits &limits,
                    Compare compare) {
  const Tensor &a = *operands[0], &b = *operands[1];
  if (a.isFloat() != b.isFloat())
    return fault(op) << "expected operands of one element type";
  FailureOr<Tensor> out =
      zip(op, a, b, ElementType::Bool, limits, [&](Tensor &result, int64_t i, size_t x, size_t y) {
        bool truth = a.isFloat() ? compare(a.number(static_cast<int64_t>(x)),
                                           b.number(static_cast<int64_t>(y)))
                                 : compare(a.i64[x], b.i64[y]);
        result.i64[static_cast<size_t>(i)] = truth;
      });
  return failed(out) ? Results(failure()) : one(std::move(*out));
}
template <typename Compare>
Results compare(Operation *op, Operands operands, const EvaluationLimits &limits) {
  return compareWith(op, operands, limits, Compare());
}
struct LogicalXor {
  template <typename T> bool operator()(T a, T b) const { return (a != T(0)) != (b != T(0)); }
};

template <FloatFunction floats, IntegerFunction integers, bool isMean = false>
Results nary(Operation *op, Operands operands, const EvaluationLimits &limits) {
  if (operands.empty())
    return fault(op) << "expected at least one input";
  Tensor result = *operands[0];
  for (const Tensor *next : operands.drop_front()) {
    FailureOr<Tensor> out = arithmetic<floats, integers>(op, result, *next, limits);
    if (failed(out))
      return failure();
    result = std::move(*out);
  }
  if (isMean)
    return mapFloats(op, result,
                     [&](double x) { return x / static_cast<double>(operands.size()); });
  return one(std::move(result));
}

Results castTo(Operation *op, const Tensor &x, ElementType type) {
  if (x.type == type)
    return one(x);
  Tensor out = Tensor::zeros(type, x.shape);
  for (int64_t i = 0; i < x.numElements(); ++i) {
    auto at = static_cast<size_t>(i);
    if (out.isFloat())
      setFloat(out, i, x.number(i));
    else if (type == ElementType::Bool)
      out.i64[at] = x.number(i) != 0;
    else
      out.i64[at] = x.isFloat() ? toInteger(x.number(i)) : x.i64[at];
  }
  return one(std::move(out));
}
Results castOp(Operation *op, Operands operands, const EvaluationLimits &) {
  auto to = static_cast<int64_t>(cast<onnx::CastOp>(op).getTo());
  Type type = onnx::elementTypeOf(op->getContext(), to);
  std::optional<ElementType> kind = type ? elementTypeFor(type) : std::nullopt;
  if (!kind)
    return fault(op) << "expected an element type that bluec has, found " << onnx::dataTypeName(to);
  return castTo(op, *operands[0], *kind);
}
Results castLike(Operation *op, Operands operands, const EvaluationLimits &) {
  return castTo(op, *operands[0], operands[1]->type);
}

Results where(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &condition = *operands[0], &x = *operands[1], &y = *operands[2];
  if (x.type != y.type || condition.isFloat())
    return fault(op) << "expected a condition of booleans and operands of one element type";
  FailureOr<Shape> values = broadcastShapes(op, x.shape, y.shape);
  if (failed(values))
    return failure();
  FailureOr<Shape> shape = broadcastShapes(op, *values, condition.shape);
  if (failed(shape))
    return failure();
  FailureOr<Tensor> out = make(op, x.type, *shape, limits);
  if (failed(out))
    return failure();
  std::array<Shape, 3> strides = {broadcastStrides(condition.shape, *shape),
                                  broadcastStrides(x.shape, *shape),
                                  broadcastStrides(y.shape, *shape)};
  auto choose = [&](auto &to, const auto &yes, const auto &no) {
    forEachIndex<3>(*shape, strides, [&](int64_t i, const std::array<int64_t, 3> &at) {
      to[static_cast<size_t>(i)] = condition.i64[static_cast<size_t>(at[0])]
                                       ? yes[static_cast<size_t>(at[1])]
                                       : no[static_cast<size_t>(at[2])];
    });
  };
  if (x.type == ElementType::F32)
    choose(out->f32, x.f32, y.f32);
  else if (x.type == ElementType::F64)
    choose(out->f64, x.f64, y.f64);
  else
    choose(out->i64, x.i64, y.i64);
  return one(std::move(*out));
}

// x + bias, then a GELU.
template <double (*function)(double)>
Results biasGelu(Operation *op, Operands operands, const EvaluationLimits &limits) {
  Tensor x = *operands[0];
  if (has(operands, 1)) {
    FailureOr<Tensor> sum = arithmetic<addFloats, addIntegers>(op, x, *operands[1], limits);
    if (failed(sum))
      return failure();
    x = std::move(*sum);
  }
  return mapFloats(op, x, function);
}

} // namespace

void addElementwiseEvaluators(EvaluatorTable &table) {
  table["onnx.Abs"] = absolute;
  table["onnx.Ceil"] = unaryFloat<std::ceil>;
  table["onnx.Cos"] = unaryFloat<std::cos>;
  table["onnx.Elu"] = elu;
  table["onnx.Erf"] = unaryFloat<std::erf>;
  table["onnx.Exp"] = unaryFloat<std::exp>;
  table["onnx.Floor"] = unaryFloat<std::floor>;
  table["onnx.Gelu"] = gelu;
  table["onnx.HardSigmoid"] = hardSigmoid;
  table["onnx.HardSwish"] = unaryFloat<hardSwish>;
  table["onnx.Identity"] = identity;
  table["onnx.Dropout"] = dropout;
  table["onnx.IsInf"] = isInf;
  table["onnx.IsNaN"] = isNaN;
  table["onnx.LeakyRelu"] = leakyRelu;
  table["onnx.Log"] = unaryFloat<std::log>;
  table["onnx.Neg"] = negate;
  table["onnx.Not"] = logicalNot;
  table["onnx.Reciprocal"] = unaryFloat<reciprocal>;
  table["onnx.Relu"] = unaryFloat<relu>;
  table["onnx.Round"] = unaryFloat<std::nearbyint>;
  table["onnx.Sigmoid"] = unaryFloat<sigmoid>;
  table["onnx.Sign"] = sign;
  table["onnx.Sin"] = unaryFloat<std::sin>;
  table["onnx.Softplus"] = unaryFloat<softplus>;
  table["onnx.Sqrt"] = unaryFloat<std::sqrt>;
  table["onnx.Tanh"] = unaryFloat<std::tanh>;
  table["onnx.Clip"] = clip;
  table["onnx.Add"] = binary<addFloats, addIntegers>;
  table["onnx.Sub"] = binary<subFloats, subIntegers>;
  table["onnx.Mul"] = binary<mulFloats, mulIntegers>;
  table["onnx.Div"] = divide;
  table["onnx.Mod"] = modulo;
  table["onnx.Pow"] = power;
  table["onnx.Equal"] = compare<std::equal_to<>>;
  table["onnx.Greater"] = compare<std::greater<>>;
  table["onnx.GreaterOrEqual"] = compare<std::greater_equal<>>;
  table["onnx.Less"] = compare<std::less<>>;
  table["onnx.LessOrEqual"] = compare<std::less_equal<>>;
  table["onnx.And"] = compare<std::logical_and<>>;
  table["onnx.Or"] = compare<std::logical_or<>>;
  table["onnx.Xor"] = compare<LogicalXor>;
  table["onnx.Max"] = nary<maxFloats, maxIntegers>;
  table["onnx.Min"] = nary<minFloats, minIntegers>;
  table["onnx.Sum"] = nary<addFloats, addIntegers>;
  table["onnx.Mean"] = nary<addFloats, addIntegers, true>;
  table["onnx.Cast"] = castOp;
  table["onnx.CastLike"] = castLike;
  table["onnx.Where"] = where;
  table["onnx.ms.Gelu"] = biasGelu<geluErf>;
  table["onnx.ms.BiasGelu"] = biasGelu<geluErf>;
  table["onnx.ms.FastGelu"] = biasGelu<geluTanh>;
  table["onnx.ms.QuickGelu"] = quickGelu;
}

} // namespace bluec::reference
