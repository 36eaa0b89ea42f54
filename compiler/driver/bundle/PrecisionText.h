// Names for people: of element types, and of a model's modules.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_PRECISIONTEXT_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_PRECISIONTEXT_H

#include "mlir/IR/Types.h"

#include <string>

namespace bluec {

/// An element type, or that of a tensor: "f32", "i4 group 64 scale f16".
std::string precisionText(mlir::Type type);

/// A layer's name with the numbers of layers left out: "decoder/layers.*/mlp/up_proj".
std::string modulePattern(llvm::StringRef layer);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_PRECISIONTEXT_H
