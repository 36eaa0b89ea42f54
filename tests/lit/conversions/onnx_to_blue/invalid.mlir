// RUN: bluec-opt %s -split-input-file -verify-diagnostics -onnx-to-blue=context=16

// A function without a role.
// expected-error@+1 {{expected a blue.role of vision, embed or decoder, found none}}
func.func @f(%x: tensor<?x3x4x4xf32, #onnx.dims<()[s0] -> (s0, 3, 4, 4)>>) -> tensor<?x3x4x4xf32, #onnx.dims<()[s0] -> (s0, 3, 4, 4)>> {
  %0 = onnx.Tanh %x : (tensor<?x3x4x4xf32, #onnx.dims<()[s0] -> (s0, 3, 4, 4)>>) -> tensor<?x3x4x4xf32, #onnx.dims<()[s0] -> (s0, 3, 4, 4)>>
  return %0 : tensor<?x3x4x4xf32, #onnx.dims<()[s0] -> (s0, 3, 4, 4)>>
}

// -----

// Pictures of any size.
// expected-error@+1 {{expected pictures of a fixed size (of the graph, of the processor's size or of vision_config's image_size), found 'tensor<?x3x?x4xf32}}
func.func @f(%x: tensor<?x3x?x4xf32, #onnx.dims<()[s0, s1] -> (s0, 3, s1, 4)>> {onnx.name = "pixel_values"})
    -> tensor<?x3x?x4xf32, #onnx.dims<()[s0, s1] -> (s0, 3, s1, 4)>> attributes {blue.role = #blue.role<vision>, onnx.symbols = ["n", "h"]} {
  %0 = onnx.Tanh %x : (tensor<?x3x?x4xf32, #onnx.dims<()[s0, s1] -> (s0, 3, s1, 4)>>) -> tensor<?x3x?x4xf32, #onnx.dims<()[s0, s1] -> (s0, 3, s1, 4)>>
  return %0 : tensor<?x3x?x4xf32, #onnx.dims<()[s0, s1] -> (s0, 3, s1, 4)>>
}

// -----

// A fixed number of tokens.
// expected-error@+1 {{graph input 'inputs_embeds': dim 1: expected to hold 3 (of 3 rows after 5 rows, batch 1), found 1}}
func.func @f(%x: tensor<1x1x4xf32> {onnx.name = "inputs_embeds"}) -> tensor<1x1x4xf32> attributes {blue.role = #blue.role<decoder>} {
  %0 = onnx.Tanh %x : (tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  return %0 : tensor<1x1x4xf32>
}

// -----

// A dim that no symbol stands for.
// expected-error@+1 {{graph input 'inputs_embeds': dim 1: expected to hold 3 (of 3 rows after 5 rows, batch 1), found no way to tell}}
func.func @f(%x: tensor<1x?x4xf32> {onnx.name = "inputs_embeds"}) -> tensor<1x?x4xf32> attributes {blue.role = #blue.role<decoder>} {
  %0 = onnx.Tanh %x : (tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  return %0 : tensor<1x?x4xf32>
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, s1)>
// Embeddings of any width.
// expected-error@+1 {{expected embeddings of a fixed width, found 'tensor<1x?x?xf32}}
func.func @f(%x: tensor<1x?x?xf32, #rows> {onnx.name = "inputs_embeds"}) -> tensor<1x?x?xf32, #rows>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "c"]} {
  %0 = onnx.Tanh %x : (tensor<1x?x?xf32, #rows>) -> tensor<1x?x?xf32, #rows>
  return %0 : tensor<1x?x?xf32, #rows>
}

// -----

#rows = #onnx.dims<()[s0, s1, s2] -> (1, s0, 4)>
#past = #onnx.dims<()[s0, s1, s2] -> (1, 1, s1, s2)>
// Heads of any width, and no node that says it.
// expected-error@+1 {{expected past keys and values with a fixed number and width of heads, found 'tensor<1x1x?x?xf32}}
func.func @f(%x: tensor<1x?x4xf32, #rows> {onnx.name = "inputs_embeds"}, %k: tensor<1x1x?x?xf32, #past> {onnx.name = "past_key_values.0.key"}) -> tensor<1x?x4xf32, #rows>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p", "d"]} {
  %0 = onnx.Tanh %x : (tensor<1x?x4xf32, #rows>) -> tensor<1x?x4xf32, #rows>
  return %0 : tensor<1x?x4xf32, #rows>
}

// -----

#patches = #onnx.dims<()[s0] -> (s0, 12)>
// Patches of pictures of any sizes are no pictures.
// expected-error@+1 {{graph input 'pixel_values': expected floats of rank 4 or 5 (pictures of one size, [B, C, H, W] or [rows, B / rows, C, H, W]; no patches or grids of pictures whose sizes vary), found floats of rank 2}}
func.func @f(%x: tensor<?x12xf32, #patches> {onnx.name = "pixel_values"}) -> tensor<?x12xf32, #patches>
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["patches"]} {
  %0 = onnx.Tanh %x : (tensor<?x12xf32, #patches>) -> tensor<?x12xf32, #patches>
  return %0 : tensor<?x12xf32, #patches>
}

// -----

#pixels = #onnx.dims<()[s0] -> (s0, 5000, 3, 4, 4)>
// More pictures than a call has, and none.
// expected-error@+1 {{expected 1 to 4096 pictures, found 'tensor<?x5000x3x4x4xf32}}
func.func @f(%x: tensor<?x5000x3x4x4xf32, #pixels> {onnx.name = "pixel_values"}) -> tensor<?x5000x3x4x4xf32, #pixels>
    attributes {blue.role = #blue.role<vision>, onnx.symbols = ["rows"]} {
  %0 = onnx.Tanh %x : (tensor<?x5000x3x4x4xf32, #pixels>) -> tensor<?x5000x3x4x4xf32, #pixels>
  return %0 : tensor<?x5000x3x4x4xf32, #pixels>
}

// -----

// expected-error@+1 {{expected 1 to 4096 pictures, found 'tensor<0x3x4x4xf32>'}}
func.func @f(%x: tensor<0x3x4x4xf32> {onnx.name = "pixel_values"}) -> tensor<0x3x4x4xf32>
    attributes {blue.role = #blue.role<vision>} {
  %0 = onnx.Tanh %x : (tensor<0x3x4x4xf32>) -> tensor<0x3x4x4xf32>
  return %0 : tensor<0x3x4x4xf32>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
// An input that bluec does not know, and that the result depends on.
// expected-error@+1 {{graph input 'encoder_hidden_states': expected one of inputs_embeds, attention_mask, position_ids, cache_position, past_key_values.N.key and .value, found floats of rank 3}}
func.func @f(%x: tensor<1x?x4xf32, #rows> {onnx.name = "inputs_embeds"}, %y: tensor<1x?x4xf32, #rows> {onnx.name = "encoder_hidden_states"})
    -> tensor<1x?x4xf32, #rows> attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Add %x, %y : (tensor<1x?x4xf32, #rows>, tensor<1x?x4xf32, #rows>) -> tensor<1x?x4xf32, #rows>
  return %0 : tensor<1x?x4xf32, #rows>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>
// Two results beside presents.
// expected-error@+1 {{expected one graph output beside the present keys and values, found 'hidden'}}
func.func @f(%x: !rows {onnx.name = "inputs_embeds"}) -> (!rows {onnx.name = "logits"}, !rows {onnx.name = "hidden"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Tanh %x : (!rows) -> !rows
  return %0, %0 : !rows, !rows
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>
// No result.
// expected-error@+1 {{expected a graph output, found presents only}}
func.func @f(%x: !rows {onnx.name = "inputs_embeds"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Tanh %x : (!rows) -> !rows
  return
}

// -----

#rows = #onnx.dims<()[s0, s1] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>
#past = #onnx.dims<()[s0, s1] -> (1, 1, s1, 4)>
!past = tensor<1x1x?x4xf32, #past>
// A past that is read and not returned.
// expected-error@+1 {{expected a present for graph input 'past_key_values.0.key', found none}}
func.func @f(%x: !rows {onnx.name = "inputs_embeds"}, %pk: !past {onnx.name = "past_key_values.0.key"}, %pv: !past {onnx.name = "past_key_values.0.value"})
    -> (!rows {onnx.name = "logits"}) attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t", "p"]} {
  %none = onnx.None : none
  %y:3 = onnx.ms.MultiHeadAttention %x, %x, %x, %none, %none, %none, %pk, %pv {num_heads = 1, unidirectional = 1}
      : (!rows, !rows, !rows, none, none, none, !past, !past) -> (!rows, none, none)
  return %y#0 : !rows
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>
// Embeddings twice.
// expected-error@+1 {{expected one graph input of embeddings, found 2}}
func.func @f(%x: !rows {onnx.name = "inputs_embeds"}, %y: !rows {onnx.name = "input_embeds"}) -> (!rows {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Add %x, %y : (!rows, !rows) -> !rows
  return %0 : !rows
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
!rows = tensor<1x?x4xf32, #rows>
// A result that is a mask.
// expected-error@+1 {{expected graph output 'logits' to be computed}}
func.func @f(%x: !rows {onnx.name = "inputs_embeds"}, %m: tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "cache"}) -> (tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>> {onnx.name = "logits"})
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Add %x, %x : (!rows, !rows) -> !rows
  return %m : tensor<1x?xi64, #onnx.dims<()[s0] -> (1, s0)>>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
#positions = #onnx.dims<()[s0] -> (4, 1, s0)>
// Positions on four axes.
// expected-error@+1 {{graph input 'position_ids': expected integers of rank 2 ([1, tokens]) or 3 ([3, 1, tokens]), found integers of rank 3 on 4 axes}}
func.func @f(%x: tensor<1x?x4xf32, #rows> {onnx.name = "inputs_embeds"}, %p: tensor<4x1x?xi64, #positions> {onnx.name = "position_ids"}) -> tensor<4x1x?xf32, #positions>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Cast %p {to = 1} : (tensor<4x1x?xi64, #positions>) -> tensor<4x1x?xf32, #positions>
  return %0 : tensor<4x1x?xf32, #positions>
}

// -----

#rows = #onnx.dims<()[s0] -> (1, s0, 4)>
#positions = #onnx.dims<()[s0] -> (3, 2, s0)>
// Positions of two conversations.
// expected-error@+1 {{graph input 'position_ids': dim 1: expected to hold 1 (of 3 rows after 5 rows, batch 1), found 2}}
func.func @f(%x: tensor<1x?x4xf32, #rows> {onnx.name = "inputs_embeds"}, %p: tensor<3x2x?xi64, #positions> {onnx.name = "position_ids"}) -> tensor<1x?x4xf32, #rows>
    attributes {blue.role = #blue.role<decoder>, onnx.symbols = ["t"]} {
  %0 = onnx.Tanh %x : (tensor<1x?x4xf32, #rows>) -> tensor<1x?x4xf32, #rows>
  return %0 : tensor<1x?x4xf32, #rows>
}
