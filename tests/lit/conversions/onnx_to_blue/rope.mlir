// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=16 | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#positions = #onnx.dims<()[s0] -> (1, s0)>
!positions = tensor<1x?xi64, #positions>

// Halves that are turned the other way round are no rotation that bluec knows.
// CHECK-LABEL: func.func @other_sign
// CHECK: onnx.Add {{.*}}blue.unraised
func.func @other_sign(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %heads = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %c3 = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %c4 = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %last = onnx.Constant dense<[2, 3]> : tensor<2xi64> : tensor<2xi64>
  %none = onnx.None : none
  %frequencies = onnx.Constant dense<[1.0, 0.01, 1.0, 0.01]> : tensor<4xf32> : tensor<4xf32>
  %0 = onnx.Unsqueeze %p, %last : (!positions, tensor<2xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %angles = onnx.Mul %1, %frequencies : (tensor<*xf32>, tensor<4xf32>) -> tensor<*xf32>
  %cos = onnx.Cos %angles : (tensor<*xf32>) -> tensor<*xf32>
  %sin = onnx.Sin %angles : (tensor<*xf32>) -> tensor<*xf32>
  %q = onnx.Reshape %x, %heads : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %low = onnx.Slice %q, %c0, %c2, %c3, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %high = onnx.Slice %q, %c2, %c4, %c3, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %half = onnx.Concat %high, %low {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Mul %q, %cos : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Mul %half, %sin : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Add %2, %3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %5 = onnx.Reshape %4, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %5 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#positions = #onnx.dims<()[s0] -> (1, s0)>
!positions = tensor<1x?xi64, #positions>

// Turned before the heads are moved in front.
// CHECK-LABEL: func.func @rows_first
// CHECK: %[[Y:.*]] = blue.rope %arg0, %{{.*}}, %{{.*}} at %arg1 {num_heads = 2 : i64}
// CHECK-NEXT: return %[[Y]]
func.func @rows_first(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %heads = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %c3 = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %c4 = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %last = onnx.Constant dense<[2, 3]> : tensor<2xi64> : tensor<2xi64>
  %none = onnx.None : none
  %frequencies = onnx.Constant dense<[1.0, 0.01, 1.0, 0.01]> : tensor<4xf32> : tensor<4xf32>
  %0 = onnx.Unsqueeze %p, %last : (!positions, tensor<2xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %angles = onnx.Mul %1, %frequencies : (tensor<*xf32>, tensor<4xf32>) -> tensor<*xf32>
  %cos = onnx.Cos %angles : (tensor<*xf32>) -> tensor<*xf32>
  %sin = onnx.Sin %angles : (tensor<*xf32>) -> tensor<*xf32>
  %q = onnx.Reshape %x, %heads : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %low = onnx.Slice %q, %c0, %c2, %c3, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %high = onnx.Slice %q, %c2, %c4, %c3, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %negative = onnx.Neg %high : (tensor<*xf32>) -> tensor<*xf32>
  %half = onnx.Concat %negative, %low {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Mul %q, %cos : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Mul %half, %sin : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Add %2, %3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %5 = onnx.Reshape %4, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %5 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#positions = #onnx.dims<()[s0] -> (1, s0)>
!positions = tensor<1x?xi64, #positions>

// Half-split pairs, turned after the heads were moved in front: a table for all positions.
// CHECK-LABEL: func.func @half_split
// CHECK-DAG: %[[COS:.*]] = blue.constant "rope_cos" dense_resource<rope_cos{{.*}}> : tensor<16x2xf32>
// CHECK-DAG: %[[SIN:.*]] = blue.constant "rope_sin" dense_resource<rope_sin{{.*}}> : tensor<16x2xf32>
// CHECK: %[[Y:.*]] = blue.rope %arg0, %[[COS]], %[[SIN]] at %arg1 {num_heads = 2 : i64}
// CHECK-NEXT: return %[[Y]]
func.func @half_split(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %heads = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %c3 = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %c4 = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %none = onnx.None : none
  %frequencies = onnx.Constant dense<[1.0, 0.01, 1.0, 0.01]> : tensor<4xf32> : tensor<4xf32>
  %c1 = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Unsqueeze %p, %c2 : (!positions, tensor<1xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %angles = onnx.Mul %1, %frequencies : (tensor<*xf32>, tensor<4xf32>) -> tensor<*xf32>
  %cos3 = onnx.Cos %angles : (tensor<*xf32>) -> tensor<*xf32>
  %sin3 = onnx.Sin %angles : (tensor<*xf32>) -> tensor<*xf32>
  %cos = onnx.Unsqueeze %cos3, %c1 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %sin = onnx.Unsqueeze %sin3, %c1 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %split = onnx.Reshape %x, %heads : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %q = onnx.Transpose %split {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %low = onnx.Slice %q, %c0, %c2, %c3, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %high = onnx.Slice %q, %c2, %c4, %c3, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %negative = onnx.Neg %high : (tensor<*xf32>) -> tensor<*xf32>
  %half = onnx.Concat %negative, %low {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Mul %q, %cos : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Mul %half, %sin : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Add %2, %3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %5 = onnx.Transpose %4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %6 = onnx.Reshape %5, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %6 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#positions = #onnx.dims<()[s0] -> (1, s0)>
!positions = tensor<1x?xi64, #positions>

// onnxruntime's node on rows, with interleaved pairs.
// CHECK-LABEL: func.func @node
// CHECK: blue.rope %arg0, %{{.*}}, %{{.*}} at %arg1 {interleaved, num_heads = 2 : i64}
func.func @node(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %index = onnx.Constant dense<[[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0], [9.0], [10.0], [11.0], [12.0], [13.0], [14.0], [15.0]]> : tensor<16x1xf32> : tensor<16x1xf32>
  %frequencies = onnx.Constant dense<[1.0, 0.01]> : tensor<2xf32> : tensor<2xf32>
  %angles = onnx.Mul %index, %frequencies : (tensor<16x1xf32>, tensor<2xf32>) -> tensor<*xf32>
  %cos = onnx.Cos %angles : (tensor<*xf32>) -> tensor<*xf32>
  %sin = onnx.Sin %angles : (tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.ms.RotaryEmbedding %x, %p, %cos, %sin {interleaved = 1, num_heads = 2} : (!rows, !positions, tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#positions = #onnx.dims<()[s0] -> (1, s0)>
!positions = tensor<1x?xi64, #positions>

// Only the first two dims of each head of four are turned; written as two products for each half.
// CHECK-LABEL: func.func @partial
// CHECK-DAG: %[[COS:.*]] = blue.constant "rope_cos" {{.*}} : tensor<16x1xf32>
// CHECK: %[[Y:.*]] = blue.rope %arg0, %[[COS]], %{{.*}} at %arg1 {num_heads = 2 : i64}
// CHECK-NEXT: return %[[Y]]
func.func @partial(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %heads = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %sizes = onnx.Constant dense<[1, 1, 2]> : tensor<3xi64> : tensor<3xi64>
  %last = onnx.Constant dense<[2, 3]> : tensor<2xi64> : tensor<2xi64>
  %0 = onnx.Unsqueeze %p, %last : (!positions, tensor<2xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %cos = onnx.Cos %1 : (tensor<*xf32>) -> tensor<*xf32>
  %sin = onnx.Sin %1 : (tensor<*xf32>) -> tensor<*xf32>
  %q = onnx.Reshape %x, %heads : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %part:3 = onnx.Split %q, %sizes {axis = -1} : (tensor<*xf32>, tensor<3xi64>) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>)
  %ac = onnx.Mul %part#0, %cos : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %bs = onnx.Mul %part#1, %sin : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %bc = onnx.Mul %part#1, %cos : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %as = onnx.Mul %part#0, %sin : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %a = onnx.Sub %ac, %bs : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %b = onnx.Add %bc, %as : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Concat %a, %b, %part#2 {axis = -1} : (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Reshape %y, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}
