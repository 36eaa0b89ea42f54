// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#pixels = #onnx.dims<()[s0] -> (s0, 3, 6, 6)>
!pixels = tensor<?x3x6x6xf32, #pixels>

// A convolution whose patches overlap is not a patch embedding.
// CHECK-LABEL: func.func @overlap
// CHECK: onnx.Conv {{.*}}blue.unraised = "expected a convolution whose stride is its square kernel"
func.func @overlap(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x3x2x2xf32>> : tensor<4x3x2x2xf32>
  %shape = onnx.Constant dense<[0, 4, -1]> : tensor<3xi64> : tensor<3xi64>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 1, 1>} : (!pixels, tensor<4x3x2x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.Reshape %0, %shape : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %2 = onnx.Transpose %1 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 3, 6, 6)>
!pixels = tensor<?x3x6x6xf32, #pixels>

// Patches, positions read from a table in order, and a downsampler that pads the 3 x 3 grid to 4 x 4
// before it joins 2 x 2 tokens, column by column.
// CHECK-LABEL: func.func @tower
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x6x6xf32>) -> tensor<?x4x5xf32>
// CHECK: %[[P:.*]] = blue.patch_embed %[[X]], %{{.*}}, %{{.*}} : (tensor<?x3x6x6xf32>, tensor<4x3x2x2xf32>, tensor<4xf32>) -> tensor<?x9x4xf32>
// CHECK: %[[T:.*]] = blue.weight "vision/positions" <"m.onnx" at 256 : tensor<9x4xf32>> : tensor<9x4xf32>
// CHECK: %[[S:.*]] = blue.add %[[P]], %[[T]]
// CHECK: %[[D:.*]] = blue.token_downsample %[[S]] {column_major, height = 3 : i64, width = 3 : i64} : (tensor<?x9x4xf32>) -> tensor<?x4x16xf32>
// CHECK: blue.linear %[[D]]
func.func @tower(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x3x2x2xf32>> : tensor<4x3x2x2xf32>
  %b = onnx.Constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : tensor<4xf32>
  %positions = onnx.Weight "positions" <"m.onnx" at 256 : tensor<9x4xf32>> : tensor<9x4xf32>
  %order = onnx.Constant dense<[[0, 1, 2, 3, 4, 5, 6, 7, 8]]> : tensor<1x9xi64> : tensor<1x9xi64>
  %shape = onnx.Constant dense<[0, 4, -1]> : tensor<3xi64> : tensor<3xi64>
  %0 = onnx.Conv %x, %w, %b {auto_pad = "VALID", strides = array<i64: 2, 2>} : (!pixels, tensor<4x3x2x2xf32>, tensor<4xf32>) -> tensor<*xf32>
  %1 = onnx.Reshape %0, %shape : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %2 = onnx.Transpose %1 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Gather %positions, %order : (tensor<9x4xf32>, tensor<1x9xi64>) -> tensor<*xf32>
  %4 = onnx.Add %2, %3 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %grid = onnx.Constant dense<[-1, 3, 3, 4]> : tensor<4xi64> : tensor<4xi64>
  %pads = onnx.Constant dense<[0, 0, 0, 0, 0, 1, 1, 0]> : tensor<8xi64> : tensor<8xi64>
  %blocks = onnx.Constant dense<[-1, 2, 2, 2, 2, 4]> : tensor<6xi64> : tensor<6xi64>
  %joined = onnx.Constant dense<[-1, 4, 16]> : tensor<3xi64> : tensor<3xi64>
  %5 = onnx.Reshape %4, %grid : (tensor<*xf32>, tensor<4xi64>) -> tensor<*xf32>
  %6 = onnx.Pad %5, %pads, %none, %none : (tensor<*xf32>, tensor<8xi64>, none, none) -> tensor<*xf32>
  %7 = onnx.Reshape %6, %blocks : (tensor<*xf32>, tensor<6xi64>) -> tensor<*xf32>
  %8 = onnx.Transpose %7 {perm = array<i64: 0, 1, 3, 4, 2, 5>} : (tensor<*xf32>) -> tensor<*xf32>
  %9 = onnx.Reshape %8, %joined : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %fuse = onnx.Weight "fuse" <"m.onnx" at 512 : tensor<16x5xf32>> : tensor<16x5xf32>
  %10 = onnx.MatMul %9, %fuse : (tensor<*xf32>, tensor<16x5xf32>) -> tensor<*xf32>
  return %10 : tensor<*xf32>
}
