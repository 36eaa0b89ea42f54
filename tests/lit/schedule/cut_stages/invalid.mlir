// RUN: bluec-opt %s -split-input-file -verify-diagnostics -cut-stages

// There and back again.
module {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    %1 = plan.step "2" value "2" on "npu"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    // expected-error @below {{expected an encoder that crosses once, found 'cpu' behind 'npu'}}
    %2 = plan.step "3" value "3" on "cpu"(%1) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %2 : tensor<1x4xf32>
  }
}

// -----

// Only encoders come in stages.
module {
  plan.entry @prefill role decode capacity 1 segment "vision" takes ["embeddings"] gives ["logits"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    // expected-error @below {{expected steps on one device, found 'npu' behind 'cpu'}}
    %1 = plan.step "2" value "2" on "npu"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %1 : tensor<1x4xf32>
  }
}

// -----

// Two values cross.
module {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    %1 = plan.step "2" value "2" on "cpu"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    // expected-error @below {{expected one value with a row for each tile to cross from 'cpu' to 'npu', found 2}}
    %2 = plan.step "3" value "3" on "npu"(%0, %1) : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4xf32>):
      %y = blue.add %a, %b : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %2 : tensor<1x4xf32>
  }
}

// -----

// The pixels cross, and so does what the first device made.
module {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    // expected-error @below {{expected one value with a row for each tile to cross from 'cpu' to 'npu', found 2}}
    %2 = plan.step "3" value "3" on "npu"(%0, %x) : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>, %b: tensor<1x4xf32>):
      %y = blue.add %a, %b : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %2 : tensor<1x4xf32>
  }
}

// -----

// Nothing but the pixels crosses: the first device works for nobody.
module {
  plan.entry @encode role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    // expected-error @below {{expected one value with a row for each tile to cross from 'cpu' to 'npu', found 1 of another kind}}
    %2 = plan.step "3" value "3" on "npu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %2 : tensor<1x4xf32>
  }
}

// -----

// One encoder is cut, the other is not.
module {
  plan.entry @encode role encode capacity 2 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<2x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    %1 = plan.step "2" value "2" on "npu"(%0) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
    ^bb0(%a: tensor<2x4xf32>):
      %y = blue.relu %a : tensor<2x4xf32>
      plan.yield %y : tensor<2x4xf32>
    }
    plan.return %1 : tensor<2x4xf32>
  }
  // expected-error @below {{expected all encoders to be cut, or none, found both}}
  plan.entry @encode_1 role encode capacity 1 segment "vision" takes ["pixels"] gives ["features"] {
  ^bb0(%x: tensor<1x4xf32>):
    %0 = plan.step "1" value "1" on "cpu"(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    %1 = plan.step "2" value "2" on "cpu"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32> {
    ^bb0(%a: tensor<1x4xf32>):
      %y = blue.relu %a : tensor<1x4xf32>
      plan.yield %y : tensor<1x4xf32>
    }
    plan.return %1 : tensor<1x4xf32>
  }
}
