// `bluec compile`.
#ifndef BLUEC_COMPILER_DRIVER_CALIBRATE_COMPILEMODEL_H
#define BLUEC_COMPILER_DRIVER_CALIBRATE_COMPILEMODEL_H

#include "compiler/driver/compile/Compilation.h"

#include <string>
#include <vector>

namespace bluec {

/// All phases for each of `targets` (names as in CompileOptions::target, which it takes the place
/// of; none is as one that is empty), with the float model compiled and asked before the precision
/// phase if there is a calibration set. With several targets the model is read and raised once,
/// weights that are laid out alike are packed once, and the output is a directory with a folder for
/// each target, by its name, which is written whole or not at all. Returns an exit code; errors
/// have been printed to `err`, and nothing is left behind.
int compileModel(const CompileOptions &options, const std::vector<std::string> &targets,
                 llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_CALIBRATE_COMPILEMODEL_H
