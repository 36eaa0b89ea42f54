// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// Weights that are made of two, and tokens that are gathered with their scales.

// Groups of 4 would reach from one token of 6 elements into the next.
!q = !blue.quantized<i8 group 4 scale f32>
func.func @f(%x: tensor<?x15x6x!q>) {
  // expected-error@+1 {{(C3) expected groups of a multiple of 4 that divide 6, found '!blue.quantized<i8 group 4 scale f32>'}}
  %y = blue.token_downsample %x {height = 3, width = 5} : (tensor<?x15x6x!q>) -> tensor<?x6x24x!q>
  return
}

// -----

// Four tokens have four scales.
!q = !blue.quantized<i8 group row scale f32>
func.func @f(%x: tensor<?x15x4x!q>) {
  // expected-error@+1 {{(C3) expected a result of '!blue.quantized<i8 group 4 scale f32>', found '!blue.quantized<i8 group row scale f32>'}}
  %y = blue.token_downsample %x {height = 3, width = 5} : (tensor<?x15x4x!q>) -> tensor<?x6x16x!q>
  return
}

// -----

// A product of matrices that do not meet.
func.func @f() {
  // expected-error@+1 {{multiply: expected floats [N, M] for 'tensor<4x8xf32>', found 'tensor<3x5xf32>'}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xf32>> [#blue.multiply<#blue.source<"m" at 0 : tensor<3x5xf32>>, []>] : tensor<3x8xf32>
  return
}

// -----

// The other weight's own transforms have to fit too.
func.func @f() {
  // expected-error@+1 {{transpose: expected a permutation of 2 dims, found 1}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xf32>> [#blue.multiply<#blue.source<"m" at 0 : tensor<3x4xf32>>, [#blue.transpose<[0]>]>] : tensor<3x8xf32>
  return
}

// -----

// A sum of another shape.
func.func @f() {
  // expected-error@+1 {{add: expected floats of the shape of 'tensor<4xf32>', found 'tensor<5xf32>'}}
  %w = blue.weight "w" <"m" at 0 : tensor<4xf32>> [#blue.add<#blue.source<"m" at 0 : tensor<5xf32>>, []>] : tensor<4xf32>
  return
}
