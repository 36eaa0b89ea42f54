// RUN: bluec-opt %s -split-input-file -expand-kernel-ops | FileCheck %s

// Without an instruction of the target: products of rows of the left by rows of the right, one
// element of all of them after the other.
// CHECK-LABEL: func.func @tile
func.func @tile(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>) -> vector<4xi32> {
  // CHECK: arith.extui
  // CHECK: arith.extsi
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 0, 8, 8]
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 8, 0, 8]
  // CHECK: arith.muli
  // CHECK: arith.addi
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [1, 1, 9, 9]
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [1, 9, 1, 9]
  // CHECK-COUNT-7: arith.addi
  // CHECK-NOT: arith.addi
  // CHECK: return
  %r = kernel.mma %c, %a, %b m 2 n 2 k 8 {unsigned_lhs} : vector<4xi32>, vector<16xi8>, vector<16xi8>
  return %r : vector<4xi32>
}

// -----

// The numbers: two tiles of 1 x 2 by k 2. [1 2] by [3 4] and [5 6], and [-1 7] by [8 9] and [1 -1].
// CHECK-LABEL: func.func @constants
func.func @constants() -> vector<4xi32> {
  // CHECK: arith.constant dense<[111, 117, 55, -8]> : vector<4xi32>
  %c = arith.constant dense<[100, 100, 0, 0]> : vector<4xi32>
  %a = arith.constant dense<[1, 2, -1, 7]> : vector<4xi8>
  %b = arith.constant dense<[3, 4, 5, 6, 8, 9, 1, -1]> : vector<8xi8>
  %r = kernel.mma %c, %a, %b m 1 n 2 k 2 : vector<4xi32>, vector<4xi8>, vector<8xi8>
  return %r : vector<4xi32>
}
