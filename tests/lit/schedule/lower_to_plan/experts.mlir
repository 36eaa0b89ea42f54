// RUN: bluec-opt %s -lower-to-plan="context=16 chunk=4" | FileCheck %s

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// The weights of all experts are one weight, its panels those of one expert after the other's. Nothing here
// mixes rows, so that prefill computes its last row only.
// CHECK: plan.weight @up {{.*}} [#blue.reshape<[48, 4]>] packed tensor<6x4x8xf32>
// CHECK: plan.weight @bias {{.*}} packed tensor<3x16xf32>
// CHECK: plan.weight @down {{.*}} [#blue.reshape<[24, 16]>] packed tensor<3x16x8xf32>
// CHECK: plan.entry @prefill
// CHECK: blue.route {{.*}} : tensor<1x3xf32>
// CHECK: plan.expert_linear {{.*}} : (tensor<1x4xf32>, tensor<6x4x8xf32>, tensor<1x3xf32>, tensor<3x16xf32>) -> tensor<1x2x16xf32>
// CHECK: plan.expert_linear {{.*}} : (tensor<1x2x16xf32>, tensor<3x16x8xf32>, tensor<1x3xf32>) -> tensor<1x8xf32>
module attributes {plan.target = #target} {
  func.func @decoder(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<decoder>} {
    %g = blue.weight "gate" <"m.onnx" at 0 : tensor<3x4xf32>> : tensor<3x4xf32>
    %u = blue.weight "up" <"m.onnx" at 64 : tensor<3x16x4xf32>> : tensor<3x16x4xf32>
    %b = blue.weight "bias" <"m.onnx" at 512 : tensor<3x16xf32>> : tensor<3x16xf32>
    %d = blue.weight "down" <"m.onnx" at 1024 : tensor<3x8x16xf32>> : tensor<3x8x16xf32>
    %h = blue.weight "head" <"m.onnx" at 4096 : tensor<4x8xf32>> : tensor<4x8xf32>
    %l = blue.linear %x, %g : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
    %r = blue.route %l {chosen = 2, normalized} : tensor<?x3xf32>
    %e = blue.expert_linear %x, %u, %r, %b : (tensor<?x4xf32>, tensor<3x16x4xf32>, tensor<?x3xf32>, tensor<3x16xf32>) -> tensor<?x2x16xf32>
    %a = blue.silu %e : tensor<?x2x16xf32>
    %y = blue.expert_linear %a, %d, %r : (tensor<?x2x16xf32>, tensor<3x8x16xf32>, tensor<?x3xf32>) -> tensor<?x8xf32>
    %o = blue.linear %y, %h : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
    return %o : tensor<?x4xf32>
  }
}
