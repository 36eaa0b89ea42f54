// RUN: bluec-opt %s -lower-kernels-to-llvm | FileCheck %s

// Buffers become bare pointers, and exp a polynomial on the vector: no call is left. The launch
// that uses the kernel stays.

module {
  // CHECK: plan.entry @f
  plan.entry @f kind prefill capacity 4 segment "s" {
  ^bb0(%x: tensor<4x16xf32>):
    // CHECK: plan.launch @exp
    %y = plan.launch @exp(%x) tasks affine_map<(d0) -> (d0)> layer "l" value "v" on "cpu"
        : (tensor<4x16xf32>) -> tensor<4x16xf32>
    plan.return %y : tensor<4x16xf32>
  }
  // CHECK: llvm.func internal @exp(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64)
  // CHECK-SAME: no_inline
  // CHECK-NOT: llvm.call
  // CHECK: llvm.load
  // Two steps to x - n ln 2 behind the one that finds n, and seven of the polynomial.
  // CHECK-COUNT-10: llvm.intr.fma
  // CHECK-NOT: llvm.intr.fma
  // CHECK: llvm.shl
  // CHECK-NOT: math.exp
  // CHECK: llvm.store
  func.func private @exp(%x: memref<4x16xf32>, %y: memref<4x16xf32>, %count: index,
                         %position: index, %begin: index, %end: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.for %row = %begin to %end step %c1 {
      %v = vector.load %x[%row, %c0] : memref<4x16xf32>, vector<16xf32>
      %e = math.exp %v : vector<16xf32>
      vector.store %e, %y[%row, %c0] : memref<4x16xf32>, vector<16xf32>
    }
    return
  }
}
