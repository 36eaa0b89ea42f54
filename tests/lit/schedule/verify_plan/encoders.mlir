// RUN: bluec-opt %s -split-input-file -verify-diagnostics -verify-plan

// Two stages, each with its arena, and calls for one tile of a batch of two: 128 + 128 + 2 * 32.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 320 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>], plan.encode_calls = [array<i64: 1>]} {
  plan.entry @encode_patches role encode stage 0 of 2 capacity 2 segment "vision" takes ["pixels"] gives ["patches"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 2 segment "vision" takes ["patches"] gives ["features"] on "npu" arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "npu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  plan.entry @encode_patches_1 role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives ["patches"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
  plan.entry @encode_blocks_1 role encode stage 1 of 2 capacity 1 segment "vision" takes ["patches"] gives ["features"] on "npu" arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "npu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// Stages at the same time take more.
// expected-error @below {{expected plan.peak_bytes of at least 320 bytes}}
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 319 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>]} {
  plan.entry @encode_patches role encode stage 0 of 2 capacity 2 segment "vision" takes ["pixels"] gives ["patches"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 2 segment "vision" takes ["patches"] gives ["features"] on "npu" arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "npu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}

// -----

// A step somewhere else.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 320 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>]} {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-error @below {{expected device 'cpu' as its entry, found "npu" (cut-stages)}}
    %0 = plan.step "1" value "1" on "npu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// A stage that is alone.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 320 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>]} {
  // expected-error @below {{expected the encoder's stage 1, found none}}
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

// Stages beside a whole encoder.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>]} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  // expected-error @below {{expected encoders of 1 stages, as the others, found one of 2}}
  plan.entry @encode_patches_1 role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives ["patches"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
  plan.entry @encode_blocks_1 role encode stage 1 of 2 capacity 1 segment "vision" takes ["patches"] gives ["features"] on "npu" arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "npu" offset 64 last_use 1 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// Two encoders of a capacity.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>]} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  // expected-error @below {{expected one stage 0 of an encoder of capacity 2, found two}}
  plan.entry @again role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}

// -----

// Stages that do not fit.
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>]} {
  // expected-error @below {{expected to hand over what 'encode_blocks' takes, found other names or types}}
  plan.entry @encode_patches role encode stage 0 of 2 capacity 2 segment "vision" takes ["pixels"] gives ["patches"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 2 segment "vision" takes ["patches"] gives ["features"] on "npu" arena 128 inputs [0] {
  ^bb0(%x: tensor<2x2x2xf32>):
    %0 = plan.step "1" value "1" on "npu" offset 64 last_use 1 (%x) : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32> {
    ^bb0(%a: tensor<2x2x2xf32>):
      %y = blue.relu %a : tensor<2x2x2xf32>
      plan.yield %y : tensor<2x2x2xf32>
    }
    plan.return %0 : tensor<2x2x2xf32>
  }
}

// -----

// A list is missing.
// expected-error @below {{expected plan.encode_calls to list capacities for each number of tiles below 2}}
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>], plan.encode_calls = []} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}

// -----

// No encoder of that capacity.
// expected-error @below {{plan.encode_calls: expected calls of encoders that are there, each with a tile to encode, for 1 tiles}}
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>], plan.encode_calls = [array<i64: 3>]} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}

// -----

// A call without a tile.
// expected-error @below {{plan.encode_calls: expected calls of encoders that are there, each with a tile to encode, for 1 tiles}}
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>], plan.encode_calls = [array<i64: 2, 2>]} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}

// -----

// A tile without a call.
// expected-error @below {{plan.encode_calls: expected calls of encoders that are there, each with a tile to encode, for 1 tiles}}
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>], plan.encode_calls = [array<i64>]} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}

// -----

// No list of lists.
// expected-error @below {{expected plan.encode_calls to list capacities for each number of tiles below 2}}
module attributes {plan.weights_bytes = 0 : i64, plan.cache_bytes = 0 : i64, plan.peak_bytes = 640 : i64, plan.segments = [#plan.segment<"vision" at 0 bytes 0>], plan.encode_calls = [1]} {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu" offset 64 last_use 1 (%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}
