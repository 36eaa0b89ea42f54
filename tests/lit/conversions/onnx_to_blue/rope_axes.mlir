// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=16 | FileCheck %s

// Positions on three axes. What an angle follows is seen where one axis alone has other positions.

#rows = #onnx.dims<()[s0] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#positions = #onnx.dims<()[s0] -> (3, 1, s0)>
!positions = tensor<3x1x?xi64, #positions>

// An angle of the sum of two axes follows none.
// CHECK-LABEL: func.func @two_at_once
// CHECK: onnx.Add {{.*}}blue.unraised = "expected a rotary embedding each of whose angles follows one axis of the positions, up to the context of 16 tokens, found angle 0, which no position on axis 0 explains"
func.func @two_at_once(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %heads = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %a0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %a1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %a2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c1 = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %c3 = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %c4 = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %none = onnx.None : none
  %frequencies = onnx.Constant dense<[1.0, 0.01]> : tensor<2xf32> : tensor<2xf32>
  %0 = onnx.Unsqueeze %p, %c3 : (!positions, tensor<1xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %all = onnx.Mul %1, %frequencies : (tensor<*xf32>, tensor<2xf32>) -> tensor<*xf32>
  %time = onnx.Gather %all, %a0 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %row = onnx.Gather %all, %a1 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %column = onnx.Gather %all, %a2 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %angles = onnx.Add %time, %row : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %twice = onnx.Concat %angles, %angles {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %cos3 = onnx.Cos %twice : (tensor<*xf32>) -> tensor<*xf32>
  %sin3 = onnx.Sin %twice : (tensor<*xf32>) -> tensor<*xf32>
  %cos = onnx.Unsqueeze %cos3, %c2 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %sin = onnx.Unsqueeze %sin3, %c2 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
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
#positions = #onnx.dims<()[s0] -> (3, 1, s0)>
!positions = tensor<3x1x?xi64, #positions>

// The first angle follows rows, the second columns.
// CHECK-LABEL: func.func @sections
// CHECK-SAME: %arg1: index, %arg2: tensor<?x3xi64>
// CHECK: blue.rope %arg0, %{{.*}}, %{{.*}} at %arg2 {axes = array<i64: 1, 2>, num_heads = 2 : i64}
func.func @sections(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %heads = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %a0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %a1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %a2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c1 = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %c3 = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %c4 = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %none = onnx.None : none
  %frequencies = onnx.Constant dense<[1.0, 0.01]> : tensor<2xf32> : tensor<2xf32>
  %0 = onnx.Unsqueeze %p, %c3 : (!positions, tensor<1xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %all = onnx.Mul %1, %frequencies : (tensor<*xf32>, tensor<2xf32>) -> tensor<*xf32>
  %time = onnx.Gather %all, %a0 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %row = onnx.Gather %all, %a1 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %column = onnx.Gather %all, %a2 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %first = onnx.Slice %row, %c0, %c1, %c2, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %second = onnx.Slice %column, %c1, %c2, %c2, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %angles = onnx.Concat %first, %second {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %twice = onnx.Concat %angles, %angles {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %cos3 = onnx.Cos %twice : (tensor<*xf32>) -> tensor<*xf32>
  %sin3 = onnx.Sin %twice : (tensor<*xf32>) -> tensor<*xf32>
  %cos = onnx.Unsqueeze %cos3, %c2 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %sin = onnx.Unsqueeze %sin3, %c2 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
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
#positions = #onnx.dims<()[s0] -> (3, 1, s0)>
!positions = tensor<3x1x?xi64, #positions>

// All angles follow time: positions are on axes all the same.
// CHECK-LABEL: func.func @one_axis
// CHECK: blue.rope %arg0, %{{.*}}, %{{.*}} at %arg2 {axes = array<i64: 0, 0>, num_heads = 2 : i64}
func.func @one_axis(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %heads = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %a0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %a1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %a2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c1 = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %c3 = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %c4 = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %none = onnx.None : none
  %frequencies = onnx.Constant dense<[1.0, 0.01]> : tensor<2xf32> : tensor<2xf32>
  %0 = onnx.Unsqueeze %p, %c3 : (!positions, tensor<1xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %all = onnx.Mul %1, %frequencies : (tensor<*xf32>, tensor<2xf32>) -> tensor<*xf32>
  %time = onnx.Gather %all, %a0 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %row = onnx.Gather %all, %a1 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %column = onnx.Gather %all, %a2 {axis = 0} : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %first = onnx.Slice %time, %c0, %c1, %c2, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %second = onnx.Slice %time, %c1, %c2, %c2, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %angles = onnx.Concat %first, %second {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %twice = onnx.Concat %angles, %angles {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %cos3 = onnx.Cos %twice : (tensor<*xf32>) -> tensor<*xf32>
  %sin3 = onnx.Sin %twice : (tensor<*xf32>) -> tensor<*xf32>
  %cos = onnx.Unsqueeze %cos3, %c2 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %sin = onnx.Unsqueeze %sin3, %c2 : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
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
