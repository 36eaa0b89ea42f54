// RUN: bluec-opt %s -unfold-pictures -split-input-file -verify-diagnostics

// Positions of such a graph are those of the picture that its exporter saw.
// expected-error @+1 {{expected a graph input 'image_grid_thw' beside rows of patches, found none: the graph is of one grid, which it does not name; an export that keeps the grid as an input has it}}
func.func @vision(%x: tensor<8x24xf32> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 8, 2, 2, 2>}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<8x24xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// An export of another grid.
// expected-error @+1 {{graph input 'pixel_values': expected floats [8, 24], patches and values of each (3 channels, 2 frames of 2 x 2 pixels), found 'tensor<16x24xf32>'}}
func.func @vision(%x: tensor<16x24xf32> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 8, 2, 2, 2>}, %grid: tensor<1x3xi64> {onnx.name = "image_grid_thw"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<16x24xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// Patches of another size.
// expected-error @+1 {{graph input 'pixel_values': expected floats [8, 24], patches and values of each}}
func.func @vision(%x: tensor<8x12xf32> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 8, 2, 2, 2>}, %grid: tensor<1x3xi64> {onnx.name = "image_grid_thw"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<8x12xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-error @+1 {{graph input 'image_grid_thw': expected integers [1, 3], found 'tensor<2x3xi64>'}}
func.func @vision(%x: tensor<8x24xf32> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 8, 2, 2, 2>}, %grid: tensor<2x3xi64> {onnx.name = "image_grid_thw"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<8x24xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-error @+1 {{graph input 'image_grid_thw': expected integers [1, 3], found 'tensor<1x3xf32>'}}
func.func @vision(%x: tensor<8x24xf32> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 8, 2, 2, 2>}, %grid: tensor<1x3xf32> {onnx.name = "image_grid_thw"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<8x24xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-error @+1 {{onnx.patches: expected height, width, patch, frames and block, of which patch times block divides the first two}}
func.func @vision(%x: tensor<8x24xf32> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 6, 2, 2, 2>}, %grid: tensor<1x3xi64> {onnx.name = "image_grid_thw"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<8x24xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-error @+1 {{onnx.patches: expected height, width, patch, frames and block}}
func.func @vision(%x: tensor<8x24xf32> {onnx.name = "pixel_values", onnx.patches = 3}, %grid: tensor<1x3xi64> {onnx.name = "image_grid_thw"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<8x24xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// A grid of which only the number of patches counts: positions are those of the exporter's picture.
// expected-error @+1 {{graph input 'image_grid_thw': expected positions that follow it, found a graph that computes the same for grids of other sides: it is of one grid, which it does not name}}
func.func @vision(%x: tensor<8x24xf32> {onnx.name = "pixel_values", onnx.patches = array<i64: 4, 8, 2, 2, 2>}, %grid: tensor<1x3xi64> {onnx.name = "image_grid_thw"}) -> (tensor<*xf32>, tensor<*xi64>)
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Relu %x : (tensor<8x24xf32>) -> tensor<*xf32>
  %axes = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %1 = onnx.ReduceProd %grid, %axes : (tensor<1x3xi64>, tensor<1xi64>) -> tensor<*xi64>
  return %0, %1 : tensor<*xf32>, tensor<*xi64>
}
