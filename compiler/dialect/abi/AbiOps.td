// The `abi` dialect: what a compiled model shares with its runtime, as IR. See README.md.
#ifndef BLUEC_DIALECT_ABI_OPS
#define BLUEC_DIALECT_ABI_OPS

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Abi_Dialect : Dialect {
  let name = "abi";
  let cppNamespace = "::bluec::abi";
  let summary = "The contract with the runtime: calls, and the descriptor of a model";
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

class Abi_Op<string mnemonic, list<Trait> traits = []> : Op<Abi_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def Abi_CallType : TypeDef<Abi_Dialect, "Call"> {
  let mnemonic = "call";
  let summary = "the call that an entry function serves";
  let description = "A pointer to a constant `struct bluec_call`, whose fields the ops below read.";
}

def Abi_Base : I32EnumAttr<"Base", "the block of memory that an address is counted from", [
    I32EnumAttrCase<"Arena", 0, "arena">, I32EnumAttrCase<"Weights", 1, "weights">,
    I32EnumAttrCase<"Cache", 2, "cache">]> {
  let cppNamespace = "::bluec::abi";
  let genSpecializedAttr = 0;
}
def Abi_BaseAttr : EnumAttr<Abi_Dialect, Abi_Base, "base"> {
  let assemblyFormat = "`` $value";
}

def Abi_Role : I32EnumAttr<"Role", "what an entry point computes, by the header's numbers", [
    I32EnumAttrCase<"Encode", 1, "encode">,
    I32EnumAttrCase<"Embed", 2, "embed">,
    I32EnumAttrCase<"Decode", 3, "decode">]> {
  let cppNamespace = "::bluec::abi";
  let genSpecializedAttr = 0;
}
def Abi_RoleAttr : EnumAttr<Abi_Dialect, Abi_Role, "role"> {
  let assemblyFormat = "`` $value";
}

def Abi_TensorAttr : AttrDef<Abi_Dialect, "Tensor"> {
  let mnemonic = "tensor";
  let summary = "a tensor in an arena, as struct bluec_tensor has it";
  let description = [{
    Row-major and dense, `offset` bytes from the arena's start. Elements are f32, i32, f16 or i8, and
    there are at most four dims.
  }];
  let parameters = (ins StringRefParameter<"">:$name, "::mlir::Type":$element,
                        ArrayRefParameter<"int64_t">:$dims, "int64_t":$offset, "int64_t":$bytes);
  let genVerifyDecl = 1;
  let assemblyFormat = "`<` $name `:` $element `[` $dims `]` `at` $offset `bytes` $bytes `>`";
}
def Abi_TensorArrayAttr : TypedArrayAttrBase<Abi_TensorAttr, "tensors">;

//===----------------------------------------------------------------------------------------===//
// Inside of entry functions: what the caller has handed over
//===----------------------------------------------------------------------------------------===//

def Abi_BufferOp : Abi_Op<"buffer", [Pure]> {
  let summary = "a range of the caller's memory";
  let description = [{
    The memory `offset` bytes behind the call's arena, weights or cache.

    Constraints:
    - (C1) the result is dense: static dims, row-major
    - (C2) `offset` is not negative

    ```mlir
    %x = abi.buffer %call arena at 64 : memref<4x8xf32>
    ```
  }];
  let arguments = (ins Abi_CallType:$call, Abi_BaseAttr:$base, I64Attr:$offset);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$call $base `at` $offset attr-dict `:` type($result)";
}

def Abi_CountOp : Abi_Op<"count", [Pure]> {
  let summary = "the call's number of valid leading rows";
  let arguments = (ins Abi_CallType:$call);
  let results = (outs I64:$result);
  let assemblyFormat = "$call attr-dict";
  let hasVerifier = 0;
}

def Abi_PositionOp : Abi_Op<"position", [Pure]> {
  let summary = "the number of tokens that are in the KV cache before the call";
  let arguments = (ins Abi_CallType:$call);
  let results = (outs I64:$result);
  let assemblyFormat = "$call attr-dict";
  let hasVerifier = 0;
}

def Abi_RunOp : Abi_Op<"run", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a parallel loop: one step, or several side by side";
  let description = [{
    Calls `parallel_for` with `function` and `tasks`. Then, if the call has an `on_step`, calls it for
    each of the steps `first` .. `end - 1`, in order. An answer other than 0 ends the function that this
    op is in, which returns the answer.

    In C:

        call->parallel_for(call->pool, function, call, tasks);
        for (int64_t step = first; call->on_step && step < end; ++step) {
          int32_t answer = call->on_step(call->observer, step);
          if (answer != 0)
            return answer;
        }

    Constraints:
    - (C1) `function` takes a call and two i64, `begin` and `end`, and returns nothing
    - (C2) it stands at the top of a function from a call to an i32
    - (C3) 0 <= first < end

    ```mlir
    abi.run %call, @prefill.step0 tasks %tasks steps 0 to 1
    ```
  }];
  let arguments = (ins Abi_CallType:$call, FlatSymbolRefAttr:$function, I64:$tasks, I64Attr:$first,
                       I64Attr:$end);
  let assemblyFormat = [{
    $call `,` $function `tasks` $tasks `steps` $first `to` $end attr-dict
  }];
}

//===----------------------------------------------------------------------------------------===//
// The descriptor, as data: each op is a struct of runtime/abi/bluec_abi.h, or a row of its tables
//===----------------------------------------------------------------------------------------===//

def Abi_ModelOp : Abi_Op<"model", [Symbol, NoTerminator, SingleBlock]> {
  let summary = "the descriptor of a model: struct bluec_model";
  let description = [{
    What stands in its region is in the order of the descriptor's tables. Sizes of structs, offsets of
    fields and pointers are no part of it: who prints the descriptor lays it out by the target's
    data layout. `weights_sha256` is there once weights.bin has been written; without it,
    the descriptor has zeros.

    Constraints:
    - (C1) the region holds abi.segment, abi.device and abi.entry only
    - (C2) segments lie one behind the other in `weights_bytes`
    - (C3) `weights_sha256`, if there, has 32 bytes
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$producer, StrAttr:$target, StrAttr:$triple,
                       StrAttr:$features, I64Attr:$alignment, I64Attr:$weights_bytes,
                       I64Attr:$cache_bytes, I64Attr:$context,
                       OptionalAttr<I64Attr>:$ring_positions,
                       OptionalAttr<I64Attr>:$ring_back, I64Attr:$hidden,
                       I64Attr:$vocabulary, I64Attr:$tokens_per_tile, I64Attr:$tile_height, I64Attr:$tile_width,
                       OptionalAttr<DenseI8ArrayAttr>:$weights_sha256);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

def Abi_SegmentOp : Abi_Op<"segment", [HasParent<"ModelOp">]> {
  let summary = "a part of weights.bin that can be dropped on its own: struct bluec_segment";
  let arguments = (ins StrAttr:$name, I64Attr:$offset, I64Attr:$bytes);
  let assemblyFormat = "$name `at` $offset `bytes` $bytes attr-dict";
  let hasVerifier = 0;
}

def Abi_DeviceOp : Abi_Op<"device", [HasParent<"ModelOp">]> {
  let summary = "the name of a device of the schedule";
  let arguments = (ins StrAttr:$name);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 0;
}

def Abi_EntryOp : Abi_Op<"entry", [HasParent<"ModelOp">, NoTerminator, SingleBlock,
                                   DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "an entry point: struct bluec_entry";
  let description = [{
    The region holds its steps in order of execution.

    Constraints:
    - (C1) `run` is a function from a call to an i32
    - (C2) `segment` and `device` are there; a model without segments has no weights to name
    - (C3) the region holds abi.step only
    - (C4) tensors lie inside the arena
    - (C5) 0 <= stage < stages
  }];
  let arguments = (ins StrAttr:$name, Abi_RoleAttr:$role, I64Attr:$stage, I64Attr:$stages,
                       StrAttr:$segment, StrAttr:$device,
                       I64Attr:$capacity, I64Attr:$arena_bytes, FlatSymbolRefAttr:$run,
                       Abi_TensorArrayAttr:$inputs, Abi_TensorArrayAttr:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $name `role` $role `stage` $stage `of` $stages `segment` $segment `on` $device `capacity` $capacity `arena` $arena_bytes
    `run` $run `inputs` $inputs `outputs` $outputs attr-dict-with-keyword $body
  }];
}

def Abi_StepOp : Abi_Op<"step", [HasParent<"EntryOp">,
                                 DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a step of an entry point: struct bluec_step";
  let description = [{
    `function` is what runs it over a range of tasks: it says with which buffers it calls `kernel`.
    `tasks` is their number at full capacity. A step that only writes the KV cache has no
    output.

    Constraints:
    - (C1) `function` and `kernel` are functions of the module
    - (C2) there is at least one task
  }];
  let arguments = (ins StrAttr:$name, FlatSymbolRefAttr:$function, FlatSymbolRefAttr:$kernel,
                       I64Attr:$tasks, OptionalAttr<Abi_TensorAttr>:$output);
  let assemblyFormat = [{
    $name `function` $function `kernel` $kernel `tasks` $tasks (`output` $output^)? attr-dict
  }];
}

#endif // BLUEC_DIALECT_ABI_OPS
