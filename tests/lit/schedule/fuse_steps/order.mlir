// RUN: bluec-opt %s -split-input-file -fuse-steps | FileCheck %s

// A step that reads the KV cache is not moved to where a residual addition would need it.
// CHECK-LABEL: plan.entry @prefill
// CHECK: plan.step "l" value "l"
// CHECK: plan.step "append"
// CHECK: plan.step "attention"
// CHECK: plan.step "a" value "a"
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "language"
plan.cache @keys : tensor<1x1x2x4x4xf32>
plan.cache @values : tensor<1x8x4xf32>
plan.entry @prefill role decode capacity 2 segment "language" takes ["embeddings"] gives ["logits"] {
^bb0(%x: tensor<2x4xf32>):
  %w = plan.get_weight @w : tensor<1x4x8xf32>
  %k = plan.get_cache @keys : tensor<1x1x2x4x4xf32>
  %v = plan.get_cache @values : tensor<1x8x4xf32>
  %0 = plan.step "l" value "l" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
    %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  plan.step "append" value "" on "cpu"(%x, %k) : (tensor<2x4xf32>, tensor<1x1x2x4x4xf32>) -> () {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x1x2x4x4xf32>):
    plan.append_keys %a into %b : tensor<2x4xf32>, tensor<1x1x2x4x4xf32>
    plan.yield
  }
  %1 = plan.step "attention" value "t" on "cpu"(%x, %k, %v) : (tensor<2x4xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x1x2x4x4xf32>, %c: tensor<1x8x4xf32>):
    %y = plan.attention %a, %b, %c {causal, num_heads = 1, num_kv_heads = 1, scale = 1.0} : (tensor<2x4xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  %2 = plan.step "a" value "a" on "cpu"(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<2x4xf32>):
    %y = blue.add %a, %b : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  plan.return %2 : tensor<2x4xf32>
}

// -----

// A rope whose result is only appended joins the append; a step of another kind that an addition
// needs moves before the linear layer that the addition joins.
// CHECK-LABEL: plan.entry @decode
// CHECK: plan.step "rope" value "" on "cpu"(%{{.*}}, %[[T:.*]], %[[K:.*]]) :
// CHECK: %[[P:.*]] = plan.position
// CHECK-NEXT: %[[R:.*]] = blue.rope %{{.*}} at %[[P]]
// CHECK-NEXT: plan.append_keys %[[R]]
// CHECK: %[[N:.*]] = plan.step "norm" value "norm"
// CHECK: plan.step "l" value "a" on "cpu"(%{{.*}}, %{{.*}}, %[[N]])
// CHECK: blue.add
// CHECK-NOT: plan.step
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "language"
plan.weight @t #blue.source<"m" at 64 : tensor<8x2xf32>> packed tensor<8x2xf32> segment "language"
plan.weight @g #blue.source<"m" at 128 : tensor<4xf32>> packed tensor<4xf32> segment "language"
plan.cache @keys : tensor<1x1x2x4x4xf32>
plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits"] {
^bb0(%x: tensor<1x4xf32>):
  %w = plan.get_weight @w : tensor<1x4x8xf32>
  %t = plan.get_weight @t : tensor<8x2xf32>
  %g = plan.get_weight @g : tensor<4xf32>
  %k = plan.get_cache @keys : tensor<1x1x2x4x4xf32>
  %0 = plan.step "rope" value "rope" on "cpu"(%x, %t) : (tensor<1x4xf32>, tensor<8x2xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>, %b: tensor<8x2xf32>):
    %p = plan.position
    %y = blue.rope %a, %b, %b at %p {num_heads = 1} : (tensor<1x4xf32>, tensor<8x2xf32>, tensor<8x2xf32>, index) -> tensor<1x4xf32>
    plan.yield %y : tensor<1x4xf32>
  }
  plan.step "append" value "" on "cpu"(%0, %k) : (tensor<1x4xf32>, tensor<1x1x2x4x4xf32>) -> () {
  ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x1x2x4x4xf32>):
    plan.append_keys %a into %b : tensor<1x4xf32>, tensor<1x1x2x4x4xf32>
    plan.yield
  }
  %1 = plan.step "l" value "l" on "cpu"(%x, %w) : (tensor<1x4xf32>, tensor<1x4x8xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4x8xf32>):
    %y = plan.linear %a, %b : (tensor<1x4xf32>, tensor<1x4x8xf32>) -> tensor<1x4xf32>
    plan.yield %y : tensor<1x4xf32>
  }
  %2 = plan.step "norm" value "norm" on "cpu"(%x, %g) : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>, %b: tensor<4xf32>):
    %y = blue.rms_norm %a, %b {epsilon = 0.0} : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
    plan.yield %y : tensor<1x4xf32>
  }
  %3 = plan.step "a" value "a" on "cpu"(%1, %2) : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4xf32>):
    %y = blue.add %a, %b : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
    plan.yield %y : tensor<1x4xf32>
  }
  plan.return %3 : tensor<1x4xf32>
}
