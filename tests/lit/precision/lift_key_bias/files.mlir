// RUN: rm -rf %t && mkdir %t
// RUN: %python -c "import struct, sys; open(sys.argv[1], 'wb').write(struct.pack('<80f', *[1] * 64, 0, 0, 30, 5, 40, 0, 1, 2, 6, 5, 0, 0, 0, 0, 0, 0))" %t/m.bin
// RUN: bluec-opt %s --lift-key-bias=model-directory=%t | FileCheck %s
// RUN: not bluec-opt %s --lift-key-bias=model-directory=%t/none 2>&1 | FileCheck %s --check-prefix=NONE

// Biases and weights in files: a part of a bias, and the floats of a weight before they are quantized.
// The pair (1, 3) of the first head is large beside rows of ones.
// CHECK-LABEL: func.func @decoder
// CHECK: blue.constant "b.rest" dense<[0.000000e+00, 0.000000e+00, 5.000000e+00, 0.000000e+00, 0.000000e+00, 1.000000e+00, 2.000000e+00, 6.000000e+00]>
// CHECK: key_basis" dense<{{\[\[\[}}0.000000e+00, 3.000000e+01, 0.000000e+00, 4.000000e+01], [0.000000e+00, -4.000000e+01, 0.000000e+00, 3.000000e+01]],
// CHECK: lifted
// NONE: error: {{.*}}m.bin
!past = tensor<?x8x!blue.quantized<i8 group 4 scale f16>>
!row = tensor<?x8x!blue.quantized<i8 group row scale f32>>
!weight = tensor<8x8x!blue.quantized<i8 group row scale f16>>
func.func @decoder(%x: tensor<?x8xf32>, %p: index, %pk: !past, %pv: !past) -> (tensor<?x8xf32>, !past, !past) attributes {blue.role = #blue.role<decoder>} {
  %w = blue.weight "w" <"m.bin" at 0 : tensor<8x8xf32>> [#blue.transpose<[1, 0]>, #blue.quantize<<i8 group row scale f16>, search>] : !weight
  %b = blue.weight "b" <"m.bin" at 256 : tensor<16xf32>> [#blue.slice<0 : 1 to 9>] : tensor<8xf32>
  %cos = blue.constant "cos" dense<1.0> : tensor<3x2xf32> : tensor<3x2xf32>
  %sin = blue.constant "sin" dense<0.0> : tensor<3x2xf32> : tensor<3x2xf32>
  %q = blue.quantize %x : (tensor<?x8xf32>) -> !row
  %k = blue.linear %q, %w, %b : (!row, !weight, tensor<8xf32>) -> tensor<?x8xf32>
  %r = blue.rope %k, %cos, %sin at %p {num_heads = 2 : i64} : (tensor<?x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, index) -> tensor<?x8xf32>
  %y:3 = blue.attention %x, %r, %x past %pk, %pv {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 1.0 : f64, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, !past, !past) -> tensor<?x8xf32> present !past, !past
  return %y#0, %y#1, %y#2 : tensor<?x8xf32>, !past, !past
}
