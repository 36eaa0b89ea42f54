// RUN: bluec-opt %s -lower-kernels-to-llvm | FileCheck %s

// A kernel calls nothing, so it stays a function of its own; what takes a call may be inlined. The loop of all
// abi.run is one function.

// CHECK: llvm.func internal @kernel
// CHECK-SAME: no_inline
func.func private @kernel(%x: memref<4x8xf32>, %count: index, %position: index, %begin: index, %end: index) {
  return
}

// CHECK: llvm.func internal @run_steps(%[[CALL:.*]]: !llvm.ptr, %[[FUNCTION:.*]]: !llvm.ptr, %[[TASKS:.*]]: i64, %[[FIRST:.*]]: i64, %[[END:.*]]: i64) -> i32
// CHECK-SAME: no_inline
// CHECK: %[[FOR:.*]] = llvm.load
// CHECK: %[[POOL:.*]] = llvm.load
// CHECK: llvm.call %[[FOR]](%[[POOL]], %[[FUNCTION]], %[[CALL]], %[[TASKS]])

// CHECK: llvm.func internal @encode.step0(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK-NOT: no_inline
// CHECK: llvm.getelementptr inbounds %{{.*}}[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, i8
// CHECK: llvm.call @kernel
func.func private @encode.step0(%call: !abi.call, %begin: i64, %end: i64) {
  %x = abi.buffer %call arena at 64 : memref<4x8xf32>
  %count = abi.count %call
  %position = abi.position %call
  %0 = arith.index_cast %count : i64 to index
  %1 = arith.index_cast %position : i64 to index
  %2 = arith.index_cast %begin : i64 to index
  %3 = arith.index_cast %end : i64 to index
  func.call @kernel(%x, %0, %1, %2, %3) : (memref<4x8xf32>, index, index, index, index) -> ()
  return
}

// CHECK: llvm.func internal @entry.encode(%{{.*}}: !llvm.ptr) -> i32
// CHECK: %[[A:.*]] = llvm.call @run_steps
// CHECK: llvm.cond_br %{{.*}}, ^[[NEXT:.*]], ^[[STOPPED:.*]](%[[A]] : i32)
// CHECK: ^[[NEXT]]:
// CHECK: %[[B:.*]] = llvm.call @run_steps
// CHECK: llvm.cond_br %{{.*}}, ^[[LAST:.*]], ^[[STOPPED]](%[[B]] : i32)
// CHECK: ^[[LAST]]:
// CHECK: llvm.return
// CHECK: ^[[STOPPED]](%[[C:.*]]: i32):
// CHECK: llvm.return %[[C]]
func.func private @entry.encode(%call: !abi.call) -> i32 {
  %tasks = abi.count %call
  abi.run %call, @encode.step0 tasks %tasks steps 0 to 1
  abi.run %call, @encode.step0 tasks %tasks steps 1 to 2
  %done = arith.constant 0 : i32
  return %done : i32
}
