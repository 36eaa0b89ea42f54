// RUN: bluec-opt %s -split-input-file -verify-diagnostics -extract-section=target=narrow

// expected-error @below {{expected an entry on a device of target 'narrow', found none}}
module {
}

// -----

#narrow = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 128, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>
#other = #plan.target<name = "narrow", triple = "", cpu = "", features = "", vectorBits = 256, vectorRegisters = 16, l1Bytes = 32768, l2Bytes = 65536>

// A name that two targets have.
module attributes {plan.target = #narrow} {
  plan.device "npu" target #other
  plan.entry @prefill role decode capacity 1 segment "s" takes ["embeddings"] gives [] {
  ^bb0(%x: tensor<1x4xf32>):
    plan.return
  }
  // expected-error @below {{expected one target of the name 'narrow', found two}}
  plan.entry @embed role embed capacity 1 segment "s" takes ["ids"] gives [] on "npu" {
  ^bb0(%x: tensor<1xi32>):
    plan.return
  }
}
