// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// As it should be: three experts of 16 channels, in panels of 8.
func.func @f(%x: tensor<5x4xf32>, %w: tensor<6x4x8xf32>, %r: tensor<5x3xf32>, %b: tensor<3x16xf32>) {
  %h = plan.expert_linear %x, %w, %r, %b : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>, tensor<3x16xf32>) -> tensor<5x2x16xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<6x4x8xf32>, %c: tensor<5x3xf32>) {
  // expected-error@+1 {{(C1) expected panels [3 * 20 / R, 4, R] of floats, R a divisor of 20, found}}
  %y = plan.expert_linear %a, %b, %c : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>) -> tensor<5x2x20xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<5x4x8xf32>, %c: tensor<5x3xf32>) {
  // expected-error@+1 {{(C1) expected panels [3 * 16 / R, 4, R] of floats, R a divisor of 16, found}}
  %y = plan.expert_linear %a, %b, %c : (tensor<5x4xf32>, tensor<5x4x8xf32>, tensor<5x3xf32>) -> tensor<5x2x16xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<6x4x8xf32>, %c: tensor<4x3xf32>) {
  // expected-error@+1 {{(C2) expected routing [T, E] with the T of}}
  %y = plan.expert_linear %a, %b, %c : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<4x3xf32>) -> tensor<5x2x16xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<6x4x8xf32>, %c: tensor<5x3xf32>, %d: tensor<16xf32>) {
  // expected-error@+1 {{(C3)}}
  %y = plan.expert_linear %a, %b, %c, %d : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>, tensor<16xf32>) -> tensor<5x2x16xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<6x4x8xf32>, %c: tensor<5x3xf32>) {
  // expected-error@+1 {{(C4) expected x [T, K] and a result [T, k, N], or x [T, k, K] and [T, N], with a k of 1 to 3, found }}
  %y = plan.expert_linear %a, %b, %c : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>) -> tensor<5x16xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<6x4x8xf32>, %c: tensor<5x3xf32>) {
  // expected-error@+1 {{(C4) expected x [T, K] and a result [T, k, N], or x [T, k, K] and [T, N], with a k of 1 to 3, found }}
  %y = plan.expert_linear %a, %b, %c : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>) -> tensor<5x4x16xf32>
  return
}
