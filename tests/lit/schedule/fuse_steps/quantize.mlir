// RUN: bluec-opt %s -split-input-file -fuse-steps | FileCheck %s

!x = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>

// Tasks of a linear layer and of attention see parts of rows, and a value with two readers is a
// step of its own: the quantizations stay.
// CHECK-LABEL: plan.entry @stays
// CHECK: plan.linear
// CHECK-NEXT: plan.yield
// CHECK: plan.quantize
// CHECK-NEXT: plan.yield
// CHECK: blue.rms_norm
// CHECK-NEXT: plan.yield
// CHECK: plan.quantize
// CHECK-NEXT: plan.yield
plan.weight @w #blue.source<"m" at 0 : tensor<64x64xf32>> packed tensor<8x64x8xf32> segment "s"
plan.weight @g #blue.source<"m" at 0 : tensor<64xf32>> packed tensor<64xf32> segment "s"
plan.entry @stays role encode capacity 4 segment "s" takes ["pixels"] gives ["features", "other1", "other2"] {
^bb0(%p: tensor<4x64xf32>):
  %w = plan.get_weight @w : tensor<8x64x8xf32>
  %g = plan.get_weight @g : tensor<64xf32>
  %0 = plan.step "linear" value "linear" on "cpu"(%p, %w) : (tensor<4x64xf32>, tensor<8x64x8xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<8x64x8xf32>):
    %r = plan.linear %a, %b : (tensor<4x64xf32>, tensor<8x64x8xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %1 = plan.step "quantize" value "linear/quantized" on "cpu"(%0) : (tensor<4x64xf32>) -> !x {
  ^bb0(%a: tensor<4x64xf32>):
    %r = plan.quantize %a : (tensor<4x64xf32>) -> !x
    plan.yield %r : !x
  }
  %2 = plan.step "norm" value "norm" on "cpu"(%p, %g) : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<64xf32>):
    %r = blue.rms_norm %a, %b {epsilon = 1.0e-6} : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %3 = plan.step "quantize" value "norm/quantized" on "cpu"(%2) : (tensor<4x64xf32>) -> !x {
  ^bb0(%a: tensor<4x64xf32>):
    %r = plan.quantize %a : (tensor<4x64xf32>) -> !x
    plan.yield %r : !x
  }
  plan.return %1, %2, %3 : !x, tensor<4x64xf32>, !x
}

// -----

!x = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>

// Behind a norm and behind elementwise ops alone it joins them. The value is the quantized one.
// CHECK-LABEL: plan.entry @joins
// CHECK: plan.step "norm" value "norm/quantized" on "cpu"(%{{.*}}, %{{.*}}) : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64x!blue.quantized
// CHECK: blue.rms_norm
// CHECK-NEXT: plan.quantize
// CHECK-NEXT: plan.yield
// CHECK: plan.step "swiglu" value "swiglu/quantized"
// CHECK: blue.swiglu
// CHECK-NEXT: plan.quantize
// CHECK-NOT: plan.step
plan.weight @g #blue.source<"m" at 0 : tensor<64xf32>> packed tensor<64xf32> segment "s"
plan.entry @joins role encode capacity 4 segment "s" takes ["pixels"] gives ["features", "other1"] {
^bb0(%p: tensor<4x64xf32>):
  %g = plan.get_weight @g : tensor<64xf32>
  %0 = plan.step "norm" value "norm" on "cpu"(%p, %g) : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<64xf32>):
    %r = blue.rms_norm %a, %b {epsilon = 1.0e-6} : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %1 = plan.step "quantize" value "norm/quantized" on "cpu"(%0) : (tensor<4x64xf32>) -> !x {
  ^bb0(%a: tensor<4x64xf32>):
    %r = plan.quantize %a : (tensor<4x64xf32>) -> !x
    plan.yield %r : !x
  }
  %2 = plan.step "swiglu" value "swiglu" on "cpu"(%p, %p) : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<4x64xf32>):
    %r = blue.swiglu %a, %b : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %3 = plan.step "quantize" value "swiglu/quantized" on "cpu"(%2) : (tensor<4x64xf32>) -> !x {
  ^bb0(%a: tensor<4x64xf32>):
    %r = plan.quantize %a : (tensor<4x64xf32>) -> !x
    plan.yield %r : !x
  }
  plan.return %1, %3 : !x, !x
}

// -----

!x = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>

// What only a quantization reads joins that, not the linear layer that makes it: gate and up stay
// alone. The sum that something else reads as well joins its linear layer.
// CHECK-LABEL: plan.entry @swiglu
// CHECK: plan.linear
// CHECK-NEXT: plan.yield
// CHECK: plan.linear
// CHECK-NEXT: blue.add
// CHECK-NEXT: plan.yield
// CHECK: blue.swiglu
// CHECK-NEXT: plan.quantize
// CHECK-NEXT: plan.yield
// CHECK-NOT: plan.step
plan.weight @w #blue.source<"m" at 0 : tensor<64x64xf32>> packed tensor<8x64x8xf32> segment "s"
plan.entry @swiglu role encode capacity 4 segment "s" takes ["pixels"] gives ["features", "other1"] {
^bb0(%p: tensor<4x64xf32>):
  %w = plan.get_weight @w : tensor<8x64x8xf32>
  %0 = plan.step "gate" value "gate" on "cpu"(%p, %w) : (tensor<4x64xf32>, tensor<8x64x8xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<8x64x8xf32>):
    %r = plan.linear %a, %b : (tensor<4x64xf32>, tensor<8x64x8xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %1 = plan.step "up" value "up" on "cpu"(%p, %w) : (tensor<4x64xf32>, tensor<8x64x8xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<8x64x8xf32>):
    %r = plan.linear %a, %b : (tensor<4x64xf32>, tensor<8x64x8xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %2 = plan.step "add" value "add" on "cpu"(%1, %p) : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<4x64xf32>):
    %r = blue.add %a, %b : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %3 = plan.step "swiglu" value "swiglu" on "cpu"(%0, %2) : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<4x64xf32>):
    %r = blue.swiglu %a, %b : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    plan.yield %r : tensor<4x64xf32>
  }
  %4 = plan.step "quantize" value "swiglu/quantized" on "cpu"(%3) : (tensor<4x64xf32>) -> !x {
  ^bb0(%a: tensor<4x64xf32>):
    %r = plan.quantize %a : (tensor<4x64xf32>) -> !x
    plan.yield %r : !x
  }
  plan.return %4, %2 : !x, tensor<4x64xf32>
}

// -----

!x = tensor<4x2x16x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 16>>

// The same for the layers of experts.
// CHECK-LABEL: plan.entry @experts
// CHECK: plan.expert_linear
// CHECK-NEXT: plan.yield
// CHECK: blue.silu
// CHECK-NEXT: plan.quantize
plan.weight @w #blue.source<"m" at 0 : tensor<48x64xf32>> packed tensor<6x64x8xf32> segment "s"
plan.entry @experts role decode capacity 4 segment "s" takes ["embeddings", "router"] gives ["logits"] {
^bb0(%p: tensor<4x64xf32>, %q: tensor<4x3xf32>):
  %w = plan.get_weight @w : tensor<6x64x8xf32>
  %0 = plan.step "up" value "up" on "cpu"(%p, %w, %q) : (tensor<4x64xf32>, tensor<6x64x8xf32>, tensor<4x3xf32>) -> tensor<4x2x16xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: tensor<6x64x8xf32>, %c: tensor<4x3xf32>):
    %r = plan.expert_linear %a, %b, %c : (tensor<4x64xf32>, tensor<6x64x8xf32>, tensor<4x3xf32>) -> tensor<4x2x16xf32>
    plan.yield %r : tensor<4x2x16xf32>
  }
  %1 = plan.step "silu" value "silu" on "cpu"(%0) : (tensor<4x2x16xf32>) -> tensor<4x2x16xf32> {
  ^bb0(%a: tensor<4x2x16xf32>):
    %r = blue.silu %a : tensor<4x2x16xf32>
    plan.yield %r : tensor<4x2x16xf32>
  }
  %2 = plan.step "quantize" value "silu/quantized" on "cpu"(%1) : (tensor<4x2x16xf32>) -> !x {
  ^bb0(%a: tensor<4x2x16xf32>):
    %r = plan.quantize %a : (tensor<4x2x16xf32>) -> !x
    plan.yield %r : !x
  }
  plan.return %2 : !x
}
