// RUN: bluec-opt %s -bind-inputs -split-input-file | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
// An input of another name stays, and so does one of a graph that is no decoder.
// CHECK-LABEL: func.func @decoder(%arg0: tensor<1x?x4xf32
// CHECK-SAME: %arg1: tensor<i64>
func.func @decoder(%x: tensor<1x?x4xf32, #rows> {onnx.name = "inputs_embeds"}, %n: tensor<i64> {onnx.name = "count"}) -> tensor<*xi64>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Neg %n : (tensor<i64>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}
// CHECK-LABEL: func.func @vision(
// CHECK-SAME: %arg1: tensor<i64>
func.func @vision(%x: tensor<1x?x4xf32, #rows>, %n: tensor<i64> {onnx.name = "num_logits_to_keep"}) -> tensor<*xi64>
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["t"]} {
  %0 = onnx.Neg %n : (tensor<i64>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
// Logits of all rows.
// CHECK-LABEL: func.func @decoder(%arg0: tensor<1x?x4xf32
// CHECK-NOT: %arg1
// CHECK: %[[ZERO:.*]] = onnx.Constant dense<0> : tensor<i64>
// CHECK: onnx.Neg %[[ZERO]]
func.func @decoder(%n: tensor<i64> {onnx.name = "num_logits_to_keep"}, %x: tensor<1x?x4xf32, #rows> {onnx.name = "inputs_embeds"}) -> tensor<*xi64>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Neg %n : (tensor<i64>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}
