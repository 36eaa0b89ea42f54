#include "passes/kernels/lower_kernels_to_llvm/AbiToLlvm.h"

#include "compiler/dialect/abi/Abi.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace bluec;

namespace {

/// Fields of struct bluec_call, by number.
enum CallField : int32_t {
  kArena,
  kWeights,
  kCache,
  kCount,
  kPosition,
  kPool,
  kParallelFor,
  kObserver,
  kOnStep
};

/// As in the header; the data layout of the target has the offsets.
LLVM::LLVMStructType callType(MLIRContext *context) {
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = IntegerType::get(context, 64);
  return LLVM::LLVMStructType::getLiteral(
      context, {pointer, pointer, pointer, i64, i64, pointer, pointer, pointer, pointer});
}

Value loadField(OpBuilder &b, Location loc, Value call, CallField field) {
  LLVM::LLVMStructType type = callType(b.getContext());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value place = LLVM::GEPOp::create(b, loc, pointer, type, call,
                                    ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(field)},
                                    LLVM::GEPNoWrapFlags::inbounds);
  return LLVM::LoadOp::create(b, loc, type.getBody()[static_cast<size_t>(field)], place);
}

constexpr llvm::StringLiteral kRunSteps = "run_steps";

void makeRunSteps(ModuleOp module, Operation *before) {
  ImplicitLocOpBuilder b(module.getLoc(), module.getContext());
  b.setInsertionPoint(before);
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  auto function = LLVM::LLVMFuncOp::create(
      b, kRunSteps, LLVM::LLVMFunctionType::get(i32, {pointer, pointer, i64, i64, i64}),
      LLVM::Linkage::Internal);
  function.setNoInline(true);
  Block *start = function.addEntryBlock(b);
  Region &body = function.getBody();
  Block *tell = b.createBlock(&body, body.end(), {i64}, {b.getLoc()});
  Block *done = b.createBlock(&body, body.end(), {i32}, {b.getLoc()});
  Value call = start->getArgument(0), first = start->getArgument(3), end = start->getArgument(4);
  auto isNull = [&](Value value, Value null) -> Value {
    return LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, value, null);
  };
  auto constant = [&](Type type, int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, type, b.getIntegerAttr(type, value));
  };

  b.setInsertionPointToStart(start);
  auto parallelType = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                                  {pointer, pointer, pointer, i64});
  Value parallelFor = loadField(b, b.getLoc(), call, kParallelFor);
  Value pool = loadField(b, b.getLoc(), call, kPool);
  LLVM::CallOp::create(
      b, parallelType,
      ValueRange{parallelFor, pool, start->getArgument(1), call, start->getArgument(2)});
  Value onStep = loadField(b, b.getLoc(), call, kOnStep);
  LLVM::CondBrOp::create(b, isNull(onStep, LLVM::ZeroOp::create(b, pointer)), done,
                         ValueRange{constant(i32, 0)}, tell, ValueRange{first});

  b.setInsertionPointToStart(tell);
  auto onStepType = LLVM::LLVMFunctionType::get(i32, {pointer, i64});
  Value step = tell->getArgument(0);
  Value observer = loadField(b, b.getLoc(), call, kObserver);
  Value answer =
      LLVM::CallOp::create(b, onStepType, ValueRange{onStep, observer, step}).getResult();
  Value next = LLVM::AddOp::create(b, step, constant(i64, 1));
  Value isMore = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::slt, next, end);
  Value goesOn = LLVM::AndOp::create(b, isNull(answer, constant(i32, 0)), isMore);
  LLVM::CondBrOp::create(b, goesOn, tell, ValueRange{next}, done, ValueRange{answer});

  b.setInsertionPointToStart(done);
  LLVM::ReturnOp::create(b, ValueRange{done->getArgument(0)});
}

struct BufferToLlvm : ConvertOpToLLVMPattern<abi::BufferOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(abi::BufferOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    CallField field = op.getBase() == abi::Base::Arena     ? kArena
                      : op.getBase() == abi::Base::Weights ? kWeights
                                                           : kCache;
    Value base = loadField(rewriter, loc, adaptor.getCall(), field);
    Value offset = LLVM::ConstantOp::create(
        rewriter, loc, getIndexType(),
        rewriter.getIntegerAttr(getIndexType(), static_cast<int64_t>(op.getOffset())));
    Value place =
        LLVM::GEPOp::create(rewriter, loc, base.getType(), rewriter.getI8Type(), base,
                            ArrayRef<LLVM::GEPArg>{offset}, LLVM::GEPNoWrapFlags::inbounds);
    rewriter.replaceOp(op, {MemRefDescriptor::fromStaticShape(rewriter, loc, *getTypeConverter(),
                                                              op.getResult().getType(), place)});
    return success();
  }
};

template <typename Op, CallField field> struct FieldToLlvm : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, loadField(rewriter, op.getLoc(), adaptor.getCall(), field));
    return success();
  }
};

struct RunToLlvm : ConvertOpToLLVMPattern<abi::RunOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(abi::RunOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type i32 = b.getI32Type(), i64 = b.getI64Type();
    auto constant = [&](Type type, uint64_t value) -> Value {
      return LLVM::ConstantOp::create(b, type, b.getIntegerAttr(type, static_cast<int64_t>(value)));
    };
    Value function = LLVM::AddressOfOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                               op.getFunctionAttr());
    Value answer =
        LLVM::CallOp::create(b, TypeRange{i32}, kRunSteps,
                             ValueRange{adaptor.getCall(), function, adaptor.getTasks(),
                                        constant(i64, op.getFirst()), constant(i64, op.getEnd())})
            .getResult();
    Value goesOn = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, answer, constant(i32, 0));
    Block *here = op->getBlock(), *next = rewriter.splitBlock(here, op->getIterator());
    Block *stopped = stoppedBlock(*here->getParent(), rewriter, op.getLoc());
    rewriter.setInsertionPointToEnd(here);
    LLVM::CondBrOp::create(rewriter, op.getLoc(), goesOn, next, ValueRange{}, stopped,
                           ValueRange{answer});
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// The block that returns its argument, which all runs of a function share: its last one, and the
  /// only one with an i32.
  static Block *stoppedBlock(Region &body, ConversionPatternRewriter &rewriter, Location loc) {
    Block &last = body.back();
    if (last.getNumArguments() == 1 && last.getArgument(0).getType().isInteger(32))
      return &last;
    Block *made = rewriter.createBlock(&body, body.end(), {rewriter.getI32Type()}, {loc});
    LLVM::ReturnOp::create(rewriter, loc, ValueRange{made->getArgument(0)});
    return made;
  }
};

} // namespace

bool kernels::takesCall(func::FuncOp function) {
  return llvm::any_of(function.getArgumentTypes(),
                      [](Type type) { return isa<abi::CallType>(type); });
}

void kernels::addRunSteps(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (takesCall(function))
      return makeRunSteps(module, function);
}

void kernels::populateAbiToLlvmPatterns(LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  converter.addConversion(
      [](abi::CallType type) { return LLVM::LLVMPointerType::get(type.getContext()); });
  patterns.add<BufferToLlvm, RunToLlvm, FieldToLlvm<abi::CountOp, kCount>,
               FieldToLlvm<abi::PositionOp, kPosition>>(converter);
}
