// RUN: bluec-opt %s -split-input-file -plan-memory | FileCheck %s

// Without segments all weights count: 4096 bytes, an arena of 128 (input and result), a cache of 192.
// CHECK: module attributes {plan.cache_bytes = 192 : i64, plan.peak_bytes = 4416 : i64
module attributes {plan.weights_bytes = 4096 : i64} {
  plan.cache @a : tensor<1x9x4xf32>
  plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits"] {
  ^bb0(%x: tensor<1x16xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x16xf32>) -> tensor<1x16xf32> {
    ^bb0(%a: tensor<1x16xf32>):
      %y = blue.relu %a : tensor<1x16xf32>
      plan.yield %y : tensor<1x16xf32>
    }
    plan.return %0 : tensor<1x16xf32>
  }
}

// -----

// A segment is in memory with its own entry points' arena only: 8192 and 128 are more than 4096 and
// 512.
// CHECK: plan.peak_bytes = 8320 : i64
// CHECK: plan.entry @encode {{.*}} arena 512
// CHECK: plan.entry @decode {{.*}} arena 128
module attributes {plan.weights_bytes = 12288 : i64,
                   plan.segments = [#plan.segment<"vision" at 0 bytes 4096>,
                                    #plan.segment<"language" at 4096 bytes 8192>]} {
  plan.entry @encode role encode capacity 4 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<4x16xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<4x16xf32>) -> tensor<4x16xf32> {
    ^bb0(%a: tensor<4x16xf32>):
      %y = blue.relu %a : tensor<4x16xf32>
      plan.yield %y : tensor<4x16xf32>
    }
    plan.return %0 : tensor<4x16xf32>
  }
  plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits"] {
  ^bb0(%x: tensor<1x16xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x16xf32>) -> tensor<1x16xf32> {
    ^bb0(%a: tensor<1x16xf32>):
      %y = blue.relu %a : tensor<1x16xf32>
      plan.yield %y : tensor<1x16xf32>
    }
    plan.return %0 : tensor<1x16xf32>
  }
}

// -----

// The stages of an encoder may run at the same time: arenas of 128 and 128, twice the 64 bytes that
// cross, and weights. One stage's entries take turns.
// CHECK: plan.peak_bytes = 4480 : i64
module attributes {plan.weights_bytes = 4096 : i64} {
  plan.entry @encode_patches role encode stage 0 of 2 capacity 2 segment "vision" takes ["pixels"] gives ["patches"] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 2 segment "vision" takes ["patches"] gives ["features"] on "npu" {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "npu"(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  plan.entry @encode_patches_1 role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives ["patches"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
  plan.entry @encode_blocks_1 role encode stage 1 of 2 capacity 1 segment "vision" takes ["patches"] gives ["features"] on "npu" {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "npu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// Entries on one device share an arena, those on another one have theirs beside it: 128 of decode and
// 64 of embed, beside 4096 of weights.
// CHECK: plan.peak_bytes = 4288 : i64
// CHECK: plan.entry @decode {{.*}} arena 128
// CHECK: plan.entry @small {{.*}} arena 64
// CHECK: plan.entry @embed {{.*}} arena 64
module attributes {plan.weights_bytes = 4096 : i64, plan.segments = [#plan.segment<"language" at 0 bytes 4096>]} {
  plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits"] on "npu" {
  ^bb0(%x: tensor<1x16xf32>):
    %0 = plan.step "1" value "1" on "npu"(%x) : (tensor<1x16xf32>) -> tensor<1x16xf32> {
    ^bb0(%a: tensor<1x16xf32>):
      %y = blue.relu %a : tensor<1x16xf32>
      plan.yield %y : tensor<1x16xf32>
    }
    plan.return %0 : tensor<1x16xf32>
  }
  plan.entry @small role decode capacity 1 segment "language" takes ["embeddings"] gives [] on "npu" {
  ^bb0(%x: tensor<1x16xf32>):
    plan.return
  }
  plan.entry @embed role embed capacity 1 segment "language" takes ["ids"] gives [] on "cpu" {
  ^bb0(%x: tensor<1x16xf32>):
    plan.return
  }
}
