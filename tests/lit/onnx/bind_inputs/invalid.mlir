// RUN: bluec-opt %s -bind-inputs -split-input-file -verify-diagnostics

// A list of rows is not a number of them.
// expected-error @+1 {{graph input 'logits_to_keep': expected one integer (rank 0 or 1), found 'tensor<2xi64>'}}
func.func @decoder(%n: tensor<2xi64> {onnx.name = "logits_to_keep"}) -> tensor<*xi64> attributes {blue.role = #blue.role<decoder>} {
  %0 = onnx.Neg %n : (tensor<2xi64>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}
