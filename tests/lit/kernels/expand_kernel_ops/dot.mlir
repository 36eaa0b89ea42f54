// RUN: bluec-opt %s -split-input-file -expand-kernel-ops | FileCheck %s
// RUN: bluec-opt %s -split-input-file -expand-kernel-ops=keep-dots | FileCheck %s --check-prefix=KEEP

// A printer that has a word for them gets them as they are.
// KEEP-LABEL: func.func @bytes
// KEEP-NEXT: kernel.dot
// KEEP-NEXT: return

// What the target has replaced is none of kernel.dot: it stays.
// CHECK-LABEL: func.func @replaced
// CHECK-NEXT: llvm.call_intrinsic "llvm.x.dot"
// CHECK-NEXT: return
func.func @replaced(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>) -> vector<4xi32> {
  %r = llvm.call_intrinsic "llvm.x.dot"(%c, %a, %b) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
  return %r : vector<4xi32>
}

// -----

// i8: unsigned times signed, four products a lane.
// CHECK-LABEL: func.func @bytes
func.func @bytes(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>) -> vector<4xi32> {
  // CHECK: arith.extui
  // CHECK: arith.extsi
  // CHECK: arith.muli
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 4, 8, 12]
  // CHECK: arith.addi
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [1, 5, 9, 13]
  // CHECK-COUNT-3: arith.addi
  // CHECK: return
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<4xi32>, vector<16xi8>
  return %r : vector<4xi32>
}

// -----

// i16: signed on both sides, two products a lane.
// CHECK-LABEL: func.func @words
func.func @words(%c: vector<4xi32>, %a: vector<8xi16>, %b: vector<8xi16>) -> vector<4xi32> {
  // CHECK-NOT: arith.extui
  // CHECK-COUNT-2: arith.extsi
  // CHECK-COUNT-2: arith.addi
  // CHECK: return
  %r = kernel.dot %c, %a, %b k 2 : vector<4xi32>, vector<8xi16>
  return %r : vector<4xi32>
}

// -----

// The numbers: 255 * -128 + 254 * 127 - 1 + 100, and 7 * 2 - 3 * 3 added to the largest i32.
// CHECK-LABEL: func.func @bytes_of_constants
func.func @bytes_of_constants() -> vector<2xi32> {
  // CHECK: arith.constant dense<[-283, -2147483644]> : vector<2xi32>
  %c = arith.constant dense<[100, 2147483647]> : vector<2xi32>
  %a = arith.constant dense<[255, 254, 0, 1, 7, 0, 0, 3]> : vector<8xi8>
  %b = arith.constant dense<[-128, 127, 5, -1, 2, 9, 9, -3]> : vector<8xi8>
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<2xi32>, vector<8xi8>
  return %r : vector<2xi32>
}

// -----

// CHECK-LABEL: func.func @words_of_constants
func.func @words_of_constants() -> vector<2xi32> {
  // CHECK: arith.constant dense<[1073807358, -9]> : vector<2xi32>
  %c = arith.constant dense<0> : vector<2xi32>
  %a = arith.constant dense<[-32768, 32767, 3, -4]> : vector<4xi16>
  %b = arith.constant dense<[-32768, 2, 5, 6]> : vector<4xi16>
  %r = kernel.dot %c, %a, %b k 2 : vector<2xi32>, vector<4xi16>
  return %r : vector<2xi32>
}

// -----

// Both sides signed, and both unsigned: -1 * -1 * 4 + 1, and 255 * 255 * 4 + 1.
// CHECK-LABEL: func.func @signs
func.func @signs() -> (vector<1xi32>, vector<1xi32>) {
  // CHECK-DAG: arith.constant dense<5> : vector<1xi32>
  // CHECK-DAG: arith.constant dense<260101> : vector<1xi32>
  %c = arith.constant dense<1> : vector<1xi32>
  %a = arith.constant dense<-1> : vector<4xi8>
  %r = kernel.dot %c, %a, %a k 4 : vector<1xi32>, vector<4xi8>
  %s = kernel.dot %c, %a, %a k 4 {unsigned_lhs, unsigned_rhs} : vector<1xi32>, vector<4xi8>
  return %r, %s : vector<1xi32>, vector<1xi32>
}

// -----

// One product a lane needs no shuffle; elements of i32 are as wide as the sums.
// CHECK-LABEL: func.func @single
func.func @single(%c: vector<4xi32>, %a: vector<4xi16>, %b: vector<4xi32>) -> vector<4xi32> {
  // CHECK-COUNT-2: arith.extsi
  // CHECK: arith.muli
  // CHECK-NEXT: arith.addi
  // CHECK-NEXT: arith.muli
  // CHECK-NEXT: arith.addi
  // CHECK-NEXT: return
  %r = kernel.dot %c, %a, %a k 1 : vector<4xi32>, vector<4xi16>
  %s = kernel.dot %r, %b, %b k 1 : vector<4xi32>, vector<4xi32>
  return %s : vector<4xi32>
}
