// RUN: bluec-opt %s -infer-shapes | FileCheck %s
// RUN: bluec-opt %s -infer-shapes -fold-constants | FileCheck %s --check-prefix=FOLDED

// A slice takes no more than there is. What its bounds say counts where that is so for any lengths.

#rows = #onnx.dims<()[s0, s1] -> (s0, 8)>
#all = #onnx.dims<()[s0, s1] -> (s0 + s1, 8)>

// CHECK-LABEL: func.func @slices
func.func @slices(%rows: tensor<?x8xf32, #rows>, %all: tensor<?x8xf32, #all>, %table: tensor<16x8xf32>)
    -> (tensor<*xi64>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) attributes {onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %axis = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c0 = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %c1 = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c4 = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %c99 = onnx.Constant dense<99> : tensor<1xi64> : tensor<1xi64>
  %t = onnx.Shape %rows {end = 1 : i64} : (tensor<?x8xf32, #rows>) -> tensor<*xi64>

  // Four rows, or as many as there are. So their number is no constant.
  // CHECK: %[[FOUR:.*]] = onnx.Slice %arg0, {{.*}} -> tensor<?x8xf32, #onnx.dims<()[s0, s1, s2] -> (s2, 8)>>
  // CHECK: onnx.Shape %[[FOUR]]
  // FOLDED: %[[FOUR:.*]] = onnx.Slice %arg0
  // FOLDED: onnx.Shape %[[FOUR]]
  %four = onnx.Slice %rows, %c0, %c4, %axis, %none : (tensor<?x8xf32, #rows>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  %count = onnx.Shape %four : (tensor<*xf32>) -> tensor<*xi64>

  // The first of at least one.
  // CHECK: onnx.Slice %arg0, {{.*}} -> tensor<1x8xf32>
  %first = onnx.Slice %rows, %c0, %c1, %axis, %none : (tensor<?x8xf32, #rows>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>

  // t of t + p rows.
  // CHECK: onnx.Slice %arg1, {{.*}} -> tensor<?x8xf32, #onnx.dims<()[s0] -> (s0, 8)>>
  %some = onnx.Slice %all, %c0, %t, %axis, %none : (tensor<?x8xf32, #all>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>, none) -> tensor<*xf32>

  // t rows of a table; all rows of it.
  // CHECK: onnx.Slice %arg2, {{.*}} -> tensor<?x8xf32, #onnx.dims<()[s0] -> (s0, 8)>>
  %taken = onnx.Slice %table, %c0, %t, %axis, %none : (tensor<16x8xf32>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  // CHECK: onnx.Slice %arg2, {{.*}} -> tensor<16x8xf32>
  %whole = onnx.Slice %table, %c0, %c99, %axis, %none : (tensor<16x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<*xf32>
  return %count, %first, %some, %taken, %whole, %four : tensor<*xi64>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
