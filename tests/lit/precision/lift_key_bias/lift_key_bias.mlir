// RUN: bluec-opt %s --lift-key-bias | FileCheck %s

!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>

// Pairs of at most 4 times what the rest of a key comes to, here 2, stay. So does a larger one where
// the norm before the keys has a gain.
// CHECK-LABEL: func.func @small
// CHECK-NOT: lifted
// CHECK: blue.constant "b"
// CHECK-NOT: lifted
// CHECK: return
func.func @small(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 8.0, 5.0, 0.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, index) -> tensor<?x8xf32>
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}
// CHECK-LABEL: func.func @gain
// CHECK-NOT: lifted
// CHECK: return
func.func @gain(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 30.0, 5.0, 40.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %g = blue.constant "g" dense<10.0> : tensor<4xf32> : tensor<4xf32>
  %n = blue.rms_norm %x, %g {epsilon = 1.0e-6} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %k0 = blue.linear %n, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, index) -> tensor<?x8xf32>
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// Half-split pairs: (1, 3) of the first head is large. Its constant leaves the linear layer; the
// basis has it, turned by nothing and by a right angle, and the table its angle's cosines and sines.
// CHECK-LABEL: func.func @half
// CHECK-DAG: %[[TABLE:.*]] = blue.constant "key_table" dense<{{\[\[}}1.100000e+01, 1.110000e+02], [1.200000e+01, 1.120000e+02], [1.300000e+01, 1.130000e+02]]>
// CHECK-DAG: %[[REST:.*]] = blue.constant "b.rest" dense<[0.000000e+00, 0.000000e+00, 5.000000e+00, 0.000000e+00, 1.000000e+00, 2.000000e+00, 6.000000e+00, 5.000000e+00]>
// CHECK: blue.linear %arg0, %{{.*}}, %[[REST]]
// CHECK: %[[BASIS:.*]] = blue.constant "{{.*}}.key_basis" dense<{{\[\[\[}}0.000000e+00, 3.000000e+01, 0.000000e+00, 4.000000e+01], [0.000000e+00, -4.000000e+01, 0.000000e+00, 3.000000e+01]], {{\[\[}}0.000000e+00
// CHECK: blue.attention {{.*}} lifted %[[BASIS]] by %[[TABLE]] {
func.func @half(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 30.0, 5.0, 40.0, 1.0, 2.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, index) -> tensor<?x8xf32>
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// Interleaved pairs: (0, 1) of the second head. A sum is as good as a bias.
// CHECK-LABEL: func.func @interleaved
// CHECK: blue.constant "key_table" dense<{{\[\[}}1.000000e+00, 1.010000e+02],
// CHECK: blue.constant "b.rest" dense<[0.000000e+00, 3.000000e+00, 5.000000e+00, 4.000000e+00, 0.000000e+00, 0.000000e+00, 6.000000e+00, 5.000000e+00]>
// CHECK: key_basis" dense<{{\[\[\[}}0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00], [0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00]], {{\[\[}}9.000000e+00, 1.000000e+00, 0.000000e+00, 0.000000e+00], [-1.000000e+00, 9.000000e+00, 0.000000e+00, 0.000000e+00]]]>
func.func @interleaved(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 3.0, 5.0, 4.0, 9.0, 1.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0, 11.0], [2.0, 12.0], [3.0, 13.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<[[101.0, 111.0], [102.0, 112.0], [103.0, 113.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %0 = blue.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %k0 = blue.add %0, %b : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64, interleaved} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, index) -> tensor<?x8xf32>
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// Channels that the rope does not turn: the softmax forgets what they add to all scores of a row,
// unless there are sinks.
// CHECK-LABEL: func.func @partial
// CHECK-NOT: lifted
// CHECK: blue.constant "b.rest" dense<[0.000000e+00, 3.000000e+00, 0.000000e+00, 4.000000e+00, 1.000000e+00, 1.000000e+00, 6.000000e+00, 5.000000e+00]>
// CHECK-NOT: lifted
// CHECK: return
func.func @partial(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 3.0, 99.0, 4.0, 1.0, 1.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32> : tensor<3x1xf32>
  %sin = blue.constant "sin" dense<[[101.0], [102.0], [103.0]]> : tensor<3x1xf32> : tensor<3x1xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x1xf32>, tensor<3x1xf32>, index) -> tensor<?x8xf32>
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}
// CHECK-LABEL: func.func @sinks
// CHECK: blue.constant "key_table" dense<1.000000e+00> : tensor<3x1xf32>
// CHECK: key_basis" dense<{{\[\[\[}}0.000000e+00, 0.000000e+00, 9.900000e+01, 0.000000e+00]], 
// CHECK: sinks {{.*}} lifted
func.func @sinks(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 3.0, 99.0, 4.0, 1.0, 1.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %cos = blue.constant "cos" dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32> : tensor<3x1xf32>
  %sin = blue.constant "sin" dense<[[101.0], [102.0], [103.0]]> : tensor<3x1xf32> : tensor<3x1xf32>
  %s = blue.constant "s" dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %k2 = blue.rope %k0, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x1xf32>, tensor<3x1xf32>, index) -> tensor<?x8xf32>
  %y:3 = blue.attention %v, %k2, %v past %pk, %pv sinks %s {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past, tensor<2xf32>) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}

// Without a rope all channels are such.
// CHECK-LABEL: func.func @unturned
// CHECK-NOT: lifted
// CHECK: b.rest" dense<[0.000000e+00, 3.000000e+00, 0.000000e+00,
// CHECK-NOT: lifted
// CHECK: return
func.func @unturned(%x: tensor<?x4xf32>, %p: index, %pk: !past, %pv: !past, %v: tensor<?x8xf32>) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.constant "w" dense<1.0> : tensor<8x4xf32> : tensor<8x4xf32>
  %b = blue.constant "b" dense<[0.0, 3.0, 99.0, 4.0, 1.0, 1.0, 6.0, 5.0]> : tensor<8xf32> : tensor<8xf32>
  %k0 = blue.linear %x, %w, %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %y:3 = blue.attention %v, %k0, %v past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}
