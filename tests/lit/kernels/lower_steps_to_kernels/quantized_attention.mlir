// RUN: bluec-opt %s -split-input-file -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

!kv = !blue.quantized<i8 group 64 scale f16>
!keys = tensor<256x128x!kv, #plan.keys<heads 2, block 128, dot <ui8 x si8, k 4>>>
!values = tensor<256x128x!kv, #plan.values<heads 2, block 128, dot <ui8 x si8, k 4>>>

// A chunk: a task is a head and a tile of 64 rows, of which four are in registers at a time. The
// cache is bytes, and is read by dot products of integers as it stands.
// CHECK: affine_map<(d0) -> ((d0 ceildiv 64) * 4)>
// CHECK: func.func private @attention_128x256(%{{.*}}: memref<128x256xf32> {{.*}}, %{{.*}}: memref<33792xi8> {{.*}}, %{{.*}}: memref<33792xi8>
// CHECK-NOT: memref.alloc(
// The query as integers.
// CHECK: math.roundeven
// Four vectors of positions for each of four rows.
// CHECK-COUNT-16: kernel.dot
// CHECK-NOT: kernel.dot
// CHECK: scf.yield
// Four vectors of dims.
// CHECK-COUNT-16: kernel.dot
// CHECK-NOT: kernel.dot
// CHECK: scf.yield
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : !keys
  plan.cache @v : !values
  plan.entry @prefill role decode capacity 128 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%q: tensor<128x256xf32>):
    %k = plan.get_cache @k : !keys
    %v = plan.get_cache @v : !values
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<128x256xf32>, !keys, !values) -> tensor<128x256xf32> {
    ^bb0(%a: tensor<128x256xf32>, %b: !keys, %c: !values):
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.125 : f64} : (tensor<128x256xf32>, !keys, !values) -> tensor<128x256xf32>
      plan.yield %o : tensor<128x256xf32>
    }
    plan.return %y : tensor<128x256xf32>
  }
}

// -----

!kv = !blue.quantized<i8 group 64 scale f16>
!keys = tensor<256x512x!kv, #plan.keys<heads 8, block 128, dot <si16 x si16, k 2>>>
!values = tensor<256x512x!kv, #plan.values<heads 8, block 128, dot <si16 x si16, k 2>>>

// One token: a task is a group, whose two heads share its keys and values. Each word of the cache
// gives two operands of i16, by a mask and a shift.
// CHECK: affine_map<(d0) -> (d0 * 8)>
// CHECK: func.func private @attention_1x1024
// CHECK: memref.prefetch
// CHECK: arith.andi %{{.*}} : vector<32xi16>
// CHECK: arith.shrui %{{.*}} : vector<32xi16>
// CHECK: kernel.dot %{{.*}} : vector<16xi32>, vector<32xi16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : !keys
  plan.cache @v : !values
  plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives ["logits"] {
  ^bb0(%q: tensor<1x1024xf32>):
    %k = plan.get_cache @k : !keys
    %v = plan.get_cache @v : !values
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x1024xf32>, !keys, !values) -> tensor<1x1024xf32> {
    ^bb0(%a: tensor<1x1024xf32>, %b: !keys, %c: !values):
      %o = plan.attention %a, %b, %c {causal, num_heads = 16 : i64, num_kv_heads = 8 : i64, scale = 0.125 : f64} : (tensor<1x1024xf32>, !keys, !values) -> tensor<1x1024xf32>
      plan.yield %o : tensor<1x1024xf32>
    }
    plan.return %y : tensor<1x1024xf32>
  }
}

// -----

!kv = !blue.quantized<i16 group 72 scale f32>
!keys = tensor<2x49x144x!kv, #plan.keys<heads 2, block 64, dot <si16 x si16, k 2>>>
!values = tensor<2x49x144x!kv, #plan.values<heads 2, block 64, dot <si16 x si16, k 2>>>

// An encoder: tasks are tiles of 48 rows of a head of each valid picture. Keys and values of i16
// need no unpacking, nor do sums start with what takes an offset out; so all of a head's dims, five
// vectors of which the last reaches back, are multiplied at once.
// CHECK: affine_map<(d0) -> (d0 * 4)>
// CHECK: func.func private @attention_2x49x144
// The query's scale bounds its norm.
// CHECK: math.sqrt
// CHECK-NOT: arith.shrui
// CHECK-COUNT-16: kernel.dot %{{.*}} : vector<16xi32>, vector<32xi16>
// CHECK-NOT: kernel.dot
// CHECK: scf.yield
// CHECK-COUNT-20: kernel.dot %{{.*}} : vector<16xi32>, vector<32xi16>
// CHECK-NOT: kernel.dot
// CHECK: scf.yield
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.entry @encode role encode capacity 2 segment "s" takes ["pixels"] gives ["features"] {
  ^bb0(%q: tensor<2x49x144xf32>):
    %k = plan.step "l" value "k" on "cpu" (%q) : (tensor<2x49x144xf32>) -> !keys {
    ^bb0(%a: tensor<2x49x144xf32>):
      %o = plan.pack_keys %a : (tensor<2x49x144xf32>) -> !keys
      plan.yield %o : !keys
    }
    %v = plan.step "l" value "v" on "cpu" (%q) : (tensor<2x49x144xf32>) -> !values {
    ^bb0(%a: tensor<2x49x144xf32>):
      %o = plan.pack_values %a : (tensor<2x49x144xf32>) -> !values
      plan.yield %o : !values
    }
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<2x49x144xf32>, !keys, !values) -> tensor<2x49x144xf32> {
    ^bb0(%a: tensor<2x49x144xf32>, %b: !keys, %c: !values):
      %o = plan.attention %a, %b, %c {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.125 : f64} : (tensor<2x49x144xf32>, !keys, !values) -> tensor<2x49x144xf32>
      plan.yield %o : tensor<2x49x144xf32>
    }
    plan.return %y : tensor<2x49x144xf32>
  }
}
