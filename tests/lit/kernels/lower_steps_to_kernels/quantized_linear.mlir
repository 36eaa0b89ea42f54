// RUN: bluec-opt %s -split-input-file -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// Many rows, i4 by i8: 6 rows by 2 vectors of integers beside as many totals. A group begins with
// the sums of x times -8; each word of weights gives two operands, by a mask and a shift; at the
// group's end its scales multiply the sums once.
// CHECK: [[TASKS:#map[0-9]*]] = affine_map<(d0) -> ((d0 ceildiv 18) * 2)>
// CHECK: plan.launch @linear_18x64_k128({{.*}}) tasks [[TASKS]]
// CHECK: func.func private @linear_18x64_k128(%{{.*}}: memref<4608xi8>{{.*}}, %{{.*}}: memref<4352xi8>{{.*}}, %{{.*}}: memref<18x64xf32>
// CHECK-DAG: arith.constant dense<15> : vector<64xi8>
// CHECK-DAG: arith.constant dense<3> : vector<16xi32>
// CHECK: scf.for %{{.*}} = %c0 to %c128 step %c64 iter_args
// CHECK-COUNT-6: arith.shli
// CHECK-NOT: arith.shli
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c32 iter_args
// CHECK: arith.andi
// CHECK-COUNT-12: kernel.dot {{.*}} k 4 {lhs_bits = 4 : i64, unsigned_lhs} : vector<16xi32>, vector<64xi8>
// CHECK: arith.shrui
// CHECK-COUNT-84: kernel.dot
// CHECK-NOT: kernel.dot
// CHECK: scf.yield
// CHECK: arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
// CHECK-COUNT-12: arith.sitofp
// CHECK-NOT: arith.sitofp
// CHECK: scf.yield
// The scale of each row of x, in the end.
// CHECK-COUNT-12: arith.mulf
// CHECK-COUNT-12: vector.store
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 5120, dotsInFlight = 8>>} {
  plan.weight @w dense<1.0> : tensor<64x128xf32> [#blue.quantize<<i4 group 64 scale f16>, nearest>] packed tensor<64x128x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>> segment "s"
  plan.entry @f role decode capacity 18 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<18x128x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>):
    %w = plan.get_weight @w : tensor<64x128x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<18x128x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, tensor<64x128x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>>) -> tensor<18x64xf32> {
    ^bb0(%a: tensor<18x128x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, %b: tensor<64x128x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>>):
      %l = plan.linear %a, %b : (tensor<18x128x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, tensor<64x128x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>>) -> tensor<18x64xf32>
      plan.yield %l : tensor<18x64xf32>
    }
    plan.return %y : tensor<18x64xf32>
  }
}

// -----

// A whole row under one scale, i8 by i16: i32 holds the sums of 512 products.
// CHECK: func.func private @linear_4x32_k1152
// CHECK: scf.for %{{.*}} = %c0 to %c1024 step %c512 iter_args
// CHECK: kernel.dot {{.*}} : vector<16xi32>, vector<32xi16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 5120, dotsInFlight = 8>>} {
  plan.weight @w dense<1.0> : tensor<32x1152xf32> [#blue.quantize<<i8 group row scale f16>, nearest>] packed tensor<32x1152x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>> segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x1152x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 256>>):
    %w = plan.get_weight @w : tensor<32x1152x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4x1152x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 256>>, tensor<32x1152x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>) -> tensor<4x32xf32> {
    ^bb0(%a: tensor<4x1152x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 256>>, %b: tensor<32x1152x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>):
      %l = plan.linear %a, %b : (tensor<4x1152x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 256>>, tensor<32x1152x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>) -> tensor<4x32xf32>
      plan.yield %l : tensor<4x32xf32>
    }
    plan.return %y : tensor<4x32xf32>
  }
}

// -----

// One row: several accumulators for each sum, and lines asked for ahead. A task is a panel.
// CHECK: [[TASKS:#map[0-9]*]] = affine_map<(d0) -> (2)>
// CHECK: plan.launch @linear_1x64_k64({{.*}}) tasks [[TASKS]]
// CHECK: func.func private @linear_1x64_k64
// CHECK: memref.prefetch
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c32 iter_args
// CHECK-COUNT-32: kernel.dot
// CHECK-NOT: kernel.dot
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 5120, dotsInFlight = 8>>} {
  plan.weight @w dense<1.0> : tensor<64x64xf32> [#blue.quantize<<i4 group 64 scale f16>, nearest>] packed tensor<64x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>> segment "s"
  plan.entry @f role decode capacity 1 segment "s" takes ["ids"] gives ["logits"] {
  ^bb0(%x: tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 64>>):
    %w = plan.get_weight @w : tensor<64x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 64>>, tensor<64x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>) -> tensor<1x64xf32> {
    ^bb0(%a: tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 64>>, %b: tensor<64x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>):
      %l = plan.linear %a, %b : (tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 64>>, tensor<64x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>) -> tensor<1x64xf32>
      plan.yield %l : tensor<1x64xf32>
    }
    plan.return %y : tensor<1x64xf32>
  }
}

// -----

// x of floats: weights become floats in registers.
// CHECK: func.func private @linear_4x32_k64(%{{.*}}: memref<4x64xf32>{{.*}}, %{{.*}}: memref<1088xi8>
// CHECK-NOT: kernel.dot
// CHECK: arith.subi
// CHECK: arith.sitofp
// CHECK: vector.fma
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 5120, dotsInFlight = 8>>} {
  plan.weight @w dense<1.0> : tensor<32x64xf32> [#blue.quantize<<i4 group 64 scale f16>, nearest>] packed tensor<32x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <f32 x f32, k 1>>> segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x64xf32>):
    %w = plan.get_weight @w : tensor<32x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <f32 x f32, k 1>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4x64xf32>, tensor<32x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <f32 x f32, k 1>>>) -> tensor<4x32xf32> {
    ^bb0(%a: tensor<4x64xf32>, %b: tensor<32x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <f32 x f32, k 1>>>):
      %l = plan.linear %a, %b : (tensor<4x64xf32>, tensor<32x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot <f32 x f32, k 1>>>) -> tensor<4x32xf32>
      plan.yield %l : tensor<4x32xf32>
    }
    plan.return %y : tensor<4x32xf32>
  }
}

// -----

// An operand may be a lane: a load brings four words of a row.
// CHECK: func.func private @linear_4x32_k64
// CHECK: %[[WORDS:.*]] = vector.bitcast %{{.*}} : vector<16xi8> to vector<4xi32>
// CHECK: %[[FIRST:.*]] = vector.shuffle %[[WORDS]], %[[WORDS]] [0, 0, 0, 0]
// CHECK: vector.bitcast %[[FIRST]] : vector<4xi32> to vector<16xi8>
// CHECK: kernel.dot
// CHECK: vector.shuffle %[[WORDS]], %[[WORDS]] [3, 3, 3, 3]
// CHECK: kernel.dot
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288,
    tuning = <dotsInFlight = 8, panelVectors = 4, laneOperands = true>>} {
  plan.weight @w dense<1.0> : tensor<32x64xf32> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed tensor<32x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>> segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>):
    %w = plan.get_weight @w : tensor<32x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, tensor<32x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>) -> tensor<4x32xf32> {
    ^bb0(%a: tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, %b: tensor<32x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>):
      %l = plan.linear %a, %b : (tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, tensor<32x64x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>) -> tensor<4x32xf32>
      plan.yield %l : tensor<4x32xf32>
    }
    plan.return %y : tensor<4x32xf32>
  }
}
