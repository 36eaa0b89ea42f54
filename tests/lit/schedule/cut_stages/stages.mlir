// RUN: bluec-opt %s -split-input-file -verify-diagnostics -cut-stages | FileCheck %s

// Everything on one device: nothing changes, and there is no machine to say something about.
// CHECK-LABEL: module @one
// CHECK: plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
// CHECK-NOT: plan.entry
module @one {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %0 : tensor<2x4xf32>
  }
}

// -----

// An encoder that crosses once becomes two entries; each reads its own weights, and both read %both.
// What is no encoder gets the device of its steps.
// CHECK-LABEL: module @two
// CHECK: plan.entry @encode_patches_1 role encode stage 0 of 2 capacity 1 segment "vision" takes ["pixels"] gives ["patches"] {
// CHECK-NEXT: ^bb0(%[[PIXELS:.*]]: tensor<1x4xf32>)
// CHECK-NEXT: %[[BOTH:.*]] = plan.get_weight @both
// CHECK-NEXT: %[[PATCHES:.*]] = plan.step "1" value "1" on "cpu"(%[[PIXELS]], %[[BOTH]])
// CHECK: plan.return %[[PATCHES]]
// CHECK: plan.entry @encode_blocks_1 role encode stage 1 of 2 capacity 1 segment "vision" takes ["patches"] gives ["features"] on "npu" {
// CHECK-NEXT: ^bb0(%[[TAKEN:.*]]: tensor<1x4xf32>)
// CHECK-NEXT: plan.get_weight @both
// CHECK-NEXT: plan.get_weight @last
// CHECK-NEXT: plan.step "2" value "2" on "npu"(%[[TAKEN]],
// CHECK: plan.step "3" value "3" on "npu"(%[[TAKEN]],
// CHECK-NOT: plan.entry @encode_1
// CHECK: plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits"] on "npu"
module @two attributes {plan.machine = "phone"} {
  plan.weight @both #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "vision"
  plan.weight @last #blue.source<"m" at 16 : tensor<4xf32>> packed tensor<4xf32> segment "vision"
  plan.entry @encode_1 role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %both = plan.get_weight @both : tensor<4xf32>
    %last = plan.get_weight @last : tensor<4xf32>
    %0 = plan.step "1" value "1" on "cpu"(%x, %both) : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<4xf32>):
      %y = blue.add %a, %b : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    %1 = plan.step "2" value "2" on "npu"(%0, %both) : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<4xf32>):
      %y = blue.add %a, %b : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    %2 = plan.step "3" value "3" on "npu"(%0, %1, %last) : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4xf32>, %c: tensor<4xf32>):
      %y = blue.add %a, %b : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
      %z = blue.add %y, %c : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
      plan.yield %z : tensor<1x4xf32>
    }
    plan.return %2 : tensor<1x4xf32>
  }
  plan.entry @decode role decode capacity 1 segment "language" takes ["ids"] gives ["logits"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "npu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}

// -----

// A machine has been asked, and one device does it all.
// CHECK-LABEL: module @host
// CHECK: plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] on "gpu" {
module @host attributes {plan.machine = "host"} {
  // expected-remark @below {{all steps are on device 'gpu' of machine "host": nothing overlaps}}
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "gpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %0 : tensor<1x4xf32>
  }
}
