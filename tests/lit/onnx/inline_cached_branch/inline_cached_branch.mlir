// RUN: bluec-opt %s -inline-cached-branch -split-input-file -verify-diagnostics | FileCheck %s

// A graph without If keeps all its inputs, whatever their names.
// CHECK-LABEL: func.func @no_branch
// CHECK-SAME: onnx.name = "use_cache_branch"
func.func @no_branch(%x: tensor<2xf32>, %c: tensor<1xi1> {onnx.name = "use_cache_branch"}) -> tensor<2xf32> {
  %0 = onnx.Neg %x : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// A merged decoder: the then-branch, with a past, takes the place of the If, and the input goes.
// CHECK-LABEL: func.func @merged(%arg0: tensor<2xf32> {onnx.name = "x"}) -> tensor<2xf32>
// CHECK-NEXT: %[[Y:.*]] = onnx.Neg %arg0
// CHECK-NEXT: return %[[Y]]
func.func @merged(%x: tensor<2xf32> {onnx.name = "x"},
                  %c: tensor<1xi1> {onnx.name = "use_cache_branch"}) -> tensor<*xf32> {
  %0 = onnx.Identity %c : (tensor<1xi1>) -> tensor<1xi1>
  %1 = onnx.If %0 : (tensor<1xi1>) -> tensor<*xf32> {
    %2 = onnx.Neg %x : (tensor<2xf32>) -> tensor<*xf32>
    onnx.Yield %2 : tensor<*xf32>
  } else {
    %2 = onnx.Abs %x : (tensor<2xf32>) -> tensor<*xf32>
    onnx.Yield %2 : tensor<*xf32>
  }
  return %1 : tensor<*xf32>
}

// -----

// A condition that is constant.
// CHECK-LABEL: func.func @constant
// CHECK: onnx.Abs
// CHECK-NOT: onnx.Neg
func.func @constant(%x: tensor<2xf32>) -> tensor<*xf32> {
  %c = onnx.Constant dense<false> : tensor<i1> : tensor<i1>
  %1 = onnx.If %c : (tensor<i1>) -> tensor<*xf32> {
    %2 = onnx.Neg %x : (tensor<2xf32>) -> tensor<*xf32>
    onnx.Yield %2 : tensor<*xf32>
  } else {
    %2 = onnx.Abs %x : (tensor<2xf32>) -> tensor<*xf32>
    onnx.Yield %2 : tensor<*xf32>
  }
  return %1 : tensor<*xf32>
}

// -----

// Any other condition would be control flow in the bundle.
func.func @other(%x: tensor<2xf32>, %c: tensor<i1> {onnx.name = "flag"}) -> tensor<*xf32> {
  // expected-error @+1 {{If: expected a condition that is a constant or the input "use_cache_branch", found another one}}
  %1 = onnx.If %c : (tensor<i1>) -> tensor<*xf32> {
    onnx.Yield %x : tensor<2xf32>
  } else {
    onnx.Yield %x : tensor<2xf32>
  }
  return %1 : tensor<*xf32>
}
