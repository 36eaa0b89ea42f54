// Evaluators of convolution and average pooling in any number of spatial dims.
#include "compiler/base/Quoted.h"
#include "compiler/reference/onnx/Support.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace bluec::reference {
namespace {

// Where a sliding window stands, along each spatial dim.
struct Windows {
  Shape kernel, strides, dilations, begins, outputs;
  Shape padded; // extents with padding, for counts that include it
};

template <typename Op>
FailureOr<Windows> windowsOf(Op op, ArrayRef<int64_t> spatial, ArrayRef<int64_t> kernel,
                             bool ceil) {
  size_t n = spatial.size();
  auto values = [&](std::optional<ArrayRef<int64_t>> given, size_t count, int64_t fallback,
                    int64_t least) -> FailureOr<Shape> {
    if (!given)
      return Shape(count, fallback);
    if (given->size() != count)
      return fault(op) << "expected " << count << " values of an attribute, found "
                       << given->size();
    for (int64_t value : *given)
      if (value < least || value > (int64_t{1} << 20))
        return fault(op) << "expected strides, dilations and pads from " << least
                         << " to 1048576, found " << value;
    return Shape(*given);
  };
  FailureOr<Shape> strides = values(op.getStrides(), n, 1, 1);
  FailureOr<Shape> dilations = values(op.getDilations(), n, 1, 1);
  FailureOr<Shape> pads = values(op.getPads(), 2 * n, 0, 0);
  if (failed(strides) || failed(dilations) || failed(pads))
    return failure();
  StringRef mode = op.getAutoPad();
  Windows windows{Shape(kernel), *strides, *dilations, {}, {}, {}};
  for (size_t i = 0; i < n; ++i) {
    if (kernel[i] < 1 || kernel[i] > (int64_t{1} << 20))
      return fault(op) << "expected a kernel from 1 to 1048576, found " << kernel[i];
    int64_t reach = (*dilations)[i] * (kernel[i] - 1) + 1, stride = (*strides)[i];
    int64_t begin = 0, end = 0, output;
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      output = (spatial[i] + stride - 1) / stride;
      int64_t total = std::max<int64_t>(0, (output - 1) * stride + reach - spatial[i]);
      begin = mode == "SAME_LOWER" ? (total + 1) / 2 : total / 2;
      end = total - begin;
    } else {
      if (mode == "NOTSET") {
        begin = (*pads)[i];
        end = (*pads)[n + i];
      } else if (mode != "VALID") {
        return fault(op) << "expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, found "
                         << inQuotes(mode);
      }
      int64_t room = spatial[i] + begin + end - reach;
      if (room < 0)
        return fault(op) << "expected a kernel that fits into the padded input";
      output = (room + (ceil ? stride - 1 : 0)) / stride + 1;
      // A window that would start in the padding after the end is not there.
      if (ceil && (output - 1) * stride >= spatial[i] + begin)
        --output;
    }
    windows.begins.push_back(begin);
    windows.outputs.push_back(output);
    windows.padded.push_back(spatial[i] + begin + end);
  }
  return windows;
}

// Calls visit(flat kernel position, flat input position) for the taps of one output position that
// lie inside the input, and counts those inside the padded input.
template <typename Visit>
int64_t forEachTap(const Windows &windows, ArrayRef<int64_t> spatial, ArrayRef<int64_t> output,
                   Visit visit) {
  size_t n = spatial.size();
  int64_t taps = 1, inPadded = 0;
  for (int64_t extent : windows.kernel)
    taps *= extent;
  for (int64_t tap = 0; tap < taps; ++tap) {
    int64_t rest = tap, position = 0, stride = 1;
    bool isInside = true, isInPadded = true;
    for (size_t i = n; i-- > 0;) {
      int64_t k = rest % windows.kernel[i];
      rest /= windows.kernel[i];
      int64_t at = output[i] * windows.strides[i] + k * windows.dilations[i] - windows.begins[i];
      isInside &= at >= 0 && at < spatial[i];
      isInPadded &= at + windows.begins[i] < windows.padded[i];
      position += at * stride;
      stride *= spatial[i];
    }
    inPadded += isInPadded;
    if (isInside)
      visit(tap, position);
  }
  return inPadded;
}

int64_t product(ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

// Calls visit(flat output position, its coordinates).
template <typename Visit> void forEachOutput(const Windows &windows, Visit visit) {
  Shape index(windows.outputs.size(), 0);
  int64_t count = product(windows.outputs);
  for (int64_t i = 0; i < count; ++i) {
    visit(i, index);
    for (size_t dim = index.size(); dim-- > 0;) {
      if (++index[dim] < windows.outputs[dim])
        break;
      index[dim] = 0;
    }
  }
}

Results conv(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::ConvOp>(op);
  const Tensor &x = *operands[0], &w = *operands[1];
  if (!x.isFloat() || x.type != w.type || x.rank() < 3 || w.rank() != x.rank())
    return fault(op) << "expected floats of one type and one rank of at least 3";
  auto group = static_cast<int64_t>(node.getGroup());
  int64_t channels = x.shape[1], outputs = w.shape[0], perGroup = w.shape[1];
  if (group < 1 || group > outputs || channels != perGroup * group || outputs % group != 0)
    return fault(op) << "expected channels that divide into groups, found " << channels << ", "
                     << outputs << " and group " << group;
  ArrayRef<int64_t> spatial = ArrayRef(x.shape).drop_front(2);
  FailureOr<Windows> windows = windowsOf(node, spatial, ArrayRef(w.shape).drop_front(2), false);
  if (failed(windows))
    return failure();
  const Tensor *bias = has(operands, 2) ? operands[2] : nullptr;
  if (bias && (bias->shape != Shape{outputs} || bias->type != x.type))
    return fault(op) << "expected a bias of " << outputs << " elements";
  Shape shape = {x.shape[0], outputs};
  shape.insert(shape.end(), windows->outputs.begin(), windows->outputs.end());
  FailureOr<Tensor> out = make(op, x.type, shape, limits);
  if (failed(out))
    return failure();
  int64_t inSize = product(spatial), outSize = product(windows->outputs);
  int64_t taps = product(windows->kernel);
  constexpr int64_t kProductsPerElement = 1024;
  if (failed(spendProducts(op, {out->numElements(), std::max<int64_t>(perGroup, 1), taps}, limits,
                           limits.maxElements * kProductsPerElement)))
    return failure();
  forEachOutput(*windows, [&](int64_t position, const Shape &index) {
    for (int64_t batch = 0; batch < x.shape[0]; ++batch)
      for (int64_t channel = 0; channel < outputs; ++channel) {
        int64_t first = channel / (outputs / group) * perGroup;
        double sum = 0;
        for (int64_t c = 0; c < perGroup; ++c)
          forEachTap(*windows, spatial, index, [&](int64_t tap, int64_t at) {
            sum += x.number((batch * channels + first + c) * inSize + at) *
                   w.number((channel * perGroup + c) * taps + tap);
          });
        setFloat(*out, (batch * outputs + channel) * outSize + position,
                 sum + (bias ? bias->number(channel) : 0.0));
      }
  });
  return one(std::move(*out));
}

Results averagePool(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::AveragePoolOp>(op);
  const Tensor &x = *operands[0];
  ArrayRef<int64_t> kernel = node.getKernelShape();
  if (!x.isFloat() || x.rank() < 3 || static_cast<int64_t>(kernel.size()) != x.rank() - 2)
    return fault(op) << "expected floats of rank 3 or more and a kernel of two dims less";
  ArrayRef<int64_t> spatial = ArrayRef(x.shape).drop_front(2);
  FailureOr<Windows> windows = windowsOf(node, spatial, kernel, node.getCeilMode() != 0);
  if (failed(windows))
    return failure();
  Shape shape = {x.shape[0], x.shape[1]};
  shape.insert(shape.end(), windows->outputs.begin(), windows->outputs.end());
  FailureOr<Tensor> out = make(op, x.type, shape, limits);
  if (failed(out) || failed(countElements(op, kernel, limits)))
    return failure();
  int64_t inSize = product(spatial), outSize = product(windows->outputs);
  forEachOutput(*windows, [&](int64_t position, const Shape &index) {
    for (int64_t plane = 0; plane < x.shape[0] * x.shape[1]; ++plane) {
      double sum = 0;
      int64_t inside = 0;
      int64_t inPadded = forEachTap(*windows, spatial, index, [&](int64_t, int64_t at) {
        sum += x.number(plane * inSize + at);
        ++inside;
      });
      int64_t count = node.getCountIncludePad() ? inPadded : inside;
      setFloat(*out, plane * outSize + position, count ? sum / static_cast<double>(count) : 0.0);
    }
  });
  return one(std::move(*out));
}

} // namespace

void addConvolutionEvaluators(EvaluatorTable &table) {
  table["onnx.Conv"] = conv;
  table["onnx.AveragePool"] = averagePool;
}

} // namespace bluec::reference
