// RUN: bluec-opt %s -float-activations -split-input-file 2>/dev/null | FileCheck %s
// RUN: bluec-opt %s -float-activations -split-input-file 2>&1 >/dev/null | FileCheck %s --check-prefix=WARNING

// Other scales do more than round: they stay.
// CHECK-LABEL: func.func @rescaled
// CHECK: onnx.QuantizeLinear
// CHECK: onnx.DequantizeLinear
func.func @rescaled(%x: tensor<4xf32>) -> tensor<*xf32> {
  %one = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<7> : tensor<ui8> : tensor<ui8>
  %0 = onnx.QuantizeLinear %x, %one, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<*xui8>
  %1 = onnx.DequantizeLinear %0, %two, %z : (tensor<*xui8>, tensor<f32>, tensor<ui8>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// Without a zero point the integers' type says where the range begins: signed ones are on both sides of 0.
// CHECK-LABEL: func.func @signed(%arg0: tensor<4xf32>)
// CHECK-NEXT: return %arg0
func.func @signed(%x: tensor<4xf32>) -> tensor<*xf32> {
  %none = onnx.None : none
  %s = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %0 = onnx.QuantizeLinear %x, %s, %none {output_dtype = 3 : i64} : (tensor<4xf32>, tensor<f32>, none) -> tensor<4xi8>
  %1 = onnx.DequantizeLinear %0, %s, %none : (tensor<4xi8>, tensor<f32>, none) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// Where ranges begin at 0 in some places only, rounding stays.
// CHECK-LABEL: func.func @mixed
// CHECK: onnx.QuantizeLinear
func.func @mixed(%x: tensor<2xf32>) -> tensor<*xf32> {
  %s = onnx.Constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %z = onnx.Constant dense<[0, 7]> : tensor<2xui8> : tensor<2xui8>
  %0 = onnx.QuantizeLinear %x, %s, %z {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>, tensor<2xui8>) -> tensor<2xui8>
  %1 = onnx.DequantizeLinear %0, %s, %z {axis = 0 : i64} : (tensor<2xui8>, tensor<2xf32>, tensor<2xui8>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// Rounding alone goes away, and that is said once.
// WARNING: warning: activations are rounded to integers at 1 places: not done, a recipe says which types activations have (weights stay as they are)
// CHECK-LABEL: func.func @rounded(%arg0: tensor<4xf32>)
// CHECK-NEXT: onnx.Neg %arg0
func.func @rounded(%x: tensor<4xf32>) -> tensor<*xf32> {
  %s = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<7> : tensor<ui8> : tensor<ui8>
  %0 = onnx.QuantizeLinear %x, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<*xui8>
  %1 = onnx.DequantizeLinear %0, %s, %z : (tensor<*xui8>, tensor<f32>, tensor<ui8>) -> tensor<*xf32>
  %2 = onnx.Neg %1 : (tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// -----

// A range that begins at 0 is a Relu, which quantizers leave out; not behind what is never negative.
// CHECK-LABEL: func.func @cut
// CHECK: %[[R:.*]] = onnx.Relu %arg0
// CHECK: %[[S:.*]] = onnx.Softmax %[[R]]
// CHECK-NEXT: return %[[S]]
func.func @cut(%x: tensor<4xf32>) -> tensor<*xf32> {
  %s = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<-128> : tensor<i8> : tensor<i8>
  %0 = onnx.QuantizeLinear %x, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<*xi8>
  %1 = onnx.DequantizeLinear %0, %s, %z : (tensor<*xi8>, tensor<f32>, tensor<i8>) -> tensor<*xf32>
  %2 = onnx.Softmax %1 : (tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.QuantizeLinear %2, %s, %z : (tensor<*xf32>, tensor<f32>, tensor<i8>) -> tensor<*xi8>
  %4 = onnx.DequantizeLinear %3, %s, %z : (tensor<*xi8>, tensor<f32>, tensor<i8>) -> tensor<*xf32>
  return %4 : tensor<*xf32>
}

// -----

// A product of integers is one of floats by the weight's values.
// CHECK-LABEL: func.func @product
// CHECK: %[[W:.*]] = onnx.DequantizeLinear %{{.*}}, %{{.*}}, %{{.*}} : (tensor<4x40xui8>, tensor<40xf32>, tensor<40xui8>) -> tensor<4x40xf32>
// CHECK: onnx.MatMul %arg0, %[[W]] {{.*}} -> tensor<2x40xf32>
// CHECK-NOT: onnx.MatMulInteger
func.func @product(%x: tensor<2x4xf32>) -> tensor<*xf32> {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x40xui8>> : tensor<4x40xui8>
  %ws = onnx.Constant dense<0.5> : tensor<40xf32> : tensor<40xf32>
  %wz = onnx.Constant dense<3> : tensor<40xui8> : tensor<40xui8>
  %q, %s, %z = onnx.DynamicQuantizeLinear %x : (tensor<2x4xf32>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  %both = onnx.Mul %s, %ws : (tensor<*xf32>, tensor<40xf32>) -> tensor<*xf32>
  %0 = onnx.MatMulInteger %q, %w, %z, %wz : (tensor<*xui8>, tensor<4x40xui8>, tensor<*xui8>, tensor<40xui8>) -> tensor<*xi32>
  %1 = onnx.Cast %0 {to = 1 : i64} : (tensor<*xi32>) -> tensor<*xf32>
  %2 = onnx.Mul %1, %both : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// -----

// Rows of a table are gathered as floats.
// CHECK-LABEL: func.func @rows
// CHECK: %[[T:.*]] = onnx.DequantizeLinear %{{.*}} -> tensor<20x4xf32>
// CHECK: onnx.Gather %[[T]], %arg0
func.func @rows(%ids: tensor<3xi64>) -> tensor<*xf32> {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<20x4xui8>> : tensor<20x4xui8>
  %s = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<3> : tensor<ui8> : tensor<ui8>
  %0 = onnx.Gather %w, %ids : (tensor<20x4xui8>, tensor<3xi64>) -> tensor<*xui8>
  %1 = onnx.DequantizeLinear %0, %s, %z : (tensor<*xui8>, tensor<f32>, tensor<ui8>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}
