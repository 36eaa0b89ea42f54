// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// As it should be: three experts of 16 channels, in panels of 8.
func.func @f(%x: tensor<5x4xf32>, %w: tensor<6x4x8xf32>, %r: tensor<5x3xf32>, %b: tensor<3x16xf32>) {
  %h = plan.expert_linear %x, %w, %r, %b : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>, tensor<3x16xf32>) -> tensor<5x2x16xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<6x4x8xf32>, %c: tensor<5x3xf32>) {
  // expected-error@+1 {{(C1) expected panels [3 * 20 / R, 4, R] of floats, or quantized [3 * 20, 4], R a divisor of 20, found}}
  %y = plan.expert_linear %a, %b, %c : (tensor<5x4xf32>, tensor<6x4x8xf32>, tensor<5x3xf32>) -> tensor<5x2x20xf32>
  return
}

// -----

func.func @f(%a: tensor<5x4xf32>, %b: tensor<5x4x8xf32>, %c: tensor<5x3xf32>) {
  // expected-error@+1 {{(C1) expected panels [3 * 16 / R, 4, R] of floats, or quantized [3 * 16, 4], R a divisor of 16, found}}
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

// -----

#panels = #plan.panels<rows 8, dot <si16 x si16, k 2>>
#rows = #plan.rows<sums 16>
!w = tensor<48x32x!blue.quantized<i4 group 32 scale f16>, #panels>
!x = tensor<5x32x!blue.quantized<i16 group row scale f32>, #rows>

// Quantized: rows of all experts, [3 * 16, 32].
func.func @f(%x: !x, %w: !w, %r: tensor<5x3xf32>) {
  %h = plan.expert_linear %x, %w, %r : (!x, !w, tensor<5x3xf32>) -> tensor<5x2x16xf32>
  return
}

// -----

#panels = #plan.panels<rows 8, dot <si16 x si16, k 2>>
!w = tensor<36x32x!blue.quantized<i4 group 32 scale f16>, #panels>

func.func @f(%x: tensor<5x32xf32>, %w: !w, %r: tensor<5x3xf32>) {
  // expected-error@+1 {{(C1) expected panels [3 * 12 / R, 32, R] of floats, or quantized [3 * 12, 32], R a divisor of 12, found}}
  %h = plan.expert_linear %x, %w, %r : (tensor<5x32xf32>, !w, tensor<5x3xf32>) -> tensor<5x2x12xf32>
  return
}

// -----

#panels = #plan.panels<rows 8, dot <si16 x si16, k 2>>
!w = tensor<48x32x!blue.quantized<i4 group 32 scale f16>, #panels>

func.func @f(%x: tensor<5x32xf32>, %w: !w, %r: tensor<5x3xf32>) {
  // expected-error@+1 {{(C5) expected panels for 'f32' and, if that is quantized, x with #plan.rows, found}}
  %h = plan.expert_linear %x, %w, %r : (tensor<5x32xf32>, !w, tensor<5x3xf32>) -> tensor<5x2x16xf32>
  return
}
