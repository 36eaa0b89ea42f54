// RUN: bluec-opt %s -split-input-file -verify-diagnostics -lower-steps-to-kernels

// Every error of attention over a quantized cache.

// Blocks that vectors do not divide.
!kv = !blue.quantized<i8 group 32 scale f16>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot i8>>
  plan.cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 24, dot i8>>
  plan.entry @decode kind prefill capacity 1 segment "s" {
  ^bb0(%q: tensor<1x128xf32>):
    %k = plan.get_cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot i8>>
    %v = plan.get_cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 24, dot i8>>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot i8>>, tensor<64x64x!kv, #plan.values<heads 2, block 24, dot i8>>) -> tensor<1x128xf32> {
    ^bb0(%a: tensor<1x128xf32>, %b: tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot i8>>, %c: tensor<64x64x!kv, #plan.values<heads 2, block 24, dot i8>>):
      // expected-error@+1 {{expected keys and values in equal blocks of a multiple of 16 positions, at most 512, found}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 24, dot i8>>, tensor<64x64x!kv, #plan.values<heads 2, block 24, dot i8>>) -> tensor<1x128xf32>
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
  plan.cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot i8>>
  plan.cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 64, dot i8>>
  plan.entry @decode kind prefill capacity 1 segment "s" {
  ^bb0(%q: tensor<1x128xf32>):
    %k = plan.get_cache @k : tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot i8>>
    %v = plan.get_cache @v : tensor<64x64x!kv, #plan.values<heads 2, block 64, dot i8>>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot i8>>, tensor<64x64x!kv, #plan.values<heads 2, block 64, dot i8>>) -> tensor<1x128xf32> {
    ^bb0(%a: tensor<1x128xf32>, %b: tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot i8>>, %c: tensor<64x64x!kv, #plan.values<heads 2, block 64, dot i8>>):
      // expected-error@+1 {{expected keys and values in equal blocks of a multiple of 16 positions, at most 512, found}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<1x128xf32>, tensor<64x64x!kv, #plan.keys<heads 2, block 32, dot i8>>, tensor<64x64x!kv, #plan.values<heads 2, block 64, dot i8>>) -> tensor<1x128xf32>
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
  plan.cache @k : tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot i16>>
  plan.cache @v : tensor<64x516x!kv, #plan.values<heads 1, block 32, dot i16>>
  plan.entry @decode kind prefill capacity 1 segment "s" {
  ^bb0(%q: tensor<1x516xf32>):
    %k = plan.get_cache @k : tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot i16>>
    %v = plan.get_cache @v : tensor<64x516x!kv, #plan.values<heads 1, block 32, dot i16>>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x516xf32>, tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot i16>>, tensor<64x516x!kv, #plan.values<heads 1, block 32, dot i16>>) -> tensor<1x516xf32> {
    ^bb0(%a: tensor<1x516xf32>, %b: tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot i16>>, %c: tensor<64x516x!kv, #plan.values<heads 1, block 32, dot i16>>):
      // expected-error@+1 {{expected heads of at most 512 dims, found 516}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 0.5 : f64} : (tensor<1x516xf32>, tensor<64x516x!kv, #plan.keys<heads 1, block 32, dot i16>>, tensor<64x516x!kv, #plan.values<heads 1, block 32, dot i16>>) -> tensor<1x516xf32>
      plan.yield %o : tensor<1x516xf32>
    }
    plan.return %y : tensor<1x516xf32>
  }
}
