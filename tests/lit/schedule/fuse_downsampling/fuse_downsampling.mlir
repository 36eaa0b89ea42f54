// RUN: bluec-opt %s -split-input-file -fuse-downsampling | FileCheck %s

!w = tensor<16x48x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <f32 x f32, k 1>>>

// Groups of 32 reach from one token of 12 elements into the next; a second reader wants the rows.
// CHECK-LABEL: plan.entry @stays
// CHECK: blue.token_downsample
// CHECK: plan.linear
// CHECK-NOT: gather
// CHECK: plan.return
plan.weight @w #blue.source<"m" at 0 : tensor<16x48xf32>> [#blue.quantize<<i8 group 32 scale f16>, nearest>] packed !w segment "s"
plan.weight @v #blue.source<"m" at 0 : tensor<16x48xf32>> packed tensor<2x48x8xf32> segment "s"
plan.entry @stays role encode capacity 2 segment "s" takes ["pixels"] gives ["features", "other1", "other2"] {
^bb0(%x: tensor<2x9x12xf32>):
  %w = plan.get_weight @w : !w
  %v = plan.get_weight @v : tensor<2x48x8xf32>
  %0 = plan.step "d" value "d" on "cpu"(%x) : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32> {
  ^bb0(%a: tensor<2x9x12xf32>):
    %r = blue.token_downsample %a {height = 3, width = 3} : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32>
    plan.yield %r : tensor<2x4x48xf32>
  }
  %1 = plan.step "l" value "l" on "cpu"(%0, %w) : (tensor<2x4x48xf32>, !w) -> tensor<2x4x16xf32> {
  ^bb0(%a: tensor<2x4x48xf32>, %b: !w):
    %r = plan.linear %a, %b : (tensor<2x4x48xf32>, !w) -> tensor<2x4x16xf32>
    plan.yield %r : tensor<2x4x16xf32>
  }
  %2 = plan.step "d2" value "d2" on "cpu"(%x) : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32> {
  ^bb0(%a: tensor<2x9x12xf32>):
    %r = blue.token_downsample %a {height = 3, width = 3} : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32>
    plan.yield %r : tensor<2x4x48xf32>
  }
  %3 = plan.step "l2" value "l2" on "cpu"(%2, %v) : (tensor<2x4x48xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32> {
  ^bb0(%a: tensor<2x4x48xf32>, %b: tensor<2x48x8xf32>):
    %r = plan.linear %a, %b : (tensor<2x4x48xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32>
    plan.yield %r : tensor<2x4x16xf32>
  }
  plan.return %1, %2, %3 : tensor<2x4x16xf32>, tensor<2x4x48xf32>, tensor<2x4x16xf32>
}

// -----

// Blocks of other sizes, and tokens in another order, no linear layer gathers.
// CHECK-LABEL: plan.entry @others
// CHECK: blue.token_downsample {{.*}}factor = 3
// CHECK-NOT: gather
// CHECK: blue.token_downsample {{.*}}transposed
// CHECK-NOT: gather
// CHECK: plan.return
plan.weight @w #blue.source<"m" at 0 : tensor<16x108xf32>> packed tensor<2x108x8xf32> segment "s"
plan.weight @v #blue.source<"m" at 0 : tensor<16x48xf32>> packed tensor<2x48x8xf32> segment "s"
plan.entry @others role encode capacity 2 segment "s" takes ["pixels"] gives ["features", "other"] {
^bb0(%x: tensor<2x9x12xf32>):
  %w = plan.get_weight @w : tensor<2x108x8xf32>
  %v = plan.get_weight @v : tensor<2x48x8xf32>
  %0 = plan.step "d" value "d" on "cpu"(%x) : (tensor<2x9x12xf32>) -> tensor<2x1x108xf32> {
  ^bb0(%a: tensor<2x9x12xf32>):
    %r = blue.token_downsample %a {factor = 3, height = 3, width = 3} : (tensor<2x9x12xf32>) -> tensor<2x1x108xf32>
    plan.yield %r : tensor<2x1x108xf32>
  }
  %1 = plan.step "l" value "l" on "cpu"(%0, %w) : (tensor<2x1x108xf32>, tensor<2x108x8xf32>) -> tensor<2x1x16xf32> {
  ^bb0(%a: tensor<2x1x108xf32>, %b: tensor<2x108x8xf32>):
    %r = plan.linear %a, %b : (tensor<2x1x108xf32>, tensor<2x108x8xf32>) -> tensor<2x1x16xf32>
    plan.yield %r : tensor<2x1x16xf32>
  }
  %2 = plan.step "d2" value "d2" on "cpu"(%x) : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32> {
  ^bb0(%a: tensor<2x9x12xf32>):
    %r = blue.token_downsample %a {height = 3, transposed, width = 3} : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32>
    plan.yield %r : tensor<2x4x48xf32>
  }
  %3 = plan.step "l2" value "l2" on "cpu"(%2, %v) : (tensor<2x4x48xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32> {
  ^bb0(%a: tensor<2x4x48xf32>, %b: tensor<2x48x8xf32>):
    %r = plan.linear %a, %b : (tensor<2x4x48xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32>
    plan.yield %r : tensor<2x4x16xf32>
  }
  plan.return %1, %3 : tensor<2x1x16xf32>, tensor<2x4x16xf32>
}

// -----

// Rows of floats: the linear layer reads the tokens where they stand, and keeps what follows it.
// CHECK-LABEL: plan.entry @floats
// CHECK-SAME: {
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<2x9x12xf32>)
// CHECK-NOT: token_downsample
// CHECK: %[[Y:.*]] = plan.step "l" value "l" on "cpu"(%[[X]], %{{.*}}) : (tensor<2x9x12xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32>
// CHECK: %[[R:.*]] = plan.linear %{{.*}}, %{{.*}} gather <height = 3, width = 3, columnMajor = true> : (tensor<2x9x12xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32>
// CHECK-NEXT: blue.relu %[[R]]
// CHECK: plan.return %[[Y]]
plan.weight @w #blue.source<"m" at 0 : tensor<16x48xf32>> packed tensor<2x48x8xf32> segment "s"
plan.entry @floats role encode capacity 2 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<2x9x12xf32>):
  %w = plan.get_weight @w : tensor<2x48x8xf32>
  %0 = plan.step "d" value "d" on "cpu"(%x) : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32> {
  ^bb0(%a: tensor<2x9x12xf32>):
    %r = blue.token_downsample %a {column_major, height = 3, width = 3} : (tensor<2x9x12xf32>) -> tensor<2x4x48xf32>
    plan.yield %r : tensor<2x4x48xf32>
  }
  %1 = plan.step "l" value "l" on "cpu"(%0, %w) : (tensor<2x4x48xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32> {
  ^bb0(%a: tensor<2x4x48xf32>, %b: tensor<2x48x8xf32>):
    %r = plan.linear %a, %b : (tensor<2x4x48xf32>, tensor<2x48x8xf32>) -> tensor<2x4x16xf32>
    %s = blue.relu %r : tensor<2x4x16xf32>
    plan.yield %s : tensor<2x4x16xf32>
  }
  plan.return %1 : tensor<2x4x16xf32>
}

// -----

!tokens = tensor<1x9x32x!blue.quantized<i16 group row scale f32>, #plan.rows<sums 16>>
!wide = tensor<1x4x128x!blue.quantized<i16 group 32 scale f32>, #plan.rows<sums 16>>
!w = tensor<16x128x!blue.quantized<i8 group 16 scale f16>, #plan.panels<rows 8, dot <si16 x si16, k 2>>>

// Quantized tokens keep their own scales.
// CHECK-LABEL: plan.entry @integers
// CHECK: plan.quantize {{.*}} -> [[TOKENS:tensor<1x9x32x.*#plan.rows<sums 16>>]]
// CHECK-NOT: token_downsample
// CHECK: plan.linear %{{.*}} gather <height = 3, width = 3> : ([[TOKENS]], {{.*}}) -> tensor<1x4x16xf32>
plan.weight @w #blue.source<"m" at 0 : tensor<16x128xf32>> [#blue.quantize<<i8 group 16 scale f16>, nearest>] packed !w segment "s"
plan.entry @integers role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x9x32xf32>):
  %w = plan.get_weight @w : !w
  %0 = plan.step "q" value "q" on "cpu"(%x) : (tensor<1x9x32xf32>) -> !tokens {
  ^bb0(%a: tensor<1x9x32xf32>):
    %r = plan.quantize %a : (tensor<1x9x32xf32>) -> !tokens
    plan.yield %r : !tokens
  }
  %1 = plan.step "d" value "d/quantized" on "cpu"(%0) : (!tokens) -> !wide {
  ^bb0(%a: !tokens):
    %r = blue.token_downsample %a {height = 3, width = 3} : (!tokens) -> !wide
    plan.yield %r : !wide
  }
  %2 = plan.step "l" value "l" on "cpu"(%1, %w) : (!wide, !w) -> tensor<1x4x16xf32> {
  ^bb0(%a: !wide, %b: !w):
    %r = plan.linear %a, %b : (!wide, !w) -> tensor<1x4x16xf32>
    plan.yield %r : tensor<1x4x16xf32>
  }
  plan.return %2 : tensor<1x4x16xf32>
}
