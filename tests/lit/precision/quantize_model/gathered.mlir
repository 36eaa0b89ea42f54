// RUN: bluec-opt %s --quantize-model | FileCheck %s
// RUN: bluec-opt %s --quantize-model=recipe=fast | FileCheck %s --check-prefix=FAST

// A second reader, or tokens that no group of a useful size divides: rows are quantized when they
// have been gathered.
// CHECK-LABEL: func.func @vision
// CHECK: %[[D:.*]] = blue.token_downsample %arg0 {{.*}} -> tensor<?x4x592xf32>
// CHECK: %[[Q:.*]] = blue.quantize %[[D]] : (tensor<?x4x592xf32>) -> tensor<?x4x592x!blue.quantized<i16 group row scale f32>>
// CHECK: blue.linear %[[Q]], {{.*}}tensor<64x592x!blue.quantized<i8 group 128 scale f16>>
// FAST-LABEL: func.func @vision
// FAST: %[[D:.*]] = blue.token_downsample %arg0 {{.*}} -> tensor<?x4x592xf32>
// FAST: blue.quantize %[[D]] : (tensor<?x4x592xf32>) -> tensor<?x4x592x!blue.quantized<i8 group 128 scale f32>>
func.func @vision(%x: tensor<?x9x148xf32>) -> tensor<?x4x64xf32> attributes {blue.role = #blue.role<vision>} {
  %d = blue.token_downsample %x {height = 3, width = 3} : (tensor<?x9x148xf32>) -> tensor<?x4x592xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<64x592xf32>> : tensor<64x592xf32>
  %y = blue.linear %d, %w : (tensor<?x4x592xf32>, tensor<64x592xf32>) -> tensor<?x4x64xf32>
  return %y : tensor<?x4x64xf32>
}

// Tokens are quantized one by one, and groups of 128 end with them: 48 divides 144.
// CHECK-LABEL: func.func @divided
// CHECK: %[[Q:.*]] = blue.quantize %arg0 : (tensor<?x9x144xf32>) -> tensor<?x9x144x!blue.quantized<i16 group row scale f32>>
// CHECK: %[[D:.*]] = blue.token_downsample %[[Q]] {column_major, height = 3 : i64, width = 3 : i64} : {{.*}} -> tensor<?x4x576x!blue.quantized<i16 group 144 scale f32>>
// CHECK: %[[W:.*]] = blue.weight "w" {{.*}} : tensor<64x576x!blue.quantized<i8 group 48 scale f16>>
// CHECK: blue.linear %[[D]], %[[W]]
// FAST-LABEL: func.func @divided
// FAST: %[[Q:.*]] = blue.quantize %arg0 : (tensor<?x9x144xf32>) -> tensor<?x9x144x!blue.quantized<i8 group 48 scale f32>>
// FAST: blue.token_downsample %[[Q]] {{.*}} -> tensor<?x4x576x!blue.quantized<i8 group 48 scale f32>>
// FAST: blue.weight "w" {{.*}} : tensor<64x576x!blue.quantized<i8 group 48 scale f16>>
func.func @divided(%x: tensor<?x9x144xf32>) -> tensor<?x4x64xf32> attributes {blue.role = #blue.role<vision>} {
  %d = blue.token_downsample %x {column_major, height = 3, width = 3} : (tensor<?x9x144xf32>) -> tensor<?x4x576xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<64x576xf32>> : tensor<64x576xf32>
  %y = blue.linear %d, %w : (tensor<?x4x576xf32>, tensor<64x576xf32>) -> tensor<?x4x64xf32>
  return %y : tensor<?x4x64xf32>
}

// Groups that divide a token stay as the recipe has them.
// CHECK-LABEL: func.func @whole
// CHECK: blue.weight "w" {{.*}} : tensor<64x4608x!blue.quantized<i8 group 128 scale f16>>
// FAST-LABEL: func.func @whole
// FAST: blue.token_downsample {{.*}} -> tensor<?x4x4608x!blue.quantized<i8 group 128 scale f32>>
func.func @whole(%x: tensor<?x9x1152xf32>) -> tensor<?x4x64xf32> attributes {blue.role = #blue.role<vision>} {
  %d = blue.token_downsample %x {height = 3, width = 3} : (tensor<?x9x1152xf32>) -> tensor<?x4x4608xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<64x4608xf32>> : tensor<64x4608xf32>
  %y = blue.linear %d, %w : (tensor<?x4x4608xf32>, tensor<64x4608xf32>) -> tensor<?x4x64xf32>
  return %y : tensor<?x4x64xf32>
}

// A linear layer does not gather blocks of other sizes or orders: their rows are quantized.
// CHECK-LABEL: func.func @others
// CHECK: %[[D:.*]] = blue.token_downsample %arg0 {factor = 3 : i64, height = 3 : i64, width = 3 : i64} : {{.*}} -> tensor<?x1x1296xf32>
// CHECK: blue.quantize %[[D]] : (tensor<?x1x1296xf32>) -> tensor<?x1x1296x!blue.quantized<i16 group row scale f32>>
// CHECK: %[[T:.*]] = blue.token_downsample %arg0 {height = 3 : i64, transposed, width = 3 : i64}
// CHECK: blue.quantize %[[T]] : (tensor<?x4x576xf32>)
func.func @others(%x: tensor<?x9x144xf32>) -> (tensor<?x1x64xf32>, tensor<?x4x64xf32>) attributes {blue.role = #blue.role<vision>} {
  %d = blue.token_downsample %x {factor = 3, height = 3, width = 3} : (tensor<?x9x144xf32>) -> tensor<?x1x1296xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<64x1296xf32>> : tensor<64x1296xf32>
  %y = blue.linear %d, %w : (tensor<?x1x1296xf32>, tensor<64x1296xf32>) -> tensor<?x1x64xf32>
  %t = blue.token_downsample %x {transposed, height = 3, width = 3} : (tensor<?x9x144xf32>) -> tensor<?x4x576xf32>
  %v = blue.weight "v" <"m" at 0 : tensor<64x576xf32>> : tensor<64x576xf32>
  %z = blue.linear %t, %v : (tensor<?x4x576xf32>, tensor<64x576xf32>) -> tensor<?x4x64xf32>
  return %y, %z : tensor<?x1x64xf32>, tensor<?x4x64xf32>
}
