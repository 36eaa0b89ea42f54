// Builds one entry point from the parts of the model that it computes.
#ifndef BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_ENTRYBUILDER_H
#define BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_ENTRYBUILDER_H

#include "passes/schedule/lower_to_plan/Storage.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace bluec {

/// What an entry point is called, computes and has as capacity (tiles or tokens), which segment's
/// weights it reads, and the names of its first input and of its output.
struct EntrySpec {
  std::string name;
  plan::Role role;
  llvm::StringRef segment;
  int64_t capacity;
  llvm::StringRef takes, gives;
};

/// One entry point under construction: make it, add one part of the model after the other, finish.
/// Every failure has been reported at the op that caused it.
class EntryBuilder {
public:
  /// The entry goes to the end of the storage's module.
  EntryBuilder(mlir::ModuleOp module, Storage &storage, plan::TargetAttr target,
               const EntrySpec &spec, int64_t context);

  /// A new input of the entry.
  mlir::Value addInput(llvm::StringRef name, mlir::RankedTensorType type, mlir::Location location);

  /// Lowers `function`, whose first argument stands for `input` (at capacity); gives what stands
  /// for its first result. With `lastRowOnly`, that is computed for the last valid row only.
  /// Positions that the function takes as a tensor become an input of the entry.
  mlir::FailureOr<mlir::Value> addPart(mlir::func::FuncOp function, mlir::Value input,
                                       bool lastRowOnly);

  mlir::LogicalResult finish(mlir::Value output, mlir::Operation *origin);

  int64_t numSteps() const { return steps; }

private:
  mlir::LogicalResult lower(mlir::Operation *op);
  mlir::LogicalResult lowerLinear(mlir::Operation *op, mlir::Value x, mlir::Value weight,
                                  mlir::Value bias, llvm::ArrayRef<mlir::Attribute> reshape);
  mlir::LogicalResult lowerExperts(blue::ExpertLinearOp op);
  mlir::LogicalResult lowerPatchEmbed(blue::PatchEmbedOp op);
  mlir::LogicalResult lowerQuantize(blue::QuantizeOp op);
  mlir::LogicalResult lowerQuantizedGathering(blue::TokenDownsampleOp op);
  mlir::LogicalResult lowerEmbedding(blue::EmbeddingOp op);
  mlir::LogicalResult lowerAttention(blue::AttentionOp op);
  std::pair<mlir::Value, mlir::Value> packed(blue::AttentionOp op, mlir::Value key,
                                             mlir::Value value, int64_t headDim);
  mlir::LogicalResult lowerByClone(mlir::Operation *op);
  mlir::LogicalResult addPositions(mlir::func::FuncOp function);
  mlir::LogicalResult checkPositions(mlir::Operation *op, mlir::Value at, mlir::Value table,
                                     llvm::SmallVectorImpl<mlir::Attribute> &slice);
  mlir::LogicalResult checkTable(mlir::Operation *op, mlir::Value table,
                                 llvm::SmallVectorImpl<mlir::Attribute> &slice);

  /// What stands for a blue tensor in this entry: a step's result, an input or a weight.
  mlir::FailureOr<mlir::Value> mapped(mlir::Value value, mlir::Operation *user);
  /// A weight, in panels for activations of type `dot` unless that is null.
  mlir::FailureOr<mlir::Value> weightValue(mlir::Value value, llvm::ArrayRef<mlir::Attribute> extra,
                                           mlir::Type dot, mlir::Operation *user);
  mlir::FailureOr<mlir::Value> lastRowOf(mlir::Value value, mlir::Operation *user);
  mlir::Value quantized(blue::QuantizeOp op, mlir::Value x);
  mlir::Value storageValue(mlir::Operation *symbol, mlir::Type type);
  /// Static: the dynamic first dim is the capacity, or 1 for ops computed on the last row only.
  mlir::FailureOr<mlir::RankedTensorType> specialised(mlir::Value value, mlir::Operation *user,
                                                      int64_t rows);
  void findLastRowOps(mlir::func::FuncOp function);

  using BodyFn = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)>;
  /// A step whose body is what `body` builds from the block arguments. Its value is called after
  /// `origin`, or after `named` if given; `suffix` marks a value that blue does not have; a step
  /// without `result` has no value.
  mlir::Value addStep(mlir::Operation *origin, llvm::StringRef suffix, mlir::ValueRange operands,
                      mlir::Type result, BodyFn body, mlir::Operation *named = nullptr);

  mlir::ModuleOp module;
  Storage &storage;
  plan::TargetAttr target;
  mlir::OpBuilder builder;
  plan::EntryOp entry;
  const EntrySpec &spec;
  int64_t capacity;
  int64_t context;
  llvm::SmallVector<llvm::StringRef> inputs; // names
  int64_t steps = 0;
  int64_t layers = 0; // attention layers with a cache so far
  mlir::Operation *lastStorage = nullptr;
  llvm::DenseMap<mlir::Operation *, mlir::Value> storageValues;

  // Of the part that is being lowered.
  std::unique_ptr<blue::LayerNames> names;
  mlir::Value position;
  llvm::DenseMap<mlir::Value, mlir::Value> values;
  llvm::DenseSet<mlir::Operation *> lastRowOps;
  llvm::DenseMap<mlir::Value, mlir::Value> lastRows;
};

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_ENTRYBUILDER_H
