// RUN: bluec-opt %s -split-input-file -fuse-steps | FileCheck %s

// A value with two readers stays a step of its own.
// CHECK-LABEL: plan.entry @two_readers
// CHECK: plan.step "l"
// CHECK: plan.step "g"
// CHECK: plan.step "a"
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "vision"
plan.weight @g #blue.source<"m" at 64 : tensor<4xf32>> packed tensor<4xf32> segment "vision"
plan.entry @two_readers role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<2x4xf32>):
  %w = plan.get_weight @w : tensor<1x4x8xf32>
  %g = plan.get_weight @g : tensor<4xf32>
  %0 = plan.step "l" value "l" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
    %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  %1 = plan.step "g" value "g" on "cpu"(%0, %g) : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<4xf32>):
    %y = blue.rms_norm %a, %b {epsilon = 0.0} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
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

// An activation and a residual addition join the linear layer, in order; the step keeps the layer's
// name and makes the last value.
// CHECK-LABEL: plan.entry @chain
// CHECK: plan.step "l" value "a" on "cpu"(%[[X:.*]], %{{.*}}) :
// CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<2x4xf32>, %[[B:.*]]: tensor<1x4x8xf32>):
// CHECK-NEXT: %[[L:.*]] = plan.linear %[[A]], %[[B]]
// CHECK-NEXT: %[[G:.*]] = blue.gelu %[[L]]
// CHECK-NEXT: %[[S:.*]] = blue.add %[[A]], %[[G]]
// CHECK-NEXT: plan.yield %[[S]]
// CHECK-NOT: plan.step
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "vision"
plan.entry @chain role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<2x4xf32>):
  %w = plan.get_weight @w : tensor<1x4x8xf32>
  %0 = plan.step "l" value "l" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
    %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  %1 = plan.step "g" value "g" on "cpu"(%0) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>):
    %y = blue.gelu %a : tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  %2 = plan.step "a" value "a" on "cpu"(%x, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<2x4xf32>):
    %y = blue.add %a, %b : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  plan.return %2 : tensor<2x4xf32>
}

// -----

// Of the two linear layers of a gated MLP, swiglu joins the second, which then reads the first.
// CHECK-LABEL: plan.entry @gated
// CHECK: %[[GATE:.*]] = plan.step "gate" value "gate"
// CHECK: plan.step "up" value "h" on "cpu"(%{{.*}}, %{{.*}}, %[[GATE]])
// CHECK: %[[U:.*]] = plan.linear
// CHECK-NEXT: blue.swiglu %{{.*}}, %[[U]]
// CHECK-NOT: plan.step
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "vision"
plan.entry @gated role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<2x4xf32>):
  %w = plan.get_weight @w : tensor<1x4x8xf32>
  %0 = plan.step "gate" value "gate" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
    %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  %1 = plan.step "up" value "up" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
    %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  %2 = plan.step "h" value "h" on "cpu"(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<2x4xf32>):
    %y = blue.swiglu %a, %b : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    plan.yield %y : tensor<2x4xf32>
  }
  plan.return %2 : tensor<2x4xf32>
}
