// The `plan` dialect: what one device does, in order, and where every byte stands. See README.md.
#ifndef BLUEC_DIALECT_PLAN_OPS
#define BLUEC_DIALECT_PLAN_OPS

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "compiler/dialect/blue/BlueTypes.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::bluec::plan";
  let summary = "The schedule: entry points, steps, buffers, packed weights, KV cache";
  let dependentDialects = ["::bluec::blue::BlueDialect"];
  let useDefaultAttributePrinterParser = 1;
}

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}
class Plan_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Plan_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

// The sides of a product, with their signs.
def Plan_DotAttr : Plan_Attr<"Dot", "dot"> {
  let summary = "a dot product that a target has: `k` products of neighbours in each lane";
  let description = [{
    Each lane of i32 (of f32 for floats) sums `k` products of neighbouring elements. `lhs` and `rhs`
    are integers of one width with a sign (`ui8`, `si16`), or both f32. Weights, keys and a softmax's
    weights are on the left, activations, queries and values on the right.

    As a fact it says what the target computes well; in a layout, what words are made for.

    ```mlir
    #plan.dot<ui8 x si8, k 4>    // vpdpbusd
    #plan.dot<si16 x si16, k 2>  // vpdpwssd
    ```
  }];
  let parameters = (ins "::mlir::Type":$lhs, "::mlir::Type":$rhs, "int64_t":$k);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` $lhs `x` $rhs `,` `k` $k `>`";
  let extraClassDeclaration = [{
    bool isFloat() const { return getLhs().isF32(); }
    /// Bits of an element on either side.
    int64_t getBits() const { return getLhs().getIntOrFloatBitWidth(); }
    bool isLhsUnsigned() const { return getLhs().isUnsignedInteger(); }
    bool isRhsUnsigned() const { return getRhs().isUnsignedInteger(); }
    /// The right side's type without a sign: i8, i16, i32 or f32.
    ::mlir::Type getStorage() const;
  }];
}

def Plan_MmaAttr : Plan_Attr<"Mma", "mma"> {
  let summary = "a two-dimensional product that a target has: m x k by k x n";
  let description = [{
    A tile of m x n sums of i32, each of `k` products; see kernel.mma. Types as in #plan.dot.

    ```mlir
    #plan.mma<si8 x si8, m 2, n 2, k 8>  // smmla
    ```
  }];
  let parameters = (ins "::mlir::Type":$lhs, "::mlir::Type":$rhs, "int64_t":$m, "int64_t":$n,
                        "int64_t":$k);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` $lhs `x` $rhs `,` `m` $m `,` `n` $n `,` `k` $k `>`";
}

def Plan_TuningAttr : Plan_Attr<"Tuning", "tuning"> {
  let summary = "what was measured on a target's cores";
  let description = [{
    `floatAheadBytes` and `quantizedAheadBytes` are how far ahead of their use one row's form of a
    linear asks for weights; 0: not at all. `dotsInFlight` is how many dot products hide the latency
    of one. `cacheBlock` is how many positions stand side by side in a quantized cache: attention
    rounds once a block, so that it takes part in the result's bits. `panelVectors` is how many
    vectors of f32 the rows of a panel are. `laneOperands`: an instruction takes one lane of a vector
    in place of an operand that has it in all lanes.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$floatAheadBytes,
                        DefaultValuedParameter<"int64_t", "0">:$quantizedAheadBytes,
                        DefaultValuedParameter<"int64_t", "1">:$dotsInFlight,
                        DefaultValuedParameter<"int64_t", "kUntunedCacheBlock">:$cacheBlock,
                        DefaultValuedParameter<"int64_t", "kUntunedPanelVectors">:$panelVectors,
                        DefaultValuedParameter<"bool", "false">:$laneOperands);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` struct(params) `>`";
}

def Plan_TargetAttr : Plan_Attr<"Target", "target"> {
  let summary = "the facts about a target that schedules and kernels depend on";
  let description = [{
    It is on the module as `plan.target`, and in plan.device for a device that has another one. A name
    tells targets apart. Nothing above the targets' own folders knows what a name means.
    README.md beside this file says what follows from each fact.

    `vectorBits` is the width of the vectors that kernels are written in (with `scalable`, the least
    width that the target's vectors have), `vectorRegisters` how many of them the register file
    holds. Cache sizes are in bytes and by core. `alignment` is that of every buffer, `lineBytes` a
    cache line. `dots` are #plan.dot, best first; `mmas` are #plan.mma; `floats` are the float types
    that it computes in, f32 alone when they are left out. `tuning` is #plan.tuning.
  }];
  let parameters = (ins StringRefParameter<"">:$name, StringRefParameter<"">:$triple,
                        StringRefParameter<"">:$cpu, StringRefParameter<"">:$features,
                        "int64_t":$vectorBits, "int64_t":$vectorRegisters, "int64_t":$l1Bytes,
                        "int64_t":$l2Bytes, DefaultValuedParameter<"bool", "false">:$scalable,
                        DefaultValuedParameter<"int64_t", "kAbiAlignment">:$alignment,
                        DefaultValuedParameter<"int64_t", "64">:$lineBytes,
                        DefaultValuedParameter<"int64_t", "64">:$pointerBits,
                        OptionalParameter<"::mlir::ArrayAttr">:$dots,
                        OptionalParameter<"::mlir::ArrayAttr">:$mmas,
                        OptionalParameter<"::mlir::ArrayAttr">:$floats,
                        OptionalParameter<"::bluec::plan::TuningAttr">:$tuning);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    /// `tuning`, or what it is when it is left out.
    TuningAttr getTuningOrDefault() const;
  }];
}

def Plan_SegmentAttr : Plan_Attr<"Segment", "segment"> {
  let summary = "a part of weights.bin that can be dropped on its own";
  let description = [{
    Stands in the module's `plan.segments`, in the order of weights.bin; `offset` is a multiple of
    the page size (4096), both figures are in bytes.
  }];
  let parameters = (ins StringRefParameter<"">:$name, "int64_t":$offset, "int64_t":$bytes);
  let assemblyFormat = "`<` $name `at` $offset `bytes` $bytes `>`";
}

// Layouts of quantized tensors, as encodings of their types; the bytes stand in Layouts.h. `align` is
// the target's alignment: parts begin at multiples of it.
def Plan_PanelsAttr : Plan_Attr<"Panels", "panels"> {
  let summary = "a quantized weight [N, K] in panels of rows, in words";
  let description = [{
    `rows` rows side by side. `dot` is the dot product by which the weight, on its left, meets
    activations: within a word, elements are placed so that masks and shifts alone give the operands
    of that dot with activations in natural order. See PanelLayout in Layouts.h.
  }];
  let parameters = (ins "int64_t":$rows, "::bluec::plan::DotAttr":$dot,
                        DefaultValuedParameter<"int64_t", "kAbiAlignment">:$alignment);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` `rows` $rows `,` `dot` $dot (`,` `align` $alignment^)? `>`";
}
def Plan_RowsAttr : Plan_Attr<"Rows", "rows"> {
  let summary = "quantized activations: each row with its scales and with sums of its integers";
  let description = [{
    `sums` is how many neighbouring integers a sum covers: a divisor of the groups of every weight
    that the rows meet, so that a weight's zero point is taken out by the sums. With `pairs`, two
    rows stand side by side, so many elements of each in turn: an operand of a product in tiles is
    one load. See RowLayout in Layouts.h.
  }];
  let parameters = (ins "int64_t":$sums, DefaultValuedParameter<"int64_t", "0">:$pairs,
                        DefaultValuedParameter<"int64_t", "kAbiAlignment">:$alignment);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` `sums` $sums (`pairs` $pairs^)? (`,` `align` $alignment^)? `>`";
}
def Plan_KeysAttr : Plan_Attr<"Keys", "keys"> {
  let summary = "quantized keys of a cache [S, heads * D] or an encoder [B, S, heads * D]";
  let description = [{
    By head and block of positions: `block` positions side by side; `dot` is the dot product by which
    keys, on its left, meet queries. See CacheLayout in Layouts.h.
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$block, "::bluec::plan::DotAttr":$dot,
                        DefaultValuedParameter<"int64_t", "kAbiAlignment">:$alignment);
  let genVerifyDecl = 1;
  let assemblyFormat =
      "`<` `heads` $heads `,` `block` $block `,` `dot` $dot (`,` `align` $alignment^)? `>`";
}
def Plan_ValuesAttr : Plan_Attr<"Values", "values"> {
  let summary = "quantized values of a cache [S, heads * D] or an encoder [B, S, heads * D]";
  let description = [{
    As #plan.keys, with neighbouring positions, not dims, in a word: a softmax's weights, on the left
    of `dot`, meet it. See CacheLayout in Layouts.h.
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$block, "::bluec::plan::DotAttr":$dot,
                        DefaultValuedParameter<"int64_t", "kAbiAlignment">:$alignment);
  let genVerifyDecl = 1;
  let assemblyFormat =
      "`<` `heads` $heads `,` `block` $block `,` `dot` $dot (`,` `align` $alignment^)? `>`";
}

def Plan_DownsampleAttr : Plan_Attr<"Downsample", "downsample"> {
  let summary = "how 2x2 neighbouring tokens of a grid stand side by side";
  let description = [{
    As blue.token_downsample has it: a grid of `height` x `width` tokens, padded with zeros at the
    bottom and right to even sides, four tokens to a row.
  }];
  let parameters = (ins "int64_t":$height, "int64_t":$width,
                        DefaultValuedParameter<"bool", "false">:$columnMajor);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    static constexpr int64_t kParts = 4;
    int64_t getTokens() const { return getHeight() * getWidth(); }
    int64_t getRowsAcross() const { return getWidth() / 2 + getWidth() % 2; }
    /// Rows that the tokens of a grid become.
    int64_t getRows() const { return (getHeight() / 2 + getHeight() % 2) * getRowsAcross(); }
  }];
}

def Plan_Role : I32EnumAttr<"Role", "what an entry point computes", [
    I32EnumAttrCase<"Encode", 1, "encode">,
    I32EnumAttrCase<"Embed", 2, "embed">,
    I32EnumAttrCase<"Decode", 3, "decode">]> {
  let cppNamespace = "::bluec::plan";
  let genSpecializedAttr = 0;
}
def Plan_RoleAttr : EnumAttr<Plan_Dialect, Plan_Role, "role"> {
  let assemblyFormat = "`` $value";
}

//===----------------------------------------------------------------------------------------===//
// Devices and storage at module level
//===----------------------------------------------------------------------------------------===//

def Plan_DeviceOp : Plan_Op<"device", [HasParent<"::mlir::ModuleOp">]> {
  let summary = "a device whose entries are compiled for a target of its own";
  let description = [{
    Entries name the device that they are on. The entries of a device without this op are compiled for
    the module's `plan.target`.

    Constraints:
    - (C1) a device has one op

    ```mlir
    plan.device "npu" target #plan.target<name = "wide", ...>
    ```
  }];
  let arguments = (ins StrAttr:$name, Plan_TargetAttr:$target);
  let assemblyFormat = "$name `target` $target attr-dict";
}

def Plan_WeightOp : Plan_Op<"weight", [Symbol]> {
  let summary = "a range of weights.bin";
  let description = [{
    `value` names the bytes: a #blue.source or an elements attribute; `transforms` are applied to it
    (see blue.weight), giving a dense tensor; `packed` is the type in which kernels read it:

    - the dense type itself (norm weights, biases, tables of embeddings and rotary angles), or
    - panels: [N, K] becomes [ceil(N / R), K, R]: R rows side by side, column after column, rows
      past N zero. R follows from the target's facts.
    - a quantized [N, K] with #plan.panels as encoding.

    `segment` is the part of weights.bin that holds it. `digest` tells equal bytes: weights of one
    packed type whose digests are equal have the same packed bytes (there when a tool that can read
    the files has computed it, and only where it may matter). `offset` (bytes from
    the start of weights.bin, a multiple of the target's alignment) is there after assign-weights. Two weights of a
    segment whose packed bytes are equal share one range.

    Constraints:
    - (C1) the transforms accept the value's type, one after the other
    - (C2) `packed` is the transformed type or panels of it, and panels if it is quantized
    - (C3) `offset`, if there, is not negative

    ```mlir
    plan.weight @"layers.0.q_proj" #blue.source<"m.onnx" at 64 : tensor<192x64xf32>>
      [#blue.transpose<[1, 0]>] packed tensor<6x192x16xf32> segment "language" offset 4096
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, AnyAttr:$value,
                       DefaultValuedAttr<ArrayAttr, "{}">:$transforms, TypeAttr:$packed,
                       StrAttr:$segment, OptionalAttr<StrAttr>:$digest,
                       OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = [{
    $sym_name $value ($transforms^)? `packed` $packed `segment` $segment (`digest` $digest^)?
    (`offset` $offset^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// The type of `value`, before any transform.
    ::mlir::RankedTensorType getSourceType();
    /// The type after the transforms, before packing; null when they do not fit.
    ::mlir::RankedTensorType getTransformedType();
    /// Rows side by side in a panel, or 0 when the weight is dense.
    int64_t getPanelRows();
    /// Bytes in weights.bin.
    int64_t getPackedBytes();
  }];
}

def Plan_CacheOp : Plan_Op<"cache", [Symbol]> {
  let summary = "a range of the KV cache: keys or values of one layer";
  let description = [{
    Values are [1, context, heads * D]. Keys are packed so that a score of many positions is one
    vector: [1, heads, ceil(context / L), D, L], position p of a head at [p / L, :, p % L].
    Quantized keys and values are [context, heads * D] with #plan.keys or #plan.values as encoding.
    Where a layer sees a window only, it may be a ring: of fewer positions than the context, position
    p standing where p mod that many does. What appends to it and reads it says `ring`.
    `offset` (bytes from the start of the KV cache) is there after plan-memory.

    Constraints:
    - (C1) the type is one of these, of floats or with an encoding
    - (C2) `offset`, if there, is not negative
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$sym_name `:` $type (`offset` $offset^)? attr-dict";
}

//===----------------------------------------------------------------------------------------===//
// Entry points and steps
//===----------------------------------------------------------------------------------------===//

def Plan_EntryOp : Plan_Op<"entry", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "an entry point: steps in the order in which they run";
  let description = [{
    Block arguments are the inputs, at full capacity (`capacity` tokens or tiles as first dim), the
    operands of plan.return the outputs; `takes` and `gives` are their names. What an entry of a role
    takes and gives is in runtime/abi/bluec_abi.h, which is all that the runtime knows of it. An encoder
    that is several entries, one after the other, says in each which `stage` it is.

    `device` is where all of its steps run (cut-stages); `arena_bytes` and `input_offsets` are there
    after plan-memory. The entry's own name is for people: `encode` and `encode_1`, `prefill`.

    Constraints:
    - (C1) inputs and outputs have static shapes
    - (C2) the body holds plan.get_weight, plan.get_cache, plan.step (or plan.launch, once kernels
      have been generated) and a final plan.return only
    - (C3) every output is the result of a step or launch
    - (C4) the first dim of every input is the capacity
    - (C5) `input_offsets`, if there, has one offset for each input
    - (C6) every input and output has a name, no two the same one
    - (C7) 0 <= stage < stages, and only encoders have more stages than one

    ```mlir
    plan.entry @encode_patches role encode stage 0 of 2 capacity 4 segment "vision"
      takes ["pixels"] gives ["patches"] on "npu" { ... }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Plan_RoleAttr:$role,
                       DefaultValuedAttr<I64Attr, "0">:$stage,
                       DefaultValuedAttr<I64Attr, "1">:$stages, I64Attr:$capacity,
                       StrAttr:$segment, StrArrayAttr:$takes, StrArrayAttr:$gives,
                       DefaultValuedAttr<StrAttr, "\"cpu\"">:$device,
                       OptionalAttr<I64Attr>:$arena_bytes,
                       OptionalAttr<DenseI64ArrayAttr>:$input_offsets);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `role` $role (`stage` $stage `of` $stages^)? `capacity` $capacity
    `segment` $segment `takes` $takes `gives` $gives (`on` $device^)?
    (`arena` $arena_bytes^)? (`inputs` $input_offsets^)? attr-dict-with-keyword $body
  }];
  let extraClassDeclaration = [{
    bool isEncoder() { return getRole() == Role::Encode; }
    /// Of the stages of an encoder; a whole one is both.
    bool isFirstStage() { return getStage() == 0; }
    bool isLastStage() { return getStage() + 1 == getStages(); }
    bool isWhole() { return getStages() == 1; }
    /// The input or output of that name; null when there is none.
    ::mlir::Value getInput(::llvm::StringRef name);
    ::mlir::Value getOutput(::llvm::StringRef name);
  }];
}

def Plan_ReturnOp : Plan_Op<"return", [Terminator, HasParent<"EntryOp">]> {
  let summary = "the outputs of an entry point";
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$outputs);
  let assemblyFormat = "($outputs^ `:` type($outputs))? attr-dict";
  let hasVerifier = 0;
}

def Plan_GetWeightOp
    : Plan_Op<"get_weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a plan.weight as a value of its packed type";
  let description = [{
    Constraints:
    - (C1) the symbol is a plan.weight and the result has its packed type
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
  let hasVerifier = 0;
}

def Plan_GetCacheOp
    : Plan_Op<"get_cache", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a plan.cache as a value that steps read and append to in place";
  let description = [{
    Constraints:
    - (C1) the symbol is a plan.cache and the result has its type
  }];
  let arguments = (ins FlatSymbolRefAttr:$cache);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$cache attr-dict `:` type($result)";
  let hasVerifier = 0;
}

def Plan_StepOp : Plan_Op<"step", [IsolatedFromAbove, SingleBlock]> {
  let summary = "what one kernel computes: a root op and what is fused with it";
  let description = [{
    The body sees the operands as block arguments; it becomes one kernel. `layer` is the name of the
    layer it came from, `value` the name of the blue value that it makes: the name of the layer that
    makes it there. A suffix ("/im2col", "/pack_keys", "/pack_values", "/input/last_row") marks a value that blue does not have,
    "/last_row" the last valid row of one that it has, "/quantized" one that it has as quantized rows;
    `value` is empty when the step only appends to the KV cache. `offset` (bytes in
    the entry's arena) and `last_use` (index of the last step that reads the result; a result that
    is returned lives to the end) are there after plan-memory. A result shares no byte with any
    other that is alive, its own operands included.

    In a call with fewer rows than the capacity, a tensor whose first dim is the entry's capacity has
    `count` valid leading rows, and a kernel neither computes nor reads the others' values; every
    other tensor is valid as a whole (what follows plan.last_row has one row, whatever the count).

    Constraints:
    - (C1) block arguments have the operands' types, the yielded value the result's type
    - (C2) the body holds compute ops only: of `blue` (no weights, no constants), and of this dialect

    A body has one shape, which the kernel generator counts on:
    1. at most one plan.position, at the top, used by the root;
    2. the root: any compute op; for plan.append_keys, the root may follow the blue.rope that makes
       its keys;
    3. a chain of elementwise ops, each of which takes the result of the op before it as one of its
       operands; its other operand, if any, is a block argument;
    4. perhaps a plan.quantize, which may be the root itself. The last one is yielded.
  }];
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$operands, StrAttr:$layer, StrAttr:$value,
                       DefaultValuedAttr<StrAttr, "\"cpu\"">:$device,
                       OptionalAttr<I64Attr>:$offset, OptionalAttr<I64Attr>:$last_use);
  let results = (outs Optional<AnyStaticShapeTensor>:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $layer `value` $value `on` $device (`offset` $offset^)? (`last_use` $last_use^)?
    `(` $operands `)` attr-dict-with-keyword `:` functional-type($operands, results) $body
  }];
  let extraClassDeclaration = [{
    /// The op that gives the step its kind: the first compute op, or plan.append_keys behind a rope.
    ::mlir::Operation *getRoot();
    ::mlir::Block &getBlock() { return getBody().front(); }
  }];
}

def Plan_YieldOp : Plan_Op<"yield", [Terminator, HasParent<"StepOp">]> {
  let summary = "the result of a step";
  let arguments = (ins Optional<AnyStaticShapeTensor>:$result);
  let assemblyFormat = "($result^ `:` type($result))? attr-dict";
  let hasVerifier = 0;
}

def Plan_LaunchOp : Plan_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what a step is once its kernel has been generated";
  let description = [{
    `kernel` names a func.func that works on a range of tasks. It takes the operands in order, the
    result if there is one, and then `count`, `position`, and the range's begin and end as `index`.
    Operands and result are memrefs of the same elements in the same order as the tensors here,
    possibly under another shape. `tasks` maps `count` to the number of tasks of a call. A launch that
    is `joined` shares the parallel loop of the launch before it (join-steps). The other attributes
    are the step's.

    Constraints:
    - (C1) `kernel` is a func.func or llvm.func of the module
    - (C2) `tasks` has one dim and one result
  }];
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$operands, FlatSymbolRefAttr:$kernel,
                       AffineMapAttr:$tasks, StrAttr:$layer, StrAttr:$value,
                       DefaultValuedAttr<StrAttr, "\"cpu\"">:$device,
                       OptionalAttr<I64Attr>:$offset, OptionalAttr<I64Attr>:$last_use,
                       UnitAttr:$joined);
  let results = (outs Optional<AnyStaticShapeTensor>:$result);
  let assemblyFormat = [{
    $kernel `(` $operands `)` `tasks` $tasks (`joined` $joined^)? `layer` $layer `value` $value
    `on` $device (`offset` $offset^)? (`last_use` $last_use^)? attr-dict `:` functional-type($operands, results)
  }];
}

//===----------------------------------------------------------------------------------------===//
// Compute ops: blue ops whose operands have taken the layout that kernels read
//===----------------------------------------------------------------------------------------===//

def Plan_PositionOp : Plan_Op<"position", [Pure]> {
  let summary = "the number of tokens already in the KV cache";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 0;
}

def Plan_LastRowOp : Plan_Op<"last_row", [Pure]> {
  let summary = "the last valid row: result[0] = x[count - 1]";
  let description = [{
    Constraints:
    - (C1) x is [T, C], the result is [1, C]
  }];
  let arguments = (ins Blue_FloatTensor:$x);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Plan_QuantizeOp : Plan_Op<"quantize", [Pure]> {
  let summary = "blue.quantize into rows with scales and sums";
  let description = [{
    Stands at the end of a step, behind the chain: the step's kernel sees whole rows then.

    Constraints:
    - (C1) the result has x's shape, quantized elements without zeros, and #plan.rows as encoding
  }];
  let arguments = (ins Blue_FloatTensor:$x, OptionalAttr<F64Attr>:$static_scale);
  let results = (outs Blue_QuantizedTensor:$result);
  let assemblyFormat = "$x (`scale` $static_scale^)? attr-dict `:` functional-type(operands, results)";
}

def Plan_LinearOp : Plan_Op<"linear", [Pure]> {
  let summary = "blue.linear with its weight in panels";
  let description = [{
    `x` is [..., K], `panels` is [ceil(N / R), K, R], `bias` is [N], the result is [..., N].
    Every element of the result is one chain of fused multiply-adds over k = 0 .. K - 1, starting
    from zero, to which the bias is added last: the same bits whatever the number of rows.

    Quantized: `x` has #plan.rows and `panels` is [N, K] with #plan.panels whose dot takes x's
    storage, or x is of floats and the panels are for f32. Products are summed as integers, exactly, over stretches
    that no scale changes within; the stretches' sums are floats, added in order of k.

    With `gather`, `x` is [B, tokens, C] and a row of what is multiplied is four of its rows side by
    side, K = 4 C, as blue.token_downsample would put them; each keeps its own scales. A token of the
    padding adds nothing. The result is [B, gathered rows, N].

    Constraints:
    - (C1) panels is [ceil(N / R), K, R], or quantized [N, K], with the K of x and the N of the result
    - (C2) bias, if there, is [N]
    - (C3) the panels' dot takes x's storage: integers of no more bits than its right side, or f32
      when x is of floats
    - (C4) with `gather`, x has its tokens and the result its rows, and in quantized panels C is
      a multiple of the elements of a word and, unless a row is one group, of the groups
  }];
  let arguments = (ins Blue_NumberTensor:$x, Blue_NumberTensor:$panels,
                       Optional<Blue_FloatTensor>:$bias,
                       OptionalAttr<Plan_DownsampleAttr>:$gather);
  let builders = [
    OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$x, "::mlir::Value":$panels,
                   "::mlir::Value":$bias),
              [{ build($_builder, $_state, type, x, panels, bias, DownsampleAttr()); }]>
  ];
  let extraClassDeclaration = [{
    /// K: elements of a row that is multiplied.
    int64_t getDepth() {
      int64_t columns = getX().getType().getShape().back();
      return getGather() ? DownsampleAttr::kParts * columns : columns;
    }
  }];
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$x `,` $panels (`,` $bias^)? (`gather` $gather^)? attr-dict `:` functional-type(operands, results)";
}

def Plan_ExpertLinearOp : Plan_Op<"expert_linear", [Pure]> {
  let summary = "blue.expert_linear with its weights in panels";
  let description = [{
    `panels` is [E * N / R, K, R], the panels of one expert after those of the other; x, routing, bias
    and the result are as of blue.expert_linear. A product is one chain of fused multiply-adds over k,
    to which the bias is added last, as in plan.linear. A sum begins at 0 and takes the row's experts
    in order: sum = fma(routing, product, sum). So bits depend on the row alone.

    Quantized: `x` has #plan.rows, or is of floats, and `panels` is [E * N, K] with #plan.panels, as of
    plan.linear. Products are those of plan.linear.

    Constraints:
    - (C1) N is a multiple of R, and panels is [E * N / R, K, R], or quantized [E * N, K] with panels of
      R rows, with the K of x
    - (C2) routing is [T, E] with the T of x
    - (C3) bias, if there, is [E, N]
    - (C4) x is [T, K] and the result [T, k, N], or x is [T, k, K] and the result [T, N], for a k of 1
      to E
    - (C5) the panels' dot takes x's storage, as in plan.linear
  }];
  let arguments = (ins Blue_NumberTensor:$x, Blue_NumberTensor:$panels, Blue_FloatTensor:$routing,
                       Optional<Blue_FloatTensor>:$bias);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat =
      "$x `,` $panels `,` $routing (`,` $bias^)? attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    /// Whether a row's places are added up.
    bool isSum() { return getX().getType().getRank() == 3; }
    int64_t getNumExperts() { return getRouting().getType().getShape().back(); }
    /// k: experts that a row goes to, at most.
    int64_t getPlaces() {
      return isSum() ? getX().getType().getDimSize(1) : getResult().getType().getDimSize(1);
    }
  }];
}

def Plan_EmbeddingOp : Plan_Op<"embedding", [Pure]> {
  let summary = "blue.embedding of a table in panels, as a tied head reads it";
  let description = [{
    Constraints:
    - (C1) ids is [T], panels is as for plan.linear with the result's last dim as K
  }];
  let arguments = (ins Blue_IndexTensor:$ids, Blue_NumberTensor:$panels);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$ids `,` $panels attr-dict `:` functional-type(operands, results)";
}

def Plan_Im2colOp : Plan_Op<"im2col", [Pure]> {
  let summary = "patches of pictures as rows";
  let description = [{
    `pixels` is [B, C, H, W]; the result is [B, (H / p) * (W / p), C * p * p], a patch's elements in
    the order channel, row, column: the order of a convolution's weight [N, C, p, p]. Patches are in
    the order of blue.patch_embed with that `block`.

    Constraints:
    - (C1) the result's shape is that
    - (C2) block divides both sides of the grid
  }];
  let arguments = (ins Blue_FloatTensor:$pixels, I64Attr:$patch,
                       DefaultValuedAttr<I64Attr, "1">:$block);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = "$pixels attr-dict `:` functional-type(operands, results)";
}

def Plan_PackKeysOp : Plan_Op<"pack_keys", [Pure]> {
  let summary = "keys in the layout of a key cache, without a cache (encoders)";
  let description = [{
    `keys` is [B, T, heads * D], the result is [B, heads, ceil(T / L), D, L]; lanes past T are zero.
    Or they are quantized, by token and head: the result is then [B, T, heads * D] with #plan.keys,
    of i8 or i16 with scales of f32, elements going as far as Layouts.h says.

    Constraints:
    - (C1) the result's shape is that
  }];
  let arguments = (ins Blue_FloatTensor:$keys);
  let results = (outs Blue_NumberTensor:$result);
  let assemblyFormat = "$keys attr-dict `:` functional-type(operands, results)";
}

def Plan_PackValuesOp : Plan_Op<"pack_values", [Pure]> {
  let summary = "values quantized by token and head, without a cache (encoders)";
  let description = [{
    Constraints:
    - (C1) values is [B, T, heads * D], the result is that with #plan.values, of i8 or i16, no wider
      than an operand of its dot, with scales of f32
  }];
  let arguments = (ins Blue_FloatTensor:$values);
  let results = (outs Blue_QuantizedTensor:$result);
  let assemblyFormat = "$values attr-dict `:` functional-type(operands, results)";
}

def Plan_AppendKeysOp : Plan_Op<"append_keys"> {
  let summary = "write the valid rows of keys into a key cache, from `position` on";
  let description = [{
    `ring`: position p of the context stands at p mod the cache's positions.

    Constraints:
    - (C1) keys is [T, heads * D], cache is [1, heads, ceil(context / L), D, L] or has #plan.keys
    - (C2) a ring is of whole stretches (Layouts.h), and has T positions or more
  }];
  let arguments = (ins Blue_FloatTensor:$keys, Blue_NumberTensor:$cache, UnitAttr:$ring);
  let assemblyFormat = "$keys `into` $cache attr-dict `:` type($keys) `,` type($cache)";
}

def Plan_AppendValuesOp : Plan_Op<"append_values"> {
  let summary = "write the valid rows of values into a value cache, from `position` on";
  let description = [{
    `ring` is as of plan.append_keys.

    Constraints:
    - (C1) values is [T, heads * D], cache is [1, context, heads * D] or has #plan.values
    - (C2) a ring is of whole stretches (Layouts.h), and has T positions or more
  }];
  let arguments = (ins Blue_FloatTensor:$values, Blue_NumberTensor:$cache, UnitAttr:$ring);
  let assemblyFormat = "$values `into` $cache attr-dict `:` type($values) `,` type($cache)";
}

def Plan_AttentionOp : Plan_Op<"attention", [Pure, AttrSizedOperandSegments]> {
  let summary = "blue.attention over packed keys";
  let description = [{
    `keys` is [B, kv_heads, ceil(S / L), D, L] and `values` is [B, S, kv_heads * D], S being the
    context of a cache or the tokens of an encoder. With `causal` (a cache; B = 1) `query` is
    [T, num_heads * D] and row t attends to positions 0 .. position + t; without, `query` is
    [B, S, num_heads * D] and a row attends to all S rows of its batch element.

    `window`, `softcap` and `sinks` are as of blue.attention. `ring`: S is fewer than the context, and
    position p stands at p mod S.

    Softmax is streamed over blocks of L positions counted from position 0, so that a row's result
    does not depend on how the prompt was cut into chunks.

    Quantized keys and values have #plan.keys and #plan.values: [S, kv_heads * D] of a cache, or
    [B, S, kv_heads * D] of an encoder. The kernel then quantizes the query by token and head, and
    the softmax's weights by row and block of positions, for the layouts' `dot`; products are sums of
    integers.

    `key_basis` [kv_heads, N, D] and `key_table` [N, context] are as of blue.attention, positions side
    by side. They add sum_n dot(query, key_basis[n]) key_table[n, j] to the score of position j before
    `scale`, in floats: one chain of fused multiply-adds over n.

    Constraints:
    - (C1) shapes are as above, num_heads a multiple of kv_heads
    - (C2) the result has query's type
    - (C3) quantized keys and values come together, for one dot: of rank 2 and i8 with scales of f16
      with `causal`, of rank 3 and i8 or i16, both the same, with scales of f32 without
    - (C4) window, softcap and sinks are as of blue.attention
    - (C5) key_basis and key_table come together and over a quantized cache, with N of 1 to 128
    - (C6) a ring comes with a window, is of whole stretches, and holds the windows of T rows
  }];
  let arguments = (ins Blue_FloatTensor:$query, Blue_NumberTensor:$keys, Blue_NumberTensor:$values,
                       Optional<Blue_FloatTensor>:$sinks, Optional<Blue_FloatTensor>:$key_basis,
                       Optional<Blue_FloatTensor>:$key_table, I64Attr:$num_heads,
                       I64Attr:$num_kv_heads, F64Attr:$scale, UnitAttr:$causal,
                       OptionalAttr<I64Attr>:$window, OptionalAttr<F64Attr>:$softcap,
                       UnitAttr:$ring);
  let results = (outs Blue_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $keys `,` $values (`sinks` $sinks^)? (`lifted` $key_basis^ `by` $key_table)?
    attr-dict `:` functional-type(operands, results)
  }];
}

#endif // BLUEC_DIALECT_PLAN_OPS
