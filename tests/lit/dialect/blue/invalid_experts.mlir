// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// As it should be: rows to two of three experts, and back.
func.func @f(%x: tensor<?x4xf32>, %r: tensor<?x3xf32>, %w: tensor<3x4x4xf32>) {
  %h = blue.expert_linear %x, %w, %r : (tensor<?x4xf32>, tensor<3x4x4xf32>, tensor<?x3xf32>) -> tensor<?x2x4xf32>
  %y = blue.expert_linear %h, %w, %r : (tensor<?x2x4xf32>, tensor<3x4x4xf32>, tensor<?x3xf32>) -> tensor<?x4xf32>
  return
}

// -----

// More experts than there are, and none.
func.func @f(%x: tensor<?x3xf32>) {
  // expected-error@+1 {{(C1) expected logits [T, E] and 1 to E chosen experts, found [?, 3] and 4}}
  %y = blue.route %x {chosen = 4} : tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<?x3xf32>) {
  // expected-error@+1 {{(C1) expected logits [T, E] and 1 to E chosen experts, found [?, 3] and 0}}
  %y = blue.route %x {chosen = 0} : tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<?x2x3xf32>) {
  // expected-error@+1 {{(C1) expected logits [T, E] and 1 to E chosen experts, found [?, 2, 3] and 1}}
  %y = blue.route %x {chosen = 1} : tensor<?x2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<3x8x5xf32>, %r: tensor<?x3xf32>) {
  // expected-error@+1 {{(C1) expected a weight [E, N, K] with the K of x [?, 4], found [3, 8, 5]}}
  %y = blue.expert_linear %x, %w, %r : (tensor<?x4xf32>, tensor<3x8x5xf32>, tensor<?x3xf32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %r: tensor<?x3xf32>) {
  // expected-error@+1 {{(C1) expected a weight [E, N, K] with the K of x [?, 4], found [8, 4]}}
  %y = blue.expert_linear %x, %w, %r : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<?x3xf32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<3x8x4xf32>, %r: tensor<?x2xf32>) {
  // expected-error@+1 {{(C2) expected routing [T, 3] with the T of x [?, 4], found [?, 2]}}
  %y = blue.expert_linear %x, %w, %r : (tensor<?x4xf32>, tensor<3x8x4xf32>, tensor<?x2xf32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<5x4xf32>, %w: tensor<3x8x4xf32>, %r: tensor<6x3xf32>) {
  // expected-error@+1 {{(C2) expected routing [T, 3] with the T of x [5, 4], found [6, 3]}}
  %y = blue.expert_linear %x, %w, %r : (tensor<5x4xf32>, tensor<3x8x4xf32>, tensor<6x3xf32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<3x8x4xf32>, %r: tensor<?x3xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(C3) expected a bias [3, 8], found [8]}}
  %y = blue.expert_linear %x, %w, %r, %b : (tensor<?x4xf32>, tensor<3x8x4xf32>, tensor<?x3xf32>, tensor<8xf32>) -> tensor<?x2x8xf32>
  return
}

// -----

// More places than experts, places twice, and none.
func.func @f(%x: tensor<?x4xf32>, %w: tensor<3x8x4xf32>, %r: tensor<?x3xf32>) {
  // expected-error@+1 {{(C4) expected x [T, K] and a result [T, k, N], or x [T, k, K] and [T, N], with a k of 1 to 3, found [?, 4] and [?, 4, 8]}}
  %y = blue.expert_linear %x, %w, %r : (tensor<?x4xf32>, tensor<3x8x4xf32>, tensor<?x3xf32>) -> tensor<?x4x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x2x4xf32>, %w: tensor<3x8x4xf32>, %r: tensor<?x3xf32>) {
  // expected-error@+1 {{(C4) expected x [T, K] and a result [T, k, N], or x [T, k, K] and [T, N], with a k of 1 to 3, found [?, 2, 4] and [?, 2, 8]}}
  %y = blue.expert_linear %x, %w, %r : (tensor<?x2x4xf32>, tensor<3x8x4xf32>, tensor<?x3xf32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<3x8x4xf32>, %r: tensor<?x3xf32>) {
  // expected-error@+1 {{(C4) expected x [T, K] and a result [T, k, N], or x [T, k, K] and [T, N], with a k of 1 to 3, found [?, 4] and [?, 8]}}
  %y = blue.expert_linear %x, %w, %r : (tensor<?x4xf32>, tensor<3x8x4xf32>, tensor<?x3xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4x!blue.quantized<i8 group row scale f32>>, %w: tensor<3x8x4xf32>, %r: tensor<?x3xf32>) {
  // expected-error@+1 {{(C5) expected an x without zeros and a quantized weight, found}}
  %y = blue.expert_linear %x, %w, %r : (tensor<?x4x!blue.quantized<i8 group row scale f32>>, tensor<3x8x4xf32>, tensor<?x3xf32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x3xf32>) {
  // expected-error@+1 {{(C1) expected finite bounds with low at most high, found 2.000000e+00 and 1.000000e+00}}
  %y = blue.clamp %x {low = 2.0, high = 1.0} : tensor<?x3xf32>
  return
}
