// RUN: bluec-opt %s -lower-to-plan="context=1024 chunk=4 rewind=100" | FileCheck %s
// RUN: bluec-opt %s -lower-to-plan="context=1024 chunk=4 rewind=300" | FileCheck %s --check-prefix=FAR
// RUN: bluec-opt %s -lower-to-plan="context=128 chunk=4 rewind=0" | FileCheck %s --check-prefix=ALL --implicit-check-not=ring

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>
!kv = !blue.quantized<i8 group 4 scale f16>

// The windows of rows up to 100 positions back, in whole stretches of 128: 30 - 1 + 100 and
// 200 - 1 + 100 positions. A layer without a window keeps all of the context.
// CHECK: module attributes {{.*}}plan.ring_back = 185 : i64, plan.ring_positions = 256 : i64
// CHECK-DAG: plan.cache @layers.0.keys : tensor<256x8x!blue.quantized
// CHECK-DAG: plan.cache @layers.0.values : tensor<256x8x!blue.quantized
// CHECK-DAG: plan.cache @layers.1.keys : tensor<1x2x96x4x4xf32>
// CHECK-DAG: plan.cache @layers.1.values : tensor<1x384x8xf32>
// CHECK-DAG: plan.cache @layers.2.keys : tensor<1x2x256x4x4xf32>
// CHECK-DAG: plan.cache @layers.2.values : tensor<1x1024x8xf32>
// CHECK: plan.entry @prefill
// CHECK: plan.append_keys %{{.*}} into %{{.*}} {ring}
// CHECK: plan.append_values %{{.*}} into %{{.*}} {ring}
// CHECK: plan.attention {{.*}}, ring, {{.*}}window = 30
// CHECK: plan.append_keys %{{.*}} into %{{.*}} {ring}
// CHECK: plan.attention {{.*}}, ring, {{.*}}window = 200
// CHECK: plan.append_keys
// CHECK-NOT: ring
// CHECK: plan.attention
// CHECK-NOT: ring
// CHECK: plan.entry @decode
// CHECK: plan.append_keys %{{.*}} into %{{.*}} {ring}

// FAR: plan.ring_back = 313 : i64, plan.ring_positions = 384 : i64
// FAR-DAG: plan.cache @layers.0.keys : tensor<384x8x!blue.quantized
// FAR-DAG: plan.cache @layers.1.values : tensor<1x512x8xf32>

// ALL: plan.cache @layers.0.keys : tensor<128x8x!blue.quantized
module attributes {plan.target = #target} {
  func.func @embed_tokens(%ids: tensor<?xi64>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<embed>} {
    %t = blue.weight "table" <"e" at 0 : tensor<10x8xf32>> : tensor<10x8xf32>
    %x = blue.embedding %ids, %t : (tensor<?xi64>, tensor<10x8xf32>) -> tensor<?x8xf32>
    return %x : tensor<?x8xf32>
  }
  func.func @decoder_model(%p: tensor<?x8xf32>, %position: index, %k0: tensor<?x8x!kv>, %v0: tensor<?x8x!kv>, %k1: tensor<?x8xf32>, %v1: tensor<?x8xf32>, %k2: tensor<?x8xf32>, %v2: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8x!kv>, tensor<?x8x!kv>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) attributes {blue.role = #blue.role<decoder>} {
    %a, %ok0, %ov0 = blue.attention %p, %p, %p past %k0, %v0 {causal, num_heads = 2, num_kv_heads = 2, scale = 0.5, compute_type = i16, window = 30} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x!kv>, tensor<?x8x!kv>) -> tensor<?x8xf32> present tensor<?x8x!kv>, tensor<?x8x!kv>
    %b, %ok1, %ov1 = blue.attention %a, %a, %a past %k1, %v1 {causal, num_heads = 2, num_kv_heads = 2, scale = 0.5, window = 200} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
    %c, %ok2, %ov2 = blue.attention %b, %b, %b past %k2, %v2 {causal, num_heads = 2, num_kv_heads = 2, scale = 0.5} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
    return %c, %ok0, %ov0, %ok1, %ov1, %ok2, %ov2 : tensor<?x8xf32>, tensor<?x8x!kv>, tensor<?x8x!kv>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  }
}
