// RUN: bluec-opt %s -split-input-file -verify-diagnostics -lower-entries

// Features are part of the descriptor.
// expected-error @below {{plan.target}}
module {
}

// -----

// Steps have no kernels yet.
module attributes {plan.target = #plan.target<name = "t", triple = "a-b-c", cpu = "c", features = "",
    vectorBits = 128, vectorRegisters = 8, l1Bytes = 32768, l2Bytes = 65536>} {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] arena 128 inputs [0] {
  ^bb0(%x: tensor<1x4xf32>):
    // expected-error @below {{expected plan.launch; run lower-steps-to-kernels first}}
    %0 = plan.step "1" value "1" on "cpu" offset 64 (%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// A weight without a place.
module attributes {plan.target = #plan.target<name = "t", triple = "a-b-c", cpu = "c", features = "",
    vectorBits = 128, vectorRegisters = 8, l1Bytes = 32768, l2Bytes = 65536>} {
  plan.weight @w dense<1.0> : tensor<8xf32> packed tensor<8xf32> segment "s"
  plan.entry @encode role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] arena 256 inputs [0] {
  ^bb0(%x: tensor<4x8xf32>):
    // expected-error @below {{expected an offset; run assign-weights first}}
    %w = plan.get_weight @w : tensor<8xf32>
    %a = plan.launch @scale(%x, %w) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu" offset 128
        : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    plan.return %a : tensor<4x8xf32>
  }
  func.func private @scale(memref<4x8xf32>, memref<8xf32>, memref<4x8xf32>, index, index, index, index)
}

// -----

// A kernel that has been lowered already.
module attributes {plan.target = #plan.target<name = "t", triple = "a-b-c", cpu = "c", features = "",
    vectorBits = 128, vectorRegisters = 8, l1Bytes = 32768, l2Bytes = 65536>} {
  plan.entry @encode role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] arena 256 inputs [0] {
  ^bb0(%x: tensor<4x8xf32>):
    // expected-error @below {{expected a func.func of 6 arguments as kernel; run lower-entries before the kernels are lowered}}
    %a = plan.launch @done(%x) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu" offset 128
        : (tensor<4x8xf32>) -> tensor<4x8xf32>
    plan.return %a : tensor<4x8xf32>
  }
  llvm.func @done(!llvm.ptr, !llvm.ptr, i64, i64, i64, i64)
}

// -----

// A segment that the module does not have.
module attributes {plan.segments = [#plan.segment<"language" at 0 bytes 0>],
    plan.target = #plan.target<name = "t", triple = "a-b-c", cpu = "c", features = "",
    vectorBits = 128, vectorRegisters = 8, l1Bytes = 32768, l2Bytes = 65536>} {
  // expected-error @below {{expected a segment of plan.segments, found 'vision'}}
  plan.entry @encode role encode capacity 4 segment "vision" takes ["pixels"] gives ["features"] arena 256 inputs [0] {
  ^bb0(%x: tensor<4x8xf32>):
    %a = plan.launch @scale(%x) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu" offset 128
        : (tensor<4x8xf32>) -> tensor<4x8xf32>
    plan.return %a : tensor<4x8xf32>
  }
  func.func private @scale(memref<4x8xf32>, memref<4x8xf32>, index, index, index, index)
}

// -----

// Two rows side by side belong to two elements of the leading dim.
!rows = tensor<4x3x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64 pairs 8>>
module attributes {plan.segments = [#plan.segment<"s" at 0 bytes 0>], plan.target = #plan.target<name = "t", triple = "a-b-c", cpu = "c", features = "",
    vectorBits = 128, vectorRegisters = 8, l1Bytes = 32768, l2Bytes = 65536>} {
  plan.entry @encode_blocks role encode stage 1 of 2 capacity 4 segment "s" takes ["patches"] gives ["features"] arena 8192 inputs [0] {
  // expected-error @below {{expected rows that are handed over to stand side by side only with rows of the same element of the leading dim, found}}
  ^bb0(%x: !rows):
    %a = plan.launch @f(%x) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu" offset 4096
        : (!rows) -> tensor<4x3x64xf32>
    plan.return %a : tensor<4x3x64xf32>
  }
  func.func private @f(memref<1536xi8>, memref<12x64xf32>, index, index, index, index)
}
