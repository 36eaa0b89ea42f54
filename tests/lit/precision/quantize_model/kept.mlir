// RUN: bluec-opt %s --quantize-model=recipe=%S/inputs/kept.json | FileCheck %s

// What the model has quantized keeps its type and its values; its input follows the recipe.
func.func @decoder(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {blue.role = #blue.role<decoder>} {
  // CHECK: %[[X:.*]] = blue.quantize %arg0 scale 2.500000e-01 : (tensor<?x64xf32>) -> tensor<?x64x!blue.quantized<i8 group row scale f32>>
  // CHECK: %[[W:.*]] = blue.weight "q" <"m.onnx" at 64 : tensor<64x64xf32>> [#blue.quantize<<i8 group 32 scale f32 zeros>, keep>]
  %w = blue.weight "q" <"m.onnx" at 64 : tensor<64x64xf32>> [#blue.quantize<<i8 group 32 scale f32 zeros>, keep>]
    : tensor<64x64x!blue.quantized<i8 group 32 scale f32 zeros>>
  // A static scale comes from what a calibration run saw: 31.75 / 127.
  // CHECK: blue.linear %[[X]], %[[W]]
  %y = blue.linear %x, %w {blue.input_max = 31.75 : f64}
    : (tensor<?x64xf32>, tensor<64x64x!blue.quantized<i8 group 32 scale f32 zeros>>) -> tensor<?x64xf32>
  // A weight that the compiler computed stays float, and so does its input.
  // CHECK: blue.linear %{{.*}} : (tensor<?x64xf32>, tensor<64x64xf32>)
  %c = blue.constant dense<0.5> : tensor<64x64xf32> : tensor<64x64xf32>
  %z = blue.linear %y, %c : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
