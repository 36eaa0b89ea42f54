// A plan as the descriptor of a model.
#ifndef BLUEC_PASSES_KERNELS_LOWER_ENTRIES_MODEL_DESCRIPTOR_H
#define BLUEC_PASSES_KERNELS_LOWER_ENTRIES_MODEL_DESCRIPTOR_H

#include "compiler/dialect/abi/Abi.h"
#include "passes/kernels/lower_entries/EntryFunctions.h"

namespace bluec::kernels {

/// Fills an abi.model that has no more than its attributes.
class ModelDescriptor {
public:
  ModelDescriptor(abi::ModelOp model, const mlir::SymbolTable &symbols);

  /// Fails with an error on the module, where its segments are not what they should be.
  mlir::LogicalResult addSegments(mlir::ModuleOp module);
  /// Fails with an error at the op whose offset is missing, or whose type has no name in the
  /// contract.
  mlir::LogicalResult addEntry(plan::EntryOp entry, EntryFunctions functions);

private:
  void addDevice(plan::EntryOp entry);
  mlir::FailureOr<abi::TensorAttr> tensorOf(mlir::Value value, plan::EntryOp entry,
                                            llvm::StringRef name);
  mlir::LogicalResult addTensors(mlir::ValueRange values, mlir::ArrayAttr names,
                                 plan::EntryOp entry,
                                 llvm::SmallVectorImpl<mlir::Attribute> &tensors);

  abi::ModelOp model;
  const mlir::SymbolTable &symbols;
  mlir::OpBuilder b;
  llvm::SmallVector<llvm::StringRef> segments, devices; // their names
};

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_LOWER_ENTRIES_MODEL_DESCRIPTOR_H
