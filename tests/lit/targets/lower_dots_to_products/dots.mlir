// RUN: bluec-opt %s -lower-dots-to-products | FileCheck %s

// A number is widened before it is repeated.
// CHECK-LABEL: @words
func.func @words(%c: vector<8xi32>, %a: vector<8xi16>, %x: i16) -> vector<8xi32> {
  // CHECK-DAG: %[[A:.*]] = arith.extsi %arg1 : vector<8xi16> to vector<8xi32>
  // CHECK-DAG: %[[WIDE:.*]] = arith.extsi %arg2 : i16 to i32
  // CHECK-DAG: %[[X:.*]] = vector.broadcast %[[WIDE]] : i32 to vector<8xi32>
  // CHECK: %[[PRODUCT:.*]] = arith.muli %[[A]], %[[X]] : vector<8xi32>
  // CHECK: arith.addi %arg0, %[[PRODUCT]] : vector<8xi32>
  %b = vector.broadcast %x : i16 to vector<8xi16>
  %r = kernel.dot %c, %a, %b k 1 : vector<8xi32>, vector<8xi16>
  return %r : vector<8xi32>
}

// One side without a sign.
// CHECK-LABEL: @unsigned
func.func @unsigned(%c: vector<8xi32>, %a: vector<8xi8>, %b: vector<8xi8>) -> vector<8xi32> {
  // CHECK-DAG: arith.extui %arg1 : vector<8xi8> to vector<8xi32>
  // CHECK-DAG: arith.extsi %arg2 : vector<8xi8> to vector<8xi32>
  // CHECK-NOT: kernel.dot
  %r = kernel.dot %c, %a, %b k 1 {unsigned_lhs} : vector<8xi32>, vector<8xi8>
  return %r : vector<8xi32>
}

// Several products a lane stay.
// CHECK-LABEL: @pairs
func.func @pairs(%c: vector<8xi32>, %a: vector<16xi16>, %b: vector<16xi16>) -> vector<8xi32> {
  // CHECK: kernel.dot
  %r = kernel.dot %c, %a, %b k 2 : vector<8xi32>, vector<16xi16>
  return %r : vector<8xi32>
}
