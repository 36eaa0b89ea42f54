// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// Blocks of one token, and of more than any model has.
func.func @f(%x: tensor<?x16x4xf32>) {
  // expected-error@+1 {{(C1) expected a factor of 2 to 64, found 1}}
  %y = blue.token_downsample %x {factor = 1, height = 4, width = 4} : (tensor<?x16x4xf32>) -> tensor<?x16x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x16x4xf32>) {
  // expected-error@+1 {{(C1) expected a factor of 2 to 64, found -1}}
  %y = blue.token_pool %x {factor = -1, height = 4, width = 4} : (tensor<?x16x4xf32>) -> tensor<?x16x4xf32>
  return
}

// -----

// Integers of several tokens in turn would share scales that they do not have.
!q = !blue.quantized<i8 group 4 scale f32>
func.func @f(%x: tensor<?x4x4x!q>) {
  // expected-error@+1 {{(C3) expected floats with channels_first, found '!blue.quantized<i8 group 4 scale f32>'}}
  %y = blue.token_downsample %x {channels_first, height = 2, width = 2} : (tensor<?x4x4x!q>) -> tensor<?x1x16x!q>
  return
}

// -----

// A mean over more tokens than the grid has, of another grid, and of another size.
func.func @f(%x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{(C1) expected a factor of at most either side, found 3 for 2 x 4}}
  %y = blue.token_pool %x {factor = 3, height = 2, width = 4} : (tensor<?x8x4xf32>) -> tensor<?x1x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{(C1) expected x to be [B, 2 * 3, C], found [?, 8, 4]}}
  %y = blue.token_pool %x {factor = 2, height = 2, width = 3} : (tensor<?x8x4xf32>) -> tensor<?x1x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{(C2) expected a result [?, 2, 4], found [?, 1, 4]}}
  %y = blue.token_pool %x {factor = 2, height = 2, width = 4} : (tensor<?x8x4xf32>) -> tensor<?x1x4xf32>
  return
}

// -----

// Tokens that are not there, and none at all.
func.func @f(%x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{(C1) expected 0 <= begin < end <= T for x [B, T, C], found 1 and 9 for [?, 8, 4]}}
  %y = blue.token_slice %x {begin = 1, end = 9} : (tensor<?x8x4xf32>) -> tensor<?x8x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{(C1) expected 0 <= begin < end <= T for x [B, T, C], found 3 and 3 for [?, 8, 4]}}
  %y = blue.token_slice %x {begin = 3, end = 3} : (tensor<?x8x4xf32>) -> tensor<?x0x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{(C2) expected a result [?, 7, 4], found [?, 8, 4]}}
  %y = blue.token_slice %x {begin = 1, end = 8} : (tensor<?x8x4xf32>) -> tensor<?x8x4xf32>
  return
}

// -----

// Tokens of another width; a result without them.
func.func @f(%x: tensor<?x8x4xf32>, %t: tensor<1x5xf32>) {
  // expected-error@+1 {{(C1) expected x [B, T, C] and tokens [N, C], found [?, 8, 4] and [1, 5]}}
  %y = blue.token_prepend %x, %t : (tensor<?x8x4xf32>, tensor<1x5xf32>) -> tensor<?x9x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8x4xf32>, %t: tensor<1x4xf32>) {
  // expected-error@+1 {{(C2) expected a result [?, 9, 4], found [?, 8, 4]}}
  %y = blue.token_prepend %x, %t : (tensor<?x8x4xf32>, tensor<1x4xf32>) -> tensor<?x8x4xf32>
  return
}
