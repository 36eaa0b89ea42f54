// `bluec verify`: the steps of a bundle against the plain evaluators.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_VERIFICATION_H
#define BLUEC_COMPILER_DRIVER_VERIFY_VERIFICATION_H

#include "compiler/import/PictureConfig.h"

#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bluec {

struct VerifyOptions {
  std::string bundle;                 // directory
  std::string reference;              // model directory that the bundle was compiled from
  std::string variant;                // of its graphs (PackagePlace)
  std::optional<ImageSize> imageSize; // of all pictures (PackagePlace)
  std::string calibration;            // the set that it was compiled with; empty: none
  /// In place of each layer's own limit (LayerComparison); what the end of the chain and a
  /// quantized cache may cost, where it is more than theirs.
  std::optional<double> tolerance;
  std::string image;  // a picture file, in place of random tiles
  std::string prompt; // the question about it, in place of random tokens; empty: a plain one
  int64_t tokens = 0; // of the prompt; 0: one and a half chunks
  int64_t tiles = 2;  // pictures
  uint64_t seed = 1;
  int threads = 0;   // 0: one for each CPU
  bool onnx = false; // compare with the package's own graphs, too (OnnxComparison)
  bool json = false;
};

/// Imports the reference, gives it the types of the bundle's recipe, and checks that it gives the
/// bundle's geometry and weights. Runs every entry point of the bundle on seeded random input: a
/// prompt in chunks, then the tokens that it answers, one by one. (With `image`, on that picture's
/// tiles and on the question about it, as the package's preprocessing and chat template make them.)
/// What the steps give is kept, and
/// the plain evaluators compute each layer in one pass over all rows (LayerComparison):
/// - from what the bundle's own steps gave to it: the error of the layer alone, which has a limit;
/// - from the first input on: what has added up so far, which is shown;
/// - at the end of that chain, features and logits, which have a limit in terms of what the recipe
///   costs.
///
/// The cost of the recipe is measured against the model without it, evaluated in floats.
/// - By layer: root mean square of the difference over that of the values, cosine. (Keys whose bias
///   was lifted are without it here.)
/// - Of the logits: KL divergence from the float model's in nats, and the first token of the answer
///   that the float model would not have chosen.
/// - Of a quantized cache: each attention layer over it from the same layer in floats, with the
///   same query, keys and values; root mean squares as above. A bundle that does exactly what its
///   recipe says may still have lost its keys, and no layer shows it then. So this has a limit,
///   1e-1 or `tolerance` where that is more.
///
/// With `onnx`, all that begins with a comparison of whole calls with the package's own graphs,
/// evaluated node by node as they were imported (OnnxComparison): what the importer or raising got
/// wrong is the same on both sides of the layers' comparison. Where the graphs say something else,
/// layers are not compared.
///
/// Prints all that and which layers are wrong, as text or JSON. Returns an exit code; 1 also when a
/// layer, what a cache costs one, or the end is beyond its limit.
int verify(const VerifyOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_VERIFICATION_H
