// RUN: bluec-opt %s -verify-diagnostics -join-steps

// Bytes are compared, so they have to be known.
plan.entry @encode role encode capacity 4 segment "s" takes ["pixels"] gives ["features"] {
// expected-error @below {{expected an offset; run plan-memory first}}
^bb0(%x: tensor<4x8xf32>):
  %a = plan.launch @kernel(%x) tasks affine_map<(d0) -> (d0)> layer "a" value "a" on "cpu"
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  plan.return %a : tensor<4x8xf32>
}
func.func private @kernel(memref<4x8xf32>, memref<4x8xf32>, index, index, index, index)
