// The sizes that a caller of a bundle has to know, taken from the schedule itself.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_GEOMETRY_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_GEOMETRY_H

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>

namespace bluec {

struct Geometry {
  int64_t context = 0;       // tokens
  int64_t chunk = 0;         // tokens
  int64_t imageBatch = 0;    // tiles; 0 without a vision side, as the next three
  int64_t tokensPerTile = 0; // tokens
  int64_t tileHeight = 0;    // pixels
  int64_t tileWidth = 0;     // pixels
  int64_t hidden = 0;        // elements of an embedding and of an image feature
  int64_t vocabulary = 0;    // logits; 0 without a decoder
  int64_t embeddings = 0;    // rows of the token table; 0 without one
  int64_t positionAxes = 0;  // of the decoder's positions; 0 where it numbers rows itself
};

/// Reads the entry points of a plan and checks that they fit together: image features, embeddings
/// and the decoder's input are equally wide. Errors are at the entry that does not fit.
mlir::FailureOr<Geometry> geometryOf(mlir::ModuleOp plan);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_GEOMETRY_H
