// RUN: bluec-opt %s -infer-shapes -split-input-file -verify-diagnostics

// As they should be.
func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) -> tensor<1x5x8xf32> {
  %none = onnx.None : none
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {k = 2 : i64} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<1x5x8xf32>
  return %0 : tensor<1x5x8xf32>
}

// -----

// What bluec does not have is refused by name.
func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{activation_type: expected relu, gelu, silu, identity or swiglu, found 'selu'}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {activation_type = "selu"} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{swiglu_fusion: expected 1 (rows of gates and others in turn), found 2}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {activation_type = "swiglu", swiglu_fusion = 2 : i64} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{swiglu_limit: expected a number above 0}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {activation_type = "swiglu", swiglu_fusion = 1 : i64, swiglu_limit = -1.0 : f32} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a finite activation_alpha that is not 0}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {activation_type = "swiglu", swiglu_fusion = 1 : i64, activation_alpha = 0.0 : f32} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{use_sparse_mixer: expected 0, found 1}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {use_sparse_mixer = 1 : i64} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected no fc3_experts_weights and no fc3_experts_bias (as onnxruntime on CPUs), found some}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %w1, %none {} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, tensor<4x6x8xf32>, none) -> tensor<*xf32>
  return
}

// -----

// Sizes have to fit.
func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a k of at least 1, found -3}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {k = -3 : i64} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a k of at most 4 experts, found 5}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {k = 5 : i64} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x8x6xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected fc1_experts_weights of shape [4, 6, 8], found [4, 8, 6]}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x8x6xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected fc1_experts_weights of shape [4, 12, 8], found [4, 6, 8]}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {activation_type = "swiglu", swiglu_fusion = 1 : i64} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected fc2_experts_weights [experts, hidden, inner], found [4, 8]}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<0x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected fc2_experts_weights [experts, hidden, inner], found [0, 8, 6]}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (tensor<1x5x8xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<0x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x9xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected rows of rank 2 or 3 and 8 channels}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (tensor<1x5x9xf32>, tensor<5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<5x3xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected router_probs [rows, 4]}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (tensor<1x5x8xf32>, tensor<5x3xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<1x5x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected router_probs [rows, 4]}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (tensor<1x5x8xf32>, tensor<1x5x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<1x5x8xf32>, %r: tensor<6x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected router_probs of 5 rows, found 6}}
  %0 = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (tensor<1x5x8xf32>, tensor<6x4xf32>, tensor<4x6x8xf32>, none, tensor<4x8x6xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

// The same of packed integers.
func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16x2xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{normalize_routing_weights: expected 1 (kernels do not agree on what 0 is), found 0}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %none, %none, %none, %none {block_size = 16 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x2xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16x2xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{router_weights: expected none, found some}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %none, %none, %none, %r {normalize_routing_weights = 1 : i64, block_size = 16 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x2xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, tensor<5x4xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16x2xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected expert_weight_bits 4 or 8, found 2}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %none, %none, %none, %none {normalize_routing_weights = 1 : i64, expert_weight_bits = 2 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x2xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16x2xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a block_size that is a power of two from 16 to 1048576, found 24}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %none, %none, %none, %none {normalize_routing_weights = 1 : i64, block_size = 24 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x2xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16x2xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected rows of whole blocks of 64 and of whole bytes, found 32 columns}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %none, %none, %none, %none {normalize_routing_weights = 1 : i64, block_size = 64 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x2xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x8xui8>, %s1: tensor<4x16x2xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected fc1_experts_weights of shape [4, 16, 16], found [4, 16, 8]}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %none, %none, %none, %none {normalize_routing_weights = 1 : i64, block_size = 16 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x8xui8>, tensor<4x16x2xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16x1xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected fc1_scales of shape [4, 16, 2], found [4, 16, 1]}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %none, %none, %none, %none {normalize_routing_weights = 1 : i64, block_size = 16 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x1xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, none, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16x2xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32x1xf32>, %z: tensor<4x16x2xui8>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected fc1_zero_points of shape [4, 16, 1], found [4, 16, 2]}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %z, %none, %none, %none {normalize_routing_weights = 1 : i64, block_size = 16 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16x2xf32>, none, tensor<4x32x8xui8>, tensor<4x32x1xf32>, none, none, none, none, tensor<4x16x2xui8>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @f(%x: tensor<5x32xf32>, %r: tensor<5x4xf32>, %w1: tensor<4x16x16xui8>, %s1: tensor<4x16xf32>, %w2: tensor<4x32x8xui8>, %s2: tensor<4x32xf32>, %z: tensor<4x8xui8>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a block_size beside fc1_zero_points, found 0}}
  %0 = onnx.ms.QMoE %x, %r, %w1, %s1, %none, %w2, %s2, %none, %none, %none, %none, %z, %none, %none, %none {normalize_routing_weights = 1 : i64} : (tensor<5x32xf32>, tensor<5x4xf32>, tensor<4x16x16xui8>, tensor<4x16xf32>, none, tensor<4x32x8xui8>, tensor<4x32xf32>, none, none, none, none, tensor<4x8xui8>, none, none, none) -> tensor<*xf32>
  return
}
