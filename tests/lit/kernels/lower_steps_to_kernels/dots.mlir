// RUN: bluec-opt %s -split-input-file -verify-diagnostics -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// Bytes with signs on both sides: weights stand as they are, nothing has to be taken out.
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 4>>>
!x = tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
// CHECK-LABEL: func.func private @linear_4x16_k64
// CHECK-NOT: arith.shli
// CHECK-NOT: arith.andi
// CHECK: kernel.dot {{.*}} k 4 : vector<4xi32>, vector<16xi8>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// Nibbles are the upper halves of bytes, by a shift or a mask: 16 times as large, which scales take
// back. Nothing has to be taken out.
!w = tensor<16x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 4>>>
!x = tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
// CHECK-LABEL: func.func private @linear_4x16_k64
// CHECK-DAG: %[[FOUR:.*]] = arith.constant dense<4> : vector<16xi8>
// CHECK-DAG: %[[UPPER:.*]] = arith.constant dense<-16> : vector<16xi8>
// CHECK-DAG: %[[SIXTEENTH:.*]] = arith.constant dense<6.250000e-02> : vector<4xf32>
// CHECK-NOT: arith.subi
// CHECK: arith.shli %{{.*}}, %[[FOUR]] : vector<16xi8>
// CHECK: kernel.dot {{.*}} k 4 : vector<4xi32>, vector<16xi8>
// CHECK: arith.andi %{{.*}}, %[[UPPER]] : vector<16xi8>
// CHECK: kernel.dot {{.*}} k 4 : vector<4xi32>, vector<16xi8>
// CHECK: %[[SCALES:.*]] = arith.extf {{.*}} : vector<4xf16> to vector<4xf32>
// CHECK: arith.mulf %[[SCALES]], %[[SIXTEENTH]]
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i4 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// A target with dots of words only: bytes of activations become words on their way.
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>
!x = tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
// CHECK-LABEL: func.func private @linear_4x16_k64
// CHECK: vector.load {{.*}} vector<2xi8>
// CHECK: arith.extsi {{.*}} : vector<2xi8> to vector<2xi16>
// CHECK: kernel.dot {{.*}} k 2 : vector<4xi32>, vector<8xi16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// One product a lane: a word has 16 bits, two weights.
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 1>>>
!x = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 64>>
// CHECK-LABEL: func.func private @linear_4x16_k64
// CHECK: vector.load {{.*}} : memref<{{.*}}xi8>, vector<8xi8>
// CHECK: kernel.dot {{.*}} k 1 : vector<4xi32>, vector<4xi16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// No dot at all.
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si32 x si32, k 1>>>
!x = tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
// CHECK-LABEL: func.func private @linear_4x16_k64
// CHECK: arith.extsi {{.*}} : vector<1xi8> to vector<1xi32>
// CHECK: kernel.dot {{.*}} k 1 : vector<4xi32>, vector<4xi32>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// Words of 64 bits.
!w = tensor<16x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 8>>>
!x = tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
// CHECK-LABEL: func.func private @linear_4x16_k64
// CHECK: vector.broadcast {{.*}} : i64 to vector<4xi64>
// CHECK: kernel.dot {{.*}} k 8 : vector<4xi32>, vector<32xi8>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i4 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// Products in tiles: of three rows the last one stands beside itself. Two rows' totals are parted when
// all is added, one row's sums before.
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 8>>>
!x = tensor<3x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
// CHECK-LABEL: func.func private @linear_3x16_k64
// CHECK-NOT: kernel.dot
// CHECK: %[[A:.*]] = vector.load {{.*}} vector<16xi8>
// CHECK: %[[B:.*]] = vector.load {{.*}} vector<16xi8>
// CHECK: vector.shuffle %[[A]], %[[B]] [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
// CHECK: kernel.mma {{.*}} m 2 n 2 k 8 : vector<8xi32>, vector<32xi8>, vector<32xi8>
// CHECK: vector.fma {{.*}} : vector<8xf32>
// CHECK: vector.shuffle {{.*}} [0, 1, 4, 5] : vector<8xf32>
// CHECK: vector.shuffle {{.*}} [2, 3, 6, 7] : vector<8xf32>
// CHECK: vector.shuffle %[[C:.*]], %[[C]] [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 0,
// CHECK: vector.shuffle {{.*}} [0, 1, 4, 5] : vector<8xi32>
// CHECK-NOT: [2, 3, 6, 7]
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    mmas = [#plan.mma<si8 x si8, m 2, n 2, k 8>]>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 3 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<3x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<3x16xf32>
      plan.yield %l : tensor<3x16xf32>
    }
    plan.return %y : tensor<3x16xf32>
  }
}

// -----

// Rows side by side: an operand is one load, and a tile is many rows by one of a panel's two vectors.
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 8>>>
!x = tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64 pairs 8>>
// CHECK-LABEL: func.func private @linear_4x16_k64
// CHECK: scf.for %{{.*}} = %{{.*}} to %c2
// CHECK: %[[BOTH:.*]] = vector.load {{.*}} vector<16xi8>
// CHECK: vector.shuffle %[[BOTH]], %[[BOTH]] [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0,
// CHECK: %[[OTHERS:.*]] = vector.load {{.*}} vector<16xi8>
// CHECK: vector.shuffle %[[OTHERS]], %[[OTHERS]] [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0,
// CHECK: kernel.mma {{.*}} m 2 n 2 k 8
// CHECK: kernel.mma {{.*}} m 2 n 2 k 8
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    mmas = [#plan.mma<si8 x si8, m 2, n 2, k 8>]>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// Rows in pairs are for products in tiles only.
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 4>>>
!x = tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64 pairs 8>>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<4x16xf32> {
    ^bb0(%a: !x, %b: !w):
      // expected-error @below {{expected rows in pairs of as many elements as a product in tiles has}}
      %l = plan.linear %a, %b : (!x, !w) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}
