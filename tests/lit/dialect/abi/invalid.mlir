// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// BufferOp (C1).
func.func private @step(%call: !abi.call) {
  // expected-error @below {{(C1) expected a dense memref, found}}
  %x = abi.buffer %call arena at 64 : memref<4x8xf32, strided<[16, 1]>>
  return
}

// -----

// BufferOp (C2).
func.func private @step(%call: !abi.call) {
  // expected-error @below {{(C2) expected an offset that is not negative, found -64}}
  %x = abi.buffer %call arena at -64 : memref<4x8xf32>
  return
}

// -----

// RunOp (C1).
func.func private @kernel(!abi.call, index, index)
func.func private @run(%call: !abi.call) -> i32 {
  %count = abi.count %call
  // expected-error @below {{(C1) expected a function of a call, begin and end, found another type of @kernel}}
  abi.run %call, @kernel tasks %count steps 0 to 1
  %0 = arith.constant 0 : i32
  return %0 : i32
}

// -----

// RunOp (C2).
func.func private @kernel(!abi.call, i64, i64)
func.func private @run(%call: !abi.call) {
  %count = abi.count %call
  // expected-error @below {{(C2) expected to stand at the top of a function from a call to an i32}}
  abi.run %call, @kernel tasks %count steps 0 to 1
  return
}

// -----

// RunOp (C3).
func.func private @kernel(!abi.call, i64, i64)
func.func private @run(%call: !abi.call) -> i32 {
  %count = abi.count %call
  // expected-error @below {{(C3) expected 0 <= first < end, found 1 and 1}}
  abi.run %call, @kernel tasks %count steps 1 to 1
  %0 = arith.constant 0 : i32
  return %0 : i32
}

// -----

// Tensors of the contract.
// expected-error @below {{expected elements of f32, i32, f16 or i8, found 'i4'}}
func.func private @f() attributes {a = #abi.tensor<"t" : i4[2] at 0 bytes 1>}

// -----

// expected-error @below {{expected 1 to 4 dims, found 5}}
func.func private @f() attributes {a = #abi.tensor<"t" : i8[1, 1, 1, 1, 1] at 0 bytes 1>}

// -----

// expected-error @below {{expected 8 bytes, found 4}}
func.func private @f() attributes {a = #abi.tensor<"t" : f32[2] at 0 bytes 4>}

// -----

// expected-error @below {{expected an offset that is not negative, found -8}}
func.func private @f() attributes {a = #abi.tensor<"t" : f32[2] at -8 bytes 8>}

// -----

// expected-error @below {{expected dims with elements, found 0}}
func.func private @f() attributes {a = #abi.tensor<"t" : f32[0] at 0 bytes 0>}

// -----

// ModelOp (C1).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  // expected-error @below {{(C1) expected abi.segment, abi.device or abi.entry in a model}}
  %0 = arith.constant 0 : i32
}

// -----

// ModelOp (C2).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 128 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.segment "a" at 0 bytes 64
  // expected-error @below {{(C2) expected a range behind the other segments, in 128 bytes of weights}}
  abi.segment "b" at 32 bytes 64
}

// -----

// ModelOp (C3).
// expected-error @below {{(C3) expected 32 bytes of hash, found 2}}
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64, weights_sha256 = array<i8: 1, 2>} {
}

// -----

// EntryOp (C1).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.device "cpu"
  // expected-error @below {{(C1) expected a function from a call to an i32, found no @run}}
  abi.entry "encode" role encode stage 0 of 1 segment "s" on "cpu" capacity 4 arena 256 run @run inputs [] outputs [] {
  }
}

// -----

// EntryOp (C5).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.device "cpu"
  // expected-error @below {{(C5) expected 0 <= stage < stages, found 1 of 1}}
  abi.entry "encode" role encode stage 1 of 1 segment "s" on "cpu" capacity 4 arena 256 run @run inputs [] outputs [] {
  }
}
func.func private @run(!abi.call) -> i32

// -----

// EntryOp (C2).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.device "cpu"
  // expected-error @below {{(C2) expected a device of the model, found "npu"}}
  abi.entry "encode" role encode stage 0 of 1 segment "s" on "npu" capacity 4 arena 256 run @run inputs [] outputs [] {
  }
}
func.func private @run(!abi.call) -> i32

// -----

// EntryOp (C2).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.segment "language" at 0 bytes 0
  abi.device "cpu"
  // expected-error @below {{(C2) expected a segment of the model, found "vision"}}
  abi.entry "encode" role encode stage 0 of 1 segment "vision" on "cpu" capacity 4 arena 256 run @run inputs [] outputs [] {
  }
}
func.func private @run(!abi.call) -> i32

// -----

// EntryOp (C3).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.device "cpu"
  abi.entry "encode" role encode stage 0 of 1 segment "s" on "cpu" capacity 4 arena 256 run @run inputs [] outputs [] {
    // expected-error @below {{(C3) expected abi.step in an entry}}
    %0 = arith.constant 0 : i32
  }
}
func.func private @run(!abi.call) -> i32

// -----

// EntryOp (C4).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.device "cpu"
  // expected-error @below {{(C4) expected tensors inside of an arena of 64 bytes, found}}
  abi.entry "encode" role encode stage 0 of 1 segment "s" on "cpu" capacity 4 arena 64 run @run
      inputs [#abi.tensor<"x" : i8[4, 8] at 64 bytes 32>] outputs [] {
  }
}
func.func private @run(!abi.call) -> i32

// -----

// StepOp (C1).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.device "cpu"
  abi.entry "encode" role encode stage 0 of 1 segment "s" on "cpu" capacity 4 arena 64 run @run inputs [] outputs [] {
    // expected-error @below {{(C1) expected a function, found no @kernel}}
    abi.step "a" function @run kernel @kernel tasks 4
  }
}
func.func private @run(!abi.call) -> i32

// -----

// StepOp (C2).
abi.model @m attributes {producer = "p", target = "t", triple = "x", features = "", alignment = 64 : i64,
    weights_bytes = 0 : i64, cache_bytes = 0 : i64, context = 0 : i64, hidden = 8 : i64, vocabulary = 0 : i64,
    tokens_per_tile = 0 : i64, tile_height = 0 : i64, tile_width = 0 : i64} {
  abi.device "cpu"
  abi.entry "encode" role encode stage 0 of 1 segment "s" on "cpu" capacity 4 arena 64 run @run inputs [] outputs [] {
    // expected-error @below {{(C2) expected at least one task, found 0}}
    abi.step "a" function @run kernel @run tasks 0
  }
}
func.func private @run(!abi.call) -> i32
