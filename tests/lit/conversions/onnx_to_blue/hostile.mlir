// RUN: bluec-opt %s -split-input-file -verify-diagnostics -onnx-to-blue=context=16 | FileCheck %s

// Whatever valid IR says, patterns look and leave it: types without shapes, types that contradict
// each other, dims of nothing, attributes without sense. A function stays as it is, or is an error.

// expected-error@+1 {{graph input 'inputs_embeds': expected floats of rank 3}}
func.func @unranked(%x: tensor<*xf32> {onnx.name = "inputs_embeds"}, %m: tensor<*xi64> {onnx.name = "attention_mask"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>} {
  %none = onnx.None : none
  %axis = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %shape = onnx.Shape %x : (tensor<*xf32>) -> tensor<*xi64>
  %0 = onnx.Reshape %x, %shape : (tensor<*xf32>, tensor<*xi64>) -> tensor<*xf32>
  %1 = onnx.Pow %0, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %2 = onnx.ReduceMean %1, %axis : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %3 = onnx.Softmax %2 : (tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.MatMul %3, %x : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %4 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// Types that no node could have.
// CHECK-LABEL: func.func @contradictions
// CHECK: onnx.MatMul
func.func @contradictions(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<4x4xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<7xf32>> : tensor<7xf32>
  %0 = onnx.Transpose %w {perm = array<i64: 1, 0>} : (tensor<7xf32>) -> tensor<4x4xf32>
  %1 = onnx.Reshape %0, %x : (tensor<4x4xf32>, !rows) -> tensor<0xf32>
  %2 = onnx.Concat %x, %1 {axis = 77} : (!rows, tensor<0xf32>) -> tensor<1x2x3x4xf32>
  %3 = onnx.MatMul %2, %0 : (tensor<1x2x3x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// -----

// Symbols that are not there, divisions by zero.
// CHECK-LABEL: func.func @dims
// CHECK: onnx.Tanh
func.func @dims(%x: tensor<?x3x4x4xf32, #onnx.dims<()[s0] -> (s0, 3, 4, 4)>> {onnx.name = "pixel_values"})
    -> (tensor<?x?x4xf32, #onnx.dims<()[s0, s1] -> (s0 floordiv (s0 - s0), s1, 4)>> {onnx.name = "image_features"}) attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %0 = onnx.Tanh %x : (tensor<?x3x4x4xf32, #onnx.dims<()[s0] -> (s0, 3, 4, 4)>>) -> tensor<?x?x4xf32, #onnx.dims<()[s0, s1] -> (s0 floordiv (s0 - s0), s1, 4)>>
  return %0 : tensor<?x?x4xf32, #onnx.dims<()[s0, s1] -> (s0 floordiv (s0 - s0), s1, 4)>>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 0)>
!rows = tensor<1x?x0xf32, #rows>

// Rows of nothing, and attributes without sense.
// CHECK-LABEL: func.func @nothing
// CHECK: onnx.ms.MultiHeadAttention
func.func @nothing(%x: !rows {onnx.name = "inputs_embeds"}) -> (!rows {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %w = onnx.Constant dense<> : tensor<0xf32> : tensor<0xf32>
  %0 = onnx.RMSNormalization %x, %w {axis = 9223372036854775807, epsilon = 0xFFC00000 : f32} : (!rows, tensor<0xf32>) -> !rows
  %1:2 = onnx.Split %0, %none {axis = -9, num_outputs = -2} : (!rows, none) -> (!rows, !rows)
  %2 = onnx.Mul %1#0, %1#1 : (!rows, !rows) -> !rows
  %3 = onnx.Softmax %2 {axis = -5} : (!rows) -> !rows
  %4 = onnx.MatMul %3, %2 : (!rows, !rows) -> !rows
  %y:3 = onnx.ms.MultiHeadAttention %4, %2, %x, %w, %none, %none, %none, %none {num_heads = -9223372036854775808}
      : (!rows, !rows, !rows, tensor<0xf32>, none, none, none, none) -> (!rows, none, none)
  return %y#0 : !rows
}

// -----

#big = #onnx.dims<()[s0] -> (s0, 3, 4611686018427387904, 4611686018427387904)>
!big = tensor<?x3x4611686018427387904x4611686018427387904xf32, #big>

// Pictures that no memory holds.
// CHECK-LABEL: func.func @huge
// CHECK: onnx.Conv
func.func @huge(%x: !big {onnx.name = "pixel_values"}) -> (tensor<?x4x2xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x1x1xf32>> : tensor<2x3x1x1xf32>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 1, 1>} : (!big, tensor<2x3x1x1xf32>, none) -> tensor<?x4x2xf32>
  return %0 : tensor<?x4x2xf32>
}
