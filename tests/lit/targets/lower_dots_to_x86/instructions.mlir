// RUN: bluec-opt %s -lower-dots-to-x86=vnni-bits=256 -expand-kernel-ops -lower-kernels-to-llvm | mlir-translate --mlir-to-llvmir | llc -mcpu=x86-64-v3 -mattr=+avxvnni,+fast-dpwssd | FileCheck %s --check-prefix=NARROW
// RUN: bluec-opt %s -lower-dots-to-x86=vnni-bits=512 -expand-kernel-ops -lower-kernels-to-llvm | mlir-translate --mlir-to-llvmir | llc -mcpu=x86-64-v4 -mattr=+avx512vnni,+fast-dpwssd | FileCheck %s --check-prefix=WIDE

// What the intrinsics become: with AVX-VNNI the instruction in its VEX form, which machines without
// AVX-512 have.
// NARROW-LABEL: narrow_bytes:
// NARROW: {vex} vpdpbusd %ymm2, %ymm1, %ymm0
// NARROW-LABEL: narrow_words:
// NARROW: {vex} vpdpwssd %ymm2, %ymm1, %ymm0
func.func @narrow_bytes(%c: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) -> vector<8xi32> {
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<8xi32>, vector<32xi8>
  return %r : vector<8xi32>
}
func.func @narrow_words(%c: vector<8xi32>, %a: vector<16xi16>, %b: vector<16xi16>) -> vector<8xi32> {
  %r = kernel.dot %c, %a, %b k 2 : vector<8xi32>, vector<16xi16>
  return %r : vector<8xi32>
}

// WIDE-LABEL: wide_bytes:
// WIDE: vpdpbusd %zmm2, %zmm1, %zmm0
// WIDE-LABEL: wide_words:
// WIDE: vpdpwssd %zmm2, %zmm1, %zmm0
func.func @wide_bytes(%c: vector<16xi32>, %a: vector<64xi8>, %b: vector<64xi8>) -> vector<16xi32> {
  %r = kernel.dot %c, %a, %b k 4 {unsigned_lhs} : vector<16xi32>, vector<64xi8>
  return %r : vector<16xi32>
}
func.func @wide_words(%c: vector<16xi32>, %a: vector<32xi16>, %b: vector<32xi16>) -> vector<16xi32> {
  %r = kernel.dot %c, %a, %b k 2 : vector<16xi32>, vector<32xi16>
  return %r : vector<16xi32>
}
