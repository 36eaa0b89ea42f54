// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=16 | FileCheck %s

// What GroupQueryAttention may ask for beside heads in groups: a window, a cap, sinks.

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Rows that see what is to come have no cache to be computed with: the node stays.
// CHECK-LABEL: func.func @not_causal
// CHECK: onnx.ms.GroupQueryAttention {{.*}}blue.unraised = "expected causal attention"
func.func @not_causal(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, causal = 0}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// onnxruntime ignores it; what its writer meant is open.
// CHECK-LABEL: func.func @negative_cap
// CHECK: onnx.ms.GroupQueryAttention {{.*}}blue.unraised = "expected a softcap of at least 0, found -2.000000"
func.func @negative_cap(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, softcap = -2.0 : f32}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// A sink that a call computes is none of the model's numbers.
// CHECK-LABEL: func.func @moving_sink
// CHECK: onnx.ms.GroupQueryAttention {{.*}}blue.unraised = "expected a constant head_sink of 2 floats"
func.func @moving_sink(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %tf = onnx.Cast %t {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  %ones = onnx.Constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %moving = onnx.Mul %ones, %tf : (tensor<2xf32>, tensor<*xf32>) -> tensor<*xf32>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %moving, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, tensor<*xf32>, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// A score without an end would take all weight.
// CHECK-LABEL: func.func @endless_sink
// CHECK: onnx.ms.GroupQueryAttention {{.*}}blue.unraised = "expected a head_sink of finite numbers"
func.func @endless_sink(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %sink = onnx.Constant dense<[0.0, 0x7F800000]> : tensor<2xf32> : tensor<2xf32>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %sink, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, tensor<2xf32>, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// Rows see the last five positions, their own included.
// CHECK-LABEL: func.func @window_and_cap
// CHECK: blue.attention {{.*}}past{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64, softcap = 3.000000e+00 : f64, window = 5 : i64}
func.func @window_and_cap(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, local_window_size = 5, softcap = 3.0 : f32}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// A window as wide as the context hides nothing.
// CHECK-LABEL: func.func @wide_window
// CHECK: blue.attention {{.*}}past{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64}
func.func @wide_window(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, local_window_size = 16}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// How its caller would keep the cache changes no answer.
// CHECK-LABEL: func.func @window_cache
// CHECK: blue.attention {{.*}}past{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64, window = 3 : i64}
func.func @window_cache(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, local_window_size = 3, sliding_window_cache = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// head_sink counts, whatever smooth_softmax says.
// CHECK-LABEL: func.func @sinks
// CHECK: %[[S:.*]] = blue.constant "sinks" dense<[5.000000e-01, -1.000000e+00]> : tensor<2xf32>
// CHECK: blue.attention {{.*}}sinks %[[S]]{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64}
func.func @sinks(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %sink = onnx.Constant dense<[0.5, -1.0]> : tensor<2xf32> : tensor<2xf32>
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %sink, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, smooth_softmax = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, tensor<2xf32>, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// One more term exp(0) in the softmax's sum is a sink of 0.
// CHECK-LABEL: func.func @smooth
// CHECK: %[[S:.*]] = blue.constant "sinks" dense<0.000000e+00> : tensor<2xf32>
// CHECK: blue.attention {{.*}}sinks %[[S]]{{.*}} {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 5.000000e-01 : f64}
func.func @smooth(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
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
  %y:4 = onnx.ms.GroupQueryAttention %x, %k, %k, %pk, %pv, %last, %total, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, smooth_softmax = 1}
      : (!rows, tensor<*xf32>, tensor<*xf32>, !past, !past, tensor<*xi64>, tensor<*xi64>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
