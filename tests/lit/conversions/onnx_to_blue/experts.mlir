// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
#logits = #onnx.dims<()[s0] -> (s0, 3)>
!rows = tensor<1x?x4xf32, #rows>
!logits = tensor<?x3xf32, #logits>

// Weights that a call computes are those of no layer.
// CHECK-LABEL: func.func @computed
// CHECK: onnx.ms.MoE {{.*}}blue.unraised
func.func @computed(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %gate = onnx.Weight "gate" <"m.onnx" at 0 : tensor<4x3xf32>> : tensor<4x3xf32>
  %w = onnx.Weight "w" <"m.onnx" at 1024 : tensor<3x4x4xf32>> : tensor<3x4x4xf32>
  %flat = onnx.Constant dense<[-1, 3]> : tensor<2xi64> : tensor<2xi64>
  %l = onnx.MatMul %x, %gate : (!rows, tensor<4x3xf32>) -> tensor<*xf32>
  %r = onnx.Reshape %l, %flat : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %m = onnx.ReduceMax %x, %none {keepdims = 0 : i64} : (!rows, none) -> tensor<*xf32>
  %c = onnx.Mul %w, %m : (tensor<3x4x4xf32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.ms.MoE %x, %r, %c, %none, %w, %none, %none, %none : (!rows, tensor<*xf32>, tensor<*xf32>, none, tensor<3x4x4xf32>, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
#logits = #onnx.dims<()[s0] -> (s0, 3)>
!rows = tensor<1x?x4xf32, #rows>
!logits = tensor<?x3xf32, #logits>

// One layer, the activation and the way back; the router is a layer as any other.
// CHECK-LABEL: func.func @relu
// CHECK: %[[L:.*]] = blue.linear %arg0
// CHECK: %[[R:.*]] = blue.route %[[L]] {chosen = 1 : i64} : tensor<?x3xf32>
// CHECK: %[[U:.*]] = blue.expert_linear %arg0, %{{.*}}, %[[R]] : {{.*}} -> tensor<?x1x8xf32>
// CHECK: %[[A:.*]] = blue.relu %[[U]]
// CHECK: blue.expert_linear %[[A]], %{{.*}}, %[[R]] : {{.*}} -> tensor<?x4xf32>
func.func @relu(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %gate = onnx.Weight "gate" <"m.onnx" at 0 : tensor<4x3xf32>> : tensor<4x3xf32>
  %w1 = onnx.Weight "w1" <"m.onnx" at 1024 : tensor<3x8x4xf32>> : tensor<3x8x4xf32>
  %w2 = onnx.Weight "w2" <"m.onnx" at 2048 : tensor<3x4x8xf32>> : tensor<3x4x8xf32>
  %flat = onnx.Constant dense<[-1, 3]> : tensor<2xi64> : tensor<2xi64>
  %l = onnx.MatMul %x, %gate : (!rows, tensor<4x3xf32>) -> tensor<*xf32>
  %r = onnx.Reshape %l, %flat : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %y = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {} : (!rows, tensor<*xf32>, tensor<3x8x4xf32>, none, tensor<3x4x8xf32>, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
#logits = #onnx.dims<()[s0] -> (s0, 3)>
!rows = tensor<1x?x4xf32, #rows>
!logits = tensor<?x3xf32, #logits>

// Rows of gates and of what they gate stand in turn.
// CHECK-LABEL: func.func @swiglu
// CHECK: blue.route %{{.*}} {chosen = 2 : i64, normalized} : tensor<?x3xf32>
// CHECK: blue.weight {{.*}} <"m.onnx" at 1024 : tensor<3x16x4xf32>> [#blue.reshape<[24, 2, 4]>, #blue.slice<1 : 0 to 1>, #blue.reshape<[3, 8, 4]>] : tensor<3x8x4xf32>
// CHECK: %[[G:.*]] = blue.expert_linear {{.*}} -> tensor<?x2x8xf32>
// CHECK: #blue.slice<1 : 1 to 2>
// CHECK: %[[U:.*]] = blue.expert_linear {{.*}} -> tensor<?x2x8xf32>
// CHECK: blue.swiglu %[[G]], %[[U]]
// CHECK: blue.expert_linear
func.func @swiglu(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %gate = onnx.Weight "gate" <"m.onnx" at 0 : tensor<4x3xf32>> : tensor<4x3xf32>
  %w1 = onnx.Weight "w1" <"m.onnx" at 1024 : tensor<3x16x4xf32>> : tensor<3x16x4xf32>
  %w2 = onnx.Weight "w2" <"m.onnx" at 2048 : tensor<3x4x8xf32>> : tensor<3x4x8xf32>
  %flat = onnx.Constant dense<[-1, 3]> : tensor<2xi64> : tensor<2xi64>
  %l = onnx.MatMul %x, %gate : (!rows, tensor<4x3xf32>) -> tensor<*xf32>
  %r = onnx.Reshape %l, %flat : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %y = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {activation_type = "swiglu", k = 2 : i64, normalize_routing_weights = 1 : i64, swiglu_fusion = 1 : i64} : (!rows, tensor<*xf32>, tensor<3x16x4xf32>, none, tensor<3x4x8xf32>, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
#logits = #onnx.dims<()[s0] -> (s0, 3)>
!rows = tensor<1x?x4xf32, #rows>
!logits = tensor<?x3xf32, #logits>

// What is gated is 1 more, by its bias, and so are its bounds.
// CHECK-LABEL: func.func @limited
// CHECK: %[[G:.*]] = blue.expert_linear
// CHECK: blue.weight {{.*}} [#blue.reshape<[24, 2]>, #blue.slice<1 : 1 to 2>, #blue.reshape<[3, 8]>, #blue.offset<1.000000e+00 : f32>] : tensor<3x8xf32>
// CHECK: %[[U:.*]] = blue.expert_linear
// CHECK: %[[GC:.*]] = blue.clamp %[[G]] {high = 7.000000e+00 : f64} : tensor<?x2x8xf32>
// CHECK: %[[UC:.*]] = blue.clamp %[[U]] {high = 8.000000e+00 : f64, low = -6.000000e+00 : f64} : tensor<?x2x8xf32>
// CHECK: %[[Q:.*]] = blue.quick_gelu %[[GC]]
// CHECK: blue.mul %[[Q]], %[[UC]]
func.func @limited(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %gate = onnx.Weight "gate" <"m.onnx" at 0 : tensor<4x3xf32>> : tensor<4x3xf32>
  %w1 = onnx.Weight "w1" <"m.onnx" at 1024 : tensor<3x16x4xf32>> : tensor<3x16x4xf32>
  %w2 = onnx.Weight "w2" <"m.onnx" at 2048 : tensor<3x4x8xf32>> : tensor<3x4x8xf32>
  %b1 = onnx.Weight "b1" <"m.onnx" at 4096 : tensor<3x16xf32>> : tensor<3x16xf32>
  %flat = onnx.Constant dense<[-1, 3]> : tensor<2xi64> : tensor<2xi64>
  %l = onnx.MatMul %x, %gate : (!rows, tensor<4x3xf32>) -> tensor<*xf32>
  %r = onnx.Reshape %l, %flat : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %y = onnx.ms.MoE %x, %r, %w1, %b1, %w2, %none, %none, %none {activation_type = "swiglu", k = 2 : i64, normalize_routing_weights = 1 : i64, swiglu_fusion = 1 : i64, activation_alpha = 1.702 : f32, activation_beta = 1.0 : f32, swiglu_limit = 7.0 : f32} : (!rows, tensor<*xf32>, tensor<3x16x4xf32>, tensor<3x16xf32>, tensor<3x4x8xf32>, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
#logits = #onnx.dims<()[s0] -> (s0, 3)>
!rows = tensor<1x?x4xf32, #rows>
!logits = tensor<?x3xf32, #logits>

// x sigmoid(a x) of any a; no bias but that 1.
// CHECK-LABEL: func.func @sharper
// CHECK: %[[BETA:.*]] = blue.constant "decoder.up.bias" {{.*}} : tensor<3x8xf32>
// CHECK: blue.expert_linear %arg0, %{{.*}}, %{{.*}}, %[[BETA]]
// CHECK: blue.scale %{{.*}} {factor = 2.000000e+00 : f64}
// CHECK: blue.silu
// CHECK: blue.scale %{{.*}} {factor = 5.000000e-01 : f64}
// CHECK: blue.mul
func.func @sharper(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %none = onnx.None : none
  %gate = onnx.Weight "gate" <"m.onnx" at 0 : tensor<4x3xf32>> : tensor<4x3xf32>
  %w1 = onnx.Weight "w1" <"m.onnx" at 1024 : tensor<3x16x4xf32>> : tensor<3x16x4xf32>
  %w2 = onnx.Weight "w2" <"m.onnx" at 2048 : tensor<3x4x8xf32>> : tensor<3x4x8xf32>
  %flat = onnx.Constant dense<[-1, 3]> : tensor<2xi64> : tensor<2xi64>
  %l = onnx.MatMul %x, %gate : (!rows, tensor<4x3xf32>) -> tensor<*xf32>
  %r = onnx.Reshape %l, %flat : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  %y = onnx.ms.MoE %x, %r, %w1, %none, %w2, %none, %none, %none {activation_type = "swiglu", k = 2 : i64, normalize_routing_weights = 1 : i64, swiglu_fusion = 1 : i64, activation_alpha = 2.0 : f32, activation_beta = 0.5 : f32} : (!rows, tensor<*xf32>, tensor<3x16x4xf32>, none, tensor<3x4x8xf32>, none, none, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}
