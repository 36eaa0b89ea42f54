// RUN: bluec-opt %s -lower-to-plan="context=16 chunk=4" | FileCheck %s
// RUN: bluec-opt %s -lower-to-plan="context=16 chunk=1" | FileCheck %s --check-prefix=ONE

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// Storage: the rotary table is cut to the context, the head is in panels, and so is the table of
// embeddings, which may be tied to it; keys are packed by lanes of one vector.
// CHECK: plan.weight @table {{.*}} packed tensor<2x8x8xf32> segment "language"
// CHECK: plan.weight @norm
// CHECK: plan.weight @cos {{.*}} [#blue.slice<0 : 0 to 16>] packed tensor<16x2xf32>
// CHECK: plan.cache @layers.0.keys : tensor<1x2x4x4x4xf32>
// CHECK: plan.cache @layers.0.values : tensor<1x16x8xf32>
// CHECK: plan.weight @head {{.*}} packed tensor<2x8x8xf32> segment "language"

// Ids are i32 where they enter.
// CHECK: plan.entry @embed role embed capacity 4
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<4xi32>)

// Prefill appends before it attends, and behind attention computes the last valid row only.
// CHECK: plan.entry @prefill role decode capacity 4
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<4x8xf32>)
// CHECK: %[[ROPE:.*]] = plan.step "decoder/rope"
// CHECK: plan.position
// CHECK: plan.step "decoder/attention" value "" on "cpu"(%[[ROPE]], %[[KEYS:.*]]) :
// CHECK: plan.append_keys
// CHECK: plan.append_values
// CHECK: %[[A:.*]] = plan.step "decoder/attention" value "decoder/attention" on "cpu"(%{{.*}}, %[[KEYS]], %{{.*}})
// CHECK: plan.attention {{.*}} {causal,
// CHECK: plan.step {{.*}} value "decoder/add/input/last_row" on "cpu"(%[[X]])
// CHECK: plan.step {{.*}} value "decoder/attention/last_row" on "cpu"(%[[A]])
// CHECK: blue.add {{.*}} -> tensor<1x8xf32>
// CHECK: blue.rms_norm {{.*}} -> tensor<1x8xf32>
// CHECK: plan.linear {{.*}} -> tensor<1x10xf32>

// Decode goes from an id to logits in one entry.
// CHECK: plan.entry @decode role decode capacity 1
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<1xi32>)
// CHECK: plan.embedding
// CHECK-NOT: plan.last_row
// CHECK: plan.return %{{.*}} : tensor<1x10xf32>
// CHECK-NOT: func.func

// A chunk of one token is its own last row.
// ONE-NOT: plan.last_row
module attributes {plan.target = #target} {
  func.func @embed_tokens(%ids: tensor<?xi64>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<embed>} {
    %t = blue.weight "table" <"e.onnx" at 0 : tensor<10x8xf32>> : tensor<10x8xf32>
    %x = blue.embedding %ids, %t : (tensor<?xi64>, tensor<10x8xf32>) -> tensor<?x8xf32>
    return %x : tensor<?x8xf32>
  }
  func.func @decoder_model(%x: tensor<?x8xf32>, %position: index, %pk: tensor<?x8xf32>, %pv: tensor<?x8xf32>) -> (tensor<?x10xf32>, tensor<?x8xf32>, tensor<?x8xf32>) attributes {blue.role = #blue.role<decoder>} {
    %g = blue.weight "norm" <"d.onnx" at 0 : tensor<8xf32>> : tensor<8xf32>
    %n = blue.rms_norm %x, %g {epsilon = 1.0e-6} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %cos = blue.weight "cos" <"d.onnx" at 64 : tensor<32x2xf32>> : tensor<32x2xf32>
    %sin = blue.weight "sin" <"d.onnx" at 512 : tensor<32x2xf32>> : tensor<32x2xf32>
    %k = blue.rope %n, %cos, %sin at %position {num_heads = 2} : (tensor<?x8xf32>, tensor<32x2xf32>, tensor<32x2xf32>, index) -> tensor<?x8xf32>
    %a, %ok, %ov = blue.attention %n, %k, %n past %pk, %pv {causal, num_heads = 2, num_kv_heads = 2, scale = 0.5} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
    %y = blue.add %x, %a : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    %m = blue.rms_norm %y, %g {epsilon = 1.0e-6} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %wh = blue.weight "head" <"d.onnx" at 1024 : tensor<10x8xf32>> : tensor<10x8xf32>
    %l = blue.linear %m, %wh : (tensor<?x8xf32>, tensor<10x8xf32>) -> tensor<?x10xf32>
    return %l, %ok, %ov : tensor<?x10xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  }
}
