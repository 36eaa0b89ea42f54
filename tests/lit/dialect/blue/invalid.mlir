// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// Each case breaks one labelled constraint of BlueOps.td.

// A transform that names a dim twice.
func.func @f() {
  // expected-error@+1 {{(C1) transpose: expected every dim once, found 1}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> [#blue.transpose<[1, 1]>] : tensor<3x3xf32>
  return
}

// -----

// A transpose of another rank.
func.func @f() {
  // expected-error@+1 {{(C1) transpose: expected a permutation of 2 dims, found 1}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> [#blue.transpose<[0]>] : tensor<2x3xf32>
  return
}

// -----

// A reshape that loses elements.
func.func @f() {
  // expected-error@+1 {{(C1) reshape: expected a shape with the elements of 'tensor<2x3xf32>', found [5]}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> [#blue.reshape<[5]>] : tensor<5xf32>
  return
}

// -----

// A reshape whose size does not fit 64 bits.
func.func @f() {
  // expected-error@+1 {{(C1) reshape: expected a shape with the elements}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> [#blue.reshape<[4611686018427387904, 4]>] : tensor<6xf32>
  return
}

// -----

// A slice that ends behind the dim.
func.func @f() {
  // expected-error@+1 {{(C1) slice: expected a range within 0 to 3, found 2 to 4}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> [#blue.slice<1 : 2 to 4>] : tensor<2x2xf32>
  return
}

// -----

// A slice of a dim that is not there.
func.func @f() {
  // expected-error@+1 {{(C1) slice: expected an axis below 2, found 2}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> [#blue.slice<2 : 0 to 1>] : tensor<2x3xf32>
  return
}

// -----

// A conversion to something that is no number.
func.func @f() {
  // expected-error@+1 {{(C1) convert: expected an integer or float type, found 'none'}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> [#blue.convert<none>] : tensor<2x3xf32>
  return
}

// -----

// A factor on integers.
func.func @f() {
  // expected-error@+1 {{(C1) scale: expected float elements, found 'i8'}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xi8>> [#blue.scale<2.0 : f32>] : tensor<2x3xi8>
  return
}

// -----

// An addend on integers.
func.func @f() {
  // expected-error@+1 {{(C1) offset: expected float elements, found 'i8'}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xi8>> [#blue.offset<2.0 : f32>] : tensor<2x3xi8>
  return
}

// -----

// Something that is no transform.
func.func @f() {
  // expected-error@+1 {{(C1) expected a weight transform, found "transpose"}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf32>> ["transpose"] : tensor<2x3xf32>
  return
}

// -----

// A source whose shape is not known.
func.func @f() {
  // expected-error@+1 {{(C1) expected a source of static shape, found 'tensor<?x3xf32>'}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<?x3xf32>> : tensor<2x3xf32>
  return
}

// -----

// A source before the file.
func.func @f() {
  // expected-error@+1 {{(C1) expected an offset of at least 0, found -1}}
  %w = blue.weight "w" <"m.onnx" at -1 : tensor<2x3xf32>> : tensor<2x3xf32>
  return
}

// -----

// Transforms that end in another type.
func.func @f() {
  // expected-error@+1 {{(C2) expected the transforms to end in the result type 'tensor<3x2xf32>', found 'tensor<3x2xf16>'}}
  %w = blue.weight "w" <"m.onnx" at 0 : tensor<2x3xf16>> [#blue.transpose<[1, 0]>] : tensor<3x2xf32>
  return
}

// -----

// A constant of another type.
func.func @f() {
  // expected-error@+1 {{(C1) expected a value of the result type 'tensor<3xf32>', found 'tensor<2xf32>'}}
  %c = "blue.constant"() <{value = dense<1.0> : tensor<2xf32>}> : () -> tensor<3xf32>
  return
}

// -----

// A weight of another width.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<4x6xf32>) {
  // expected-error@+1 {{(C1) expected a weight [N, K] with the K of x [?, 8], found [4, 6]}}
  %y = blue.linear %x, %w : (tensor<?x8xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A weight of another rank.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error@+1 {{(C1) expected a weight [N, K] with the K of x [?, 8], found [8]}}
  %y = blue.linear %x, %w : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A bias of another width.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<5xf32>) {
  // expected-error@+1 {{(C2) expected a bias [4], found [5]}}
  %y = blue.linear %x, %w, %b : (tensor<?x8xf32>, tensor<4x8xf32>, tensor<5xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A result of another width.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error@+1 {{(C3) expected a result [?, 4], found [?, 5]}}
  %y = blue.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x5xf32>
  return
}

// -----

// A norm's weight of another width.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{(C1) expected a weight [8], found [4]}}
  %y = blue.rms_norm %x, %w {epsilon = 0.5} : (tensor<?x8xf32>, tensor<4xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A norm that changes the shape.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error@+1 {{(C2) expected a result of x's type 'tensor<?x8xf32>', found 'tensor<2x8xf32>'}}
  %y = blue.rms_norm %x, %w {epsilon = 0.5} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  return
}

// -----

// A norm with a negative epsilon.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error@+1 {{(C3) expected an epsilon of at least 0, found -5.0}}
  %y = blue.rms_norm %x, %w {epsilon = -0.5} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A layer norm's bias of another width.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{(C1) expected a bias [8], found [4]}}
  %y = blue.layer_norm %x, %w, %b {epsilon = 0.5} : (tensor<?x8xf32>, tensor<8xf32>, tensor<4xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A layer norm that changes the shape.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error@+1 {{(C2) expected a result of x's type}}
  %y = blue.layer_norm %x, %w {epsilon = 0.5} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x?xf32>
  return
}

// -----

// A layer norm with an epsilon that is no number.
func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error@+1 {{(C3) expected an epsilon of at least 0}}
  %y = blue.layer_norm %x, %w {epsilon = 0x7FF8000000000000 : f64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return
}

// -----

// Heads that do not come in groups.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>) {
  // expected-error@+1 {{(C1) expected num_heads to be a multiple of num_kv_heads, found 3 and 2}}
  %a = blue.attention %q, %k, %v {num_heads = 3, num_kv_heads = 2, scale = 0.5} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

// No key heads.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>) {
  // expected-error@+1 {{(C1) expected num_heads to be a multiple of num_kv_heads, found 3 and 0}}
  %a = blue.attention %q, %k, %v {num_heads = 3, num_kv_heads = 0, scale = 0.5} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

// Keys of another head width.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x3xf32>, %v: tensor<?x4xf32>) {
  // expected-error@+1 {{(C2) expected last dims 2 * D, 1 * D and 1 * D for one D, found 8, 3 and 4}}
  %a = blue.attention %q, %k, %v {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<?x8xf32>, tensor<?x3xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A past without a present.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %pk: tensor<?x4xf32>, %pv: tensor<?x4xf32>) {
  // expected-error@+1 {{(C3) expected past_key, past_value, present_key and present_value together or none of them}}
  %a = blue.attention %q, %k, %v past %pk, %pv {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A past in an encoder.
func.func @f(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %pk: tensor<?x4xf32>, %pv: tensor<?x4xf32>) {
  // expected-error@+1 {{(C4) expected tensors of rank 2 with a past, found rank 3}}
  %a:3 = blue.attention %q, %k, %v past %pk, %pv {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x?x8xf32> present tensor<?x4xf32>, tensor<?x4xf32>
  return
}

// -----

// A past that later rows see before it is there.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %pk: tensor<?x4xf32>, %pv: tensor<?x4xf32>) {
  // expected-error@+1 {{(C4) expected causal attention with a past}}
  %a:3 = blue.attention %q, %k, %v past %pk, %pv {num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32> present tensor<?x4xf32>, tensor<?x4xf32>
  return
}

// -----

// Query and keys of different ranks.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x4xf32>) {
  // expected-error@+1 {{(C4) expected query, key and value of one rank, found 2, 3 and 2}}
  %a = blue.attention %q, %k, %v {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<?x8xf32>, tensor<?x?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

// Keys of other rows.
func.func @f(%q: tensor<5x8xf32>, %k: tensor<6x4xf32>, %v: tensor<6x4xf32>) {
  // expected-error@+1 {{(C4) expected query, key and value with the same rows, found [5, 8], [6, 4] and [6, 4]}}
  %a = blue.attention %q, %k, %v {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<5x8xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<5x8xf32>
  return
}

// -----

// A result of another shape.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>) {
  // expected-error@+1 {{(C5) expected a result of query's type}}
  %a = blue.attention %q, %k, %v {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<5x8xf32>
  return
}

// -----

// A past of another width.
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %pk: tensor<?x8xf32>, %pv: tensor<?x8xf32>) {
  // expected-error@+1 {{(C5) expected a past [P, 4], found [?, 8]}}
  %a:3 = blue.attention %q, %k, %v past %pk, %pv {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----

// A present that did not grow.
func.func @f(%q: tensor<2x8xf32>, %k: tensor<2x4xf32>, %v: tensor<2x4xf32>, %pk: tensor<3x4xf32>, %pv: tensor<3x4xf32>) {
  // expected-error@+1 {{(C5) expected a present [5, 4], found [3, 4]}}
  %a:3 = blue.attention %q, %k, %v past %pk, %pv {causal, num_heads = 2, num_kv_heads = 1, scale = 0.5} : (tensor<2x8xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<2x8xf32> present tensor<3x4xf32>, tensor<3x4xf32>
  return
}

// -----

// Pixels of another number of channels.
func.func @f(%p: tensor<?x1x8x8xf32>, %w: tensor<4x3x2x2xf32>) {
  // expected-error@+1 {{(C1) expected pixels [B, C, H, W] and a weight [N, C, p, p], found [?, 1, 8, 8] and [4, 3, 2, 2]}}
  %y = blue.patch_embed %p, %w : (tensor<?x1x8x8xf32>, tensor<4x3x2x2xf32>) -> tensor<?x16x4xf32>
  return
}

// -----

// Patches that are not square.
func.func @f(%p: tensor<?x3x8x8xf32>, %w: tensor<4x3x2x4xf32>) {
  // expected-error@+1 {{(C1) expected pixels [B, C, H, W] and a weight [N, C, p, p]}}
  %y = blue.patch_embed %p, %w : (tensor<?x3x8x8xf32>, tensor<4x3x2x4xf32>) -> tensor<?x16x4xf32>
  return
}

// -----

// A bias that does not fit the channels.
func.func @f(%p: tensor<?x3x8x8xf32>, %w: tensor<4x3x2x2xf32>, %b: tensor<3xf32>) {
  // expected-error@+1 {{(C2) expected a bias [4], found [3]}}
  %y = blue.patch_embed %p, %w, %b : (tensor<?x3x8x8xf32>, tensor<4x3x2x2xf32>, tensor<3xf32>) -> tensor<?x16x4xf32>
  return
}

// -----

// Another number of patches.
func.func @f(%p: tensor<?x3x8x9xf32>, %w: tensor<4x3x2x2xf32>) {
  // expected-error@+1 {{(C3) expected a result [?, 16, 4], found [?, 18, 4]}}
  %y = blue.patch_embed %p, %w : (tensor<?x3x8x9xf32>, tensor<4x3x2x2xf32>) -> tensor<?x18x4xf32>
  return
}

// -----

// A table of another width.
func.func @f(%i: tensor<?xi64>, %t: tensor<10x4xf32>) {
  // expected-error@+1 {{(C1) expected ids [T], a table [V, C] and a result [T, C], found [?], [10, 4] and [?, 5]}}
  %y = blue.embedding %i, %t : (tensor<?xi64>, tensor<10x4xf32>) -> tensor<?x5xf32>
  return
}

// -----

// blue.add that changes the shape.
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{(C1) expected a result of lhs's type 'tensor<?x4xf32>', found 'tensor<2x4xf32>'}}
  %y = blue.add %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

// blue.add that would spread its first dims.
func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x1xf32>) {
  // expected-error@+1 {{(C2) expected rhs to have lhs's shape [?, 4] or its last dims, found [?, 1]}}
  %z = blue.add %x, %y : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  return
}

// -----

// blue.sub that changes the shape.
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{(C1) expected a result of lhs's type 'tensor<?x4xf32>', found 'tensor<2x4xf32>'}}
  %y = blue.sub %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

// blue.sub that would spread its first dims.
func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x1xf32>) {
  // expected-error@+1 {{(C2) expected rhs to have lhs's shape [?, 4] or its last dims, found [?, 1]}}
  %z = blue.sub %x, %y : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  return
}

// -----

// blue.mul that changes the shape.
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{(C1) expected a result of lhs's type 'tensor<?x4xf32>', found 'tensor<2x4xf32>'}}
  %y = blue.mul %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

// blue.mul that would spread its first dims.
func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x1xf32>) {
  // expected-error@+1 {{(C2) expected rhs to have lhs's shape [?, 4] or its last dims, found [?, 1]}}
  %z = blue.mul %x, %y : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  return
}

// -----

// blue.swiglu that changes the shape.
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{(C1) expected a result of lhs's type 'tensor<?x4xf32>', found 'tensor<2x4xf32>'}}
  %y = blue.swiglu %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

// blue.swiglu that would spread its first dims.
func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x1xf32>) {
  // expected-error@+1 {{(C2) expected rhs to have lhs's shape [?, 4] or its last dims, found [?, 1]}}
  %z = blue.swiglu %x, %y : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  return
}

// -----

// A storage that no kernel has.
// expected-error@+1 {{expected i4, i8 or i16 as storage, found 'i5'}}
func.func private @f(tensor<4x8x!blue.quantized<i5 group 8 scale f16>>)

// -----

// A storage that is no integer.
// expected-error@+1 {{expected an integer as storage and a float as scale, found 'f32' and 'f16'}}
func.func private @f(tensor<4x8x!blue.quantized<f32 group 8 scale f16>>)

// -----

// Scales of another type.
// expected-error@+1 {{expected f16 or f32 as scale, found 'bf16'}}
func.func private @f(tensor<4x8x!blue.quantized<i8 group 8 scale bf16>>)

// -----

// A group whose end lies within a word.
// expected-error@+1 {{expected a group that is a multiple of 8 or a row, found 12}}
func.func private @f(tensor<4x24x!blue.quantized<i4 group 12 scale f16>>)

// -----

// A way of quantizing that is not there.
func.func @f() {
  // expected-error@+1 {{expected nearest, search, gptq or keep as method, found magic}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xf32>> [#blue.quantize<<i4 group 8 scale f16>, magic>] : tensor<4x8x!blue.quantized<i4 group 8 scale f16>>
  return
}

// -----

// A weight of integers cannot be quantized.
func.func @f() {
  // expected-error@+1 {{quantize: expected rows of f32, found 'tensor<4x8xi32>'}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xi32>> [#blue.quantize<<i4 group 8 scale f16>, search>] : tensor<4x8x!blue.quantized<i4 group 8 scale f16>>
  return
}

// -----

// blue.quantize (C1): activations have no zeros.
func.func @f(%x: tensor<?x8xf32>) {
  // expected-error@+1 {{(C1) expected a result of x's shape [?, 8] without zeros}}
  %q = blue.quantize %x : (tensor<?x8xf32>) -> tensor<?x8x!blue.quantized<i8 group row scale f32 zeros>>
  return
}

// -----

// blue.quantize (C2): a scale of nothing.
func.func @f(%x: tensor<?x8xf32>) {
  // expected-error@+1 {{(C2) expected a positive static scale}}
  %q = blue.quantize %x scale 0.0 : (tensor<?x8xf32>) -> tensor<?x8x!blue.quantized<i8 group row scale f32>>
  return
}

// -----

// blue.linear (C4): integers by floats.
func.func @f(%x: tensor<?x8x!blue.quantized<i8 group row scale f32>>, %w: tensor<4x8xf32>) {
  // expected-error@+1 {{(C4) expected an x without zeros and a quantized weight}}
  %y = blue.linear %x, %w : (tensor<?x8x!blue.quantized<i8 group row scale f32>>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

// blue.attention (C5): a present of another precision than its past.
func.func @f(%x: tensor<?x8xf32>, %p: tensor<?x8x!blue.quantized<i8 group 4 scale f16>>) {
  // expected-error@+1 {{(C5) expected a present of '!blue.quantized<i8 group 4 scale f16>', found 'f32'}}
  %o, %k, %v = blue.attention %x, %x, %x past %p, %p {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x!blue.quantized<i8 group 4 scale f16>>, tensor<?x8x!blue.quantized<i8 group 4 scale f16>>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----

// blue.attention (C6): a group that is no head.
func.func @f(%x: tensor<?x8xf32>, %p: tensor<?x8x!blue.quantized<i8 group 8 scale f16>>) {
  // expected-error@+1 {{(C6) expected a quantized past of i8 in groups of 4 without zeros}}
  %o, %k, %v = blue.attention %x, %x, %x past %p, %p {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x!blue.quantized<i8 group 8 scale f16>>, tensor<?x8x!blue.quantized<i8 group 8 scale f16>>) -> tensor<?x8xf32> present tensor<?x8x!blue.quantized<i8 group 8 scale f16>>, tensor<?x8x!blue.quantized<i8 group 8 scale f16>>
  return
}

// -----

// blue.attention (C6): keys of integers, values of floats.
func.func @f(%x: tensor<?x8xf32>, %p: tensor<?x8x!blue.quantized<i8 group 4 scale f16>>, %f: tensor<?x8xf32>) {
  // expected-error@+1 {{(C6) expected keys and values of one type}}
  %o, %k, %v = blue.attention %x, %x, %x past %p, %f {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x!blue.quantized<i8 group 4 scale f16>>, tensor<?x8xf32>) -> tensor<?x8xf32> present tensor<?x8x!blue.quantized<i8 group 4 scale f16>>, tensor<?x8xf32>
  return
}

// -----

// blue.attention (C7): integers over a cache of floats.
func.func @f(%x: tensor<?x8xf32>, %p: tensor<?x8xf32>) {
  // expected-error@+1 {{(C7) expected i8 or i16, and a quantized past or none, as compute type, found 'i8'}}
  %o, %k, %v = blue.attention %x, %x, %x past %p, %p {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, causal, compute_type = i8} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> present tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----

// blue.attention (C7): products of an encoder in other integers.
func.func @f(%x: tensor<?x4x8xf32>) {
  // expected-error@+1 {{(C7) expected i8 or i16, and a quantized past or none, as compute type, found 'i4'}}
  %o = blue.attention %x, %x, %x {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, compute_type = i4} : (tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return
}

// -----

// Floats are not quantized yet.
func.func @f() {
  // expected-error@+1 {{dequantize: expected integers of 4 or 8 bits, found 'tensor<4x8xf32>'}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xf32>> [#blue.dequantize<[1, 8], dense<1.0> : tensor<4x1xf32>>] : tensor<4x8xf32>
  return
}

// -----

// A block for each dim, none of them empty.
func.func @f() {
  // expected-error@+1 {{dequantize: expected 2 positive blocks, found [1, 0]}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xi8>> [#blue.dequantize<[1, 0], dense<1.0> : tensor<4x1xf32>>] : tensor<4x8xf32>
  return
}

// -----

// Two blocks in a row need two scales.
func.func @f() {
  // expected-error@+1 {{dequantize: expected a scale of up to 32 bits for each block of 'tensor<4x8xi8>'}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xi8>> [#blue.dequantize<[1, 4], dense<1.0> : tensor<4x1xf32>>] : tensor<4x8xf32>
  return
}

// -----

// Zeros have the elements' type.
func.func @f() {
  // expected-error@+1 {{dequantize: expected a zero of 'i8' for each block of 'tensor<4x8xi8>'}}
  %w = blue.weight "w" <"m" at 0 : tensor<4x8xi8>> [#blue.dequantize<[1, 4], dense<1.0> : tensor<4x2xf32>, dense<1> : tensor<4x2xui8>>] : tensor<4x8xf32>
  return
}

// -----

// A norm of groups that do not divide its rows.
func.func @groups(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error@+1 {{(C4) expected groups that divide 8, found 3}}
  %y = blue.rms_norm %x, %w {epsilon = 0.5, groups = 3} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A norm by groups whose weight is that of another number of groups.
func.func @group_weight(%x: tensor<?x8xf32>, %w: tensor<2xf32>) {
  // expected-error@+1 {{(C1) expected a weight [4], found [2]}}
  %y = blue.layer_norm %x, %w {epsilon = 0.5, groups = 2} : (tensor<?x8xf32>, tensor<2xf32>) -> tensor<?x8xf32>
  return
}

// -----

// blue.attention (C8): no cap at all is said by leaving it out.
func.func @softcap(%x: tensor<?x4x8xf32>) {
  // expected-error@+1 {{(C8) expected a positive softcap, found 0}}
  %o = blue.attention %x, %x, %x {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, softcap = 0.0 : f64} : (tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return
}

// -----

// blue.attention (C8): an encoder's rows see all of their picture.
func.func @window(%x: tensor<?x4x8xf32>) {
  // expected-error@+1 {{(C8) expected a positive window of causal attention, found 2}}
  %o = blue.attention %x, %x, %x {num_heads = 2, num_kv_heads = 2, scale = 1.0 : f64, window = 2} : (tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return
}

// -----

// blue.attention (C9): a sink for each key head instead of each query head.
func.func @sinks(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %s: tensor<1xf32>) {
  // expected-error@+1 {{(C9) expected sinks [2], found [1]}}
  %o = blue.attention %q, %k, %k sinks %s {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0 : f64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  return
}

// -----

// blue.position_embedding (C1): a table of another width.
func.func @positions(%x: tensor<?x8xf32>, %t: tensor<16x4xf32>, %p: index) {
  // expected-error@+1 {{(C1) expected x [T, C] and a static table [P, C], found [?, 8] and [16, 4]}}
  %y = blue.position_embedding %x, %t at %p : (tensor<?x8xf32>, tensor<16x4xf32>, index) -> tensor<?x8xf32>
  return
}

// -----

// blue.position_embedding (C2): a result of other rows.
func.func @position_rows(%x: tensor<?x8xf32>, %t: tensor<16x8xf32>, %p: index) {
  // expected-error@+1 {{(C2) expected a result of x's type}}
  %y = blue.position_embedding %x, %t at %p : (tensor<?x8xf32>, tensor<16x8xf32>, index) -> tensor<4x8xf32>
  return
}
