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
  %r = kernel.dot %c, %a, %b : vector<4xi32>, vector<16xi8>
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
  %r = kernel.dot %c, %a, %b : vector<4xi32>, vector<8xi16>
  return %r : vector<4xi32>
}
