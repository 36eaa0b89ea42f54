// RUN: bluec-opt %s | bluec-opt | FileCheck %s

// CHECK-LABEL: @dots
func.func @dots(%c: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>, %d: vector<16xi16>)
    -> vector<8xi32> {
  // CHECK: kernel.dot %{{.*}}, %{{.*}}, %{{.*}} : vector<8xi32>, vector<32xi8>
  %r = kernel.dot %c, %a, %b : vector<8xi32>, vector<32xi8>
  // CHECK: kernel.dot %{{.*}}, %{{.*}}, %{{.*}} {lhs_bits = 4 : i64} : vector<8xi32>, vector<32xi8>
  %s = kernel.dot %r, %a, %b {lhs_bits = 4 : i64} : vector<8xi32>, vector<32xi8>
  // CHECK: kernel.dot %{{.*}}, %{{.*}}, %{{.*}} : vector<8xi32>, vector<16xi16>
  %t = kernel.dot %s, %d, %d : vector<8xi32>, vector<16xi16>
  return %t : vector<8xi32>
}
