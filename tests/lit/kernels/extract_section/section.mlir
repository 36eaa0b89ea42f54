// RUN: bluec-opt %s -extract-section=target=narrow | FileCheck %s --check-prefixes=CHECK,NARROW
// RUN: bluec-opt %s -extract-section=target=wide | FileCheck %s --check-prefixes=CHECK,WIDE

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// Two devices have the module's target, one has its own. Weights stay in both sections.
// CHECK: module attributes
// NARROW-SAME: plan.section = "narrow", plan.target = #plan.target<name = "narrow"
// WIDE-SAME: plan.section = "wide", plan.target = #plan.target<name = "wide"
// CHECK: plan.weight @w
// NARROW-NOT: plan.entry
// NARROW: plan.entry @encode_blocks
// NARROW-NOT: plan.entry
// WIDE-NOT: plan.entry
// WIDE: plan.entry @encode_patches
// WIDE-NOT: plan.entry
// WIDE: plan.entry @embed
module attributes {plan.target = #wide} {
  plan.device "npu" target #narrow
  plan.weight @w #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "vision"
  plan.entry @encode_patches role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives [] {
  ^bb0(%x: tensor<1x4xf32>):
    plan.return
  }
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 1 segment "vision" takes ["patches"] gives [] on "npu" {
  ^bb0(%x: tensor<1x4xf32>):
    plan.return
  }
  plan.entry @embed role embed capacity 1 segment "language" takes ["ids"] gives [] on "dsp" {
  ^bb0(%x: tensor<1xi32>):
    plan.return
  }
}
