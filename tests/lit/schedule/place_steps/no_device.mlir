// RUN: bluec-opt %s -split-input-file -verify-diagnostics -place-steps="machine=%S/inputs/values_only.json"

// The error names what is missing, and the first step that needs it.
module {
  plan.weight @w #blue.source<"m" at 0 : tensor<8x4xf32>> packed tensor<1x4x8xf32> segment "vision"
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<2x4xf32>):
    %w = plan.get_weight @w : tensor<1x4x8xf32>
    %0 = plan.step "first" value "first" on "cpu"(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    // expected-error @below {{expected a device of machine 'values_only' that computes linear of f32 and f32, found none}}
    %1 = plan.step "second" value "second" on "cpu"(%0, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
      %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    plan.return %1 : tensor<2x8xf32>
  }
}
