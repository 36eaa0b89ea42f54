// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

!pixels = tensor<1x3x4x8xf32>
!tokens = tensor<8x2x2xf32>

// An encoder of patches in blocks of 2 x 2, each of two frames that are one picture: for each frame a patch
// embedding. A rope has a row of its tables for each token. Four tokens side by side are a block again.
// CHECK-LABEL: func.func @blocks
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x4x8xf32>)
// CHECK: %[[W0:.*]] = blue.weight "vision/w" {{.*}}#blue.slice<2 : 0 to 1>, #blue.reshape<[4, 3, 2, 2]>] : tensor<4x3x2x2xf32>
// CHECK: %[[P0:.*]] = blue.patch_embed %[[X]], %[[W0]] {block = 2 : i64} : (tensor<?x3x4x8xf32>, tensor<4x3x2x2xf32>) -> tensor<?x8x4xf32>
// CHECK: %[[W1:.*]] = blue.weight "vision/w{{.*}}#blue.slice<2 : 1 to 2>, #blue.reshape<[4, 3, 2, 2]>] : tensor<4x3x2x2xf32>
// CHECK: %[[P1:.*]] = blue.patch_embed %[[X]], %[[W1]] {block = 2 : i64}
// CHECK: %[[P:.*]] = blue.add %[[P0]], %[[P1]]
// CHECK: %[[R:.*]] = blue.rope %[[P]], %{{.*}}, %{{.*}} {num_heads = 2 : i64} : (tensor<?x8x4xf32>, tensor<8x1xf32>, tensor<8x1xf32>) -> tensor<?x8x4xf32>
// CHECK: %[[T:.*]] = blue.token_downsample %[[R]] {height = 4 : i64, width = 2 : i64} : (tensor<?x8x4xf32>) -> tensor<?x2x16xf32>
// CHECK: blue.linear %[[T]]
func.func @blocks(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = []} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<4x3x2x2x2xf32>> : tensor<4x3x2x2x2xf32>
  %merge = onnx.Weight "merge" <"m.onnx" at 1024 : tensor<16x5xf32>> : tensor<16x5xf32>
  %none = onnx.None : none
  %grid = onnx.Constant dense<[1, 3, 1, 2, 2, 2, 2, 2]> : tensor<8xi64> : tensor<8xi64>
  %once = onnx.Constant dense<[8, 3, 1, 4]> : tensor<4xi64> : tensor<4xi64>
  %twice = onnx.Constant dense<[8, 3, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %patch = onnx.Constant dense<[8, 3, 2, 2, 2]> : tensor<5xi64> : tensor<5xi64>
  %heads = onnx.Constant dense<[8, 2, 2]> : tensor<3xi64> : tensor<3xi64>
  %blocks = onnx.Constant dense<[2, 16]> : tensor<2xi64> : tensor<2xi64>
  %picture = onnx.Constant dense<[1, 2, 5]> : tensor<3xi64> : tensor<3xi64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c1 = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %angles = onnx.Constant dense<[[[0.0, 0.0]], [[0.1, 0.1]], [[1.0, 1.0]], [[1.1, 1.1]], [[0.2, 0.2]], [[0.3, 0.3]], [[1.2, 1.2]], [[1.3, 1.3]]]> : tensor<8x1x2xf32> : tensor<8x1x2xf32>
  %cos = onnx.Cos %angles : (tensor<8x1x2xf32>) -> tensor<*xf32>
  %sin = onnx.Sin %angles : (tensor<8x1x2xf32>) -> tensor<*xf32>
  %0 = onnx.Reshape %x, %grid : (!pixels, tensor<8xi64>) -> tensor<*xf32>
  %1 = onnx.Transpose %0 {perm = array<i64: 0, 2, 5, 3, 6, 1, 4, 7>} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Reshape %1, %once : (tensor<*xf32>, tensor<4xi64>) -> tensor<*xf32>
  %3 = onnx.Expand %2, %twice : (tensor<*xf32>, tensor<4xi64>) -> tensor<*xf32>
  %4 = onnx.Reshape %3, %patch : (tensor<*xf32>, tensor<5xi64>) -> tensor<*xf32>
  %5 = onnx.Conv %4, %w, %none {strides = array<i64: 2, 2, 2>} : (tensor<*xf32>, tensor<4x3x2x2x2xf32>, none) -> tensor<*xf32>
  %q = onnx.Reshape %5, %heads : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %low = onnx.Slice %q, %c0, %c1, %c2, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %high = onnx.Slice %q, %c1, %c2, %c2, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %negative = onnx.Neg %high : (tensor<*xf32>) -> tensor<*xf32>
  %half = onnx.Concat %negative, %low {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %6 = onnx.Mul %q, %cos : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %7 = onnx.Mul %half, %sin : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %8 = onnx.Add %6, %7 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %9 = onnx.Reshape %8, %blocks : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %10 = onnx.MatMul %9, %merge : (tensor<*xf32>, tensor<16x5xf32>) -> tensor<*xf32>
  %11 = onnx.Reshape %10, %picture : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %11 : tensor<*xf32>
}
