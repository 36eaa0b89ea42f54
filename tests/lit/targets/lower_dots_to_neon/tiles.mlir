// RUN: bluec-opt %s -lower-dots-to-neon | FileCheck %s

// A register a tile: two of them side by side, with rows of x repeated.
// CHECK-LABEL: @tiles
func.func @tiles(%c: vector<8xi32>, %x: vector<32xi8>, %w: vector<32xi8>) -> vector<8xi32> {
  // CHECK-DAG: %[[C0:.*]] = vector.shuffle %arg0, %arg0 [0, 1, 2, 3]
  // CHECK-DAG: %[[C1:.*]] = vector.shuffle %arg0, %arg0 [4, 5, 6, 7]
  // CHECK-DAG: %[[X1:.*]] = vector.shuffle %arg1, %arg1 [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
  // CHECK-DAG: %[[W1:.*]] = vector.shuffle %arg2, %arg2 [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
  // CHECK-DAG: %[[R0:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.smmla.v4i32.v16i8"(%[[C0]],
  // CHECK-DAG: %[[R1:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.smmla.v4i32.v16i8"(%[[C1]], %[[X1]], %[[W1]])
  // CHECK: vector.shuffle %[[R0]], %[[R1]] [0, 1, 2, 3, 4, 5, 6, 7]
  // CHECK-NOT: kernel.mma
  %r = kernel.mma %c, %x, %w m 2 n 2 k 8 : vector<8xi32>, vector<32xi8>, vector<32xi8>
  return %r : vector<8xi32>
}

// CHECK-LABEL: @unsigned
func.func @unsigned(%c: vector<4xi32>, %x: vector<16xi8>, %w: vector<16xi8>) -> vector<4xi32> {
  // CHECK: llvm.call_intrinsic "llvm.aarch64.neon.ummla.v4i32.v16i8"
  %r = kernel.mma %c, %x, %w m 2 n 2 k 8 {unsigned_lhs, unsigned_rhs} : vector<4xi32>, vector<16xi8>, vector<16xi8>
  return %r : vector<4xi32>
}

// Other tiles, types and signs stay.
// CHECK-LABEL: @others
func.func @others(%c: vector<4xi32>, %x: vector<16xi8>, %w: vector<16xi8>, %d: vector<16xi32>,
                  %y: vector<16xi16>) -> (vector<4xi32>, vector<16xi32>, vector<4xi32>) {
  // CHECK-COUNT-3: kernel.mma
  // CHECK-NOT: call_intrinsic
  %r = kernel.mma %c, %x, %w m 2 n 2 k 8 {unsigned_lhs} : vector<4xi32>, vector<16xi8>, vector<16xi8>
  %s = kernel.mma %d, %x, %w m 4 n 4 k 4 : vector<16xi32>, vector<16xi8>, vector<16xi8>
  %t = kernel.mma %c, %y, %y m 2 n 2 k 8 : vector<4xi32>, vector<16xi16>, vector<16xi16>
  return %r, %s, %t : vector<4xi32>, vector<16xi32>, vector<4xi32>
}
