// The vocabulary in which kernel templates are written: vectors of the target's width, column
// masks, loops with values, reductions of fixed order.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_KERNEL_BUILDER_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_KERNEL_BUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace bluec::kernels {

/// What kernels depend on of a target; from the module's `plan.target`.
struct Facts {
  int64_t lanes = 0;     // f32 elements of a vector
  int64_t registers = 0; // vectors that the register file holds
  int64_t l1Bytes = 0;
  int64_t l2Bytes = 0;

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
  /// Room on the stack; to be called before any loop is opened.
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape);

  /// for (i = lower; i < upper; i += step) values = body(i, values); gives the last values.
  Values loop(mlir::Value lower, mlir::Value upper, int64_t step, mlir::ValueRange init,
              llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  /// The same without values.
  void loop(mlir::Value lower, mlir::Value upper, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  /// body(columns) for all columns of a row with `width`: a loop over whole vectors, then the tail.
  void forColumns(int64_t width, llvm::function_ref<void(Columns)> body);
  /// The same with values carried along.
  Values forColumns(int64_t width, mlir::ValueRange init,
                    llvm::function_ref<Values(Columns, mlir::ValueRange)> body);
};

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_KERNEL_BUILDER_H
