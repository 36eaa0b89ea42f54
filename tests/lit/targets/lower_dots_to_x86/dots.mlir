// RUN: bluec-opt %s -split-input-file -lower-dots-to-x86=vnni-bits=512 | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: bluec-opt %s -split-input-file -lower-dots-to-x86 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: bluec-opt %s -split-input-file -lower-dots-to-x86=vnni-bits=256 | FileCheck %s --check-prefixes=NARROW

// Vectors that fill no register stay.
// CHECK-LABEL: @narrow
// NARROW-LABEL: @narrow
// NARROW: kernel.dot
func.func @narrow(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>) -> vector<4xi32> {
  // CHECK: kernel.dot
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<4xi32>, vector<16xi8>
  return %r : vector<4xi32>
}

// -----

// 512 bits: one instruction where the target has it.
// CHECK-LABEL: @wide
// NARROW-LABEL: @wide
// NARROW-COUNT-2: kernel.dot
func.func @wide(%c: vector<16xi32>, %a: vector<64xi8>, %b: vector<64xi8>, %d: vector<32xi16>,
                %e: vector<32xi16>) -> vector<16xi32> {
  // VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
  // VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.512"
  // AVX2-COUNT-2: kernel.dot
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<16xi32>, vector<64xi8>
  %s = kernel.dot %r, %d, %e k 2 : vector<16xi32>, vector<32xi16>
  return %s : vector<16xi32>
}

// -----

// 256 bits, where the target has instructions for them.
// NARROW-LABEL: @words
// NARROW: llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.256"
// NARROW-LABEL: @small
// NARROW: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
// NARROW-LABEL: @any
// NARROW: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
// NARROW-NOT: pmadd

// 256 bits, i16: products and sums of pairs are one instruction.
// CHECK-LABEL: @words
func.func @words(%c: vector<8xi32>, %a: vector<16xi16>, %b: vector<16xi16>) -> vector<8xi32> {
  // CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
  // CHECK-NOT: call_intrinsic
  // CHECK: arith.addi
  %r = kernel.dot %c, %a, %b k 2 : vector<8xi32>, vector<16xi16>
  return %r : vector<8xi32>
}

// -----

// 256 bits, i8 that are known to be small: sums of pairs fit 16 bits.
// CHECK-LABEL: @small
func.func @small(%c: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) -> vector<8xi32> {
  // CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
  // CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
  // CHECK-NOT: call_intrinsic
  %r = kernel.dot %c, %a, %b k 4 {lhs_bits = 4 : i64, unsigned_lhs} : vector<8xi32>, vector<32xi8>
  return %r : vector<8xi32>
}

// -----

// 256 bits, any i8: even and odd bytes apart, because sums of pairs would saturate.
// CHECK-LABEL: @any
func.func @any(%c: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) -> vector<8xi32> {
  // CHECK-NOT: pmadd.ub.sw
  // CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
  %r = kernel.dot %c, %a, %b k 4 {lhs_bits = 8 : i64, unsigned_lhs} : vector<8xi32>, vector<32xi8>
  return %r : vector<8xi32>
}

// -----

// Signs and products of no instruction stay.
// CHECK-LABEL: @others
// NARROW-LABEL: @others
func.func @others(%c: vector<8xi32>, %a: vector<32xi8>, %b: vector<8xi16>) -> vector<8xi32> {
  // CHECK-COUNT-3: kernel.dot
  // NARROW-COUNT-3: kernel.dot
  %r = kernel.dot %c, %a, %a k 4 : vector<8xi32>, vector<32xi8>
  %s = kernel.dot %r, %a, %a k 4 {unsigned_lhs, unsigned_rhs} : vector<8xi32>, vector<32xi8>
  %t = kernel.dot %s, %b, %b k 1 : vector<8xi32>, vector<8xi16>
  return %t : vector<8xi32>
}
