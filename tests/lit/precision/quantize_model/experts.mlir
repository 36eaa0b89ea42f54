// RUN: bluec-opt %s --quantize-model=recipe=float | FileCheck %s --check-prefix=FLOAT
// RUN: bluec-opt %s --quantize-model 2>&1 | FileCheck %s
// RUN: bluec-opt %s --quantize-model=recipe=%S/inputs/f16.json 2>&1 | FileCheck %s --check-prefix=F16
// RUN: bluec-opt %s --quantize-model=recipe=%S/inputs/router.json 2>&1 | FileCheck %s --check-prefix=ROUTER
// RUN: not bluec-opt %s --quantize-model="recipe=%S/inputs/gptq.json calibrated" 2>&1 | FileCheck %s --check-prefix=GPTQ
// RUN: not bluec-opt %s --quantize-model="recipe=%S/inputs/static.json calibrated" 2>&1 | FileCheck %s --check-prefix=STATIC

// Layers of experts are linear layers, whose rows are those of all experts; places of a row have scales of
// their own. The layer that chooses them is told by its reader, and stays as it is unless a recipe asks.
// CHECK-NOT: warning
// CHECK-DAG: %[[Q:.*]] = blue.quantize %arg0 : (tensor<?x64xf32>) -> tensor<?x64x!blue.quantized<i16 group row scale f32>>
// CHECK-DAG: %[[U:.*]] = blue.weight "up" {{.*}} [#blue.quantize<<i4 group 64 scale f16>, search>] : tensor<3x8x64x!blue.quantized<i4 group 64 scale f16>>
// CHECK: blue.linear %arg0, %{{.*}} : (tensor<?x64xf32>, tensor<3x64xf32>) -> tensor<?x3xf32>
// CHECK: blue.expert_linear %[[Q]], %[[U]]
// CHECK: %[[H:.*]] = blue.quantize {{.*}} -> tensor<?x2x8x!blue.quantized<i16 group row scale f32>>
// CHECK: blue.expert_linear %[[H]]
// FLOAT-NOT: quantized
// F16: blue.weight "up" <"m.onnx" at 64 : tensor<3x8x64xf32>> [#blue.convert<f16>] : tensor<3x8x64xf16>
// F16: blue.expert_linear {{.*}}tensor<3x8x64xf16>
// ROUTER: blue.linear {{.*}} : (tensor<?x64x!blue.quantized<i8 group row scale f32>>, tensor<3x64x!blue.quantized<i8 group row scale f16>>)
// ROUTER: blue.expert_linear {{.*}} : (tensor<?x64xf32>, tensor<3x8x64x!blue.quantized<i8 group 32 scale f16>>
// GPTQ: error: {{.*}}expected nearest or search for experts, each of which sees rows of its own, found gptq
// STATIC: error: {{.*}}expected activations of experts with scales of their own, found static ones
func.func @decoder(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {blue.role = #blue.role<decoder>} {
  %g = blue.weight "any" <"m.onnx" at 0 : tensor<3x64xf32>> : tensor<3x64xf32>
  %u = blue.weight "up" <"m.onnx" at 64 : tensor<3x8x64xf32>> : tensor<3x8x64xf32>
  %d = blue.weight "down" <"m.onnx" at 8192 : tensor<3x64x8xf32>> : tensor<3x64x8xf32>
  %l = blue.linear %x, %g {blue.input_max = 1.0 : f64} : (tensor<?x64xf32>, tensor<3x64xf32>) -> tensor<?x3xf32>
  %s = blue.scale %l {factor = 2.0 : f64} : tensor<?x3xf32>
  %r = blue.route %s {chosen = 2} : tensor<?x3xf32>
  %h = blue.expert_linear %x, %u, %r : (tensor<?x64xf32>, tensor<3x8x64xf32>, tensor<?x3xf32>) -> tensor<?x2x8xf32>
  %y = blue.expert_linear %h, %d, %r : (tensor<?x2x8xf32>, tensor<3x64x8xf32>, tensor<?x3xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
