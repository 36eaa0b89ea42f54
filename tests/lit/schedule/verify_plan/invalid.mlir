// RUN: bluec-opt %s -split-input-file -verify-diagnostics -verify-plan

// A plan that holds: the second result takes a place that is free by then.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    %1 = plan.step "2" value "2" on "cpu" offset 0 last_use 2 (%0) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %1 : tensor<1x4xf32>
  }
}

// -----

// A result in the place of its own operand.
module {
  // expected-note @below {{the other one, at 0}}
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-error @below {{shares bytes of the arena at 0 with another that is in use}}
    %0 = plan.step "1" value "1" on "cpu" offset 0 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// A result that ends behind the arena.
module {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 64 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-error @below {{expected a range aligned to 64 of the 64 bytes of the arena, found 16 bytes at 64}}
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// A lifetime that ends before the last reader.
module {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-error @below {{expected last use 1, found 0}}
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 0 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// An entry that has not been placed.
module {
  // expected-error @below {{expected arena bytes and input offsets (plan-memory)}}
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// Keys that are appended behind the step that reads them.
module {
  plan.cache @values : tensor<1x8x4xf32> offset 0
  plan.cache @keys : tensor<1x1x2x4x4xf32> offset 128
  plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %k = plan.get_cache @keys : tensor<1x1x2x4x4xf32>
    %v = plan.get_cache @values : tensor<1x8x4xf32>
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 2 (%x, %k, %v) : (tensor<1x4xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x1x2x4x4xf32>, %c: tensor<1x8x4xf32>):
      %y = plan.attention %a, %b, %c {causal, num_heads = 1, num_kv_heads = 1, scale = 1.0} : (tensor<1x4xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    // expected-error @below {{appends to a cache behind a step that reads it}}
    plan.step "2" value "" on "cpu"(%x, %k) : (tensor<1x4xf32>, tensor<1x1x2x4x4xf32>) -> () {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x1x2x4x4xf32>):
      plan.append_keys %a into %b : tensor<1x4xf32>, tensor<1x1x2x4x4xf32>
      plan.yield
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// Weights that have not been placed.
// expected-error @below {{expected plan.segments (assign-weights)}}
module {
}

// -----

// A weight outside of its segment.
module attributes {plan.weights_bytes = 64 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 64>]} {
  // expected-error @below {{expected a range aligned to 64 of the 64 bytes of the segment, found 16 bytes at 64}}
  plan.weight @w #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "vision" offset 64
}

// -----

// A weight of a segment that is not there.
module attributes {plan.weights_bytes = 0 : i64, plan.segments = []} {
  // expected-error @below {{expected an offset in one of the segments (assign-weights)}}
  plan.weight @w #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "vision" offset 0
}

// -----

// Two weights of different sizes at one place.
module attributes {plan.weights_bytes = 64 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 64>]} {
  plan.weight @w #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "vision" offset 0
  // expected-error @below {{shares a part of its range with another weight}}
  plan.weight @v #blue.source<"m" at 0 : tensor<8xf32>> packed tensor<8xf32> segment "vision" offset 0
}

// -----

// Two weights that overlap.
module attributes {plan.weights_bytes = 256 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 256>]} {
  // expected-note @below {{the other one, at 0}}
  plan.weight @w #blue.source<"m" at 0 : tensor<32xf32>> packed tensor<32xf32> segment "vision" offset 0
  // expected-error @below {{shares bytes of the weights at 64 with another that is in use}}
  plan.weight @v #blue.source<"m" at 0 : tensor<8xf32>> packed tensor<8xf32> segment "vision" offset 64
}

// -----

// Segments that do not begin at a page.
// expected-error @below {{expected segments that begin at pages, one behind the other}}
module attributes {plan.weights_bytes = 64 : i64, plan.segments = [#plan.segment<"vision" at 64 bytes 64>]} {
}

// -----

// Fewer bytes than the segments have.
// expected-error @below {{expected plan.weights_bytes of at least 64 bytes}}
module attributes {plan.weights_bytes = 0 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 64>]} {
}

// -----

// Caches that overlap.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 256 : i64, plan.segments = []} {
  // expected-note @below {{the other one, at 0}}
  plan.cache @a : tensor<1x8x4xf32> offset 0
  // expected-error @below {{shares bytes of the KV cache at 64 with another that is in use}}
  plan.cache @b : tensor<1x8x4xf32> offset 64
}

// -----

// A cache that has not been placed.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  // expected-error @below {{expected an offset (plan-memory)}}
  plan.cache @a : tensor<1x8x4xf32>
}

// -----

// Sums that reach from one group of a weight into the next.
module attributes {plan.weights_bytes = 1728 : i64, plan.cache_bytes = 0 : i64, plan.segments = [#plan.segment<"s" at 0 bytes 1728>]} {
  plan.weight @w #blue.source<"m" at 0 : tensor<8x192xf32>> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed tensor<8x192x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>> segment "s" offset 0
  plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] arena 65536 inputs [0] {
  ^bb0(%p: tensor<1x192xf32>):
    %w = plan.get_weight @w : tensor<8x192x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>
    %0 = plan.step "q" value "q" on "cpu" offset 16384 last_use 1 (%p) : (tensor<1x192xf32>) -> tensor<1x192x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 48>> {
    ^bb0(%a: tensor<1x192xf32>):
      %r = plan.quantize %a : (tensor<1x192xf32>) -> tensor<1x192x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 48>>
      plan.yield %r : tensor<1x192x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 48>>
    }
    %1 = plan.step "l" value "l" on "cpu" offset 32768 last_use 2 (%0, %w) : (tensor<1x192x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 48>>, tensor<8x192x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>) -> tensor<1x8xf32> {
    ^bb0(%a: tensor<1x192x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 48>>, %b: tensor<8x192x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>):
      // expected-error @below {{expected sums over at most 512 elements that divide groups of 64, found 48}}
      %r = plan.linear %a, %b : (tensor<1x192x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 48>>, tensor<8x192x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>) -> tensor<1x8xf32>
      plan.yield %r : tensor<1x8xf32>
    }
    plan.return %1 : tensor<1x8xf32>
  }
}

// -----

!panels = tensor<16x192x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>
!rows = tensor<1x192x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 48>>

// The same in the weights of two experts.
module attributes {plan.weights_bytes = 3456 : i64, plan.cache_bytes = 0 : i64, plan.segments = [#plan.segment<"s" at 0 bytes 3456>]} {
  plan.weight @w #blue.source<"m" at 0 : tensor<16x192xf32>> [#blue.quantize<<i8 group 64 scale f16>, nearest>] packed !panels segment "s" offset 0
  plan.entry @e role decode capacity 1 segment "s" takes ["embeddings", "router"] gives ["logits"] arena 65536 inputs [0, 1024] {
  ^bb0(%p: tensor<1x192xf32>, %s: tensor<1x2xf32>):
    %w = plan.get_weight @w : !panels
    %0 = plan.step "q" value "q" on "cpu" offset 16384 last_use 1 (%p) : (tensor<1x192xf32>) -> !rows {
    ^bb0(%a: tensor<1x192xf32>):
      %r = plan.quantize %a : (tensor<1x192xf32>) -> !rows
      plan.yield %r : !rows
    }
    %1 = plan.step "l" value "l" on "cpu" offset 32768 last_use 2 (%0, %w, %s) : (!rows, !panels, tensor<1x2xf32>) -> tensor<1x1x8xf32> {
    ^bb0(%a: !rows, %b: !panels, %c: tensor<1x2xf32>):
      // expected-error @below {{expected sums over at most 512 elements that divide groups of 64, found 48}}
      %r = plan.expert_linear %a, %b, %c : (!rows, !panels, tensor<1x2xf32>) -> tensor<1x1x8xf32>
      plan.yield %r : tensor<1x1x8xf32>
    }
    plan.return %1 : tensor<1x1x8xf32>
  }
}

// -----

// Sums over more products than 32 bits hold.
module attributes {plan.weights_bytes = 16448 : i64, plan.cache_bytes = 0 : i64, plan.segments = [#plan.segment<"s" at 0 bytes 16448>]} {
  plan.weight @w #blue.source<"m" at 0 : tensor<8x2048xf32>> [#blue.quantize<<i8 group row scale f16>, nearest>] packed tensor<8x2048x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>> segment "s" offset 0
  plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] arena 65536 inputs [0] {
  ^bb0(%p: tensor<1x2048xf32>):
    %w = plan.get_weight @w : tensor<8x2048x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>
    %0 = plan.step "q" value "q" on "cpu" offset 16384 last_use 1 (%p) : (tensor<1x2048xf32>) -> tensor<1x2048x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 1024>> {
    ^bb0(%a: tensor<1x2048xf32>):
      %r = plan.quantize %a : (tensor<1x2048xf32>) -> tensor<1x2048x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 1024>>
      plan.yield %r : tensor<1x2048x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 1024>>
    }
    %1 = plan.step "l" value "l" on "cpu" offset 32768 last_use 2 (%0, %w) : (tensor<1x2048x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 1024>>, tensor<8x2048x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>) -> tensor<1x8xf32> {
    ^bb0(%a: tensor<1x2048x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 1024>>, %b: tensor<8x2048x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>):
      // expected-error @below {{expected sums over at most 512 elements that divide groups of 2048, found 1024}}
      %r = plan.linear %a, %b : (tensor<1x2048x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 1024>>, tensor<8x2048x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>) -> tensor<1x8xf32>
      plan.yield %r : tensor<1x8xf32>
    }
    plan.return %1 : tensor<1x8xf32>
  }
}

// -----

// A weight where a target's vectors are not aligned.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, alignment = 128>, plan.weights_bytes = 256 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = [#plan.segment<"s" at 0 bytes 256>]} {
  // expected-error @below {{expected a range aligned to 128 of the 256 bytes of the segment, found 16 bytes at 64}}
  plan.weight @w #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "s" offset 64
}

// -----

// A cache that is not aligned.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 160 : i64, plan.peak_bytes = 160 : i64, plan.segments = []} {
  // expected-error @below {{expected a range aligned to 64 of the 160 bytes of the KV cache, found 128 bytes at 32}}
  plan.cache @c : tensor<1x8x4xf32> offset 32
}

// -----

// A layout for a dot that the target lacks. Without any it multiplies one by one.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<si8 x si8, k 4>]>, plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  plan.cache @a : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 32, dot <si32 x si32, k 1>>> offset 0
  // expected-error @below {{expected a dot that target 't' has, found #plan.dot<ui8 x si8, k 4>}}
  plan.cache @b : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>> offset 8192
}

// -----

// A layout that is padded for another target.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<si8 x si8, k 4>]>, plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 320 inputs [0] {
  ^bb0(%x: tensor<1x16xf32>):
    // expected-error @below {{expected whole vectors, and parts aligned to 64 as the target's buffers, found #plan.rows<sums 16, align 32>}}
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<1x16xf32>) -> tensor<1x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16, align 32>> {
    ^bb0(%a: tensor<1x16xf32>):
      %y = plan.quantize %a : (tensor<1x16xf32>) -> tensor<1x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16, align 32>>
      plan.yield %y : tensor<1x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16, align 32>>
    }
    plan.return %0 : tensor<1x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16, align 32>>
  }
}

// -----

// Rows in pairs where the target multiplies one by one.
!rows = tensor<2x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16 pairs 8>>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<si8 x si8, k 4>]>, plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = []} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 512 inputs [0] {
  ^bb0(%x: tensor<2x16xf32>):
    // expected-error @below {{expected rows as target 't' has them, found #plan.rows<sums 16 pairs 8>}}
    %0 = plan.step "1" value "1" on "cpu" offset 128 last_use 1 (%x) : (tensor<2x16xf32>) -> !rows {
    ^bb0(%a: tensor<2x16xf32>):
      %y = plan.quantize %a : (tensor<2x16xf32>) -> !rows
      plan.yield %y : !rows
    }
    plan.return %0 : !rows
  }
}

// -----

// Panels of half a vector.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<si8 x si8, k 4>]>, plan.weights_bytes = 4096 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 0 : i64, plan.segments = [#plan.segment<"s" at 0 bytes 4096>]} {
  // expected-error @below {{expected whole vectors, and parts aligned to 64 as the target's buffers, found #plan.panels<rows 2, dot <si8 x si8, k 4>>}}
  plan.weight @w #blue.source<"m" at 0 : tensor<8x32xf32>> [#blue.quantize<<i8 group 32 scale f16>, nearest>] packed tensor<8x32x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 2, dot <si8 x si8, k 4>>> segment "s" offset 0
}
