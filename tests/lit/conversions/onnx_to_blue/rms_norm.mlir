// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// A mean over another dim is no norm: the nodes stay, and say so.
// CHECK-LABEL: func.func @other_dim
// CHECK: onnx.ReduceMean {{.*}}blue.unraised
func.func @other_dim(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %axis = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %epsilon = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %weight = onnx.Constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : tensor<4xf32>
  %square = onnx.Pow %x, %two : (!rows, tensor<f32>) -> tensor<*xf32>
  %mean = onnx.ReduceMean %square, %axis : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %sum = onnx.Add %mean, %epsilon : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %root = onnx.Sqrt %sum : (tensor<*xf32>) -> tensor<*xf32>
  %normal = onnx.Div %x, %root : (!rows, tensor<*xf32>) -> tensor<*xf32>
  %scaled = onnx.Mul %normal, %weight : (tensor<*xf32>, tensor<4xf32>) -> tensor<*xf32>
  return %scaled : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// As TorchScript exports write it, with casts that do nothing and the weight first.
// CHECK-LABEL: func.func @torchscript
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %{{.*}}: index) -> tensor<?x4xf32>
// CHECK-SAME: blue.role = #blue.role<decoder>
// CHECK: %[[W:.*]] = blue.constant {{.*}}dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK: %[[Y:.*]] = blue.rms_norm %[[X]], %[[W]] {epsilon = 5.000000e-01 : f64}
// CHECK: return %[[Y]]
func.func @torchscript(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %one = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %axis = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %epsilon = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %weight = onnx.Constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : tensor<4xf32>
  %wide = onnx.Cast %x {to = 1} : (!rows) -> tensor<*xf32>
  %square = onnx.Pow %wide, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %mean = onnx.ReduceMean %square, %axis : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %sum = onnx.Add %mean, %epsilon : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %root = onnx.Sqrt %sum : (tensor<*xf32>) -> tensor<*xf32>
  %inverse = onnx.Div %one, %root : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %normal = onnx.Mul %wide, %inverse : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %narrow = onnx.Cast %normal {to = 1} : (tensor<*xf32>) -> tensor<*xf32>
  %scaled = onnx.Mul %weight, %narrow : (tensor<4xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %scaled : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// The node of opset 23, and onnxruntime's with the sum of a skip connection.
// CHECK-LABEL: func.func @nodes
// CHECK: %[[N:.*]] = blue.rms_norm %arg0, %{{.*}} {epsilon = 5.000000e-01 : f64}
// CHECK: %[[S:.*]] = blue.add %[[N]], %arg0
// CHECK: %[[M:.*]] = blue.rms_norm %[[S]], %{{.*}} {epsilon = 2.500000e-01 : f64}
// CHECK: blue.add %[[M]], %[[S]]
func.func @nodes(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %weight = onnx.Constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : tensor<4xf32>
  %normal = onnx.RMSNormalization %x, %weight {epsilon = 0.5 : f32} : (!rows, tensor<4xf32>) -> tensor<*xf32>
  %skip:4 = onnx.ms.SkipSimplifiedLayerNormalization %normal, %x, %weight, %none {epsilon = 0.25 : f32}
      : (tensor<*xf32>, !rows, tensor<4xf32>, none) -> (tensor<*xf32>, none, none, tensor<*xf32>)
  %sum = onnx.Add %skip#0, %skip#3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %sum : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 24)>
!rows = tensor<1x?x24xf32, #rows>

// Heads of queries, each normalised on its own: in their rows, and with heads in front.
// CHECK-LABEL: func.func @by_head
// CHECK: %[[A:.*]] = blue.rms_norm %{{.*}}, %{{.*}} {epsilon = {{.*}}, groups = 3 : i64} : (tensor<?x24xf32>, tensor<8xf32>) -> tensor<?x24xf32>
// CHECK: %[[B:.*]] = blue.rms_norm %[[A]], %{{.*}} {epsilon = {{.*}}, groups = 3 : i64} : (tensor<?x24xf32>, tensor<8xf32>) -> tensor<?x24xf32>
// CHECK: return %[[B]]
func.func @by_head(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8xf32>> : tensor<8xf32>
  %last = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %eps = onnx.Constant dense<1.0e-06> : tensor<f32> : tensor<f32>
  %split = onnx.Constant dense<[1, -1, 3, 8]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 24]> : tensor<3xi64> : tensor<3xi64>
  %h = onnx.Reshape %x, %split : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %0 = onnx.Pow %h, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %1 = onnx.ReduceMean %0, %last {keepdims = 1 : i64} : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %2 = onnx.Add %1, %eps : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %3 = onnx.Sqrt %2 : (tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Div %h, %3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %5 = onnx.Mul %4, %w : (tensor<*xf32>, tensor<8xf32>) -> tensor<*xf32>
  %front = onnx.Transpose %5 {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %6 = onnx.Pow %front, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %7 = onnx.ReduceMean %6, %last {keepdims = 1 : i64} : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %8 = onnx.Add %7, %eps : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %9 = onnx.Sqrt %8 : (tensor<*xf32>) -> tensor<*xf32>
  %10 = onnx.Div %front, %9 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %11 = onnx.Mul %10, %w : (tensor<*xf32>, tensor<8xf32>) -> tensor<*xf32>
  %back = onnx.Transpose %11 {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Reshape %back, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}
