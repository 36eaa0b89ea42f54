// RUN: bluec-opt %s -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// Places of rows are put in the order of their experts first. Then a panel of an expert is read for several of
// its rows at a time, wherever these stand.
!w = tensor<48x64x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 8, dot <si8 x si8, k 4>>>
!x = tensor<5x64x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 64>>
// CHECK-DAG: [[PANELS:#map[0-9]*]] = affine_map<(d0) -> (2)>
// CHECK: plan.launch @expert_linear_5x2x16(%{{.*}}) tasks [[PANELS]]
// CHECK: func.func private @expert_linear_5x2x16(
// CHECK: memref.alloca
// CHECK: arith.cmpf une
// CHECK: scf.for
// CHECK: kernel.dot
// CHECK: scf.if
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  plan.weight @w dense<1.0> : tensor<48x64xf32> [#blue.quantize<<i4 group 64 scale f16>, nearest>] packed !w segment "s"
  plan.entry @f role decode capacity 5 segment "s" takes ["embeddings", "router"] gives ["logits"] {
  ^bb0(%x: !x, %r: tensor<5x3xf32>):
    %w = plan.get_weight @w : !w
    %y = plan.step "l" value "v" on "cpu" (%x, %w, %r) : (!x, !w, tensor<5x3xf32>) -> tensor<5x2x16xf32> {
    ^bb0(%a: !x, %b: !w, %c: tensor<5x3xf32>):
      %l = plan.expert_linear %a, %b, %c : (!x, !w, tensor<5x3xf32>) -> tensor<5x2x16xf32>
      plan.yield %l : tensor<5x2x16xf32>
    }
    plan.return %y : tensor<5x2x16xf32>
  }
}
