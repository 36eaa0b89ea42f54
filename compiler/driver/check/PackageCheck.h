// `bluec check`: what a model directory is taken for, before anything is compiled.
#ifndef BLUEC_COMPILER_DRIVER_CHECK_PACKAGECHECK_H
#define BLUEC_COMPILER_DRIVER_CHECK_PACKAGECHECK_H

#include "compiler/import/PictureConfig.h"

#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <string>

namespace bluec {

struct CheckOptions {
  std::string model;                  // directory
  std::string variant;                // of its graphs (PackagePlace)
  std::optional<ImageSize> imageSize; // of all pictures (PackagePlace)
  bool strict = false;                // a warning is an error
  bool json = false;
};

/// Reads the package and raises its graphs, and prints on `out` what was found: graphs, layers by
/// kind, sizes, how pictures become tiles, the pieces of the chat template, how answers are made
/// and end, the names of layers that recipes may use, and what is ignored. What fails is an error
/// on `err`; what was found before it is printed all the same. Returns an exit code.
int checkPackage(const CheckOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_CHECK_PACKAGECHECK_H
