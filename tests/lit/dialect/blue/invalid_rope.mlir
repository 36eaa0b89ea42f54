// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// Heads that do not divide the width.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x1xf32>, %s: tensor<16x1xf32>, %p: index) {
  // expected-error@+1 {{(C1) expected x to be [T, 3 * D] or [B, T, 3 * D], found [?, 8]}}
  %y = blue.rope %x, %c, %s at %p {num_heads = 3} : (tensor<?x8xf32>, tensor<16x1xf32>, tensor<16x1xf32>, index) -> tensor<?x8xf32>
  return
}

// -----

// No heads at all.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x1xf32>, %s: tensor<16x1xf32>, %p: index) {
  // expected-error@+1 {{(C1) expected x to be [T, 0 * D] or [B, T, 0 * D], found [?, 8]}}
  %y = blue.rope %x, %c, %s at %p {num_heads = 0} : (tensor<?x8xf32>, tensor<16x1xf32>, tensor<16x1xf32>, index) -> tensor<?x8xf32>
  return
}

// -----

// Tables of different shapes.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x2xf32>, %s: tensor<16x1xf32>, %p: index) {
  // expected-error@+1 {{(C2) expected cos and sin of one shape [P, R / 2] with R of at most 4, found [16, 2] and [16, 1]}}
  %y = blue.rope %x, %c, %s at %p {num_heads = 2} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x1xf32>, index) -> tensor<?x8xf32>
  return
}

// -----

// Tables wider than a head.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x3xf32>, %s: tensor<16x3xf32>, %p: index) {
  // expected-error@+1 {{(C2) expected cos and sin of one shape [P, R / 2] with R of at most 4, found [16, 3] and [16, 3]}}
  %y = blue.rope %x, %c, %s at %p {num_heads = 2} : (tensor<?x8xf32>, tensor<16x3xf32>, tensor<16x3xf32>, index) -> tensor<?x8xf32>
  return
}

// -----

// A rotation that changes the shape.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x2xf32>, %s: tensor<16x2xf32>, %p: index) {
  // expected-error@+1 {{(C3) expected a result of x's type}}
  %y = blue.rope %x, %c, %s at %p {num_heads = 2} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, index) -> tensor<4x8xf32>
  return
}

// -----

// Positions of another number of rows.
func.func @f(%x: tensor<4x8xf32>, %c: tensor<16x2xf32>, %p: tensor<3xi32>) {
  // expected-error@+1 {{(C4) expected positions [T] or [T, axes] of T = 4 rows, found [3]}}
  %y = blue.rope %x, %c, %c at %p {num_heads = 2} : (tensor<4x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, tensor<3xi32>) -> tensor<4x8xf32>
  return
}

// -----

// Axes that no angle is said to follow.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x2xf32>, %p: tensor<?x2xi32>) {
  // expected-error@+1 {{(C4) expected positions on axes together with the axis of each of the 2 angles}}
  %y = blue.rope %x, %c, %c at %p {num_heads = 2} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, tensor<?x2xi32>) -> tensor<?x8xf32>
  return
}

// -----

// Axes of more angles than there are.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x2xf32>, %p: tensor<?x2xi32>) {
  // expected-error@+1 {{(C4) expected positions on axes together with the axis of each of the 2 angles}}
  %y = blue.rope %x, %c, %c at %p {num_heads = 2, axes = array<i64: 0, 1, 1>} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, tensor<?x2xi32>) -> tensor<?x8xf32>
  return
}

// -----

// Axes of rows that are consecutive.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x2xf32>, %p: index) {
  // expected-error@+1 {{(C4) expected positions on axes together with the axis of each of the 2 angles}}
  %y = blue.rope %x, %c, %c at %p {num_heads = 2, axes = array<i64: 0, 0>} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, index) -> tensor<?x8xf32>
  return
}

// -----

// An axis that positions do not have.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x2xf32>, %p: tensor<?x2xi32>) {
  // expected-error@+1 {{(C4) expected positions on axes together with the axis of each of the 2 angles}}
  %y = blue.rope %x, %c, %c at %p {num_heads = 2, axes = array<i64: 0, 2>} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, tensor<?x2xi32>) -> tensor<?x8xf32>
  return
}

// -----

// Rows of no position.
func.func @f(%x: tensor<?x8xf32>, %c: tensor<16x2xf32>) {
  // expected-error@+1 {{(C5) expected rows at a position, or pictures of 16 tokens without one, found [?, 8] without one}}
  %y = blue.rope %x, %c, %c {num_heads = 2} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>) -> tensor<?x8xf32>
  return
}

// -----

// Pictures at a position.
func.func @f(%x: tensor<?x16x8xf32>, %c: tensor<16x2xf32>, %p: index) {
  // expected-error@+1 {{(C5) expected rows at a position, or pictures of 16 tokens without one, found [?, 16, 8] with one}}
  %y = blue.rope %x, %c, %c at %p {num_heads = 2} : (tensor<?x16x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, index) -> tensor<?x16x8xf32>
  return
}

// -----

// Pictures of more tokens than the tables have rows.
func.func @f(%x: tensor<?x17x8xf32>, %c: tensor<16x2xf32>) {
  // expected-error@+1 {{(C5) expected rows at a position, or pictures of 16 tokens without one, found [?, 17, 8] without one}}
  %y = blue.rope %x, %c, %c {num_heads = 2} : (tensor<?x17x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>) -> tensor<?x17x8xf32>
  return
}
