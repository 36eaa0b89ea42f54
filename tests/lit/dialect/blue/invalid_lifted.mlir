// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// blue.attention (C10): a basis beside a past of floats.
func.func @lifted_floats(%q: tensor<?x8xf32>, %p: tensor<?x8xf32>, %b: tensor<2x2x4xf32>, %t: tensor<16x2xf32>) {
  // expected-error@+1 {{(C10) expected key_basis and key_table together, beside a quantized past}}
  %o:3 = blue.attention %q, %q, %q past %p, %p lifted %b by %t {causal, num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<2x2x4xf32>, tensor<16x2xf32>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----

// blue.attention (C10): a table of other terms than the basis.
!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>
func.func @lifted_terms(%q: tensor<?x8xf32>, %p: !past, %b: tensor<2x2x4xf32>, %t: tensor<16x3xf32>) {
  // expected-error@+1 {{(C10) expected a key_basis [2, N, 4] and a static key_table [P, N], N 1 to 128, found [2, 2, 4] and [16, 3]}}
  %o:3 = blue.attention %q, %q, %q past %p, %p lifted %b by %t {causal, num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past, tensor<2x2x4xf32>, tensor<16x3xf32>) -> tensor<?x8xf32> present !past, !past
  return
}
