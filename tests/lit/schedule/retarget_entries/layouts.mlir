// RUN: bluec-opt %s -split-input-file -retarget-entries | FileCheck %s

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, alignment = 128, dots = [#plan.dot<si8 x si8, k 4>], tuning = <cacheBlock = 32>>

// The weight that both devices read is there twice, the one of the npu alone once. Floats cross.
// CHECK-LABEL: module @floats
// CHECK: plan.weight @both {{.*}} packed tensor<1x4x16xf32>
// CHECK: plan.weight @both_0 {{.*}} packed tensor<1x4x8xf32>
// CHECK: plan.weight @own {{.*}} packed tensor<6x4x8xf32>
// CHECK: plan.entry @encode_patches
// CHECK: plan.get_weight @both : tensor<1x4x16xf32>
// CHECK: plan.entry @encode_blocks
// CHECK: plan.get_weight @both_0 : tensor<1x4x8xf32>
// CHECK: plan.get_weight @own : tensor<6x4x8xf32>
// CHECK: plan.linear {{.*}} : (tensor<1x2x4xf32>, tensor<1x4x8xf32>) -> tensor<1x2x4xf32>
module @floats attributes {plan.target = #wide} {
  plan.device "npu" target #narrow
  plan.weight @both #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x16xf32> segment "vision"
  plan.weight @own #blue.source<"m" at 64 : tensor<48x4xf32>> packed tensor<3x4x16xf32> segment "vision"
  plan.entry @encode_patches role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives ["patches"] {
  ^bb0(%x: tensor<1x2x4xf32>):
    %w = plan.get_weight @both : tensor<1x4x16xf32>
    %0 = plan.step "1" value "1" on "cpu"(%x, %w) : (tensor<1x2x4xf32>, tensor<1x4x16xf32>) -> tensor<1x2x4xf32> {
    ^bb0(%a: tensor<1x2x4xf32>, %b: tensor<1x4x16xf32>):
      %y = plan.linear %a, %b : (tensor<1x2x4xf32>, tensor<1x4x16xf32>) -> tensor<1x2x4xf32>
      plan.yield %y : tensor<1x2x4xf32>
    }
    plan.return %0 : tensor<1x2x4xf32>
  }
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 1 segment "vision" takes ["patches"] gives ["features"] on "npu" {
  ^bb0(%x: tensor<1x2x4xf32>):
    %w = plan.get_weight @both : tensor<1x4x16xf32>
    %v = plan.get_weight @own : tensor<3x4x16xf32>
    %0 = plan.step "2" value "2" on "npu"(%x, %w) : (tensor<1x2x4xf32>, tensor<1x4x16xf32>) -> tensor<1x2x4xf32> {
    ^bb0(%a: tensor<1x2x4xf32>, %b: tensor<1x4x16xf32>):
      %y = plan.linear %a, %b : (tensor<1x2x4xf32>, tensor<1x4x16xf32>) -> tensor<1x2x4xf32>
      plan.yield %y : tensor<1x2x4xf32>
    }
    %1 = plan.step "3" value "3" on "npu"(%0, %v) : (tensor<1x2x4xf32>, tensor<3x4x16xf32>) -> tensor<1x2x48xf32> {
    ^bb0(%a: tensor<1x2x4xf32>, %b: tensor<3x4x16xf32>):
      %y = plan.linear %a, %b : (tensor<1x2x4xf32>, tensor<3x4x16xf32>) -> tensor<1x2x48xf32>
      plan.yield %y : tensor<1x2x48xf32>
    }
    plan.return %1 : tensor<1x2x48xf32>
  }
}

// -----

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, alignment = 128, dots = [#plan.dot<si8 x si8, k 4>], tuning = <cacheBlock = 32>>

// Rows, panels, keys and values take the other target's alignment, dots and blocks, the caches with
// them. The product of i16 becomes one that every target has.
// CHECK-LABEL: module @integers
// CHECK: plan.weight @w {{.*}} packed tensor<8x4x!{{.*}}, #plan.panels<rows 8, dot <si8 x si8, k 4>, align 128>>
// CHECK: plan.cache @k : tensor<64x8x!{{.*}}, #plan.keys<heads 2, block 32, dot <si32 x si32, k 1>, align 128>>
// CHECK: plan.cache @v : tensor<64x8x!{{.*}}, #plan.values<heads 2, block 32, dot <si32 x si32, k 1>, align 128>>
// CHECK: plan.step "q" {{.*}} -> tensor<2x4x!{{.*}}, #plan.rows<sums 4, align 128>>
// CHECK: plan.quantize {{.*}} -> tensor<2x4x!{{.*}}, #plan.rows<sums 4, align 128>>
// CHECK: plan.linear {{.*}}#plan.rows<sums 4, align 128>>, {{.*}}#plan.panels<rows 8, dot <si8 x si8, k 4>, align 128>>) -> tensor<2x8xf32>
// CHECK: plan.append_keys {{.*}}#plan.keys<heads 2, block 32, dot <si32 x si32, k 1>, align 128>>
module @integers attributes {plan.target = #wide, plan.context = 64 : i64} {
  plan.device "npu" target #narrow
  plan.weight @w #blue.source<"m" at 0 : tensor<8x4xf32>> [#blue.quantize<<i8 group row scale f16>, nearest>] packed tensor<8x4x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>> segment "s"
  plan.cache @k : tensor<64x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>
  plan.cache @v : tensor<64x8x!blue.quantized<i8 group 4 scale f16>, #plan.values<heads 2, block 128, dot <si16 x si16, k 2>>>
  plan.entry @prefill role decode capacity 2 segment "s" takes ["embeddings"] gives ["logits"] on "npu" {
  ^bb0(%x: tensor<2x4xf32>):
    %w = plan.get_weight @w : tensor<8x4x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>
    %k = plan.get_cache @k : tensor<64x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>
    %v = plan.get_cache @v : tensor<64x8x!blue.quantized<i8 group 4 scale f16>, #plan.values<heads 2, block 128, dot <si16 x si16, k 2>>>
    %0 = plan.step "q" value "q" on "npu"(%x) : (tensor<2x4xf32>) -> tensor<2x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = plan.quantize %a : (tensor<2x4xf32>) -> tensor<2x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
      plan.yield %y : tensor<2x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
    }
    %1 = plan.step "l" value "l" on "npu"(%0, %w) : (tensor<2x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>, tensor<8x4x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>) -> tensor<2x8xf32> {
    ^bb0(%a: tensor<2x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>, %b: tensor<8x4x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>):
      %y = plan.linear %a, %b : (tensor<2x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>, tensor<8x4x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>) -> tensor<2x8xf32>
      plan.yield %y : tensor<2x8xf32>
    }
    plan.step "k" value "" on "npu"(%1, %k) : (tensor<2x8xf32>, tensor<64x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>) -> () {
    ^bb0(%a: tensor<2x8xf32>, %b: tensor<64x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>):
      plan.append_keys %a into %b : tensor<2x8xf32>, tensor<64x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>
      plan.yield
    }
    plan.return %1 : tensor<2x8xf32>
  }
}

// -----

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// Keys of floats stand side by side as many as there are lanes.
// CHECK-LABEL: module @keys
// CHECK: plan.cache @k : tensor<1x2x16x4x4xf32>
// CHECK: plan.pack_keys {{.*}} : (tensor<1x9x8xf32>) -> tensor<1x2x3x4x4xf32>
module @keys attributes {plan.target = #wide, plan.context = 64 : i64} {
  plan.device "npu" target #narrow
  plan.cache @k : tensor<1x2x8x4x8xf32>
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] on "npu" {
  ^bb0(%x: tensor<1x9x8xf32>):
    %k = plan.get_cache @k : tensor<1x2x8x4x8xf32>
    %0 = plan.step "1" value "1" on "npu"(%x) : (tensor<1x9x8xf32>) -> tensor<1x2x2x4x8xf32> {
    ^bb0(%a: tensor<1x9x8xf32>):
      %y = plan.pack_keys %a : (tensor<1x9x8xf32>) -> tensor<1x2x2x4x8xf32>
      plan.yield %y : tensor<1x2x2x4x8xf32>
    }
    plan.return %0 : tensor<1x2x2x4x8xf32>
  }
}

// -----

#base = #plan.target<name = "base", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, dots = [#plan.dot<ui8 x si8, k 4>]>
#other = #plan.target<name = "other", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, dots = [#plan.dot<si8 x si8, k 4>]>
!panels = tensor<32x4x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 16, dot <ui8 x si8, k 4>>>
!rows = tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>

// Weights of experts are panels for what they meet, as those of linear layers.
// CHECK-LABEL: module @experts
// CHECK: plan.weight @w {{.*}}#plan.panels<rows 16, dot <si8 x si8, k 4>>
module @experts attributes {plan.target = #base, plan.context = 64 : i64} {
  plan.device "npu" target #other
  plan.weight @w #blue.source<"m" at 0 : tensor<32x4xf32>> [#blue.quantize<<i8 group row scale f16>, nearest>] packed !panels segment "s"
  plan.entry @decode role decode capacity 1 segment "s" takes ["embeddings", "router"] gives ["logits"] on "npu" {
  ^bb0(%x: tensor<1x4xf32>, %r: tensor<1x2xf32>):
    %w = plan.get_weight @w : !panels
    %0 = plan.step "q" value "q" on "npu"(%x) : (tensor<1x4xf32>) -> !rows {
    ^bb0(%a: tensor<1x4xf32>):
      %y = plan.quantize %a : (tensor<1x4xf32>) -> !rows
      plan.yield %y : !rows
    }
    %1 = plan.step "l" value "l" on "npu"(%0, %w, %r) : (!rows, !panels, tensor<1x2xf32>) -> tensor<1x1x16xf32> {
    ^bb0(%a: !rows, %b: !panels, %c: tensor<1x2xf32>):
      %y = plan.expert_linear %a, %b, %c : (!rows, !panels, tensor<1x2xf32>) -> tensor<1x1x16xf32>
      plan.yield %y : tensor<1x1x16xf32>
    }
    plan.return %1 : tensor<1x1x16xf32>
  }
}
