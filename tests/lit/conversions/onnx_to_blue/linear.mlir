// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// Rows that were transposed are no rows: the product stays, and says so.
// CHECK-LABEL: func.func @transposed
// CHECK: onnx.MatMul {{.*}}blue.unraised = "expected an operand whose rows are those of a layer, in their order"
func.func @transposed(%x: tensor<?x1x4x6xf32, #onnx.dims<()[s0] -> (s0, 1, 4, 6)>> {onnx.name = "pixel_values"})
    -> (tensor<*xf32> {onnx.name = "image_features"}) attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %axis = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Squeeze %x, %axis : (tensor<?x1x4x6xf32, #onnx.dims<()[s0] -> (s0, 1, 4, 6)>>, tensor<1xi64>) -> tensor<*xf32>
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x3xf32>> : tensor<4x3xf32>
  %1 = onnx.Transpose %0 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.MatMul %1, %w : (tensor<*xf32>, tensor<4x3xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// A product with a weight and a bias in front; a weight in half precision is converted where it is
// read. The weight is transposed, as its rows become output channels.
// CHECK-LABEL: func.func @bias
// CHECK-DAG: %[[W:.*]] = blue.weight "decoder/layers.0/q_proj.weight" <"m.onnx" at 64 : tensor<4x3xf16>> [#blue.transpose<[1, 0]>, #blue.convert<f32>] : tensor<3x4xf32>
// CHECK-DAG: %[[B:.*]] = blue.constant "decoder/layers.0/q_proj.bias" dense<[1.000000e+00, 2.000000e+00, 3.000000e+00]>
// CHECK: %[[Y:.*]] = blue.linear %arg0, %[[W]], %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @bias(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %w = onnx.Weight "onnx::MatMul_7" <"m.onnx" at 64 : tensor<4x3xf16>> : tensor<4x3xf16>
  %b = onnx.Constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> : tensor<3xf32>
  %wide = onnx.Cast %w {to = 1} : (tensor<4x3xf16>) -> tensor<4x3xf32>
  %0 = onnx.MatMul %x, %wide : (!rows, tensor<4x3xf32>) -> tensor<*xf32> loc("/model/layers.0/q_proj/MatMul")
  %1 = onnx.Add %b, %0 : (tensor<3xf32>, tensor<*xf32>) -> tensor<*xf32> loc("/model/layers.0/q_proj/Add")
  return %1 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// A Gemm on rows without a batch, its weight as PyTorch keeps it, its factors in the weights.
// CHECK-LABEL: func.func @gemm
// CHECK-DAG: blue.weight "decoder/head.w" <"m.onnx" at 64 : tensor<3x4xf32>> [#blue.scale<2.000000e+00 : f32>] : tensor<3x4xf32>
// CHECK-DAG: blue.constant {{.*}}dense<[3.000000e+00, 6.000000e+00, 9.000000e+00]>
// CHECK: blue.linear
func.func @gemm(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %w = onnx.Weight "head.w" <"m.onnx" at 64 : tensor<3x4xf32>> : tensor<3x4xf32>
  %b = onnx.Constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> : tensor<3xf32>
  %shape = onnx.Constant dense<[-1, 4]> : tensor<2xi64> : tensor<2xi64>
  %0 = onnx.Reshape %x, %shape : (!rows, tensor<2xi64>) -> tensor<*xf32>
  %1 = onnx.Gemm %0, %w, %b {alpha = 2.0 : f32, beta = 3.0 : f32, transB = 1} : (tensor<*xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// One product for a gate and what it lets through: each half is a layer of its own rows of the
// weight.
// CHECK-LABEL: func.func @columns
// CHECK-DAG: %[[W0:.*]] = blue.weight {{.*}} [#blue.transpose<[1, 0]>, #blue.slice<0 : 0 to 3>] : tensor<3x4xf32>
// CHECK-DAG: %[[W1:.*]] = blue.weight {{.*}} [#blue.transpose<[1, 0]>, #blue.slice<0 : 3 to 6>] : tensor<3x4xf32>
// CHECK-DAG: %[[G:.*]] = blue.linear %arg0, %[[W0]]
// CHECK-DAG: %[[U:.*]] = blue.linear %arg0, %[[W1]]
// CHECK: blue.swiglu %[[G]], %[[U]]
// CHECK-NOT: blue.linear
func.func @columns(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x6xf32>> : tensor<4x6xf32>
  %0 = onnx.MatMul %x, %w : (!rows, tensor<4x6xf32>) -> tensor<*xf32>
  %1:2 = onnx.Split %0, %none {axis = -1, num_outputs = 2} : (tensor<*xf32>, none) -> (tensor<*xf32>, tensor<*xf32>)
  %2 = onnx.Sigmoid %1#0 : (tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Mul %1#0, %2 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Mul %3, %1#1 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %4 : tensor<*xf32>
}
