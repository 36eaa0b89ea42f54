// RUN: bluec-opt %s -split-embedding -split-input-file -verify-diagnostics

// Ids that are compared with something say more than which rows are read.
func.func @decoder(%ids: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "input_ids"}) -> tensor<*xi1>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"]} {
  // expected-error @+1 {{Equal: expected token ids to be read by a table of embeddings alone (a Gather), found this node}}
  %0 = onnx.Equal %ids, %ids : (tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>, tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xi1>
  return %0 : tensor<*xi1>
}

// -----

// Two tables are two embeddings.
func.func @decoder(%ids: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "input_ids"}) -> (tensor<*xf32>, tensor<*xf32>)
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"]} {
  %w = onnx.Weight "table" <"model.onnx" at 64 : tensor<9x4xf32>> : tensor<9x4xf32>
  %0 = onnx.Gather %w, %ids : (tensor<9x4xf32>, tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xf32>
  // expected-error @+1 {{Gather: expected token ids to be read by one table of embeddings, found a second one}}
  %1 = onnx.Gather %w, %ids : (tensor<9x4xf32>, tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}

// -----

// Ids that nothing reads.
// expected-error @+1 {{input "input_ids": expected a Gather that reads a table of embeddings by it, found none}}
func.func @decoder(%ids: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "input_ids"}) -> tensor<*xi64>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"]} {
  %0 = onnx.Shape %ids : (tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}

// -----

// A table that another input chooses.
func.func @decoder(%ids: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "input_ids"},
                   %table: tensor<9x4xf32>) -> tensor<*xf32>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"]} {
  // expected-error @+1 {{Gather: expected embeddings that follow from token ids and weights, found that graph input 1 is read, too}}
  %0 = onnx.Gather %table, %ids : (tensor<9x4xf32>, tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// Ids without their batch.
func.func @decoder(%ids: tensor<?xi64, #onnx.dims<()[s0] -> (s0)>> {onnx.name = "input_ids"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"]} {
  %w = onnx.Weight "table" <"model.onnx" at 64 : tensor<9x4xf32>> : tensor<9x4xf32>
  // expected-error @+1 {{Gather: expected embeddings [batch, tokens, width], found 'tensor<?x4xf32}}
  %0 = onnx.Gather %w, %ids : (tensor<9x4xf32>, tensor<?xi64, #onnx.dims<()[s0] -> (s0)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// Ids where another graph makes embeddings.
func.func @embed(%ids: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "input_ids"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<embed>, onnx.symbols = ["sequence"]} {
  %w = onnx.Weight "table" <"model.onnx" at 64 : tensor<9x4xf32>> : tensor<9x4xf32>
  %0 = onnx.Gather %w, %ids : (tensor<9x4xf32>, tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
// expected-error @+1 {{input "input_ids": expected embeddings, which another graph makes, found token ids}}
func.func @decoder(%ids: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "input_ids"}) -> tensor<*xf32>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["sequence"]} {
  %w = onnx.Weight "table" <"model.onnx" at 64 : tensor<9x4xf32>> : tensor<9x4xf32>
  %0 = onnx.Gather %w, %ids : (tensor<9x4xf32>, tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
