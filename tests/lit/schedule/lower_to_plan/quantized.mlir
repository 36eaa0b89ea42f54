// RUN: bluec-opt %s -split-input-file -lower-to-plan="context=16 chunk=4 image-batch=2" | FileCheck %s

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>
!i4 = !blue.quantized<i4 group 32 scale f16>
!i8 = !blue.quantized<i8 group 64 scale f16>
!x = !blue.quantized<i16 group row scale f32>

// Rows get the layout that all of their weights can be read with: sums over the greatest common
// divisor of their groups. Weights become panels for the activations that they meet.
// CHECK-LABEL: module
// CHECK: plan.weight @q {{.*}}quantize<<i4 group 32 scale f16>, nearest>] packed tensor<64x128x!blue.quantized<i4 group 32 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>> segment "vision"
// CHECK: plan.weight @value {{.*}} packed tensor<64x128x!blue.quantized<i8 group 64 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>
// CHECK: %[[X:.*]] = plan.step "vision/quantize" value "vision/relu/quantized"
// CHECK: plan.quantize %{{.*}} : (tensor<2x3x128xf32>) -> tensor<2x3x128x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 32>>
// CHECK: plan.step "vision/linear" value "vision/linear" on "cpu"(%[[X]], %{{.*}})
// CHECK: plan.step "vision/linear_2" value "vision/linear_2" on "cpu"(%[[X]], %{{.*}})
module attributes {plan.target = #target} {
  func.func @v(%p: tensor<?x3x128xf32>) -> tensor<?x3x64xf32> attributes {blue.role = #blue.role<vision>} {
    %r = blue.relu %p : tensor<?x3x128xf32>
    %x = blue.quantize %r : (tensor<?x3x128xf32>) -> tensor<?x3x128x!x>
    %q = blue.weight "q" <"m" at 0 : tensor<64x128xf32>> [#blue.quantize<<i4 group 32 scale f16>, nearest>] : tensor<64x128x!i4>
    %v = blue.weight "value" <"m" at 0 : tensor<64x128xf32>> [#blue.quantize<<i8 group 64 scale f16>, nearest>] : tensor<64x128x!i8>
    %a = blue.linear %x, %q : (tensor<?x3x128x!x>, tensor<64x128x!i4>) -> tensor<?x3x64xf32>
    %b = blue.linear %x, %v : (tensor<?x3x128x!x>, tensor<64x128x!i8>) -> tensor<?x3x64xf32>
    %c = blue.add %a, %b : (tensor<?x3x64xf32>, tensor<?x3x64xf32>) -> tensor<?x3x64xf32>
    return %c : tensor<?x3x64xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]>
!w = !blue.quantized<i8 group row scale f16>
!x = !blue.quantized<i8 group 64 scale f32>

// A group that is a row asks for sums over 256; the activations' own groups count as well. A static
// scale stays. Float activations meet a quantized weight as they are, and a weight of f16.
// CHECK-LABEL: module
// CHECK: plan.weight @static {{.*}}, #plan.panels<rows 8, dot <ui8 x si8, k 4>>>
// CHECK: plan.weight @float {{.*}}, #plan.panels<rows 8, dot <f32 x f32, k 1>>>
// CHECK: plan.weight @half {{.*}} [#blue.convert<f16>] packed tensor<8x300x8xf16>
// CHECK: plan.quantize %{{.*}} scale 5.000000e-01 {{.*}} #plan.rows<sums 64>>
// CHECK: plan.linear {{.*}} : (tensor<2x300xf32>, tensor<64x300x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 8, dot <f32 x f32, k 1>>>)
// CHECK: plan.linear {{.*}} : (tensor<2x300xf32>, tensor<8x300x8xf16>) -> tensor<2x64xf32>
module attributes {plan.target = #target} {
  func.func @v(%p: tensor<?x300xf32>) -> tensor<?x64xf32> attributes {blue.role = #blue.role<vision>} {
    %x = blue.quantize %p scale 0.5 : (tensor<?x300xf32>) -> tensor<?x300x!x>
    %s = blue.weight "static" <"m" at 0 : tensor<64x300xf32>> [#blue.quantize<<i8 group row scale f16>, search>] : tensor<64x300x!w>
    %f = blue.weight "float" <"m" at 0 : tensor<64x300xf32>> [#blue.quantize<<i8 group row scale f16>, search>] : tensor<64x300x!w>
    %h = blue.weight "half" <"m" at 0 : tensor<64x300xf32>> [#blue.convert<f16>] : tensor<64x300xf16>
    %a = blue.linear %x, %s : (tensor<?x300x!x>, tensor<64x300x!w>) -> tensor<?x64xf32>
    %b = blue.linear %p, %f : (tensor<?x300xf32>, tensor<64x300x!w>) -> tensor<?x64xf32>
    %c = blue.linear %p, %h : (tensor<?x300xf32>, tensor<64x300xf16>) -> tensor<?x64xf32>
    %d = blue.add %a, %b : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    %e = blue.add %d, %c : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    return %e : tensor<?x64xf32>
  }
}
