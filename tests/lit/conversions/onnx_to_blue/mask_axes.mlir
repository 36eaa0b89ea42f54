// RUN: bluec-opt %s -infer-shapes -onnx-to-blue=context=40 | FileCheck %s

// Masks do not follow positions on axes, whatever they are where all axes are the same.
#rows = #onnx.dims<()[s0, s1] -> (1, s0, 8)>
!rows = tensor<1x?x8xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>
#positions = #onnx.dims<()[s0, s1] -> (3, 1, s0)>
!positions = tensor<3x1x?xi64, #positions>

// Rows that see what is not after their place in time: a picture would see itself.
// CHECK-LABEL: func.func @by_time
// CHECK: onnx.MatMul {{.*}}blue.unraised = "expected a causal mask, found one where row {{.*}} with other positions on axis 0)"
func.func @by_time(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"},
                    %pv: !past {onnx.name = "past_key_values.0.value"}, %places: !positions {onnx.name = "position_ids"})
    -> (tensor<*xf32> {onnx.name = "logits"}, tensor<*xf32> {onnx.name = "present.0.key"}, tensor<*xf32> {onnx.name = "present.0.value"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %w = onnx.Weight "w" <"m.onnx" at 64 : tensor<8x4xf32>> : tensor<8x4xf32>
  %k = onnx.MatMul %x, %w : (!rows, tensor<8x4xf32>) -> tensor<*xf32>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %c0 = onnx.Constant dense<0> : tensor<i64> : tensor<i64>
  %c1 = onnx.Constant dense<1> : tensor<i64> : tensor<i64>
  %c2 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %k4 = onnx.Unsqueeze %k, %one : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %pk1 = onnx.Concat %pk, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %pv1 = onnx.Concat %pv, %k4 {axis = -2} : (!past, tensor<*xf32>) -> tensor<*xf32>
  %split = onnx.Constant dense<[1, -1, 2, 4]> : tensor<4xi64> : tensor<4xi64>
  %q4 = onnx.Reshape %x, %split : (!rows, tensor<4xi64>) -> tensor<*xf32>
  %q = onnx.Transpose %q4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %kt = onnx.Transpose %pk1 {perm = array<i64: 0, 1, 3, 2>} : (tensor<*xf32>) -> tensor<*xf32>
  %factor = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %divisor = onnx.Constant dense<4.0> : tensor<f32> : tensor<f32>
  %qs = onnx.Mul %q, %factor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %ks = onnx.Div %kt, %divisor : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %scores = onnx.MatMul %qs, %ks : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %xs = onnx.Shape %x : (!rows) -> tensor<*xi64>
  %ps = onnx.Shape %pk : (!past) -> tensor<*xi64>
  %t = onnx.Gather %xs, %c1 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %p = onnx.Gather %ps, %c2 : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %all = onnx.Add %t, %p : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %j = onnx.Range %c0, %all, %c1 : (tensor<i64>, tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %time = onnx.Gather %places, %c0 {axis = 0} : (!positions, tensor<i64>) -> tensor<*xi64>
  %rank1 = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %row = onnx.Reshape %time, %rank1 : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %i = onnx.Unsqueeze %row, %one : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %causal = onnx.LessOrEqual %j, %i : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi1>
  %zero = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %low = onnx.Constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %mask = onnx.Where %causal, %zero, %low : (tensor<*xi1>, tensor<f32>, tensor<f32>) -> tensor<*xf32>
  %masked = onnx.Add %scores, %mask : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %softmax = onnx.Softmax %masked : (tensor<*xf32>) -> tensor<*xf32>
  %nan = onnx.IsNaN %softmax : (tensor<*xf32>) -> tensor<*xi1>
  %probabilities = onnx.Where %nan, %zero, %softmax : (tensor<*xi1>, tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.MatMul %probabilities, %pv1 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %back = onnx.Transpose %y {perm = array<i64: 0, 2, 1, 3>} : (tensor<*xf32>) -> tensor<*xf32>
  %flat = onnx.Constant dense<[1, -1, 8]> : tensor<3xi64> : tensor<3xi64>
  %result = onnx.Reshape %back, %flat : (tensor<*xf32>, tensor<3xi64>) -> tensor<*xf32>
  return %result, %pk1, %pv1 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
