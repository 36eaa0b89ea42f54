// RUN: bluec-opt %s -lower-to-plan="context=40 chunk=4" | FileCheck %s

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>
!w = !blue.quantized<i4 group 32 scale f16>
!x = !blue.quantized<i16 group row scale f32>
!kv = !blue.quantized<i8 group 4 scale f16>

// A tied table is packed as the head is, so that both can be the same bytes.
// CHECK: plan.weight @table {{.*}} packed tensor<10x8x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>> segment "language"
// CHECK: plan.cache @layers.0.keys : tensor<40x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>
// CHECK: plan.cache @layers.0.values : tensor<40x8x!blue.quantized<i8 group 4 scale f16>, #plan.values<heads 2, block 128, dot <si16 x si16, k 2>>>
// CHECK: plan.weight @head {{.*}} packed tensor<10x8x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>> segment "language"

// CHECK: plan.entry @embed
// CHECK: plan.embedding %{{.*}} : (tensor<4xi32>, tensor<10x8x!blue.quantized{{.*}}) -> tensor<4x8xf32>

// In a prefill only the row that the head reads is quantized for it. Rows that others need as well
// are quantized whole, and the last one once more: it is the same.
// CHECK: plan.entry @prefill
// CHECK: %[[X:.*]] = plan.step "decoder/quantize" {{.*}} : (tensor<4x8xf32>) -> tensor<4x8x!blue.quantized
// CHECK: plan.append_keys %{{.*}} into %{{.*}} : tensor<4x8xf32>, tensor<40x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>
// CHECK: plan.append_values
// CHECK: plan.attention
// CHECK: plan.last_row {{.*}} : (tensor<4x8xf32>) -> tensor<1x8xf32>
// CHECK: %[[ROW:.*]] = plan.step "decoder/quantize" value "decoder/relu/quantized" {{.*}} : (tensor<1x8xf32>) -> tensor<1x8x!blue.quantized
// CHECK: plan.step "decoder/linear_2" value "decoder/linear_2" on "cpu"(%[[ROW]], %{{.*}})
// CHECK: plan.step "decoder/quantize_2" value "decoder/add/quantized" {{.*}} : (tensor<1x8xf32>) -> tensor<1x8x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
// CHECK: plan.linear {{.*}} -> tensor<1x10xf32>

// CHECK: plan.entry @decode
// CHECK: plan.embedding
// CHECK-NOT: plan.last_row
module attributes {plan.target = #target} {
  func.func @embed_tokens(%ids: tensor<?xi64>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<embed>} {
    %t = blue.weight "table" <"e" at 0 : tensor<10x8xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] : tensor<10x8x!w>
    %x = blue.embedding %ids, %t : (tensor<?xi64>, tensor<10x8x!w>) -> tensor<?x8xf32>
    return %x : tensor<?x8xf32>
  }
  func.func @decoder_model(%p: tensor<?x8xf32>, %position: index, %pk: tensor<?x8x!kv>, %pv: tensor<?x8x!kv>) -> (tensor<?x10xf32>, tensor<?x8x!kv>, tensor<?x8x!kv>) attributes {blue.role = #blue.role<decoder>} {
    %r = blue.relu %p : tensor<?x8xf32>
    %x = blue.quantize %r : (tensor<?x8xf32>) -> tensor<?x8x!x>
    %wk = blue.weight "k" <"d" at 0 : tensor<8x8xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] : tensor<8x8x!w>
    %wo = blue.weight "o" <"d" at 256 : tensor<8x8xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] : tensor<8x8x!w>
    %k = blue.linear %x, %wk : (tensor<?x8x!x>, tensor<8x8x!w>) -> tensor<?x8xf32>
    %a, %ok, %ov = blue.attention %k, %k, %k past %pk, %pv {causal, num_heads = 2, num_kv_heads = 2, scale = 0.5, compute_type = i16} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x!kv>, tensor<?x8x!kv>) -> tensor<?x8xf32> present tensor<?x8x!kv>, tensor<?x8x!kv>
    %o = blue.linear %x, %wo : (tensor<?x8x!x>, tensor<8x8x!w>) -> tensor<?x8xf32>
    %y = blue.add %o, %a : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    %z = blue.quantize %y : (tensor<?x8xf32>) -> tensor<?x8x!x>
    %wh = blue.weight "head" <"d" at 1024 : tensor<10x8xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] : tensor<10x8x!w>
    %l = blue.linear %z, %wh : (tensor<?x8x!x>, tensor<10x8x!w>) -> tensor<?x10xf32>
    return %l, %ok, %ov : tensor<?x10xf32>, tensor<?x8x!kv>, tensor<?x8x!kv>
  }
}
