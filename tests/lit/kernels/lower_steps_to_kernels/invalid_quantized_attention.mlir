// RUN: bluec-opt %s -split-input-file -verify-diagnostics -lower-steps-to-kernels

// Every error of attention over a quantized cache.

// Blocks that vectors do not divide.
!kv = !blue.quantized<i8 group 32 scale f16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot <ui8 x si8, k 4>>>
  plan.cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 24, dot <ui8 x si8, k 4>>>
  plan.entry @decode role decode capacity 1 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%q: tensor<1x128xf32>):
    %k = plan.get_cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot <ui8 x si8, k 4>>>
    %v = plan.get_cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 24, dot <ui8 x si8, k 4>>>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot <ui8 x si8, k 4>>>, tensor<64x64x!kv, #plan.values<heads 2, block 24, dot <ui8 x si8, k 4>>>) -> tensor<1x128xf32> {
    ^bb0(%a: tensor<1x128xf32>, %b: tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot <ui8 x si8, k 4>>>, %c: tensor<64x64x!kv, #plan.values<heads 2, block 24, dot <ui8 x si8, k 4>>>):
      // expected-error@+1 {{expected keys and values in equal blocks of a multiple of 16 positions, at most 512, found}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot <ui8 x si8, k 4>>>, tensor<64x64x!kv, #plan.values<heads 2, block 24, dot <ui8 x si8, k 4>>>) -> tensor<1x128xf32>
      plan.yield %o : tensor<1x128xf32>
    }
    plan.return %y : tensor<1x128xf32>
  }
}

// -----

// Keys and values in different blocks.
!kv = !blue.quantized<i8 group 32 scale f16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
  plan.cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 64, dot <ui8 x si8, k 4>>>
  plan.entry @decode role decode capacity 1 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%q: tensor<1x128xf32>):
    %k = plan.get_cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
    %v = plan.get_cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 64, dot <ui8 x si8, k 4>>>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>, tensor<64x64x!kv, #plan.values<heads 2, block 64, dot <ui8 x si8, k 4>>>) -> tensor<1x128xf32> {
    ^bb0(%a: tensor<1x128xf32>, %b: tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>, %c: tensor<64x64x!kv, #plan.values<heads 2, block 64, dot <ui8 x si8, k 4>>>):
      // expected-error@+1 {{expected keys and values in equal blocks of a multiple of 16 positions, at most 512, found}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>, tensor<64x64x!kv, #plan.values<heads 2, block 64, dot <ui8 x si8, k 4>>>) -> tensor<1x128xf32>
      plan.yield %o : tensor<1x128xf32>
    }
    plan.return %y : tensor<1x128xf32>
  }
}

// -----

// Heads whose sums of products could leave 32 bits.
!kv = !blue.quantized<i8 group row scale f16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot <si16 x si16, k 2>>>
  plan.cache @v : tensor<64x516x!kv, #plan.values<heads 1, block 32, dot <si16 x si16, k 2>>>
  plan.entry @decode role decode capacity 1 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%q: tensor<1x516xf32>):
    %k = plan.get_cache @k : tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot <si16 x si16, k 2>>>
    %v = plan.get_cache @v : tensor<64x516x!kv, #plan.values<heads 1, block 32, dot <si16 x si16, k 2>>>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x516xf32>, tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot <si16 x si16, k 2>>>, tensor<64x516x!kv, #plan.values<heads 1, block 32, dot <si16 x si16, k 2>>>) -> tensor<1x516xf32> {
    ^bb0(%a: tensor<1x516xf32>, %b: tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot <si16 x si16, k 2>>>, %c: tensor<64x516x!kv, #plan.values<heads 1, block 32, dot <si16 x si16, k 2>>>):
      // expected-error@+1 {{expected heads of at most 512 dims, found 516}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 0.5 : f64} : (tensor<1x516xf32>, tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot <si16 x si16, k 2>>>, tensor<64x516x!kv, #plan.values<heads 1, block 32, dot <si16 x si16, k 2>>>) -> tensor<1x516xf32>
      plan.yield %o : tensor<1x516xf32>
    }
    plan.return %y : tensor<1x516xf32>
  }
}

// -----

// Words of more elements than a vector has lanes: a position's dims are put together in one vector.
!keys = tensor<64x64x!blue.quantized<i8 group row scale f16>, #plan.keys<heads 1, block 32, dot <si8 x si8, k 8>>>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : !keys
  plan.entry @f role decode capacity 1 segment "s" takes ["ids"] gives [] {
  ^bb0(%x: tensor<1x64xf32>):
    %k = plan.get_cache @k : !keys
    plan.step "l" value "" on "cpu" (%x, %k) : (tensor<1x64xf32>, !keys) -> () {
    ^bb0(%a: tensor<1x64xf32>, %b: !keys):
      // expected-error@+1 {{expected words of at most 4 elements, found one of 8 for #plan.dot<si8 x si8, k 8>}}
      plan.append_keys %a into %b : tensor<1x64xf32>, !keys
      plan.yield
    }
    plan.return
  }
}
