// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// A weight in panels, as it should be.
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "s"

// -----

// plan.weight (C1): a transform that does not fit the source.
// expected-error @below {{(C1)}}
plan.weight @w #blue.source<"m" at 0 : tensor<4x6xf32>> [#blue.transpose<[0]>] packed tensor<4x6xf32> segment "s"

// -----

// plan.weight (C1): a value that is no tensor.
// expected-error @below {{(C1) expected a #blue.source or elements of a static tensor type}}
plan.weight @w 4 : i32 packed tensor<4x6xf32> segment "s"

// -----

// plan.weight (C2): panels of another shape.
// expected-error @below {{(C2) expected tensor<9x6xf32> or panels of it as packed type, found tensor<1x6x8xf32>}}
plan.weight @w #blue.source<"m" at 0 : tensor<9x6xf32>> packed tensor<1x6x8xf32> segment "s"

// -----

// plan.weight (C3): a negative offset.
// expected-error @below {{(C3) expected an offset that is not negative, found -4}}
plan.weight @w #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "s" offset -4

// -----

// plan.cache (C1): neither values nor packed keys.
// expected-error @below {{(C1) expected [1, context, heads * D] or [1, heads, blocks, D, L], found tensor<2x8x4xf32>}}
plan.cache @c : tensor<2x8x4xf32>

// -----

// plan.cache (C2): a negative offset.
// expected-error @below {{(C2) expected an offset that is not negative, found -64}}
plan.cache @c : tensor<1x8x4xf32> offset -64

// -----

// plan.entry (C1): an input without a static shape.
// expected-error @below {{(C1) expected inputs of static shape, found tensor<?x4xf32>}}
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives [] {
^bb0(%x: tensor<?x4xf32>):
  plan.return
}

// -----

// plan.entry (C2): an op that is no step.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives [] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C2) is no plan.get_weight}}
  %0 = blue.relu %x : tensor<1x4xf32>
  plan.return
}

// -----

// plan.entry (C2): no return.
// expected-error @below {{(C2) expected a final plan.return}}
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
    plan.yield %y : tensor<1x4xf32>
  }
}

// -----

// plan.entry (C3): an input as output.
// expected-error @below {{(C3) expected outputs that are results of steps}}
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  plan.return %x : tensor<1x4xf32>
}

// -----

// plan.entry (C4): an input of another capacity.
// expected-error @below {{(C4) expected inputs with first dim 1, found tensor<2x4xf32>}}
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives [] {
^bb0(%x: tensor<2x4xf32>):
  plan.return
}

// -----

// plan.entry (C5): an offset too many.
// expected-error @below {{(C5) expected 1 input offsets, found 2}}
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] arena 64 inputs [0, 64] {
^bb0(%x: tensor<1x4xf32>):
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
    plan.yield %y : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.entry (C6): an input without a name.
// expected-error @below {{(C6) expected 1 names of inputs, found 0}}
plan.entry @e role encode capacity 1 segment "s" takes [] gives [] {
^bb0(%x: tensor<1x4xf32>):
  plan.return
}

// -----

// plan.entry (C6): a name of an output that is not there.
// expected-error @below {{(C6) expected 0 names of outputs, found 1}}
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  plan.return
}

// -----

// plan.entry (C6): one name for two tensors.
// expected-error @below {{(C6) expected one tensor of a name, found two named 'ids'}}
plan.entry @e role decode capacity 1 segment "s" takes ["ids", "ids"] gives [] {
^bb0(%x: tensor<1xi32>, %y: tensor<1xi32>):
  plan.return
}

// -----

// plan.entry (C7): a stage past the last one.
// expected-error @below {{(C7) expected 0 <= stage < stages, of one stage but for encoders, found 2 of 2}}
plan.entry @e role encode stage 2 of 2 capacity 1 segment "s" takes [] gives [] {
  plan.return
}

// -----

// plan.entry (C7): stages of what is no encoder.
// expected-error @below {{(C7) expected 0 <= stage < stages, of one stage but for encoders, found 0 of 2}}
plan.entry @e role decode stage 0 of 2 capacity 1 segment "s" takes [] gives [] {
  plan.return
}

// -----

// plan.get_weight (C1): no such weight.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives [] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected a plan.weight, found no @nothing}}
  %w = plan.get_weight @nothing : tensor<4xf32>
  plan.return
}

// -----

// plan.get_weight (C1): another type.
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "s"
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives [] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected the packed type tensor<1x4x8xf32>, found tensor<4x4xf32>}}
  %w = plan.get_weight @w : tensor<4x4xf32>
  plan.return
}

// -----

// plan.get_cache (C1): a weight is no cache.
plan.weight @w #blue.source<"m" at 0 : tensor<4x4xf32>> packed tensor<1x4x8xf32> segment "s"
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives [] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected a plan.cache, found no @w}}
  %w = plan.get_cache @w : tensor<4x4xf32>
  plan.return
}

// -----

// plan.get_cache (C1): another type.
plan.cache @c : tensor<1x8x4xf32>
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives [] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected the cache's type tensor<1x8x4xf32>, found tensor<4x4xf32>}}
  %w = plan.get_cache @c : tensor<4x4xf32>
  plan.return
}

// -----

// plan.step (C1): a block argument too many.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected a block argument for each of 1 operands, found 2}}
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
    plan.yield %y : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C1): a block argument of another type.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected a block argument of type tensor<1x4xf32>, found tensor<1x5xf32>}}
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x5xf32>):
    %y = blue.relu %a : tensor<1x5xf32>
    plan.yield %y : tensor<1x5xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C1): no yield.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected a final plan.yield}}
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C1): nothing yielded.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected the yielded value to have the result's type}}
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
    plan.yield
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C2): a weight in the body.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    // expected-error @below {{(C2) is no compute op}}
    %w = blue.weight "w" <"m" at 0 : tensor<1x4xf32>> : tensor<1x4xf32>
    plan.yield %w : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C2): a norm behind the root.
plan.weight @g #blue.source<"m" at 0 : tensor<4xf32>> packed tensor<4xf32> segment "s"
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  %g = plan.get_weight @g : tensor<4xf32>
  %0 = plan.step "l" value "l" on "cpu"(%x, %g) : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>, %b: tensor<4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
    // expected-error @below {{(C2) expected an elementwise op behind the root}}
    %z = blue.rms_norm %y, %b {epsilon = 0.0} : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
    plan.yield %z : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C2): an op that skips the one before it.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
    // expected-error @below {{(C2) expected one operand that is the result of the op before}}
    %z = blue.relu %a : tensor<1x4xf32>
    plan.yield %z : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C2): an empty body.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C2) expected a root op}}
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    plan.yield %a : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.step (C2): an op whose result is dropped.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C2) expected the last op's result to be yielded}}
  %0 = plan.step "l" value "l" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    %y = blue.relu %a : tensor<1x4xf32>
    plan.yield %a : tensor<1x4xf32>
  }
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.launch (C1): no such kernel.
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C1) expected a function, found no @nothing}}
  %0 = plan.launch @nothing(%x) tasks affine_map<(n) -> (n)> layer "l" value "v" on "cpu" : (tensor<1x4xf32>) -> tensor<1x4xf32>
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.launch (C2): tasks of two dims.
func.func private @k()
plan.entry @e role encode capacity 1 segment "s" takes ["pixels"] gives ["features"] {
^bb0(%x: tensor<1x4xf32>):
  // expected-error @below {{(C2) expected tasks of one dim and one result}}
  %0 = plan.launch @k(%x) tasks affine_map<(n, m) -> (n)> layer "l" value "v" on "cpu" : (tensor<1x4xf32>) -> tensor<1x4xf32>
  plan.return %0 : tensor<1x4xf32>
}

// -----

// plan.last_row (C1): two rows.
func.func @f(%a0: tensor<3x4xf32>) {
  // expected-error @below {{(C1) expected result tensor<1x4xf32>, found tensor<2x4xf32>}}
  %y = plan.last_row %a0 : (tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

// plan.last_row (C1): another rank.
func.func @f(%a0: tensor<3xf32>) {
  // expected-error @below {{(C1) expected rank 2, found tensor<3xf32>}}
  %y = plan.last_row %a0 : (tensor<3xf32>) -> tensor<1xf32>
  return
}

// -----

// plan.linear (C1): other leading dims.
func.func @f(%a0: tensor<2x4xf32>, %a1: tensor<1x4x8xf32>) {
  // expected-error @below {{(C1) expected a result with the leading dims of tensor<2x4xf32>, found tensor<3x8xf32>}}
  %y = plan.linear %a0, %a1 : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

// plan.linear (C1): a dense weight.
func.func @f(%a0: tensor<2x4xf32>, %a1: tensor<8x4xf32>) {
  // expected-error @below {{(C1) expected panels [ceil(N / R), K, R], found tensor<8x4xf32>}}
  %y = plan.linear %a0, %a1 : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.linear (C1): too few panels.
func.func @f(%a0: tensor<2x4xf32>, %a1: tensor<1x4x8xf32>) {
  // expected-error @below {{(C1) expected panels tensor<2x4x8xf32>, found tensor<1x4x8xf32>}}
  %y = plan.linear %a0, %a1 : (tensor<2x4xf32>, tensor<1x4x8xf32>) -> tensor<2x9xf32>
  return
}

// -----

// plan.linear (C4): another grid than the tokens.
func.func @f(%a0: tensor<1x9x4xf32>, %a1: tensor<1x16x8xf32>) {
  // expected-error @below {{(C4) expected x [B, 15, C] and a result [B, 6, N], found tensor<1x9x4xf32> and tensor<1x6x8xf32>}}
  %y = plan.linear %a0, %a1 gather <height = 3, width = 5> : (tensor<1x9x4xf32>, tensor<1x16x8xf32>) -> tensor<1x6x8xf32>
  return
}

// -----

// plan.linear (C4): groups that reach from one token into the next.
!w = tensor<8x48x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <f32 x f32, k 1>>>
func.func @f(%a0: tensor<1x9x12xf32>, %a1: !w) {
  // expected-error @below {{(C4) expected panels whose words and groups end with 12 columns, found tensor<8x48x!blue.quantized<i8 group 32 scale f16>, #plan.panels<rows 8, dot <f32 x f32, k 1>>>}}
  %y = plan.linear %a0, %a1 gather <height = 3, width = 3> : (tensor<1x9x12xf32>, !w) -> tensor<1x4x8xf32>
  return
}

// -----

// plan.linear (C4): words that do.
!w = tensor<8x40x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 8, dot <f32 x f32, k 1>>>
func.func @f(%a0: tensor<1x9x10xf32>, %a1: !w) {
  // expected-error @below {{(C4) expected panels whose words and groups end with 10 columns}}
  %y = plan.linear %a0, %a1 gather <height = 3, width = 3> : (tensor<1x9x10xf32>, !w) -> tensor<1x4x8xf32>
  return
}

// -----

// plan.linear (C1): panels for one token, where four are gathered.
func.func @f(%a0: tensor<1x9x4xf32>, %a1: tensor<1x4x8xf32>) {
  // expected-error @below {{(C1) expected panels tensor<1x16x8xf32>, found tensor<1x4x8xf32>}}
  %y = plan.linear %a0, %a1 gather <height = 3, width = 3> : (tensor<1x9x4xf32>, tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  return
}

// -----

// #plan.downsample: a grid without tokens.
func.func @f(%a0: tensor<1x0x4xf32>, %a1: tensor<1x16x8xf32>) {
  // expected-error @below {{expected a grid with tokens, found 0 x 3}}
  %y = plan.linear %a0, %a1 gather <height = 0, width = 3> : (tensor<1x0x4xf32>, tensor<1x16x8xf32>) -> tensor<1x0x8xf32>
  return
}

// -----

// plan.linear (C2): a bias of another length.
func.func @f(%a0: tensor<2x4xf32>, %a1: tensor<1x4x8xf32>, %a2: tensor<7xf32>) {
  // expected-error @below {{(C2) expected bias tensor<8xf32>, found tensor<7xf32>}}
  %y = plan.linear %a0, %a1, %a2 : (tensor<2x4xf32>, tensor<1x4x8xf32>, tensor<7xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.im2col (C1): a patch that is larger than the picture.
func.func @f(%a0: tensor<1x3x4x4xf32>) {
  // expected-error @below {{(C1) expected pixels [B, C, H, W] of at least one patch}}
  %y = plan.im2col %a0 {patch = 5} : (tensor<1x3x4x4xf32>) -> tensor<1x1x75xf32>
  return
}

// -----

// plan.im2col (C2): blocks that do not fill the grid.
func.func @f(%a0: tensor<1x3x4x6xf32>) {
  // expected-error @below {{(C2) expected a block that divides a grid of 2 x 3 patches, found 2}}
  %y = plan.im2col %a0 {patch = 2, block = 2} : (tensor<1x3x4x6xf32>) -> tensor<1x6x12xf32>
  return
}

// -----

// plan.im2col (C1): another number of patches.
func.func @f(%a0: tensor<1x3x4x5xf32>) {
  // expected-error @below {{(C1) expected result tensor<1x4x12xf32>, found tensor<1x5x12xf32>}}
  %y = plan.im2col %a0 {patch = 2} : (tensor<1x3x4x5xf32>) -> tensor<1x5x12xf32>
  return
}

// -----

// plan.pack_keys (C1): keys of another width.
func.func @f(%a0: tensor<1x4x8xf32>) {
  // expected-error @below {{(C1) expected keys with last dim 12, found tensor<1x4x8xf32>}}
  %y = plan.pack_keys %a0 : (tensor<1x4x8xf32>) -> tensor<1x2x1x6x4xf32>
  return
}

// -----

// plan.pack_keys (C1): too few blocks.
func.func @f(%a0: tensor<1x5x12xf32>) {
  // expected-error @below {{(C1) expected result tensor<1x2x2x6x4xf32>, found tensor<1x2x1x6x4xf32>}}
  %y = plan.pack_keys %a0 : (tensor<1x5x12xf32>) -> tensor<1x2x1x6x4xf32>
  return
}

// -----

// plan.pack_keys (C1): a result of another rank.
func.func @f(%a0: tensor<1x5x12xf32>) {
  // expected-error @below {{(C1) expected keys [B, T, heads * D] and a result [B, heads, blocks, D, L]}}
  %y = plan.pack_keys %a0 : (tensor<1x5x12xf32>) -> tensor<1x5x12xf32>
  return
}

// -----

// plan.append_keys (C1): keys of another width.
func.func @f(%a0: tensor<2x5xf32>, %a1: tensor<1x1x2x4x4xf32>) {
  // expected-error @below {{(C1) expected keys [T, heads * D] and a cache [1, heads, blocks, D, L]}}
  plan.append_keys %a0 into %a1 : tensor<2x5xf32>, tensor<1x1x2x4x4xf32>
  return
}

// -----

// plan.append_values (C1): values of another width.
func.func @f(%a0: tensor<2x5xf32>, %a1: tensor<1x8x4xf32>) {
  // expected-error @below {{(C1) expected values [T, heads * D] and a cache [1, context, heads * D]}}
  plan.append_values %a0 into %a1 : tensor<2x5xf32>, tensor<1x8x4xf32>
  return
}

// -----

// plan.attention (C1): heads that cannot be shared out.
func.func @f(%a0: tensor<2x12xf32>, %a1: tensor<1x2x2x4x4xf32>, %a2: tensor<1x8x8xf32>) {
  // expected-error @below {{(C1) expected num_heads to be a multiple of num_kv_heads, found 3 and 2}}
  %y = plan.attention %a0, %a1, %a2 {causal, num_heads = 3, num_kv_heads = 2, scale = 1.0} : (tensor<2x12xf32>, tensor<1x2x2x4x4xf32>, tensor<1x8x8xf32>) -> tensor<2x12xf32>
  return
}

// -----

// plan.attention (C4): a cap of nothing.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x8x4xf32>) {
  // expected-error @below {{(C4) expected a positive softcap, found -1}}
  %y = plan.attention %a0, %a1, %a2 {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0, softcap = -1.0} : (tensor<2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C4): a window that shows nothing.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x8x4xf32>) {
  // expected-error @below {{(C4) expected a positive window of causal attention, found 0}}
  %y = plan.attention %a0, %a1, %a2 {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0, window = 0} : (tensor<2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C4): sinks of other heads.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x8x4xf32>, %s: tensor<4xf32>) {
  // expected-error @below {{(C4) expected sinks [2], found tensor<4xf32>}}
  %y = plan.attention %a0, %a1, %a2 sinks %s {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>, tensor<4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C1): keys of other heads.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x2x2x4x4xf32>, %a2: tensor<1x8x4xf32>) {
  // expected-error @below {{(C1) expected keys [B, 1, blocks, D, L], found tensor<1x2x2x4x4xf32>}}
  %y = plan.attention %a0, %a1, %a2 {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x2x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C1): values of another length.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x9x4xf32>) {
  // expected-error @below {{(C1) expected values [B, S, kv_heads * D] for keys tensor<1x1x2x4x4xf32>, found tensor<1x9x4xf32>}}
  %y = plan.attention %a0, %a1, %a2 {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x9x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C1): a causal query with a batch.
func.func @f(%a0: tensor<1x2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x8x4xf32>) {
  // expected-error @below {{(C1) expected a query [T, num_heads * D], found tensor<1x2x8xf32>}}
  %y = plan.attention %a0, %a1, %a2 {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<1x2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<1x2x8xf32>
  return
}

// -----

// plan.attention (C1): an encoder without a batch.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x8x4xf32>) {
  // expected-error @below {{(C1) expected a query [B, S, num_heads * D], found tensor<2x8xf32>}}
  %y = plan.attention %a0, %a1, %a2 {num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

// plan.attention (C2): a result of another type.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x8x4xf32>) {
  // expected-error @below {{(C2) expected a result of type tensor<2x8xf32>, found tensor<3x8xf32>}}
  %y = plan.attention %a0, %a1, %a2 {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>) -> tensor<3x8xf32>
  return
}

// -----

// plan.device (C1): two ops for one device.
plan.device "npu" target #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
// expected-error @below {{(C1) expected one op for device 'npu', found two}}
plan.device "npu" target #plan.target<name = "u", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// -----

// plan.attention (C5): a basis over a cache of floats.
func.func @f(%a0: tensor<2x8xf32>, %a1: tensor<1x1x2x4x4xf32>, %a2: tensor<1x8x4xf32>, %b: tensor<1x2x4xf32>, %t: tensor<2x8xf32>) {
  // expected-error @below {{(C5) expected key_basis and key_table together, over a quantized cache}}
  %y = plan.attention %a0, %a1, %a2 lifted %b by %t {causal, num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<2x8xf32>, tensor<1x1x2x4x4xf32>, tensor<1x8x4xf32>, tensor<1x2x4xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return
}
