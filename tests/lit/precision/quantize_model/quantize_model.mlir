// RUN: bluec-opt %s --quantize-model | FileCheck %s
// RUN: bluec-opt %s --quantize-model=recipe=fast | FileCheck %s --check-prefix=FAST

// Vision: 8-bit weights, 16-bit activations. The norm, the bias and the patches stay floats.
// CHECK-LABEL: func.func @vision
// FAST-LABEL: func.func @vision
func.func @vision(%pixels: tensor<?x3x28x28xf32>) -> tensor<?x4x64xf32> attributes {blue.role = #blue.role<vision>} {
  // CHECK: blue.weight "patches" <"v.onnx" at 64 : tensor<64x3x14x14xf32>> : tensor<64x3x14x14xf32>
  %p = blue.weight "patches" <"v.onnx" at 64 : tensor<64x3x14x14xf32>> : tensor<64x3x14x14xf32>
  %x = blue.patch_embed %pixels, %p : (tensor<?x3x28x28xf32>, tensor<64x3x14x14xf32>) -> tensor<?x4x64xf32>
  // CHECK: %[[Q:.*]] = blue.quantize {{.*}} -> tensor<?x4x64x!blue.quantized<i16 group row scale f32>>
  // FAST: blue.quantize {{.*}} -> tensor<?x4x64x!blue.quantized<i8 group 128 scale f32>>
  // A weight that is half as wide is made f32 first.
  // CHECK: %[[W:.*]] = blue.weight "fc" <"v.onnx" at 0 : tensor<64x64xf16>> [#blue.transpose<[1, 0]>, #blue.convert<f32>, #blue.quantize<<i8 group 128 scale f16>, search>] : tensor<64x64x!blue.quantized<i8 group 128 scale f16>>
  %w = blue.weight "fc" <"v.onnx" at 0 : tensor<64x64xf16>> [#blue.transpose<[1, 0]>] : tensor<64x64xf16>
  %b = blue.weight "bias" <"v.onnx" at 9000 : tensor<64xf32>> : tensor<64xf32>
  // CHECK: blue.linear %[[Q]], %[[W]], %{{.*}} : (tensor<?x4x64x!blue.quantized<i16 group row scale f32>>, tensor<64x64x!blue.quantized<i8 group 128 scale f16>>, tensor<64xf32>) -> tensor<?x4x64xf32>
  %y = blue.linear %x, %w, %b : (tensor<?x4x64xf32>, tensor<64x64xf16>, tensor<64xf32>) -> tensor<?x4x64xf32>
  // Attention without a past has products of integers too.
  // CHECK: blue.attention {{.*}}compute_type = i16
  // FAST: blue.attention {{.*}}compute_type = i8
  %z = blue.attention %y, %y, %y {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64} : (tensor<?x4x64xf32>, tensor<?x4x64xf32>, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
  return %z : tensor<?x4x64xf32>
}

// The table has the bytes of the logits' weight, and gets the same type.
// CHECK-LABEL: func.func @embed
func.func @embed(%ids: tensor<?xi64>) -> tensor<?x64xf32> attributes {blue.role = #blue.role<embed>} {
  // CHECK: blue.weight "table" <"d.onnx" at 0 : tensor<32x64xf32>> [#blue.quantize<<i4 group 64 scale f16>, search>]
  %t = blue.weight "table" <"d.onnx" at 0 : tensor<32x64xf32>> : tensor<32x64xf32>
  %x = blue.embedding %ids, %t : (tensor<?xi64>, tensor<32x64xf32>) -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}

// The language side: 4-bit weights, the cache in 8 bits with a scale for each token and head.
// CHECK-LABEL: func.func @decoder(
// CHECK-SAME: %arg2: tensor<?x64x!blue.quantized<i8 group 32 scale f16>>, %arg3: tensor<?x64x!blue.quantized<i8 group 32 scale f16>>)
// CHECK-SAME: -> (tensor<?x32xf32>, tensor<?x64x!blue.quantized<i8 group 32 scale f16>>, tensor<?x64x!blue.quantized<i8 group 32 scale f16>>)
func.func @decoder(%x: tensor<?x64xf32>, %position: index, %pastKeys: tensor<?x64xf32>, %pastValues: tensor<?x64xf32>)
    -> (tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x64xf32>) attributes {blue.role = #blue.role<decoder>} {
  // One quantization of x serves query and key.
  // CHECK: %[[X:.*]] = blue.quantize %arg0 : (tensor<?x64xf32>) -> tensor<?x64x!blue.quantized<i16 group row scale f32>>
  // CHECK-NOT: blue.quantize %arg0
  // CHECK: %[[WQ:.*]] = blue.weight "q"
  %wq = blue.weight "q" <"d.onnx" at 8192 : tensor<64x64xf32>> : tensor<64x64xf32>
  // CHECK: %[[WK:.*]] = blue.weight "k"
  %wk = blue.weight "k" <"d.onnx" at 24576 : tensor<64x64xf32>> : tensor<64x64xf32>
  // CHECK: blue.linear %[[X]], %[[WQ]] : (tensor<?x64x!blue.quantized<i16 group row scale f32>>, tensor<64x64x!blue.quantized<i4 group 64 scale f16>>)
  %q = blue.linear %x, %wq : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  // CHECK: blue.linear %[[X]], %[[WK]]
  %k = blue.linear %x, %wk : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  // CHECK: blue.attention {{.*}} compute_type = i16
  // FAST: blue.attention {{.*}} compute_type = i8
  %y, %keys, %values = blue.attention %q, %k, %x past %pastKeys, %pastValues
    {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, causal}
    : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
    -> tensor<?x64xf32> present tensor<?x64xf32>, tensor<?x64xf32>
  %head = blue.weight "head" <"d.onnx" at 0 : tensor<32x64xf32>> : tensor<32x64xf32>
  %logits = blue.linear %y, %head : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %logits, %keys, %values : tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
