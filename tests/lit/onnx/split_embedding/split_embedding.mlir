// RUN: bluec-opt %s -split-embedding -split-input-file | FileCheck %s

// A decoder of embeddings stays.
// CHECK-LABEL: func.func @takes_embeddings(%arg0: tensor<1x?x4xf32
// CHECK-NOT: onnx.Gather
func.func @takes_embeddings(%x: tensor<1x?x4xf32, #onnx.dims<()[s0] -> (1, s0, 4)>> {onnx.name = "inputs_embeds"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"]} {
  %0 = onnx.Neg %x : (tensor<1x?x4xf32, #onnx.dims<()[s0] -> (1, s0, 4)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// What leads to the table's rows is a function of ids; the decoder begins behind it. The shape of the ids is that of the
// embeddings, without their width.
// CHECK-LABEL: func.func @embed(%arg0: tensor<1x?xi64
// CHECK-SAME: onnx.name = "input_ids"
// CHECK-SAME: onnx.name = "inputs_embeds"
// CHECK-SAME: blue.role = #blue.role<embed>
// CHECK: %[[W:.*]] = onnx.Weight "head"
// CHECK: %[[TABLE:.*]] = onnx.Transpose %[[W]]
// CHECK: %[[IDS:.*]] = onnx.Cast %arg0
// CHECK: onnx.Gather %[[TABLE]], %[[IDS]]
// CHECK-LABEL: func.func @decoder(%arg0: tensor<1x?x4xf32
// CHECK-SAME: onnx.name = "inputs_embeds"
// CHECK-SAME: %arg1: tensor<1x?xi64
// CHECK-SAME: onnx.name = "attention_mask"
// CHECK-DAG: onnx.Shape %arg0 {end = 2 : i64}
// CHECK-DAG: onnx.Shape %arg0 {end = 2 : i64, start = 1 : i64}
// CHECK-DAG: onnx.Neg %arg0
// CHECK-NOT: onnx.Gather
func.func @decoder(%ids: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "input_ids"},
                   %mask: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "attention_mask"})
    -> (tensor<*xf32>, tensor<*xi64>, tensor<*xi64>)
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"], onnx.file = "model.onnx"} {
  %w = onnx.Weight "head" <"model.onnx" at 64 : tensor<4x9xf32>> : tensor<4x9xf32>
  %table = onnx.Transpose %w : (tensor<4x9xf32>) -> tensor<*xf32>
  %narrow = onnx.Cast %ids {to = 6 : i64} : (tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xi32>
  %rows = onnx.Gather %table, %narrow : (tensor<*xf32>, tensor<*xi32>) -> tensor<*xf32>
  %0 = onnx.Neg %rows : (tensor<*xf32>) -> tensor<*xf32>
  %1 = onnx.Shape %ids : (tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xi64>
  %2 = onnx.Shape %narrow {start = -1 : i64} : (tensor<*xi32>) -> tensor<*xi64>
  return %0, %1, %2 : tensor<*xf32>, tensor<*xi64>, tensor<*xi64>
}
