// RUN: bluec-opt %s -split-input-file -lower-kernels-to-llvm | FileCheck %s

// Without an instruction of the target, i8: unsigned times signed, four products a lane.
// CHECK-LABEL: llvm.func internal @bytes
func.func @bytes(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>) -> vector<4xi32> {
  // CHECK: llvm.zext
  // CHECK: llvm.sext
  // CHECK: llvm.mul
  // CHECK: llvm.shufflevector %{{.*}}, %{{.*}} [0, 4, 8, 12]
  // CHECK: llvm.add
  // CHECK: llvm.shufflevector %{{.*}}, %{{.*}} [1, 5, 9, 13]
  // CHECK-COUNT-3: llvm.add
  // CHECK: llvm.return
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<4xi32>, vector<16xi8>
  return %r : vector<4xi32>
}

// -----

// i16: signed on both sides, two products a lane.
// CHECK-LABEL: llvm.func internal @words
func.func @words(%c: vector<4xi32>, %a: vector<8xi16>, %b: vector<8xi16>) -> vector<4xi32> {
  // CHECK-NOT: llvm.zext
  // CHECK-COUNT-2: llvm.sext
  // CHECK-COUNT-2: llvm.add
  // CHECK: llvm.return
  %r = kernel.dot %c, %a, %b k 2 : vector<4xi32>, vector<8xi16>
  return %r : vector<4xi32>
}

// -----

// The numbers: 255 * -128 + 254 * 127 - 1 + 100, and 7 * 2 - 3 * 3 added to the largest i32.
// CHECK-LABEL: llvm.func internal @bytes_of_constants
func.func @bytes_of_constants() -> vector<2xi32> {
  // CHECK: llvm.mlir.constant(dense<[-283, -2147483644]> : vector<2xi32>)
  %c = arith.constant dense<[100, 2147483647]> : vector<2xi32>
  %a = arith.constant dense<[255, 254, 0, 1, 7, 0, 0, 3]> : vector<8xi8>
  %b = arith.constant dense<[-128, 127, 5, -1, 2, 9, 9, -3]> : vector<8xi8>
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<2xi32>, vector<8xi8>
  return %r : vector<2xi32>
}

// -----

// CHECK-LABEL: llvm.func internal @words_of_constants
func.func @words_of_constants() -> vector<2xi32> {
  // CHECK: llvm.mlir.constant(dense<[1073807358, -9]> : vector<2xi32>)
  %c = arith.constant dense<0> : vector<2xi32>
  %a = arith.constant dense<[-32768, 32767, 3, -4]> : vector<4xi16>
  %b = arith.constant dense<[-32768, 2, 5, 6]> : vector<4xi16>
  %r = kernel.dot %c, %a, %b k 2 : vector<2xi32>, vector<4xi16>
  return %r : vector<2xi32>
}

// -----

// Both sides signed, and both unsigned: -1 * -1 * 4 + 1, and 255 * 255 * 4 + 1.
// CHECK-LABEL: llvm.func internal @signs
func.func @signs() -> (vector<1xi32>, vector<1xi32>) {
  // CHECK-DAG: llvm.mlir.constant(dense<5> : vector<1xi32>)
  // CHECK-DAG: llvm.mlir.constant(dense<260101> : vector<1xi32>)
  %c = arith.constant dense<1> : vector<1xi32>
  %a = arith.constant dense<-1> : vector<4xi8>
  %r = kernel.dot %c, %a, %a k 4 : vector<1xi32>, vector<4xi8>
  %s = kernel.dot %c, %a, %a k 4 {unsigned_lhs, unsigned_rhs} : vector<1xi32>, vector<4xi8>
  return %r, %s : vector<1xi32>, vector<1xi32>
}

// -----

// One product a lane needs no shuffle; elements of i32 are as wide as the sums.
// CHECK-LABEL: llvm.func internal @single
func.func @single(%c: vector<4xi32>, %a: vector<4xi16>, %b: vector<4xi32>) -> vector<4xi32> {
  // CHECK-COUNT-2: llvm.sext
  // CHECK: llvm.mul
  // CHECK-NEXT: llvm.add
  // CHECK-NEXT: llvm.mul
  // CHECK-NEXT: llvm.add
  // CHECK-NEXT: llvm.return
  %r = kernel.dot %c, %a, %a k 1 : vector<4xi32>, vector<4xi16>
  %s = kernel.dot %r, %b, %b k 1 : vector<4xi32>, vector<4xi32>
  return %s : vector<4xi32>
}
