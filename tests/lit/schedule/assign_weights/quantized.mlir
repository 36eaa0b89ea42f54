// RUN: bluec-opt %s -assign-weights | FileCheck %s

!w = tensor<10x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>

// A tied table and head share one range of panels: 2 panels of 2 groups, each 64 bytes of scales
// and 4 words of 8 rows. Another way of quantizing gives other bytes, whatever the rows are.
// CHECK: plan.segments = [#plan.segment<"language" at 0 bytes 1536>]
// CHECK: plan.weight @table {{.*}} offset 0
// CHECK: plan.weight @head {{.*}} offset 0
// CHECK: plan.weight @other {{.*}} offset 768
plan.weight @table #blue.source<"e" at 0 : tensor<10x64xf32>> [#blue.quantize<<i4 group 32 scale f16>, search>] packed !w segment "language" digest "1234"
plan.weight @head #blue.source<"d" at 0 : tensor<64x10xf32>> [#blue.transpose<[1, 0]>, #blue.quantize<<i4 group 32 scale f16>, search>] packed !w segment "language" digest "1234"
plan.weight @other #blue.source<"e" at 0 : tensor<10x64xf32>> [#blue.quantize<<i4 group 32 scale f16>, nearest>] packed !w segment "language"
plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits", "other1"] {
^bb0(%ids: tensor<1xi32>):
  %t = plan.get_weight @table : !w
  %h = plan.get_weight @head : !w
  %o = plan.get_weight @other : !w
  %0 = plan.step "embedding" value "embedding" on "cpu"(%ids, %t) : (tensor<1xi32>, !w) -> tensor<1x64xf32> {
  ^bb0(%a: tensor<1xi32>, %b: !w):
    %r = plan.embedding %a, %b : (tensor<1xi32>, !w) -> tensor<1x64xf32>
    plan.yield %r : tensor<1x64xf32>
  }
  %x = plan.step "quantize" value "embedding/quantized" on "cpu"(%0) : (tensor<1x64xf32>) -> tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>> {
  ^bb0(%a: tensor<1x64xf32>):
    %r = plan.quantize %a : (tensor<1x64xf32>) -> tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
    plan.yield %r : tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
  }
  %1 = plan.step "head" value "head" on "cpu"(%x, %h) : (tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>, !w) -> tensor<1x10xf32> {
  ^bb0(%a: tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>, %b: !w):
    %r = plan.linear %a, %b : (tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>, !w) -> tensor<1x10xf32>
    plan.yield %r : tensor<1x10xf32>
  }
  %2 = plan.step "other" value "other" on "cpu"(%x, %o) : (tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>, !w) -> tensor<1x10xf32> {
  ^bb0(%a: tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>, %b: !w):
    %r = plan.linear %a, %b : (tensor<1x64x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>, !w) -> tensor<1x10xf32>
    plan.yield %r : tensor<1x10xf32>
  }
  plan.return %1, %2 : tensor<1x10xf32>, tensor<1x10xf32>
}
