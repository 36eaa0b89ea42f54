// RUN: bluec-opt %s -split-input-file -verify-diagnostics

func.func @lanes(%c: vector<8xi32>, %a: vector<16xi8>) {
  // expected-error @+1 {{(C1) expected operands of 32 elements for 'vector<8xi32>', found 'vector<16xi8>'}}
  %r = kernel.dot %c, %a, %a : vector<8xi32>, vector<16xi8>
  return
}

// -----

func.func @bits(%c: vector<4xi32>, %a: vector<16xi8>) {
  // expected-error @+1 {{(C2) expected lhs_bits of 1 .. 8 for elements of i8, found 9 for 'vector<16xi8>'}}
  %r = kernel.dot %c, %a, %a {lhs_bits = 9 : i64} : vector<4xi32>, vector<16xi8>
  return
}

// -----

func.func @bits_of_words(%c: vector<4xi32>, %a: vector<8xi16>) {
  // expected-error @+1 {{(C2) expected lhs_bits of 1 .. 8 for elements of i8, found 4 for 'vector<8xi16>'}}
  %r = kernel.dot %c, %a, %a {lhs_bits = 4 : i64} : vector<4xi32>, vector<8xi16>
  return
}
