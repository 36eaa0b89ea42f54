// RUN: bluec-opt %s | bluec-opt | FileCheck %s

// Types, weights and subgraphs read again as they were printed.
// CHECK-LABEL: func.func @round_trip
// CHECK-SAME: tensor<1x?x48xf32, #onnx.dims<()[s0, s1] -> (1, s0 + s1, 48)>>
// CHECK-SAME: onnx.symbols = ["past", "sequence"]
func.func @round_trip(%x: tensor<1x?x48xf32, #onnx.dims<()[s0, s1] -> (1, s0 + s1, 48)>> {onnx.name = "x"},
                      %c: tensor<i1> {onnx.name = "use_cache_branch"}) -> tensor<*xf32>
    attributes {onnx.symbols = ["past", "sequence"], onnx.file = "decoder_model_merged.onnx"} {
  // CHECK: onnx.None : none
  %none = onnx.None : none
  // CHECK: onnx.Weight "onnx::MatMul_714" <"m.onnx" at 64 : tensor<192x48xf16>> [#blue.transpose<[1, 0]>, #blue.convert<f32>] : tensor<48x192xf32>
  %w = onnx.Weight "onnx::MatMul_714" #blue.source<"m.onnx" at 64 : tensor<192x48xf16>>
         [#blue.transpose<[1, 0]>, #blue.convert<f32>] : tensor<48x192xf32>
  // CHECK: onnx.MatMul %{{.*}}, %{{.*}} {onnx.scope = "model.layers.0.q_proj"}
  %0 = onnx.MatMul %x, %w {onnx.scope = "model.layers.0.q_proj"} : (tensor<1x?x48xf32, #onnx.dims<()[s0, s1] -> (1, s0 + s1, 48)>>, tensor<48x192xf32>) -> tensor<*xf32>
  // CHECK: %{{.*}}:2 = onnx.Split %{{.*}}, %{{.*}} {axis = -1 : i64} : (tensor<*xf32>, none) -> (tensor<*xf32>, tensor<*xf32>)
  %a, %b = onnx.Split %0, %none {axis = -1 : i64} : (tensor<*xf32>, none) -> (tensor<*xf32>, tensor<*xf32>)
  // CHECK: onnx.Constant dense<[1, 2]> : tensor<2xi64>
  %k = onnx.Constant dense<[1, 2]> : tensor<2xi64> : tensor<2xi64>
  // CHECK: onnx.If
  // CHECK: onnx.Yield
  // CHECK: } else {
  %1 = onnx.If %c : (tensor<i1>) -> tensor<*xf32> {
    onnx.Yield %a : tensor<*xf32>
  } else {
    onnx.Yield %b : tensor<*xf32>
  }
  // CHECK: onnx.ms.QuickGelu
  %2 = onnx.ms.QuickGelu %1 {alpha = 1.0 : f32} : (tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}
