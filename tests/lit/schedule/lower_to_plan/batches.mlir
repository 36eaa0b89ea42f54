// RUN: bluec-opt %s -lower-to-plan="image-batch=4" | FileCheck %s --check-prefix=FOUR
// RUN: bluec-opt %s -lower-to-plan="image-batch=1" | FileCheck %s --check-prefix=ONE
// RUN: not bluec-opt %s -lower-to-plan="image-batch=65" 2>&1 | FileCheck %s --check-prefix=MANY

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// One tile that is left runs alone; two and three in a call that is partly filled.
// FOUR: plan.encode_calls = [array<i64: 1>, array<i64: 4>, array<i64: 4>]
// FOUR: @encode role encode capacity 4
// FOUR: @encode_1 role encode capacity 1
// Nothing is left of a batch of one.
// ONE: plan.encode_calls = []
// ONE: @encode role encode capacity 1
// ONE-NOT: plan.entry
// MANY: expected 1 <= chunk <= context, 0 <= rewind and 1 <= image-batch <= 64, found {{.*}} rewind 512, image-batch 65
module attributes {plan.target = #target} {
  func.func @tower(%x: tensor<?x3xf32>) -> tensor<?x3xf32> attributes {blue.role = #blue.role<vision>} {
    %y = blue.relu %x : tensor<?x3xf32>
    return %y : tensor<?x3xf32>
  }
}
