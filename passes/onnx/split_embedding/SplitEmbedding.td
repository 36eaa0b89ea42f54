#ifndef BLUEC_PASSES_ONNX_SPLIT_EMBEDDING
#define BLUEC_PASSES_ONNX_SPLIT_EMBEDDING

include "mlir/Pass/PassBase.td"

def SplitEmbedding : Pass<"split-embedding", "::mlir::ModuleOp"> {
  let summary = "cut a decoder that takes token ids behind its table of embeddings";
  let description = [{
    **What it does.** Many packages have one graph from token ids to logits. The rest of the compiler
    knows two: a decoder whose input is "input_ids" is cut behind the Gather that reads its table.
    What leads to that Gather becomes a function of its own with the role `embed`; the decoder takes
    "inputs_embeds" in place of the ids. Where the shape of the ids is read, the first two dims of the
    embeddings are. Types are inferred again.

    **What must have run before.** inline-cached-branch, since the Gather may be in a branch;
    specialize-batch; unpack-quantized, after which a table of integers is read by a Gather, too.

    **What it does not do.** It leaves a decoder of embeddings alone. Ids that anything else reads are
    an error at that node, and so are ids that no table is read by.

    **Before and after.** tests/lit/onnx/split_embedding/
  }];
  let statistics = [
    Statistic<"decodersCut", "decoders-cut", "decoders whose embedding became a function">
  ];
  let dependentDialects = ["::bluec::onnx::OnnxDialect", "::mlir::func::FuncDialect"];
}

#endif // BLUEC_PASSES_ONNX_SPLIT_EMBEDDING
