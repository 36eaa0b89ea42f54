// RUN: bluec-opt %s -specialize-batch | FileCheck %s

// The batch of vision is the number of tiles: it stays.
// CHECK-LABEL: func.func @vision(%arg0: tensor<?x3x56x56xf32
func.func @vision(%x: tensor<?x3x56x56xf32, #onnx.dims<()[s0] -> (s0, 3, 56, 56)>>) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["num_images"]} {
  %0 = onnx.Neg %x : (tensor<?x3x56x56xf32, #onnx.dims<()[s0] -> (s0, 3, 56, 56)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// A decoder's batch becomes 1 in arguments and in everything behind them.
// CHECK-LABEL: func.func @decoder(%arg0: tensor<1x?x48xf32
// CHECK-SAME: %arg1: tensor<1x2x?x12xf32
// CHECK-SAME: -> tensor<1x?x48xf32, #onnx.dims<()[s0, s1] -> (1, s1, 48)>>
func.func @decoder(%x: tensor<?x?x48xf32, #onnx.dims<()[s0, s1] -> (s0, s1, 48)>>,
                   %past: tensor<?x2x?x12xf32, #onnx.dims<()[s0, s1, s2] -> (s0, 2, s2, 12)>>) -> tensor<*xf32>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["batch", "sequence", "past"]} {
  // CHECK: onnx.Neg {{.*}} -> tensor<1x?x48xf32
  %0 = onnx.Neg %x : (tensor<?x?x48xf32, #onnx.dims<()[s0, s1] -> (s0, s1, 48)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
