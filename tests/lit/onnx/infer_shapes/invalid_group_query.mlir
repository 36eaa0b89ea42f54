// RUN: bluec-opt %s -split-input-file -verify-diagnostics -infer-shapes

// What a GroupQueryAttention may ask for that nothing here computes.

func.func @k_scale(%x: tensor<1x4x16xf32>, %v: tensor<8xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: k_scale: expected none (a cache of floats), found one}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %v, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, tensor<8xf32>, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @v_scale(%x: tensor<1x4x16xf32>, %v: tensor<8xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: v_scale: expected none (a cache of floats), found one}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %v, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, tensor<8xf32>, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @q_norm(%x: tensor<1x4x16xf32>, %v: tensor<8xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: q_norm_weight: expected none (norms in front of the node), found one}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %v, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, tensor<8xf32>, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @k_norm(%x: tensor<1x4x16xf32>, %v: tensor<8xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: k_norm_weight: expected none (norms in front of the node), found one}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %v {num_heads = 2 : i64, kv_num_heads = 2 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, tensor<8xf32>) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @k_type(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: k_quant_type: expected 'NONE' (a cache of floats), found 'PER_TENSOR'}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, k_quant_type = "PER_TENSOR"} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @v_type(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: v_quant_type: expected 'NONE' (a cache of floats), found 'PER_CHANNEL'}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, v_quant_type = "PER_CHANNEL"} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @cache_bits(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: kv_cache_bit_width: expected 0 (a cache of floats), found 8}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, kv_cache_bit_width = 8 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @scores(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: output_qk: expected none (qk_output 0), found one}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, qk_output = 1 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, tensor<*xf32>)
  return
}

// -----

func.func @causal(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: causal: expected 0 or 1, found 2}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, causal = 2 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @no_window(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: local_window_size: expected -1 (none) or 1 to 2147483647, found 0}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, local_window_size = 0 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @two_sided(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: local_window_size: expected -1 beside causal 0, found 4}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, causal = 0 : i64, local_window_size = 4 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @window_cache(%x: tensor<1x4x16xf32>, %v: tensor<2xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: sliding_window_cache: expected 0, or 1 beside a local_window_size, found 1}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64, sliding_window_cache = 1 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @sinks(%x: tensor<1x4x16xf32>, %v: tensor<3xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: head_sink: expected 2 elements (num_heads), found 3}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %v, %none, %none, %none, %none {num_heads = 2 : i64, kv_num_heads = 2 : i64} : (tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, tensor<3xf32>, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}
