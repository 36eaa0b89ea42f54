// RUN: bluec-opt %s -lower-to-plan="context=16 chunk=4" | FileCheck %s
// RUN: bluec-opt %s -lower-to-plan="context=16 chunk=4 logits=all" | FileCheck %s --check-prefix=ALL

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A decoder that takes the positions of its rows makes entries that take them, too.
// CHECK: plan.entry @prefill role decode capacity 4 segment "language" takes ["embeddings", "positions"] gives ["logits"]
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<4x8xf32>, %[[PLACES:.*]]: tensor<4x2xi32>)
// CHECK: plan.step "decoder/rope" {{.*}}%[[PLACES]]
// CHECK-NOT: plan.position
// CHECK: blue.rope {{.*}} {axes = array<i64: 0, 1>
// CHECK: plan.return %{{.*}} : tensor<1x10xf32>
// CHECK: plan.entry @decode role decode capacity 1 segment "language" takes ["ids", "positions"] gives ["logits"]
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<1xi32>, %{{.*}}: tensor<1x2xi32>)

// Every row's logits, or the last one's.
// ALL: plan.entry @prefill
// ALL-NOT: plan.last_row
// ALL: plan.return %{{.*}} : tensor<4x10xf32>
module attributes {plan.target = #target} {
  func.func @embed(%ids: tensor<?xi64>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<embed>} {
    %t = blue.weight "table" <"e.onnx" at 0 : tensor<10x8xf32>> : tensor<10x8xf32>
    %x = blue.embedding %ids, %t : (tensor<?xi64>, tensor<10x8xf32>) -> tensor<?x8xf32>
    return %x : tensor<?x8xf32>
  }
  func.func @decoder(%x: tensor<?x8xf32>, %places: tensor<?x2xi64>, %pk: tensor<?x8xf32>, %pv: tensor<?x8xf32>) -> (tensor<?x10xf32>, tensor<?x8xf32>, tensor<?x8xf32>) attributes {blue.role = #blue.role<decoder>} {
    %cos = blue.weight "cos" <"d.onnx" at 64 : tensor<16x2xf32>> : tensor<16x2xf32>
    %k = blue.rope %x, %cos, %cos at %places {num_heads = 2, axes = array<i64: 0, 1>} : (tensor<?x8xf32>, tensor<16x2xf32>, tensor<16x2xf32>, tensor<?x2xi64>) -> tensor<?x8xf32>
    %a, %ok, %ov = blue.attention %x, %k, %x past %pk, %pv {causal, num_heads = 2, num_kv_heads = 2, scale = 0.5} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
    %wh = blue.weight "head" <"d.onnx" at 1024 : tensor<10x8xf32>> : tensor<10x8xf32>
    %l = blue.linear %a, %wh : (tensor<?x8xf32>, tensor<10x8xf32>) -> tensor<?x10xf32>
    return %l, %ok, %ov : tensor<?x10xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  }
}
