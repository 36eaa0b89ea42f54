// RUN: bluec-opt %s -split-input-file -verify-diagnostics -verify-plan

// Two that write each for itself may share a loop.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 192 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.launch @k(%x) tasks affine_map<(d0) -> (2)> layer "1" value "1" on "cpu" offset 64 last_use 0
        : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %1 = plan.launch @k(%x) tasks affine_map<(d0) -> (2)> joined layer "2" value "2" on "cpu" offset 128 last_use 2
        : (tensor<1x4xf32>) -> tensor<1x4xf32>
    plan.return %1 : tensor<1x4xf32>
  }
  func.func private @k(memref<1x4xf32>, memref<1x4xf32>, index, index, index, index)
}

// -----

// One reads what the other writes.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 192 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-note @below {{the other one, layer "1"}}
    %0 = plan.launch @k(%x) tasks affine_map<(d0) -> (2)> layer "1" value "1" on "cpu" offset 64 last_use 1
        : (tensor<1x4xf32>) -> tensor<1x4xf32>
    // expected-error @below {{shares a loop and bytes with another launch, one of which writes them}}
    %1 = plan.launch @k(%0) tasks affine_map<(d0) -> (2)> joined layer "2" value "2" on "cpu" offset 128 last_use 2
        : (tensor<1x4xf32>) -> tensor<1x4xf32>
    plan.return %1 : tensor<1x4xf32>
  }
  func.func private @k(memref<1x4xf32>, memref<1x4xf32>, index, index, index, index)
}

// -----

// There is none to join.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-error @below {{shares a loop with the launch before it, found none before it}}
    %0 = plan.launch @k(%x) tasks affine_map<(d0) -> (2)> joined layer "1" value "1" on "cpu" offset 64 last_use 1
        : (tensor<1x4xf32>) -> tensor<1x4xf32>
    plan.return %0 : tensor<1x4xf32>
  }
  func.func private @k(memref<1x4xf32>, memref<1x4xf32>, index, index, index, index)
}
