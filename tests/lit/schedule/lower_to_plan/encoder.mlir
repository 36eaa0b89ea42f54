// RUN: bluec-opt %s -split-input-file -lower-to-plan="image-batch=2 chunk=4" | FileCheck %s

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// What is no part of the model stays as it is.
// CHECK-LABEL: module
// CHECK-NOT: plan.entry
// CHECK: plan.cache @other
module attributes {plan.target = #target} {
  plan.cache @other : tensor<1x8x4xf32>
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// Patch embedding becomes im2col and a linear layer whose weight is flattened and in panels of two
// vectors of rows; the batch is the image batch.
// CHECK-LABEL: plan.weight @patch
// CHECK-SAME: [#blue.reshape<[6, 12]>] packed tensor<1x12x8xf32> segment "vision"
// CHECK: plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"]
// CHECK-NEXT: ^bb0(%[[PIXELS:.*]]: tensor<2x3x5x4xf32>)
// CHECK: %[[W:.*]] = plan.get_weight @patch
// CHECK: %[[COLUMNS:.*]] = plan.step "vision/patch_embed" value "vision/patch_embed/im2col" on "cpu"(%[[PIXELS]])
// CHECK: plan.im2col {{.*}} {patch = 2 : i64} : (tensor<2x3x5x4xf32>) -> tensor<2x4x12xf32>
// CHECK: %[[TOKENS:.*]] = plan.step "vision/patch_embed" value "vision/patch_embed" on "cpu"(%[[COLUMNS]], %[[W]])
// CHECK: plan.linear
// CHECK: plan.return %[[TOKENS]]
module attributes {plan.target = #target} {
  func.func @tower(%pixels: tensor<?x3x5x4xf32>) -> tensor<?x4x6xf32> attributes {blue.role = #blue.role<vision>} {
    %w = blue.weight "patch" <"v.onnx" at 0 : tensor<6x3x2x2xf32>> : tensor<6x3x2x2xf32>
    %x = blue.patch_embed %pixels, %w : (tensor<?x3x5x4xf32>, tensor<6x3x2x2xf32>) -> tensor<?x4x6xf32>
    return %x : tensor<?x4x6xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// An encoder has no cache: its keys are packed by a step of their own.
// CHECK-NOT: plan.cache
// CHECK: %[[KEYS:.*]] = plan.step {{.*}} value "vision/attention/pack_keys"
// CHECK: plan.pack_keys {{.*}} : (tensor<2x5x6xf32>) -> tensor<2x2x2x3x4xf32>
// CHECK: plan.step "vision/attention" value "vision/attention" on "cpu"({{.*}}, %[[KEYS]], {{.*}})
// CHECK: plan.attention {{.*}} {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 5.000000e-01 : f64}
module attributes {plan.target = #target} {
  func.func @tower(%x: tensor<?x5x6xf32>) -> tensor<?x5x6xf32> attributes {blue.role = #blue.role<vision>} {
    %a = blue.attention %x, %x, %x {num_heads = 2, num_kv_heads = 2, scale = 0.5} : (tensor<?x5x6xf32>, tensor<?x5x6xf32>, tensor<?x5x6xf32>) -> tensor<?x5x6xf32>
    return %a : tensor<?x5x6xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// With integer products keys and values are quantized by steps of their own, in blocks of whole
// register tiles (16 positions here) as even as they come: 130 positions are two blocks of 80.
// CHECK: %[[KEYS:.*]] = plan.step {{.*}} value "vision/attention/pack_keys"
// CHECK: plan.pack_keys {{.*}} -> tensor<2x130x8x!blue.quantized<i16 group 4 scale f32>, #plan.keys<heads 2, block 80, dot <si16 x si16, k 2>>>
// CHECK: %[[VALUES:.*]] = plan.step {{.*}} value "vision/attention/pack_values"
// CHECK: plan.pack_values {{.*}} -> tensor<2x130x8x!blue.quantized<i16 group 4 scale f32>, #plan.values<heads 2, block 80, dot <si16 x si16, k 2>>>
// CHECK: plan.step "vision/attention" value "vision/attention" on "cpu"({{.*}}, %[[KEYS]], %[[VALUES]])
module attributes {plan.target = #target} {
  func.func @tower(%x: tensor<?x130x8xf32>) -> tensor<?x130x8xf32> attributes {blue.role = #blue.role<vision>} {
    %a = blue.attention %x, %x, %x {num_heads = 2, num_kv_heads = 2, scale = 0.5, compute_type = i16} : (tensor<?x130x8xf32>, tensor<?x130x8xf32>, tensor<?x130x8xf32>) -> tensor<?x130x8xf32>
    return %a : tensor<?x130x8xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// A table of f32 that no head has the shape of stays as it is; a narrower one is in panels.
// CHECK-LABEL: plan.weight @table
// CHECK-SAME: packed tensor<10x8xf32>
// CHECK: blue.embedding
module attributes {plan.target = #target} {
  func.func @e(%ids: tensor<?xi64>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<embed>} {
    %t = blue.weight "table" <"e" at 0 : tensor<10x8xf32>> : tensor<10x8xf32>
    %x = blue.embedding %ids, %t : (tensor<?xi64>, tensor<10x8xf32>) -> tensor<?x8xf32>
    return %x : tensor<?x8xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// CHECK-LABEL: plan.weight @half
// CHECK-SAME: packed tensor<2x8x8xf16>
// CHECK: plan.embedding
module attributes {plan.target = #target} {
  func.func @e(%ids: tensor<?xi64>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<embed>} {
    %t = blue.weight "half" <"e" at 0 : tensor<10x8xf16>> : tensor<10x8xf16>
    %x = blue.embedding %ids, %t : (tensor<?xi64>, tensor<10x8xf16>) -> tensor<?x8xf32>
    return %x : tensor<?x8xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// A tile that is left over has an encoder of its own, which reads the same weights.
// CHECK: plan.encode_calls = [array<i64: 1>]
// CHECK: plan.weight @table
// CHECK-NOT: plan.weight
// CHECK: plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<2x3xf32>)
// CHECK: plan.get_weight @table
// CHECK: plan.entry @encode_1 role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<1x3xf32>)
// CHECK: plan.get_weight @table
module attributes {plan.target = #target} {
  func.func @tower(%x: tensor<?x3xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<vision>} {
    %w = blue.weight "table" <"v.onnx" at 0 : tensor<4x3xf32>> : tensor<4x3xf32>
    %y = blue.linear %x, %w : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>

// What adds, chooses, averages and joins tokens is a step of its own; learned tokens are dense.
// CHECK: plan.weight @class {{.*}} packed tensor<1x6xf32> segment "vision"
// CHECK: plan.step {{.*}} : (tensor<2x4x6xf32>, tensor<1x6xf32>) -> tensor<2x5x6xf32>
// CHECK: blue.token_prepend {{.*}} : (tensor<2x4x6xf32>, tensor<1x6xf32>) -> tensor<2x5x6xf32>
// CHECK: blue.token_slice {{.*}} {begin = 1 : i64, end = 5 : i64} : (tensor<2x5x6xf32>) -> tensor<2x4x6xf32>
// CHECK: blue.token_pool {{.*}} : (tensor<2x4x6xf32>) -> tensor<2x1x6xf32>
module attributes {plan.target = #target} {
  func.func @tower(%x: tensor<?x4x6xf32>) -> tensor<?x1x6xf32> attributes {blue.role = #blue.role<vision>} {
    %class = blue.weight "class" <"v.onnx" at 0 : tensor<1x6xf32>> : tensor<1x6xf32>
    %a = blue.token_prepend %x, %class : (tensor<?x4x6xf32>, tensor<1x6xf32>) -> tensor<?x5x6xf32>
    %b = blue.token_slice %a {begin = 1, end = 5} : (tensor<?x5x6xf32>) -> tensor<?x4x6xf32>
    %c = blue.token_pool %b {factor = 2, height = 2, width = 2} : (tensor<?x4x6xf32>) -> tensor<?x1x6xf32>
    return %c : tensor<?x1x6xf32>
  }
}
