// RUN: bluec-opt %s -unpack-attention -fold-constants | FileCheck %s

// MultiHeadAttention has its projections outside already.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: onnx.MatMul
func.func @apart(%x: tensor<1x4x6xf32>) -> tensor<*xf32> {
  %none = onnx.None : none
  %0, %1, %2 = onnx.ms.MultiHeadAttention %x, %x, %x, %none, %none, %none, %none, %none {num_heads = 2 : i64} : (tensor<1x4x6xf32>, tensor<1x4x6xf32>, tensor<1x4x6xf32>, none, none, none, none, none) -> (tensor<*xf32>, none, none)
  return %0 : tensor<*xf32>
}

// One weight and one bias become three of each.
// CHECK-LABEL: func.func @packed
// CHECK-DAG: %[[WQ:.*]] = onnx.Weight "qkv" <"m.onnx" at 0 : tensor<6x18xf32>> [#blue.slice<1 : 0 to 6>] : tensor<6x6xf32>
// CHECK-DAG: %[[WV:.*]] = onnx.Weight "qkv" <"m.onnx" at 0 : tensor<6x18xf32>> [#blue.slice<1 : 12 to 18>] : tensor<6x6xf32>
// CHECK-DAG: %[[Q:.*]] = onnx.MatMul %arg0, %[[WQ]]
// CHECK-DAG: %[[V:.*]] = onnx.MatMul %arg0, %[[WV]]
// CHECK: onnx.ms.MultiHeadAttention
// CHECK-SAME: num_heads = 2 : i64
func.func @packed(%x: tensor<1x4x6xf32>) -> tensor<*xf32> {
  %none = onnx.None : none
  %w = onnx.Weight "qkv" <"m.onnx" at 0 : tensor<6x18xf32>> : tensor<6x18xf32>
  %b = onnx.Constant dense<0.5> : tensor<18xf32> : tensor<18xf32>
  %0, %1 = onnx.ms.Attention %x, %w, %b, %none, %none, %none, %none {num_heads = 2 : i64} : (tensor<1x4x6xf32>, tensor<6x18xf32>, tensor<18xf32>, none, none, none, none) -> (tensor<*xf32>, none)
  return %0 : tensor<*xf32>
}
