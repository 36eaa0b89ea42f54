// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#ids = #onnx.dims<()[s0] -> (1, s0)>
!ids = tensor<1x?xi64, #ids>

// Ids that are computed with are no token ids.
// CHECK-LABEL: func.func @shifted
// CHECK: onnx.Gather {{.*}}blue.unraised
func.func @shifted(%ids: !ids {onnx.name = "input_ids"}) -> (tensor<*xf32> {onnx.name = "inputs_embeds"})
    attributes {blue.role = #blue.role<embed>, onnx.symbols = ["t"]} {
  %one = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %table = onnx.Weight "table" <"m.onnx" at 64 : tensor<10x4xf32>> : tensor<10x4xf32>
  %0 = onnx.Add %ids, %one : (!ids, tensor<i64>) -> tensor<*xi64>
  %1 = onnx.Gather %table, %0 : (tensor<10x4xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

#ids = #onnx.dims<()[s0] -> (1, s0)>
!ids = tensor<1x?xi64, #ids>

// Rows of a table, scaled as MiniCPM does.
// CHECK-LABEL: func.func @scaled
// CHECK-SAME: (%[[IDS:.*]]: tensor<?xi64>) -> tensor<?x4xf32>
// CHECK: %[[T:.*]] = blue.weight "embed/table" <"m.onnx" at 64 : tensor<10x4xf32>> : tensor<10x4xf32>
// CHECK: %[[E:.*]] = blue.embedding %[[IDS]], %[[T]]
// CHECK: blue.scale %[[E]] {factor = 1.200000e+01 : f64}
func.func @scaled(%ids: !ids {onnx.name = "input_ids"}) -> (tensor<*xf32> {onnx.name = "inputs_embeds"})
    attributes {blue.role = #blue.role<embed>, onnx.symbols = ["t"]} {
  %twelve = onnx.Constant dense<12.0> : tensor<f32> : tensor<f32>
  %table = onnx.Weight "table" <"m.onnx" at 64 : tensor<10x4xf32>> : tensor<10x4xf32>
  %0 = onnx.Gather %table, %ids : (tensor<10x4xf32>, !ids) -> tensor<*xf32>
  %1 = onnx.Mul %0, %twelve : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#places = #onnx.dims<()[s0, s1] -> (1, s0)>
!places = tensor<1x?xi64, #places>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// A table that ends before the context does.
// CHECK-LABEL: func.func @short_table
// CHECK: onnx.Add {{.*}}blue.unraised = "expected embeddings of 2048 positions for that context, found 1023"
func.func @short_table(%x: !rows {onnx.name = "inputs_embeds"}, %at: !places {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %one = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %table = onnx.Weight "table" <"m.onnx" at 64 : tensor<1024x8xf32>> : tensor<1024x8xf32>
  %0 = onnx.Add %at, %one : (!places, tensor<i64>) -> tensor<*xi64>
  %1 = onnx.Gather %table, %0 : (tensor<1024x8xf32>, tensor<*xi64>) -> tensor<*xf32>
  %2 = onnx.Add %x, %1 : (!rows, tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#places = #onnx.dims<()[s0, s1] -> (1, s0)>
!places = tensor<1x?xi64, #places>

// Learned positions, two rows into their table, as OPT has them.
// CHECK-LABEL: func.func @positions
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[AT:.*]]: index) -> tensor<?x8xf32>
// CHECK: %[[T:.*]] = blue.weight "decoder/table" <"m.onnx" at 64 : tensor<4096x8xf32>> [#blue.slice<{{.*}}>] : tensor<2048x8xf32>
// CHECK: blue.position_embedding %[[X]], %[[T]] at %[[AT]]
func.func @positions(%x: !rows {onnx.name = "inputs_embeds"}, %at: !places {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %two = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %table = onnx.Weight "table" <"m.onnx" at 64 : tensor<4096x8xf32>> : tensor<4096x8xf32>
  %0 = onnx.Add %at, %two : (!places, tensor<i64>) -> tensor<*xi64>
  %1 = onnx.Gather %table, %0 : (tensor<4096x8xf32>, tensor<*xi64>) -> tensor<*xf32>
  %2 = onnx.Add %x, %1 : (!rows, tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}
