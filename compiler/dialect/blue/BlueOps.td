// The `blue` dialect: the model as a multimodal LLM, on tensors. It is the waist of the compiler:
// every importer raises to it, every schedule is made from it. See README.md in this folder.
#ifndef BLUEC_DIALECT_BLUE_OPS
#define BLUEC_DIALECT_BLUE_OPS

include "compiler/dialect/blue/BlueTypes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Blue_Dialect : Dialect {
  let name = "blue";
  let cppNamespace = "::bluec::blue";
  let summary = "Layers of a multimodal LLM on tensors";
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

class Blue_Op<string mnemonic, list<Trait> traits = []> : Op<Blue_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}
class Blue_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Blue_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Blue_Role : I32EnumAttr<"Role", "which part of a model a function is", [
    I32EnumAttrCase<"Vision", 0, "vision">,
    I32EnumAttrCase<"Embed", 1, "embed">,
    I32EnumAttrCase<"Decoder", 2, "decoder">]> {
  let cppNamespace = "::bluec::blue";
  let genSpecializedAttr = 0;
}
def Blue_RoleAttr : EnumAttr<Blue_Dialect, Blue_Role, "role"> {
  let summary = "which part of a model a function is";
  let description = [{
    Stands on a func.func as `blue.role`: `vision` makes features of pictures, `embed` embeddings of
    token ids, `decoder` logits of embeddings.

    ```mlir
    #blue.role<vision>
    ```
  }];
  let assemblyFormat = "`<` $value `>`";
}

//===----------------------------------------------------------------------------------------===//
// Precision
//===----------------------------------------------------------------------------------------===//

def Blue_QuantizedType : TypeDef<Blue_Dialect, "Quantized"> {
  let mnemonic = "quantized";
  let summary = "an element held as an integer, with a scale for each group of neighbours";
  let description = [{
    Elements x of a tensor's last dim are held as integers q in groups of `group` neighbours (0, spelled
    `row`: the whole last dim; the last group of a row may be shorter):

        x[.., k] = scale[.., k / group] * (q[.., k] - zero[.., k / group])

    `storage` is i4, i8 or i16 (signed). Without `zeros` every zero is 0; with them a group has a
    zero of its own, an integer of the storage's range. `scale` is the type of the scales, f16 or
    f32.

    Weights quantize to -2^(b-1) .. 2^(b-1) - 1, activations and KV caches to the symmetric range
    -(2^(b-1) - 1) .. 2^(b-1) - 1.

    ```mlir
    tensor<2304x5760x!blue.quantized<i4 group 64 scale f16>>         // a weight
    tensor<?x2304x!blue.quantized<i16 group row scale f32>>          // activations by token
    tensor<?x2304x!blue.quantized<i8 group 64 scale f16>>            // keys by token and head
    tensor<64x192x!blue.quantized<i4 group 32 scale f16 zeros>>      // with zero points
    ```
  }];
  let parameters = (ins "::mlir::IntegerType":$storage, "int64_t":$group, "::mlir::FloatType":$scale,
                        "bool":$zeros);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bits of a stored integer.
    int64_t getBits() { return getStorage().getWidth(); }
    /// Elements that share a scale in rows of `k` elements.
    int64_t groupIn(int64_t k) { return getGroup() == 0 ? k : getGroup(); }
    /// Scales of a row of `k` elements.
    int64_t groupsIn(int64_t k) { return getGroup() == 0 ? 1 : (k + getGroup() - 1) / getGroup(); }
  }];
}

//===----------------------------------------------------------------------------------------===//
// Weights: named, never held. A source says which bytes of which file; transforms say what is done
// to them, in order, when weights.bin is written.
//===----------------------------------------------------------------------------------------===//

def Blue_SourceAttr : Blue_Attr<"Source", "source"> {
  let summary = "where the bytes of a weight are";
  let description = [{
    `file` is relative to the model directory, `offset` in bytes; the bytes are the dense row-major
    little-endian elements of `type`. Range and path have been checked by the importer.

    ```mlir
    #blue.source<"decoder_model_merged.onnx_data" at 4096 : tensor<192x480xf16>>
    ```
  }];
  let parameters = (ins StringRefParameter<"">:$file, "int64_t":$offset,
                        "::mlir::RankedTensorType":$type);
  let assemblyFormat = "`<` $file `at` $offset `:` $type `>`";
}

// The transforms. Each maps the type before it to the type after it (see WeightTransforms.h).
def Blue_TransposeAttr : Blue_Attr<"Transpose", "transpose"> {
  let summary = "permute dimensions: result dim i is source dim permutation[i]";
  let parameters = (ins ArrayRefParameter<"int64_t">:$permutation);
  let assemblyFormat = "`<` `[` $permutation `]` `>`";
}
def Blue_ReshapeAttr : Blue_Attr<"Reshape", "reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape);
  let assemblyFormat = "`<` `[` $shape `]` `>`";
}
def Blue_SliceAttr : Blue_Attr<"Slice", "slice"> {
  let summary = "elements [begin, end) of one dimension";
  let parameters = (ins "int64_t":$axis, "int64_t":$begin, "int64_t":$end);
  let assemblyFormat = "`<` $axis `:` $begin `to` $end `>`";
}
def Blue_ConvertAttr : Blue_Attr<"Convert", "convert"> {
  let summary = "convert every element to another element type";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}
def Blue_ScaleAttr : Blue_Attr<"Scale", "scale"> {
  let summary = "multiply every element by a factor";
  let parameters = (ins "::mlir::FloatAttr":$factor);
  let assemblyFormat = "`<` $factor `>`";
}
def Blue_OffsetAttr : Blue_Attr<"Offset", "offset"> {
  let summary = "add a constant to every element";
  let parameters = (ins "::mlir::FloatAttr":$addend);
  let assemblyFormat = "`<` $addend `>`";
}

def Blue_MultiplyAttr : Blue_Attr<"Multiply", "multiply"> {
  let summary = "multiply by another weight from the left: result = other * this";
  let description = [{
    `other` is `source` after `transforms`, [N, M]; the weight so far is [M, K], and the result
    [N, K] of f32: two linear layers in a row as one. Each element is a sum over m in order, in
    double, rounded once.

    ```mlir
    // the weight of y = V * (W * x)
    %w = blue.weight "v_times_w" <"m.onnx" at 0 : tensor<576x288xf32>>
           [#blue.transpose<[1, 0]>,
            #blue.multiply<#blue.source<"m.onnx" at 663552 : tensor<192x288xf32>>, []>]
           : tensor<192x576xf32>
    ```
  }];
  let parameters = (ins "::bluec::blue::SourceAttr":$source, "::mlir::ArrayAttr":$transforms);
  let assemblyFormat = "`<` $source `,` $transforms `>`";
}
def Blue_AddAttr : Blue_Attr<"Add", "add"> {
  let summary = "add another weight of the same shape, element by element";
  let description = [{
    The other one is `source` after `transforms`. The result is of f32, each sum rounded once.
  }];
  let parameters = (ins "::bluec::blue::SourceAttr":$source, "::mlir::ArrayAttr":$transforms);
  let assemblyFormat = "`<` $source `,` $transforms `>`";
}

def Blue_QuantizeMethod : I32EnumAttr<"QuantizeMethod", "how a weight's integers are found", [
    I32EnumAttrCase<"Nearest", 0, "nearest">,
    I32EnumAttrCase<"Search", 1, "search">,
    I32EnumAttrCase<"Gptq", 2, "gptq">,
    I32EnumAttrCase<"Keep", 3, "keep">]> {
  let cppNamespace = "::bluec::blue";
}
def Blue_QuantizeAttr : Blue_Attr<"Quantize", "quantize"> {
  let summary = "quantize every row of a float weight to another element type";
  let description = [{
    The last transform of a quantized weight, whose rows are all dims but the last. `method`: `nearest` (the scale that covers the group's
    largest element), `search` (of several scales the one with the least squared error), `gptq`
    (errors are passed on to the columns that follow, by the statistics of a calibration run, which
    the compiler holds under the weight's name), `keep` (the source is quantized already, in exactly
    this type: its integers, scales and zeros stay).
  }];
  let parameters = (ins "::bluec::blue::QuantizedType":$type, "::bluec::blue::QuantizeMethod":$method);
  let assemblyFormat = "`<` $type `,` custom<Method>($method) `>`";
}

def Blue_DequantizeAttr : Blue_Attr<"Dequantize", "dequantize"> {
  let summary = "the integers of a weight that is quantized in its file, as floats";
  let description = [{
    Elements are integers q of 4 or 8 bits; `blocks` says for each dim how many neighbours share a
    scale. Element [i, j, ...] becomes

        scales[i / blocks[0], j / blocks[1], ...] * (q[i, j, ...] - zeros[i / blocks[0], ...])

    `scales` and `zeros` are sources (#blue.source) or dense elements of the elements' rank; they may
    be larger than the blocks need (rows padded to bytes). Zeros have the elements' type; without
    them they are 0. The result has the scales' type, but is held in f32 and not rounded to less:
    what the integers and scales say, whatever type a half-precision graph gives it.

    ```mlir
    // MatMulNBits, 4 bits, blocks of 32
    %w = blue.weight "q_proj" <"m.onnx_data" at 0 : tensor<64x192xui4>>
           [#blue.dequantize<[1, 32], #blue.source<"m.onnx_data" at 6144 : tensor<64x6xf16>>,
                             dense<8> : tensor<64x6xui4>>, #blue.convert<f32>] : tensor<64x192xf32>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$blocks, "::mlir::Attribute":$scales,
                        OptionalParameter<"::mlir::Attribute">:$zeros);
  let assemblyFormat = "`<` `[` $blocks `]` `,` $scales (`,` $zeros^)? `>`";
}

def Blue_WeightOp : Blue_Op<"weight", [Pure]> {
  let summary = "a weight of the model, by name";
  let description = [{
    The value is `source` after `transforms`, applied in order.

    Constraints:
    - (C1) every transform accepts the type that the one before it makes
    - (C2) the last type is the result type

    ```mlir
    %w = blue.weight "layers.0.q_proj" <"m.onnx" at 64 : tensor<192x64xf16>>
           [#blue.transpose<[1, 0]>, #blue.convert<f32>] : tensor<64x192xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, Blue_SourceAttr:$source,
                       DefaultValuedAttr<ArrayAttr, "{}">:$transforms);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$name $source ($transforms^)? attr-dict `:` type($result)";
}

def Blue_ConstantOp : Blue_Op<"constant", [Pure]> {
  let summary = "a value that the compiler computed, such as a table of rotary angles";
  let description = [{
    Large values are dense resources, which dumps elide.

    Constraints:
    - (C1) the value's type is the result type
  }];
  let arguments = (ins OptionalAttr<StrAttr>:$name, ElementsAttr:$value);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "($name^)? $value attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------------------------===//

def Blue_QuantizeOp : Blue_Op<"quantize", [Pure]> {
  let summary = "activations as integers, by token or by groups of a token";
  let description = [{
    For each row and group, with Q = 2^(b-1) - 1 of the result's storage:
    dynamic:             scale = max |x| / Q, rounded to the scale's type
    with `static_scale`: scale = static_scale, the same for all rows
    q = round(x / scale), ties to even, clamped to -Q .. Q; all q are 0 where scale is 0.

    Constraints:
    - (C1) the result has x's shape and quantized elements without zeros
    - (C2) static_scale, if there, is positive
  }];
  let arguments = (ins Blue_FloatTensor:$x, OptionalAttr<F64Attr>:$static_scale);
  let results = (outs Blue_QuantizedTensor:$result);
  let assemblyFormat = "$x (`scale` $static_scale^)? attr-dict `:` functional-type(operands, results)";
}

def Blue_LinearOp : Blue_Op<"linear", [Pure]> {
  let summary = "y = x * transpose(w) + b over the last dimension";
  let description = [{
    `x` is [..., K], `weight` is [N, K] (rows are output channels), `bias` is [N], the result is
    [..., N]. Quantized operands stand for the numbers that their elements mean; the sum of products
    within the groups of both is a sum of integers, exact, and sums of groups are floats.

    Constraints:
    - (C1) weight has rank 2 and its dim 1 is x's last dim
    - (C2) bias, if there, is [N]
    - (C3) the result is x's shape with N as last dim
    - (C4) a quantized x has no zeros, and meets a quantized weight
  }];
  let arguments = (ins Blue_NumberTensor:$x, Blue_NumberTensor:$weight,
                       Optional<Blue_FloatTensor>:$bias);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$x `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)";
}

def Blue_RouteOp : Blue_Op<"route", [Pure, SameOperandsAndResultType]> {
  let summary = "which experts a row goes to, and what each counts there";
  let description = [{
    `logits` is [T, E]: how well each of E experts suits a row. A row goes to the `chosen` experts of
    its largest logits; of equal ones, to the last. With p = softmax of the row over all E,

        result[t, e] = p[e], with `normalized` p[e] / (sum of p over the row's experts)

    for these experts, and 0 for all others. So a row needs its own E logits and no other row.

    Constraints:
    - (C1) logits is [T, E], and chosen is 1 to E

    ```mlir
    %r = blue.route %logits {chosen = 2 : i64, normalized} : tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Blue_FloatTensor:$logits, I64Attr:$chosen, UnitAttr:$normalized);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$logits attr-dict `:` type($result)";
}

def Blue_ExpertLinearOp : Blue_Op<"expert_linear", [Pure]> {
  let summary = "a linear layer whose weight depends on the experts that a row goes to";
  let description = [{
    `weight` is [E, N, K], the weight [N, K] of each expert; `bias` is [E, N]. `routing` is [T, E], as
    blue.route makes it: a row's experts are those that are not 0 there, in order, k at most. With
    e(j) the j-th of them,

        x [T, K],    result [T, k, N]:  result[t, j] = weight[e(j)] * x[t] + bias[e(j)]
        x [T, k, K], result [T, N]:     result[t] = sum_j routing[t, e(j)] * (weight[e(j)] * x[t, j]
                                                                             + bias[e(j)])

    The first form gives each of a row's experts a place of its own, the second one adds the places up.
    A place without an expert is 0 in the first and adds nothing in the second. No other expert's
    weight is read. The layers of one row are in the order of its experts' numbers, so that nothing
    depends on which rows are computed together.

    Constraints:
    - (C1) weight is [E, N, K] with the K of x
    - (C2) routing is [T, E] with the T of x
    - (C3) bias, if there, is [E, N]
    - (C4) x is [T, K] and the result [T, k, N], or x is [T, k, K] and the result [T, N], for a k of 1
      to E
    - (C5) a quantized x has no zeros and meets a quantized weight

    ```mlir
    %h = blue.expert_linear %x, %up, %r
           : (tensor<?x64xf32>, tensor<8x96x64xf32>, tensor<?x8xf32>) -> tensor<?x2x96xf32>
    %y = blue.expert_linear %h, %down, %r
           : (tensor<?x2x96xf32>, tensor<8x64x96xf32>, tensor<?x8xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Blue_NumberTensor:$x, Blue_NumberTensor:$weight, Blue_FloatTensor:$routing,
                       Optional<Blue_FloatTensor>:$bias);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$x `,` $weight `,` $routing (`,` $bias^)? attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    /// Whether a row's places are added up.
    bool isSum() { return getX().getType().getRank() == 3; }
  }];
}

def Blue_RmsNormOp : Blue_Op<"rms_norm", [Pure, SameOperandsAndResultElementType]> {
  let summary = "y = x / sqrt(mean(x^2) + epsilon) * weight over the last dimension";
  let description = [{
    With `groups`, each of so many equal parts of the last dim is a norm of its own: the heads of
    queries and keys.

    Constraints:
    - (C1) weight is [C], C being x's last dim, or [C / groups], the same for all groups
    - (C2) the result has x's type
    - (C3) epsilon is not negative
    - (C4) groups is positive and divides C
  }];
  let arguments = (ins Blue_FloatTensor:$x, Blue_FloatTensor:$weight, F64Attr:$epsilon,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x `,` $weight attr-dict `:` functional-type(operands, results)";
}

def Blue_LayerNormOp : Blue_Op<"layer_norm", [Pure, SameOperandsAndResultElementType]> {
  let summary = "y = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias over the last dimension";
  let description = [{
    The variance is the biased one (divided by the count). `groups` is as of blue.rms_norm.

    Constraints:
    - (C1) weight, and bias if there, are [C], C being x's last dim, or [C / groups]
    - (C2) the result has x's type
    - (C3) epsilon is not negative
    - (C4) groups is positive and divides C
  }];
  let arguments = (ins Blue_FloatTensor:$x, Blue_FloatTensor:$weight,
                       Optional<Blue_FloatTensor>:$bias, F64Attr:$epsilon,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$x `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)";
}

def Blue_RopeOp : Blue_Op<"rope", [Pure]> {
  let summary = "rotary position embedding of heads";
  let description = [{
    `x` is [T, heads * D]. `position` says where its rows stand: an index, from which on they are
    consecutive (row t at position + t), or [T], the position of each row, or [T, axes]. `cos` and `sin`
    are [positions, R / 2]: the angles' cosines and sines by position; the first R dims of each head are
    rotated, the rest pass through. With D2 = R / 2 and c, s the table's row:
    half-split (rotate_half):  y[i] = x[i] c[i] - x[i + D2] s[i];  y[i + D2] = x[i + D2] c[i] + x[i] s[i]
    interleaved:               the same on pairs (2i, 2i + 1).

    With positions on several axes (as in M-RoPE: time, height, width), `axes` says which of them each of
    the R / 2 angles follows: angle i takes c[i] and s[i] of the table's row of its axis' position.

    In an encoder `x` is [B, T, heads * D] and there is no position: row t of every picture takes row t
    of the tables, which hold the places of a picture's tokens (on however many axes).

    Constraints:
    - (C1) x has rank 2 or 3 and its last dim is a multiple of num_heads; D = that quotient
    - (C2) cos and sin have the same static shape [P, R / 2] with R <= D
    - (C3) the result has x's type
    - (C4) positions are of integers and have x's rows; those on axes come with `axes`, R / 2 numbers of
      axes, and no others do
    - (C5) x of rank 3 has no position and P tokens; x of rank 2 has one

    ```mlir
    %y = blue.rope %x, %cos, %sin at %position {num_heads = 4} : (..., index) -> tensor<?x64xf32>
    %z = blue.rope %x, %cos, %sin at %places {num_heads = 4, axes = array<i64: 0, 0, 1, 1, 1, 2, 2, 2>}
      : (..., tensor<?x3xi32>) -> tensor<?x64xf32>
    %v = blue.rope %tokens, %cos, %sin {num_heads = 4} : (...) -> tensor<?x36x64xf32>
    ```
  }];
  let arguments = (ins Blue_FloatTensor:$x, Blue_FloatTensor:$cos, Blue_FloatTensor:$sin,
                       Optional<AnyTypeOf<[Index, Blue_IndexTensor]>>:$position, I64Attr:$num_heads,
                       UnitAttr:$interleaved, OptionalAttr<DenseI64ArrayAttr>:$axes);
  let builders = [
    OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$x, "::mlir::Value":$cos,
                   "::mlir::Value":$sin, "::mlir::Value":$position, "int64_t":$num_heads,
                   CArg<"bool", "false">:$interleaved,
                   CArg<"::llvm::ArrayRef<int64_t>", "{}">:$axes)>
  ];
  let extraClassDeclaration = [{
    /// Whether rows stand one behind the other from `position` on.
    bool isConsecutive() { return getPosition() && getPosition().getType().isIndex(); }
  }];
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$x `,` $cos `,` $sin (`at` $position^)? attr-dict `:` functional-type(operands, results)";
}

def Blue_PositionEmbeddingOp
    : Blue_Op<"position_embedding", [Pure]> {
  let summary = "add to each row the table's row of its position: y[t] = x[t] + table[position + t]";
  let description = [{
    Learned position embeddings of a decoder; `position` is that of the first row.

    Constraints:
    - (C1) x is [T, C] and table a static [P, C]
    - (C2) the result has x's type

    ```mlir
    %y = blue.position_embedding %x, %table at %position : (..., index) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Blue_FloatTensor:$x, Blue_FloatTensor:$table, Index:$position);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$x `,` $table `at` $position attr-dict `:` functional-type(operands, results)";
}

def Blue_AttentionOp : Blue_Op<"attention", [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "scaled dot-product attention with grouped heads and, in decoders, a KV cache";
  let description = [{
    Query head h reads key/value head h / (num_heads / num_kv_heads).
    result[t, h] = softmax_j(scale * dot(query[t, h], key[j, h'])) * value[j, h'].
    Heads lie side by side in the last dim.

    - With `softcap` c, a score s counts as c tanh(s / c).
    - With `sinks`, head h has one more score, sinks[h], in the softmax's sum, and no value for it.
    - With `window` w, row t attends to the last w of its positions only, its own included.

    In a decoder `query` is [T, num_heads * D] and `past_key`/`past_value` are [P, num_kv_heads * D]:
    keys and values of the positions before. `present_key` and `present_value` are the past with
    `key` and `value` appended, and row t attends to positions 0 .. P + t (causal).
    A past may be quantized: to i8, a group a head. Its present then is so too: `key` and `value`
    are quantized (as blue.quantize does) when they are appended, and every product is with what the
    cache holds, the call's own rows included. With `compute_type` (i8 or i16) the query is
    quantized to it by token and head, before its products. So are the softmax's weights, by row and
    block of positions; a plain evaluator takes the weights as they are.

    Beside a quantized past keys may have a part that is known for every position and is not in the
    past (lift-key-bias): with `key_basis` b and `key_table` t, the key of position j has
    sum_n t[j, n] b[h', n] more than what the past holds. Its products with the query are of floats:
    dot(query[t, h], b[h', n]) once for a row, times t[j, n].

    In an encoder there is no past, tensors are [B, T, heads * D], and every row of a batch element
    attends to all rows of it (not causal). With `compute_type` query, key and value are quantized
    by token and head, with scales of f32: i8 as blue.quantize does; i16 so that no sum of products
    overflows. The scale of i16 is max(max |x| / 32767, |x| / 46300) for query and key, |x| being
    the Euclidean norm, and max |x| / 8191 for value. The softmax's weights are quantized as above.

    Constraints:
    - (C1) num_heads is a multiple of num_kv_heads
    - (C2) query's last dim is num_heads * D, key's and value's num_kv_heads * D, for one D
    - (C3) past_key and past_value come together, and with present_key and present_value
    - (C4) with a past: rank 2 and causal; without: rank 2 or 3
    - (C5) the result has query's type; a present has rank 2, the past's last dim and element type
    - (C6) a quantized past is i8 without zeros, in groups of D, keys and values alike
    - (C7) compute_type, if there, is i8 or i16, and the past, if there, is quantized
    - (C8) softcap and window, if there, are positive, and the latter comes with causal
    - (C9) sinks, if there, are [num_heads]
    - (C10) key_basis and key_table come together, and beside a quantized past: [num_kv_heads, N, D]
      and a static [P, N] for one N of 1 to 128
  }];
  let arguments = (ins Blue_FloatTensor:$query, Blue_FloatTensor:$key, Blue_FloatTensor:$value,
                       Optional<Blue_NumberTensor>:$past_key,
                       Optional<Blue_NumberTensor>:$past_value, Optional<Blue_FloatTensor>:$sinks,
                       Optional<Blue_FloatTensor>:$key_basis,
                       Optional<Blue_FloatTensor>:$key_table, I64Attr:$num_heads, I64Attr:$num_kv_heads, F64Attr:$scale,
                       UnitAttr:$causal, OptionalAttr<I64Attr>:$window,
                       OptionalAttr<F64Attr>:$softcap, OptionalAttr<TypeAttr>:$compute_type);
  let results = (outs Blue_FloatTensor:$result, Optional<Blue_NumberTensor>:$present_key,
                      Optional<Blue_NumberTensor>:$present_value);
  let extraClassDeclaration = [{
    /// N of key_basis and key_table, at most: a row's products with the basis have a place each.
    static constexpr int64_t kMostKeyTerms = 128;
  }];
  let assemblyFormat = [{
    $query `,` $key `,` $value (`past` $past_key^ `,` $past_value)? (`sinks` $sinks^)?
    (`lifted` $key_basis^ `by` $key_table)? attr-dict `:` functional-type(operands, $result) (`present` type($present_key)^ `,` type($present_value))?
  }];
}

def Blue_PatchEmbedOp : Blue_Op<"patch_embed", [Pure]> {
  let summary = "cut pictures into patches and project each (a convolution with stride = kernel)";
  let description = [{
    `pixels` is [B, C, H, W]; `weight` is [N, C, p, p]; `bias` is [N]; the result is
    [B, (H / p) * (W / p), N], patches in row-major order. With `block` f, the f x f patches of a block
    of the grid stand together, row by row, and the blocks in row-major order. Pixels right of or below
    the last whole patch are not read.

    Constraints:
    - (C1) weight is [N, C, p, p] with the C of pixels
    - (C2) bias, if there, is [N]
    - (C3) the result is [B, (H / p) * (W / p), N]
    - (C4) block is 1 to 64 and divides both sides of the grid
  }];
  let arguments = (ins Blue_FloatTensor:$pixels, Blue_FloatTensor:$weight,
                       Optional<Blue_FloatTensor>:$bias, DefaultValuedAttr<I64Attr, "1">:$block);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$pixels `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)";
}

def Blue_TokenDownsampleOp : Blue_Op<"token_downsample", [Pure]> {
  let summary = "concatenate every f x f neighbouring tokens of a grid into one";
  let description = [{
    `x` is [B, height * width, C]. The grid is padded with zeros at the bottom and right to sides that
    f = `factor` divides; the result is [B, ceil(height / f) * ceil(width / f), f^2 C]. The tokens of a
    block stand row by row: for f = 2 in the order (row, column) = (0,0), (0,1), (1,0), (1,1). With
    `column_major` they stand column by column: (0,0), (1,0), (0,1), (1,1). With `channels_first` the
    f^2 values of a channel are neighbours, one channel after the other. With `transposed` the blocks
    of the grid become tokens column by column, not row by row. The linear layer that fuses a block
    is a blue.linear of its own.

    Of a quantized `x` every token keeps its integers and scales, so that the result has a group for
    each of the tokens' groups; groups may not reach from one token into the next.

    Constraints:
    - (C1) x has rank 3 and height * width tokens; the factor is 2 to 64
    - (C2) the result is [B, ceil(height / f) * ceil(width / f), f^2 C]
    - (C3) the result has x's elements; quantized ones in groups of C for a group a row, else in the
      same groups, which divide C and are multiples of 4; never with `channels_first`

    ```mlir
    %y = blue.token_downsample %x {factor = 3 : i64, height = 6 : i64, width = 6 : i64}
           : (tensor<?x36x32xf32>) -> tensor<?x4x288xf32>
    ```
  }];
  let arguments = (ins Blue_NumberTensor:$x, I64Attr:$height, I64Attr:$width,
                       UnitAttr:$column_major, DefaultValuedAttr<I64Attr, "2">:$factor,
                       UnitAttr:$channels_first, UnitAttr:$transposed);
  let results = (outs Blue_NumberTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    /// Blocks of a column and of a row of the grid.
    int64_t blocksDown() { return llvm::divideCeil(getHeight(), getFactor()); }
    int64_t blocksAcross() { return llvm::divideCeil(getWidth(), getFactor()); }
    /// Tokens of a block.
    int64_t numParts() { return static_cast<int64_t>(getFactor() * getFactor()); }
    /// Blocks of 2x2 whole tokens, row by row: what a linear layer can gather by itself.
    bool canBeGathered() { return getFactor() == 2 && !getChannelsFirst() && !getTransposed(); }
  }];
}

def Blue_TokenPoolOp : Blue_Op<"token_pool", [Pure, SameOperandsAndResultElementType]> {
  let summary = "the mean of every f x f neighbouring tokens of a grid";
  let description = [{
    `x` is [B, height * width, C], the result [B, (height / f) * (width / f), C] with f = `factor`:

        result[b, t, c] = (sum of x[b, u, c] over the tokens u of block t) / f^2

    Tokens right of and below the last whole block are not read. The sum is in the order of the
    block's rows.

    Constraints:
    - (C1) x has rank 3 and height * width tokens; the factor is 2 to 64 and at most either side
    - (C2) the result is [B, (height / f) * (width / f), C]

    ```mlir
    %y = blue.token_pool %x {factor = 4 : i64, height = 64 : i64, width = 64 : i64}
           : (tensor<?x4096x1152xf32>) -> tensor<?x256x1152xf32>
    ```
  }];
  let arguments = (ins Blue_FloatTensor:$x, I64Attr:$height, I64Attr:$width, I64Attr:$factor);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Blue_TokenSliceOp : Blue_Op<"token_slice", [Pure, SameOperandsAndResultElementType]> {
  let summary = "some neighbouring tokens of each picture";
  let description = [{
    `x` is [B, T, C]; the result is its tokens `begin` to `end` (exclusive) of each picture. Features
    without a class token are such a slice.

    Constraints:
    - (C1) x has rank 3, and 0 <= begin < end <= T
    - (C2) the result is [B, end - begin, C]

    ```mlir
    %y = blue.token_slice %x {begin = 1 : i64, end = 577 : i64}
           : (tensor<?x577x1024xf32>) -> tensor<?x576x1024xf32>
    ```
  }];
  let arguments = (ins Blue_FloatTensor:$x, I64Attr:$begin, I64Attr:$end);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Blue_TokenPrependOp : Blue_Op<"token_prepend", [Pure, SameOperandsAndResultElementType]> {
  let summary = "the same learned tokens in front of those of each picture";
  let description = [{
    `x` is [B, T, C], `tokens` are [N, C]; the result is [B, N + T, C]. A class token is one.

    Constraints:
    - (C1) x has rank 3, tokens have rank 2 and x's channels
    - (C2) the result is [B, N + T, C]

    ```mlir
    %y = blue.token_prepend %x, %class_token
           : (tensor<?x576x1024xf32>, tensor<1x1024xf32>) -> tensor<?x577x1024xf32>
    ```
  }];
  let arguments = (ins Blue_FloatTensor:$x, Blue_FloatTensor:$tokens);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x `,` $tokens attr-dict `:` functional-type(operands, results)";
}

def Blue_EmbeddingOp : Blue_Op<"embedding", [Pure]> {
  let summary = "rows of a table: result[t] = table[ids[t]], as floats";
  let description = [{
    Constraints:
    - (C1) ids is [T], table is [V, C], the result is [T, C]
  }];
  let arguments = (ins Blue_IndexTensor:$ids, Blue_NumberTensor:$table);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$ids `,` $table attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------------------------===//
// Elementwise. All of them fuse into the step that makes their operand (see passes/schedule).
//===----------------------------------------------------------------------------------------===//

// One operand, one result of the same type.
class Blue_UnaryOp<string mnemonic> : Blue_Op<mnemonic, [Pure, SameOperandsAndResultType]> {
  let arguments = (ins Blue_FloatTensor:$x);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($result)";
  let hasVerifier = 0;
}
def Blue_GeluOp : Blue_UnaryOp<"gelu"> {
  let summary = "y = x / 2 * (1 + erf(x / sqrt(2)))";
}
def Blue_GeluTanhOp : Blue_UnaryOp<"gelu_tanh"> {
  let summary = "y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))";
}
def Blue_QuickGeluOp : Blue_UnaryOp<"quick_gelu"> {
  let summary = "y = x * sigmoid(1.702 x)";
}
def Blue_SiluOp : Blue_UnaryOp<"silu"> { let summary = "y = x * sigmoid(x)"; }
def Blue_ReluOp : Blue_UnaryOp<"relu"> { let summary = "y = max(x, 0)"; }
def Blue_TanhOp : Blue_UnaryOp<"tanh"> { let summary = "y = tanh(x)"; }
def Blue_SigmoidOp : Blue_UnaryOp<"sigmoid"> { let summary = "y = 1 / (1 + exp(-x))"; }

def Blue_ScaleOp : Blue_Op<"scale", [Pure, SameOperandsAndResultType]> {
  let summary = "y = factor * x";
  let arguments = (ins Blue_FloatTensor:$x, F64Attr:$factor);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($result)";
  let hasVerifier = 0;
}

def Blue_ClampOp : Blue_Op<"clamp", [Pure, SameOperandsAndResultType]> {
  let summary = "y = min(max(x, low), high)";
  let description = [{
    Constraints:
    - (C1) low, if there, and high are finite, and low is at most high
  }];
  let arguments = (ins Blue_FloatTensor:$x, OptionalAttr<F64Attr>:$low, F64Attr:$high);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($result)";
}

// Two operands; the second may lack leading dims (a vector added to every row).
class Blue_BinaryOp<string mnemonic> : Blue_Op<mnemonic, [Pure, SameOperandsAndResultElementType]> {
  let arguments = (ins Blue_FloatTensor:$lhs, Blue_FloatTensor:$rhs);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let description = [{
    Constraints:
    - (C1) the result has lhs's type
    - (C2) rhs's shape is lhs's, or lhs's without its leading dims
  }];
}
def Blue_AddOp : Blue_BinaryOp<"add"> { let summary = "y = lhs + rhs"; }
def Blue_SubOp : Blue_BinaryOp<"sub"> { let summary = "y = lhs - rhs"; }
def Blue_MulOp : Blue_BinaryOp<"mul"> { let summary = "y = lhs * rhs"; }
def Blue_SwigluOp : Blue_BinaryOp<"swiglu"> {
  let summary = "y = silu(gate) * up; lhs is the gate";
}

#endif // BLUEC_DIALECT_BLUE_OPS
