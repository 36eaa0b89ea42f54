// RUN: bluec-opt %s -split-input-file -join-steps | FileCheck %s
// RUN: bluec-opt %s -split-input-file -join-steps=most=2 | FileCheck %s --check-prefix=TWO

// Nothing to share: each launch reads what the one before it writes.
// CHECK-LABEL: plan.entry @chain
// CHECK-NOT: joined
// CHECK: plan.return
plan.entry @chain role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] arena 384 inputs [0] {
^bb0(%x: tensor<4x8xf32>):
  %a = plan.launch @chained(%x) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu" offset 128
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = plan.launch @chained(%a) tasks affine_map<(d0) -> (d0)> layer "b" value "b" on "cpu" offset 256
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  plan.return %b : tensor<4x8xf32>
}
func.func private @chained(memref<4x8xf32>, memref<4x8xf32>, index, index, index, index)

// -----

// Three that read the same and write each for itself share a loop, or two of them where two is the most.
// CHECK-LABEL: plan.entry @siblings
// CHECK: plan.launch {{.*}} tasks #{{[a-z0-9]+}} layer "q"
// CHECK: plan.launch {{.*}} joined layer "k"
// CHECK: plan.launch {{.*}} joined layer "v"
// TWO-LABEL: plan.entry @siblings
// TWO: plan.launch {{.*}} joined layer "k"
// TWO: plan.launch {{.*}} tasks #{{[a-z0-9]+}} layer "v"
plan.entry @siblings role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] arena 512 inputs [0] {
^bb0(%x: tensor<4x8xf32>):
  %q = plan.launch @sibling(%x) tasks affine_map<(d0) -> (d0)> layer "q" value "q" on "cpu" offset 128
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %k = plan.launch @sibling(%x) tasks affine_map<(d0) -> (d0)> layer "k" value "k" on "cpu" offset 256
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = plan.launch @sibling(%x) tasks affine_map<(d0) -> (d0)> layer "v" value "v" on "cpu" offset 384
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  plan.return %v : tensor<4x8xf32>
}
func.func private @sibling(memref<4x8xf32>, memref<4x8xf32>, index, index, index, index)

// -----

// The third would write where the first still reads: no value says so, the bytes do.
// CHECK-LABEL: plan.entry @place
// CHECK: plan.launch {{.*}} joined layer "b"
// CHECK: plan.launch {{.*}} tasks #{{[a-z0-9]+}} layer "c"
plan.entry @place role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] arena 512 inputs [0] {
^bb0(%x: tensor<4x8xf32>):
  %a = plan.launch @placed(%x) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu" offset 128
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = plan.launch @placed(%x) tasks affine_map<(d0) -> (d0)> layer "b" value "b" on "cpu" offset 256
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = plan.launch @placed(%a) tasks affine_map<(d0) -> (d0)> layer "c" value "c" on "cpu" offset 0
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  plan.return %c : tensor<4x8xf32>
}
func.func private @placed(memref<4x8xf32>, memref<4x8xf32>, index, index, index, index)

// -----

// A launch of one task stays alone, and what follows begins a loop.
// CHECK-LABEL: plan.entry @single
// CHECK: plan.launch {{.*}} layer "a"
// CHECK: plan.launch {{.*}} tasks #{{[a-z0-9]+}} layer "b"
// CHECK: plan.launch {{.*}} tasks #{{[a-z0-9]+}} layer "c"
// CHECK: plan.launch {{.*}} joined layer "d"
plan.entry @single role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] arena 640 inputs [0] {
^bb0(%x: tensor<4x8xf32>):
  %a = plan.launch @alone(%x) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu" offset 128
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = plan.launch @alone(%x) tasks affine_map<(d0) -> (1)> layer "b" value "b" on "cpu" offset 256
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = plan.launch @alone(%x) tasks affine_map<(d0) -> (d0)> layer "c" value "c" on "cpu" offset 384
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = plan.launch @alone(%x) tasks affine_map<(d0) -> (d0)> layer "d" value "d" on "cpu" offset 512
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  plan.return %d : tensor<4x8xf32>
}
func.func private @alone(memref<4x8xf32>, memref<4x8xf32>, index, index, index, index)

// -----

// Appends to two caches share a loop; what reads one of them has to wait.
// CHECK-LABEL: plan.entry @caches
// CHECK: plan.launch {{.*}} layer "k"
// CHECK: plan.launch {{.*}} joined layer "v"
// CHECK: plan.launch {{.*}} tasks #{{[a-z0-9]+}} layer "read"
plan.cache @k : tensor<1x32x8xf32> offset 0
plan.cache @v : tensor<1x32x8xf32> offset 1024
plan.entry @caches role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] arena 256 inputs [0] {
^bb0(%x: tensor<4x8xf32>):
  %k = plan.get_cache @k : tensor<1x32x8xf32>
  %v = plan.get_cache @v : tensor<1x32x8xf32>
  plan.launch @append(%x, %k) tasks affine_map<(d0) -> (d0)> layer "k" value "" on "cpu"
      : (tensor<4x8xf32>, tensor<1x32x8xf32>) -> ()
  plan.launch @append(%x, %v) tasks affine_map<(d0) -> (d0)> layer "v" value "" on "cpu"
      : (tensor<4x8xf32>, tensor<1x32x8xf32>) -> ()
  %r = plan.launch @read(%k) tasks affine_map<(d0) -> (d0)> layer "read" value "r" on "cpu" offset 128
      : (tensor<1x32x8xf32>) -> tensor<4x8xf32>
  plan.return %r : tensor<4x8xf32>
}
func.func private @append(memref<4x8xf32>, memref<1x32x8xf32>, index, index, index, index)
func.func private @read(memref<1x32x8xf32>, memref<4x8xf32>, index, index, index, index)
