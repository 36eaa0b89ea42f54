// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue=context=16 | FileCheck %s

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 2, s1, 4)>
!past = tensor<1x2x?x4xf32, #past>

// Without a mask, later tokens would be seen: the node stays.
// CHECK-LABEL: func.func @no_mask
// CHECK: onnx.ms.MultiHeadAttention {{.*}}blue.unraised = "expected a causal mask, found none"
func.func @no_mask(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                   %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %y:3 = onnx.ms.MultiHeadAttention %x, %x, %x, %none, %none, %none, %pk, %pv {num_heads = 2}
      : (!rows, !rows, !rows, none, none, none, !past, !past) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 2, s1, 4)>
!past = tensor<1x2x?x4xf32, #past>

// onnxruntime's node for decoders, with biases of its own.
// CHECK-LABEL: func.func @unidirectional
// CHECK-DAG: %[[Q:.*]] = blue.add %arg0, %{{.*}} : (tensor<?x8xf32>, tensor<8xf32>)
// CHECK: blue.attention %[[Q]], %{{.*}}, %{{.*}} past %arg2, %arg3 {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 5.000000e-01 : f64}
func.func @unidirectional(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                          %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %bias = onnx.Weight "bias" <"m.onnx" at 64 : tensor<24xf32>> : tensor<24xf32>
  %y:3 = onnx.ms.MultiHeadAttention %x, %x, %x, %bias, %none, %none, %pk, %pv {num_heads = 2, unidirectional = 1}
      : (!rows, !rows, !rows, tensor<24xf32>, none, none, !past, !past) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>

// One product for queries, keys and values, turned inside the node: three products and two ropes.
// CHECK-LABEL: func.func @grouped
// CHECK-DAG: blue.constant "rope_cos" {{.*}} : tensor<16x2xf32>
// CHECK-DAG: %[[Q:.*]] = blue.linear %arg0, %{{.*}} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
// CHECK-DAG: %[[K:.*]] = blue.linear %arg0, %{{.*}} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
// CHECK-DAG: %[[V:.*]] = blue.linear %arg0, %{{.*}} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
// CHECK: %[[RQ:.*]] = blue.rope %{{.*}}, %{{.*}}, %{{.*}} at %arg1 {num_heads = 2 : i64}
// CHECK: %[[RK:.*]] = blue.rope %{{.*}}, %{{.*}}, %{{.*}} at %arg1 {num_heads = 1 : i64}
// CHECK: blue.attention %[[RQ]], %[[RK]], %{{.*}} past %arg2, %arg3 {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64
func.func @grouped(%x: !rows {onnx.name = "inputs_embeds"}, %m: tensor<1x?xi64, #onnx.dims<()[s0, s1] -> (1, s0 + s1)>> {onnx.name = "attention_mask"},
                   %pk: !past {onnx.name = "past_key_values.0.key"}, %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %w = onnx.Weight "qkv" <"m.onnx" at 64 : tensor<8x16xf32>> : tensor<8x16xf32>
  %qkv = onnx.MatMul %x, %w : (!rows, tensor<8x16xf32>) -> tensor<*xf32>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %sum = onnx.ReduceSum %m, %one {keepdims = 0} : (tensor<1x?xi64, #onnx.dims<()[s0, s1] -> (1, s0 + s1)>>, tensor<1xi64>) -> tensor<*xi64>
  %last = onnx.Sub %sum, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %seqlens = onnx.Cast %last {to = 6} : (tensor<*xi64>) -> tensor<*xi32>
  %shape = onnx.Shape %m : (tensor<1x?xi64, #onnx.dims<()[s0, s1] -> (1, s0 + s1)>>) -> tensor<*xi64>
  %length = onnx.Gather %shape, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %total = onnx.Cast %length {to = 6} : (tensor<*xi64>) -> tensor<*xi32>
  %index = onnx.Constant dense<[[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0], [9.0], [10.0], [11.0], [12.0], [13.0], [14.0], [15.0]]> : tensor<16x1xf32> : tensor<16x1xf32>
  %frequencies = onnx.Constant dense<[1.0, 0.01]> : tensor<2xf32> : tensor<2xf32>
  %angles = onnx.Mul %index, %frequencies : (tensor<16x1xf32>, tensor<2xf32>) -> tensor<*xf32>
  %cos = onnx.Cos %angles : (tensor<*xf32>) -> tensor<*xf32>
  %sin = onnx.Sin %angles : (tensor<*xf32>) -> tensor<*xf32>
  %y:4 = onnx.ms.GroupQueryAttention %qkv, %none, %none, %pk, %pv, %seqlens, %total, %cos, %sin, %none, %none, %none, %none, %none, %none, %none {num_heads = 2, kv_num_heads = 1, do_rotary = 1}
      : (tensor<*xf32>, none, none, !past, !past, tensor<*xi32>, tensor<*xi32>, tensor<*xf32>, tensor<*xf32>, none, none, none, none, none, none, none) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)
  return %y#0, %y#1, %y#2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
