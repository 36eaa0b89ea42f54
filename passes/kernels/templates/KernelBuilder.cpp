#include "passes/kernels/templates/KernelBuilder.h"

#include "compiler/dialect/kernel/Kernel.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

Value KernelBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
Value KernelBuilder::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value KernelBuilder::sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value KernelBuilder::mul(Value a, int64_t b) { return createOrFold<arith::MulIOp>(a, index(b)); }
Value KernelBuilder::div(Value a, int64_t b) {
  return b == 1 ? a : createOrFold<arith::DivUIOp>(a, index(b));
}
Value KernelBuilder::rem(Value a, int64_t b) {
  return b == 1 ? index(0) : createOrFold<arith::RemUIOp>(a, index(b));
}
Value KernelBuilder::minimum(Value a, Value b) { return createOrFold<arith::MinSIOp>(a, b); }
Value KernelBuilder::maximum(Value a, Value b) { return createOrFold<arith::MaxSIOp>(a, b); }
Value KernelBuilder::less(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}

Value KernelBuilder::splat(double value) {
  return arith::ConstantOp::create(*this,
                                   DenseElementsAttr::get(vectorType(), static_cast<float>(value)));
}
Value KernelBuilder::scalar(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(static_cast<float>(value)));
}
Value KernelBuilder::broadcast(Value value) {
  return vector::BroadcastOp::create(*this, vectorType(), value);
}
Value KernelBuilder::addf(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
Value KernelBuilder::subf(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
Value KernelBuilder::mulf(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
Value KernelBuilder::divf(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
Value KernelBuilder::maxf(Value a, Value b) {
  Value greater = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(*this, greater, a, b);
}
Value KernelBuilder::minf(Value a, Value b) {
  Value less = arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b);
  return arith::SelectOp::create(*this, less, a, b);
}
Value KernelBuilder::absf(Value a) { return math::AbsFOp::create(*this, a); }
Value KernelBuilder::fma(Value a, Value b, Value c) {
  if (isa<VectorType>(a.getType()))
    return vector::FMAOp::create(*this, a, b, c);
  return math::FmaOp::create(*this, a, b, c);
}
Value KernelBuilder::select(Value mask, Value a, Value b) {
  return arith::SelectOp::create(*this, mask, a, b);
}
Value KernelBuilder::exp(Value x) { return math::ExpOp::create(*this, x); }
Value KernelBuilder::sigmoid(Value x) {
  Value one = splat(1);
  return divf(one, addf(one, exp(arith::NegFOp::create(*this, x))));
}
Value KernelBuilder::tanh(Value x) { return math::TanhOp::create(*this, x); }
Value KernelBuilder::erf(Value x) { return math::ErfOp::create(*this, x); }
Value KernelBuilder::sqrt(Value x) { return math::SqrtOp::create(*this, x); }

/// The lanes of `vector` halved until one is left, `combine` making one vector of two.
static Value foldLanes(KernelBuilder &b, Value vector,
                       llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t lanes = b.facts.lanes; lanes > 1; lanes /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes / 2; ++i) {
      low.push_back(i);
      high.push_back(i + lanes / 2);
    }
    Value lowHalf = vector::ShuffleOp::create(b, vector, vector, low);
    Value highHalf = vector::ShuffleOp::create(b, vector, vector, high);
    vector = combine(lowHalf, highHalf);
  }
  return b.firstLane(vector);
}
Value KernelBuilder::firstLane(Value vector) {
  return vector::ExtractOp::create(*this, vector, ArrayRef<int64_t>{0});
}
Value KernelBuilder::sumLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return addf(a, b); });
}
Value KernelBuilder::maxLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return maxf(a, b); });
}

Value KernelBuilder::splatInt(VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(type, getIntegerAttr(type.getElementType(), value)));
}
Value KernelBuilder::broadcastTo(VectorType type, Value value) {
  return vector::BroadcastOp::create(*this, type, value);
}
Value KernelBuilder::addi(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value KernelBuilder::subi(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value KernelBuilder::muli(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
Value KernelBuilder::andi(Value a, Value b) { return createOrFold<arith::AndIOp>(a, b); }
Value KernelBuilder::ori(Value a, Value b) { return createOrFold<arith::OrIOp>(a, b); }
Value KernelBuilder::shiftLeft(Value a, int64_t bits) {
  return bits == 0 ? a
                   : createOrFold<arith::ShLIOp>(a, splatInt(cast<VectorType>(a.getType()), bits));
}
Value KernelBuilder::shiftRight(Value a, int64_t bits) {
  return bits == 0 ? a
                   : createOrFold<arith::ShRUIOp>(a, splatInt(cast<VectorType>(a.getType()), bits));
}
Value KernelBuilder::shiftRight(Value a, Value bits) {
  return createOrFold<arith::ShRUIOp>(a, bits);
}
Value KernelBuilder::bitcast(Value vector, VectorType type) {
  return createOrFold<vector::BitCastOp>(type, vector);
}
Value KernelBuilder::toFloat(Value ints) {
  auto type = VectorType::get(cast<VectorType>(ints.getType()).getShape(), getF32Type());
  return arith::SIToFPOp::create(*this, type, ints);
}
Value KernelBuilder::extend(Value halves) {
  auto type = VectorType::get(cast<VectorType>(halves.getType()).getShape(), getF32Type());
  return arith::ExtFOp::create(*this, type, halves);
}
Value KernelBuilder::truncate(Value ints, VectorType type) {
  return ints.getType() == type ? ints : arith::TruncIOp::create(*this, type, ints).getResult();
}
Value KernelBuilder::dot(plan::DotAttr type, Value acc, Value lhs, Value rhs, int64_t lhsBits) {
  IntegerAttr bits = lhsBits > 0 ? getI64IntegerAttr(lhsBits) : IntegerAttr();
  auto unitIf = [&](bool holds) { return holds ? getUnitAttr() : UnitAttr(); };
  return kernel::DotOp::create(*this, acc.getType(), acc, lhs, rhs, getI64IntegerAttr(type.getK()),
                               unitIf(type.isLhsUnsigned()), unitIf(type.isRhsUnsigned()), bits);
}

Value KernelBuilder::mma(plan::MmaAttr type, Value acc, Value lhs, Value rhs) {
  auto unitIf = [&](Type side) { return side.isUnsignedInteger() ? getUnitAttr() : UnitAttr(); };
  return kernel::MmaOp::create(*this, acc.getType(), acc, lhs, rhs, getI64IntegerAttr(type.getM()),
                               getI64IntegerAttr(type.getN()), getI64IntegerAttr(type.getK()),
                               unitIf(type.getLhs()), unitIf(type.getRhs()));
}
Value KernelBuilder::shuffle(Value a, Value b, ArrayRef<int64_t> elements) {
  return vector::ShuffleOp::create(*this, a, b, elements);
}

Value KernelBuilder::laneMask(Value count) {
  SmallVector<int32_t> numbers;
  for (int64_t i = 0; i < facts.lanes; ++i)
    numbers.push_back(static_cast<int32_t>(i));
  Value iota = arith::ConstantOp::create(
      *this, DenseIntElementsAttr::get(intVectorType(), ArrayRef<int32_t>(numbers)));
  Value bounded = maximum(index(0), minimum(count, index(facts.lanes)));
  Value bound = arith::IndexCastOp::create(*this, getI32Type(), bounded);
  Value bounds = vector::BroadcastOp::create(*this, intVectorType(), bound);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, iota, bounds);
}

Columns KernelBuilder::columns(Value col, int64_t width) {
  APInt constant;
  if (matchPattern(col, m_ConstantInt(&constant))) {
    int64_t left = width - constant.getSExtValue();
    if (left >= facts.lanes)
      return {col, {}};
    SmallVector<bool> bits;
    for (int64_t i = 0; i < facts.lanes; ++i)
      bits.push_back(i < left);
    return {col, arith::ConstantOp::create(*this, DenseElementsAttr::get(maskType(), bits))};
  }
  return {col, laneMask(sub(index(width), col))};
}

Value KernelBuilder::load(Value memref, ValueRange indices, Value mask) {
  if (!mask)
    return vector::LoadOp::create(*this, vectorType(), memref, indices);
  return vector::MaskedLoadOp::create(*this, vectorType(), memref, indices, mask, splat(0));
}
void KernelBuilder::store(Value vector, Value memref, ValueRange indices, Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(*this, memref, indices, mask, vector);
  else
    vector::StoreOp::create(*this, vector, memref, indices);
}
Value KernelBuilder::loadScalar(Value memref, ValueRange indices) {
  return memref::LoadOp::create(*this, memref, indices);
}
void KernelBuilder::storeScalar(Value value, Value memref, ValueRange indices) {
  memref::StoreOp::create(*this, value, memref, indices);
}
/// The vector of bytes that holds as much as `type`.
static VectorType bytesOf(KernelBuilder &b, VectorType type) {
  int64_t bits = type.getNumElements() * type.getElementTypeBitWidth();
  return VectorType::get(bits / 8, b.getI8Type());
}
Value KernelBuilder::loadBytes(Value buffer, Value offset, VectorType type) {
  return bitcast(vector::LoadOp::create(*this, bytesOf(*this, type), buffer, offset), type);
}
void KernelBuilder::storeBytes(Value vector, Value buffer, Value offset) {
  VectorType bytes = bytesOf(*this, cast<VectorType>(vector.getType()));
  vector::StoreOp::create(*this, bitcast(vector, bytes), buffer, offset);
}
Value KernelBuilder::loadScalarBytes(Value buffer, Value offset, Type type) {
  Value one = loadBytes(buffer, offset, VectorType::get(1, type));
  return vector::ExtractOp::create(*this, one, ArrayRef<int64_t>{0});
}
void KernelBuilder::storeScalarBytes(Value scalar, Value buffer, Value offset) {
  storeBytes(broadcastTo(VectorType::get(1, scalar.getType()), scalar), buffer, offset);
}
Value KernelBuilder::broadcastWord(Value buffer, Value offset, const plan::WordLayout &word,
                                   int64_t storageBits) {
  IntegerType wordType = intType(word.wordBits());
  Value one;
  if (storageBits == word.operandBits) {
    one = loadScalarBytes(buffer, offset, wordType);
  } else {
    auto operand = VectorType::get(word.products, intType(word.operandBits));
    Value narrow = loadBytes(buffer, offset, VectorType::get(word.products, intType(storageBits)));
    Value wide = arith::ExtSIOp::create(*this, operand, narrow);
    one = vector::ExtractOp::create(*this, bitcast(wide, VectorType::get(1, wordType)),
                                    ArrayRef<int64_t>{0});
  }
  return bitcast(broadcastTo(wordsType(word), one), packedType(word, word.operandBits));
}
Value KernelBuilder::repeatLane(Value words, int64_t lane, const plan::WordLayout &word) {
  SmallVector<int64_t> same(static_cast<size_t>(facts.lanes), lane);
  Value repeated = vector::ShuffleOp::create(*this, words, words, same);
  return bitcast(repeated, packedType(word, word.operandBits));
}
void KernelBuilder::prefetchBytes(Value buffer, Value offset) {
  memref::PrefetchOp::create(*this, buffer, offset, /*isWrite=*/false, /*localityHint=*/3,
                             /*isDataCache=*/true);
}
Value KernelBuilder::scratch(ArrayRef<int64_t> shape) {
  return memref::AllocaOp::create(*this, MemRefType::get(shape, getF32Type()), ValueRange{},
                                  getI64IntegerAttr(facts.alignment));
}

Value KernelBuilder::scratchBytes(int64_t bytes) {
  return memref::AllocaOp::create(*this, MemRefType::get(bytes, getI8Type()), ValueRange{},
                                  getI64IntegerAttr(facts.alignment));
}

Values KernelBuilder::loop(Value lower, Value upper, int64_t step, ValueRange init,
                           llvm::function_ref<Values(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(*this, lower, upper, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  Values results = body(op.getInductionVar(), op.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(*this, results);
  return Values(op.getResults());
}
void KernelBuilder::loop(Value lower, Value upper, int64_t step,
                         llvm::function_ref<void(Value)> body) {
  loop(lower, upper, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return Values{};
  });
}
void KernelBuilder::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  body();
}

Values KernelBuilder::forStretches(int64_t total, int64_t step, ValueRange init,
                                   llvm::function_ref<Values(Value, int64_t, ValueRange)> body) {
  int64_t whole = total / step * step;
  Values values(init);
  if (whole == step)
    values = body(index(0), step, values);
  else if (whole > 0)
    values = loop(index(0), index(whole), step, values,
                  [&](Value start, ValueRange carried) { return body(start, step, carried); });
  if (whole < total)
    values = body(index(whole), total - whole, values);
  return values;
}

void KernelBuilder::forColumns(int64_t width, llvm::function_ref<void(Columns)> body) {
  forColumns(width, ValueRange{}, [&](Columns at, ValueRange) {
    body(at);
    return Values{};
  });
}
Values KernelBuilder::forColumns(int64_t width, ValueRange init,
                                 llvm::function_ref<Values(Columns, ValueRange)> body) {
  int64_t whole = width / facts.lanes * facts.lanes;
  Values values(init);
  if (whole == facts.lanes)
    values = body({index(0), {}}, values);
  else if (whole > 0)
    values = loop(index(0), index(whole), facts.lanes, values,
                  [&](Value col, ValueRange carried) { return body({col, {}}, carried); });
  if (whole < width)
    values = body(columns(index(whole), width), values);
  return values;
}
