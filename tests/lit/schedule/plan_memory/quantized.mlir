// RUN: bluec-opt %s -plan-memory | FileCheck %s

!x = tensor<4x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
!kv = !blue.quantized<i8 group 4 scale f16>

// Quantized rows take what their layout says: 128 bytes of integers, 64 of scales and 64 of sums
// each. So do quantized caches: 2 heads of 5 blocks, each 64 bytes of scales and 32 of integers,
// padded to 64.
// CHECK: module attributes {plan.cache_bytes = 2560 : i64, plan.peak_bytes = 5632 : i64}
// CHECK: plan.cache @keys {{.*}} offset 0
// CHECK: plan.cache @values {{.*}} offset 1280
// CHECK: plan.entry @e role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] arena 3072 inputs [[INPUT:.*]] {
// CHECK: plan.step "q" value "x/quantized" on "cpu" offset {{[0-9]+}} last_use 1
plan.cache @keys : tensor<40x8x!kv, #plan.keys<heads 2, block 8, dot <si16 x si16, k 2>>>
plan.cache @values : tensor<40x8x!kv, #plan.values<heads 2, block 8, dot <si16 x si16, k 2>>>
plan.weight @w #blue.source<"m" at 0 : tensor<64x64xf32>> [#blue.quantize<<i8 group 32 scale f16>, nearest>]
  packed tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>> segment "s"
plan.entry @e role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%p: tensor<4x64xf32>):
  %w = plan.get_weight @w : tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>
  %0 = plan.step "q" value "x/quantized" on "cpu"(%p) : (tensor<4x64xf32>) -> !x {
  ^bb0(%a: tensor<4x64xf32>):
    %r = plan.quantize %a : (tensor<4x64xf32>) -> !x
    plan.yield %r : !x
  }
  %1 = plan.step "l" value "l" on "cpu"(%0, %w, %p) : (!x, tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>, tensor<4x64xf32>) -> tensor<4x64xf32> {
  ^bb0(%a: !x, %b: tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>, %c: tensor<4x64xf32>):
    %r = plan.linear %a, %b : (!x, tensor<64x64x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>) -> tensor<4x64xf32>
    %s = blue.add %r, %c : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
    plan.yield %s : tensor<4x64xf32>
  }
  plan.return %1 : tensor<4x64xf32>
}
