// RUN: bluec-opt %s -infer-shapes -split-input-file -verify-diagnostics

// Shapes that do not broadcast.
func.func @broadcast(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error @+1 {{Add: expected shapes that broadcast, found dims 3 and 4}}
  %0 = onnx.Add %a, %b : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @element_types(%a: tensor<2xf32>, %b: tensor<2xi64>) {
  // expected-error @+1 {{Mul: expected operands of one element type, found 'f32' and 'i64'}}
  %0 = onnx.Mul %a, %b : (tensor<2xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @inner_dims(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+1 {{MatMul: expected equal inner dims, found 3 and 4}}
  %0 = onnx.MatMul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @reshape(%a: tensor<2x3xf32>) {
  %shape = onnx.Constant dense<[4, 2]> : tensor<2xi64> : tensor<2xi64>
  // expected-error @+1 {{Reshape: expected a shape of 6 elements, found 8}}
  %0 = onnx.Reshape %a, %shape : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @axis(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{Concat: expected an axis in [-2, 2), found 2}}
  %0 = onnx.Concat %a, %a {axis = 2 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @perm(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{Transpose: expected perm to be a permutation of 2 dims}}
  %0 = onnx.Transpose %a {perm = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @index() {
  %shape = onnx.Constant dense<[4, 2]> : tensor<2xi64> : tensor<2xi64>
  %two = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  // expected-error @+1 {{Gather: expected indices in [-2, 2), found 2}}
  %0 = onnx.Gather %shape, %two : (tensor<2xi64>, tensor<i64>) -> tensor<*xf32>
  return
}

// -----

func.func @kernel(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x14x14xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{Conv: expected a kernel that fits into the padded input, found a reach of 14}}
  %0 = onnx.Conv %x, %w, %none : (tensor<1x3x8x8xf32>, tensor<4x3x14x14xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @cast(%x: tensor<2xf32>) {
  // expected-error @+1 {{Cast: expected an element type that bluec has, found string}}
  %0 = onnx.Cast %x {to = 8 : i64} : (tensor<2xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @heads(%x: tensor<1x4x48xf32>) {
  %none = onnx.None : none
  %l = onnx.Constant dense<3> : tensor<1xi32> : tensor<1xi32>
  // expected-error @+1 {{ms.GroupQueryAttention: expected num_heads to be a multiple of kv_num_heads, found 4 and 3}}
  %0, %1, %2, %3 = onnx.ms.GroupQueryAttention %x, %x, %x, %none, %none, %l, %l, %none, %none, %none, %none, %none, %none, %none, %none, %none {num_heads = 4 : i64, kv_num_heads = 3 : i64} : (tensor<1x4x48xf32>, tensor<1x4x48xf32>, tensor<1x4x48xf32>, none, none, tensor<1xi32>, tensor<1xi32>, none, none, none, none, none, none, none, none, none) -> (tensor<*xf32>, none, none, none)
  return
}

// -----

func.func @split(%x: tensor<6xf32>) {
  %sizes = onnx.Constant dense<[9223372036854775807, 9223372036854775807]> : tensor<2xi64> : tensor<2xi64>
  // expected-error @+1 {{Split: expected dims from 0 to 4294967296, found 9223372036854775807}}
  %0, %1 = onnx.Split %x, %sizes : (tensor<6xf32>, tensor<2xi64>) -> (tensor<*xf32>, tensor<*xf32>)
  return
}

// -----

func.func @resize(%x: tensor<1x2x3xf32>, %n: none) {
  %sizes = onnx.Constant dense<[2, 3]> : tensor<2xi64> : tensor<2xi64>
  // expected-error @+1 {{Resize: expected 3 sizes, found 2}}
  %0 = onnx.Resize %x, %n, %n, %sizes : (tensor<1x2x3xf32>, none, none, tensor<2xi64>) -> tensor<*xf32>
  return
}
