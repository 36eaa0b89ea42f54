// Every op of the plan dialect prints what it reads.
// RUN: bluec-opt %s | bluec-opt | FileCheck %s

// CHECK: #plan.segment<"language" at 0 bytes 4096>
// CHECK-SAME: plan.target = #plan.target<name = "t", triple = "x", cpu = "c", features = "avx2,fma", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>
#target = #plan.target<name = "t", triple = "x", cpu = "c", features = "avx2,fma", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>
module attributes {plan.target = #target, plan.segments = [#plan.segment<"language" at 0 bytes 4096>]} {
  // CHECK: plan.weight @w #blue.source<"m" at 8 : tensor<4x6xf16>> [#blue.transpose<[1, 0]>, #blue.convert<f32>] packed tensor<1x4x8xf32> segment "language" digest "00ff" offset 64
  plan.weight @w #blue.source<"m" at 8 : tensor<4x6xf16>> [#blue.transpose<[1, 0]>, #blue.convert<f32>] packed tensor<1x4x8xf32> segment "language" digest "00ff" offset 64
  // CHECK: plan.weight @t dense<1.000000e+00> : tensor<8x2xf32> packed tensor<8x2xf32> segment "language"
  plan.weight @t dense<1.0> : tensor<8x2xf32> packed tensor<8x2xf32> segment "language"
  // CHECK: plan.cache @k : tensor<1x1x2x4x4xf32> offset 128
  plan.cache @k : tensor<1x1x2x4x4xf32> offset 128
  plan.cache @v : tensor<1x8x4xf32>
  func.func private @kernel()
  // CHECK: plan.entry @prefill role decode capacity 2 segment "language" takes ["embeddings"] gives ["logits"] arena 256 inputs [0] {
  plan.entry @prefill role decode capacity 2 segment "language" takes ["embeddings"] gives ["logits"] arena 256 inputs [0] {
  // CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<2x4xf32>):
  ^bb0(%x: tensor<2x4xf32>):
    // CHECK-NEXT: plan.get_weight @w : tensor<1x4x8xf32>
    %w = plan.get_weight @w : tensor<1x4x8xf32>
    %t = plan.get_weight @t : tensor<8x2xf32>
    // CHECK: plan.get_cache @k : tensor<1x1x2x4x4xf32>
    %k = plan.get_cache @k : tensor<1x1x2x4x4xf32>
    %v = plan.get_cache @v : tensor<1x8x4xf32>
    // CHECK: plan.step "decoder/k_proj" value "" on "cpu"(%[[X]], %{{.*}}, %{{.*}}) :
    plan.step "decoder/k_proj" value "" on "cpu"(%x, %t, %k) : (tensor<2x4xf32>, tensor<8x2xf32>, tensor<1x1x2x4x4xf32>) -> () {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<8x2xf32>, %c: tensor<1x1x2x4x4xf32>):
      // CHECK: plan.position
      %p = plan.position
      %r = blue.rope %a, %b, %b at %p {num_heads = 1} : (tensor<2x4xf32>, tensor<8x2xf32>, tensor<8x2xf32>, index) -> tensor<2x4xf32>
      // CHECK: plan.append_keys %{{.*}} into %{{.*}} : tensor<2x4xf32>, tensor<1x1x2x4x4xf32>
      plan.append_keys %r into %c : tensor<2x4xf32>, tensor<1x1x2x4x4xf32>
      plan.yield
    }
    // CHECK: plan.append_values %{{.*}} into %{{.*}} : tensor<2x4xf32>, tensor<1x8x4xf32>
    plan.step "decoder/v_proj" value "" on "cpu"(%x, %v) : (tensor<2x4xf32>, tensor<1x8x4xf32>) -> () {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x8x4xf32>):
      plan.append_values %a into %b : tensor<2x4xf32>, tensor<1x8x4xf32>
      plan.yield
    }
    // CHECK: plan.step "decoder/attention" value "decoder/attention" on "npu" offset 64 last_use 3(
    %0 = plan.step "decoder/attention" value "decoder/attention" on "npu" offset 64 last_use 3 (%x, %k, %v) : (tensor<2x4xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>, %b: tensor<1x1x2x4x4xf32>, %c: tensor<1x8x4xf32>):
      // CHECK: plan.attention %{{.*}} {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64}
      %y = plan.attention %a, %b, %c {causal, num_heads = 1, num_kv_heads = 1, scale = 0.5} : (tensor<2x4xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    // CHECK: plan.last_row %{{.*}} : (tensor<2x4xf32>) -> tensor<1x4xf32>
    %1 = plan.step "decoder/attention" value "decoder/attention/last_row" on "cpu"(%0) : (tensor<2x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = plan.last_row %a : (tensor<2x4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    // CHECK: plan.linear %{{.*}}, %{{.*}} : (tensor<1x4xf32>, tensor<1x4x8xf32>) -> tensor<1x6xf32>
    %2 = plan.step "decoder/head" value "decoder/head" on "cpu"(%1, %w) : (tensor<1x4xf32>, tensor<1x4x8xf32>) -> tensor<1x6xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4x8xf32>):
      %y = plan.linear %a, %b : (tensor<1x4xf32>, tensor<1x4x8xf32>) -> tensor<1x6xf32>
      plan.yield %y : tensor<1x6xf32>
    }
    // CHECK: plan.launch @kernel(%{{.*}}) tasks #{{.*}} layer "l" value "v" on "cpu" offset 0 last_use 6 : (tensor<1x6xf32>) -> tensor<1x6xf32>
    %3 = plan.launch @kernel(%2) tasks affine_map<(n) -> (n)> layer "l" value "v" on "cpu" offset 0 last_use 6 : (tensor<1x6xf32>) -> tensor<1x6xf32>
    // CHECK: plan.return %{{.*}} : tensor<1x6xf32>
    plan.return %3 : tensor<1x6xf32>
  }
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x3x4x4xf32>):
    // CHECK: plan.im2col %{{.*}} {patch = 2 : i64} : (tensor<1x3x4x4xf32>) -> tensor<1x4x12xf32>
    %0 = plan.step "p" value "p/im2col" on "cpu"(%x) : (tensor<1x3x4x4xf32>) -> tensor<1x4x12xf32> {
    ^bb0(%a: tensor<1x3x4x4xf32>):
      %y = plan.im2col %a {patch = 2} : (tensor<1x3x4x4xf32>) -> tensor<1x4x12xf32>
      plan.yield %y : tensor<1x4x12xf32>
    }
    // CHECK: plan.pack_keys %{{.*}} : (tensor<1x4x12xf32>) -> tensor<1x2x1x6x4xf32>
    %1 = plan.step "a" value "a/pack_keys" on "cpu"(%0) : (tensor<1x4x12xf32>) -> tensor<1x2x1x6x4xf32> {
    ^bb0(%a: tensor<1x4x12xf32>):
      %y = plan.pack_keys %a : (tensor<1x4x12xf32>) -> tensor<1x2x1x6x4xf32>
      plan.yield %y : tensor<1x2x1x6x4xf32>
    }
    plan.return %1 : tensor<1x2x1x6x4xf32>
  }
}
