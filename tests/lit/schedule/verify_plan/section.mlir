// RUN: bluec-opt %s -split-input-file -verify-diagnostics -verify-plan

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// The first stage of an encoder alone, as a section has it.
module attributes {plan.section = "wide", plan.target = #wide, plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 1024 : i64, plan.segments = []} {
  plan.entry @encode_patches role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives ["patches"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

#wide = #plan.target<name = "wide", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536, alignment = 128>

// Rows that are laid out for the module's target, on a device that has another one.
module attributes {plan.target = #wide, plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 1024 : i64, plan.segments = []} {
  plan.device "npu" target #narrow
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] on "npu" arena 512 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-error @below {{expected whole vectors, and parts aligned to 128 as the target's buffers, found #plan.rows<sums 4>}}
    %0 = plan.step "1" value "1" on "npu" offset 128 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = plan.quantize %a : (tensor<1x4xf32>) -> tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
      plan.yield %y : tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
    }
    plan.return %0 : tensor<1x4x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 4>>
  }
}
