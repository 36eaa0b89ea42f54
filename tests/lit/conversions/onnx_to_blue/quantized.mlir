// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 64)>
!x = tensor<1x?x64xf32, #rows>

// Scales that change from column to column have no type: the weight becomes the floats that it
// stands for, and nothing is lost.
// CHECK-LABEL: func.func @by_column
// CHECK: %[[W:.*]] = blue.weight {{.*}} [#blue.dequantize<[1, 48], #blue.source<"m.onnx" at 4096 : tensor<64x1xf32>>>, #blue.transpose<[1, 0]>] : tensor<48x64xf32>
// CHECK: blue.linear %{{.*}}, %[[W]]
func.func @by_column(%x: !x {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<64x48xi8>>
    [#blue.dequantize<[1, 48], #blue.source<"m.onnx" at 4096 : tensor<64x1xf32>>>] : tensor<64x48xf32>
  %0 = onnx.MatMul %x, %w : (!x, tensor<64x48xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 64)>
!x = tensor<1x?x64xf32, #rows>

// A linear keeps the integers of its weight, in exactly their type: 4 bits with a zero of their own
// for each 32 columns.
// CHECK-LABEL: func.func @kept
// CHECK: %[[W:.*]] = blue.weight {{.*}} : tensor<64x48xui4>> [#blue.dequantize<[32, 1], #blue.source<"m.onnx" at 4096 : tensor<2x48xf32>>, #blue.source<"m.onnx" at 8192 : tensor<2x48xui4>>>, #blue.transpose<[1, 0]>, #blue.quantize<<i4 group 32 scale f32 zeros>, keep>] : tensor<48x64x!blue.quantized<i4 group 32 scale f32 zeros>>
// CHECK: blue.linear %{{.*}}, %[[W]] : (tensor<?x64xf32>, tensor<48x64x!blue.quantized<i4 group 32 scale f32 zeros>>) -> tensor<?x48xf32>
func.func @kept(%x: !x {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<64x48xui4>>
    [#blue.dequantize<[32, 1], #blue.source<"m.onnx" at 4096 : tensor<2x48xf32>>, #blue.source<"m.onnx" at 8192 : tensor<2x48xui4>>>] : tensor<64x48xf32>
  %0 = onnx.MatMul %x, %w : (!x, tensor<64x48xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 64)>
!x = tensor<1x?x64xf16, #rows>

// In half precision the scales keep their type; zeros in the middle of the range are no zeros.
// CHECK-LABEL: func.func @half
// CHECK: blue.weight {{.*}} [#blue.dequantize<[1, 64], #blue.source<"m.onnx" at 4096 : tensor<48x1xf16>>, dense<128> : tensor<48x1xui8>>, #blue.transpose<[1, 0]>, #blue.transpose<[1, 0]>, #blue.convert<f32>, #blue.quantize<<i8 group row scale f16>, keep>] : tensor<48x64x!blue.quantized<i8 group row scale f16>>
func.func @half(%x: !x {onnx.name = "inputs_embeds"}) -> (tensor<*xf16> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<48x64xui8>>
    [#blue.dequantize<[1, 64], #blue.source<"m.onnx" at 4096 : tensor<48x1xf16>>, dense<128> : tensor<48x1xui8>>, #blue.transpose<[1, 0]>] : tensor<64x48xf16>
  %0 = onnx.MatMul %x, %w : (!x, tensor<64x48xf16>) -> tensor<*xf16>
  return %0 : tensor<*xf16>
}

// -----

#ids = #onnx.dims<()[s0] -> (1, s0)>
!ids = tensor<1x?xi64, #ids>

// So does a table of embeddings.
// CHECK-LABEL: func.func @table
// CHECK: %[[T:.*]] = blue.weight {{.*}} #blue.quantize<<i4 group 16 scale f32>, keep>] : tensor<10x32x!blue.quantized<i4 group 16 scale f32>>
// CHECK: blue.embedding %{{.*}}, %[[T]]
func.func @table(%ids: !ids {onnx.name = "input_ids"}) -> (tensor<*xf32> {onnx.name = "inputs_embeds"})
    attributes {blue.role = #blue.role<embed>, onnx.symbols = ["t"]} {
  %table = onnx.Weight "table" <"m.onnx" at 64 : tensor<10x32xi4>>
    [#blue.dequantize<[1, 16], #blue.source<"m.onnx" at 4096 : tensor<10x2xf32>>>] : tensor<10x32xf32>
  %0 = onnx.Gather %table, %ids : (tensor<10x32xf32>, !ids) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
