// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#pixels = #onnx.dims<()[s0] -> (s0, 3, 4, 4)>
!pixels = tensor<?x3x4x4xf32, #pixels>

// Tokens behind those of each picture are not in front of them; a token that is no constant is no
// learned one.
// CHECK-LABEL: func.func @behind
// CHECK: onnx.Concat {{.*}}blue.unraised
func.func @behind(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x2x2xf32>> : tensor<2x3x2x2xf32>
  %flat = onnx.Constant dense<[0, 2, -1]> : tensor<3xi64> : tensor<3xi64>
  %class = onnx.Constant dense<[[[1.0, 2.0]], [[1.0, 2.0]]]> : tensor<2x1x2xf32> : tensor<2x1x2xf32>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 2, 2>} : (!pixels, tensor<2x3x2x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.Reshape %0, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %2 = onnx.Transpose %1 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Concat %2, %class {axis = 1 : i64} : (tensor<*xf32>, tensor<2x1x2xf32>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 3, 4, 4)>
!pixels = tensor<?x3x4x4xf32, #pixels>

// A class token, expanded to the number of pictures, positions for all tokens; features without it.
// CHECK-LABEL: func.func @class_token
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x4x4xf32>) -> tensor<?x4x3xf32>
// CHECK: %[[P:.*]] = blue.patch_embed %[[X]]
// CHECK: %[[C:.*]] = blue.constant {{.*}}dense<{{\[\[}}1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
// CHECK: %[[A:.*]] = blue.token_prepend %[[P]], %[[C]] : (tensor<?x4x2xf32>, tensor<1x2xf32>) -> tensor<?x5x2xf32>
// CHECK: %[[S:.*]] = blue.add %[[A]], %{{.*}} : (tensor<?x5x2xf32>, tensor<5x2xf32>) -> tensor<?x5x2xf32>
// CHECK: %[[T:.*]] = blue.token_slice %[[S]] {begin = 1 : i64, end = 5 : i64} : (tensor<?x5x2xf32>) -> tensor<?x4x2xf32>
// CHECK: blue.linear %[[T]]
func.func @class_token(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x2x2xf32>> : tensor<2x3x2x2xf32>
  %positions = onnx.Weight "positions" <"m.onnx" at 256 : tensor<5x2xf32>> : tensor<5x2xf32>
  %project = onnx.Weight "project" <"m.onnx" at 512 : tensor<2x3xf32>> : tensor<2x3xf32>
  %flat = onnx.Constant dense<[0, 2, -1]> : tensor<3xi64> : tensor<3xi64>
  %class = onnx.Constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32> : tensor<1x1x2xf32>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 2, 2>} : (!pixels, tensor<2x3x2x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.Reshape %0, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %2 = onnx.Transpose %1 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  %pictures = onnx.Shape %x {end = 1 : i64, start = 0 : i64} : (!pixels) -> tensor<*xi64>
  %ones = onnx.Constant dense<[1, 1]> : tensor<2xi64> : tensor<2xi64>
  %shape = onnx.Concat %pictures, %ones {axis = 0 : i64} : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
  %classes = onnx.Expand %class, %shape : (tensor<1x1x2xf32>, tensor<*xi64>) -> tensor<*xf32>
  %3 = onnx.Concat %classes, %2 {axis = 1 : i64} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Add %3, %positions : (tensor<*xf32>, tensor<5x2xf32>) -> tensor<*xf32>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64> : tensor<1xi64>
  %5 = onnx.Slice %4, %one, %end, %one, %none : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %6 = onnx.MatMul %5, %project : (tensor<*xf32>, tensor<2x3xf32>) -> tensor<*xf32>
  return %6 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 3, 6, 6)>
!pixels = tensor<?x3x6x6xf32, #pixels>

// Three rows and three columns of tokens become one, its channels first.
// CHECK-LABEL: func.func @shuffle
// CHECK: %[[D:.*]] = blue.token_downsample %{{.*}} {channels_first, factor = 3 : i64, height = 3 : i64, width = 3 : i64} : (tensor<?x9x2xf32>) -> tensor<?x1x18xf32>
// CHECK: blue.linear %[[D]]
func.func @shuffle(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x2x2xf32>> : tensor<2x3x2x2xf32>
  %project = onnx.Weight "project" <"m.onnx" at 512 : tensor<18x3xf32>> : tensor<18x3xf32>
  %joined = onnx.Constant dense<[0, 1, 18]> : tensor<3xi64> : tensor<3xi64>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 2, 2>} : (!pixels, tensor<2x3x2x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.Reshape %0, %joined : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %2 = onnx.MatMul %1, %project : (tensor<*xf32>, tensor<18x3xf32>) -> tensor<*xf32>
  return %2 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 3, 8, 4)>
!pixels = tensor<?x3x8x4xf32, #pixels>

// Means of windows that overlap are another layer.
// CHECK-LABEL: func.func @overlap
// CHECK: onnx.AveragePool {{.*}}blue.unraised = "expected square windows side by side, of 2 to 64 tokens a side"
func.func @overlap(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x2x2xf32>> : tensor<2x3x2x2xf32>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 2, 2>} : (!pixels, tensor<2x3x2x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.AveragePool %0 {kernel_shape = array<i64: 2, 2>} : (tensor<*xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 3, 8, 4)>
!pixels = tensor<?x3x8x4xf32, #pixels>

// CHECK-LABEL: func.func @mean
// CHECK: blue.token_pool %{{.*}} {factor = 2 : i64, height = 4 : i64, width = 2 : i64} : (tensor<?x8x2xf32>) -> tensor<?x2x2xf32>
func.func @mean(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x2x2xf32>> : tensor<2x3x2x2xf32>
  %flat = onnx.Constant dense<[0, 2, -1]> : tensor<3xi64> : tensor<3xi64>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 2, 2>} : (!pixels, tensor<2x3x2x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.AveragePool %0 {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Reshape %1, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %3 = onnx.Transpose %2 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 3, 4, 4)>
!pixels = tensor<?x3x4x4xf32, #pixels>

// Patches as rows of their pixels, channels last: a patch embedding whose weight has them first.
// CHECK-LABEL: func.func @unfolded
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x4x4xf32>)
// CHECK: %[[W:.*]] = blue.weight "vision/w" <"m.onnx" at 64 : tensor<12x2xf32>> [#blue.transpose<[1, 0]>, #blue.reshape<[2, 2, 2, 3]>, #blue.transpose<[0, 3, 1, 2]>] : tensor<2x3x2x2xf32>
// CHECK: blue.patch_embed %[[X]], %[[W]] : (tensor<?x3x4x4xf32>, tensor<2x3x2x2xf32>) -> tensor<?x4x2xf32>
func.func @unfolded(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<12x2xf32>> : tensor<12x2xf32>
  %grid = onnx.Constant dense<[-1, 3, 2, 2, 2, 2]> : tensor<6xi64> : tensor<6xi64>
  %rows = onnx.Constant dense<[-1, 4, 12]> : tensor<3xi64> : tensor<3xi64>
  %0 = onnx.Reshape %x, %grid : (!pixels, tensor<6xi64>) -> tensor<*xf32>
  %1 = onnx.Transpose %0 {perm = array<i64: 0, 2, 4, 3, 5, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Reshape %1, %rows : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %3 = onnx.MatMul %2, %w : (tensor<*xf32>, tensor<12x2xf32>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0, s1] -> (s0, s1, 3, 4, 4)>
#mask = #onnx.dims<()[s0, s1] -> (s0, s1, 4, 4)>
!pixels = tensor<?x?x3x4x4xf32, #pixels>
!mask = tensor<?x?x4x4xi1, #mask>

// Rows of pictures, and a mask of their pixels from which positions are computed: with whole pictures
// they begin at the sum of 16.
// CHECK-LABEL: func.func @masked
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x4x4xf32>) -> tensor<?x4x2xf32>
// CHECK: %[[P:.*]] = blue.patch_embed %[[X]]
// CHECK: %[[T:.*]] = blue.weight "vision/positions" <"m.onnx" at 256 : tensor<20x2xf32>> [#blue.slice<0 : 16 to 20>] : tensor<4x2xf32>
// CHECK: blue.add %[[P]], %[[T]] : (tensor<?x4x2xf32>, tensor<4x2xf32>) -> tensor<?x4x2xf32>
func.func @masked(%x: !pixels {onnx.name = "pixel_values"}, %m: !mask {onnx.name = "pixel_attention_mask"})
    -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n", "pictures"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x2x2xf32>> : tensor<2x3x2x2xf32>
  %positions = onnx.Weight "positions" <"m.onnx" at 256 : tensor<20x2xf32>> : tensor<20x2xf32>
  %pictures = onnx.Constant dense<[-1, 3, 4, 4]> : tensor<4xi64> : tensor<4xi64>
  %flat = onnx.Constant dense<[0, 2, 4]> : tensor<3xi64> : tensor<3xi64>
  %pixelRows = onnx.Constant dense<[-1, 16]> : tensor<2xi64> : tensor<2xi64>
  %last = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %order = onnx.Constant dense<[[0, 1, 2, 3]]> : tensor<1x4xi64> : tensor<1x4xi64>
  %0 = onnx.Reshape %x, %pictures : (!pixels, tensor<4xi64>) -> tensor<*xf32>
  %1 = onnx.Conv %0, %w, %none {strides = array<i64: 2, 2>} : (tensor<*xf32>, tensor<2x3x2x2xf32>, none) -> tensor<*xf32>
  %2 = onnx.Reshape %1, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %3 = onnx.Transpose %2 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Cast %m {to = 7 : i64} : (!mask) -> tensor<*xi64>
  %5 = onnx.Reshape %4, %pixelRows : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
  %6 = onnx.ReduceSum %5, %last {keepdims = 1 : i64} : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %7 = onnx.Add %6, %order : (tensor<*xi64>, tensor<1x4xi64>) -> tensor<*xi64>
  %8 = onnx.Gather %positions, %7 : (tensor<20x2xf32>, tensor<*xi64>) -> tensor<*xf32>
  %9 = onnx.Add %3, %8 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %9 : tensor<*xf32>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 3, 4, 4)>
!pixels = tensor<?x3x4x4xf32, #pixels>

// Features of two layers side by side: each meets its columns of the weight.
// CHECK-LABEL: func.func @joined
// CHECK: %[[P:.*]] = blue.patch_embed
// CHECK: %[[R:.*]] = blue.relu %[[P]]
// CHECK: %[[A:.*]] = blue.weight {{.*}} [#blue.transpose<[1, 0]>, #blue.slice<1 : 0 to 2>] : tensor<3x2xf32>
// CHECK: %[[Y:.*]] = blue.linear %[[R]], %[[A]]
// CHECK: %[[B:.*]] = blue.weight {{.*}} [#blue.transpose<[1, 0]>, #blue.slice<1 : 2 to 4>] : tensor<3x2xf32>
// CHECK: %[[Z:.*]] = blue.linear %[[P]], %[[B]]
// CHECK: blue.add %[[Y]], %[[Z]]
func.func @joined(%x: !pixels {onnx.name = "pixel_values"}) -> (tensor<*xf32> {onnx.name = "image_features"})
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<2x3x2x2xf32>> : tensor<2x3x2x2xf32>
  %project = onnx.Weight "project" <"m.onnx" at 512 : tensor<4x3xf32>> : tensor<4x3xf32>
  %flat = onnx.Constant dense<[0, 2, -1]> : tensor<3xi64> : tensor<3xi64>
  %0 = onnx.Conv %x, %w, %none {strides = array<i64: 2, 2>} : (!pixels, tensor<2x3x2x2xf32>, none) -> tensor<*xf32>
  %1 = onnx.Reshape %0, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  %2 = onnx.Transpose %1 {perm = array<i64: 0, 2, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.Relu %2 : (tensor<*xf32>) -> tensor<*xf32>
  %4 = onnx.Concat %3, %2 {axis = -1 : i64} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %5 = onnx.MatMul %4, %project : (tensor<*xf32>, tensor<4x3xf32>) -> tensor<*xf32>
  return %5 : tensor<*xf32>
}
