// RUN: bluec-opt %s -fold-constants | FileCheck %s

// A weight that only an input meets is left alone.
// CHECK-LABEL: func.func @used
// CHECK: onnx.Weight "w" <"m.onnx" at 64 : tensor<4x6xf32>> : tensor<4x6xf32>
// CHECK: onnx.MatMul
func.func @used(%x: tensor<2x4xf32>) -> tensor<2x6xf32> {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x6xf32>> : tensor<4x6xf32>
  %0 = onnx.MatMul %x, %w : (tensor<2x4xf32>, tensor<4x6xf32>) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}

// Conversion, transposition and a scalar factor become transforms, in this order.
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: %[[W:.*]] = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x6xf16>> [#blue.convert<f32>, #blue.transpose<[1, 0]>, #blue.scale<5.000000e-01 : f64>] : tensor<6x4xf32>
// CHECK-NEXT: return %[[W]]
func.func @chain() -> tensor<*xf32> {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x6xf16>> : tensor<4x6xf16>
  %half = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %0 = onnx.Cast %w {to = 1 : i64} : (tensor<4x6xf16>) -> tensor<*xf32>
  %1 = onnx.Transpose %0 {perm = array<i64: 1, 0>} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Mul %half, %1 : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// One weight for query, key and value is cut.
// CHECK-LABEL: func.func @split
// CHECK-DAG: onnx.Weight "qkv" <"m.onnx" at 64 : tensor<4x6xf32>> [#blue.slice<1 : 0 to 2>] : tensor<4x2xf32>
// CHECK-DAG: onnx.Weight "qkv" <"m.onnx" at 64 : tensor<4x6xf32>> [#blue.slice<1 : 2 to 6>] : tensor<4x4xf32>
func.func @split() -> (tensor<*xf32>, tensor<*xf32>) {
  %w = onnx.Weight "qkv" <"m.onnx" at 64 : tensor<4x6xf32>> : tensor<4x6xf32>
  %sizes = onnx.Constant dense<[2, 4]> : tensor<2xi64> : tensor<2xi64>
  %0, %1 = onnx.Split %w, %sizes {axis = -1 : i64} : (tensor<4x6xf32>, tensor<2xi64>) -> (tensor<*xf32>, tensor<*xf32>)
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}

// A factor for every column is no transform.
// CHECK-LABEL: func.func @vector_factor
// CHECK: onnx.Mul
func.func @vector_factor() -> tensor<*xf32> {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x2xf32>> : tensor<4x2xf32>
  %c = onnx.Constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %0 = onnx.Mul %w, %c : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
