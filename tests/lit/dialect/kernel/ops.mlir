// RUN: bluec-opt %s | bluec-opt | FileCheck %s

// CHECK-LABEL: @dots
func.func @dots(%c: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>, %d: vector<16xi16>)
    -> vector<8xi32> {
  // CHECK: kernel.dot %{{.*}}, %{{.*}}, %{{.*}} k 4 {unsigned_lhs} : vector<8xi32>, vector<32xi8>
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<8xi32>, vector<32xi8>
  // CHECK: kernel.dot %{{.*}}, %{{.*}}, %{{.*}} k 4 {lhs_bits = 4 : i64, unsigned_lhs} : vector<8xi32>, vector<32xi8>
  %s = kernel.dot %r, %a, %b k 4 {lhs_bits = 4 : i64, unsigned_lhs} : vector<8xi32>, vector<32xi8>
  // CHECK: kernel.dot %{{.*}}, %{{.*}}, %{{.*}} k 2 : vector<8xi32>, vector<16xi16>
  %t = kernel.dot %s, %d, %d k 2 : vector<8xi32>, vector<16xi16>
  return %t : vector<8xi32>
}

// CHECK-LABEL: @tiles
func.func @tiles(%c: vector<4xi32>, %a: vector<16xi8>, %d: vector<12xi32>, %x: vector<8xi16>,
                 %y: vector<12xi16>) -> vector<4xi32> {
  // CHECK: kernel.mma %{{.*}}, %{{.*}}, %{{.*}} m 2 n 2 k 8 : vector<4xi32>, vector<16xi8>, vector<16xi8>
  %r = kernel.mma %c, %a, %a m 2 n 2 k 8 : vector<4xi32>, vector<16xi8>, vector<16xi8>
  // CHECK: kernel.mma %{{.*}}, %{{.*}}, %{{.*}} m 2 n 3 k 2 {unsigned_lhs, unsigned_rhs} : vector<12xi32>, vector<8xi16>, vector<12xi16>
  %s = kernel.mma %d, %x, %y m 2 n 3 k 2 {unsigned_lhs, unsigned_rhs} : vector<12xi32>, vector<8xi16>, vector<12xi16>
  return %r : vector<4xi32>
}
