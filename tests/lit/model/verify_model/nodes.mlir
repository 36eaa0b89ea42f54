// RUN: not bluec-opt %s -verify-model 2>&1 | FileCheck %s

// Nodes that were not raised are named with their reasons, those that say why first, and counted.
// CHECK: error: loc("/model/Gelu"): Gelu: expected this
// CHECK: error: loc("/model/Erf"): Erf: expected a node of a layer that bluec knows
// CHECK: error: 2 nodes of 3 could not be raised
func.func @vision(%x: tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32> attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Erf %x {blue.unraised = "expected a node of a layer that bluec knows"} : (tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32> loc("/model/Erf")
  %1 = onnx.Tanh %0 : (tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32>
  %2 = onnx.ms.Gelu %1 {blue.unraised = "expected this"} : (tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32> loc("/model/Gelu")
  return %2 : tensor<?x3x4x4xf32>
}
