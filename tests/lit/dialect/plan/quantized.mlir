// RUN: bluec-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// Layouts as encodings: what is printed is what was read.
!weight = tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>>
!rows = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
!keys = tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 32, dot <si16 x si16, k 2>>>
!values = tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.values<heads 2, block 32, dot <si16 x si16, k 2>>>
// CHECK: plan.weight @w {{.*}} packed tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <si16 x si16, k 2>>> segment "language"
plan.weight @w #blue.source<"m" at 0 : tensor<40x64xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] packed !weight segment "language"
// CHECK: plan.cache @k : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 32, dot <si16 x si16, k 2>>>
plan.cache @k : !keys
// CHECK: plan.cache @v : {{.*}}#plan.values<heads 2, block 32, dot <si16 x si16, k 2>>
plan.cache @v : !values
plan.entry @prefill role decode capacity 4 segment "language" takes ["embeddings"] gives ["logits"] {
^bb0(%x: tensor<4x64xf32>):
  %w = plan.get_weight @w : !weight
  %k = plan.get_cache @k : !keys
  %v = plan.get_cache @v : !values
  // CHECK: plan.quantize {{.*}} -> tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
  %0 = plan.step "l" value "l/quantized" on "cpu" (%x) : (tensor<4x64xf32>) -> !rows {
  ^bb0(%a: tensor<4x64xf32>):
    %r = blue.relu %a : tensor<4x64xf32>
    %y = plan.quantize %r : (tensor<4x64xf32>) -> !rows
    plan.yield %y : !rows
  }
  // CHECK: plan.linear
  %1 = plan.step "l" value "l" on "cpu" (%0, %w) : (!rows, !weight) -> tensor<4x40xf32> {
  ^bb0(%a: !rows, %b: !weight):
    %y = plan.linear %a, %b : (!rows, !weight) -> tensor<4x40xf32>
    plan.yield %y : tensor<4x40xf32>
  }
  // CHECK: plan.append_keys
  plan.step "a" value "" on "cpu" (%x, %k) : (tensor<4x64xf32>, !keys) -> () {
  ^bb0(%a: tensor<4x64xf32>, %b: !keys):
    plan.append_keys %a into %b : tensor<4x64xf32>, !keys
    plan.yield
  }
  // CHECK: plan.append_values
  plan.step "a" value "" on "cpu" (%x, %v) : (tensor<4x64xf32>, !values) -> () {
  ^bb0(%a: tensor<4x64xf32>, %b: !values):
    plan.append_values %a into %b : tensor<4x64xf32>, !values
    plan.yield
  }
  // CHECK: plan.attention
  %2 = plan.step "a" value "a" on "cpu" (%x, %k, %v) : (tensor<4x64xf32>, !keys, !values) -> tensor<4x64xf32> {
  ^bb0(%a: tensor<4x64xf32>, %b: !keys, %c: !values):
    %y = plan.attention %a, %b, %c {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal} : (tensor<4x64xf32>, !keys, !values) -> tensor<4x64xf32>
    plan.yield %y : tensor<4x64xf32>
  }
  plan.return %1 : tensor<4x40xf32>
}

// -----

// plan.weight (C2): a quantized weight without panels.
// expected-error @below {{(C2) expected}}
plan.weight @w #blue.source<"m" at 0 : tensor<40x64xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] packed tensor<40x64x!blue.quantized<i4 group 32 scale f16>> segment "s"

// -----

// #plan.panels for activations that there are not.
// expected-error @below {{expected a dot of integers or f32 with a signed right side, found #plan.dot<ui8 x ui8, k 4>}}
plan.weight @w 0 packed tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <ui8 x ui8, k 4>>> segment "s"

// -----

// #plan.panels in no alignment that there is.
// expected-error @below {{expected an alignment that is a power of two, found 0}}
plan.weight @w 0 packed tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>, align 0>> segment "s"

// -----

// #plan.panels without rows.
// expected-error @below {{expected at least one row in a panel, found 0}}
plan.weight @w 0 packed tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 0, dot <ui8 x si8, k 4>>> segment "s"

// -----

// #plan.rows with sums of nothing.
// expected-error @below {{expected sums over at least one element, found 0}}
plan.weight @w 0 packed tensor<40x64x!blue.quantized<i8 group 32 scale f16>, #plan.rows<sums 0>> segment "s"

// -----

// #plan.rows in pairs of three elements.
// expected-error @below {{expected pairs of a power of two of elements, or none, found 3}}
plan.weight @w 0 packed tensor<40x64x!blue.quantized<i8 group 32 scale f16>, #plan.rows<sums 32 pairs 3>> segment "s"

// -----

// #plan.keys with half a word of positions.
// expected-error @below {{expected heads and a block that is a multiple of 4, found 2 and 6}}
plan.cache @k : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 6, dot <ui8 x si8, k 4>>>

// -----

// plan.cache (C1): values with half a word of positions, two of which an operand takes at a time.
// expected-error @below {{(C1) expected}}
plan.cache @v : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.values<heads 2, block 6, dot <si16 x si16, k 2>>>

// -----

// #plan.values for floats.
// expected-error @below {{expected a dot of integers with a signed right side, found #plan.dot<f32 x f32, k 1>}}
plan.cache @k : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.values<heads 2, block 8, dot <f32 x f32, k 1>>>

// -----

// plan.cache (C1): groups that are no heads.
// expected-error @below {{(C1) expected}}
plan.cache @k : tensor<64x64x!blue.quantized<i8 group 64 scale f16>, #plan.keys<heads 2, block 8, dot <ui8 x si8, k 4>>>

// -----

// plan.linear (C3): panels for other activations.
!weight = tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>>
!rows = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
func.func @f(%a: !rows, %b: !weight) {
  // expected-error @below {{(C3) expected panels for 'i16'}}
  %y = plan.linear %a, %b : (!rows, !weight) -> tensor<4x40xf32>
  return
}

// -----

// plan.linear (C3): integers by floats.
!rows = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
func.func @f(%a: !rows, %b: tensor<5x64x8xf32>) {
  // expected-error @below {{(C3) expected quantized panels for a quantized x}}
  %y = plan.linear %a, %b : (!rows, tensor<5x64x8xf32>) -> tensor<4x40xf32>
  return
}

// -----

// plan.linear (C1): quantized, without a layout.
func.func @f(%a: tensor<4x64xf32>, %b: tensor<40x64x!blue.quantized<i4 group 32 scale f16>>) {
  // expected-error @below {{(C1) expected quantized panels with #plan.panels}}
  %y = plan.linear %a, %b : (tensor<4x64xf32>, tensor<40x64x!blue.quantized<i4 group 32 scale f16>>) -> tensor<4x40xf32>
  return
}

// -----

// plan.quantize (C1): without a layout.
func.func @f(%a: tensor<4x64xf32>) {
  // expected-error @below {{(C1) expected a result of x's shape with #plan.rows}}
  %y = plan.quantize %a : (tensor<4x64xf32>) -> tensor<4x64x!blue.quantized<i8 group row scale f32>>
  return
}

// -----

// plan.embedding (C1): a table of another width.
!table = tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>>
func.func @f(%ids: tensor<4xi32>, %b: !table) {
  // expected-error @below {{(C1) expected panels}}
  %y = plan.embedding %ids, %b : (tensor<4xi32>, !table) -> tensor<4x32xf32>
  return
}

// -----

// plan.embedding (C1): a row less.
!table = tensor<40x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 32, dot <ui8 x si8, k 4>>>
func.func @f(%ids: tensor<4xi32>, %b: !table) {
  // expected-error @below {{(C1) expected ids [T] and a result [T, C]}}
  %y = plan.embedding %ids, %b : (tensor<4xi32>, !table) -> tensor<3x64xf32>
  return
}

// -----

// plan.attention (C3): keys and values for other queries.
!keys = tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 32, dot <si16 x si16, k 2>>>
!values = tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<4x64xf32>, %b: !keys, %c: !values) {
  // expected-error @below {{(C3) expected quantized keys and values of a cache for 2 heads and one dot}}
  %y = plan.attention %a, %b, %c {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal} : (tensor<4x64xf32>, !keys, !values) -> tensor<4x64xf32>
  return
}

// -----

// plan.attention (C3): an encoder's keys and values beside a cache's query.
!keys = tensor<1x64x64x!blue.quantized<i8 group 32 scale f32>, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
!values = tensor<1x64x64x!blue.quantized<i8 group 32 scale f32>, #plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<4x64xf32>, %b: !keys, %c: !values) {
  // expected-error @below {{(C3) expected quantized keys and values of a cache for 2 heads and one dot}}
  %y = plan.attention %a, %b, %c {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal} : (tensor<4x64xf32>, !keys, !values) -> tensor<4x64xf32>
  return
}

// -----

// plan.attention (C3): an encoder's keys and values for other queries.
!keys = tensor<1x64x64x!blue.quantized<i8 group 32 scale f32>, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
!values = tensor<1x64x64x!blue.quantized<i16 group 32 scale f32>, #plan.values<heads 2, block 32, dot <si16 x si16, k 2>>>
func.func @f(%a: tensor<1x64x64xf32>, %b: !keys, %c: !values) {
  // expected-error @below {{(C3) expected quantized keys and values of an encoder for 2 heads and one dot}}
  %y = plan.attention %a, %b, %c {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64} : (tensor<1x64x64xf32>, !keys, !values) -> tensor<1x64x64xf32>
  return
}

// -----

// plan.attention (C3): an encoder's keys of i8 beside values of i16.
!keys = tensor<1x64x64x!blue.quantized<i8 group 32 scale f32>, #plan.keys<heads 2, block 32, dot <si16 x si16, k 2>>>
!values = tensor<1x64x64x!blue.quantized<i16 group 32 scale f32>, #plan.values<heads 2, block 32, dot <si16 x si16, k 2>>>
func.func @f(%a: tensor<1x64x64xf32>, %b: !keys, %c: !values) {
  // expected-error @below {{(C3) expected quantized keys and values of an encoder for 2 heads and one dot, found}}
  %y = plan.attention %a, %b, %c {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64} : (tensor<1x64x64xf32>, !keys, !values) -> tensor<1x64x64xf32>
  return
}

// -----

// plan.attention (C1): a query of other rows than an encoder's keys.
!keys = tensor<1x64x64x!blue.quantized<i8 group 32 scale f32>, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
!values = tensor<1x64x64x!blue.quantized<i8 group 32 scale f32>, #plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<1x60x64xf32>, %b: !keys, %c: !values) {
  // expected-error @below {{(C1) expected a query [B, S, 64], found tensor<1x60x64xf32>}}
  %y = plan.attention %a, %b, %c {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64} : (tensor<1x60x64xf32>, !keys, !values) -> tensor<1x60x64xf32>
  return
}

// -----

// plan.pack_keys (C1): scales of f16, which only a cache has.
!keys = tensor<1x9x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<1x9x64xf32>) {
  // expected-error @below {{(C1) expected [B, T, heads * D] and a result of that shape with #plan.keys, of i8 or i16, no wider than an operand of its dot, with scales of f32 by head, found tensor<1x9x64xf32>}}
  %y = plan.pack_keys %a : (tensor<1x9x64xf32>) -> !keys
  return
}

// -----

// plan.pack_values (C1): i16 for products of i8.
!values = tensor<1x9x64x!blue.quantized<i16 group 32 scale f32>, #plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<1x9x64xf32>) {
  // expected-error @below {{(C1) expected [B, T, heads * D] and a result of that shape with #plan.values, of i8 or i16, no wider than an operand of its dot, with scales of f32 by head, found}}
  %y = plan.pack_values %a : (tensor<1x9x64xf32>) -> !values
  return
}

// -----

// plan.pack_values (C1): the layout of keys.
!keys = tensor<1x9x64x!blue.quantized<i8 group 32 scale f32>, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<1x9x64xf32>) {
  // expected-error @below {{(C1) expected [B, T, heads * D] and a result of that shape with #plan.values}}
  %y = plan.pack_values %a : (tensor<1x9x64xf32>) -> !keys
  return
}

// -----

// plan.pack_values (C1): groups across heads.
!values = tensor<1x9x64x!blue.quantized<i8 group 64 scale f32>, #plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<1x9x64xf32>) {
  // expected-error @below {{(C1) expected [B, T, heads * D] and a result of that shape with #plan.values}}
  %y = plan.pack_values %a : (tensor<1x9x64xf32>) -> !values
  return
}

// -----

// plan.attention (C5): a table of other positions than the cache.
!keys = tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.keys<heads 2, block 32, dot <ui8 x si8, k 4>>>
!values = tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>>
func.func @f(%a: tensor<4x64xf32>, %b: !keys, %c: !values, %d: tensor<2x2x32xf32>, %e: tensor<2x60xf32>) {
  // expected-error @below {{(C5) expected a key_basis [2, N, 32] and a key_table [N, 64], N 1 to 128, found tensor<2x2x32xf32> and tensor<2x60xf32>}}
  %y = plan.attention %a, %b, %c lifted %d by %e {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal} : (tensor<4x64xf32>, !keys, !values, tensor<2x2x32xf32>, tensor<2x60xf32>) -> tensor<4x64xf32>
  return
}
