// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=40 | FileCheck %s --check-prefix=SHORT
// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=64 | FileCheck %s
// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=4096 | FileCheck %s

// Masks that choose by a length what rows see: as far as they are causal they are taken so.

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Causal up to position 40, and a window of 8 from there.
// SHORT-LABEL: func.func @windowed
// SHORT: blue.attention
// CHECK-LABEL: func.func @windowed
// CHECK: onnx.MatMul {{.*}}blue.unraised = "expected a causal mask with a window of 8 positions, found one where row {{.*}} sees position
func.func @windowed(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                    %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %k4 = onnx.Unsqueeze %k, %one : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %pk1 = onnx.Concat %pk, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %pv1 = onnx.Concat %pv, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %split = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %q4 = onnx.Reshape %x, %split : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %q = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %kt = onnx.Transpose %pk1 {perm = array<i64: 0, 1, 3, 2>} : (tensor<*xf32>) -> tensor<*xf32>
  %factor = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %divisor = onnx.Constant dense<4.0> : tensor<f32> : tensor<f32>
  %qs = onnx.Mul %q, %factor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %ks = onnx.Div %kt, %divisor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %scores = onnx.MatMul %qs, %ks : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %c8 = onnx.Constant dense<8> : tensor<i64> : tensor<i64>
  %c40 = onnx.Constant dense<40> : tensor<i64> : tensor<i64>
  %first = onnx.Sub %i, %c8 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %near = onnx.Greater %j, %first : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %early = onnx.Less %i, %c40 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %allowed = onnx.Or %near, %early : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %seen = onnx.And %causal, %allowed : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %seen, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %scores, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %softmax = onnx.Softmax %masked : (tensor<*xf32>) -> tensor<*xf32>
  %nan = onnx.IsNaN %softmax : (tensor<*xf32>) -> tensor<*xi1>
  %probabilities = onnx.Where %nan, %zero, %softmax : (tensor<*xi1>, tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.MatMul %probabilities, %pv1 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %back = onnx.Transpose %y {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %result = onnx.Reshape %back, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %result, %pk1, %pv1 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Rows 40 to 50 do not see the first positions; those before and after do.
// SHORT-LABEL: func.func @between
// SHORT: blue.attention
// CHECK-LABEL: func.func @between
// CHECK: onnx.MatMul {{.*}}blue.unraised = "expected a causal mask, found one where row 40 does not see position 0 (64 rows after 0)"
func.func @between(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                   %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %k4 = onnx.Unsqueeze %k, %one : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %pk1 = onnx.Concat %pk, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %pv1 = onnx.Concat %pv, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %split = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %q4 = onnx.Reshape %x, %split : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %q = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %kt = onnx.Transpose %pk1 {perm = array<i64: 0, 1, 3, 2>} : (tensor<*xf32>) -> tensor<*xf32>
  %factor = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %divisor = onnx.Constant dense<4.0> : tensor<f32> : tensor<f32>
  %qs = onnx.Mul %q, %factor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %ks = onnx.Div %kt, %divisor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %scores = onnx.MatMul %qs, %ks : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %c17 = onnx.Constant dense<17> : tensor<i64> : tensor<i64>
  %c40 = onnx.Constant dense<40> : tensor<i64> : tensor<i64>
  %c50 = onnx.Constant dense<50> : tensor<i64> : tensor<i64>
  %before = onnx.Less %i, %c40 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %after = onnx.Greater %i, %c50 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %far = onnx.Greater %j, %c17 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %outside = onnx.Or %before, %after : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %allowed = onnx.Or %outside, %far : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %seen = onnx.And %causal, %allowed : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %seen, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %scores, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %softmax = onnx.Softmax %masked : (tensor<*xf32>) -> tensor<*xf32>
  %nan = onnx.IsNaN %softmax : (tensor<*xf32>) -> tensor<*xi1>
  %probabilities = onnx.Where %nan, %zero, %softmax : (tensor<*xi1>, tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.MatMul %probabilities, %pv1 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %back = onnx.Transpose %y {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %result = onnx.Reshape %back, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %result, %pk1, %pv1 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Calls of at least 32 rows do not see the first position, beyond a length.
// SHORT-LABEL: func.func @long_calls
// SHORT: onnx.MatMul {{.*}}blue.unraised = "expected a causal mask, found one where row 0 does not see position 0 (40 rows after 0)"
// CHECK-LABEL: func.func @long_calls
// CHECK: onnx.MatMul {{.*}}blue.unraised = "expected a causal mask, found one where row 0 does not see position 0 (64 rows after 0)"
func.func @long_calls(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                      %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %k4 = onnx.Unsqueeze %k, %one : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %pk1 = onnx.Concat %pk, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %pv1 = onnx.Concat %pv, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %split = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %q4 = onnx.Reshape %x, %split : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %q = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %kt = onnx.Transpose %pk1 {perm = array<i64: 0, 1, 3, 2>} : (tensor<*xf32>) -> tensor<*xf32>
  %factor = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %divisor = onnx.Constant dense<4.0> : tensor<f32> : tensor<f32>
  %qs = onnx.Mul %q, %factor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %ks = onnx.Div %kt, %divisor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %scores = onnx.MatMul %qs, %ks : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %c32 = onnx.Constant dense<32> : tensor<i64> : tensor<i64>
  %c40 = onnx.Constant dense<40> : tensor<i64> : tensor<i64>
  %short = onnx.Less %t, %c32 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %early = onnx.Less %all, %c40 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %some = onnx.Or %short, %early : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %later = onnx.Greater %j, %c0 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %allowed = onnx.Or %some, %later : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %seen = onnx.And %causal, %allowed : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %seen, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %scores, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %softmax = onnx.Softmax %masked : (tensor<*xf32>) -> tensor<*xf32>
  %nan = onnx.IsNaN %softmax : (tensor<*xf32>) -> tensor<*xi1>
  %probabilities = onnx.Where %nan, %zero, %softmax : (tensor<*xi1>, tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.MatMul %probabilities, %pv1 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %back = onnx.Transpose %y {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %result = onnx.Reshape %back, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %result, %pk1, %pv1 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
