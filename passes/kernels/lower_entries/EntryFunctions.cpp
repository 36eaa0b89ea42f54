#include "passes/kernels/lower_entries/EntryFunctions.h"

#include "compiler/dialect/abi/Abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

class FunctionsBuilder {
public:
  FunctionsBuilder(plan::EntryOp entry, const SymbolTable &symbols)
      : entry(entry), symbols(symbols), b(entry.getLoc(), entry.getContext()),
        call(abi::CallType::get(entry.getContext())) {}

  FailureOr<EntryFunctions> build();

private:
  /// A parallel loop: the launches [first, end), and the function that runs their tasks.
  struct Loop {
    size_t first, end;
    func::FuncOp function;
  };

  func::FuncOp addFunction(const Twine &name, TypeRange arguments, TypeRange results);
  func::FuncOp addRange(const Twine &name) {
    return addFunction(name, {call, b.getI64Type(), b.getI64Type()}, {});
  }
  Value number(int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); }
  Value evaluate(AffineExpr expr, Value count);
  Value tasksOf(size_t launch, Value count) {
    return evaluate(launches[launch].getTasks().getResult(0), count);
  }
  FailureOr<func::FuncOp> buildStep(size_t index);
  func::FuncOp buildSideBySide(const Loop &loop, ArrayRef<func::FuncOp> steps);
  func::FuncOp buildEntry(MutableArrayRef<Loop> loops);

  plan::EntryOp entry;
  const SymbolTable &symbols;
  ImplicitLocOpBuilder b;
  Type call;
  SmallVector<plan::LaunchOp> launches;
};

} // namespace

func::FuncOp FunctionsBuilder::addFunction(const Twine &name, TypeRange arguments,
                                           TypeRange results) {
  b.setInsertionPointToEnd(entry->getParentOfType<ModuleOp>().getBody());
  auto function = func::FuncOp::create(b, name.str(), b.getFunctionType(arguments, results));
  function.setPrivate();
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

/// Of numbers that are not negative.
Value FunctionsBuilder::evaluate(AffineExpr expr, Value count) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return number(constant.getValue());
  if (isa<AffineDimExpr>(expr))
    return count;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = evaluate(binary.getLHS(), count), rhs = evaluate(binary.getRHS(), count);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return b.createOrFold<arith::AddIOp>(lhs, rhs);
  case AffineExprKind::Mul:
    return b.createOrFold<arith::MulIOp>(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return b.createOrFold<arith::DivUIOp>(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return b.createOrFold<arith::DivUIOp>(
        b.createOrFold<arith::AddIOp>(lhs, b.createOrFold<arith::SubIOp>(rhs, number(1))), rhs);
  default:
    return b.createOrFold<arith::RemUIOp>(lhs, rhs);
  }
}

FailureOr<func::FuncOp> FunctionsBuilder::buildStep(size_t index) {
  plan::LaunchOp launch = launches[index];
  auto kernel = symbols.lookup<func::FuncOp>(launch.getKernel());
  SmallVector<Value> buffers(launch.getOperands());
  if (Value result = launch.getResult())
    buffers.push_back(result);
  constexpr size_t kOthers = 4; // count, position, begin and end
  ArrayRef<Type> types = kernel ? kernel.getArgumentTypes() : ArrayRef<Type>();
  if (types.size() != buffers.size() + kOthers)
    return launch.emitOpError() << "expected a func.func of " << buffers.size() + kOthers
                                << " arguments as kernel; run lower-entries before the kernels are "
                                   "lowered";
  b.setLoc(launch.getLoc());
  func::FuncOp function = addRange(entry.getSymName() + ".step" + Twine(index));
  Value from = function.getArgument(0);
  SmallVector<Value> arguments;
  for (auto [buffer, type] : llvm::zip_first(buffers, types)) {
    FailureOr<plan::ByteRange> range = plan::rangeOf(buffer, entry, symbols);
    if (failed(range))
      return failure();
    auto memory = dyn_cast<MemRefType>(type);
    if (!memory)
      return launch.emitOpError() << "expected a kernel of memrefs, found " << type;
    static_assert(static_cast<int>(plan::Base::Arena) == static_cast<int>(abi::Base::Arena) &&
                  static_cast<int>(plan::Base::Weights) == static_cast<int>(abi::Base::Weights) &&
                  static_cast<int>(plan::Base::Cache) == static_cast<int>(abi::Base::Cache));
    auto base = static_cast<abi::Base>(range->base);
    arguments.push_back(
        abi::BufferOp::create(b, memory, from, base, static_cast<uint64_t>(range->offset)));
  }
  Value count = abi::CountOp::create(b, b.getI64Type(), from);
  Value position = abi::PositionOp::create(b, b.getI64Type(), from);
  Value begin = function.getArgument(1), end = function.getArgument(2);
  for (Value value : {count, position, begin, end})
    arguments.push_back(arith::IndexCastOp::create(b, b.getIndexType(), value));
  func::CallOp::create(b, kernel, arguments);
  func::ReturnOp::create(b);
  return function;
}

func::FuncOp FunctionsBuilder::buildSideBySide(const Loop &loop, ArrayRef<func::FuncOp> steps) {
  b.setLoc(launches[loop.first].getLoc());
  func::FuncOp function = addRange(entry.getSymName() + ".steps" + Twine(loop.first));
  Value from = function.getArgument(0), begin = function.getArgument(1);
  Value end = function.getArgument(2);
  Value count = abi::CountOp::create(b, b.getI64Type(), from);
  for (size_t i = loop.first; i < loop.end; ++i) {
    Value tasks = tasksOf(i, count);
    Value first = arith::MaxSIOp::create(b, begin, number(0));
    Value last = arith::MinSIOp::create(b, end, tasks);
    Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, first, last);
    scf::IfOp::create(b, any, [&](OpBuilder &inner, Location loc) {
      func::CallOp::create(inner, loc, steps[i], ValueRange{from, first, last});
      scf::YieldOp::create(inner, loc);
    });
    begin = b.createOrFold<arith::SubIOp>(begin, tasks);
    end = b.createOrFold<arith::SubIOp>(end, tasks);
  }
  func::ReturnOp::create(b);
  return function;
}

func::FuncOp FunctionsBuilder::buildEntry(MutableArrayRef<Loop> loops) {
  b.setLoc(entry.getLoc());
  func::FuncOp function = addFunction("entry." + entry.getSymName(), {call}, {b.getI32Type()});
  Value from = function.getArgument(0);
  Value count = abi::CountOp::create(b, b.getI64Type(), from);
  for (Loop &loop : loops) {
    b.setLoc(launches[loop.first].getLoc());
    Value tasks = tasksOf(loop.first, count);
    for (size_t i = loop.first + 1; i < loop.end; ++i)
      tasks = b.createOrFold<arith::AddIOp>(tasks, tasksOf(i, count));
    abi::RunOp::create(b, from, loop.function.getSymName(), tasks,
                       static_cast<uint64_t>(loop.first), static_cast<uint64_t>(loop.end));
  }
  b.setLoc(entry.getLoc());
  Value done = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  func::ReturnOp::create(b, done);
  return function;
}

FailureOr<EntryFunctions> FunctionsBuilder::build() {
  for (Operation &op : entry.getBody().front()) {
    if (isa<plan::StepOp>(op))
      return op.emitError("expected plan.launch; run lower-steps-to-kernels first");
    if (auto launch = dyn_cast<plan::LaunchOp>(op))
      launches.push_back(launch);
  }
  EntryFunctions functions;
  SmallVector<Loop> loops;
  for (size_t i = 0; i < launches.size(); ++i) {
    FailureOr<func::FuncOp> step = buildStep(i);
    if (failed(step))
      return failure();
    functions.steps.push_back(*step);
    if (loops.empty() || !launches[i].getJoined())
      loops.push_back({i, i, *step});
    loops.back().end = i + 1;
  }
  for (Loop &loop : loops)
    if (loop.end - loop.first > 1)
      loop.function = buildSideBySide(loop, functions.steps);
  functions.run = buildEntry(loops);
  return functions;
}

FailureOr<EntryFunctions> kernels::makeEntryFunctions(plan::EntryOp entry,
                                                      const SymbolTable &symbols) {
  return FunctionsBuilder(entry, symbols).build();
}
