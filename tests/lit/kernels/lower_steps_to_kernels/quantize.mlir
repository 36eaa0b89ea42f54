// RUN: bluec-opt %s -split-input-file -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// Behind a norm: a row waits on the stack while its largest element is found; then it is divided by
// the scale, rounded, bounded and stored as bytes, with the scale and the sums of 32 behind it.
// CHECK: plan.launch @rms_norm_quantize_4x64
// CHECK: func.func private @rms_norm_quantize_4x64(%{{.*}}: memref<4x64xf32>{{.*}}, %{{.*}}: memref<1x64xf32>{{.*}}, %{{.*}}: memref<768xi8>
// CHECK: memref.alloca() {{.*}} : memref<64xf32>
// CHECK: math.absf
// CHECK: arith.divf %{{.*}}, %cst{{.*}} : f32
// CHECK: math.roundeven
// CHECK: arith.fptosi
// CHECK: arith.trunci %{{.*}} : vector<16xi32> to vector<16xi8>
// CHECK: vector.store
// CHECK: vector.reduction <add>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<64xf32> packed tensor<64xf32> segment "s"
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x64xf32>):
    %w = plan.get_weight @w : tensor<64xf32>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>> {
    ^bb0(%a: tensor<4x64xf32>, %b: tensor<64xf32>):
      %n = blue.rms_norm %a, %b {epsilon = 1.0e-6 : f64} : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64xf32>
      %q = plan.quantize %n : (tensor<4x64xf32>) -> tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>>
      plan.yield %q : tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>>
    }
    plan.return %y : tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>>
  }
}

// -----

// With a given scale nothing has to wait.
// CHECK: func.func private @quantize_4x64
// CHECK-NOT: memref.alloca
// CHECK-NOT: math.absf
// CHECK: arith.trunci %{{.*}} : vector<16xi32> to vector<16xi16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.entry @f role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x64xf32>):
    %y = plan.step "l" value "v" on "cpu" (%x) : (tensor<4x64xf32>) -> tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>> {
    ^bb0(%a: tensor<4x64xf32>):
      %q = plan.quantize %a scale 2.500000e-01 : (tensor<4x64xf32>) -> tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
      plan.yield %q : tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
    }
    plan.return %y : tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
  }
}
