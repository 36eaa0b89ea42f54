// RUN: bluec-opt %s -split-input-file "-lower-entries=producer=test hidden=8" | FileCheck %s

// Without entry points there is a descriptor of none, and kernels stay.
// CHECK-LABEL: func.func private @alone
// CHECK: abi.model @bluec_model
module attributes {plan.target = #plan.target<name = "t", triple = "a-b-c", cpu = "c", features = "+f,+g",
    vectorBits = 128, vectorRegisters = 8, l1Bytes = 32768, l2Bytes = 65536>} {
  func.func private @alone(memref<4x8xf32>)
}

// -----

// An entry of three launches, two of which share a loop.
module attributes {plan.context = 32 : i64, plan.weights_bytes = 4096 : i64, plan.cache_bytes = 1024 : i64,
    plan.segments = [#plan.segment<"language" at 0 bytes 4096>],
    plan.target = #plan.target<name = "t", triple = "a-b-c", cpu = "c", features = "+f,+g",
    vectorBits = 128, vectorRegisters = 8, l1Bytes = 32768, l2Bytes = 65536>} {
  // CHECK: plan.weight @w
  plan.weight @w dense<1.0> : tensor<8xf32> packed tensor<8xf32> segment "language" offset 64
  // CHECK-NOT: plan.cache
  plan.cache @v : tensor<1x32x8xf32> offset 128
  // CHECK-NOT: plan.entry
  plan.entry @prefill role decode capacity 4 segment "language" takes ["embeddings"] gives ["logits"] on "npu" arena 512 inputs [0] {
  ^bb0(%x: tensor<4x8xf32>):
    %w = plan.get_weight @w : tensor<8xf32>
    %v = plan.get_cache @v : tensor<1x32x8xf32>
    %a = plan.launch @scale(%x, %w) tasks affine_map<(d0) -> (d0)> layer "l/a" value "a" on "npu" offset 128
        : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    plan.launch @append(%x, %v) tasks affine_map<(d0) -> (d0 ceildiv 2)> joined layer "l/v" value "" on "npu"
        : (tensor<4x8xf32>, tensor<1x32x8xf32>) -> ()
    %b = plan.launch @scale(%a, %w) tasks affine_map<(d0) -> (d0)> layer "l/b" value "b" on "npu" offset 256
        : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    plan.return %b : tensor<4x8xf32>
  }
  func.func private @scale(memref<4x8xf32>, memref<8xf32>, memref<4x8xf32>, index, index, index, index)
  func.func private @append(memref<4x8xf32>, memref<1x32x8xf32>, index, index, index, index)
}

// CHECK: func.func private @prefill.step0(%[[CALL:.*]]: !abi.call, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK-NEXT: %[[X:.*]] = abi.buffer %[[CALL]] arena at 0 : memref<4x8xf32>
// CHECK-NEXT: %[[W:.*]] = abi.buffer %[[CALL]] weights at 64 : memref<8xf32>
// CHECK-NEXT: %[[A:.*]] = abi.buffer %[[CALL]] arena at 128 : memref<4x8xf32>
// CHECK-NEXT: abi.count
// CHECK-NEXT: abi.position
// CHECK-COUNT-4: arith.index_cast %{{.*}} : i64 to index
// CHECK-NEXT: call @scale(%[[X]], %[[W]], %[[A]],

// CHECK: func.func private @prefill.step1
// CHECK: abi.buffer %{{.*}} cache at 128 : memref<1x32x8xf32>
// CHECK: call @append

// Tasks from the first's last on are the second's.
// CHECK: func.func private @prefill.steps0(%[[CALL:.*]]: !abi.call, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK: scf.if
// CHECK: call @prefill.step0
// CHECK: arith.subi %[[BEGIN]]
// CHECK: arith.subi %[[END]]
// CHECK: scf.if
// CHECK: call @prefill.step1

// CHECK: func.func private @entry.prefill(%[[CALL:.*]]: !abi.call) -> i32
// CHECK: abi.run %[[CALL]], @prefill.steps0 tasks %{{.*}} steps 0 to 2
// CHECK: abi.run %[[CALL]], @prefill.step2 tasks %{{.*}} steps 2 to 3
// CHECK: return

// CHECK: abi.model @bluec_model attributes {
// CHECK-SAME: cache_bytes = 1024
// CHECK-SAME: context = 32
// CHECK-SAME: features = "f,g"
// CHECK-SAME: hidden = 8
// CHECK-SAME: producer = "test"
// CHECK-SAME: target = "t"
// CHECK-SAME: weights_bytes = 4096
// CHECK-NEXT: abi.segment "language" at 0 bytes 4096
// CHECK-NEXT: abi.device "npu"
// CHECK-NEXT: abi.entry "prefill" role decode stage 0 of 1 segment "language" on "npu" capacity 4 arena 512 run @entry.prefill
// CHECK-SAME: inputs [#abi.tensor<"embeddings" : f32[4, 8] at 0 bytes 128>]
// CHECK-SAME: outputs [#abi.tensor<"logits" : f32[4, 8] at 256 bytes 128>]
// CHECK-NEXT: abi.step "l/a" function @prefill.step0 kernel @scale tasks 4 output <"a" : f32[4, 8] at 128 bytes 128>
// CHECK-NEXT: abi.step "l/v" function @prefill.step1 kernel @append tasks 2
// CHECK-NEXT: abi.step "l/b" function @prefill.step2 kernel @scale tasks 4 output <"b" : f32[4, 8] at 256 bytes 128>
