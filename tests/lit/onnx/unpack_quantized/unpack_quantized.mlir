// RUN: bluec-opt %s -unpack-quantized -split-input-file | FileCheck %s

// Activations that a graph dequantizes stay as they are, and so does a weight that is computed.
// CHECK-LABEL: func.func @activations
// CHECK: onnx.DequantizeLinear
// CHECK: onnx.ms.MatMulNBits
func.func @activations(%x: tensor<4x32xi8>, %w: tensor<6x2x8xui8>) -> (tensor<*xf32>, tensor<*xf32>) {
  %none = onnx.None : none
  %scale = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %scales = onnx.Constant dense<0.5> : tensor<6x2xf32> : tensor<6x2xf32>
  %0 = onnx.DequantizeLinear %x, %scale, %none : (tensor<4x32xi8>, tensor<f32>, none) -> tensor<*xf32>
  %1 = onnx.ms.MatMulNBits %0, %w, %scales, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<*xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}

// -----

// 40 columns in blocks of 16: the last block ends short, zeros are the middle of the range.
// CHECK-LABEL: func.func @without_zeros
// CHECK: %[[W:.*]] = onnx.Weight "w" <"m.onnx" at 64 : tensor<70x48xui4>> [#blue.slice<1 : 0 to 40>, #blue.dequantize<[1, 16], #blue.source<"m.onnx" at 4096 : tensor<70x3xf16>>, dense<8> : tensor<70x3xui4>>, #blue.transpose<[1, 0]>] : tensor<40x70xf16>
// CHECK: onnx.MatMul %arg0, %[[W]] : {{.*}} -> tensor<4x70xf16>
func.func @without_zeros(%x: tensor<4x40xf16>) -> tensor<*xf16> {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<70x3x8xui8>> : tensor<70x3x8xui8>
  %s = onnx.Weight "s" <"m.onnx" at 4096 : tensor<210xf16>> : tensor<210xf16>
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 40 : i64, N = 70 : i64, block_size = 16 : i64} : (tensor<4x40xf16>, tensor<70x3x8xui8>, tensor<210xf16>, none, none, none) -> tensor<*xf16>
  return %0 : tensor<*xf16>
}

// -----

// Rows of zeros are padded to bytes: 4 zeros are named where 3 blocks need 3. The bias is added.
// CHECK-LABEL: func.func @with_zeros
// CHECK: onnx.Weight "w" <"m.onnx" at 64 : tensor<70x48xui4>> [#blue.dequantize<[1, 16], #blue.source<"m.onnx" at 4096 : tensor<70x3xf32>>, #blue.source<"m.onnx" at 8192 : tensor<70x4xui4>>>, #blue.transpose<[1, 0]>] : tensor<48x70xf32>
// CHECK: onnx.MatMul
// CHECK: onnx.Add {{.*}} %[[BIAS:.*]] : (tensor<4x70xf32>, tensor<70xf32>) -> tensor<4x70xf32>
func.func @with_zeros(%x: tensor<4x48xf32>) -> tensor<*xf32> {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<70x3x8xui8>> : tensor<70x3x8xui8>
  %s = onnx.Weight "s" <"m.onnx" at 4096 : tensor<70x3xf32>> : tensor<70x3xf32>
  %z = onnx.Weight "z" <"m.onnx" at 8192 : tensor<70x2xui8>> : tensor<70x2xui8>
  %b = onnx.Weight "b" <"m.onnx" at 9000 : tensor<70xf32>> : tensor<70xf32>
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %z, %none, %b {K = 48 : i64, N = 70 : i64, block_size = 16 : i64} : (tensor<4x48xf32>, tensor<70x3x8xui8>, tensor<70x3xf32>, tensor<70x2xui8>, none, tensor<70xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// Zeros that are constants are taken apart; 8 bits need no unpacking.
// CHECK-LABEL: func.func @constants
// CHECK-DAG: onnx.Weight "w4" <"m.onnx" at 0 : tensor<2x64xui4>> [#blue.dequantize<[1, 32], dense<{{\[\[}}5.000000e-01, 1.000000e+00], [2.000000e+00, 3.000000e+00]]> : tensor<2x2xf32>, dense<{{\[\[}}1, 2], [15, 0]]> : tensor<2x2xui4>>, #blue.transpose<[1, 0]>]
// CHECK-DAG: onnx.Weight "w8" <"m.onnx" at 64 : tensor<2x64xui8>> [#blue.dequantize<[1, 32], dense<{{\[\[}}5.000000e-01, 1.000000e+00], [2.000000e+00, 3.000000e+00]]> : tensor<2x2xf32>, dense<128> : tensor<2x2xui8>>, #blue.transpose<[1, 0]>]
func.func @constants(%x: tensor<4x64xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
  %none = onnx.None : none
  %w4 = onnx.Weight "w4" <"m.onnx" at 0 : tensor<2x2x16xui8>> : tensor<2x2x16xui8>
  %w8 = onnx.Weight "w8" <"m.onnx" at 64 : tensor<2x2x32xui8>> : tensor<2x2x32xui8>
  %s = onnx.Constant dense<[0.5, 1.0, 2.0, 3.0]> : tensor<4xf32> : tensor<4xf32>
  %z = onnx.Constant dense<[33, 15]> : tensor<2xui8> : tensor<2xui8>
  %0 = onnx.ms.MatMulNBits %x, %w4, %s, %z, %none, %none {K = 64 : i64, N = 2 : i64, block_size = 32 : i64} : (tensor<4x64xf32>, tensor<2x2x16xui8>, tensor<4xf32>, tensor<2xui8>, none, none) -> tensor<*xf32>
  %1 = onnx.ms.MatMulNBits %x, %w8, %s, %none, %none, %none {K = 64 : i64, N = 2 : i64, bits = 8 : i64, block_size = 32 : i64} : (tensor<4x64xf32>, tensor<2x2x32xui8>, tensor<4xf32>, none, none, none) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}

// -----

// A table in bytes has zeros in the middle, one of 4-bit integers has none.
// CHECK-LABEL: func.func @tables
// CHECK-DAG: %[[B:.*]] = onnx.Weight "bytes" <"m.onnx" at 0 : tensor<96x32xui4>> [#blue.dequantize<[1, 16], #blue.source<"m.onnx" at 4096 : tensor<96x2xf32>>, dense<8> : tensor<96x2xui4>>] : tensor<96x32xf32>
// CHECK-DAG: %[[N:.*]] = onnx.Weight "nibbles" <"m.onnx" at 0 : tensor<96x32xi4>> [#blue.dequantize<[1, 16], #blue.source<"m.onnx" at 4096 : tensor<96x2xf32>>>] : tensor<96x32xf32>
// CHECK-DAG: onnx.Gather %[[B]], %arg0
// CHECK-DAG: onnx.Gather %[[N]], %arg0
func.func @tables(%ids: tensor<5xi64>) -> (tensor<*xf32>, tensor<*xf32>) {
  %none = onnx.None : none
  %bytes = onnx.Weight "bytes" <"m.onnx" at 0 : tensor<96x16xui8>> : tensor<96x16xui8>
  %nibbles = onnx.Weight "nibbles" <"m.onnx" at 0 : tensor<96x32xi4>> : tensor<96x32xi4>
  %s = onnx.Weight "s" <"m.onnx" at 4096 : tensor<96x2xf32>> : tensor<96x2xf32>
  %0 = onnx.ms.GatherBlockQuantized %bytes, %ids, %s, %none {block_size = 16 : i64} : (tensor<96x16xui8>, tensor<5xi64>, tensor<96x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.ms.GatherBlockQuantized %nibbles, %ids, %s, %none {block_size = 16 : i64} : (tensor<96x32xi4>, tensor<5xi64>, tensor<96x2xf32>, none) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}

// -----

// The standard's node: one scale, one a column, one for each block of rows.
// CHECK-LABEL: func.func @dequantize
// CHECK-DAG: onnx.Weight "i8" <"m.onnx" at 0 : tensor<40x70xi8>> [#blue.dequantize<[40, 70], dense<5.000000e-01> : tensor<1x1xf32>>] : tensor<40x70xf32>
// CHECK-DAG: onnx.Weight "i8" <"m.onnx" at 0 : tensor<40x70xi8>> [#blue.dequantize<[40, 1], #blue.source<"m.onnx" at 4096 : tensor<1x70xf32>>>] : tensor<40x70xf32>
// CHECK-DAG: onnx.Weight "i4" <"m.onnx" at 0 : tensor<40x70xi4>> [#blue.dequantize<[16, 1], #blue.source<"m.onnx" at 4096 : tensor<3x70xf16>>, #blue.source<"m.onnx" at 8192 : tensor<3x70xi4>>>] : tensor<40x70xf16>
func.func @dequantize() -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf16>) {
  %none = onnx.None : none
  %i8 = onnx.Weight "i8" <"m.onnx" at 0 : tensor<40x70xi8>> : tensor<40x70xi8>
  %i4 = onnx.Weight "i4" <"m.onnx" at 0 : tensor<40x70xi4>> : tensor<40x70xi4>
  %one = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %columns = onnx.Weight "c" <"m.onnx" at 4096 : tensor<70xf32>> : tensor<70xf32>
  %blocks = onnx.Weight "b" <"m.onnx" at 4096 : tensor<3x70xf16>> : tensor<3x70xf16>
  %zeros = onnx.Weight "z" <"m.onnx" at 8192 : tensor<3x70xi4>> : tensor<3x70xi4>
  %0 = onnx.DequantizeLinear %i8, %one, %none : (tensor<40x70xi8>, tensor<f32>, none) -> tensor<*xf32>
  %1 = onnx.DequantizeLinear %i8, %columns, %none : (tensor<40x70xi8>, tensor<70xf32>, none) -> tensor<*xf32>
  %2 = onnx.DequantizeLinear %i4, %blocks, %zeros {axis = 0 : i64, block_size = 16 : i64} : (tensor<40x70xi4>, tensor<3x70xf16>, tensor<3x70xi4>) -> tensor<*xf16>
  return %0, %1, %2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf16>
}

// -----

// Experts' weights: rows of all of them one after the other, and shaped again. Scales of f16 are
// numbers of the rows' type. Without a block_size a row has one scale.
// CHECK-LABEL: func.func @experts
// CHECK-DAG: %[[A:.*]] = onnx.Weight "a" <"m.onnx" at 64 : tensor<64x32xui4>> [#blue.dequantize<[1, 16], #blue.source<"m.onnx" at 4096 : tensor<64x2xf16>>, dense<8> : tensor<64x2xui4>>, #blue.convert<f32>, #blue.reshape<[4, 16, 32]>] : tensor<4x16x32xf32>
// CHECK-DAG: %[[B:.*]] = onnx.Weight "b" <"m.onnx" at 8192 : tensor<128x16xui4>> [#blue.dequantize<[1, 16], #blue.source<"m.onnx" at 9999 : tensor<128x1xf32>>, dense<8> : tensor<128x1xui4>>, #blue.reshape<[4, 32, 16]>] : tensor<4x32x16xf32>
// CHECK: onnx.ms.MoE %arg0, %arg1, %[[A]], %{{.*}}, %[[B]], %{{.*}} {activation_type = "silu", k = 2 : i64, normalize_routing_weights = 1 : i64} : {{.*}} -> tensor<5x32xf32>
func.func @experts(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>) -> tensor<5x32xf32> {
  %none = onnx.None : none
  %a = onnx.Weight "a" <"m.onnx" at 64 : tensor<4x16x16xui8>> : tensor<4x16x16xui8>
  %s = onnx.Weight "s" <"m.onnx" at 4096 : tensor<4x16x2xf16>> : tensor<4x16x2xf16>
  %b = onnx.Weight "b" <"m.onnx" at 8192 : tensor<4x32x8xui8>> : tensor<4x32x8xui8>
  %t = onnx.Weight "t" <"m.onnx" at 9999 : tensor<4x32x1xf32>> : tensor<4x32x1xf32>
  %0 = onnx.ms.QMoE %x, %r, %a, %s, %none, %b, %t, %none, %none, %none, %none, %none, %none, %none, %none {activation_type = "silu", block_size = 16 : i64, k = 2 : i64, normalize_routing_weights = 1 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x2xf16>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, none) -> tensor<5x32xf32>
  return %0 : tensor<5x32xf32>
}
