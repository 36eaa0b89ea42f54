// RUN: bluec-opt %s -unfold-pictures -split-input-file | FileCheck %s

#rows = #onnx.dims<()[s0] -> (s0, 24)>
// Two by four patches of 2 x 2 pixels, two frames each; the grid is a constant, and a number of the
// features is static.
// CHECK-LABEL: func.func @vision(%arg0: tensor<1x3x4x8xf32> {onnx.name = "pixel_values"}) -> (tensor<1x8x24xf32>, tensor<1x3xi64>)
// CHECK-DAG: %[[GRID:.*]] = onnx.Constant dense<{{\[\[}}1, 2, 4]]> : tensor<1x3xi64>
// CHECK: %[[BLOCKS:.*]] = onnx.Reshape %arg0, {{.*}} -> tensor<3x1x2x2x2x2x2xf32>
// CHECK: %[[ORDER:.*]] = onnx.Transpose %[[BLOCKS]] {perm = array<i64: 1, 4, 2, 5, 0, 3, 6>} : {{.*}} -> tensor<1x2x2x2x3x2x2xf32>
// CHECK: %[[PATCHES:.*]] = onnx.Reshape %[[ORDER]], {{.*}} -> tensor<8x3x1x2x2xf32>
// CHECK: %[[FRAMES:.*]] = onnx.Expand %[[PATCHES]], {{.*}} -> tensor<8x3x2x2x2xf32>
// CHECK: %[[ROWS:.*]] = onnx.Reshape %[[FRAMES]], {{.*}} -> tensor<8x24xf32>
// CHECK: onnx.Relu %[[ROWS]]
// CHECK: onnx.Identity %[[GRID]]
func.func @vision(%x: tensor<?x24xf32, #rows> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 8, 2, 2, 2>}, %grid: tensor<1x3xi64> {onnx.name = "image_grid_thw"}) -> (tensor<*xf32>, tensor<*xi64>)
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["patches"]} {
  %0 = onnx.Relu %x : (tensor<?x24xf32, #rows>) -> tensor<*xf32>
  %1 = onnx.Identity %grid : (tensor<1x3xi64>) -> tensor<*xi64>
  return %0, %1 : tensor<*xf32>, tensor<*xi64>
}

// -----

#rows = #onnx.dims<()[s0] -> (s0, 24)>
// Without a size nothing changes.
// CHECK-LABEL: func.func @vision(%arg0: tensor<?x24xf32
func.func @vision(%x: tensor<?x24xf32, #rows> {onnx.name = "pixel_values"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["patches"]} {
  %0 = onnx.Relu %x : (tensor<?x24xf32, #rows>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
