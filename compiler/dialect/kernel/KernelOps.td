// The `kernel` dialect: what kernels are written in beside MLIR's own vectors. See README.md.
#ifndef BLUEC_DIALECT_KERNEL_OPS
#define BLUEC_DIALECT_KERNEL_OPS

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::bluec::kernel";
  let summary = "Vector operations that targets have as one instruction and MLIR does not";
}

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def Kernel_DotOp : Kernel_Op<"dot", [Pure, AllTypesMatch<["acc", "result"]>,
                                     AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "sums of products of neighbouring integers, by lane";
  let description = [{
    With P products a lane (4 of i8, 2 of i16):

        result[l] = acc[l] + sum_{j < P} lhs[P l + j] * rhs[P l + j]

    in i32 that wraps around. Elements of i8 are unsigned in `lhs` and signed in `rhs`; elements of
    i16 are signed in both. `lhs_bits`, if there, says that every element of `lhs` is below
    2^lhs_bits, which some targets gain from.

    lower-kernels-to-llvm expands it exactly into arith; a target that has an instruction for it
    replaces it before, in its own folder.

    Constraints:
    - (C1) acc is [L] of i32; lhs and rhs are [4 L] of i8 or [2 L] of i16
    - (C2) lhs_bits, if there, is 1 .. 8 and lhs is of i8

    ```mlir
    %sum = kernel.dot %acc, %weights, %activations {lhs_bits = 4 : i64}
             : vector<16xi32>, vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$acc,
                       VectorOfRankAndType<[1], [I8, I16]>:$lhs,
                       VectorOfRankAndType<[1], [I8, I16]>:$rhs, OptionalAttr<I64Attr>:$lhs_bits);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$acc `,` $lhs `,` $rhs attr-dict `:` type($acc) `,` type($lhs)";
  let extraClassDeclaration = [{
    /// Products that a lane sums: 4 or 2.
    int64_t getProducts() {
      return 32 / getLhs().getType().getElementType().getIntOrFloatBitWidth();
    }
  }];
}

#endif // BLUEC_DIALECT_KERNEL_OPS
