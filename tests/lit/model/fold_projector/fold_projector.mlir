// RUN: bluec-opt %s -split-input-file -fold-projector | FileCheck %s

// What has other users, what would take more operations, what is quantized in its file and what has
// an activation between stays.
// CHECK-LABEL: func.func @stays
// CHECK-NOT: #blue.multiply
func.func @stays(%x: tensor<?x9x4xf32>) -> (tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4x64xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) {
  %d = blue.token_downsample %x {height = 3, width = 3} : (tensor<?x9x4xf32>) -> tensor<?x4x16xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<8x16xf32>> : tensor<8x16xf32>
  %v = blue.weight "v" <"m" at 512 : tensor<8x8xf32>> : tensor<8x8xf32>
  %a = blue.linear %d, %w : (tensor<?x4x16xf32>, tensor<8x16xf32>) -> tensor<?x4x8xf32>
  %b = blue.linear %a, %v : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>

  // 16 * 2 + 2 * 64 against 16 * 64.
  %down = blue.weight "down" <"m" at 0 : tensor<2x16xf32>> : tensor<2x16xf32>
  %up = blue.weight "up" <"m" at 512 : tensor<64x2xf32>> : tensor<64x2xf32>
  %c = blue.linear %d, %down : (tensor<?x4x16xf32>, tensor<2x16xf32>) -> tensor<?x4x2xf32>
  %e = blue.linear %c, %up : (tensor<?x4x2xf32>, tensor<64x2xf32>) -> tensor<?x4x64xf32>

  %w2 = blue.weight "w2" <"m" at 0 : tensor<8x16xui8>>
    [#blue.dequantize<[8, 16], dense<0.5> : tensor<1x1xf32>, dense<128> : tensor<1x1xui8>>] : tensor<8x16xf32>
  %v2 = blue.weight "v2" <"m" at 512 : tensor<8x8xf32>> : tensor<8x8xf32>
  %f = blue.linear %d, %w2 : (tensor<?x4x16xf32>, tensor<8x16xf32>) -> tensor<?x4x8xf32>
  %g = blue.linear %f, %v2 : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>

  %w3 = blue.weight "w3" <"m" at 0 : tensor<8x16xf32>> : tensor<8x16xf32>
  %v3 = blue.weight "v3" <"m" at 512 : tensor<8x8xf32>> : tensor<8x8xf32>
  %h = blue.linear %d, %w3 : (tensor<?x4x16xf32>, tensor<8x16xf32>) -> tensor<?x4x8xf32>
  %i = blue.relu %h : tensor<?x4x8xf32>
  %j = blue.linear %i, %v3 : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
  return %a, %b, %e, %g, %j : tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4x64xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>
}

// -----

// A bias that the compiler made, or a weight that another layer reads too.
// CHECK-LABEL: func.func @biases
// CHECK-NOT: #blue.multiply
func.func @biases(%x: tensor<?x9x4xf32>, %z: tensor<?x8xf32>) -> (tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x8xf32>) {
  %d = blue.token_downsample %x {height = 3, width = 3} : (tensor<?x9x4xf32>) -> tensor<?x4x16xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<8x16xf32>> : tensor<8x16xf32>
  %v = blue.weight "v" <"m" at 512 : tensor<8x8xf32>> : tensor<8x8xf32>
  %c = blue.constant "c" dense<1.0> : tensor<8xf32> : tensor<8xf32>
  %a = blue.linear %d, %w, %c : (tensor<?x4x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<?x4x8xf32>
  %b = blue.linear %a, %v : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>

  %w2 = blue.weight "w2" <"m" at 0 : tensor<8x16xf32>> : tensor<8x16xf32>
  %v2 = blue.weight "v2" <"m" at 512 : tensor<8x8xf32>> : tensor<8x8xf32>
  %e = blue.linear %d, %w2 : (tensor<?x4x16xf32>, tensor<8x16xf32>) -> tensor<?x4x8xf32>
  %f = blue.linear %e, %v2 : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
  %g = blue.linear %z, %v2 : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %b, %f, %g : tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x8xf32>
}

// -----

// Two layers with biases become one, which has the second one's names.
// CHECK-LABEL: func.func @folds
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[D:.*]] = blue.token_downsample %[[X]]
// CHECK-NEXT: %[[W:.*]] = blue.weight "v" <"m" at 0 : tensor<16x8xf16>> [#blue.transpose<[1, 0]>, #blue.multiply<<"m" at 512 : tensor<8x4xf32>>, [#blue.transpose<[1, 0]>]>] : tensor<4x16xf32>
// CHECK-NEXT: %[[B:.*]] = blue.weight "c" <"m" at 300 : tensor<8xf32>> [#blue.reshape<[8, 1]>, #blue.multiply<<"m" at 512 : tensor<8x4xf32>>, [#blue.transpose<[1, 0]>]>, #blue.reshape<[4]>, #blue.add<<"m" at 400 : tensor<4xf32>>, []>] : tensor<4xf32>
// CHECK-NEXT: %[[Y:.*]] = blue.linear %[[D]], %[[W]], %[[B]] : (tensor<?x4x16xf32>, tensor<4x16xf32>, tensor<4xf32>) -> tensor<?x4x4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @folds(%x: tensor<?x9x4xf32>) -> tensor<?x4x4xf32> {
  %d = blue.token_downsample %x {height = 3, width = 3} : (tensor<?x9x4xf32>) -> tensor<?x4x16xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<16x8xf16>> [#blue.transpose<[1, 0]>] : tensor<8x16xf16>
  %b = blue.weight "b" <"m" at 300 : tensor<8xf32>> : tensor<8xf32>
  %a = blue.linear %d, %w, %b : (tensor<?x4x16xf32>, tensor<8x16xf16>, tensor<8xf32>) -> tensor<?x4x8xf32>
  %v = blue.weight "v" <"m" at 512 : tensor<8x4xf32>> [#blue.transpose<[1, 0]>] : tensor<4x8xf32>
  %c = blue.weight "c" <"m" at 400 : tensor<4xf32>> : tensor<4xf32>
  %y = blue.linear %a, %v, %c : (tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<?x4x4xf32>
  return %y : tensor<?x4x4xf32>
}

// -----

// With one bias or none, and three layers in a row.
// CHECK-LABEL: func.func @one_bias
// CHECK: %[[W:.*]] = blue.weight "u" <"m" at 0 : tensor<8x16xf32>> [#blue.multiply<<"m" at 512 : tensor<8x8xf32>>, []>, #blue.multiply<<"m" at 768 : tensor<4x8xf32>>, []>] : tensor<4x16xf32>
// CHECK: %[[C:.*]] = blue.weight "c" <"m" at 400 : tensor<4xf32>> : tensor<4xf32>
// CHECK: %[[Y:.*]] = blue.linear %{{.*}}, %[[W]], %[[C]]
// CHECK-NEXT: return %[[Y]]
func.func @one_bias(%x: tensor<?x9x4xf32>) -> tensor<?x4x4xf32> {
  %d = blue.token_downsample %x {height = 3, width = 3} : (tensor<?x9x4xf32>) -> tensor<?x4x16xf32>
  %w = blue.weight "w" <"m" at 0 : tensor<8x16xf32>> : tensor<8x16xf32>
  %v = blue.weight "v" <"m" at 512 : tensor<8x8xf32>> : tensor<8x8xf32>
  %u = blue.weight "u" <"m" at 768 : tensor<4x8xf32>> : tensor<4x8xf32>
  %a = blue.linear %d, %w : (tensor<?x4x16xf32>, tensor<8x16xf32>) -> tensor<?x4x8xf32>
  %b = blue.linear %a, %v : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
  %c = blue.weight "c" <"m" at 400 : tensor<4xf32>> : tensor<4xf32>
  %y = blue.linear %b, %u, %c : (tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<?x4x4xf32>
  return %y : tensor<?x4x4xf32>
}
