// RUN: bluec-opt %s -split-input-file -infer-shapes -onnx-to-blue | FileCheck %s

#rows = #onnx.dims<()[s0] -> (s0, 3, 4)>
!rows = tensor<?x3x4xf32, #rows>

// A norm over all of a picture's dims is none that bluec has.
// CHECK-LABEL: func.func @other_axis
// CHECK: onnx.LayerNormalization {{.*}}blue.unraised = "expected a norm over the last dim, found axis 1"
func.func @other_axis(%x: tensor<?x1x3x4xf32, #onnx.dims<()[s0] -> (s0, 1, 3, 4)>> {onnx.name = "pixel_values"})
    -> (tensor<*xf32> {onnx.name = "image_features"}) attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %weight = onnx.Constant dense<2.0> : tensor<1x3x4xf32> : tensor<1x3x4xf32>
  %y:3 = onnx.LayerNormalization %x, %weight, %none {axis = 1}
      : (tensor<?x1x3x4xf32, #onnx.dims<()[s0] -> (s0, 1, 3, 4)>>, tensor<1x3x4xf32>, none) -> (tensor<*xf32>, none, none)
  return %y#0 : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// Written out, with the mean computed once and the bias last.
// CHECK-LABEL: func.func @written_out
// CHECK-DAG: %[[W:.*]] = blue.constant "decoder.weight" dense<2.000000e+00>
// CHECK-DAG: %[[B:.*]] = blue.constant "decoder.bias" dense<3.000000e+00>
// CHECK: blue.layer_norm %arg0, %[[W]], %[[B]] {epsilon = 5.000000e-01 : f64}
// CHECK-NEXT: return
func.func @written_out(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %two = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %axis = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %epsilon = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %weight = onnx.Constant dense<2.0> : tensor<4xf32> : tensor<4xf32>
  %bias = onnx.Constant dense<3.0> : tensor<4xf32> : tensor<4xf32>
  %mean = onnx.ReduceMean %x, %axis : (!rows, tensor<1xi64>) -> tensor<*xf32>
  %centred = onnx.Sub %x, %mean : (!rows, tensor<*xf32>) -> tensor<*xf32>
  %square = onnx.Pow %centred, %two : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %variance = onnx.ReduceMean %square, %axis : (tensor<*xf32>, tensor<1xi64>) -> tensor<*xf32>
  %sum = onnx.Add %variance, %epsilon : (tensor<*xf32>, tensor<f32>) -> tensor<*xf32>
  %root = onnx.Sqrt %sum : (tensor<*xf32>) -> tensor<*xf32>
  %normal = onnx.Div %centred, %root : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %scaled = onnx.Mul %normal, %weight : (tensor<*xf32>, tensor<4xf32>) -> tensor<*xf32>
  %shifted = onnx.Add %bias, %scaled : (tensor<4xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %shifted : tensor<*xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>

// onnxruntime's node with a skip connection and the bias of the layer before.
// CHECK-LABEL: func.func @skip
// CHECK: %[[S:.*]] = blue.add %arg0, %arg0
// CHECK: %[[T:.*]] = blue.add %[[S]], %{{.*}} : (tensor<?x4xf32>, tensor<4xf32>)
// CHECK: blue.layer_norm %[[T]], %{{.*}}, %{{.*}} {epsilon = 5.000000e-01 : f64}
func.func @skip(%x: !rows {onnx.name = "inputs_embeds"}) -> (tensor<*xf32> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %weight = onnx.Constant dense<2.0> : tensor<4xf32> : tensor<4xf32>
  %bias = onnx.Constant dense<3.0> : tensor<4xf32> : tensor<4xf32>
  %y:4 = onnx.ms.SkipLayerNormalization %x, %x, %weight, %bias, %bias {epsilon = 0.5 : f32}
      : (!rows, !rows, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<*xf32>, none, none, none)
  return %y#0 : tensor<*xf32>
}
