// RUN: bluec-opt %s -split-input-file -assign-weights | FileCheck %s

// Without weights there are no segments and no bytes.
// CHECK: module attributes {plan.segments = [], plan.weights_bytes = 0 : i64}
module {
}

// -----

// Weights follow the order in which steps read them; segments begin at pages; equal digests share a
// range, and so do weights that say the same; a weight that nothing reads goes away.
// CHECK: plan.segments = [#plan.segment<"vision" at 0 bytes 128>, #plan.segment<"language" at 4096 bytes 192>]
// CHECK-SAME: plan.weights_bytes = 4288 : i64
// CHECK-DAG: plan.weight @late {{.*}} offset 64
// CHECK-DAG: plan.weight @early {{.*}} offset 0
// CHECK-DAG: plan.weight @same_digest {{.*}} digest "ab" offset 0
// CHECK-DAG: plan.weight @table {{.*}} offset 4096
// CHECK-DAG: plan.weight @again {{.*}} offset 4096
// CHECK-DAG: plan.weight @transposed {{.*}} offset 4224
// CHECK-NOT: @unread
module {
  plan.weight @late #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "vision"
  plan.weight @early #blue.source<"m" at 64 : tensor<4xf32>> packed tensor<4xf32> segment "vision" digest "ab"
  plan.weight @same_digest #blue.source<"n" at 64 : tensor<4xf32>> packed tensor<4xf32> segment "vision" digest "ab"
  plan.weight @table #blue.source<"m" at 128 : tensor<6x4xf32>> packed tensor<6x4xf32> segment "language"
  plan.weight @again #blue.source<"m" at 128 : tensor<6x4xf32>> packed tensor<6x4xf32> segment "language"
  plan.weight @transposed #blue.source<"m" at 512 : tensor<4x4xf32>> [#blue.transpose<[1, 0]>] packed tensor<4x4xf32> segment "language"
  plan.weight @unread #blue.source<"m" at 1024 : tensor<4xf32>> packed tensor<4xf32> segment "language"
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %late = plan.get_weight @late : tensor<4xf32>
    %early = plan.get_weight @early : tensor<4xf32>
    %same = plan.get_weight @same_digest : tensor<4xf32>
    %0 = plan.step "1" value "1" on "cpu"(%x, %early) : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<4xf32>):
      %y = blue.add %a, %b : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    %1 = plan.step "2" value "2" on "cpu"(%0, %late, %same) : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>):
      %y = blue.layer_norm %a, %b, %c {epsilon = 0.0} : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %1 : tensor<1x4xf32>
  }
  plan.entry @embed role embed capacity 6 segment "language" takes ["ids"] gives ["embeddings"] {
  ^bb0(%x: tensor<6x4xf32>):
    %table = plan.get_weight @table : tensor<6x4xf32>
    %again = plan.get_weight @again : tensor<6x4xf32>
    %square = plan.get_weight @transposed : tensor<4x4xf32>
    %unread = plan.get_weight @unread : tensor<4xf32>
    %0 = plan.step "1" value "1" on "cpu"(%x, %table, %again, %square) : (tensor<6x4xf32>, tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x4xf32>) -> tensor<6x4xf32> {
    ^bb0(%a: tensor<6x4xf32>, %b: tensor<6x4xf32>, %c: tensor<6x4xf32>, %d: tensor<4x4xf32>):
      %y = blue.add %a, %b : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>
      plan.yield %y : tensor<6x4xf32>
    }
    plan.return %0 : tensor<6x4xf32>
  }
}
