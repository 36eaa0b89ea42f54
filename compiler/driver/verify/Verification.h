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
  /// Of the relative error of a layer; absent: 1e-3 where all is computed in floats, 2e-2 with
  /// 16-bit and 1e-1 with 8-bit activations. A value that is rounded the other way is off by a
  /// step, and so are the values that read it. And the plain evaluators do not quantize the
  /// softmax's weights.
  std::optional<double> tolerance;
  int64_t tokens = 0; // of the prompt; 0: one and a half chunks
  int64_t tiles = 2;  // pictures
  uint64_t seed = 1;
  int threads = 0;   // 0: one for each CPU
  bool onnx = false; // compare with the package's own graphs, too (OnnxComparison)
  bool json = false;
};

/// Imports the reference, gives it the types of the bundle's recipe, and checks that it gives the
/// bundle's geometry and weights. Runs every entry point of the bundle on seeded random input: a
/// prompt in chunks, then the tokens that it answers, one by one. Compares each step's result with
/// the value of that layer, which the plain evaluators compute in one pass. The error of a layer is
/// max |found - expected| / max |expected|.
///
/// The cost of the recipe is measured against the model without it, evaluated in floats.
/// - By layer: root mean square of the difference over that of the values, cosine. (Keys whose bias
///   was lifted are without it here.)
/// - Of the logits: KL divergence from the float model's in nats, and the first token of the answer
///   that the float model would not have chosen.
/// - Of a quantized cache: each attention layer over it from the same layer in floats, with the
/// same
///   query, keys and values; root mean squares as above. A bundle that does exactly what its recipe
///   says may still have lost its keys, and no layer shows it then. So this has a limit, 1e-1 or
///   `tolerance` where that is more.
///
/// With `onnx`, all that begins with a comparison of whole calls with the package's own graphs,
/// evaluated node by node as they were imported (OnnxComparison): what the importer or raising got
/// wrong is the same on both sides of the layers' comparison. Where the graphs say something else,
/// layers are not compared.
///
/// Prints all that, the worst layer and the first bad one, as text or JSON. Returns an exit code;
/// 1 also when a layer, or what a cache costs one, is beyond the tolerance.
int verify(const VerifyOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_VERIFICATION_H
