// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=16 | FileCheck %s

// Positions and masks that GroupQueryAttention is given.

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Angles are those of a row's place in the cache.
// CHECK-LABEL: func.func @late_positions
// CHECK: onnx.ms.GroupQueryAttention {{.*}}blue.unraised = "expected position_ids that count from the past's length"
func.func @late_positions(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                  %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %total = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %last = onnx.Sub %total, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %cos = onnx.Constant dense<1.0> : tensor<16x1xf32> : tensor<16x1xf32>
  %row = onnx.Range %p, %total, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %next = onnx.Add %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %first = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %late = onnx.Unsqueeze %next, %first : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %cos, %cos, %late, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, do_rotary = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, tensor<16x1xf32>, tensor<16x1xf32>, tensor<*xi64>, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Position ids that are these places say nothing new.
// CHECK-LABEL: func.func @positions
// CHECK: blue.rope {{.*}} at %{{.*}} {num_heads = 2 : i64}
// CHECK: blue.attention {{.*}}past{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64}
func.func @positions(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                  %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %total = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %last = onnx.Sub %total, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %cos = onnx.Constant dense<1.0> : tensor<16x1xf32> : tensor<16x1xf32>
  %row = onnx.Range %p, %total, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %first = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %own = onnx.Unsqueeze %row, %first : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %cos, %cos, %own, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, do_rotary = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, tensor<16x1xf32>, tensor<16x1xf32>, tensor<*xi64>, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Numbers between seen and hidden are no mask.
// CHECK-LABEL: func.func @bias
// CHECK: onnx.ms.GroupQueryAttention {{.*}}blue.unraised = "expected a causal mask, found one that adds -1.000000 at row 0, position 0 (3 rows after 5)"
func.func @bias(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                  %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %total = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %last = onnx.Sub %total, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %total, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %total, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %width = onnx.Constant dense<5> : tensor<i64> : tensor<i64>
  %end = onnx.Add %j, %width : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %near = onnx.Less %i, %end : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<-1.0> : tensor<f32> : tensor<f32>
  %seen = onnx.Where %near, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %axes = onnx.Constant dense<[0, 1]> : tensor<2xi64> : tensor<2xi64>
  %mask = onnx.Unsqueeze %seen, %axes : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %mask, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, tensor<*xf32>, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// A mask may hide more than the node's window, and nothing of what is to come.
// CHECK-LABEL: func.func @mask_in_window
// CHECK: blue.attention {{.*}}past{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64, window = 4 : i64}
func.func @mask_in_window(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                  %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %total = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %last = onnx.Sub %total, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %total, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %total, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %width = onnx.Constant dense<4> : tensor<i64> : tensor<i64>
  %end = onnx.Add %j, %width : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %near = onnx.Less %i, %end : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %seen = onnx.Where %near, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %axes = onnx.Constant dense<[0, 1]> : tensor<2xi64> : tensor<2xi64>
  %mask = onnx.Unsqueeze %seen, %axes : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %mask, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, local_window_size = 6}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, tensor<*xf32>, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// What the node hides by itself a mask may show.
// CHECK-LABEL: func.func @mask_over_window
// CHECK: blue.attention {{.*}}past{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64, window = 3 : i64}
func.func @mask_over_window(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                  %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %total = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %last = onnx.Sub %total, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %total, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %row = onnx.Range %p, %total, %c1 : (tensor<*xi64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %width = onnx.Constant dense<9> : tensor<i64> : tensor<i64>
  %end = onnx.Add %j, %width : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %near = onnx.Less %i, %end : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %seen = onnx.Where %near, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %axes = onnx.Constant dense<[0, 1]> : tensor<2xi64> : tensor<2xi64>
  %mask = onnx.Unsqueeze %seen, %axes : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %mask, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, local_window_size = 3}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, tensor<*xf32>, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
