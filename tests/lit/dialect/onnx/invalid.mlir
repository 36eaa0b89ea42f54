// RUN: bluec-opt %s -split-input-file -verify-diagnostics

// An input that a node cannot do without.
func.func @missing_input(%x: tensor<2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{operand #1 must be a tensor, but got 'none'}}
  %0 = onnx.MatMul %x, %none : (tensor<2xf32>, none) -> tensor<2xf32>
  return
}

// -----

// An attribute that a node cannot do without.
func.func @missing_attribute(%x: tensor<2xf32>) {
  // expected-error @+1 {{requires attribute 'axis'}}
  %0 = onnx.Concat %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

// An attribute of another type.
func.func @wrong_attribute(%x: tensor<2xf32>) {
  // expected-error @+1 {{attribute 'axis' failed to satisfy constraint: 64-bit signless integer attribute}}
  %0 = onnx.Softmax %x {axis = "last"} : (tensor<2xf32>) -> tensor<2xf32>
  return
}
