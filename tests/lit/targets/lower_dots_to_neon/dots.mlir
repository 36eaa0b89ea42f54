// RUN: bluec-opt %s -lower-dots-to-neon | FileCheck %s

// Bytes of one sign are one instruction.
// CHECK-LABEL: @bytes
func.func @bytes(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>) -> vector<4xi32> {
  // CHECK: %[[SUM:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%arg0, %arg1, %arg2)
  // CHECK: llvm.call_intrinsic "llvm.aarch64.neon.udot.v4i32.v16i8"(%[[SUM]], %arg1, %arg2)
  // CHECK-NOT: kernel.dot
  %r = kernel.dot %c, %a, %b k 4 : vector<4xi32>, vector<16xi8>
  %s = kernel.dot %r, %a, %b k 4 {unsigned_lhs, unsigned_rhs} : vector<4xi32>, vector<16xi8>
  return %s : vector<4xi32>
}

// Mixed signs, words, and other widths stay.
// CHECK-LABEL: @others
func.func @others(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>, %d: vector<4xi16>,
                  %e: vector<4xi16>, %f: vector<8xi32>, %g: vector<32xi8>)
    -> (vector<4xi32>, vector<8xi32>) {
  // CHECK-COUNT-3: kernel.dot
  // CHECK-NOT: call_intrinsic
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<4xi32>, vector<16xi8>
  %s = kernel.dot %r, %d, %e k 1 : vector<4xi32>, vector<4xi16>
  %t = kernel.dot %f, %g, %g k 4 : vector<8xi32>, vector<32xi8>
  return %s, %t : vector<4xi32>, vector<8xi32>
}
