// RUN: bluec-opt %s -split-input-file -verify-diagnostics -retarget-entries

#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// What everything was laid out for is not known.
// expected-error @below {{expected a #plan.target as plan.target}}
module {
  plan.device "npu" target #narrow
}

// -----

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// How many positions a cache has is not known.
// expected-error @below {{expected plan.context}}
module attributes {plan.target = #wide} {
  plan.device "npu" target #narrow
  plan.cache @k : tensor<1x2x8x4x8xf32>
  plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives [] on "npu" {
  ^bb0(%x: tensor<1x4xf32>):
    %k = plan.get_cache @k : tensor<1x2x8x4x8xf32>
    plan.return
  }
}

// -----

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// One device fills a cache that another one reads.
module attributes {plan.target = #wide, plan.context = 64 : i64} {
  plan.device "npu" target #narrow
  plan.cache @k : tensor<1x2x8x4x8xf32>
  plan.entry @prefill role decode capacity 1 segment "s" takes ["embeddings"] gives [] on "npu" {
  ^bb0(%x: tensor<1x4xf32>):
    %k = plan.get_cache @k : tensor<1x2x8x4x8xf32>
    plan.return
  }
  // expected-error @below {{expected the KV cache in the layout that 'prefill' uses on 'npu' (target narrow), found another one on 'cpu' (target wide)}}
  plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives [] {
  ^bb0(%x: tensor<1x4xf32>):
    %k = plan.get_cache @k : tensor<1x2x8x4x8xf32>
    plan.return
  }
}

// -----

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, alignment = 128>

// Quantized rows of two alignments.
module attributes {plan.target = #wide} {
  plan.device "npu" target #narrow
  plan.entry @encode_patches role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives ["patches"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = plan.quantize %a : (tensor<1x4xf32>) -> tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
      plan.yield %y : tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
    }
    plan.return %0 : tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
  }
  // expected-error @below {{to cross from 'cpu' (target wide) to 'npu' (target narrow), found 'tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>': targets lay it out in two ways}}
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 1 segment "vision" takes ["patches"] gives [] on "npu" {
  ^bb0(%x: tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>):
    plan.return
  }
}

// -----

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, dots = [#plan.dot<si8 x si8, k 4>]>
#long = #plan.target<name = "long", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, dots = [#plan.dot<si8 x si8, k 8>]>

// A token's elements end within a word of the other target.
module attributes {plan.target = #wide} {
  plan.device "npu" target #long
  plan.weight @w #blue.source<"m" at 0 : tensor<4x16xf32>> [#blue.quantize<<i8 group row scale f16>, nearest>] packed tensor<4x16x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>> segment "vision"
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] on "npu" {
  ^bb0(%x: tensor<1x4x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>):
    %w = plan.get_weight @w : tensor<4x16x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>
    // expected-error @below {{layer "1": expected rows of 4 elements that target 'long' can gather, found}}
    %0 = plan.step "1" value "1" on "npu"(%x, %w) : (tensor<1x4x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>, tensor<4x16x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>) -> tensor<1x1x4xf32> {
    ^bb0(%a: tensor<1x4x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>, %b: tensor<4x16x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>):
      %y = plan.linear %a, %b gather <height = 2, width = 2> : (tensor<1x4x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>, tensor<4x16x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <si8 x si8, k 4>>>) -> tensor<1x1x4xf32>
      plan.yield %y : tensor<1x1x4xf32>
    }
    plan.return %0 : tensor<1x1x4xf32>
  }
}

// -----

#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// A panel of the other target would have rows of two experts.
module attributes {plan.target = #narrow} {
  plan.device "npu" target #wide
  plan.weight @w dense<1.0> : tensor<16x4xf32> packed tensor<2x4x8xf32> segment "s"
  plan.entry @decode role decode capacity 1 segment "s" takes ["embeddings", "router"] gives ["logits"] on "npu" {
  ^bb0(%x: tensor<1x4xf32>, %r: tensor<1x2xf32>):
    %w = plan.get_weight @w : tensor<2x4x8xf32>
    // expected-error @below {{layer "up": expected experts of a multiple of 16 channels for target 'wide', found 8}}
    %y = plan.step "up" value "up" on "npu"(%x, %w, %r) : (tensor<1x4xf32>, tensor<2x4x8xf32>, tensor<1x2xf32>) -> tensor<1x1x8xf32> {
    ^bb0(%a: tensor<1x4xf32>, %p: tensor<2x4x8xf32>, %b: tensor<1x2xf32>):
      %l = plan.expert_linear %a, %p, %b : (tensor<1x4xf32>, tensor<2x4x8xf32>, tensor<1x2xf32>) -> tensor<1x1x8xf32>
      plan.yield %l : tensor<1x1x8xf32>
    }
    plan.return %y : tensor<1x1x8xf32>
  }
}
