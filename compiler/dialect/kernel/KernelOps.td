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

// An operand whose elements are multiplied.
def Kernel_Factors : VectorOfRankAndType<[1], [I8, I16, I32]>;

def Kernel_DotOp : Kernel_Op<"dot", [Pure, AllTypesMatch<["acc", "result"]>,
                                     AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "sums of products of neighbouring integers, by lane";
  let description = [{
    With `k` products a lane:

        result[l] = acc[l] + sum_{j < k} lhs[k l + j] * rhs[k l + j]

    in i32 that wraps around. Elements are signed, but for those of a side that is said to be
    unsigned. `lhs_bits`, if there, says that every element of `lhs` is in 0 .. 2^lhs_bits - 1, which
    some targets gain from.

    expand-kernel-ops expands it exactly into arith; a target that has an instruction for it
    replaces it before, in its own folder.

    Constraints:
    - (C1) acc is [L] of i32; lhs and rhs are [k L] of integers
    - (C2) lhs_bits, if there, is 1 .. 8 and lhs is of i8; 7 at most if lhs is signed

    ```mlir
    %sum = kernel.dot %acc, %weights, %activations k 4 {lhs_bits = 4 : i64, unsigned_lhs}
             : vector<16xi32>, vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$acc, Kernel_Factors:$lhs,
                       Kernel_Factors:$rhs, I64Attr:$k, UnitAttr:$unsigned_lhs,
                       UnitAttr:$unsigned_rhs, OptionalAttr<I64Attr>:$lhs_bits);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat =
      "$acc `,` $lhs `,` $rhs `k` $k attr-dict `:` type($acc) `,` type($lhs)";
}

def Kernel_MmaOp : Kernel_Op<"mma", [Pure, AllTypesMatch<["acc", "result"]>]> {
  let summary = "tiles of sums of products: m x k by k x n";
  let description = [{
    Both sides have rows of `k` neighbouring elements, so that the right one is a transposed matrix.
    A vector may hold S tiles, one after the other, which do not mix:

        result[s][i][j] = acc[s][i][j] + sum_{l < k} lhs[s][i][l] * rhs[s][j][l]

    for i < m and j < n, in i32 that wraps around. Elements are signed, but for those of a side that
    is said to be unsigned. With m 2, n 2, k 8 and S 1 it is a product of 2 x 8 by 8 x 2.

    expand-kernel-ops expands it exactly into arith; a target that has an instruction for it
    replaces it before, in its own folder.

    Constraints:
    - (C1) acc is [S m n] of i32; lhs is [S m k] and rhs [S n k] of one type of integers

    ```mlir
    %sums = kernel.mma %acc, %activations, %weights m 2 n 2 k 8
              : vector<4xi32>, vector<16xi8>, vector<16xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$acc, Kernel_Factors:$lhs,
                       Kernel_Factors:$rhs, I64Attr:$m, I64Attr:$n, I64Attr:$k,
                       UnitAttr:$unsigned_lhs, UnitAttr:$unsigned_rhs);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = [{
    $acc `,` $lhs `,` $rhs `m` $m `n` $n `k` $k attr-dict
    `:` type($acc) `,` type($lhs) `,` type($rhs)
  }];
}

#endif // BLUEC_DIALECT_KERNEL_OPS
