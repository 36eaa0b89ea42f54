// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=16 | FileCheck %s

// What attention may have beside a causal mask: a window, a cap of its scores, one more score a head.

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// A mask inside of the cap would be bent with the scores.
// CHECK-LABEL: func.func @masked_inside
// CHECK: onnx.MatMul {{.*}}blue.unraised = "expected a mask outside of the cap of scores, found one inside"
func.func @masked_inside(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %products = onnx.MatMul %q, %kt : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %causal, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %products, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %cap = onnx.Constant dense<3.0> : tensor<f32> : tensor<f32>
  %scale = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %scaled = onnx.Mul %masked, %scale : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %small = onnx.Div %scaled, %cap : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %bent = onnx.Tanh %small : (tensor<*xf32>) -> tensor<*xf32>
  %capped = onnx.Mul %bent, %cap : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %probabilities = onnx.Softmax %capped : (tensor<*xf32>) -> tensor<*xf32>
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

// Rows see the last five positions; 3 tanh(s / 6) is the cap 3 of s / 2.
// CHECK-LABEL: func.func @window_and_cap
// CHECK: blue.attention {{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64, softcap = 3.000000e+00 : f64, window = 5 : i64}
func.func @window_and_cap(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %products = onnx.MatMul %q, %kt : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %width = onnx.Constant dense<5> : tensor<i64> : tensor<i64>
  %end = onnx.Add %j, %width : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %near = onnx.Less %i, %end : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %seen = onnx.And %causal, %near : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %seen, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %cap = onnx.Constant dense<3.0> : tensor<f32> : tensor<f32>
  %scale = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %scaled = onnx.Mul %products, %scale : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %small = onnx.Div %scaled, %cap : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %bent = onnx.Tanh %small : (tensor<*xf32>) -> tensor<*xf32>
  %capped = onnx.Mul %bent, %cap : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %capped, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %probabilities = onnx.Softmax %masked : (tensor<*xf32>) -> tensor<*xf32>
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

// A window as wide as the context hides nothing.
// CHECK-LABEL: func.func @wide_window
// CHECK-NOT: window
// CHECK: blue.attention
func.func @wide_window(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %products = onnx.MatMul %q, %kt : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %width = onnx.Constant dense<16> : tensor<i64> : tensor<i64>
  %end = onnx.Add %j, %width : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %near = onnx.Less %i, %end : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %seen = onnx.And %causal, %near : (tensor<*xi1>, tensor<*xi1>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %seen, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %products, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %probabilities = onnx.Softmax %masked : (tensor<*xf32>) -> tensor<*xf32>
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

// All columns but the first are other ones than the scores.
// CHECK-LABEL: func.func @other_columns
// CHECK: onnx.MatMul {{.*}}blue.unraised
func.func @other_columns(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %products = onnx.MatMul %q, %kt : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %causal, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %products, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %numbers = onnx.Constant dense<[[[[1.5]], [[-2.5]]]]> : tensor<1x2x1x1xf32> : tensor<1x2x1x1xf32>
  %c1s = onnx.Constant dense<[1]> : tensor<1xi64> : tensor<1xi64>
  %t1 = onnx.Reshape %t, %c1s : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %shape = onnx.Concat %c1s, %c1s, %t1, %c1s {axis = 0} : (tensor<1xi64>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %sinks = onnx.Expand %numbers, %shape : (tensor<1x2x1x1xf32>, tensor<*xi64>) -> tensor<*xf32>
  %more = onnx.Concat %masked, %sinks {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %last = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %largest = onnx.ReduceMax %more, %last {keepdims = 1 : i64} : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %below = onnx.Sub %more, %largest : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %parts = onnx.Softmax %below : (tensor<*xf32>) -> tensor<*xf32>
  %from = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %to = onnx.Constant dense<9223372036854775807> : tensor<1xi64> : tensor<1xi64>
  %probabilities = onnx.Slice %parts, %from, %to, %last, %one : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
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

// A score for each head beside those of positions, which takes its part of the weights.
// CHECK-LABEL: func.func @sinks
// CHECK: %[[S:.*]] = blue.constant "{{.*}}sinks" dense<[1.500000e+00, -2.500000e+00]>
// CHECK: blue.attention {{.*}} sinks %[[S]] {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 1.000000e+00 : f64}
func.func @sinks(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %products = onnx.MatMul %q, %kt : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %all, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %causal, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %products, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %numbers = onnx.Constant dense<[[[[1.5]], [[-2.5]]]]> : tensor<1x2x1x1xf32> : tensor<1x2x1x1xf32>
  %c1s = onnx.Constant dense<[1]> : tensor<1xi64> : tensor<1xi64>
  %t1 = onnx.Reshape %t, %c1s : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %shape = onnx.Concat %c1s, %c1s, %t1, %c1s {axis = 0} : (tensor<1xi64>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %sinks = onnx.Expand %numbers, %shape : (tensor<1x2x1x1xf32>, tensor<*xi64>) -> tensor<*xf32>
  %more = onnx.Concat %masked, %sinks {axis = -1} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %last = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %largest = onnx.ReduceMax %more, %last {keepdims = 1 : i64} : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %below = onnx.Sub %more, %largest : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %parts = onnx.Softmax %below : (tensor<*xf32>) -> tensor<*xf32>
  %from = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %to = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %probabilities = onnx.Slice %parts, %from, %to, %last, %one : (tensor<*xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
  %y = onnx.MatMul %probabilities, %pv1 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %back = onnx.Transpose %y {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %result = onnx.Reshape %back, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %result, %pk1, %pv1 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
