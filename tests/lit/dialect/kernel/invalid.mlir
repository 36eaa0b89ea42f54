// RUN: bluec-opt %s -split-input-file -verify-diagnostics

func.func @lanes(%c: vector<8xi32>, %a: vector<16xi8>) {
  // expected-error @+1 {{(C1) expected operands of 4 elements for each lane of 'vector<8xi32>', found 'vector<16xi8>'}}
  %r = kernel.dot %c, %a, %a k 4 {unsigned_lhs} : vector<8xi32>, vector<16xi8>
  return
}

// -----

func.func @bits(%c: vector<4xi32>, %a: vector<16xi8>) {
  // expected-error @+1 {{(C2) expected lhs_bits of 1 .. 8 for elements of i8, found 9 for 'vector<16xi8>'}}
  %r = kernel.dot %c, %a, %a k 4 {lhs_bits = 9 : i64, unsigned_lhs} : vector<4xi32>, vector<16xi8>
  return
}

// -----

func.func @bits_of_words(%c: vector<4xi32>, %a: vector<8xi16>) {
  // expected-error @+1 {{(C2) expected lhs_bits of 1 .. 7 for elements of i8, found 4 for 'vector<8xi16>'}}
  %r = kernel.dot %c, %a, %a k 2 {lhs_bits = 4 : i64} : vector<4xi32>, vector<8xi16>
  return
}

// -----

// An element below 2^8 has no sign.
func.func @bits_of_signed(%c: vector<4xi32>, %a: vector<16xi8>) {
  // expected-error @+1 {{(C2) expected lhs_bits of 1 .. 7 for elements of i8, found 8 for 'vector<16xi8>'}}
  %r = kernel.dot %c, %a, %a k 4 {lhs_bits = 8 : i64} : vector<4xi32>, vector<16xi8>
  return
}

// -----

func.func @no_products(%c: vector<4xi32>, %a: vector<16xi8>) {
  // expected-error @+1 {{(C1) expected operands of 0 elements for each lane of 'vector<4xi32>', found 'vector<16xi8>'}}
  %r = kernel.dot %c, %a, %a k 0 : vector<4xi32>, vector<16xi8>
  return
}

// -----

// A right side of another width than the tile has.
func.func @tile(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<8xi8>) {
  // expected-error @+1 {{(C1) expected tiles of 2 x 2 sums, and as many of 2 x 8 and 2 x 8 elements of one type, found 'vector<4xi32>', 'vector<16xi8>' and 'vector<8xi8>'}}
  %r = kernel.mma %c, %a, %b m 2 n 2 k 8 : vector<4xi32>, vector<16xi8>, vector<8xi8>
  return
}

// -----

func.func @half_a_tile(%c: vector<6xi32>, %a: vector<16xi8>) {
  // expected-error @+1 {{(C1) expected tiles of 2 x 2 sums}}
  %r = kernel.mma %c, %a, %a m 2 n 2 k 8 : vector<6xi32>, vector<16xi8>, vector<16xi8>
  return
}

// -----

func.func @types(%c: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi16>) {
  // expected-error @+1 {{elements of one type, found 'vector<4xi32>', 'vector<16xi8>' and 'vector<16xi16>'}}
  %r = kernel.mma %c, %a, %b m 2 n 2 k 8 : vector<4xi32>, vector<16xi8>, vector<16xi16>
  return
}
