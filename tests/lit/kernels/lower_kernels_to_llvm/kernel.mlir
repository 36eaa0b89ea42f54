// RUN: bluec-opt %s -lower-kernels-to-llvm | FileCheck %s
// RUN: bluec-opt %s -lower-kernels-to-llvm=pointer-bits=32 | FileCheck %s --check-prefix=SMALL

// Buffers become bare pointers, an index as wide as a pointer. The launch that uses the kernel stays.

module {
  // CHECK: plan.entry @f
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x16xf32>):
    // CHECK: plan.launch @sqrt
    %y = plan.launch @sqrt(%x) tasks affine_map<(d0) -> (d0)> layer "l" value "v" on "cpu"
        : (tensor<4x16xf32>) -> tensor<4x16xf32>
    plan.return %y : tensor<4x16xf32>
  }
  // CHECK: llvm.func internal @sqrt(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64)
  // CHECK-SAME: no_inline
  // CHECK-NOT: llvm.call
  // CHECK: llvm.load
  // CHECK: llvm.intr.sqrt
  // CHECK: llvm.store
  // SMALL: llvm.func internal @sqrt(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i32, %{{.*}}: i32, %{{.*}}: i32, %{{.*}}: i32)
  func.func private @sqrt(%x: memref<4x16xf32>, %y: memref<4x16xf32>, %count: index,
                          %position: index, %begin: index, %end: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.for %row = %begin to %end step %c1 {
      %v = vector.load %x[%row, %c0] : memref<4x16xf32>, vector<16xf32>
      %e = math.sqrt %v : vector<16xf32>
      vector.store %e, %y[%row, %c0] : memref<4x16xf32>, vector<16xf32>
    }
    return
  }
}
