#ifndef BLUEC_PASSES_PRECISION_LIFT_KEY_BIAS
#define BLUEC_PASSES_PRECISION_LIFT_KEY_BIAS

include "mlir/Pass/PassBase.td"

def LiftKeyBias : Pass<"lift-key-bias", "::mlir::ModuleOp"> {
  let summary = "take large constants out of keys that are cached in 8 bits";
  let description = [{
    **What it does.** A key is W x + b, turned by its position. Where the cache has 8 bits, a head's
    largest channel sets the step of all its channels. A bias of several hundred, as some published
    models have in a few channels, then leaves nothing of the others; and the bias' own rounding,
    times the query, is an error of whole units in a score. Neither scales by channel nor a smoothing
    of queries and keys helps against the second. But b is known. So the cache gets what is left,
    W x + b - b', b' being b where it is large. The products of the query q with b' turned to
    position j are made in floats. For the pair of channels (1, 2) of angle a(j):

        q . R(j) b' = (q1 b1 + q2 b2) cos a(j) + (q2 b1 - q1 b2) sin a(j)

    That is `key_basis` (b1, b2), (-b2, b1) and `key_table` cos, sin of blue.attention, the latter from
    the rope's own tables. Half-split and interleaved pairs differ in the basis only. Channels that no
    rope turns add one number to all scores of a row. The softmax forgets it, and so does the pass;
    with sinks or a soft cap it does not, and the table gets a column of ones.

    A pair is large when its length is more than 4 times what W x comes to in the head's largest
    channel: the root mean square of its row of W, times the gain of the norm before it, for an x
    whose elements have a mean square of 1. Below that a bias costs a bit of the keys at most. Models without
    such a pair stay as they are, to the byte.

    It costs two multiply-adds of floats for a pair, query and position: a few percent of attention
    for the first pair, and a half for each further one (tests/bench/RESULTS.md). By position it costs
    two floats a pair in the table, which layers with the same pairs share.

    **What must have run before.** quantize-model: it says which pasts have 8 bits. The pass reads
    the weights of such keys, from files in `model-directory`.

    **What it does not do.** It does not look for constants that the weights alone do not show: means
    that an x has. It leaves a large bias where it is, with a warning that names the layer, when there is
    something other than a rope between the bias and the attention; when positions are not
    consecutive or have several axes; when the keys are read elsewhere; or when there are more pairs than
    blue.attention takes. `bluec verify` measures what a cache of 8 bits costs each layer.

    **Before and after.** tests/lit/precision/lift_key_bias/
  }];
  let options = [
    Option<"modelDirectory", "model-directory", "std::string", /*default=*/"\"\"",
           "where the files of weights are">
  ];
  let statistics = [
    Statistic<"attentionsLifted", "attentions-lifted", "attention layers with lifted keys">,
    Statistic<"pairsLifted", "pairs-lifted", "pairs of channels in all of them">,
    Statistic<"biasesLeft", "biases-left", "attention layers whose keys keep a large bias">
  ];
  let dependentDialects = ["::bluec::blue::BlueDialect"];
}

#endif // BLUEC_PASSES_PRECISION_LIFT_KEY_BIAS
