// RUN: split-file %s %t
// RUN: bluec-opt %t/linear.mlir --quantize-model=recipe=%S/inputs/f16.json | FileCheck %s --check-prefix=F16
// RUN: not bluec-opt %t/linear.mlir --quantize-model=recipe=%S/inputs/gptq.json 2>&1 | FileCheck %s --check-prefix=GPTQ
// RUN: bluec-opt %t/linear.mlir --quantize-model="recipe=%S/inputs/gptq.json calibrated" | FileCheck %s --check-prefix=CALIBRATED
// RUN: not bluec-opt %t/linear.mlir --quantize-model=recipe=%S/inputs/float_weights.json 2>&1 | FileCheck %s --check-prefix=FLOAT
// RUN: not bluec-opt %t/linear.mlir --quantize-model=recipe=%S/inputs/static.json 2>&1 | FileCheck %s --check-prefix=STATIC
// RUN: not bluec-opt %t/linear.mlir --quantize-model=recipe=%S/inputs/no_match.json 2>&1 | FileCheck %s --check-prefix=MATCH
// RUN: not bluec-opt %t/linear.mlir --quantize-model=recipe=%S/inputs/bad.json 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not bluec-opt %t/linear.mlir --quantize-model=recipe=%S/inputs/none.json 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not bluec-opt %t/cache.mlir --quantize-model=recipe=%S/inputs/cache.json 2>&1 | FileCheck %s --check-prefix=CACHE
// RUN: not bluec-opt %t/cache.mlir --quantize-model=recipe=%S/inputs/cache_f16.json 2>&1 | FileCheck %s --check-prefix=CACHE16
// RUN: not bluec-opt %t/past.mlir --quantize-model 2>&1 | FileCheck %s --check-prefix=PAST
// RUN: not bluec-opt %t/present.mlir --quantize-model 2>&1 | FileCheck %s --check-prefix=PRESENT
// RUN: not bluec-opt %t/heads.mlir --quantize-model 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: not bluec-opt %t/encoder.mlir --quantize-model=recipe=fast 2>&1 | FileCheck %s --check-prefix=ENCODER
// RUN: not bluec-opt %t/facts.mlir --quantize-model=recipe=%S/inputs/cache_f16.json 2>&1 | FileCheck %s --check-prefix=FACTS
// RUN: not bluec-opt %t/words.mlir --quantize-model=recipe=fast 2>&1 | FileCheck %s --check-prefix=WORDS

// What a recipe asks and cannot have; f16 weights, and GPTQ with a calibration set, it can.
// GPTQ: error: decoder/linear: expected a calibration set for weights by gptq, found none
// F16: blue.weight "q" {{.*}} [#blue.convert<f16>] : tensor<64x64xf16>
// CALIBRATED: #blue.quantize<<i4 group 32 scale f16>, gptq>
// FLOAT: error: decoder/linear: expected weights of i8 or i4 beside activations of i8, found 'f32'
// STATIC: error: decoder/linear: expected a calibration set for static activations, found none
// MATCH: error: recipe no_match: rule 1: expected a layer that matches 'encoder/*', found none
// BAD: error: {{.*}}bad.json:1:66: rule 1.weights.type: expected f32, f16, i8 or i4, found "i9"
// NONE: error: {{.*}}none.json: expected a file of at most 1 MiB
// CACHE: error: decoder/attention: expected attention of i16 or i8 beside a cache of i8, found f32
// CACHE16: error: decoder/attention: expected a cache of f32 or i8, found f16
// PAST: error: decoder/attention: expected a past that is an argument of the part and has no other use
// PRESENT: error: decoder/attention: expected a present that is returned and has no other use
// HEADS: error: expected a group that is a multiple of 4 or a row, found 6
// ENCODER: error: vision/attention: expected heads of a multiple of 4 dims for attention of i8, found 6

// What a target has is its facts: floats that it computes in, and how many elements a word takes.
// FACTS: error: decoder/attention: expected a cache of i8 on t, found f16
// WORDS: error: vision/attention: expected heads of a multiple of 8 dims for attention of i8, found 12

//--- linear.mlir
func.func @decoder(%x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {blue.role = #blue.role<decoder>} {
  %w = blue.weight "q" <"m.onnx" at 64 : tensor<64x64xf32>> : tensor<64x64xf32>
  %y = blue.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
//--- cache.mlir
func.func @decoder(%x: tensor<?x64xf32>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) attributes {blue.role = #blue.role<decoder>} {
  %y, %keys, %values = blue.attention %x, %x, %x past %k, %v
    {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, causal}
    : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
    -> tensor<?x64xf32> present tensor<?x64xf32>, tensor<?x64xf32>
  return %y, %keys, %values : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
//--- past.mlir
func.func @decoder(%x: tensor<?x64xf32>, %k: tensor<?x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) attributes {blue.role = #blue.role<decoder>} {
  %y, %keys, %values = blue.attention %x, %x, %x past %k, %k
    {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, causal}
    : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
    -> tensor<?x64xf32> present tensor<?x64xf32>, tensor<?x64xf32>
  return %y, %keys, %values : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
//--- present.mlir
func.func @decoder(%x: tensor<?x64xf32>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) attributes {blue.role = #blue.role<decoder>} {
  %y, %keys, %values = blue.attention %x, %x, %x past %k, %v
    {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, causal}
    : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
    -> tensor<?x64xf32> present tensor<?x64xf32>, tensor<?x64xf32>
  %z = blue.silu %keys : tensor<?x64xf32>
  return %y, %keys, %z : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
//--- encoder.mlir
func.func @vision(%x: tensor<?x4x12xf32>) -> tensor<?x4x12xf32> attributes {blue.role = #blue.role<vision>} {
  %y = blue.attention %x, %x, %x {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64}
    : (tensor<?x4x12xf32>, tensor<?x4x12xf32>, tensor<?x4x12xf32>) -> tensor<?x4x12xf32>
  return %y : tensor<?x4x12xf32>
}
//--- heads.mlir
func.func @decoder(%x: tensor<?x12xf32>, %k: tensor<?x12xf32>, %v: tensor<?x12xf32>)
    -> (tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>) attributes {blue.role = #blue.role<decoder>} {
  %y, %keys, %values = blue.attention %x, %x, %x past %k, %v
    {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, causal}
    : (tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>)
    -> tensor<?x12xf32> present tensor<?x12xf32>, tensor<?x12xf32>
  return %y, %keys, %values : tensor<?x12xf32>, tensor<?x12xf32>, tensor<?x12xf32>
}
//--- facts.mlir
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, floats = [f16]>} {
func.func @decoder(%x: tensor<?x64xf32>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) attributes {blue.role = #blue.role<decoder>} {
  %y, %keys, %values = blue.attention %x, %x, %x past %k, %v
    {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64, causal}
    : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
    -> tensor<?x64xf32> present tensor<?x64xf32>, tensor<?x64xf32>
  return %y, %keys, %values : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
}
//--- words.mlir
module attributes {plan.target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576, dots = [#plan.dot<si8 x si8, k 8>]>} {
func.func @vision(%x: tensor<?x4x24xf32>) -> tensor<?x4x24xf32> attributes {blue.role = #blue.role<vision>} {
  %y = blue.attention %x, %x, %x {num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 0.2 : f64}
    : (tensor<?x4x24xf32>, tensor<?x4x24xf32>, tensor<?x4x24xf32>) -> tensor<?x4x24xf32>
  return %y : tensor<?x4x24xf32>
}
}
