// RUN: bluec-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// All facts: what is printed is what was read.
// CHECK: plan.target = #plan.target<name = "t", triple = "x", cpu = "c", features = "", vectorBits = 1024, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 1048576, scalable = true, alignment = 128, lineBytes = 32, pointerBits = 32, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>], mmas = [#plan.mma<si8 x si8, m 2, n 2, k 8>], floats = [f32, f16], tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 4096, dotsInFlight = 6, cacheBlock = 64, panelVectors = 4, laneOperands = true>>
#target = #plan.target<name = "t", triple = "x", cpu = "c", features = "", vectorBits = 1024, vectorRegisters = 32, l1Bytes = 32768, l2Bytes = 1048576, scalable = true, alignment = 128, lineBytes = 32, pointerBits = 32, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>], mmas = [#plan.mma<si8 x si8, m 2, n 2, k 8>], floats = [f32, f16], tuning = <floatAheadBytes = 2048, quantizedAheadBytes = 4096, dotsInFlight = 6, cacheBlock = 64, panelVectors = 4, laneOperands = true>>
module attributes {plan.target = #target} {
  // A layout's alignment is printed where it is not the ABI's.
  // CHECK: #plan.panels<rows 32, dot <si8 x si8, k 8>, align 128>
  plan.weight @w #blue.source<"m" at 0 : tensor<40x64xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] packed tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <si8 x si8, k 8>, align 128>> segment "s"
  // CHECK: #plan.keys<heads 2, block 32, dot <si8 x si8, k 1>>
  plan.cache @k : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 32, dot <si8 x si8, k 1>, align 64>>
}

// -----

// Facts that are left out are those of most targets.
// CHECK: plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, alignment = 64, lineBytes = 64, pointerBits = 64>} {}

// -----

// expected-error @below {{expected vectorBits to be a power of two of at least 32, found 96}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 96, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>} {}

// -----

// expected-error @below {{expected at least one vector register, found 0}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 0, l1Bytes = 32768, l2Bytes = 1048576>} {}

// -----

// expected-error @below {{expected caches of at least one byte, found 0 and 1048576}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 0, l2Bytes = 1048576>} {}

// -----

// expected-error @below {{expected an alignment that is a power of two, found 96}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, alignment = 96>} {}

// -----

// expected-error @below {{expected an alignment of at least a vector, 128 bytes, found 64}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 1024, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>} {}

// -----

// expected-error @below {{expected lineBytes to be a power of two, found 0}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, lineBytes = 0>} {}

// -----

// expected-error @below {{expected pointerBits to be 32 or 64, found 16}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, pointerBits = 16>} {}

// -----

// expected-error @below {{expected a #plan.dot of integers in dots, found #plan.dot<f32 x f32, k 1>}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<f32 x f32, k 1>]>} {}

// -----

// expected-error @below {{expected a #plan.mma in mmas, found #plan.dot<si8 x si8, k 4>}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, mmas = [#plan.dot<si8 x si8, k 4>]>} {}

// -----

// expected-error @below {{expected a type of floats in floats, found i8}}
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, floats = [i8]>} {}

// -----

// expected-error @below {{expected bytes ahead that are not negative, found 0 and -64}}
module attributes {plan.tuning = #plan.tuning<quantizedAheadBytes = -64>} {}

// -----

// expected-error @below {{expected at least one dot in flight, one position of a block and one vector of a panel, found 1, 0 and 2}}
module attributes {plan.tuning = #plan.tuning<cacheBlock = 0>} {}

// -----

// A product has signs on both sides.
// expected-error @below {{expected integers of 8, 16 or 32 bits with signs and of one width, or f32, found 'i8' x 'si8'}}
module attributes {plan.dot = #plan.dot<i8 x si8, k 4>} {}

// -----

// ... of one width.
// expected-error @below {{expected integers of 8, 16 or 32 bits with signs and of one width, or f32, found 'ui8' x 'si16'}}
module attributes {plan.dot = #plan.mma<ui8 x si16, m 2, n 2, k 8>} {}

// -----

// A word has at most 64 bits.
// expected-error @below {{expected a power of two of at most 8 products of 'ui8', found 16}}
module attributes {plan.dot = #plan.dot<ui8 x si8, k 16>} {}

// -----

// expected-error @below {{expected a power of two of at most 1 products of 'f32', found 2}}
module attributes {plan.dot = #plan.dot<f32 x f32, k 2>} {}

// -----

// expected-error @below {{expected a power of two of at most 8 products of 'si8', found 3}}
module attributes {plan.dot = #plan.dot<si8 x si8, k 3>} {}

// -----

// expected-error @below {{expected a tile of at least 1 x 1 x 1, found 2 x 8 x 0}}
module attributes {plan.dot = #plan.mma<si8 x si8, m 2, n 0, k 8>} {}
