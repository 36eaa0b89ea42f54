// RUN: bluec-opt %s -infer-shapes | FileCheck %s

// A function without onnx ops is left alone.
// CHECK-LABEL: func.func @other(%arg0: tensor<?xf32>) -> tensor<?xf32>
func.func @other(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}

// Heads are split by a shape that the graph computes from shapes: it is followed by value.
// CHECK-LABEL: func.func @heads
// CHECK-SAME: -> tensor<1x4x?x12xf32, #onnx.dims<()[s0] -> (1, 4, s0, 12)>>
func.func @heads(%x: tensor<1x?x48xf32, #onnx.dims<()[s0] -> (1, s0, 48)>>) -> tensor<*xf32>
    attributes {onnx.symbols = ["sequence"]} {
  %none = onnx.None : none
  %one = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %zero = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %rest = onnx.Constant dense<[-1, 12]> : tensor<2xi64> : tensor<2xi64>
  %batch = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  // CHECK: onnx.Shape %arg0 {{.*}} -> tensor<3xi64>
  %shape = onnx.Shape %x : (tensor<1x?x48xf32, #onnx.dims<()[s0] -> (1, s0, 48)>>) -> tensor<*xf32>
  %length = onnx.Gather %shape, %one : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %vector = onnx.Unsqueeze %length, %zero : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  // CHECK: onnx.Concat {{.*}} -> tensor<4xi64>
  %wanted = onnx.Concat %batch, %vector, %rest {axis = 0 : i64} : (tensor<1xi64>, tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  // CHECK: onnx.Reshape {{.*}} -> tensor<1x?x4x12xf32, #onnx.dims<()[s0] -> (1, s0, 4, 12)>>
  %split = onnx.Reshape %x, %wanted : (tensor<1x?x48xf32, #onnx.dims<()[s0] -> (1, s0, 48)>>, tensor<*xf32>) -> tensor<*xf32>
  %heads = onnx.Transpose %split {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  return %heads : tensor<*xf32>
}

// What a cache holds and what is new add up, and the sum is the same dim everywhere.
// CHECK-LABEL: func.func @cache
// CHECK-SAME: -> tensor<1x2x?x12xf32, #onnx.dims<()[s0, s1] -> (1, 2, s0 + s1, 12)>>
func.func @cache(%past: tensor<1x2x?x12xf32, #onnx.dims<()[s0, s1] -> (1, 2, s0, 12)>>,
                 %new: tensor<1x2x?x12xf32, #onnx.dims<()[s0, s1] -> (1, 2, s1, 12)>>) -> tensor<*xf32>
    attributes {onnx.symbols = ["past", "sequence"]} {
  %0 = onnx.Concat %past, %new {axis = -2 : i64} : (tensor<1x2x?x12xf32, #onnx.dims<()[s0, s1] -> (1, 2, s0, 12)>>, tensor<1x2x?x12xf32, #onnx.dims<()[s0, s1] -> (1, 2, s1, 12)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// A dim that depends on data becomes a symbol of its own.
// CHECK-LABEL: func.func @data_dependent
// CHECK-SAME: onnx.symbols = ["
// CHECK: onnx.Range {{.*}} -> tensor<?xi64, #onnx.dims<
func.func @data_dependent(%n: tensor<i64>) -> tensor<*xf32> {
  %zero = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %0 = onnx.Range %zero, %n, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
