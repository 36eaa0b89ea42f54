// RUN: bluec-opt %s -infer-shapes -split-input-file -verify-diagnostics

// What a node says of its quantized weight has to fit the weight.
func.func @bits(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{ms.MatMulNBits: expected bits 4 or 8, found 2}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, bits = 2 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @block(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a block_size that is a power of two from 16 to 1048576, found 4611686018427387904}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 4611686018427387904 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @extents(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a weight of 1 to 4294967296 rows and columns, found 6 and -32}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = -32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @weight_shape(%x: tensor<4x32xf32>, %w: tensor<6x2x9xui8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{ms.MatMulNBits: expected a weight of shape [6, 2, 8], found [6, 2, 9]}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x9xui8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

// The product of the extents does not fit 64 bits; it is compared all the same.
func.func @absurd(%x: tensor<4x4294967296xf32>, %w: tensor<4294967296x4294967296x2xui8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a weight of shape [4294967296, 268435456, 8], found}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 4294967296 : i64, N = 4294967296 : i64, block_size = 16 : i64} : (tensor<4x4294967296xf32>, tensor<4294967296x4294967296x2xui8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @weight_type(%x: tensor<4x32xf32>, %w: tensor<6x2x8xi8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a weight of ui8, found 'i8'}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xi8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @scales_shape(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x3xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected scales of shape [6, 2], found [6, 3]}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x3xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @scales_unknown(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x?xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected scales of static shape}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x?xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @scales_type(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf16>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected scales of the activations' type 'f32', found 'f16'}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf16>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @scales_integers(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xi32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected scales of floats, found 'i32'}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xi32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

// Zero points that are floats cannot be kept.
func.func @zeros_type(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected zero points of ui8, found 'f32'}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %s, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, tensor<6x2xf32>, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @zeros_shape(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>, %z: tensor<6x2xui8>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected zero points of shape [6, 1], found [6, 2]}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %z, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, tensor<6x2xui8>, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @order(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>, %g: tensor<32xi32>) {
  %none = onnx.None : none
  // expected-error @+1 {{g_idx: expected none (columns in their order), found one}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %g, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, none, tensor<32xi32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @bias(%x: tensor<4x32xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>, %b: tensor<6xf16>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a bias of 6 elements of 'f32'}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %b {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x32xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, none, none, tensor<6xf16>) -> tensor<*xf32>
  return
}

// -----

func.func @columns(%x: tensor<4x33xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected activations of 32 columns}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 32 : i64, N = 6 : i64, block_size = 16 : i64} : (tensor<4x33xf32>, tensor<6x2x8xui8>, tensor<6x2xf32>, none, none, none) -> tensor<*xf32>
  return
}

// -----

func.func @table_axes(%d: tensor<9x16xui8>, %i: tensor<3xi64>, %s: tensor<9x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected data of rank 2, gather_axis 0 and quantize_axis 1, found rank 2, 1 and 1}}
  %0 = onnx.ms.GatherBlockQuantized %d, %i, %s, %none {block_size = 16 : i64, gather_axis = 1 : i64} : (tensor<9x16xui8>, tensor<3xi64>, tensor<9x2xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @table_bits(%d: tensor<9x16xi4>, %i: tensor<3xi64>, %s: tensor<9x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected bits 4 for 4-bit data, found 8}}
  %0 = onnx.ms.GatherBlockQuantized %d, %i, %s, %none {block_size = 16 : i64, bits = 8 : i64} : (tensor<9x16xi4>, tensor<3xi64>, tensor<9x1xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @table_columns(%d: tensor<9x0xui8>, %i: tensor<3xi64>, %s: tensor<9x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected data of 1 to 4294967296 columns, found 0}}
  %0 = onnx.ms.GatherBlockQuantized %d, %i, %s, %none {block_size = 16 : i64} : (tensor<9x0xui8>, tensor<3xi64>, tensor<9x1xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @table_type(%d: tensor<9x16xi8>, %i: tensor<3xi64>, %s: tensor<9x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected data of ui8, i4 or ui4, found 'i8'}}
  %0 = onnx.ms.GatherBlockQuantized %d, %i, %s, %none {block_size = 16 : i64} : (tensor<9x16xi8>, tensor<3xi64>, tensor<9x1xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @table_ids(%d: tensor<9x16xi4>, %i: tensor<3xf32>, %s: tensor<9x1xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected integer indices, found 'f32'}}
  %0 = onnx.ms.GatherBlockQuantized %d, %i, %s, %none {block_size = 16 : i64} : (tensor<9x16xi4>, tensor<3xf32>, tensor<9x1xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @table_zeros(%d: tensor<9x16xi4>, %i: tensor<3xi64>, %s: tensor<9x1xf32>, %z: tensor<9x1xui4>) {
  // expected-error @+1 {{expected zero points of data's type 'i4', found 'ui4'}}
  %0 = onnx.ms.GatherBlockQuantized %d, %i, %s, %z {block_size = 16 : i64} : (tensor<9x16xi4>, tensor<3xi64>, tensor<9x1xf32>, tensor<9x1xui4>) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_type(%x: tensor<4x6xf32>, %s: tensor<f32>) {
  %none = onnx.None : none
  // expected-error @+1 {{DequantizeLinear: expected integers of 4 to 32 bits, found 'f32'}}
  %0 = onnx.DequantizeLinear %x, %s, %none : (tensor<4x6xf32>, tensor<f32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_output(%x: tensor<4x6xi8>, %s: tensor<f32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected an output_dtype of the scales' type, found float16}}
  %0 = onnx.DequantizeLinear %x, %s, %none {output_dtype = 10 : i64} : (tensor<4x6xi8>, tensor<f32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_zeros(%x: tensor<4x6xi8>, %s: tensor<6xf32>, %z: tensor<6xui8>) {
  // expected-error @+1 {{expected zero points of x's type 'i8', found 'ui8'}}
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<4x6xi8>, tensor<6xf32>, tensor<6xui8>) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_count(%x: tensor<4x6xi8>, %s: tensor<6xf32>, %z: tensor<4xi8>) {
  // expected-error @+1 {{expected as many zero points as scales}}
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<4x6xi8>, tensor<6xf32>, tensor<4xi8>) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_scales(%x: tensor<4x6xi8>, %s: tensor<4xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected scales of shape [6], found [4]}}
  %0 = onnx.DequantizeLinear %x, %s, %none : (tensor<4x6xi8>, tensor<4xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_blocks(%x: tensor<4x6xi8>, %s: tensor<4x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected scales of shape [4, 1], found [4, 2]}}
  %0 = onnx.DequantizeLinear %x, %s, %none {block_size = 9223372036854775807 : i64} : (tensor<4x6xi8>, tensor<4x2xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_negative(%x: tensor<4x6xi8>, %s: tensor<4x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected a block_size of at least 0, found -3}}
  %0 = onnx.DequantizeLinear %x, %s, %none {block_size = -3 : i64} : (tensor<4x6xi8>, tensor<4x2xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @dequantize_dynamic(%x: tensor<4x?xi8>, %s: tensor<4x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected x of static extent along the axis of its blocks}}
  %0 = onnx.DequantizeLinear %x, %s, %none {block_size = 3 : i64} : (tensor<4x?xi8>, tensor<4x2xf32>, none) -> tensor<*xf32>
  return
}

// -----

func.func @rounded(%x: tensor<4xi64>, %s: tensor<f32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected numbers of floats, found 'i64'}}
  %0 = onnx.QuantizeLinear %x, %s, %none : (tensor<4xi64>, tensor<f32>, none) -> tensor<*xui8>
  return
}

// -----

func.func @rounded_to(%x: tensor<4xf32>, %s: tensor<f32>, %z: tensor<i32>) {
  // expected-error @+1 {{expected integers of 4, 8 or 16 bits, found 'i32'}}
  %0 = onnx.QuantizeLinear %x, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<i32>) -> tensor<*xui8>
  return
}

// -----

func.func @rounded_by(%x: tensor<2x4xf32>, %s: tensor<3xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected scales of shape [4], found [3]}}
  %0 = onnx.QuantizeLinear %x, %s, %none : (tensor<2x4xf32>, tensor<3xf32>, none) -> tensor<*xui8>
  return
}

// -----

func.func @own_range(%x: tensor<4xf16>) {
  // expected-error @+1 {{expected numbers of f32, found 'f16'}}
  %0, %1, %2 = onnx.DynamicQuantizeLinear %x : (tensor<4xf16>) -> (tensor<*xui8>, tensor<*xf32>, tensor<*xui8>)
  return
}

// -----

func.func @product(%a: tensor<2x4xi32>, %b: tensor<4x3xui8>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected operands of 8-bit integers, found 'i32'}}
  %0 = onnx.MatMulInteger %a, %b, %none, %none : (tensor<2x4xi32>, tensor<4x3xui8>, none, none) -> tensor<*xi32>
  return
}

// -----

func.func @product_of(%a: tensor<2x5xui8>, %b: tensor<4x3xi8>) {
  %none = onnx.None : none
  // expected-error @+1 {{expected equal inner dims, found 5 and 4}}
  %0 = onnx.MatMulInteger %a, %b, %none, %none : (tensor<2x5xui8>, tensor<4x3xi8>, none, none) -> tensor<*xi32>
  return
}
