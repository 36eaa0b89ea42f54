// RUN: bluec-opt %s -split-input-file -expand-kernel-ops | FileCheck %s

// What is one instruction everywhere stays.
// CHECK-LABEL: func.func @kept
// CHECK-NEXT: math.fma
// CHECK-NEXT: math.sqrt
// CHECK-NEXT: math.roundeven
// CHECK-NEXT: return
func.func @kept(%x: vector<4xf32>) -> vector<4xf32> {
  %a = math.fma %x, %x, %x : vector<4xf32>
  %b = math.sqrt %a : vector<4xf32>
  %c = math.roundeven %b : vector<4xf32>
  return %c : vector<4xf32>
}

// -----

// exp: one fma finds n, two go to x - n ln 2, and seven are the polynomial.
// CHECK-LABEL: func.func @exp
// CHECK-COUNT-10: math.fma
// CHECK-NOT: math.fma
// CHECK: arith.shli
// CHECK-NOT: math.exp
func.func @exp(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x : vector<8xf32>
  return %y : vector<8xf32>
}

// -----

// CHECK-LABEL: func.func @others
// CHECK-NOT: math.tanh
// CHECK-NOT: math.erf
// CHECK: return
func.func @others(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.tanh %x : vector<8xf32>
  %z = math.erf %y : vector<8xf32>
  return %z : vector<8xf32>
}
