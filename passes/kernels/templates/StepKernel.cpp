#include "passes/kernels/templates/StepKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

RowShape kernels::rowShape(Type tensor) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(tensor).getShape();
  RowShape rows;
  if (shape.empty())
    return rows;
  rows.cols = shape.back();
  for (int64_t dim : shape.drop_back())
    rows.rows *= dim;
  return rows;
}

Operation *kernels::rootOf(plan::StepOp step) {
  for (Operation &op : step.getBody().front())
    if (!plan::isElementwise(&op) && !isa<plan::PositionOp, plan::YieldOp>(op)) {
      // A quantize after a chain ends the step, it does not begin it.
      bool behind =
          isa<plan::QuantizeOp>(op) && op.getPrevNode() && plan::isElementwise(op.getPrevNode());
      return behind ? nullptr : &op;
    }
  return nullptr;
}

/// True if kernels see the operand `number` of `op` with its own rank, not as rows.
static bool keepsLayout(Operation *op, unsigned number) {
  if (isa<plan::LinearOp, plan::ExpertLinearOp, plan::AttentionOp, plan::AppendKeysOp>(op))
    return number == 1;
  if (auto rope = dyn_cast<blue::RopeOp>(op))
    return rope.getPosition() && number == rope.getPositionMutable().begin()->getOperandNumber();
  return isa<plan::Im2colOp, plan::EmbeddingOp>(op) || (isa<blue::EmbeddingOp>(op) && number == 0);
}

SmallVector<Type> StepKernel::signature(plan::StepOp step) {
  auto asBytes = [](RankedTensorType type) {
    return MemRefType::get(plan::denseBytes(type), IntegerType::get(type.getContext(), 8));
  };
  auto asRows = [&](RankedTensorType type) {
    if (isa<blue::QuantizedType>(type.getElementType()))
      return asBytes(type);
    RowShape shape = rowShape(type);
    return MemRefType::get({shape.rows, shape.cols}, type.getElementType());
  };
  auto asIs = [&](RankedTensorType type) {
    if (isa<blue::QuantizedType>(type.getElementType()))
      return asBytes(type);
    return MemRefType::get(type.getShape(), type.getElementType());
  };
  SmallVector<Type> types;
  for (BlockArgument argument : step.getBody().getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    bool own = llvm::any_of(argument.getUses(), [](OpOperand &use) {
      return keepsLayout(use.getOwner(), use.getOperandNumber());
    });
    types.push_back(own ? asIs(type) : asRows(type));
  }
  if (step->getNumResults() == 1) {
    auto type = cast<RankedTensorType>(step->getResult(0).getType());
    types.push_back(isa_and_nonnull<plan::PackKeysOp>(rootOf(step)) ? asIs(type) : asRows(type));
  }
  types.append(4, IndexType::get(step.getContext()));
  return types;
}

StepKernel::StepKernel(plan::StepOp step, int64_t capacity, func::FuncOp func, Facts facts)
    : step(step), capacity(capacity),
      b(step.getLoc(), OpBuilder::atBlockEnd(&func.getBody().front()), facts), root(rootOf(step)),
      func(func) {
  ArrayRef<BlockArgument> arguments = func.getArguments();
  unsigned at = step.getNumOperands();
  if (step->getNumResults() == 1)
    result = arguments[at++];
  count = arguments[at];
  position = arguments[at + 1];
  begin = arguments[at + 2];
  end = arguments[at + 3];
  auto yield = cast<plan::YieldOp>(step.getBody().front().getTerminator());
  if (yield.getResult())
    quantize = yield.getResult().getDefiningOp<plan::QuantizeOp>();
  // A row of the root's own operand need not wait: it can be read again.
  constexpr int64_t kMostScratch = 64 * 1024; // f32
  if (quantize && !quantize.getStaticScale() && root != quantize && shape().cols <= kMostScratch)
    rowScratch = b.scratch({static_cast<int64_t>(
        llvm::alignTo(static_cast<uint64_t>(shape().cols), static_cast<uint64_t>(facts.lanes)))});
}

Value StepKernel::buffer(Value argument) {
  return func.getArgument(cast<BlockArgument>(argument).getArgNumber());
}

std::optional<int64_t> StepKernel::rowsPerCount(Type tensor) const {
  auto type = cast<RankedTensorType>(tensor);
  if (type.getRank() < 2 || type.getDimSize(0) != capacity)
    return std::nullopt;
  return rowShape(type).rows / capacity;
}
Value StepKernel::validRows(Type tensor) {
  std::optional<int64_t> each = rowsPerCount(tensor);
  return each ? b.mul(count, *each) : b.index(rowShape(tensor).rows);
}
AffineExpr StepKernel::validRowsExpr(Type tensor) const {
  std::optional<int64_t> each = rowsPerCount(tensor);
  return each ? getAffineDimExpr(0, b.getContext()) * *each : constantExpr(rowShape(tensor).rows);
}
AffineExpr StepKernel::constantExpr(int64_t value) const {
  return getAffineConstantExpr(value, b.getContext());
}

void StepKernel::prefetchFinish(Value row, Value col) {
  auto prefetch = [&](Value memref) {
    // Asked for as if to be read: not every target has the other kind, and lines come all the same.
    memref::PrefetchOp::create(b, memref, ValueRange{row, col}, /*isWrite=*/false,
                               /*localityHint=*/3, /*isDataCache=*/true);
  };
  prefetch(result);
  llvm::SmallPtrSet<Value, 2> seen;
  for (Operation &op : step.getBody().front()) {
    if (!plan::isElementwise(&op))
      continue;
    for (Value operand : op.getOperands())
      if (isa<BlockArgument>(operand) && rowShape(operand.getType()).rows == shape().rows &&
          seen.insert(operand).second)
        prefetch(buffer(operand));
  }
}

bool StepKernel::hasChain() {
  return llvm::any_of(step.getBody().front(),
                      [](Operation &op) { return plan::isElementwise(&op); });
}
bool StepKernel::hasCostlyChain() {
  return llvm::any_of(step.getBody().front(), [](Operation &op) {
    return plan::isElementwise(&op) &&
           !isa<blue::ReluOp, blue::ScaleOp, blue::ClampOp, blue::AddOp, blue::SubOp, blue::MulOp>(
               op);
  });
}

/// One elementwise op on vectors; `rhs` is null for unary ones.
static Value emitOp(KernelBuilder &b, Operation *op, Value x, Value rhs) {
  return TypeSwitch<Operation *, Value>(op)
      .Case<blue::AddOp>([&](auto) { return b.addf(x, rhs); })
      .Case<blue::SubOp>([&](auto) { return b.subf(x, rhs); })
      .Case<blue::MulOp>([&](auto) { return b.mulf(x, rhs); })
      .Case<blue::SwigluOp>([&](auto) { return b.mulf(b.mulf(x, b.sigmoid(x)), rhs); })
      .Case<blue::ScaleOp>([&](blue::ScaleOp scale) {
        return b.mulf(x, b.splat(scale.getFactor().convertToDouble()));
      })
      .Case<blue::ClampOp>([&](blue::ClampOp clamp) {
        Value raised = clamp.getLow() ? b.maxf(x, b.splat(clamp.getLow()->convertToDouble())) : x;
        return b.minf(raised, b.splat(clamp.getHigh().convertToDouble()));
      })
      .Case<blue::ReluOp>([&](auto) { return b.maxf(x, b.splat(0)); })
      .Case<blue::TanhOp>([&](auto) { return b.tanh(x); })
      .Case<blue::SigmoidOp>([&](auto) { return b.sigmoid(x); })
      .Case<blue::SiluOp>([&](auto) { return b.mulf(x, b.sigmoid(x)); })
      .Case<blue::QuickGeluOp>(
          [&](auto) { return b.mulf(x, b.sigmoid(b.mulf(x, b.splat(1.702)))); })
      .Case<blue::GeluTanhOp>([&](auto) {
        // (1 + tanh(u)) / 2 is sigmoid(2 u), which keeps its relative accuracy for negative u.
        Value square = b.mulf(x, x);
        Value inner = b.fma(square, b.splat(2 * 0.7978845608028654 * 0.044715),
                            b.splat(2 * 0.7978845608028654));
        return b.mulf(x, b.sigmoid(b.mulf(x, inner)));
      })
      .Case<blue::GeluOp>([&](auto) {
        Value half = b.mulf(x, b.splat(0.5));
        return b.fma(half, b.erf(b.mulf(x, b.splat(0.7071067811865476))), half);
      })
      .Default([](Operation *) { return Value(); });
}

Value StepKernel::evaluate(Value value, Value row, Columns at) {
  llvm::DenseMap<Value, Value> known;
  return evaluate(value, row, at, known);
}
Value StepKernel::evaluate(Value value, Value row, Columns at,
                           llvm::DenseMap<Value, Value> &known) {
  if (Value found = known.lookup(value))
    return found;
  if (isa<BlockArgument>(value)) {
    // An operand without the leading dims of the result is read again from its first row on.
    int64_t rows = rowShape(value.getType()).rows;
    int64_t all = step->getNumResults() ? shape().rows : rows;
    Value vector = b.load(buffer(value), {rows < all ? b.rem(row, rows) : row, at.col}, at.mask);
    return known[value] = vector;
  }
  Operation *op = value.getDefiningOp();
  assert(plan::isElementwise(op) && "the step's shape has been checked before");
  Value x = evaluate(op->getOperand(0), row, at, known);
  Value rhs = op->getNumOperands() > 1 ? evaluate(op->getOperand(1), row, at, known) : Value();
  return known[value] = emitOp(b, op, x, rhs);
}

Value StepKernel::finished(Value value, Value row, Columns at) {
  auto yield = cast<plan::YieldOp>(step.getBody().front().getTerminator());
  llvm::DenseMap<Value, Value> known;
  if (root && root != quantize)
    known[root->getResult(0)] = value;
  return evaluate(quantize ? quantize.getX() : yield.getResult(), row, at, known);
}
void StepKernel::finish(Value value, Value row, Columns at) {
  b.store(finished(value, row, at), result, {row, at.col}, at.mask);
}
