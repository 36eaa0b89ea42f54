// RUN: bluec-opt %s | bluec-opt | FileCheck %s
// RUN: bluec-opt %s -mlir-print-op-generic | bluec-opt | FileCheck %s

// Every op of the dialect survives printing and parsing.

// CHECK-LABEL: func.func @decoder
func.func @decoder(%x: tensor<?x8xf32>, %position: index, %past_key: tensor<?x4xf32>,
                   %past_value: tensor<?x4xf32>)
    -> (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) attributes {blue.role = #blue.role<decoder>} {
  // CHECK: blue.weight "q" <"m.onnx" at 64 : tensor<8x8xf16>> [#blue.transpose<[1, 0]>, #blue.convert<f32>] : tensor<8x8xf32>
  %w = blue.weight "q" <"m.onnx" at 64 : tensor<8x8xf16>> [#blue.transpose<[1, 0]>, #blue.convert<f32>] : tensor<8x8xf32>
  %wk = blue.weight "k" <"m.onnx" at 192 : tensor<16x4xf32>> [#blue.slice<0 : 4 to 12>, #blue.reshape<[4, 8]>, #blue.scale<2.0 : f32>, #blue.offset<1.0 : f32>] : tensor<4x8xf32>
  %g = blue.constant "norm" dense<1.0> : tensor<8xf32> : tensor<8xf32>
  %table = blue.constant dense<0.5> : tensor<16x2xf32> : tensor<16x2xf32>
  // CHECK: blue.rms_norm %{{.*}}, %{{.*}} {epsilon = {{.*}} : f64}
  %n = blue.rms_norm %x, %g {epsilon = 1.0e-6 : f64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %l = blue.layer_norm %n, %g, %g {epsilon = 1.0e-6 : f64} : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: blue.linear %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %q = blue.linear %l, %w, %g : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k = blue.linear %l, %wk : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  // CHECK: blue.rope %{{.*}}, %{{.*}}, %{{.*}} at %{{.*}} {num_heads = 2 : i64}
  %r = blue.rope %q, %table, %table at %position {num_heads = 2} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, index) -> tensor<?x8xf32>
  // CHECK: blue.attention %{{.*}}, %{{.*}}, %{{.*}} past %{{.*}}, %{{.*}} {causal
  %a:3 = blue.attention %r, %k, %k past %past_key, %past_value {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5}
      : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>)
      -> tensor<?x8xf32> present tensor<?x4xf32>, tensor<?x4xf32>
  %s = blue.scale %a#0 {factor = 2.0} : tensor<?x8xf32>
  %u = blue.swiglu %s, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %add = blue.add %u, %g : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %sub = blue.sub %add, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %mul = blue.mul %sub, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %0 = blue.gelu %mul : tensor<?x8xf32>
  %1 = blue.gelu_tanh %0 : tensor<?x8xf32>
  %2 = blue.quick_gelu %1 : tensor<?x8xf32>
  %3 = blue.silu %2 : tensor<?x8xf32>
  %4 = blue.relu %3 : tensor<?x8xf32>
  %5 = blue.tanh %4 : tensor<?x8xf32>
  %6 = blue.sigmoid %5 : tensor<?x8xf32>
  return %6, %a#1, %a#2 : tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// CHECK-LABEL: func.func @vision
func.func @vision(%pixels: tensor<?x3x8x9xf32>, %w: tensor<4x3x2x2xf32>) -> tensor<?x4x16xf32>
    attributes {blue.role = #blue.role<vision>} {
  // CHECK: blue.patch_embed %{{.*}}, %{{.*}} {block = 2 : i64} : (tensor<?x3x8x9xf32>, tensor<4x3x2x2xf32>) -> tensor<?x16x4xf32>
  %pb = blue.patch_embed %pixels, %w {block = 2} : (tensor<?x3x8x9xf32>, tensor<4x3x2x2xf32>) -> tensor<?x16x4xf32>
  // CHECK: blue.patch_embed %{{.*}}, %{{.*}} : (tensor<?x3x8x9xf32>, tensor<4x3x2x2xf32>) -> tensor<?x16x4xf32>
  %p = blue.patch_embed %pixels, %w : (tensor<?x3x8x9xf32>, tensor<4x3x2x2xf32>) -> tensor<?x16x4xf32>
  %a = blue.attention %p, %p, %p {num_heads = 2, num_kv_heads = 2, scale = 0.5}
      : (tensor<?x16x4xf32>, tensor<?x16x4xf32>, tensor<?x16x4xf32>) -> tensor<?x16x4xf32>
  // CHECK: blue.token_downsample %{{.*}} {column_major, height = 4 : i64, width = 4 : i64}
  %d = blue.token_downsample %a {column_major, height = 4, width = 4} : (tensor<?x16x4xf32>) -> tensor<?x4x16xf32>
  return %d : tensor<?x4x16xf32>
}

// CHECK-LABEL: func.func @tokens
func.func @tokens(%x: tensor<?x16x4xf32>, %class: tensor<2x4xf32>) -> (tensor<?x4x36xf32>, tensor<?x1x4xf32>)
    attributes {blue.role = #blue.role<vision>} {
  // CHECK: blue.token_prepend %{{.*}}, %{{.*}} : (tensor<?x16x4xf32>, tensor<2x4xf32>) -> tensor<?x18x4xf32>
  %p = blue.token_prepend %x, %class : (tensor<?x16x4xf32>, tensor<2x4xf32>) -> tensor<?x18x4xf32>
  // CHECK: blue.token_slice %{{.*}} {begin = 2 : i64, end = 18 : i64} : (tensor<?x18x4xf32>) -> tensor<?x16x4xf32>
  %s = blue.token_slice %p {begin = 2, end = 18} : (tensor<?x18x4xf32>) -> tensor<?x16x4xf32>
  // CHECK: blue.token_downsample %{{.*}} {channels_first, factor = 3 : i64, height = 4 : i64, transposed, width = 4 : i64}
  %d = blue.token_downsample %s {channels_first, factor = 3, height = 4, transposed, width = 4}
      : (tensor<?x16x4xf32>) -> tensor<?x4x36xf32>
  // CHECK: blue.token_pool %{{.*}} {factor = 3 : i64, height = 4 : i64, width = 4 : i64}
  %m = blue.token_pool %s {factor = 3, height = 4, width = 4} : (tensor<?x16x4xf32>) -> tensor<?x1x4xf32>
  return %d, %m : tensor<?x4x36xf32>, tensor<?x1x4xf32>
}

// CHECK-LABEL: func.func @embed
func.func @embed(%ids: tensor<?xi64>, %table: tensor<10x4xf32>) -> tensor<?x4xf32>
    attributes {blue.role = #blue.role<embed>} {
  // CHECK: blue.embedding %{{.*}}, %{{.*}} : (tensor<?xi64>, tensor<10x4xf32>) -> tensor<?x4xf32>
  %e = blue.embedding %ids, %table : (tensor<?xi64>, tensor<10x4xf32>) -> tensor<?x4xf32>
  return %e : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @experts
func.func @experts(%x: tensor<?x4xf32>, %logits: tensor<?x3xf32>, %up: tensor<3x8x4xf32>, %down: tensor<3x4x8xf32>,
                   %bias: tensor<3x8xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<decoder>} {
  // CHECK: %[[R:.*]] = blue.route %{{.*}} {chosen = 2 : i64, normalized} : tensor<?x3xf32>
  %r = blue.route %logits {chosen = 2, normalized} : tensor<?x3xf32>
  // CHECK: blue.expert_linear %{{.*}}, %{{.*}}, %[[R]], %{{.*}} : (tensor<?x4xf32>, tensor<3x8x4xf32>, tensor<?x3xf32>, tensor<3x8xf32>) -> tensor<?x2x8xf32>
  %h = blue.expert_linear %x, %up, %r, %bias
      : (tensor<?x4xf32>, tensor<3x8x4xf32>, tensor<?x3xf32>, tensor<3x8xf32>) -> tensor<?x2x8xf32>
  // CHECK: blue.clamp %{{.*}} {high = 7.000000e+00 : f64, low = -7.000000e+00 : f64} : tensor<?x2x8xf32>
  %c = blue.clamp %h {high = 7.0, low = -7.0} : tensor<?x2x8xf32>
  // CHECK: blue.expert_linear %{{.*}}, %{{.*}}, %[[R]] : (tensor<?x2x8xf32>, tensor<3x4x8xf32>, tensor<?x3xf32>) -> tensor<?x4xf32>
  %y = blue.expert_linear %c, %down, %r : (tensor<?x2x8xf32>, tensor<3x4x8xf32>, tensor<?x3xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
