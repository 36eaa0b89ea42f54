// RUN: bluec-opt %s -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// Two layers with the same shapes share a kernel, into which the bias and the residual are fused:
// the tile's sums go to the result without a detour. A third that adds the other way round is a
// kernel of its own.

// CHECK: plan.launch @[[FIRST:linear_add_4x16_k8]](
// CHECK: plan.launch @[[FIRST]](
// CHECK: plan.launch @[[FIRST]]_2(

// CHECK: func.func private @[[FIRST]](
// CHECK: scf.yield
// The bias, then the residual.
// CHECK: arith.addf
// CHECK: vector.load
// CHECK: arith.addf
// CHECK: vector.store
// CHECK-NOT: scf.for
// CHECK: func.func private @[[FIRST]]_2(
// CHECK-NOT: func.func

module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w0 dense<1.0> : tensor<16x8xf32> packed tensor<1x8x32xf32> segment "s"
  plan.weight @w1 dense<2.0> : tensor<16x8xf32> packed tensor<1x8x32xf32> segment "s"
  plan.weight @b dense<2.0> : tensor<16xf32> packed tensor<16xf32> segment "s"
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings", "more1"] gives ["logits"] {
  ^bb0(%x: tensor<4x8xf32>, %r: tensor<4x16xf32>):
    %w0 = plan.get_weight @w0 : tensor<1x8x32xf32>
    %w1 = plan.get_weight @w1 : tensor<1x8x32xf32>
    %b = plan.get_weight @b : tensor<16xf32>
    %y0 = plan.step "layers.0" value "a" on "cpu" (%x, %w0, %b, %r) : (tensor<4x8xf32>, tensor<1x8x32xf32>, tensor<16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x8xf32>, %p: tensor<1x8x32xf32>, %c: tensor<16xf32>, %d: tensor<4x16xf32>):
      %l = plan.linear %a, %p, %c : (tensor<4x8xf32>, tensor<1x8x32xf32>, tensor<16xf32>) -> tensor<4x16xf32>
      %s = blue.add %l, %d : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
      plan.yield %s : tensor<4x16xf32>
    }
    %y1 = plan.step "layers.1" value "b" on "cpu" (%x, %w1, %b, %y0) : (tensor<4x8xf32>, tensor<1x8x32xf32>, tensor<16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x8xf32>, %p: tensor<1x8x32xf32>, %c: tensor<16xf32>, %d: tensor<4x16xf32>):
      %l = plan.linear %a, %p, %c : (tensor<4x8xf32>, tensor<1x8x32xf32>, tensor<16xf32>) -> tensor<4x16xf32>
      %s = blue.add %l, %d : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
      plan.yield %s : tensor<4x16xf32>
    }
    %y2 = plan.step "layers.2" value "c" on "cpu" (%x, %w1, %b, %y1) : (tensor<4x8xf32>, tensor<1x8x32xf32>, tensor<16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x8xf32>, %p: tensor<1x8x32xf32>, %c: tensor<16xf32>, %d: tensor<4x16xf32>):
      %l = plan.linear %a, %p, %c : (tensor<4x8xf32>, tensor<1x8x32xf32>, tensor<16xf32>) -> tensor<4x16xf32>
      %s = blue.add %d, %l : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
      plan.yield %s : tensor<4x16xf32>
    }
    plan.return %y2 : tensor<4x16xf32>
  }
}
