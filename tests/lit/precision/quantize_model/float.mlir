// RUN: bluec-opt %s --quantize-model=recipe=float | FileCheck %s

// The recipe `float` leaves every type as it is.
// CHECK-LABEL: func.func @decoder(%arg0: tensor<?x64xf32>) -> tensor<?x32xf32>
func.func @decoder(%x: tensor<?x64xf32>) -> tensor<?x32xf32> attributes {blue.role = #blue.role<decoder>} {
  // CHECK-NEXT: blue.weight "q" <"m.onnx" at 64 : tensor<32x64xf32>> : tensor<32x64xf32>
  %w = blue.weight "q" <"m.onnx" at 64 : tensor<32x64xf32>> : tensor<32x64xf32>
  // CHECK-NEXT: blue.linear %arg0, %0 : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  %y = blue.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
