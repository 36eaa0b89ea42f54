// A scheduled model as plain tables: what entry functions and the model's descriptor are made from.
#ifndef BLUEC_TARGETS_COMMON_MODEL_TABLE_H
#define BLUEC_TARGETS_COMMON_MODEL_TABLE_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bluec::targets {

/// The block of memory that an address is counted from, by its field in struct bluec_call.
enum class Base { Arena, Weights, Cache };

struct Address {
  Base base = Base::Arena;
  int64_t offset = 0; // bytes
};

/// As struct bluec_tensor. A tensor of higher rank than the descriptor allows has its inner dims
/// (from the second on) merged. Quantized rows are bytes: BLUEC_I8, a row's bytes as last dim;
/// quantized keys and values likewise, [B, heads, bytes of a head].
/// `dtype` 0 and no dims: there is no tensor.
struct TensorRow {
  std::string name;
  uint32_t dtype = 0;
  std::vector<int64_t> dims;
  int64_t offset = 0; // bytes in the arena
  int64_t bytes = 0;
};

struct StepRow {
  /// The step runs side by side with the one before it: neither touches what the other, or a step
  /// in between, writes.
  bool joinsPrevious = false;
  std::string name;             // the layer
  std::string kernel;           // symbol
  mlir::AffineMap tasks;        // of count
  std::vector<Address> buffers; // the kernel's pointers in order, the result last
  TensorRow output;
};

struct EntryRow {
  std::string name;
  uint32_t kind = 0;
  uint32_t segment = 0;
  uint32_t device = 0;
  int64_t capacity = 0;
  int64_t arenaBytes = 0;
  std::vector<TensorRow> inputs, outputs;
  std::vector<StepRow> steps;
};

struct SegmentRow {
  std::string name;
  int64_t offset = 0;
  int64_t bytes = 0;
};

struct ModelTable {
  int64_t weightsBytes = 0, cacheBytes = 0, context = 0;
  std::vector<SegmentRow> segments;
  std::vector<std::string> devices; // names, in the order in which entry points name them
  std::vector<EntryRow> entries;
};

/// Reads a module of plan.entry with plan.launch. Fails with an error where an offset is missing or
/// a type has no name in the contract.
mlir::FailureOr<ModelTable> readModelTable(mlir::ModuleOp module);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_COMMON_MODEL_TABLE_H
