// RUN: bluec-opt %s | bluec-opt | FileCheck %s

// Quantized weights, activations and pasts: what is printed is what was read.
// CHECK-LABEL: func.func @decoder(
// CHECK-SAME: tensor<?x64x!blue.quantized<i8 group 32 scale f16>>
func.func @decoder(%x: tensor<?x64xf32>, %keys: tensor<?x64x!blue.quantized<i8 group 32 scale f16>>,
                   %values: tensor<?x64x!blue.quantized<i8 group 32 scale f16>>)
    -> (tensor<?x64xf32>, tensor<?x64x!blue.quantized<i8 group 32 scale f16>>,
        tensor<?x64x!blue.quantized<i8 group 32 scale f16>>) {
  // CHECK: blue.weight "q" <"m.onnx" at 64 : tensor<64x64xf16>> [#blue.convert<f32>, #blue.quantize<<i4 group 32 scale f16>, search>] : tensor<64x64x!blue.quantized<i4 group 32 scale f16>>
  %w = blue.weight "q" <"m.onnx" at 64 : tensor<64x64xf16>>
    [#blue.convert<f32>, #blue.quantize<<i4 group 32 scale f16>, search>]
    : tensor<64x64x!blue.quantized<i4 group 32 scale f16>>
  // CHECK: blue.quantize %{{.*}} : (tensor<?x64xf32>) -> tensor<?x64x!blue.quantized<i16 group row scale f32>>
  %q = blue.quantize %x : (tensor<?x64xf32>) -> tensor<?x64x!blue.quantized<i16 group row scale f32>>
  // CHECK: blue.quantize %{{.*}} scale 1.250000e-01 : (tensor<?x64xf32>) -> tensor<?x64x!blue.quantized<i8 group row scale f32>>
  %s = blue.quantize %x scale 0.125 : (tensor<?x64xf32>) -> tensor<?x64x!blue.quantized<i8 group row scale f32>>
  // CHECK: blue.linear {{.*}} : (tensor<?x64x!blue.quantized<i16 group row scale f32>>, tensor<64x64x!blue.quantized<i4 group 32 scale f16>>) -> tensor<?x64xf32>
  %y = blue.linear %q, %w : (tensor<?x64x!blue.quantized<i16 group row scale f32>>, tensor<64x64x!blue.quantized<i4 group 32 scale f16>>) -> tensor<?x64xf32>
  // CHECK: blue.linear {{.*}} : (tensor<?x64xf32>, tensor<64x64x!blue.quantized<i4 group 32 scale f16>>) -> tensor<?x64xf32>
  %z = blue.linear %y, %w : (tensor<?x64xf32>, tensor<64x64x!blue.quantized<i4 group 32 scale f16>>) -> tensor<?x64xf32>
  // CHECK: blue.weight {{.*}} : tensor<64x64x!blue.quantized<i4 group 32 scale f32 zeros>>
  %zeros = blue.weight "z" <"m.onnx" at 64 : tensor<64x64xf32>>
    [#blue.quantize<<i4 group 32 scale f32 zeros>, nearest>]
    : tensor<64x64x!blue.quantized<i4 group 32 scale f32 zeros>>
  // CHECK: blue.attention {{.*}} compute_type = i16
  %o, %k, %v = blue.attention %z, %z, %z past %keys, %values
    {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, causal, compute_type = i16}
    : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>,
       tensor<?x64x!blue.quantized<i8 group 32 scale f16>>,
       tensor<?x64x!blue.quantized<i8 group 32 scale f16>>) -> tensor<?x64xf32>
    present tensor<?x64x!blue.quantized<i8 group 32 scale f16>>,
            tensor<?x64x!blue.quantized<i8 group 32 scale f16>>
  return %o, %k, %v : tensor<?x64xf32>, tensor<?x64x!blue.quantized<i8 group 32 scale f16>>,
                      tensor<?x64x!blue.quantized<i8 group 32 scale f16>>
}
