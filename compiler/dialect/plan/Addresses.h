// Where the values of an entry point are in memory, once assign-weights and plan-memory have run.
#ifndef BLUEC_COMPILER_DIALECT_PLAN_ADDRESSES_H
#define BLUEC_COMPILER_DIALECT_PLAN_ADDRESSES_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/SymbolTable.h"

namespace bluec::plan {

/// The block of memory that an address is counted from.
enum class Base { Arena, Weights, Cache };

struct ByteRange {
  Base base = Base::Arena;
  int64_t offset = 0; // bytes
  int64_t bytes = 0;

  bool overlaps(const ByteRange &other) const {
    return base == other.base && offset < other.offset + other.bytes &&
           other.offset < offset + bytes;
  }
};

/// The bytes of a value in the body of `entry`: an input, a weight, a cache or a launch's result.
/// Fails with an error at the value where its offset is missing.
mlir::FailureOr<ByteRange> rangeOf(mlir::Value value, EntryOp entry,
                                   const mlir::SymbolTable &symbols);

/// What a launch reads and what it writes: its result, or the caches when it has none.
struct Access {
  llvm::SmallVector<ByteRange> reads, writes;

  /// True if one of the two writes what the other reads or writes.
  bool conflicts(const Access &other) const;
};
mlir::FailureOr<Access> accessOf(LaunchOp launch, EntryOp entry, const mlir::SymbolTable &symbols);

/// Tasks of a call that has `count` valid rows.
int64_t tasksOf(LaunchOp launch, int64_t count);

} // namespace bluec::plan

#endif // BLUEC_COMPILER_DIALECT_PLAN_ADDRESSES_H
