// One plan.step in the making: the function that is to compute it, its buffers, and the fused ops
// that end it.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_STEP_KERNEL_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_STEP_KERNEL_H

#include "compiler/dialect/plan/Plan.h"
#include "passes/kernels/templates/KernelBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"

namespace bluec::kernels {

/// A tensor of rank >= 1 as rows: all dims but the last, times the last.
struct RowShape {
  int64_t rows = 1;
  int64_t cols = 1;
};
RowShape rowShape(mlir::Type tensor);

/// The op that gives a step its kind, or null when the step is a chain of elementwise ops only.
/// plan.append_keys after a rope counts as part of the rope.
mlir::Operation *rootOf(plan::StepOp step);

class StepKernel {
public:
  /// `func` has the arguments that signature() gives, and an empty body.
  StepKernel(plan::StepOp step, int64_t capacity, mlir::func::FuncOp func, Facts facts);

  /// Argument types of a step's kernel: a memref for each operand and for the result, then count,
  /// position, begin and end. Tensors are seen as [rows, cols], those with a shape of their own
  /// (panels, packed keys, pictures, ids) as they are, and quantized ones as bytes, [bytes] of i8
  /// in the layout of Layouts.h.
  static mlir::SmallVector<mlir::Type> signature(plan::StepOp step);

  plan::StepOp step;
  const int64_t capacity;
  KernelBuilder b;
  mlir::Operation *root;     // may be null, see rootOf
  plan::QuantizeOp quantize; // that ends the step, perhaps the root itself, or null

  /// The memref of one of the step's block arguments.
  mlir::Value buffer(mlir::Value argument);
  mlir::Value result;   // memref, or null when the step has no result
  mlir::Value count;    // valid leading rows of the call
  mlir::Value position; // tokens in the KV cache before the call
  mlir::Value begin;    // first task
  mlir::Value end;      // past the last task
  /// Room for a row of f32 that waits to be quantized; null where nothing has to wait, or the row
  /// is too long for the stack.
  mlir::Value rowScratch;

  /// Shape of the result as rows.
  RowShape shape() { return rowShape(step->getResult(0).getType()); }
  /// Rows of `tensor` (as rows) for each valid leading row, or nullopt when its first dim is not
  /// the capacity, so that all of its rows are always valid.
  std::optional<int64_t> rowsPerCount(mlir::Type tensor) const;
  /// Number of valid rows of `tensor`, for this call.
  mlir::Value validRows(mlir::Type tensor);
  /// The same as an expression in `count`, for the number of tasks.
  mlir::AffineExpr validRowsExpr(mlir::Type tensor) const;
  mlir::AffineExpr constantExpr(int64_t value) const;

  /// Number of tasks as an expression in `count` (d0). Every template sets it.
  mlir::AffineExpr tasks;

  /// Runs the ops that follow the root on `value`, which is the root's result at (row, at), and
  /// stores what they make.
  void finish(mlir::Value value, mlir::Value row, Columns at);
  /// The same without the store.
  mlir::Value finished(mlir::Value value, mlir::Value row, Columns at);
  /// For a template that makes whole rows: runs the ops after the root on a row and stores the
  /// result, quantized if the step ends so. `rootValue` gives the root's result by columns; it may
  /// be asked twice.
  void finishRow(mlir::Value row, llvm::function_ref<mlir::Value(Columns)> rootValue);
  /// Asks for the line at (row, col) of the result and of each full-size operand that the ops after
  /// the root read: for a template that computes for long before it finishes. Results of f32 only.
  void prefetchFinish(mlir::Value row, mlir::Value col);
  /// True if ops with a polynomial in them follow the root: too much code to repeat for each
  /// vector of a register tile.
  bool hasCostlyChain();
  /// True if anything follows the root.
  bool hasChain();

  /// `value` (a value of the step's body of elementwise ops and arguments only) at (row, at).
  mlir::Value evaluate(mlir::Value value, mlir::Value row, Columns at);

private:
  mlir::Value evaluate(mlir::Value value, mlir::Value row, Columns at,
                       llvm::DenseMap<mlir::Value, mlir::Value> &known);
  mlir::func::FuncOp func;
};

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_STEP_KERNEL_H
