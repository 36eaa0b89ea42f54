// RUN: bluec-opt %s -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// A task of experts' layers is a panel: 16 channels of each expert are two. A row's expert for a place is
// looked up in its routing, and what is multiplied is a panel of that one.
// CHECK-DAG: [[ROWS:#map[0-9]*]] = affine_map<(d0) -> (d0)>
// CHECK-DAG: [[PANELS:#map[0-9]*]] = affine_map<(d0) -> (2)>
// CHECK: plan.launch @route_5x3(%{{.*}}) tasks [[ROWS]]
// CHECK: plan.launch @expert_linear_5x2x16(%{{.*}}) tasks [[PANELS]]
// CHECK: func.func private @expert_linear_5x2x16(
// CHECK-SAME: memref<5x4xf32>
// CHECK-SAME: %[[PANEL:[^:]*]]: memref<6x4x8xf32>
// CHECK-SAME: %[[ROUTING:[^:]*]]: memref<5x3xf32>
// CHECK-SAME: memref<10x16xf32>
// CHECK: scf.for
// CHECK: memref.load %[[ROUTING]]
// CHECK: arith.cmpf une
// CHECK: vector.load %[[PANEL]]
// CHECK: vector.fma
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<48x4xf32> packed tensor<6x4x8xf32> segment "s"
  plan.entry @prefill role decode capacity 5 segment "s" takes ["embeddings", "router"] gives ["logits"] {
  ^bb0(%x: tensor<5x4xf32>, %l: tensor<5x3xf32>):
    %w = plan.get_weight @w : tensor<6x4x8xf32>
    %r = plan.step "route" value "route" on "cpu" (%l) : (tensor<5x3xf32>) -> tensor<5x3xf32> {
    ^bb0(%a: tensor<5x3xf32>):
      %y = blue.route %a {chosen = 2, normalized} : tensor<5x3xf32>
      plan.yield %y : tensor<5x3xf32>
    }
    %y = plan.step "up" value "up" on "cpu" (%x, %w, %r)
        : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>) -> tensor<5x2x16xf32> {
    ^bb0(%a: tensor<5x4xf32>, %b: tensor<6x4x8xf32>, %c: tensor<5x3xf32>):
      %n = plan.expert_linear %a, %b, %c
          : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>) -> tensor<5x2x16xf32>
      plan.yield %n : tensor<5x2x16xf32>
    }
    plan.return %y : tensor<5x2x16xf32>
  }
}
