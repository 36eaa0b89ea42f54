// RUN: bluec-opt %s -lower-steps-to-kernels -canonicalize -cse | FileCheck %s

// A step becomes a launch with its name, offset and number of tasks (a row each), and one kernel
// of vectors as wide as the target's. What is no step stays as it is.

// CHECK: [[ROWS:#map[0-9]*]] = affine_map<(d0) -> (d0)>
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "",
    vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 524288>} {
  // CHECK: plan.weight @w
  plan.weight @w dense<1.0> : tensor<20xf32> packed tensor<20xf32> segment "s"
  // CHECK: plan.entry @prefill role decode capacity 8 segment "s" takes ["embeddings"] gives ["logits"]
  plan.entry @prefill role decode capacity 8 segment "s" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<8x20xf32>):
    // CHECK: %[[W:.*]] = plan.get_weight @w
    %w = plan.get_weight @w : tensor<20xf32>
    // CHECK: %[[Y:.*]] = plan.launch @rms_norm_8x20(%{{.*}}, %[[W]]) tasks [[ROWS]]
    // CHECK-SAME: layer "norm" value "decoder.0" on "cpu" offset 640
    %y = plan.step "norm" value "decoder.0" on "cpu" offset 640 (%x, %w)
        : (tensor<8x20xf32>, tensor<20xf32>) -> tensor<8x20xf32> {
    ^bb0(%a: tensor<8x20xf32>, %b: tensor<20xf32>):
      %n = blue.rms_norm %a, %b {epsilon = 1.0e-6 : f64}
          : (tensor<8x20xf32>, tensor<20xf32>) -> tensor<8x20xf32>
      plan.yield %n : tensor<8x20xf32>
    }
    // CHECK: plan.return %[[Y]]
    plan.return %y : tensor<8x20xf32>
  }
}

// Buffers are seen as rows; they are aligned and do not overlap.
// CHECK: func.func private @rms_norm_8x20(
// CHECK-SAME: %[[X:[^:]*]]: memref<8x20xf32> {llvm.align = 64 : i64, llvm.noalias}
// CHECK-SAME: %[[WEIGHT:[^:]*]]: memref<1x20xf32> {llvm.align = 64 : i64, llvm.noalias}
// CHECK-SAME: %[[OUT:[^:]*]]: memref<8x20xf32> {llvm.align = 64 : i64, llvm.noalias}
// CHECK-SAME: index, %{{[^:]*}}: index, %[[BEGIN:[^:]*]]: index, %[[END:[^:]*]]: index
// CHECK: scf.for %[[ROW:.*]] = %[[BEGIN]] to %[[END]]
// Two whole vectors and a tail of four columns, then the root of their sum.
// CHECK: vector.load %[[X]][%[[ROW]], %c0] : memref<8x20xf32>, vector<8xf32>
// CHECK: vector.load %[[X]][%[[ROW]], %c8] : memref<8x20xf32>, vector<8xf32>
// CHECK: vector.maskedload %[[X]][%[[ROW]], %c16]
// CHECK: math.sqrt
// CHECK: vector.store
// CHECK: vector.maskedstore %[[OUT]][%[[ROW]], %c16]
