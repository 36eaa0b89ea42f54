// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// A sigmoid of something else is a product of two layers.
// CHECK-LABEL: func.func @product
// CHECK: %[[T:.*]] = blue.tanh %arg0
// CHECK: %[[S:.*]] = blue.sigmoid %[[T]]
// CHECK: blue.mul %arg0, %[[S]]
func.func @product(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %tanh = onnx.Tanh %x : (!rows) -> tensor<*xf32>
  %sigmoid = onnx.Sigmoid %tanh : (tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Mul %x, %sigmoid : (!rows, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// x * sigmoid(x), and the same times something: the gate comes first.
// CHECK-LABEL: func.func @gates
// CHECK: %[[S:.*]] = blue.silu %arg0
// CHECK: %[[U:.*]] = blue.tanh %arg0
// CHECK: %[[G:.*]] = blue.swiglu %[[S]], %[[U]]
// CHECK: %[[Q:.*]] = blue.quick_gelu %[[G]]
// CHECK: return %[[Q]]
func.func @gates(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %quick = onnx.Constant dense<1.702> : tensor<f32> : tensor<f32>
  %sigmoid = onnx.Sigmoid %x : (!rows) -> tensor<*xf32>
  %gate = onnx.Mul %sigmoid, %x : (tensor<*xf32>, !rows) -> tensor<*xf32>
  %up = onnx.Tanh %x : (!rows) -> tensor<*xf32>
  %sigmoid2 = onnx.Sigmoid %gate : (tensor<*xf32>) -> tensor<*xf32>
  %silu = onnx.Mul %gate, %sigmoid2 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %swiglu = onnx.Mul %up, %silu : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %scaled = onnx.Mul %swiglu, %quick : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %sigmoid3 = onnx.Sigmoid %scaled : (tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Mul %swiglu, %sigmoid3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}
