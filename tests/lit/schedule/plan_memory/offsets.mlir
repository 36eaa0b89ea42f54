// RUN: bluec-opt %s -split-input-file -plan-memory | FileCheck %s

// A module without entry points has nothing to place.
// CHECK: module attributes {plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64}
module {
}

// -----

// Caches lie one behind the other, aligned to 64 bytes. Weights that nothing reads take no memory.
// CHECK: module attributes {plan.cache_bytes = 320 : i64, plan.peak_bytes = 320 : i64
// CHECK: plan.cache @a : tensor<1x9x4xf32> offset 0
// CHECK: plan.cache @b : tensor<1x8x4xf32> offset 192
module attributes {plan.weights_bytes = 4096 : i64} {
  plan.cache @a : tensor<1x9x4xf32>
  plan.cache @b : tensor<1x8x4xf32>
}

// -----

// Three steps one after the other need room for two values: the third takes the first one's place,
// the input's place is free once it has been read, and the output lives to the end.
// CHECK: plan.peak_bytes = 512 : i64
// CHECK: plan.entry @encode {{.*}} arena 512 inputs [0]
// CHECK: plan.step "1" value "1" on "cpu" offset 256 last_use 1
// CHECK: plan.step "2" value "2" on "cpu" offset 0 last_use 2
// CHECK: plan.step "3" value "3" on "cpu" offset 256 last_use 3
module {
  plan.entry @encode role encode capacity 4 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<4x16xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<4x16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x16xf32>):
      %y = blue.relu %a : tensor<4x16xf32>
      plan.yield %y : tensor<4x16xf32>
    }
    %1 = plan.step "2" value "2" on "cpu"(%0) : (tensor<4x16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x16xf32>):
      %y = blue.relu %a : tensor<4x16xf32>
      plan.yield %y : tensor<4x16xf32>
    }
    %2 = plan.step "3" value "3" on "cpu"(%1) : (tensor<4x16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x16xf32>):
      %y = blue.relu %a : tensor<4x16xf32>
      plan.yield %y : tensor<4x16xf32>
    }
    plan.return %2 : tensor<4x16xf32>
  }
}

// -----

// A residual that is read late keeps its place while others come and go; sizes are rounded up to 64.
// CHECK: plan.entry @encode {{.*}} arena 192 inputs [0]
// CHECK: plan.step "1" value "1" on "cpu" offset 64 last_use 1
// CHECK: plan.step "2" value "2" on "cpu" offset 128 last_use 2
// CHECK: plan.step "3" value "3" on "cpu" offset 64 last_use 3
module {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x5xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x5xf32>) -> tensor<1x5xf32> {
    ^bb0(%a: tensor<1x5xf32>):
      %y = blue.relu %a : tensor<1x5xf32>
      plan.yield %y : tensor<1x5xf32>
    }
    %1 = plan.step "2" value "2" on "cpu"(%0) : (tensor<1x5xf32>) -> tensor<1x5xf32> {
    ^bb0(%a: tensor<1x5xf32>):
      %y = blue.relu %a : tensor<1x5xf32>
      plan.yield %y : tensor<1x5xf32>
    }
    %2 = plan.step "3" value "3" on "cpu"(%x, %1) : (tensor<1x5xf32>, tensor<1x5xf32>) -> tensor<1x5xf32> {
    ^bb0(%a: tensor<1x5xf32>, %b: tensor<1x5xf32>):
      %y = blue.add %a, %b : (tensor<1x5xf32>, tensor<1x5xf32>) -> tensor<1x5xf32>
      plan.yield %y : tensor<1x5xf32>
    }
    plan.return %2 : tensor<1x5xf32>
  }
}
