// RUN: bluec-opt %s -place-steps | FileCheck %s --check-prefix=NONE
// RUN: bluec-opt %s -place-steps="machine=%S/inputs/phone.json" | FileCheck %s --check-prefix=PHONE
// RUN: bluec-opt %s -place-steps="machine=%S/inputs/slow_transfer.json" | FileCheck %s --check-prefix=SLOW

// Without a machine nothing changes.
// NONE-NOT: plan.machine
// NONE: plan.encode_calls = [array<i64: 1>]
// NONE-NOT: on "npu"

// Only the cpu computes products, and the npu is quicker with all else: one value crosses. A call of the npu
// costs the same with fewer tiles, so that a tile that is left over is encoded alone.
// PHONE: plan.encode_calls = [array<i64: 1>], plan.machine = "phone"
// PHONE: plan.entry @encode role encode capacity 2
// PHONE: plan.step "patches" value "patches" on "cpu"
// PHONE: plan.step "block" value "block" on "npu"
// PHONE: plan.step "last" value "last" on "npu"
// PHONE: plan.entry @encode_1 role encode capacity 1
// PHONE: plan.step "patches" value "patches" on "cpu"
// PHONE: plan.step "block" value "block" on "npu"
// The rest is computed on the device that is there for all of it.
// PHONE: plan.entry @embed
// PHONE: plan.step "values" value "values" on "npu"

// A second for the way is more than the npu saves. On the cpu, fewer tiles take less, one in a call of two as
// long as one alone: nothing needs encode_1.
// SLOW: plan.encode_calls = [array<i64: 2>], plan.machine = "slow_transfer"
// SLOW: plan.entry @encode role encode capacity 2
// SLOW-NOT: on "npu"
// SLOW-NOT: @encode_1
// SLOW: plan.entry @embed
// SLOW: on "npu"
module attributes {plan.encode_calls = [array<i64: 1>]} {
  plan.weight @w #blue.source<"m" at 0 : tensor<8x4xf32>> packed tensor<1x4x8xf32> segment "vision"
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<2x4xf32>):
    %w = plan.get_weight @w : tensor<1x4x8xf32>
    %0 = plan.step "patches" value "patches" on "cpu"(%x, %w) : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x4x8xf32>):
      %y = plan.linear %a, %b : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    %1 = plan.step "block" value "block" on "cpu"(%0) : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x8xf32>):
      %y = blue.relu %a : tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    %2 = plan.step "last" value "last" on "cpu"(%1) : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x8xf32>):
      %y = blue.relu %a : tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    plan.return %2 : tensor<2x8xf32>
  }
  plan.entry @encode_1 role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %w = plan.get_weight @w : tensor<1x4x8xf32>
    %0 = plan.step "patches" value "patches" on "cpu"(%x, %w) : (tensor<1x4xf32>, tensor<1x4x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4x8xf32>):
      %y = plan.linear %a, %b : (tensor<1x4xf32>, tensor<1x4x8xf32>) -> tensor<1x8xf32>
      plan.yield %y : tensor<1x8xf32>
    }
    %1 = plan.step "block" value "block" on "cpu"(%0) : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%a: tensor<1x8xf32>):
      %y = blue.relu %a : tensor<1x8xf32>
      plan.yield %y : tensor<1x8xf32>
    }
    %2 = plan.step "last" value "last" on "cpu"(%1) : (tensor<1x8xf32>) -> tensor<1x8xf32> {
    ^bb0(%a: tensor<1x8xf32>):
      %y = blue.relu %a : tensor<1x8xf32>
      plan.yield %y : tensor<1x8xf32>
    }
    plan.return %2 : tensor<1x8xf32>
  }
  plan.entry @embed role embed capacity 2 segment "language" takes ["ids"] gives ["embeddings"] {
  ^bb0(%x: tensor<2x8xf32>):
    %0 = plan.step "values" value "values" on "cpu"(%x) : (tensor<2x8xf32>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x8xf32>):
      %y = blue.relu %a : tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    plan.return %0 : tensor<2x8xf32>
  }
}
