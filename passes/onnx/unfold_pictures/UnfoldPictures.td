#ifndef BLUEC_PASSES_ONNX_UNFOLD_PICTURES
#define BLUEC_PASSES_ONNX_UNFOLD_PICTURES

include "mlir/Pass/PassBase.td"

def UnfoldPictures : Pass<"unfold-pictures", "::mlir::func::FuncOp"> {
  let summary = "make a picture of one size of an encoder's rows of patches";
  let description = [{
    **What it does.** An encoder's argument with `onnx.patches` takes a row for each patch of a
    picture, and "image_grid_thw" beside it says how many patches a picture has. Here the argument
    becomes a picture [1, 3, height, width], cut into these rows by nodes in front of all others, as
    the processor does it; the grid becomes the constant [1, rows, columns]. Features [rows, width]
    become [1, rows, width], those of one picture. Types are inferred again.

    **What must have run before.** The import, which marks the argument when a size was asked for.

    **What it does not do.** It folds nothing: what the graph computes of its grid is left to
    fold-constants. Rows without a grid beside them are an error, since such a graph is of the grid
    that its exporter saw, which it does not name. So is a grid that says no more than the number of
    patches: positions that do not follow it are those of the exporter's picture.

    **Before and after.** tests/lit/onnx/unfold_pictures/
  }];
  let statistics = [
    Statistic<"encodersBound", "encoders-bound", "encoders that take a picture now">
  ];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_ONNX_UNFOLD_PICTURES
