// RUN: bluec-opt %s -split-input-file -verify-diagnostics -lower-steps-to-kernels

// Every error of the pass: steps that no template covers.

// No facts to generate kernels for.
// expected-error@+1 {{expected a #plan.target as plan.target}}
module {
}

// -----

// An entry for another target than the kernels: a section holds none.
#t = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>
#u = #plan.target<name = "u", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>
module attributes {plan.target = #t} {
  plan.device "npu" target #u
  // expected-error@+1 {{expected the module's target t on its device, found u (extract-section)}}
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives [] on "npu" {
  ^bb0(%x: tensor<4x8xf32>):
    plan.return
  }
}

// -----

// Panels of another width than the target's vectors.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x8xf32> packed tensor<2x8x8xf32> segment "s"
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x8xf32>):
    %w = plan.get_weight @w : tensor<2x8x8xf32>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4x8xf32>, tensor<2x8x8xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x8xf32>, %p: tensor<2x8x8xf32>):
      // expected-error@+1 {{expected panels of a multiple of 16 rows, found 'tensor<2x8x8xf32>'}}
      %l = plan.linear %a, %p : (tensor<4x8xf32>, tensor<2x8x8xf32>) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// Keys packed for narrower vectors.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<1x2x8x32x8xf32>
  plan.cache @v : tensor<1x64x64xf32>
  plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives ["logits"] {
  ^bb0(%q: tensor<1x128xf32>):
    %k = plan.get_cache @k : tensor<1x2x8x32x8xf32>
    %v = plan.get_cache @v : tensor<1x64x64xf32>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x128xf32>, tensor<1x2x8x32x8xf32>, tensor<1x64x64xf32>) -> tensor<1x128xf32> {
    ^bb0(%a: tensor<1x128xf32>, %b: tensor<1x2x8x32x8xf32>, %c: tensor<1x64x64xf32>):
      // expected-error@+1 {{expected keys packed in blocks of a multiple of 16 positions, found 'tensor<1x2x8x32x8xf32>'}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<1x128xf32>, tensor<1x2x8x32x8xf32>, tensor<1x64x64xf32>) -> tensor<1x128xf32>
      plan.yield %o : tensor<1x128xf32>
    }
    plan.return %y : tensor<1x128xf32>
  }
}

// -----

// Elements of another type than kernels are written for.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x8xf16>):
    %y = plan.step "l" value "v" on "cpu" (%x) : (tensor<4x8xf16>) -> tensor<4x8xf16> {
    ^bb0(%a: tensor<4x8xf16>):
      // expected-error@+1 {{expected elements of f32, i32 or quantized ones, found 'tensor<4x8xf16>'}}
      %l = blue.relu %a : tensor<4x8xf16>
      plan.yield %l : tensor<4x8xf16>
    }
    plan.return %y : tensor<4x8xf16>
  }
}

// -----

// Nothing to compute.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x0xf32>):
    %y = plan.step "l" value "v" on "cpu" (%x) : (tensor<4x0xf32>) -> tensor<4x0xf32> {
    ^bb0(%a: tensor<4x0xf32>):
      // expected-error@+1 {{expected a tensor with dims and elements, found 'tensor<4x0xf32>'}}
      %l = blue.relu %a : tensor<4x0xf32>
      plan.yield %l : tensor<4x0xf32>
    }
    plan.return %y : tensor<4x0xf32>
  }
}

// -----

// Heads that no stack should hold.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.cache @k : tensor<1x1x4x2048x16xf32>
  plan.cache @v : tensor<1x64x2048xf32>
  plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives ["logits"] {
  ^bb0(%q: tensor<1x2048xf32>):
    %k = plan.get_cache @k : tensor<1x1x4x2048x16xf32>
    %v = plan.get_cache @v : tensor<1x64x2048xf32>
    %y = plan.step "l" value "v" on "cpu" (%q, %k, %v) : (tensor<1x2048xf32>, tensor<1x1x4x2048x16xf32>, tensor<1x64x2048xf32>) -> tensor<1x2048xf32> {
    ^bb0(%a: tensor<1x2048xf32>, %b: tensor<1x1x4x2048x16xf32>, %c: tensor<1x64x2048xf32>):
      // expected-error@+1 {{expected heads of at most 1024 dims, found 2048}}
      %o = plan.attention %a, %b, %c {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 0.5 : f64} : (tensor<1x2048xf32>, tensor<1x1x4x2048x16xf32>, tensor<1x64x2048xf32>) -> tensor<1x2048xf32>
      plan.yield %o : tensor<1x2048xf32>
    }
    plan.return %y : tensor<1x2048xf32>
  }
}

// -----

// Quantized panels of another width than the target's vectors.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i4 group 32 scale f16>, nearest>] packed tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <ui8 x si8, k 4>>> segment "s"
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>>):
    %w = plan.get_weight @w : tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <ui8 x si8, k 4>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>>, tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <ui8 x si8, k 4>>>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>>, %p: tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <ui8 x si8, k 4>>>):
      // expected-error@+1 {{expected panels of a multiple of 16 rows, found}}
      %l = plan.linear %a, %p : (tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32>>, tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <ui8 x si8, k 4>>>) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// Sums that cover more than a group of the weight.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x64xf32> [#blue.quantize<<i4 group 32 scale f16>, nearest>] packed tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>> segment "s"
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>):
    %w = plan.get_weight @w : tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, %p: tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>):
      // expected-error@+1 {{expected sums over a divisor of every stretch of at most 2113665 elements that share a scale, and whole words, found}}
      %l = plan.linear %a, %p : (tensor<4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>, tensor<16x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>) -> tensor<4x16xf32>
      plan.yield %l : tensor<4x16xf32>
    }
    plan.return %y : tensor<4x16xf32>
  }
}

// -----

// Groups that end within a vector.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<4x64xf32>):
    %y = plan.step "l" value "v" on "cpu" (%x) : (tensor<4x64xf32>) -> tensor<4x64x!blue.quantized<i8 group 24 scale f32>, #plan.rows<sums 8>> {
    ^bb0(%a: tensor<4x64xf32>):
      // expected-error@+1 {{expected groups of a multiple of 16 elements, found}}
      %q = plan.quantize %a : (tensor<4x64xf32>) -> tensor<4x64x!blue.quantized<i8 group 24 scale f32>, #plan.rows<sums 8>>
      plan.yield %q : tensor<4x64x!blue.quantized<i8 group 24 scale f32>, #plan.rows<sums 8>>
    }
    plan.return %y : tensor<4x64x!blue.quantized<i8 group 24 scale f32>, #plan.rows<sums 8>>
  }
}

// -----

// Rows that no task sees as a whole.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.entry @prefill role decode capacity 1 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<1x16x16xf32>):
    %y = plan.step "l" value "v" on "cpu" (%x) : (tensor<1x16x16xf32>) -> tensor<1x4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>> {
    ^bb0(%a: tensor<1x16x16xf32>):
      %b = blue.token_downsample %a {height = 4 : i64, width = 4 : i64} : (tensor<1x16x16xf32>) -> tensor<1x4x64xf32>
      // expected-error@+1 {{expected a step that makes whole rows, found blue.token_downsample}}
      %q = plan.quantize %b : (tensor<1x4x64xf32>) -> tensor<1x4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
      plan.yield %q : tensor<1x4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
    }
    plan.return %y : tensor<1x4x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
  }
}

// -----

// Quantized tokens that no linear layer gathers.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.entry @prefill role decode capacity 1 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<1x16x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16>>):
    %y = plan.step "l" value "v" on "cpu" (%x) : (tensor<1x16x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16>>) -> tensor<1x4x64x!blue.quantized<i8 group 16 scale f32>, #plan.rows<sums 16>> {
    ^bb0(%a: tensor<1x16x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16>>):
      // expected-error@+1 {{expected tokens of floats, or a linear layer that gathers them (fuse-downsampling), found}}
      %b = blue.token_downsample %a {height = 4 : i64, width = 4 : i64} : (tensor<1x16x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16>>) -> tensor<1x4x64x!blue.quantized<i8 group 16 scale f32>, #plan.rows<sums 16>>
      plan.yield %b : tensor<1x4x64x!blue.quantized<i8 group 16 scale f32>, #plan.rows<sums 16>>
    }
    plan.return %y : tensor<1x4x64x!blue.quantized<i8 group 16 scale f32>, #plan.rows<sums 16>>
  }
}

// -----

// A table whose groups end within a vector.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<16x48xf32> [#blue.quantize<<i8 group 24 scale f16>, nearest>] packed tensor<16x48x!blue.quantized<i8 group 24 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>> segment "s"
  plan.entry @embed role embed capacity 4 segment "s" takes ["ids"] gives ["embeddings"] {
  ^bb0(%x: tensor<4xi32>):
    %w = plan.get_weight @w : tensor<16x48x!blue.quantized<i8 group 24 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>
    %y = plan.step "l" value "v" on "cpu" (%x, %w) : (tensor<4xi32>, tensor<16x48x!blue.quantized<i8 group 24 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>) -> tensor<4x48xf32> {
    ^bb0(%a: tensor<4xi32>, %p: tensor<16x48x!blue.quantized<i8 group 24 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>):
      // expected-error@+1 {{expected groups of a multiple of 16 elements, found}}
      %e = plan.embedding %a, %p : (tensor<4xi32>, tensor<16x48x!blue.quantized<i8 group 24 scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>) -> tensor<4x48xf32>
      plan.yield %e : tensor<4x48xf32>
    }
    plan.return %y : tensor<4x48xf32>
  }
}

// -----

// Panels of experts of another width than the target's vectors.
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 512, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<32x8xf32> packed tensor<4x8x8xf32> segment "s"
  plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings", "router"] gives ["logits"] {
  ^bb0(%x: tensor<4x8xf32>, %r: tensor<4x2xf32>):
    %w = plan.get_weight @w : tensor<4x8x8xf32>
    %y = plan.step "l" value "v" on "cpu" (%x, %w, %r) : (tensor<4x8xf32>, tensor<4x8x8xf32>, tensor<4x2xf32>) -> tensor<4x1x16xf32> {
    ^bb0(%a: tensor<4x8xf32>, %p: tensor<4x8x8xf32>, %b: tensor<4x2xf32>):
      // expected-error@+1 {{expected panels of a multiple of 16 rows, found 'tensor<4x8x8xf32>'}}
      %l = plan.expert_linear %a, %p, %b : (tensor<4x8xf32>, tensor<4x8x8xf32>, tensor<4x2xf32>) -> tensor<4x1x16xf32>
      plan.yield %l : tensor<4x1x16xf32>
    }
    plan.return %y : tensor<4x1x16xf32>
  }
}
