// RUN: bluec-opt %s --quantize-model=recipe=float | FileCheck %s
// RUN: bluec-opt %s --quantize-model 2>&1 | FileCheck %s --check-prefix=WARNED
// RUN: bluec-opt %s --quantize-model=recipe=%S/inputs/f16.json 2>&1 | FileCheck %s --check-prefix=F16

// Weights of experts stay floats, and that is said where the recipe wants something else.
// CHECK-NOT: warning
// WARNED: warning: weights of 1 layers of experts stay f32, whatever the recipe says
// CHECK: blue.expert_linear {{.*}}tensor<3x8x4xf32>
// WARNED: blue.expert_linear {{.*}}tensor<3x8x4xf32>
// F16-NOT: warning
// F16: blue.weight "up" <"m.onnx" at 64 : tensor<3x8x4xf32>> [#blue.convert<f16>] : tensor<3x8x4xf16>
// F16: blue.expert_linear {{.*}}tensor<3x8x4xf16>
func.func @decoder(%x: tensor<?x4xf32>, %r: tensor<?x3xf32>) -> tensor<?x2x8xf32> attributes {blue.role = #blue.role<decoder>} {
  %w = blue.weight "up" <"m.onnx" at 64 : tensor<3x8x4xf32>> : tensor<3x8x4xf32>
  %y = blue.expert_linear %x, %w, %r : (tensor<?x4xf32>, tensor<3x8x4xf32>, tensor<?x3xf32>) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}
