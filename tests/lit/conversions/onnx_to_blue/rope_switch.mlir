// RUN: bluec-opt %s -infer-shapes -onnx-to-blue=context=11 | FileCheck %s --check-prefix=SHORT
// RUN: not bluec-opt %s -infer-shapes "-onnx-to-blue=context=12" -verify-model 2>&1 | FileCheck %s --check-prefix=LONG
// RUN: not bluec-opt %s -infer-shapes "-onnx-to-blue=context=100" -verify-model 2>&1 | FileCheck %s --check-prefix=LONG

// Frequencies are chosen by a call's last position, as exports of longrope do: up to the switch that is a
// table by position, beyond it none is.
// SHORT: blue.rope
// LONG: expected a rotary embedding that depends on each row's position only, up to the context of {{.*}} tokens, found another one for
#rows = #onnx.dims<()[s0] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#positions = #onnx.dims<()[s0] -> (1, s0)>
!positions = tensor<1x?xi64, #positions>

func.func @by_last_position(%x: !rows {onnx.name = "inputs_embeds"}, %p: !positions {onnx.name = "position_ids"})
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
  %long = onnx.Constant dense<[0.5, 0.005, 0.5, 0.005]> : tensor<4xf32> : tensor<4xf32>
  %switch = onnx.Constant dense<10> : tensor<i64> : tensor<i64>
  %end = onnx.ReduceMax %p, %none {keepdims = 0} : (!positions, none) -> tensor<*xi64>
  %isLong = onnx.Greater %end, %switch : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %chosen = onnx.Where %isLong, %long, %frequencies : (tensor<*xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<*xf32>
  %0 = onnx.Unsqueeze %p, %last : (!positions, tensor<2xi64>) -> tensor<*xi64>
  %1 = onnx.Cast %0 {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %angles = onnx.Mul %1, %chosen : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
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
