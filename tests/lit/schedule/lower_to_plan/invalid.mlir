// RUN: bluec-opt %s -split-input-file -verify-diagnostics -lower-to-plan="context=16 chunk=4"

// Without a target there is no width for panels.
// expected-error @below {{expected a #plan.target as plan.target}}
module {
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A function that is no part of a model.
module attributes {plan.target = #target} {
  // expected-error @below {{expected blue.role to say vision, embed or decoder}}
  func.func @other(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    return %x : tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A part that computes nothing.
module attributes {plan.target = #target} {
  // expected-error @below {{expected an output that a layer computes, found an input or weight}}
  func.func @d(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<vision>} {
    return %x : tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A rotary table that is shorter than the context.
module attributes {plan.target = #target} {
  func.func @d(%x: tensor<?x4xf32>, %position: index) -> tensor<?x4xf32> attributes {blue.role = #blue.role<decoder>} {
    %c = blue.constant dense<1.0> : tensor<8x2xf32> : tensor<8x2xf32>
    // expected-error @below {{expected a table of at least 16 positions for that context, found 8}}
    %r = blue.rope %x, %c, %c at %position {num_heads = 1} : (tensor<?x4xf32>, tensor<8x2xf32>, tensor<8x2xf32>, index) -> tensor<?x4xf32>
    return %r : tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A linear layer whose weight is computed.
module attributes {plan.target = #target} {
  func.func @d(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<decoder>} {
    // expected-error @below {{expected a weight or constant as this operand}}
    %y = blue.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A part that was exported for another number of tokens.
module attributes {plan.target = #target} {
  // expected-error @below {{expected a first argument that takes 4 rows, found 'tensor<3x4xf32>'}}
  func.func @d(%x: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {blue.role = #blue.role<decoder>} {
    %y = blue.relu %x : tensor<3x4xf32>
    return %y : tensor<3x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A past that something else reads.
module attributes {plan.target = #target} {
  func.func @d(%x: tensor<?x4xf32>, %p: tensor<?x4xf32>, %q: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) attributes {blue.role = #blue.role<decoder>} {
    // expected-error @below {{expected a past that is an argument and has no other use}}
    %a, %k, %v = blue.attention %x, %x, %x past %p, %q {causal, num_heads = 1, num_kv_heads = 1, scale = 1.0} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> present tensor<?x4xf32>, tensor<?x4xf32>
    return %a, %p : tensor<?x4xf32>, tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// Attention in an encoder looks both ways.
module attributes {plan.target = #target} {
  func.func @v(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<vision>} {
    // expected-error @below {{expected attention of rank 3 that is not causal, without a past}}
    %a = blue.attention %x, %x, %x {num_heads = 1, num_kv_heads = 1, scale = 1.0} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    return %a : tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// An op that is no layer.
module attributes {plan.target = #target} {
  func.func @v(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<vision>} {
    // expected-error @below {{expected a layer that a schedule can express}}
    %y = arith.addf %x, %x : tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// Element types that no kernel computes in yet.
module attributes {plan.target = #target} {
  func.func @v(%x: tensor<?x4xf16>) -> tensor<?x4xf16> attributes {blue.role = #blue.role<vision>} {
    // expected-error @below {{expected a result of f32, found 'tensor<?x4xf16>'}}
    %y = blue.relu %x : tensor<?x4xf16>
    return %y : tensor<?x4xf16>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A picture that no machine could hold.
module attributes {plan.target = #target} {
  // expected-error @below {{expected a first argument of at most 4294967296 elements}}
  func.func @v(%x: tensor<?x3x1000000x1000000xf32>) -> tensor<?x3x1000000x1000000xf32> attributes {blue.role = #blue.role<vision>} {
    %y = blue.relu %x : tensor<?x3x1000000x1000000xf32>
    return %y : tensor<?x3x1000000x1000000xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A layer whose result no machine could hold.
module attributes {plan.target = #target} {
  func.func @v(%x: tensor<?x1048576x4xf32>) -> tensor<?x1048576x1048576xf32> attributes {blue.role = #blue.role<vision>} {
    %w = blue.weight "w" <"m" at 0 : tensor<1048576x4xf32>> : tensor<1048576x4xf32>
    // expected-error @below {{expected a result of at most 4294967296 elements}}
    %y = blue.linear %x, %w : (tensor<?x1048576x4xf32>, tensor<1048576x4xf32>) -> tensor<?x1048576x1048576xf32>
    return %y : tensor<?x1048576x1048576xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>
!kv = !blue.quantized<i8 group 4 scale f16>

// A quantized past whose products have no type.
module attributes {plan.target = #target} {
  func.func @d(%x: tensor<?x4xf32>, %p: tensor<?x4x!kv>, %q: tensor<?x4x!kv>) -> (tensor<?x4xf32>, tensor<?x4x!kv>, tensor<?x4x!kv>) attributes {blue.role = #blue.role<decoder>} {
    // expected-error @below {{expected a compute_type for a quantized past}}
    %a, %k, %v = blue.attention %x, %x, %x past %p, %q {causal, num_heads = 1, num_kv_heads = 1, scale = 1.0} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4x!kv>, tensor<?x4x!kv>) -> tensor<?x4xf32> present tensor<?x4x!kv>, tensor<?x4x!kv>
    return %a, %k, %v : tensor<?x4xf32>, tensor<?x4x!kv>, tensor<?x4x!kv>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>
!x = !blue.quantized<i4 group row scale f32>

// Activations of a type that rows do not have.
module attributes {plan.target = #target} {
  func.func @v(%p: tensor<?x32xf32>) -> tensor<?x32xf32> attributes {blue.role = #blue.role<vision>} {
    // expected-error @below {{expected activations of i8 or i16, found '!blue.quantized<i4 group row scale f32>'}}
    %x = blue.quantize %p : (tensor<?x32xf32>) -> tensor<?x32x!x>
    return %p : tensor<?x32xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// What is no matrix is of f32.
module attributes {plan.target = #target} {
  func.func @v(%p: tensor<?x32xf32>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<vision>} {
    %w = blue.weight "w" <"m" at 0 : tensor<8x32xf16>> : tensor<8x32xf16>
    %b = blue.weight "b" <"m" at 0 : tensor<8xf16>> : tensor<8xf16>
    // expected-error @below {{expected weights of f32, found 'tensor<8xf16>'}}
    %y = blue.linear %p, %w, %b : (tensor<?x32xf32>, tensor<8x32xf16>, tensor<8xf16>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// Integers that are no positions.
module attributes {plan.target = #target} {
  // expected-error @below {{expected no integers but the positions of a decoder's rows, [T] or [T, axes], once, found 'tensor<4xi64>'}}
  func.func @d(%x: tensor<?x32xf32>, %p: tensor<4xi64>) -> tensor<?x32xf32> attributes {blue.role = #blue.role<decoder>} {
    %y = blue.relu %x : tensor<?x32xf32>
    return %y : tensor<?x32xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// Positions of pictures.
module attributes {plan.target = #target} {
  // expected-error @below {{expected no integers but the positions of a decoder's rows, [T] or [T, axes], once, found 'tensor<?xi64>'}}
  func.func @v(%x: tensor<?x32xf32>, %p: tensor<?xi64>) -> tensor<?x32xf32> attributes {blue.role = #blue.role<vision>} {
    %y = blue.relu %x : tensor<?x32xf32>
    return %y : tensor<?x32xf32>
  }
}

// -----

#target = #plan.target<name = "t", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 1048576>

// A panel would have rows of two experts.
module attributes {plan.target = #target} {
  func.func @decoder(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {blue.role = #blue.role<decoder>} {
    %g = blue.weight "gate" <"m.onnx" at 0 : tensor<3x4xf32>> : tensor<3x4xf32>
    %u = blue.weight "up" <"m.onnx" at 64 : tensor<3x12x4xf32>> : tensor<3x12x4xf32>
    %b = blue.weight "bias" <"m.onnx" at 512 : tensor<3x12xf32>> : tensor<3x12xf32>
    %d = blue.weight "down" <"m.onnx" at 1024 : tensor<3x8x12xf32>> : tensor<3x8x12xf32>
    %h = blue.weight "head" <"m.onnx" at 4096 : tensor<4x8xf32>> : tensor<4x8xf32>
    %l = blue.linear %x, %g : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
    %r = blue.route %l {chosen = 2, normalized} : tensor<?x3xf32>
    // expected-error @below {{expected experts of a multiple of 8 channels (a panel of this target has rows of one expert), found 12}}
    %e = blue.expert_linear %x, %u, %r, %b : (tensor<?x4xf32>, tensor<3x12x4xf32>, tensor<?x3xf32>, tensor<3x12xf32>) -> tensor<?x2x12xf32>
    %a = blue.silu %e : tensor<?x2x12xf32>
    %y = blue.expert_linear %a, %d, %r : (tensor<?x2x12xf32>, tensor<3x8x12xf32>, tensor<?x3xf32>) -> tensor<?x8xf32>
    %o = blue.linear %y, %h : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
    return %o : tensor<?x4xf32>
  }
}
