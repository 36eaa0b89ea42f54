#ifndef BLUEC_PASSES_MODEL_FOLD_PROJECTOR
#define BLUEC_PASSES_MODEL_FOLD_PROJECTOR

include "mlir/Pass/PassBase.td"

def FoldProjector : Pass<"fold-projector", "::mlir::ModuleOp"> {
  let summary = "fold the linear layer that fuses downsampled tokens into the projector's first one";
  let description = [{
    **What it does.** Where nothing is between the linear layer after a blue.token_downsample and
    the next linear layer, the two are one linear map: y = V (W x + b) + c = (V W) x + (V b + c). The
    pass makes one blue.linear of them, with the second one's name and location. Its weight is W
    with `#blue.multiply<V>` after its transforms. Its bias is b with `#blue.multiply<V>` and
    `#blue.add<c>`. Nothing is computed here: the stream that writes weights.bin multiplies.

    **What must have run before.** Raising to `blue`. Weights still have the model's types.

    **What it does not do.** It leaves two layers alone when the first one's result has other users,
    and when the product would take more operations than the two. It takes blue.weights of floats
    with one user only: a weight that is quantized in its file would lose its integers. It changes
    results by rounding only; `bluec verify` compares with the layers as they were.

    **Before and after.** tests/lit/model/fold_projector/
  }];
  let statistics = [
    Statistic<"folded", "folded", "linear layers that joined the one after them">,
    Statistic<"left", "left", "pairs of linear layers that stay as they are">,
    Statistic<"operationsSaved", "operations-saved", "of each row that is projected">
  ];
  let dependentDialects = ["::bluec::blue::BlueDialect"];
}

#endif // BLUEC_PASSES_MODEL_FOLD_PROJECTOR
