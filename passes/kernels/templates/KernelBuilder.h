// The vocabulary in which kernel templates are written: vectors of the target's width, column
// masks, loops with values, reductions of fixed order.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_KERNEL_BUILDER_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_KERNEL_BUILDER_H

#include "compiler/dialect/plan/Layouts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace bluec::kernels {

/// What kernels depend on of a target; from the module's `plan.target`.
struct Facts {
  int64_t lanes = 0;     // f32 elements of a vector
  int64_t registers = 0; // vectors that the register file holds
  int64_t l1Bytes = 0;
  int64_t l2Bytes = 0;
  int64_t alignment = 0; // bytes, of every buffer
  int64_t lineBytes = 0;
  // What was measured; see #plan.tuning.
  int64_t floatAheadBytes = 0;
  int64_t quantizedAheadBytes = 0;
  int64_t dotsInFlight = 1;
  bool laneOperands = false;
  plan::TargetAttr target; // for what layouts depend on

  /// Vectors that may be accumulated in registers while `others` are needed beside them.
  int64_t accumulators(int64_t others) const { return std::max<int64_t>(1, registers - others); }
};

using Values = llvm::SmallVector<mlir::Value>;

/// `lanes` columns of a row from `col` on. Without a mask all of them are there.
struct Columns {
  mlir::Value col;
  mlir::Value mask; // vector of i1, or null
};

class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  KernelBuilder(mlir::Location loc, mlir::OpBuilder builder, Facts facts)
      : ImplicitLocOpBuilder(loc, builder), facts(facts) {}

  const Facts facts;

  mlir::VectorType vectorType() { return mlir::VectorType::get(facts.lanes, getF32Type()); }
  mlir::VectorType maskType() { return mlir::VectorType::get(facts.lanes, getI1Type()); }
  mlir::VectorType intVectorType() { return mlir::VectorType::get(facts.lanes, getI32Type()); }
  mlir::IntegerType intType(int64_t bits) { return getIntegerType(static_cast<unsigned>(bits)); }
  /// A word for each lane.
  mlir::VectorType wordsType(const plan::WordLayout &word) {
    return mlir::VectorType::get(facts.lanes, intType(word.wordBits()));
  }
  /// The same bits as integers of `bits`; with those of an operand, the operand of a dot product.
  mlir::VectorType packedType(const plan::WordLayout &word, int64_t bits) {
    return mlir::VectorType::get(facts.lanes * word.wordBits() / bits, intType(bits));
  }

  // Index arithmetic; folds what is constant.
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, index(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value div(mlir::Value a, int64_t b);
  mlir::Value rem(mlir::Value a, int64_t b);
  mlir::Value ceilDiv(mlir::Value a, int64_t b) { return div(add(a, b - 1), b); }
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  mlir::Value maximum(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);

  // Vectors (and, where types agree, scalars) of f32.
  mlir::Value splat(double value);
  mlir::Value scalar(double value);
  mlir::Value broadcast(mlir::Value scalar);
  mlir::Value addf(mlir::Value a, mlir::Value b);
  mlir::Value subf(mlir::Value a, mlir::Value b);
  mlir::Value mulf(mlir::Value a, mlir::Value b);
  mlir::Value divf(mlir::Value a, mlir::Value b);
  mlir::Value maxf(mlir::Value a, mlir::Value b); // b where a is not a number
  mlir::Value minf(mlir::Value a, mlir::Value b);
  mlir::Value absf(mlir::Value a);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value select(mlir::Value mask, mlir::Value a, mlir::Value b);
  mlir::Value exp(mlir::Value x);
  mlir::Value sigmoid(mlir::Value x); // 1 / (1 + exp(-x))
  mlir::Value tanh(mlir::Value x);
  mlir::Value erf(mlir::Value x);
  mlir::Value sqrt(mlir::Value x);

  /// Sum of the lanes, by halves: (v[i] + v[i + n/2]) until one is left.
  mlir::Value sumLanes(mlir::Value vector);
  /// Largest lane.
  mlir::Value maxLanes(mlir::Value vector);

  mlir::Value firstLane(mlir::Value vector);

  // Vectors of integers, and between them and f32.
  mlir::Value splatInt(mlir::VectorType type, int64_t value);
  mlir::Value broadcastTo(mlir::VectorType type, mlir::Value scalar);
  mlir::Value addi(mlir::Value a, mlir::Value b);
  mlir::Value subi(mlir::Value a, mlir::Value b);
  mlir::Value muli(mlir::Value a, mlir::Value b);
  mlir::Value andi(mlir::Value a, mlir::Value b);
  mlir::Value ori(mlir::Value a, mlir::Value b);
  mlir::Value shiftLeft(mlir::Value a, int64_t bits);
  mlir::Value shiftRight(mlir::Value a, int64_t bits); // zeros come in
  mlir::Value shiftRight(mlir::Value a, mlir::Value bits);
  mlir::Value bitcast(mlir::Value vector, mlir::VectorType type);
  mlir::Value toFloat(mlir::Value ints);  // signed i32 to f32, rounded to nearest even
  mlir::Value extend(mlir::Value halves); // f16 or bf16 to f32
  /// The low bits of integers, or all of them where `type` is as wide.
  mlir::Value truncate(mlir::Value ints, mlir::VectorType type);
  /// kernel.mma over tiles that stand side by side in vectors.
  mlir::Value mma(plan::MmaAttr type, mlir::Value acc, mlir::Value lhs, mlir::Value rhs);
  /// The elements of `a`, then of `b`, that have these numbers.
  mlir::Value shuffle(mlir::Value a, mlir::Value b, llvm::ArrayRef<int64_t> elements);
  /// kernel.dot; `lhsBits` bounds the elements of lhs, none of which is negative, 0: not known.
  mlir::Value dot(plan::DotAttr type, mlir::Value acc, mlir::Value lhs, mlir::Value rhs,
                  int64_t lhsBits = 0);

  /// Lanes whose number is less than `count` (an index, may exceed the lanes).
  mlir::Value laneMask(mlir::Value count);
  /// The columns from `col` on of a row with `width`; masked when that is not all of them.
  Columns columns(mlir::Value col, int64_t width);

  mlir::Value load(mlir::Value memref, mlir::ValueRange indices, mlir::Value mask = {});
  void store(mlir::Value vector, mlir::Value memref, mlir::ValueRange indices,
             mlir::Value mask = {});
  mlir::Value loadScalar(mlir::Value memref, mlir::ValueRange indices);
  void storeScalar(mlir::Value value, mlir::Value memref, mlir::ValueRange indices);
  mlir::Value loadBroadcast(mlir::Value memref, mlir::ValueRange indices) {
    return broadcast(loadScalar(memref, indices));
  }

  // Bytes: `buffer` is a memref<?xi8> of one dim, `offset` counts bytes from its start.
  mlir::Value loadBytes(mlir::Value buffer, mlir::Value offset, mlir::VectorType type);
  void storeBytes(mlir::Value vector, mlir::Value buffer, mlir::Value offset);
  mlir::Value loadScalarBytes(mlir::Value buffer, mlir::Value offset, mlir::Type type);
  void storeScalarBytes(mlir::Value scalar, mlir::Value buffer, mlir::Value offset);
  /// A word's worth of integers of `storageBits` at `offset`, in all lanes: one operand of a dot
  /// product, sign-extended where it is wider.
  mlir::Value broadcastWord(mlir::Value buffer, mlir::Value offset, const plan::WordLayout &word,
                            int64_t storageBits);
  /// The word of one lane in all lanes, as an operand of a dot product.
  mlir::Value repeatLane(mlir::Value words, int64_t lane, const plan::WordLayout &word);
  /// Asks for the line that holds the byte at `offset`, which may lie past the buffer's end.
  void prefetchBytes(mlir::Value buffer, mlir::Value offset);

  /// Room on the stack; to be called before any loop is opened.
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape);
  mlir::Value scratchBytes(int64_t bytes);

  /// for (i = lower; i < upper; i += step) values = body(i, values); gives the last values.
  Values loop(mlir::Value lower, mlir::Value upper, int64_t step, mlir::ValueRange init,
              llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  /// The same without values.
  void loop(mlir::Value lower, mlir::Value upper, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  /// values = body(start, length, values) over [0, total) in stretches of `step`: a loop over whole
  /// ones, then what is left, which may be shorter.
  Values forStretches(int64_t total, int64_t step, mlir::ValueRange init,
                      llvm::function_ref<Values(mlir::Value, int64_t, mlir::ValueRange)> body);
  /// body(columns) for all columns of a row with `width`: a loop over whole vectors, then the tail.
  void forColumns(int64_t width, llvm::function_ref<void(Columns)> body);
  /// The same with values carried along.
  Values forColumns(int64_t width, mlir::ValueRange init,
                    llvm::function_ref<Values(Columns, mlir::ValueRange)> body);
};

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_KERNEL_BUILDER_H
