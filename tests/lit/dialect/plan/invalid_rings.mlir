// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// plan.attention (C6): a ring where all positions are seen.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x32x4x4xf32>, %a2: tensor<1x128x4xf32>) {
  // expected-error @below {{(C6) expected a window where keys and values stand in a ring}}
  %y = plan.attention %a0, %a1, %a2 {causal, ring, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x32x4x4xf32>, tensor<1x128x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C6): the window of the first row begins where the last row has been written.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x32x4x4xf32>, %a2: tensor<1x128x4xf32>) {
  // expected-error @below {{(C6) expected rings of a multiple of 128 positions for a window of 128 and 2 rows, found 128 and 128}}
  %y = plan.attention %a0, %a1, %a2 {causal, ring, window = 128, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x32x4x4xf32>, tensor<1x128x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C6): a stretch that stands at both ends of the ring.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x40x4x4xf32>, %a2: tensor<1x160x4xf32>) {
  // expected-error @below {{(C6) expected rings of a multiple of 128 positions for a window of 8 and 2 rows, found 160 and 160}}
  %y = plan.attention %a0, %a1, %a2 {causal, ring, window = 8, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x40x4x4xf32>, tensor<1x160x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.append_keys (C2): half a stretch.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x2x16x4x4xf32>) {
  // expected-error @below {{(C2) expected a ring of a multiple of 128 positions, at least 2, found 64}}
  plan.append_keys %a0 into %a1 {ring} : tensor<2x8xf32>, tensor<1x2x16x4x4xf32>
  return
}

// -----

// plan.append_values (C2): more rows than the ring has positions.
func.func @f(%a0: tensor<200x8xf32>, %a1: tensor<1x128x8xf32>) {
  // expected-error @below {{(C2) expected a ring of a multiple of 128 positions, at least 200, found 128}}
  plan.append_values %a0 into %a1 {ring} : tensor<200x8xf32>, tensor<1x128x8xf32>
  return
}
