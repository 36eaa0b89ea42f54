// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// A number for each row is neither a vector nor a table: the node stays.
// CHECK-LABEL: func.func @per_row
// CHECK: onnx.Mul {{.*}}blue.unraised
func.func @per_row(%x: !rows {onnx.name = "inputs_embeds"},
                   %p: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %axis = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Cast %p {to = 1} : (tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xf32>
  %1 = onnx.Unsqueeze %0, %axis : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %2 = onnx.Mul %x, %1 : (!rows, tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// Numbers become scales, whatever side they stand on; a number that is added is spread.
// CHECK-LABEL: func.func @numbers
// CHECK: %[[A:.*]] = blue.scale %arg0 {factor = 2.000000e+00 : f64}
// CHECK: %[[B:.*]] = blue.scale %[[A]] {factor = 2.500000e-01 : f64}
// CHECK: %[[V:.*]] = blue.constant {{.*}}dense<2.000000e+00> : tensor<4xf32>
// CHECK: %[[C:.*]] = blue.add %[[B]], %[[V]]
// CHECK: %[[D:.*]] = blue.sub %[[C]], %arg0
// CHECK: blue.relu %[[D]]
func.func @numbers(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %four = onnx.Constant dense<4.0> : tensor<1xf32> : tensor<1xf32>
  %0 = onnx.Mul %two, %x : (tensor<f32>, !rows) -> tensor<*xf32>
  %1 = onnx.Div %0, %four : (tensor<*xf32>, tensor<1xf32>) -> tensor<*xf32>
  %2 = onnx.Add %1, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %3 = onnx.Sub %2, %x : (tensor<*xf32>, !rows) -> tensor<*xf32>
  %4 = onnx.Relu %3 : (tensor<*xf32>) -> tensor<*xf32>
  return %4 : tensor<*xf32>
}

// -----

// Half precision: everything computes in f32, and casts go away.
// CHECK-LABEL: func.func @half
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %{{.*}}: index) -> tensor<?x4xf32>
// CHECK-NEXT: %[[A:.*]] = blue.add %[[X]], %[[X]] : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
// CHECK-NEXT: %[[B:.*]] = blue.mul %[[A]], %[[X]]
// CHECK-NEXT: return %[[B]]
func.func @half(%x: tensor<1x?x4xf16, #onnx.dims<()[s0] -> (1, s0, 4)>> {onnx.name = "inputs_embeds"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Add %x, %x : (tensor<1x?x4xf16, #onnx.dims<()[s0] -> (1, s0, 4)>>, tensor<1x?x4xf16, #onnx.dims<()[s0] -> (1, s0, 4)>>) -> tensor<*xf16>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xf16>) -> tensor<*xf32>
  %2 = onnx.Cast %x {to = 1} : (tensor<1x?x4xf16, #onnx.dims<()[s0] -> (1, s0, 4)>>) -> tensor<*xf32>
  %3 = onnx.Mul %1, %2 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}
