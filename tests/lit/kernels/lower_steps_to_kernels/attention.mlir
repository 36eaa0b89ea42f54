// RUN: bluec-opt %s -split-input-file -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// A chunk: rows of one head share keys and values, six at a time with 32 registers; a task is a
// head and a tile of rows. Scores, sums and maxima stand on the stack; nothing is allocated.
// CHECK: affine_map<(d0) -> ((d0 ceildiv 6) * 4)>
// CHECK: func.func private @attention_12x128
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<6x128xf32>
// CHECK-NOT: memref.alloc(
// Four vectors of scores for each of six rows.
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c1
// CHECK-COUNT-24: vector.fma
// CHECK-NOT: vector.fma
// CHECK: scf.yield
// CHECK: math.exp
// Two vectors hold the head's 32 dims; positions that only some rows see are selected.
// CHECK-COUNT-12: vector.fma
// CHECK: scf.yield
// CHECK: vector.fma
// CHECK: arith.select
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<1x2x4x32x16xf32>
  plan.cache @v : tensor<1x64x64xf32>
  plan.entry @prefill role decode capacity 12 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%q: tensor<12x128xf32>):
    %k = plan.get_cache @k : tensor<1x2x4x32x16xf32>
    %v = plan.get_cache @v : tensor<1x64x64xf32>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<12x128xf32>, tensor<1x2x4x32x16xf32>, tensor<1x64x64xf32>) -> tensor<12x128xf32> {
    ^bb0(%a: tensor<12x128xf32>, %b: tensor<1x2x4x32x16xf32>, %c: tensor<1x64x64xf32>):
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<12x128xf32>, tensor<1x2x4x32x16xf32>, tensor<1x64x64xf32>) -> tensor<12x128xf32>
      plan.yield %o : tensor<12x128xf32>
    }
    plan.return %y : tensor<12x128xf32>
  }
}

// -----

// One token: the two heads of a group share its keys and values; a task is a group.
// CHECK: affine_map<(d0) -> (d0 * 2)>
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<2x128xf32>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<1x2x4x32x16xf32>
  plan.cache @v : tensor<1x64x64xf32>
  plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives ["logits"] {
  ^bb0(%q: tensor<1x128xf32>):
    %k = plan.get_cache @k : tensor<1x2x4x32x16xf32>
    %v = plan.get_cache @v : tensor<1x64x64xf32>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x128xf32>, tensor<1x2x4x32x16xf32>, tensor<1x64x64xf32>) -> tensor<1x128xf32> {
    ^bb0(%a: tensor<1x128xf32>, %b: tensor<1x2x4x32x16xf32>, %c: tensor<1x64x64xf32>):
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<1x128xf32>, tensor<1x2x4x32x16xf32>, tensor<1x64x64xf32>) -> tensor<1x128xf32>
      plan.yield %o : tensor<1x128xf32>
    }
    plan.return %y : tensor<1x128xf32>
  }
}
