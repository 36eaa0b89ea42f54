// RUN: bluec-opt %s -split-input-file -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// The register tile follows from the target's facts and the number of rows.

// 32 registers of 512 bits and 128 rows: 9 tiles of 13 rows by 2 vectors, and one of 11.
// CHECK: [[TASKS:#map[0-9]*]] = affine_map<(d0) -> ((d0 ceildiv 130) * 2)>
// CHECK: plan.launch @linear_128x64_k48({{.*}}) tasks [[TASKS]]
// CHECK: func.func private @linear_128x64_k48
// Where the tile's results go is asked for before there are any.
// CHECK-COUNT-26: memref.prefetch %{{.*}} : memref<128x64xf32>
// CHECK: scf.for %{{.*}} = %c0 to %c48 step %c1 iter_args
// CHECK-COUNT-2: vector.load %{{.*}} : memref<2x48x32xf32>, vector<16xf32>
// CHECK-COUNT-26: vector.fma
// CHECK-NOT: vector.fma
// CHECK: scf.yield
// CHECK-COUNT-26: vector.store
// CHECK: scf.if
// CHECK-COUNT-22: vector.fma
// CHECK-NOT: vector.fma
// CHECK: scf.yield
// CHECK-COUNT-22: vector.store
// CHECK-NOT: vector.store
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 5120, dotsInFlight = 8>>} {
  plan.weight @w dense<1.0> : tensor<64x48xf32> packed tensor<2x48x32xf32> segment "s"
  plan.entry @prefill role decode capacity 128 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<128x48xf32>):
    %w = plan.get_weight @w : tensor<2x48x32xf32>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<128x48xf32>, tensor<2x48x32xf32>) -> tensor<128x64xf32> {
    ^bb0(%a: tensor<128x48xf32>, %b: tensor<2x48x32xf32>):
      %l = plan.linear %a, %b : (tensor<128x48xf32>, tensor<2x48x32xf32>) -> tensor<128x64xf32>
      plan.yield %l : tensor<128x64xf32>
    }
    plan.return %y : tensor<128x64xf32>
  }
}

// -----

// 16 registers of 256 bits and 12 rows: 6 rows by 2 vectors.
// CHECK: func.func private @linear_12x16_k48
// CHECK-COUNT-12: vector.fma
// CHECK-NOT: vector.fma
// CHECK: scf.yield
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 5120, dotsInFlight = 8>>} {
  plan.weight @w dense<1.0> : tensor<16x48xf32> packed tensor<1x48x16xf32> segment "s"
  plan.entry @prefill role decode capacity 12 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<12x48xf32>):
    %w = plan.get_weight @w : tensor<1x48x16xf32>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<12x48xf32>, tensor<1x48x16xf32>) -> tensor<12x16xf32> {
    ^bb0(%a: tensor<12x48xf32>, %b: tensor<1x48x16xf32>):
      %l = plan.linear %a, %b : (tensor<12x48xf32>, tensor<1x48x16xf32>) -> tensor<12x16xf32>
      plan.yield %l : tensor<12x16xf32>
    }
    plan.return %y : tensor<12x16xf32>
  }
}

// -----

// One row: two panels side by side and lines asked for ahead; a task is a panel. The last panel is
// in part past the 20 columns, so loads and stores of columns are masked.
// CHECK: [[TASKS:#map[0-9]*]] = affine_map<(d0) -> (2)>
// CHECK: plan.launch @linear_1x20_k8({{.*}}) tasks [[TASKS]]
// CHECK: func.func private @linear_1x20_k8
// CHECK: memref.prefetch
// CHECK-COUNT-16: vector.fma
// CHECK: vector.maskedstore
// CHECK-NOT: vector.store
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 5120, dotsInFlight = 8>>} {
  plan.weight @w dense<1.0> : tensor<20x8xf32> packed tensor<2x8x16xf32> segment "s"
  plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives ["logits"] {
  ^bb0(%x: tensor<1x8xf32>):
    %w = plan.get_weight @w : tensor<2x8x16xf32>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<1x8xf32>, tensor<2x8x16xf32>) -> tensor<1x20xf32> {
    ^bb0(%a: tensor<1x8xf32>, %b: tensor<2x8x16xf32>):
      %l = plan.linear %a, %b : (tensor<1x8xf32>, tensor<2x8x16xf32>) -> tensor<1x20xf32>
      plan.yield %l : tensor<1x20xf32>
    }
    plan.return %y : tensor<1x20xf32>
  }
}

// -----

// 34 rows are a tile of 18 and one of 16. Where a call has at most 8 rows left, they are a tile of 8.
// CHECK-LABEL: func.func private @linear_34x16_k64
// CHECK: scf.for
// CHECK-COUNT-72: kernel.mma
// CHECK-NOT: kernel.mma
// CHECK: %[[LEFT:.*]] = arith.subi %arg3
// CHECK: arith.cmpi slt, %[[LEFT]], %c9
// CHECK: scf.if
// CHECK-COUNT-32: kernel.mma
// CHECK-NOT: kernel.mma
// CHECK: arith.cmpi sgt, %[[LEFT]], %c8
// CHECK: scf.if
// CHECK-COUNT-64: kernel.mma
// CHECK-NOT: kernel.mma
!w = tensor<16x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 8>>>
!x = tensor<34x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64 pairs 8>>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    mmas = [#plan.mma<si8 x si8, m 2, n 2, k 8>]>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 34 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: !x):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (!x, !w) -> tensor<34x16xf32> {
    ^bb0(%a: !x, %b: !w):
      %l = plan.linear %a, %b : (!x, !w) -> tensor<34x16xf32>
      plan.yield %l : tensor<34x16xf32>
    }
    plan.return %y : tensor<34x16xf32>
  }
}
