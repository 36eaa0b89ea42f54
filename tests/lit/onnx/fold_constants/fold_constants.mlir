// RUN: bluec-opt %s -fold-constants | FileCheck %s

// What depends on the input is not folded.
// CHECK-LABEL: func.func @depends
// CHECK: onnx.Add
func.func @depends(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = onnx.Constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %0 = onnx.Add %x, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// Constants are evaluated.
// CHECK-LABEL: func.func @evaluate
// CHECK-NEXT: %[[C:.*]] = onnx.Constant dense<[3.500000e+00, 4.500000e+00]> : tensor<2xf32>
// CHECK-NEXT: return %[[C]]
func.func @evaluate() -> tensor<2xf32> {
  %a = onnx.Constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %b = onnx.Constant dense<2.5> : tensor<f32> : tensor<f32>
  %0 = onnx.Add %a, %b : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// Half of a static dim, as TorchScript writes the bound of a slice, is a constant; the slice knows it.
// CHECK-LABEL: func.func @half_of_head
// CHECK-DAG: onnx.Constant dense<6> : tensor<1xi64>
// CHECK-NOT: onnx.Shape
// CHECK: onnx.Slice {{.*}} -> tensor<1x4x?x6xf32
func.func @half_of_head(%q: tensor<1x4x?x12xf32, #onnx.dims<()[s0] -> (1, 4, s0, 12)>>) -> tensor<*xf32>
    attributes {onnx.symbols = ["sequence"]} {
  %none = onnx.None : none
  %three = onnx.Constant dense<3> : tensor<i64> : tensor<i64>
  %two = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %zero = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %axis = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %shape = onnx.Shape %q : (tensor<1x4x?x12xf32, #onnx.dims<()[s0] -> (1, 4, s0, 12)>>) -> tensor<*xf32>
  %depth = onnx.Gather %shape, %three : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %half = onnx.Div %depth, %two : (tensor<*xf32>, tensor<i64>) -> tensor<*xf32>
  %end = onnx.Unsqueeze %half, %zero : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %0 = onnx.Slice %q, %zero, %end, %axis, %none : (tensor<1x4x?x12xf32, #onnx.dims<()[s0] -> (1, 4, s0, 12)>>, tensor<1xi64>, tensor<*xf32>, tensor<1xi64>, none) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// A node that cannot be evaluated stays: it may be in a branch that never runs.
// CHECK-LABEL: func.func @division_by_zero
// CHECK: onnx.Div
func.func @division_by_zero() -> tensor<2xi64> {
  %a = onnx.Constant dense<[1, 2]> : tensor<2xi64> : tensor<2xi64>
  %b = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %0 = onnx.Div %a, %b : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// No constant larger than the limit is made.
// CHECK-LABEL: func.func @too_large
// CHECK: onnx.Expand
func.func @too_large() -> tensor<*xf32> {
  %a = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %s = onnx.Constant dense<[100000, 100000]> : tensor<2xi64> : tensor<2xi64>
  %0 = onnx.Expand %a, %s : (tensor<f32>, tensor<2xi64>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// Positions that an exporter resizes, to another size and to their own.
// CHECK-LABEL: func.func @resize
// CHECK-DAG: %[[A:.*]] = onnx.Constant dense<{{.*}}1.000000e+00, 1.250000e+00, 1.750000e+00, 2.000000e+00{{.*}}> : tensor<1x1x1x4xf32>
// CHECK-DAG: %[[B:.*]] = onnx.Constant dense<{{.*}}1.000000e+00, 2.000000e+00{{.*}}> : tensor<1x1x1x2xf32>
// CHECK: return %[[A]], %[[B]]
func.func @resize() -> (tensor<*xf32>, tensor<*xf32>) {
  %none = onnx.None : none
  %x = onnx.Constant dense<[[[[1.0, 2.0]]]]> : tensor<1x1x1x2xf32> : tensor<1x1x1x2xf32>
  %sizes = onnx.Constant dense<[1, 1, 1, 4]> : tensor<4xi64> : tensor<4xi64>
  %own = onnx.Constant dense<[1, 1, 1, 2]> : tensor<4xi64> : tensor<4xi64>
  %0 = onnx.Resize %x, %none, %none, %sizes {mode = "linear"} : (tensor<1x1x1x2xf32>, none, none, tensor<4xi64>) -> tensor<*xf32>
  %1 = onnx.Resize %x, %none, %none, %own {coordinate_transformation_mode = "pytorch_half_pixel", mode = "cubic"} : (tensor<1x1x1x2xf32>, none, none, tensor<4xi64>) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}
