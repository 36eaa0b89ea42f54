// RUN: bluec-opt %s --lift-key-bias --split-input-file --verify-diagnostics

// Large biases that stay where they are are named, with the reason.
// The keys have norms of their own.
!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>
func.func @norm(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 30.0, 5.0, 40.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %h = blue.constant "h" dense<1.0> : tensor<4xf32> : tensor<4xf32>
  %k1 = blue.rms_norm %k0, %h {epsilon = 1.0e-6, groups = 2 : i64} : (tensor<?x8xf32>, tensor<4xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k1, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, index) -> tensor<?x8xf32>
  // expected-warning @below {{attention: a key bias of 40.0 stays in a cache of 8 bits, which may lose the other channels: another layer is between the bias and the rotation}}
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// -----

// Rows say where they stand.
!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>
func.func @rows(%x: tensor<?x4xf32>, %p: tensor<?xi32>, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 30.0, 5.0, 40.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  // expected-warning @below {{attention: a key bias of 40.0 stays in a cache of 8 bits, which may lose the other channels: positions are not consecutive}}
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// -----

// Positions have three axes.
!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>
func.func @axes(%x: tensor<?x4xf32>, %p: tensor<?x2xi32>, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 30.0, 5.0, 40.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64, axes = array<i64: 0, 1>} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<?x2xi32>) -> tensor<?x8xf32>
  // expected-warning @below {{attention: a key bias of 40.0 stays in a cache of 8 bits, which may lose the other channels: positions are not consecutive}}
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// -----

// Something else reads the keys.
!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>
func.func @readers(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 30.0, 5.0, 40.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, index) -> tensor<?x8xf32>
  // expected-warning @below {{attention: a key bias of 40.0 stays in a cache of 8 bits, which may lose the other channels: the keys are read elsewhere too}}
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  %r = blue.add %y#0, %k2 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %r, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// -----

// A soft cap forgets nothing, and there is no table.
!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>
func.func @cap(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 30.0, 5.0, 40.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // expected-warning @below {{attention: a key bias of 40.0 stays in a cache of 8 bits, which may lose the other channels: no rotary table says how many positions there are}}
  %y:3 = blue.attention %v, %k0, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16, softcap = 5.0 : f64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// -----

// All 128 pairs of a head have one, and attention takes half as many.
!past = tensor<?x256x!blue.quantized<i8 group 256 scale f16>>
!row = tensor<?x256xf32>
func.func @pairs(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: !row) -> (!row, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<256x4xf32> : tensor<256x4xf32>
  %b = blue.constant "b" dense<40.0> : tensor<256xf32> : tensor<256xf32>
  %t = blue.constant "t" dense<1.0> : tensor<3x128xf32> : tensor<3x128xf32>
  %k = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<256x4xf32>, tensor<256xf32>) -> !row
  %r = blue.rope %k, %t, %t at %p {num_heads = 1 : i64} : (!row, tensor<3x128xf32>, tensor<3x128xf32>, index) -> !row
  // expected-warning @below {{attention: a key bias of 40.0 stays in a cache of 8 bits, which may lose the other channels: too many pairs of channels have one}}
  %y:3 = blue.attention %v, %r, %v past %pk, %pv {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 1.0 : f64, compute_type = i16} : (!row, !row, !row, !past, !past) -> !row present !past, !past
  return %y#0, %y#1, %y#2 : !row, !past, !past
}

// -----

// The caller brings the angles.
!past = tensor<?x4x!blue.quantized<i8 group 4 scale f16>>
!row = tensor<?x4xf32>
func.func @angles(%x: !row, %p: index, %pk: !past, %pv: !past, %t: tensor<3x2xf32>) -> (!row, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<4x4xf32> : tensor<4x4xf32>
  %b = blue.constant "b" dense<40.0> : tensor<4xf32> : tensor<4xf32>
  %k = blue.linear %x, %w, %b : (!row, tensor<4x4xf32>, tensor<4xf32>) -> !row
  %r = blue.rope %k, %t, %t at %p {num_heads = 1 : i64} : (!row, tensor<3x2xf32>, tensor<3x2xf32>, index) -> !row
  // expected-warning @below {{attention: a key bias of 40.0 stays in a cache of 8 bits, which may lose the other channels: the tables of angles are not known}}
  %y:3 = blue.attention %x, %r, %x past %pk, %pv {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 1.0 : f64, compute_type = i16} : (!row, !row, !row, !past, !past) -> !row present !past, !past
  return %y#0, %y#1, %y#2 : !row, !past, !past
}
