#ifndef BLUEC_PASSES_KERNELS_LOWER_ENTRIES
#define BLUEC_PASSES_KERNELS_LOWER_ENTRIES

include "mlir/Pass/PassBase.td"

def LowerEntries : Pass<"lower-entries", "::mlir::ModuleOp"> {
  let summary = "entry functions and the model's descriptor, as IR that every form of code prints";
  let description = [{
    **What it does.** Every plan.entry becomes functions of func, arith, scf and `abi`:

    - for each launch `ENTRY.stepN(call, begin, end)`, which calls the kernel with the
      launch's buffers;
    - for launches that share a loop `ENTRY.stepsN(call, begin, end)`, over the tasks of all of them, one launch's
      after the other's;
    - `entry.ENTRY(call)`, a straight line of abi.run.

    The module gets one abi.model: its descriptor, with every name and number that the contract has
    (runtime/abi/bluec_abi.h). A tensor of higher rank than the contract allows has its inner
    dims (from the second on) merged. Quantized rows are bytes: i8, a row's bytes as last dim; quantized keys and
    values likewise, [B, heads, bytes of a head].

    **What must have run before.** lower-steps-to-kernels, assign-weights and plan-memory; join-steps, or every
    launch has a loop of its own.

    **What it does not do.** It lays nothing out: sizes and offsets of structs are the printer's, by its target's
    data layout. The hash of the weights is put in once they are written. plan.weight stays, for who writes them.

    **Before and after.** tests/lit/kernels/lower_entries/
  }];
  let options = [
    Option<"producer", "producer", "std::string", "\"bluec\"", "who made the model, with a version">,
    Option<"hidden", "hidden", "int64_t", "0", "width of an embedding">,
    Option<"vocabulary", "vocabulary", "int64_t", "0", "logits">,
    Option<"tokensPerTile", "tokens-per-tile", "int64_t", "0", "tokens of a tile; 0: no pictures">,
    Option<"tileHeight", "tile-height", "int64_t", "0", "pixels">,
    Option<"tileWidth", "tile-width", "int64_t", "0", "pixels">
  ];
  let statistics = [
    Statistic<"numEntries", "entries", "entry points">,
    Statistic<"numSteps", "steps", "launches that became functions">
  ];
  let dependentDialects = ["::bluec::abi::AbiDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect"];
}

#endif // BLUEC_PASSES_KERNELS_LOWER_ENTRIES
