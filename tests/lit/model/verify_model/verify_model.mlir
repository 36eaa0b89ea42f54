// RUN: bluec-opt %s -split-input-file -verify-diagnostics -verify-model

// Layers with the signatures of their roles pass.
func.func @embed(%ids: tensor<?xi64>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<embed>} {
  %table = blue.weight "table" <"m.onnx" at 0 : tensor<10x4xf32>> : tensor<10x4xf32>
  %0 = blue.embedding %ids, %table : (tensor<?xi64>, tensor<10x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func @decoder(%x: tensor<?x4xf32>, %position: index, %pk: tensor<?x4xf32>, %pv: tensor<?x4xf32>)
    -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) attributes {blue.role = #blue.role<decoder>} {
  %y, %k, %v = blue.attention %x, %x, %x past %pk, %pv {causal, num_heads = 1, num_kv_heads = 1, scale = 0.5}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> present tensor<?x4xf32>, tensor<?x4xf32>
  return %y, %k, %v : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Without onnx-to-blue before, every node is one that was not raised.
// expected-error@+1 {{1 node of 1 could not be raised}}
func.func @vision(%x: tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32> attributes {blue.role = #blue.role<vision>} {
  // expected-error@+1 {{Tanh: expected to be raised}}
  %0 = onnx.Tanh %x : (tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32>
  return %0 : tensor<?x3x4x4xf32>
}

// -----

// A function without a role.
// expected-error@+1 {{expected a function with a blue.role, found none}}
func.func @f(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}

// -----

// A role that is no #blue.role.
// expected-error@+1 {{expected a function with a blue.role, found none}}
func.func @f(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {blue.role = "audio"} {
  return %x : tensor<?x4xf32>
}

// -----

// Features without tokens.
// expected-error@+1 {{expected a vision of type pixels [?, C, H, W] to features [?, tokens, hidden]}}
func.func @f(%x: tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32> attributes {blue.role = #blue.role<vision>} {
  return %x : tensor<?x3x4x4xf32>
}

// -----

// A fixed number of ids.
// expected-error@+1 {{expected a embed of type ids [?] to embeddings [?, hidden]}}
func.func @f(%ids: tensor<7xi64>) -> tensor<7x4xf32> attributes {blue.role = #blue.role<embed>} {
  %table = blue.weight "table" <"m.onnx" at 0 : tensor<10x4xf32>> : tensor<10x4xf32>
  %0 = blue.embedding %ids, %table : (tensor<7xi64>, tensor<10x4xf32>) -> tensor<7x4xf32>
  return %0 : tensor<7x4xf32>
}

// -----

// A past without a present.
// expected-error@+1 {{expected a decoder of type embeddings [?, hidden], index, positions [?] or [?, axes], or both, past keys and values [?, W]}}
func.func @f(%x: tensor<?x4xf32>, %position: index, %pk: tensor<?x4xf32>, %pv: tensor<?x4xf32>) -> tensor<?x4xf32>
    attributes {blue.role = #blue.role<decoder>} {
  return %x : tensor<?x4xf32>
}

// -----

// Something that is neither a layer nor a node.
func.func @embed(%ids: tensor<?xi64>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<embed>} {
  // expected-error@+1 {{expected layers only in a model, found arith.constant}}
  %0 = arith.constant dense<1.0> : tensor<10x4xf32>
  %1 = blue.embedding %ids, %0 : (tensor<?xi64>, tensor<10x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// A module in the model.
module {
  // expected-error@+1 {{expected functions only in a model, found builtin.module}}
  module @inner {
  }
}
