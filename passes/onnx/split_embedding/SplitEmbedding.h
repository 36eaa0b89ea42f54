// Cuts decoders behind their table of embeddings; the description is in SplitEmbedding.td.
#ifndef BLUEC_PASSES_ONNX_SPLIT_EMBEDDING_SPLITEMBEDDING_H
#define BLUEC_PASSES_ONNX_SPLIT_EMBEDDING_SPLITEMBEDDING_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/split_embedding/SplitEmbedding.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_SPLIT_EMBEDDING_SPLITEMBEDDING_H
