// RUN: bluec-opt %s -split-input-file -verify-diagnostics -place-steps="machine=%S/inputs/specialists.json" | FileCheck %s

// An encoder may be on two devices.
// CHECK: plan.step "first" value "first" on "cpu"
// CHECK: plan.step "second" value "second" on "npu"
module {
  plan.weight @w #blue.source<"m" at 0 : tensor<8x4xf32>> packed tensor<1x4x8xf32> segment "vision"
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<2x4xf32>):
    %w = plan.get_weight @w : tensor<1x4x8xf32>
    %0 = plan.step "first" value "first" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
      %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    %1 = plan.step "second" value "second" on "cpu"(%0) : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x8xf32>):
      %y = blue.relu %a : tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    plan.return %1 : tensor<2x8xf32>
  }
}


// -----

// What is no encoder is on one device.
module {
  plan.weight @w #blue.source<"m" at 0 : tensor<8x4xf32>> packed tensor<1x4x8xf32> segment "vision"
  // expected-error @below {{expected machine 'specialists' to compute it on one device, found that 'cpu' does not compute relu ('second'), and that 'npu' does not compute linear of f32 and f32 ('first')}}
  plan.entry @prefill role decode capacity 2 segment "vision" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<2x4xf32>):
    %w = plan.get_weight @w : tensor<1x4x8xf32>
    %0 = plan.step "first" value "first" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
      %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    %1 = plan.step "second" value "second" on "cpu"(%0) : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x8xf32>):
      %y = blue.relu %a : tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    plan.return %1 : tensor<2x8xf32>
  }
}


// -----

// An encoder that would have to go to and fro is refused.
module {
  plan.weight @w #blue.source<"m" at 0 : tensor<8x4xf32>> packed tensor<1x4x8xf32> segment "vision"
  // expected-error @below {{expected machine 'specialists' to compute it on one device, or on two with one value handed over once, found that 'cpu' does not compute relu ('zeroth'), and that 'npu' does not compute linear of f32 and f32 ('first')}}
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<2x4xf32>):
    %w = plan.get_weight @w : tensor<1x4x8xf32>
    %z = plan.step "zeroth" value "zeroth" on "cpu"(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    %0 = plan.step "first" value "first" on "cpu"(%z, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
      %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    %1 = plan.step "second" value "second" on "cpu"(%0) : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x8xf32>):
      %y = blue.relu %a : tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    plan.return %1 : tensor<2x8xf32>
  }
}

