// RUN: bluec-opt %s -lower-to-plan="context=16 chunk=4" | FileCheck %s

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>
!x = !blue.quantized<i8 group row scale f32>
!w = !blue.quantized<i4 group 32 scale f16>

// What is quantized is so after all that moves rows: those of all experts are one matrix. Sums of rows fit the
// groups of experts' weights. Places of a row are rows of their own.
// CHECK: plan.weight @up {{.*}} [#blue.reshape<[48, 64]>, #blue.quantize<<i4 group 32 scale f16>, search>] packed tensor<48x64x!blue.quantized<i4 group 32 scale f16>, #plan.panels<
// CHECK: plan.weight @down {{.*}} [#blue.reshape<[192, 16]>, #blue.quantize<<i4 group 32 scale f16>, search>]
// CHECK: plan.entry @prefill
// CHECK: plan.quantize {{.*}} -> tensor<1x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32
// CHECK: plan.expert_linear {{.*}} : (tensor<1x64x!blue.quantized<i8 group row scale f32>, {{.*}}>, tensor<48x64x{{.*}}>, tensor<1x3xf32>) -> tensor<1x2x16xf32>
// CHECK: plan.quantize {{.*}} : (tensor<1x2x16xf32>) -> tensor<1x2x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 32
// CHECK: plan.expert_linear {{.*}} -> tensor<1x64xf32>
module attributes {plan.target = #target} {
  func.func @decoder(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {blue.role = #blue.role<decoder>} {
    %g = blue.weight "gate" <"m.onnx" at 0 : tensor<3x64xf32>> : tensor<3x64xf32>
    %u = blue.weight "up" <"m.onnx" at 1024 : tensor<3x16x64xf32>> [#blue.quantize<!w, search>] : tensor<3x16x64x!w>
    %d = blue.weight "down" <"m.onnx" at 65536 : tensor<3x64x16xf32>> [#blue.quantize<!w, search>] : tensor<3x64x16x!w>
    %l = blue.linear %x, %g : (tensor<?x64xf32>, tensor<3x64xf32>) -> tensor<?x3xf32>
    %r = blue.route %l {chosen = 2, normalized} : tensor<?x3xf32>
    %q = blue.quantize %x : (tensor<?x64xf32>) -> tensor<?x64x!x>
    %e = blue.expert_linear %q, %u, %r : (tensor<?x64x!x>, tensor<3x16x64x!w>, tensor<?x3xf32>) -> tensor<?x2x16xf32>
    %a = blue.silu %e : tensor<?x2x16xf32>
    %h = blue.quantize %a : (tensor<?x2x16xf32>) -> tensor<?x2x16x!x>
    %y = blue.expert_linear %h, %d, %r : (tensor<?x2x16x!x>, tensor<3x64x16x!w>, tensor<?x3xf32>) -> tensor<?x64xf32>
    return %y : tensor<?x64xf32>
  }
}
