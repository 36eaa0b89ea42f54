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

// An encoder's attention with products of integers.
// CHECK-LABEL: func.func @vision
func.func @vision(%x: tensor<?x9x64xf32>) -> tensor<?x9x64xf32> {
  // CHECK: blue.attention {{.*}}compute_type = i8
  %y = blue.attention %x, %x, %x {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, compute_type = i8}
    : (tensor<?x9x64xf32>, tensor<?x9x64xf32>, tensor<?x9x64xf32>) -> tensor<?x9x64xf32>
  return %y : tensor<?x9x64xf32>
}

// Weights that are quantized in their file: scales and zeros as sources and as elements.
// CHECK-LABEL: func.func @in_file
func.func @in_file() {
  // CHECK: blue.weight "w" <"m" at 0 : tensor<64x192xui4>> [#blue.dequantize<[1, 32], #blue.source<"m" at 6144 : tensor<64x6xf16>>, dense<8> : tensor<64x6xui4>>, #blue.convert<f32>] : tensor<64x192xf32>
  %0 = blue.weight "w" <"m" at 0 : tensor<64x192xui4>>
    [#blue.dequantize<[1, 32], #blue.source<"m" at 6144 : tensor<64x6xf16>>, dense<8> : tensor<64x6xui4>>,
     #blue.convert<f32>] : tensor<64x192xf32>
  // CHECK: blue.weight "k" <"m" at 0 : tensor<64x192xi8>> [#blue.dequantize<[1, 192], #blue.source<"m" at 12288 : tensor<64x1xf32>>>, #blue.quantize<<i8 group row scale f32>, keep>]
  %1 = blue.weight "k" <"m" at 0 : tensor<64x192xi8>>
    [#blue.dequantize<[1, 192], #blue.source<"m" at 12288 : tensor<64x1xf32>>>,
     #blue.quantize<<i8 group row scale f32>, keep>] : tensor<64x192x!blue.quantized<i8 group row scale f32>>
  return
}
