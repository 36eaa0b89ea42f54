// RUN: bluec-opt %s | bluec-opt | FileCheck %s

func.func private @kernel(memref<4x8xf32>)

// CHECK: func.func private @step(%[[CALL:.*]]: !abi.call, %{{.*}}: i64, %{{.*}}: i64)
func.func private @step(%call: !abi.call, %begin: i64, %end: i64) {
  // CHECK: abi.buffer %[[CALL]] arena at 64 : memref<4x8xf32>
  %x = abi.buffer %call arena at 64 : memref<4x8xf32>
  // CHECK: abi.buffer %[[CALL]] cache at 0 : memref<4xi8>
  %c = abi.buffer %call cache at 0 : memref<4xi8>
  // CHECK: abi.position %[[CALL]]
  %position = abi.position %call
  return
}
func.func private @run(%call: !abi.call) -> i32 {
  // CHECK: %[[COUNT:.*]] = abi.count
  %count = abi.count %call
  // CHECK: abi.run %{{.*}}, @step tasks %[[COUNT]] steps 0 to 2
  abi.run %call, @step tasks %count steps 0 to 2
  %0 = arith.constant 0 : i32
  return %0 : i32
}

// CHECK: abi.model @m
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 4096 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  // CHECK-NEXT: abi.segment "vision" at 0 bytes 4096
  abi.segment "vision" at 0 bytes 4096
  // CHECK-NEXT: abi.device "cpu"
  abi.device "cpu"
  // CHECK-NEXT: abi.entry "encode" role encode stage 0 of 1 segment "vision" on "cpu" capacity 4 arena 256 run @run
  abi.entry "encode" role encode stage 0 of 1 segment "vision" on "cpu" capacity 4 arena 256 run @run
      inputs [#abi.tensor<"pixels" : f32[4, 8] at 0 bytes 128>] outputs [] {
    // CHECK-NEXT: abi.step "a" function @step kernel @kernel tasks 4 output <"a" : i8[4, 8] at 128 bytes 32>
    abi.step "a" function @step kernel @kernel tasks 4 output <"a" : i8[4, 8] at 128 bytes 32>
    // CHECK-NEXT: abi.step "b" function @step kernel @kernel tasks 1
    abi.step "b" function @step kernel @kernel tasks 1
  }
}
