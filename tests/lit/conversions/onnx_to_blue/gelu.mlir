// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// A sum with two in place of one is something else.
// CHECK-LABEL: func.func @not_gelu
// CHECK: onnx.Erf {{.*}}blue.unraised
func.func @not_gelu(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %root = onnx.Constant dense<1.41421354> : tensor<f32> : tensor<f32>
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %half = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %quotient = onnx.Div %x, %root : (!rows, tensor<f32>) -> tensor<*xf32>
  %erf = onnx.Erf %quotient : (tensor<*xf32>) -> tensor<*xf32>
  %sum = onnx.Add %erf, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %product = onnx.Mul %x, %sum : (!rows, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Mul %product, %half : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// The exact form, written out.
// CHECK-LABEL: func.func @erf
// CHECK: %[[Y:.*]] = blue.gelu %arg0
// CHECK-NEXT: return %[[Y]]
func.func @erf(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %root = onnx.Constant dense<1.41421354> : tensor<f32> : tensor<f32>
  %one = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %half = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %quotient = onnx.Div %x, %root : (!rows, tensor<f32>) -> tensor<*xf32>
  %erf = onnx.Erf %quotient : (tensor<*xf32>) -> tensor<*xf32>
  %sum = onnx.Add %erf, %one : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %product = onnx.Mul %x, %sum : (!rows, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Mul %product, %half : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// The tanh form as TorchScript exports write it, of an x that is a product itself.
// CHECK-LABEL: func.func @tanh
// CHECK: %[[X:.*]] = blue.mul %arg0, %arg0
// CHECK: %[[Y:.*]] = blue.gelu_tanh %[[X]]
// CHECK-NEXT: return %[[Y]]
func.func @tanh(%a: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %cubic = onnx.Constant dense<0.044715> : tensor<f32> : tensor<f32>
  %root = onnx.Constant dense<0.797884583> : tensor<f32> : tensor<f32>
  %one = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %half = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %x = onnx.Mul %a, %a : (!rows, !rows) -> tensor<*xf32>
  %x2 = onnx.Mul %x, %x : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %x3 = onnx.Mul %x, %x2 : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %small = onnx.Mul %cubic, %x3 : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %inner = onnx.Add %x, %small : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %scaled = onnx.Mul %root, %inner : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %tanh = onnx.Tanh %scaled : (tensor<*xf32>) -> tensor<*xf32>
  %sum = onnx.Add %one, %tanh : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %product = onnx.Mul %x, %sum : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Mul %half, %product : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// Nodes, and a power for the cube with the half on the other factor, as dynamo exports write it.
// CHECK-LABEL: func.func @nodes
// CHECK: blue.gelu %arg0
// CHECK: blue.gelu_tanh
// CHECK: blue.quick_gelu
// CHECK: blue.add %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<4xf32>)
// CHECK: blue.gelu_tanh
// CHECK: blue.gelu_tanh
// CHECK-NEXT: return
func.func @nodes(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %bias = onnx.Constant dense<3.0> : tensor<4xf32> : tensor<4xf32>
  %three = onnx.Constant dense<3.0> : tensor<f32> : tensor<f32>
  %cubic = onnx.Constant dense<0.044715> : tensor<f32> : tensor<f32>
  %root = onnx.Constant dense<0.797884583> : tensor<f32> : tensor<f32>
  %one = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %half = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %0 = onnx.Gelu %x : (!rows) -> tensor<*xf32>
  %1 = onnx.Gelu %0 {approximate = "tanh"} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.ms.QuickGelu %1 : (tensor<*xf32>) -> tensor<*xf32>
  %3 = onnx.ms.FastGelu %2, %bias : (tensor<*xf32>, tensor<4xf32>) -> tensor<*xf32>
  %cube = onnx.Pow %3, %three : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %small = onnx.Mul %cubic, %cube : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %inner = onnx.Add %3, %small : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %scaled = onnx.Mul %root, %inner : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %tanh = onnx.Tanh %scaled : (tensor<*xf32>) -> tensor<*xf32>
  %sum = onnx.Add %tanh, %one : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %halved = onnx.Mul %half, %sum : (tensor<f32>, tensor<*xf32>) -> tensor<*xf32>
  %y = onnx.Mul %3, %halved : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}
